package main

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/process"
	"github.com/servokit/servokit/connector/vegeta"
	"github.com/servokit/servokit/examples/quickstart/queries"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

const (
	servoName = "quickstart"
	// component is the name of the application in descriptions.
	component = "app"
	// warmup fills the cache and lets the garbage collector find its pace.
	warmup = time.Second
	// grace leaves room below the 5 s that Ctrl-C may take.
	grace = 3 * time.Second
)

// newServo joins the application and the load to an optimizer.
func newServo(o options, app application, so servo.Options) (*servo.Servo, error) {
	so.Name, so.ProgressInterval, so.Grace = servoName, time.Second, grace
	s, err := servo.New(so)
	if err != nil {
		return nil, err
	}
	service, err := process.New(processConfig(app), connector.Env{Name: component, Logger: s.Logger(component)})
	if err != nil {
		return nil, err
	}
	load, err := vegeta.New(vegetaConfig(o, app), connector.Env{Name: "load", Logger: s.Logger("load")})
	if err != nil {
		return nil, err
	}
	if err := s.Use(component, service); err != nil {
		return nil, err
	}
	return s, s.Use("load", load)
}

// processConfig says how to run the application and what can be adjusted: its
// settings are environment variables, and the defaults are the baseline.
func processConfig(app application) process.Config {
	setting := func(name, env, unit string, least, most, step, value int64) process.Setting {
		return process.Setting{
			Name: name, Type: types.RangeKind, Unit: unit, Env: env,
			Min: types.Int(least), Max: types.Int(most), Step: types.Int(step), Default: types.Int(value),
		}
	}
	return process.Config{
		Component: component,
		Command:   []string{app.binary, "-listen", app.addr, "-corpus", app.corpus},
		Settings: []process.Setting{
			setting("workers", "SEARCH_WORKERS", "", 1, 8, 1, 2),
			setting("cache_mib", "SEARCH_CACHE_MIB", "MiB", 0, 64, 4, 0),
			setting("gogc", "SEARCH_GOGC", "%", 50, 400, 50, 100),
			setting("compression", "SEARCH_COMPRESSION", "", 0, 9, 1, 9),
			setting("shards", "SEARCH_SHARDS", "", 1, 4, 1, 1),
		},
		Ready:          process.Ready{HTTP: "http://" + app.addr + "/readyz", Interval: types.Duration(50 * time.Millisecond), Timeout: types.Duration(20 * time.Second)},
		Stop:           process.Stop{Grace: types.Duration(2 * time.Second)},
		SampleInterval: types.Duration(500 * time.Millisecond),
	}
}

// defaults are the settings of the application as it is without an optimizer.
func defaults(app application) types.Adjustments {
	var as types.Adjustments
	for _, s := range processConfig(app).Settings {
		as = append(as, types.Adjustment{Component: component, Setting: s.Name, Value: s.Default})
	}
	return as
}

// vegetaConfig says what load to send: the same queries in the same order in
// each measurement, compressed answers left compressed.
func vegetaConfig(o options, app application) vegeta.Config {
	var c vegeta.Config
	c.SetDefaults()
	c.Rate = fmt.Sprintf("%d/1s", o.rate)
	c.MaxBody = 0
	c.Timeout = types.Duration(10 * time.Second)
	// The load shares two processors with everything else here. Being late is
	// part of the latency, so it is never hidden, only tolerated longer.
	c.MaxLag = types.Duration(300 * time.Millisecond)
	c.ReportingInterval = types.Duration(max(o.duration/4, 500*time.Millisecond))
	header := http.Header{"Accept-Encoding": {"gzip"}}
	requests := o.rate*int((o.duration+warmup)/time.Second+1) + 1
	for _, q := range queries.Mix(int64(o.seed), min(requests, 100_000)) {
		c.Requests = append(c.Requests, vegeta.Target{
			Method: http.MethodGet, URL: "http://" + app.addr + "/search?q=" + url.QueryEscape(q), Header: header,
		})
	}
	return c
}
