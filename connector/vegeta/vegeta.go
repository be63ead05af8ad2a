package vegeta

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// Definition makes the connector available to a servo, under the name vegeta.
var Definition = connector.Define(connector.Info{
	Name:        "vegeta",
	FullName:    "Vegeta Connector",
	Version:     "0.5.0",
	Description: "Generates HTTP load at a constant rate and measures throughput, errors and latency",
	License:     types.Apache2,
	Maturity:    types.Stable,
}, New)

// ReasonSaturated is the reason of a measurement that failed because the load
// generator could not send requests when they were due. Its figures would have
// been about the generator, so there are none.
const ReasonSaturated = "load-generator-saturated"

// reasonNoData is the reason of a measurement that could not have any request.
const reasonNoData = "no-data"

type vegeta struct {
	config    Config
	rate      rate
	log       *slog.Logger
	generator generator
	host      *connector.Host // once it is bound
}

// New returns the connector for a program that configures it itself; call
// [Config.SetDefaults] first. The error lists all problems of c. Files of
// targets are not read before they are needed.
func New(c Config, env connector.Env) (connector.Connector, error) {
	return build(c, env, attacker{c})
}

func build(c Config, env connector.Env, g generator) (connector.Connector, error) {
	err := c.validateKeys()
	if c.source() == "requests" { // the others may need files
		err = errors.Join(err, c.validateTargets())
	}
	if err != nil {
		return nil, err
	}
	r, err := parseRate(c.Rate)
	if err != nil {
		return nil, err
	}
	log := env.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &vegeta{config: c, rate: r, log: log, generator: g}, nil
}

// Bind registers the handlers of the connector.
func (v *vegeta) Bind(h *connector.Host) error {
	v.host = h
	connector.Metrics.On(h, func(context.Context, connector.None) ([]types.Metric, error) {
		return metrics(), nil
	})
	connector.Describe.On(h, func(context.Context, types.Control) (types.Description, error) {
		return types.Description{Metrics: metrics()}, nil
	})
	connector.Measure.On(h, v.measure)
	h.Check(v.checks()...)
	return nil
}

// column is a metric and the figure it shows.
type column struct {
	metric types.Metric
	of     func(figures) float64
}

func columns() []column {
	latency := func(name string, of func(figures) time.Duration) column {
		return column{types.Metric{Name: "latency_" + name, Unit: types.Milliseconds}, func(f figures) float64 {
			return float64(of(f)) / float64(time.Millisecond)
		}}
	}
	return []column{
		{types.Metric{Name: "throughput", Unit: types.RequestsPerMinute}, func(f figures) float64 { return f.throughput * 60 }},
		{types.Metric{Name: "error_rate", Unit: types.Percentage}, func(f figures) float64 {
			return 100 * float64(f.failures) / float64(f.requests)
		}},
		latency("total", func(f figures) time.Duration { return f.total }),
		{types.Metric{Name: "latency_mean", Unit: types.Milliseconds}, func(f figures) float64 {
			return float64(f.total) / float64(f.requests) / float64(time.Millisecond)
		}},
		latency("50th", func(f figures) time.Duration { return f.p50 }),
		latency("90th", func(f figures) time.Duration { return f.p90 }),
		latency("95th", func(f figures) time.Duration { return f.p95 }),
		latency("99th", func(f figures) time.Duration { return f.p99 }),
		latency("max", func(f figures) time.Duration { return f.max }),
		latency("min", func(f figures) time.Duration { return f.min }),
	}
}

func metrics() []types.Metric {
	var all []types.Metric
	for _, c := range columns() {
		all = append(all, c.metric)
	}
	return all
}

// readings returns a series for each of the named metrics, or for all, with a
// point per interval; an interval without requests has a missing sample.
func readings(names []string, start time.Time, a *aggregate, all []figures) []types.Reading {
	var out []types.Reading
	for _, c := range columns() {
		if len(names) > 0 && !slices.Contains(names, c.metric.Name) {
			continue
		}
		points := make([]types.DataPoint, a.spans)
		known := all
		for i := range points {
			_, to := a.bounds(i)
			points[i].Time = start.Add(to).Round(0).UTC()
			if len(known) > 0 && known[0].to == to {
				points[i].Sample = types.Observe(c.of(known[0]))
				known = known[1:]
			}
		}
		out = append(out, types.NewTimeSeries(c.metric, points...))
	}
	return out
}
