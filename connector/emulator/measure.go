package emulator

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// mostSamples bounds what a long measurement collects.
const mostSamples = 1000

// window is the part of a measurement that counts, as time since its beginning.
type window struct{ from, to time.Duration }

// measure lets the time of a measurement pass and returns what the model says
// of the settings that were in force when it began.
func (e *emulator) measure(ctx context.Context, r connector.MeasureRequest) (types.Measurement, error) {
	if ctx.Err() != nil {
		return types.Measurement{}, context.Cause(ctx)
	}
	c := r.Control
	if c.Warmup < 0 || c.Duration < 0 || c.Delay < 0 {
		return types.Measurement{}, fmt.Errorf("measuring for %s after a warm-up of %s, then waiting %s: none of them may be negative", c.Duration, c.Warmup, c.Delay)
	}
	n := e.measurements.Add(1)
	o := e.config.begin(e.config.MeasureDuration, sum(c.Warmup, c.Duration, c.Delay), random(e.config.Seed, measuring, n, ""))
	w := window{to: o.total}
	if !e.config.MeasureDuration.given {
		w = window{from: c.Warmup.Std(), to: sum(c.Warmup, c.Duration)}
	}
	components := e.inForce()
	begun := time.Now()
	e.log.InfoContext(ctx, "emulating a measurement", "number", n, "duration", types.Duration(o.total))
	err := e.config.run(ctx, o, func(elapsed time.Duration) string {
		switch {
		case elapsed < w.from:
			return "warming up"
		case elapsed < w.to:
			return "measuring"
		default:
			return "waiting"
		}
	})
	if err != nil {
		return types.Measurement{}, fmt.Errorf("measuring: %w", err)
	}
	return types.Measurement{
		Readings: e.readings(r.Metrics, components, n, begun, w),
		Annotations: map[string]string{
			e.name + "_load":     fmt.Sprintf("%v requests per second for %s (of %s)", e.config.Response.Load, types.Duration(w.to-w.from), types.Duration(o.total)),
			e.name + "_draw":     fmt.Sprintf("measurement %d of seed %d", n, e.config.Seed),
			e.name + "_settings": values(components),
		},
	}, nil
}

// readings returns one for each of the named metrics, or for all.
func (e *emulator) readings(names []string, components []types.Component, n uint64, begun time.Time, w window) []types.Reading {
	f := e.config.Response.predict(components, e.effects)
	span := w.to - w.from
	count := min(max(1, (span+e.config.SampleInterval.Std()/2)/e.config.SampleInterval.Std()), mostSamples)
	var all []types.Reading
	for _, m := range e.config.Metrics {
		if len(names) > 0 && !slices.Contains(names, m.Name) {
			continue
		}
		rng := random(e.config.Seed, measuring, n, m.Name)
		points := make([]types.DataPoint, count)
		samples := make([]types.Sample, count)
		for i := range points {
			samples[i] = m.sample(f, e.config.Response.Noise, rng)
			at := w.from + time.Duration(float64(span)*float64(i+1)/float64(count))
			points[i] = types.DataPoint{Time: begun.Add(at).Round(0).UTC(), Sample: samples[i]}
		}
		if e.config.Readings == seriesReadings {
			all = append(all, types.NewTimeSeries(m.describe(), points...))
			continue
		}
		all = append(all, types.DataPoint{Metric: m.describe(), Time: points[count-1].Time, Sample: types.Summarize(samples...).Sample()})
	}
	return all
}

// values lists the values of settings: "web.cpu=1.5 web.replicas=3".
func values(components []types.Component) string {
	var all []string
	for _, c := range components {
		for _, s := range c.Settings {
			all = append(all, types.Adjustment{Component: c.Name, Setting: s.Name, Value: s.Value}.String())
		}
	}
	return strings.Join(all, " ")
}
