package connectortest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

// settings is the configuration of the reference connector.
type settings struct {
	Address  string            `yaml:"address" example:"localhost:9090"`
	Token    config.Secret     `yaml:"token"`
	Interval types.Duration    `yaml:"interval"`
	Level    int64             `yaml:"level"`
	Labels   map[string]string `yaml:"labels"`
	Queries  []query           `yaml:"queries"`
}

type query struct {
	Name string `yaml:"name"`
	Text string `yaml:"text"`
}

func (s *settings) SetDefaults() {
	s.Interval = types.Duration(5 * time.Millisecond)
	s.Level = 3
}

func (s settings) Validate() error {
	var errs []error
	if s.Address == "" {
		errs = append(errs, config.Required("address"))
	}
	if s.Interval <= 0 {
		errs = append(errs, config.Invalid("interval", s.Interval, "a positive duration"))
	}
	return errors.Join(errs...)
}

const secret = "hunter2&correct horse"

// stanza gives every key of settings.
const stanza = `
	address: localhost:9090
	token: "hunter2&correct horse"
	interval: 2ms
	level: 4
	labels:
	  region: north
	queries:
	- name: rate
	  text: sum(rate(requests))
`

func text() string { return strings.ReplaceAll(stanza, "\t", "    ") }

// reference keeps every promise. Its handlers are fields, so that a test can
// replace one by a bad one.
type reference struct {
	config settings
	log    *slog.Logger
	http   *http.Client

	mu      sync.Mutex
	level   int64
	mode    string
	started bool
	quit    chan struct{}
	gone    chan struct{}

	bind                              func(*connector.Host) error
	attach, startup, shutdown, detach func(context.Context, connector.Lifecycle) (connector.None, error)
	describe                          func(context.Context, types.Control) (types.Description, error)
	components                        func(context.Context, connector.None) ([]types.Component, error)
	metrics                           func(context.Context, connector.None) ([]types.Metric, error)
	measure                           func(context.Context, connector.MeasureRequest) (types.Measurement, error)
	adjust                            func(context.Context, connector.AdjustRequest) (types.Description, error)
	restore                           func(context.Context, connector.RestoreRequest) (types.Description, error)
	promote                           func(context.Context, connector.None) (connector.None, error)
	afterMeasure                      func(context.Context) error
	check                             func(context.Context) error
	background                        func(context.Context) error
}

var info = connector.Info{
	Name: "reference", FullName: "Reference Connector", Version: "1.2.3", Description: "Measures and adjusts nothing in particular",
}

// newReference returns the connector with the handlers it should have.
func newReference(c settings, env connector.Env) *reference {
	r := &reference{config: c, log: env.Logger, http: env.HTTP, level: c.Level, mode: "fast"}
	nothing := func(ctx context.Context, _ connector.Lifecycle) (connector.None, error) {
		return connector.None{}, context.Cause(ctx)
	}
	r.bind = func(*connector.Host) error { return nil }
	r.attach, r.detach = nothing, nothing
	r.startup, r.shutdown = r.start, r.stop
	r.describe = func(context.Context, types.Control) (types.Description, error) { return r.description(), nil }
	r.components = func(context.Context, connector.None) ([]types.Component, error) {
		return r.description().Components, nil
	}
	r.metrics = func(context.Context, connector.None) ([]types.Metric, error) { return r.description().Metrics, nil }
	r.measure, r.adjust = r.read, r.apply
	r.restore = func(ctx context.Context, q connector.RestoreRequest) (types.Description, error) {
		if ctx.Err() != nil {
			return types.Description{}, context.Cause(ctx)
		}
		return r.apply(ctx, connector.AdjustRequest{Adjustments: q.Adjustments})
	}
	r.promote = func(context.Context, connector.None) (connector.None, error) { return connector.None{}, nil }
	r.afterMeasure = func(context.Context) error { return nil }
	r.check = func(context.Context) error { return nil }
	r.background = func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	}
	return r
}

// define returns a definition of the reference with a flaw.
func define(flaw func(*reference)) connector.Definition {
	return connector.Define(info, func(c settings, env connector.Env) (connector.Connector, error) {
		r := newReference(c, env)
		flaw(r)
		return r, nil
	})
}

func (r *reference) Bind(h *connector.Host) error {
	connector.Attach.On(h, r.attach)
	connector.Startup.On(h, r.startup)
	connector.Shutdown.On(h, r.shutdown)
	connector.Detach.On(h, r.detach)
	connector.Describe.On(h, r.describe)
	connector.Components.On(h, r.components)
	connector.Metrics.On(h, r.metrics)
	connector.Measure.On(h, r.measure)
	connector.Measure.After(h, func(ctx context.Context, _ connector.MeasureRequest, _ []event.Result[types.Measurement]) error {
		return r.afterMeasure(ctx)
	})
	connector.Adjust.On(h, r.adjust)
	connector.Restore.On(h, r.restore)
	connector.Promote.On(h, r.promote)
	h.Check(checks.Check{Name: "Reference", Run: r.check})
	h.Go(r.background)
	h.Telemetry("version", info.Version)
	return r.bind(h)
}

func (r *reference) start(ctx context.Context, _ connector.Lifecycle) (connector.None, error) {
	if ctx.Err() != nil {
		return connector.None{}, context.Cause(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started {
		return connector.None{}, errors.New("it has been started already")
	}
	r.started, r.quit, r.gone = true, make(chan struct{}), make(chan struct{})
	go func(quit, gone chan struct{}) {
		defer close(gone)
		<-quit
	}(r.quit, r.gone)
	return connector.None{}, nil
}

func (r *reference) stop(context.Context, connector.Lifecycle) (connector.None, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started {
		r.started = false
		close(r.quit)
		<-r.gone
	}
	return connector.None{}, nil
}

var (
	levelMetric = types.Metric{Name: "reference_level"}
	loadMetric  = types.Metric{Name: "reference_load", Unit: types.Percentage}
)

func (r *reference) description() types.Description {
	r.mu.Lock()
	defer r.mu.Unlock()
	return types.Description{
		Components: []types.Component{{Name: "reference", Settings: []types.Setting{
			types.Range("level", types.Int(1), types.Int(5), types.Int(1)).With(types.Int(r.level)),
			types.Enum("mode", types.Text("fast"), types.Text("slow")).With(types.Text(r.mode)),
		}}},
		Metrics: []types.Metric{levelMetric, loadMetric},
	}
}

// read looks every interval for as long as it is asked to.
func (r *reference) read(ctx context.Context, q connector.MeasureRequest) (types.Measurement, error) {
	begin := time.Now()
	ticker := time.NewTicker(r.config.Interval.Std())
	defer ticker.Stop()
	var points []types.DataPoint
	for {
		elapsed := time.Since(begin)
		if elapsed >= q.Control.Duration.Std() {
			break
		}
		percent := 100 * float64(elapsed) / float64(q.Control.Duration)
		if err := connector.Progress(ctx, types.Progress{Percent: percent}); err != nil {
			return types.Measurement{}, fmt.Errorf("measuring: %w", err)
		}
		points = append(points, types.DataPoint{Time: time.Now(), Sample: types.Observe(percent)})
		select {
		case <-ctx.Done():
			return types.Measurement{}, context.Cause(ctx)
		case <-ticker.C:
		}
	}
	var m types.Measurement
	for _, metric := range []types.Metric{levelMetric, loadMetric} {
		if len(q.Metrics) == 0 || slices.Contains(q.Metrics, metric.Name) {
			m.Readings = append(m.Readings, types.NewTimeSeries(metric, points...))
		}
	}
	r.log.DebugContext(ctx, "measured", "points", len(points), "token", r.config.Token)
	return m, nil
}

// apply takes effect as a whole or not at all.
func (r *reference) apply(ctx context.Context, q connector.AdjustRequest) (types.Description, error) {
	if err := connector.Progress(ctx, types.Progress{Percent: 50}); err != nil {
		return types.Description{}, err
	}
	d := r.description()
	r.mu.Lock()
	level, mode := r.level, r.mode
	r.mu.Unlock()
	for _, a := range q.Adjustments {
		s, ok := d.Setting(a.Selector())
		if !ok {
			continue
		}
		v, err := s.Accept(a.Value)
		if err != nil {
			return types.Description{}, connector.Reject("", err)
		}
		if s.Name == "level" {
			level, _ = v.Int64()
		} else {
			mode = v.String()
		}
	}
	r.mu.Lock()
	r.level, r.mode = level, mode
	r.mu.Unlock()
	return r.description(), nil
}
