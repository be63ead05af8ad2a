package vegeta

import (
	"errors"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
)

// Config is the stanza of the connector. A program that fills one itself calls
// SetDefaults first and then changes what it needs.
type Config struct {
	// Description is for people.
	Description string `yaml:"description" description:"An optional description of the configuration."`
	// Rate is how many requests to send: "50" or "50/s" per second, "300/1m"
	// per interval. "infinity" (or 0) sends as fast as MaxWorkers workers can,
	// which must then be given; this is no open model any more, and latency is
	// counted from the actual start. Required.
	Rate string `yaml:"rate" description:"Requests per second (50 or 50/s) or per interval (300/1m). infinity sends as fast as max_workers workers can." example:"50/1s"`
	// Format is the grammar of Target and Targets: "http" (a line with method
	// and URL, then lines with headers and @file of the body, targets divided
	// by empty lines) or "json" (one object with method, url, header and
	// base64 body per line). Default "http".
	Format string `yaml:"format" description:"Grammar of the targets: http (a line with method and URL, then headers and @file of the body) or json." jsonschema:"enum=http,enum=json"`
	// Target holds the targets themselves.
	Target string `yaml:"target" description:"The targets themselves." example:"GET http://localhost:8080/"`
	// Targets is the path of a file with targets, seen from the working
	// directory. It is read again for each measurement. Exactly one of Target, Targets and Requests must be given.
	Targets string `yaml:"targets" description:"File with targets, read again for each measurement. Give either target or targets."`
	// Requests are targets given by a program; there is no key for them.
	Requests []Target `yaml:"-"`
	// Connections is how many idle connections are kept per host. Default
	// 10000.
	Connections int `yaml:"connections" description:"Idle connections kept per host." jsonschema:"minimum=1"`
	// Workers is how many workers to begin with. Their number grows while
	// requests wait for answers. Default 10.
	Workers uint64 `yaml:"workers" description:"Workers to begin with; more are added while requests wait for answers." jsonschema:"minimum=1"`
	// MaxWorkers limits the workers, and so the requests that wait for an
	// answer at a time. When the limit delays requests the measurement fails.
	// Default 0: no limit.
	MaxWorkers uint64 `yaml:"max_workers" description:"Limit of workers, 0 for none. A measurement that the limit delays fails."`
	// MaxBody is how many bytes of each response body are kept in memory
	// while it is read; -1 is all. Responses are read to their end in any
	// case and no metric depends on it, so 0 spares the generator work.
	// Default -1.
	MaxBody int64 `yaml:"max_body" description:"Bytes of each response body kept in memory, -1 for all." jsonschema:"minimum=-1"`
	// HTTP2 lets the generator use HTTP/2 with https targets that offer it.
	// Default true.
	HTTP2 bool `yaml:"http2" description:"Use HTTP/2 with https targets that offer it."`
	// KeepAlive reuses connections. Default true.
	KeepAlive bool `yaml:"keepalive" description:"Reuse connections."`
	// Insecure accepts any TLS certificate. Default false.
	Insecure bool `yaml:"insecure" description:"Accept any TLS certificate."`
	// ReportingInterval is the span that one point of the series is about, at
	// least 100 ms. Default 15s.
	ReportingInterval types.Duration `yaml:"reporting_interval" description:"Span that one point of the series is about, at least 100ms."`
	// Timeout ends a request that has no complete answer; it then counts as an
	// error, with the time it took. A measurement waits this long at most for
	// the answers to its last requests. Default 30s.
	Timeout types.Duration `yaml:"timeout" description:"Time after which a request without a complete answer counts as an error."`
	// MaxLag is how late the generator may send a request. When it sends more
	// than 1% of them later than that, or not at all, the measurement fails
	// with [ReasonSaturated] instead of blaming the target. At most 1h.
	// Default 100ms.
	MaxLag types.Duration `yaml:"max_lag" description:"How late a request may be sent. More than 1% later than that fails the measurement."`
	// Samples says by metric what becomes of intervals without requests, whose
	// samples are missing, and of zeros. Default: a missing sample is left out.
	Samples config.SamplePolicies `yaml:"samples" description:"What becomes of missing samples (intervals without requests), zeros and the like, by metric; * is for the others." example:"{latency_99th: {missing: carry}}"`
}

const (
	shortestInterval = types.Duration(100 * time.Millisecond)
	longestLag       = types.Duration(time.Hour)
)

// SetDefaults sets every key that has a default.
func (c *Config) SetDefaults() {
	c.Format = formatHTTP
	c.Connections = 10000
	c.Workers = 10
	c.MaxBody = -1
	c.HTTP2 = true
	c.KeepAlive = true
	c.ReportingInterval = types.Duration(15 * time.Second)
	c.Timeout = types.Duration(30 * time.Second)
	c.MaxLag = types.Duration(100 * time.Millisecond)
}

// Validate reports all problems at once. It reads the file of Targets and the
// files with bodies that targets name, and parses them as a measurement will.
func (c Config) Validate() error {
	return errors.Join(c.validateKeys(), c.validateTargets())
}

// validateKeys looks at everything but the targets, without I/O.
func (c Config) validateKeys() error {
	var problems []error
	accept := func(ok bool, path string, value any, accepted string) {
		if !ok {
			problems = append(problems, config.Invalid(path, value, accepted))
		}
	}
	switch r, err := parseRate(c.Rate); {
	case c.Rate == "":
		problems = append(problems, config.Required("rate"))
	case err != nil:
		problems = append(problems, config.Invalid("rate", c.Rate, acceptedRate+": "+err.Error()))
	case r.infinite() && c.MaxWorkers == 0:
		problems = append(problems, config.Invalid("rate", c.Rate, "possible without max_workers: a load without a rate needs a limit, so set max_workers or give a rate"))
	}
	accept(c.knownFormat(), "format", c.Format, `"http" or "json"`)
	problems = append(problems, c.validateSource())
	accept(c.Connections >= 1, "connections", c.Connections, "a number of at least 1")
	accept(c.Workers >= 1, "workers", c.Workers, "a number of at least 1 (a program calls SetDefaults first)")
	accept(c.MaxBody >= -1, "max_body", c.MaxBody, "a number of bytes, or -1 for all")
	accept(c.ReportingInterval >= shortestInterval, "reporting_interval", c.ReportingInterval, "a duration of at least 100ms")
	accept(c.Timeout > 0, "timeout", c.Timeout, "a positive duration")
	accept(c.MaxLag > 0 && c.MaxLag <= longestLag, "max_lag", c.MaxLag, "a positive duration of at most 1h")
	problems = append(problems, c.Samples.Check("samples", metricNames()...))
	return errors.Join(problems...)
}

func metricNames() []string {
	var names []string
	for _, m := range metrics() {
		names = append(names, m.Name)
	}
	return names
}

func (c Config) knownFormat() bool { return c.Format == formatHTTP || c.Format == formatJSON }
