package local_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/types"
)

// app is a simulated application with the servo in front of it.
type app struct {
	description types.Description
	// respond measures the settings in force.
	respond func(settings map[string]types.Value) map[string]float64
	// hook, when set, may answer a command in place of the application.
	hook func(c optimizer.Command, r *optimizer.Result) bool
	// log has each command in a short form.
	log []string
}

func (a *app) settings() map[string]types.Value {
	m := make(map[string]types.Value)
	for _, c := range a.description.Components {
		for _, s := range c.Settings {
			m[c.Name+"."+s.Name] = s.Value
		}
	}
	return m
}

func (a *app) adjust(as types.Adjustments) {
	for _, adj := range as {
		for i, c := range a.description.Components {
			for j, s := range c.Settings {
				if c.Name == adj.Component && s.Name == adj.Setting {
					a.description.Components[i].Settings[j] = s.With(adj.Value)
				}
			}
		}
	}
}

// answer carries out a command.
func (a *app) answer(c optimizer.Command) optimizer.Result {
	r := optimizer.Result{Verb: c.Verb, UID: c.UID}
	a.log = append(a.log, string(c.Verb))
	if a.hook != nil && a.hook(c, &r) {
		return r
	}
	switch c.Verb {
	case optimizer.Describe:
		r.Description = a.description
	case optimizer.Adjust:
		a.adjust(c.Adjustments)
		r.Description = a.description
	case optimizer.Measure:
		values := a.respond(a.settings())
		for _, name := range c.Metrics {
			metric, _ := a.description.Metric(name)
			p := types.DataPoint{Metric: metric}
			if v, ok := values[name]; ok {
				p.Sample = types.Observe(v)
			}
			r.Measurement.Readings = append(r.Measurement.Readings, p)
		}
	}
	return r
}

// step carries out one command and says whether there was any.
func (a *app) step(t testing.TB, e *local.Engine) bool {
	t.Helper()
	c, err := e.Next(context.Background())
	require.NoError(t, err)
	if c.Verb == optimizer.Sleep {
		return false
	}
	require.NoError(t, e.Reply(context.Background(), a.answer(c)))
	return true
}

// run carries out a whole study.
func (a *app) run(t testing.TB, e *local.Engine) local.Result {
	t.Helper()
	for n := 0; a.step(t, e); n++ {
		require.Less(t, n, 5000, "the study does not end")
	}
	select {
	case <-e.Done():
	default:
		require.Fail(t, "a servo is told to sleep before the study is done")
	}
	return e.Result()
}

func number(v types.Value) float64 {
	f, _ := v.Float64()
	return f
}
