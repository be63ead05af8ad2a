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

// checklistQuirks has the rules of what such a bus easily gets wrong.
func checklistQuirks() []checklistRow {
	type (
		T = *testing.T
		E = *event.Event[string, string]
		B = checklistBus
		J = *journal
	)
	return []checklistRow{
		{"quirk: first without a responder", func(t T, e E, b B, j J) {
			assert.Empty(t, dispatch(t, e, b, event.First()))
			register(e, b.a, event.Before, veto)
			assert.ErrorIs(t, refused(t, e, b, event.First()), event.ErrCancelled, "not taken for no answer")
		}},
		{"quirk: the canceller is named", func(t T, e E, b B, j J) {
			register(e, b.b, event.Before, veto)
			err := refused(t, e, b)
			assert.Equal(t, "b", hookError(t, err).Source)
			assert.EqualError(t, err, "before:adjust hook of b: event cancelled: freeze")
		}},
		{"quirk: errors beside a cancellation are kept", func(t T, e E, b B, j J) {
			register(e, b.a, event.Before, func(ctx context.Context) error { <-ctx.Done(); return errBoom })
			register(e, b.b, event.Before, func(context.Context) error { time.Sleep(time.Second); return event.Cancel("freeze") })
			err := refused(t, e, b)
			assert.ErrorIs(t, err, event.ErrCancelled)
			assert.ErrorIs(t, err, errBoom)
		}},
		{"quirk: the channel of a dispatch is always removed", func(t T, e E, b B, j J) {
			x := pubsub.New(pubsub.Options{})
			for _, outcome := range []func(context.Context) error{boom, veto} {
				s := b.Scope("extra")
				register(e, s, event.Before, outcome)
				d := pubsub.Observe(x.Client("test"), e)
				assert.Len(t, x.Channels(), 1)
				_, err := d.Run(t.Context(), b.Bus, "in")
				assert.Error(t, err)
				assert.Empty(t, x.Channels())
				s.Close()
			}
		}},
		{"quirk: a scoped dispatch is like any other", func(t T, e E, b B, j J) {
			e.On(b.a, answer("1"))
			e.On(b.b, answer("2"))
			d := pubsub.Observe(pubsub.New(pubsub.Options{}).Client("test"), e)
			results, err := d.Run(t.Context(), b.Bus, "in", event.First())
			require.NoError(t, err)
			assert.Equal(t, []string{"1"}, values(results))
			assert.True(t, d.Done() && d.Success())
			_, err = d.Run(t.Context(), b.Bus, "in")
			assert.ErrorContains(t, err, "already run")
		}},
		{"quirk: an unknown target is an error", func(t T, e E, b B, j J) {
			witness(e, b.a, j)
			assert.ErrorContains(t, refused(t, e, b, event.Only("nobody")), `only: unknown source "nobody"`)
			assert.ErrorContains(t, refused(t, e, b, event.Skip("nobody")), `(sources on this bus: "a", "b", "c")`)
			assert.Empty(t, j.all())
		}},
		{"quirk: the bus of the start is used in all phases", func(t T, e E, b B, j J) {
			register(e, b.a, event.On, func(context.Context) error {
				register(e, b.Scope("new"), event.After, func(context.Context) error { j.add("after"); return nil })
				return nil
			})
			dispatch(t, e, b)
			assert.Empty(t, j.all())
			dispatch(t, e, b, event.Prepositions(event.After))
			assert.Equal(t, []string{"after"}, j.all())
		}},
		{"quirk: bus order is that of registration", func(t T, e E, b B, j J) {
			var want []string
			for i := range 20 {
				want = append(want, fmt.Sprint("s", 20-i))
				e.On(b.Scope(want[i]), answer(""))
			}
			assert.Equal(t, want, sourcesOf(dispatch(t, e, b)))
		}},
	}
}
