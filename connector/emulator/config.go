package emulator

import (
	"errors"
	"fmt"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
)

// Config is the stanza of the connector. A program that fills one itself calls
// SetDefaults first and then changes what it needs.
type Config struct {
	// Seed is where everything random comes from: the same seed gives the same
	// numbers. Default 0.
	Seed uint64 `yaml:"seed" description:"Where everything random comes from: the same seed gives the same numbers."`
	// MeasureDuration is how long a measurement takes. Default "control": the
	// warm-up, the duration and the delay of the command.
	MeasureDuration Span `yaml:"measure_duration" description:"How long a measurement takes: control (warm-up, duration and delay of the command), a duration, or min and max of a random one."`
	// AdjustDuration is how long an adjustment takes. Default "control": the
	// settlement of the command, and no time without one.
	AdjustDuration Span `yaml:"adjust_duration" description:"How long an adjustment takes: control (settlement of the command), a duration, or min and max of a random one."`
	// FailureRate is the share of measurements and adjustments that fail, from
	// 0 to 1. Default 0.
	FailureRate float64 `yaml:"failure_rate" description:"Share of measurements and adjustments that fail, from 0 to 1."`
	// Components are the parts of the application. Default: fake-app with cpu,
	// mem and replicas. An empty list is an application that cannot be adjusted.
	Components []Component `yaml:"components" description:"Parts of the application with their settings. fake-app with cpu, mem and replicas when not given."`
	// Metrics are what can be measured. Default: throughput, error_rate,
	// latency_50th, latency_95th, latency_99th, utilization, cpu_usage and cost.
	Metrics []Metric `yaml:"metrics" description:"What can be measured, and which figure of the model that is."`
	// Readings is "scalar", which is one number per metric, the default, or
	// "series", which is a number per sample interval.
	Readings string `yaml:"readings" description:"What a reading is: scalar, the mean of the samples, or series, all of them." jsonschema:"enum=scalar,enum=series"`
	// SampleInterval is the time between two samples. A measurement has one at
	// least and 1000 at most. Default 15s.
	SampleInterval types.Duration `yaml:"sample_interval" description:"Time between two samples."`
	// Response says how the application responds to its settings.
	Response Response `yaml:"response" description:"How the application responds to its settings."`
	_        struct{}
}

// The forms of readings.
const (
	scalarReadings = "scalar"
	seriesReadings = "series"
)

const maxComponents = 100

// SetDefaults sets every key that has a default.
func (c *Config) SetDefaults() {
	c.Components = []Component{{Name: "fake-app", Settings: []Setting{
		{Name: "cpu", Type: types.RangeKind, Min: types.Float(1), Max: types.Float(5), Step: types.Float(0.125)},
		{Name: "mem", Type: types.RangeKind, Min: types.Float(0.25), Max: types.Float(8), Step: types.Float(0.125)},
		{Name: "replicas", Type: types.RangeKind, Min: types.Int(1), Max: types.Int(10), Step: types.Int(1)},
	}}}
	c.Metrics = nil
	for _, name := range []string{"throughput", "error_rate", "latency_50th", "latency_95th", "latency_99th", "utilization", "cpu_usage", "cost"} {
		c.Metrics = append(c.Metrics, Metric{Name: name})
	}
	c.Readings = scalarReadings
	c.SampleInterval = types.Duration(15 * time.Second)
	c.Response = defaultResponse()
}

// Sample returns what is generated for a newcomer: some of what can be
// configured, ready to run.
func (c Config) Sample() Config {
	best, weight := 8.0, 0.5
	c.SetDefaults()
	c.Seed = 1
	c.AdjustDuration = Between(time.Second, 5*time.Second)
	c.Components = []Component{{Name: "web", Settings: []Setting{
		{Name: "cpu", Min: types.Float(0.5), Max: types.Float(4), Step: types.Float(0.25), Value: types.Float(2.5)},
		{Name: "mem", Min: types.Float(0.5), Max: types.Float(8), Step: types.Float(0.5), Value: types.Float(4.5)},
		{Name: "replicas", Min: types.Int(1), Max: types.Int(10), Value: types.Int(6)},
		{Name: "WORKERS", Min: types.Int(1), Max: types.Int(16), Value: types.Int(2), Effect: Effect{Best: &best, Weight: &weight}},
	}}}
	return c
}

// Validate reports all problems at once, each with its path.
func (c Config) Validate() error {
	errs := []error{
		c.MeasureDuration.validate("measure_duration"),
		c.AdjustDuration.validate("adjust_duration"),
	}
	if !(c.FailureRate >= 0 && c.FailureRate <= 1) {
		errs = append(errs, config.Invalid("failure_rate", c.FailureRate, "a share from 0 to 1"))
	}
	if len(c.Components) > maxComponents {
		errs = append(errs, &config.FieldError{Path: "components", Message: fmt.Sprintf("%d are too many: at most %d are accepted", len(c.Components), maxComponents)})
	}
	seen := map[string]bool{}
	for i, component := range c.Components {
		path := fmt.Sprintf("components[%d]", i)
		errs = append(errs, component.validate(path)...)
		if seen[component.Name] {
			errs = append(errs, config.Invalid(path+".name", component.Name, "unique"))
		}
		seen[component.Name] = component.Name != ""
	}
	seen = map[string]bool{}
	for i, m := range c.Metrics {
		path := fmt.Sprintf("metrics[%d]", i)
		errs = append(errs, m.validate(path)...)
		if seen[m.Name] {
			errs = append(errs, config.Invalid(path+".name", m.Name, "unique"))
		}
		seen[m.Name] = m.Name != ""
	}
	if c.Readings != scalarReadings && c.Readings != seriesReadings {
		errs = append(errs, config.Invalid("readings", c.Readings, "scalar or series (a program calls SetDefaults first)"))
	}
	if c.SampleInterval <= 0 {
		errs = append(errs, config.Invalid("sample_interval", c.SampleInterval, "a positive duration"))
	}
	return errors.Join(append(errs, c.Response.validate("response.")...)...)
}
