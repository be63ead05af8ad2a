package event_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
)

// checklistAround has the rules of around functions and of contexts.
func checklistAround() []checklistRow {
	type (
		T = *testing.T
		E = *event.Event[string, string]
		B = checklistBus
		J = *journal
	)
	ctx := context.Background()
	return []checklistRow{
		{"around: each run, setup first and teardown last", func(t T, _ E, b B, j J) {
			e := surrounded(j)
			count(e, b.a, j, "1")
			count(e, b.a, j, "2")
			_, err := e.Dispatch(ctx, b.Bus, "in")
			require.NoError(t, err)
			assert.Equal(t, []string{"setup in", "1", "teardown <nil>", "setup in", "2", "teardown <nil>"}, j.all())
		}},
		{"around: sees the error of the hook", func(t T, _ E, b B, j J) {
			e := surrounded(j)
			e.On(b.a, func(context.Context, string) (int, error) { return 0, errBoom })
			_, err := e.Dispatch(ctx, b.Bus, "in")
			assert.ErrorIs(t, err, errBoom)
			assert.Equal(t, []string{"setup in", "teardown boom"}, j.all())
		}},
		{"around: must call next", func(t T, _ E, b B, j J) {
			e := event.New[string, string]("around", func(context.Context, string, next) error { return nil })
			e.On(b.a, j.answer("on"))
			assert.ErrorContains(t, refused(t, e, b), "without calling next")
			assert.Empty(t, j.all())
		}},
		{"quirk: around wraps on hooks only", func(t T, _ E, b B, j J) {
			e := surrounded(j)
			e.Before(b.a, func(context.Context, string) error { j.add("before"); return nil })
			e.After(b.a, func(context.Context, string, []event.Result[int]) error { j.add("after"); return nil })
			_, err := e.Dispatch(ctx, b.Bus, "in")
			require.NoError(t, err)
			assert.Equal(t, []string{"before", "after"}, j.all())
		}},
		{"quirk: around gets the input", func(t T, _ E, b B, j J) {
			e := surrounded(j)
			count(e, b.a, j, "1")
			_, err := e.Dispatch(ctx, b.Bus, "other")
			require.NoError(t, err)
			assert.Equal(t, "setup other", j.all()[0])
		}},
		{"quirk: the result is the hook's", func(t T, _ E, b B, j J) {
			e := surrounded(j)
			count(e, b.a, j, "1")
			results, err := e.Dispatch(ctx, b.Bus, "in")
			require.NoError(t, err)
			assert.Equal(t, 1, results[0].Value)
		}},

		{"current: event", func(t T, e E, b B, j J) {
			for _, at := range []event.Preposition{event.Before, event.On, event.After} {
				c := seen(t, e, b, at)
				assert.Equal(t, "adjust", c.Event)
				assert.Equal(t, at, c.Preposition)
			}
		}},
		{"current: connector", func(t T, e E, b B, j J) {
			assert.Equal(t, "a", seen(t, e, b, event.On).Source)
		}},
		{"current: servo", func(t T, e E, b B, j J) {
			inHook(t, e, b.Bus, b.a, event.WithServo(ctx, "house"), event.Servo, "house")
		}},
		{"current: command uid", func(t T, e E, b B, j J) {
			inHook(t, e, b.Bus, b.a, event.WithCommand(ctx, "c-1"), event.Command, "c-1")
		}},
		{"current: message", func(t T, e E, b B, j J) {
			_, _, ok := pubsub.Current(ctx)
			assert.False(t, ok, "outside of a delivery")
			x := pubsub.New(pubsub.Options{})
			require.NoError(t, x.Start(t.Context()))
			_, err := x.Client("test").Subscribe("ab", func(ctx context.Context, _ pubsub.Message, _ *pubsub.Channel) error {
				m, c, _ := pubsub.Current(ctx)
				j.add(c.Name() + " " + string(m.Bytes()))
				return nil
			})
			require.NoError(t, err)
			require.NoError(t, x.Client("test").Publish(t.Context(), "ab", pubsub.Text("hi")))
			require.NoError(t, x.Shutdown(t.Context()))
			assert.Equal(t, []string{"ab hi"}, j.all())
		}},
		{"current: assembly (quirk: never set)", func(t T, e E, b B, j J) {
			inHook(t, e, b.Bus, b.a, event.WithAssembly(ctx, "fleet"), event.Assembly, "fleet")
		}},
		{"current: inherited and restored", func(t T, e E, b B, j J) {
			inner := event.New[string, string]("inner")
			note := func(ctx context.Context) { c, _ := event.Current(ctx); j.add(c.String()) }
			register(inner, b.b, event.Before, func(ctx context.Context) error { note(ctx); return nil })
			register(e, b.a, event.On, func(ctx context.Context) error {
				_, err := inner.Dispatch(context.WithoutCancel(ctx), b.Bus, "")
				note(ctx)
				return err
			})
			dispatch(t, e, b)
			assert.Equal(t, []string{"before:inner", "adjust"}, j.all())
			_, ok := event.Current(ctx)
			assert.False(t, ok)
		}},
		{"context: created when the phase began", func(t T, e E, b B, j J) {
			register(e, b.a, event.Before, func(context.Context) error { time.Sleep(time.Hour); return nil })
			began := time.Now()
			assert.Equal(t, time.Hour, seen(t, e, b, event.On).CreatedAt.Sub(began))
		}},
		{"context: text", func(t T, e E, b B, j J) {
			assert.Equal(t, "adjust", event.Context{Event: "adjust", Preposition: event.On}.String())
			assert.Equal(t, "before:adjust", event.Context{Event: "adjust", Preposition: event.Before}.String())
		}},
		{"context: parse", func(t T, e E, b B, j J) {
			for text, want := range map[string]event.Preposition{"adjust": event.On, "on:adjust": event.On, "before:adjust": event.Before, "after:adjust": event.After} {
				c, err := event.ParseContext(text, "adjust")
				require.NoError(t, err)
				assert.Equal(t, event.Context{Event: "adjust", Preposition: want}, c)
			}
		}},
		{"context: parse what is unknown", func(t T, e E, b B, j J) {
			for _, text := range []string{"", "other", "during:adjust", "before:other", "before:", "on:before:adjust"} {
				_, err := event.ParseContext(text, "adjust")
				assert.ErrorContains(t, err, fmt.Sprintf("invalid event %q", text))
			}
		}},
		{"context: in a configuration", func(t T, e E, b B, j J) {
			c := event.Context{Event: "kept"}
			assert.ErrorContains(t, c.UnmarshalText([]byte("during:adjust")), `invalid event "during:adjust"`)
			assert.Equal(t, "kept", c.Event)
			require.NoError(t, c.UnmarshalText([]byte("after:adjust")))
			assert.Equal(t, event.After, c.Preposition)
		}},
		{"quirk: contexts compare exactly", func(t T, e E, b B, j J) {
			on := event.Context{Event: "adjust", Preposition: event.On}
			assert.False(t, event.Context{Event: "adjust", Preposition: event.Before}.Matches(on))
			assert.False(t, event.Context{Event: "other", Preposition: event.On}.Matches(on))
			assert.True(t, seen(t, e, b, event.On).Matches(on), "whoever runs")
		}},
	}
}
