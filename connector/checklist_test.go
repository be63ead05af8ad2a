package connector_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
	"github.com/servokit/servokit/types"
)

// standard checks that an event has the name, and that what is dispatched
// reaches a handler and its result comes back. The types are checked by the
// compiler: they are the ones of in and out.
func standard[In, Out any](e *event.Event[In, Out], name string, in In, out Out) func(*testing.T) {
	return func(t *testing.T) {
		var bus event.Bus
		var got In
		e.On(connector.NewHost(&bus, "lamp", nil), func(_ context.Context, in In) (Out, error) { got = in; return out, nil })
		require.NoError(t, bus.Err())
		results, err := e.Dispatch(t.Context(), &bus, in)
		require.NoError(t, err)
		require.Len(t, results, 1)
		assert.Equal(t, name, e.Name())
		assert.Equal(t, in, got)
		assert.Equal(t, out, results[0].Value)
		assert.Equal(t, []string{"lamp"}, bus.Responds(name))
	}
}

// defined defines a connector that hands out what it is built with.
func defined(info connector.Info, env *connector.Env) connector.Definition {
	return connector.Define(info, func(_ struct{}, e connector.Env) (connector.Connector, error) {
		*env = e
		return &thermostat{}, nil
	})
}

// TestChecklist has a case for each standard event, for what identifies a
// connector and its instances, and for the outcomes that errors stand for.
func TestChecklist(t *testing.T) {
	life := connector.Lifecycle{Servo: "house", Reason: "SIGTERM"}
	control := types.Control{Duration: types.Duration(time.Minute)}
	component := types.Component{Name: "lamp", Settings: []types.Setting{types.Range("watts", types.Int(1), types.Int(9), types.Int(1))}}
	description := types.Description{Components: []types.Component{component}, Metrics: []types.Metric{{Name: "light"}}}
	adjustment := types.Adjustment{Component: "lamp", Setting: "watts", Value: types.Int(2)}
	info := connector.Info{
		Name: "thermostat", FullName: "Thermostat Connector", Version: "1.2.3", Description: "keeps warm",
		Homepage: "https://example.com/", License: types.MIT, Maturity: types.Stable,
	}
	var env connector.Env
	definition := defined(info, &env)
	top := func(t *testing.T, errs ...error) *types.OutcomeError {
		o, ok := types.TopOutcome(errors.Join(errs...))
		require.True(t, ok)
		return o
	}
	rows := []struct {
		name string
		run  func(*testing.T)
	}{
		{"event: attach", standard(connector.Attach, "attach", life, connector.None{})},
		{"event: detach", standard(connector.Detach, "detach", life, connector.None{})},
		{"event: startup", standard(connector.Startup, "startup", life, connector.None{})},
		{"event: shutdown", standard(connector.Shutdown, "shutdown", life, connector.None{})},
		{"event: metrics", standard(connector.Metrics, "metrics", connector.None{}, []types.Metric{{Name: "light"}})},
		{"event: components", standard(connector.Components, "components", connector.None{}, []types.Component{component})},
		{"event: check", standard(connector.Check, "check", connector.CheckRequest{Filter: checks.Filter{Name: checks.AnyOf("Bulb")}, HaltOn: checks.HaltOnCommon}, []checks.Result{{Name: "Bulb"}})},
		{"event: check, halts on critical unless told", func(t *testing.T) {
			assert.Equal(t, checks.HaltOnCritical, connector.CheckRequest{}.HaltOn)
		}},
		{"event: describe", standard(connector.Describe, "describe", control, description)},
		{"event: measure", standard(connector.Measure, "measure", connector.MeasureRequest{Metrics: []string{"light"}, Control: control},
			types.Measurement{Annotations: map[string]string{"room": "hall"}})},
		{"event: measure, all metrics unless told", standard(connector.Measure, "measure", connector.MeasureRequest{}, types.Measurement{})},
		{"event: adjust", standard(connector.Adjust, "adjust", connector.AdjustRequest{Adjustments: types.Adjustments{adjustment}, Control: control}, description)},
		{"event: promote", standard(connector.Promote, "promote", connector.None{}, connector.None{})},
		{"event: one of your own", standard(event.New[int, string]("blink"), "blink", 3, "done")},
		{"event: a namesake of a standard one", func(t *testing.T) {
			var bus event.Bus
			h := connector.NewHost(&bus, "lamp", nil)
			event.New[int, int]("adjust").On(h, func(context.Context, int) (int, error) { return 0, nil })
			connector.Adjust.On(h, (&thermostat{}).adjust)
			assert.ErrorContains(t, bus.Err(), `2 different events are named "adjust"`)
		}},

		{"info: all of it", func(t *testing.T) { assert.Equal(t, info, definition.Info()) }},
		{"info: for people", func(t *testing.T) {
			k := definition.Kind()
			assert.Equal(t, []string{info.Name, info.FullName, info.Version, info.Description, info.Homepage},
				[]string{k.Name, k.FullName, k.Version, k.Description, k.Homepage})
		}},
		{"info: version is 0.0.0 unless told", func(t *testing.T) {
			plain := defined(connector.Info{Name: "lamp"}, new(connector.Env))
			list, err := config.Model{Kinds: []config.Kind{plain.Kind(), definition.Kind()}}.Schema()
			require.NoError(t, err)
			assert.Contains(t, string(list), "Lamp Connector v0.0.0")
			assert.Contains(t, string(list), "Thermostat Connector v1.2.3")
		}},
		{"info: license", func(t *testing.T) {
			for _, l := range []types.License{"MIT", "Apache 2.0", "Proprietary"} {
				got, err := types.ParseLicense(string(l))
				require.NoError(t, err)
				assert.Equal(t, l, defined(connector.Info{License: got}, &env).Info().License)
			}
			_, err := types.ParseLicense("GPL")
			assert.ErrorContains(t, err, `"GPL"`)
		}},
		{"info: maturity", func(t *testing.T) {
			for _, m := range []types.Maturity{"Experimental", "Stable", "Robust"} {
				got, err := types.ParseMaturity(string(m))
				require.NoError(t, err)
				assert.Equal(t, m, defined(connector.Info{Maturity: got}, &env).Info().Maturity)
			}
			_, err := types.ParseMaturity("Rotten")
			assert.ErrorContains(t, err, `"Rotten"`)
		}},
		{"instance: the default name", func(t *testing.T) {
			_, err := definition.New(nil, connector.Env{})
			require.NoError(t, err)
			assert.Equal(t, "thermostat", env.Name)
		}},
		{"instance: a name of its own", func(t *testing.T) {
			_, err := definition.New(nil, connector.Env{Name: "attic"})
			require.NoError(t, err)
			assert.Equal(t, "attic", env.Name)
			assert.Equal(t, "attic", connector.NewHost(new(event.Bus), "attic", nil).Source())
		}},
		{"instance: common settings and a logger", func(t *testing.T) {
			logger := slog.New(slog.DiscardHandler)
			common := config.Common{ProgressInterval: types.Duration(time.Second)}
			_, err := definition.New(nil, connector.Env{Logger: logger, Common: common})
			require.NoError(t, err)
			assert.Same(t, logger, env.Logger)
			assert.Equal(t, common, env.Common)
			assert.NotNil(t, env.HTTP)
		}},
		{"instance: its configuration", func(t *testing.T) {
			c, err := Definition.New(stanza(t, "thermostat: {room: hall}\n", "thermostat"), connector.Env{})
			require.NoError(t, err)
			assert.Equal(t, &thermostat{Config{Room: "hall", Degree: 19}}, c)
			_, err = Definition.New(stanza(t, "thermostat: {}\n", "thermostat"), connector.Env{Name: "attic"})
			assert.ErrorContains(t, err, "connector attic: ")
		}},
		{"instance: names are unique on a bus", func(t *testing.T) {
			var bus event.Bus
			first := connector.NewHost(&bus, "lamp", nil)
			second := connector.NewHost(&bus, "lamp", nil)
			assert.ErrorContains(t, bus.Err(), `there is already a source "lamp"`)
			second.Close()
			assert.NoError(t, bus.Err())
			first.Close()
			connector.NewHost(&bus, "lamp", nil)
			assert.NoError(t, bus.Err(), "the name is free again")
		}},
		{"instance: an empty name", func(t *testing.T) {
			var bus event.Bus
			connector.NewHost(&bus, "", nil)
			assert.ErrorContains(t, bus.Err(), "has no name")
		}},
		{"instance: a colon in a run-time name (quirk)", func(t *testing.T) {
			var bus event.Bus
			h := connector.NewHost(&bus, "outer:inner", nil)
			connector.Promote.On(h, func(context.Context, connector.None) (connector.None, error) { return connector.None{}, nil })
			require.NoError(t, bus.Err())
			results, err := connector.Promote.Dispatch(t.Context(), &bus, connector.None{}, event.Only("outer:inner"))
			require.NoError(t, err)
			assert.Equal(t, "outer:inner", results[0].Source)
		}},
		{"instance: telemetry under its name", func(t *testing.T) {
			h := connector.NewHost(new(event.Bus), "lamp", nil)
			h.Telemetry("bulb", "led")
			assert.Equal(t, map[string]string{"lamp.bulb": "led"}, h.Facts())
		}},
		{"instance: the exchange it has joined", func(t *testing.T) {
			h := connector.NewHost(new(event.Bus), "lamp", nil)
			x := pubsub.New(pubsub.Options{})
			h.Join(x)
			_, err := h.PubSub().Listen("*")
			require.NoError(t, err)
			assert.Len(t, x.Subscriptions(), 1)
			h.Close()
			assert.Empty(t, x.Subscriptions())
		}},
		{"instance: repeating tasks", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, n := connector.NewHost(new(event.Bus), "lamp", nil), 0
				h.Every(time.Second, func(context.Context) error { n++; return nil })
				h.Start(t.Context(), func(err error) { t.Error(err) })
				time.Sleep(2500 * time.Millisecond)
				require.NoError(t, h.Stop(t.Context()))
				assert.Equal(t, 3, n)
			})
		}},

		{"outcome: aborted before rejected", func(t *testing.T) {
			assert.Equal(t, types.Aborted, top(t, connector.Reject("r", errBoom), connector.Abort("a", errBoom)).Outcome)
		}},
		{"outcome: rejected before failed", func(t *testing.T) {
			assert.Equal(t, types.Rejected, top(t, connector.Fail("f", errBoom), connector.Reject("r", errBoom)).Outcome)
		}},
		{"outcome: the earliest of equals", func(t *testing.T) {
			assert.Equal(t, "first", top(t, connector.Fail("first", errBoom), connector.Fail("second", errBoom)).Reason)
		}},
		{"outcome: found through a dispatch", func(t *testing.T) {
			var bus event.Bus
			both := make(chan struct{}) // closed when two runs, so that it is not left out
			for name, err := range map[string]error{"one": connector.Fail("f", errBoom), "two": connector.Abort("a", errBoom)} {
				connector.Promote.Before(connector.NewHost(&bus, name, nil), func(ctx context.Context, _ connector.None) error {
					if name == "two" {
						close(both)
						<-ctx.Done() // after the other one
					}
					<-both
					return err
				})
			}
			_, err := connector.Promote.Dispatch(t.Context(), &bus, connector.None{})
			require.ErrorIs(t, err, errBoom)
			assert.Equal(t, types.Aborted, top(t, err).Outcome)
		}},
		{"outcome: none of its own", func(t *testing.T) {
			_, ok := types.TopOutcome(errBoom)
			assert.False(t, ok)
		}},
	}
	for _, row := range rows {
		t.Run(row.name, row.run)
	}
	assert.Equal(t, 35, len(rows), "rows")
	t.Logf("%d rows", len(rows))
}

var errBoom = errors.New("boom")
