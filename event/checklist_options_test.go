package event_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
)

// checklistOptions has the rules of the options of a dispatch, its results and errors.
func checklistOptions() []checklistRow {
	type (
		T = *testing.T
		E = *event.Event[string, string]
		B = checklistBus
		J = *journal
	)
	ctx := context.Background()
	return []checklistRow{
		{"option first: off", func(t T, e E, b B, j J) {
			e.On(b.a, answer("1"))
			e.On(b.b, answer("2"))
			assert.Equal(t, []string{"1", "2"}, values(dispatch(t, e, b)))
		}},
		{"option first: the first responder in bus order", func(t T, e E, b B, j J) {
			e.On(b.c, j.answer("c"))
			e.On(b.b, j.answer("b"))
			assert.Equal(t, []string{"b"}, sourcesOf(dispatch(t, e, b, event.First())))
			assert.Equal(t, []string{"b"}, j.all(), "c does not run")
		}},
		{"option first: only its first result", func(t T, e E, b B, j J) {
			e.On(b.a, j.answer("1"))
			e.On(b.a, j.answer("2"))
			assert.Equal(t, []string{"1"}, values(dispatch(t, e, b, event.First())))
			assert.Equal(t, []string{"1", "2"}, j.all())
		}},
		{"option include: none given", func(t T, e E, b B, j J) {
			for _, s := range []*event.Scope{b.a, b.b, b.c} {
				e.On(s, answer(""))
			}
			assert.Equal(t, []string{"a", "b", "c"}, sourcesOf(dispatch(t, e, b)))
		}},
		{"option include: only the named, in bus order", func(t T, e E, b B, j J) {
			for _, s := range []*event.Scope{b.a, b.b, b.c} {
				e.On(s, answer(""))
			}
			assert.Equal(t, []string{"a", "c"}, sourcesOf(dispatch(t, e, b, event.Only("c", "a"))))
		}},
		{"option exclude: after include", func(t T, e E, b B, j J) {
			for _, s := range []*event.Scope{b.a, b.b, b.c} {
				e.On(s, answer(""))
			}
			assert.Equal(t, []string{"a", "c"}, sourcesOf(dispatch(t, e, b, event.Skip("b"))))
			assert.Equal(t, []string{"a"}, sourcesOf(dispatch(t, e, b, event.Skip("b"), event.Only("a", "b"))))
		}},
		{"option return exceptions: off", func(t T, e E, b B, j J) {
			e.On(b.a, fail(errBoom))
			e.On(b.a, j.answer("later"))
			refused(t, e, b)
			assert.Empty(t, j.all())
		}},
		{"option return exceptions: on", func(t T, e E, b B, j J) {
			e.On(b.a, fail(errBoom))
			e.On(b.b, answer("fine"))
			r := dispatch(t, e, b, event.CollectErrors())
			assert.ErrorIs(t, r[0].Err, errBoom)
			assert.Equal(t, "fine", r[1].Value)
			assert.NoError(t, r[1].Err)
		}},
		{"option prepositions: all by default", func(t T, e E, b B, j J) {
			witness(e, b.a, j)
			dispatch(t, e, b)
			assert.Equal(t, []string{"before", "on", "after"}, j.all())
		}},
		{"option prepositions: a subset", func(t T, e E, b B, j J) {
			witness(e, b.a, j)
			dispatch(t, e, b, event.Prepositions(event.Before|event.After))
			assert.Equal(t, []string{"before", "after"}, j.all())
			refused(t, e, b, event.Prepositions(0))
			refused(t, e, b, event.Prepositions(8))
		}},

		{"result: source, value, time", func(t T, e E, b B, j J) {
			began := time.Now()
			e.On(b.a, func(context.Context, string) (string, error) { time.Sleep(time.Second); return "1", nil })
			r := dispatch(t, e, b)[0]
			assert.Equal(t, "a 1", r.Source+" "+r.Value)
			assert.True(t, r.CreatedAt().Equal(began))
		}},
		{"handler: event, preposition, connector in each error", func(t T, e E, b B, j J) {
			for _, at := range []event.Preposition{event.After, event.On, event.Before} {
				register(e, b.a, at, boom)
				want := &event.HookError{Event: "adjust", Source: "a", Preposition: at, Err: errBoom}
				assert.Equal(t, want, hookError(t, refused(t, e, b)), "later phases do not run")
			}
		}},
		{"handler: a panic is an error with its place", func(t T, e E, b B, j J) {
			register(e, b.a, event.On, func(context.Context) error { panic("ouch") })
			var p *event.PanicError
			require.ErrorAs(t, refused(t, e, b), &p)
			assert.Equal(t, "ouch", p.Value)
		}},
		{"cancelling outside before ends the dispatch", func(t T, e E, b B, j J) {
			for _, at := range []event.Preposition{event.After, event.On} {
				register(e, b.a, at, veto)
				err := refused(t, e, b)
				assert.ErrorIs(t, err, event.ErrCancelled)
				assert.Equal(t, at, hookError(t, err).Preposition)
			}
		}},
		{"cancelling outside before is never collected", func(t T, e E, b B, j J) {
			register(e, b.a, event.On, veto)
			assert.ErrorIs(t, refused(t, e, b, event.CollectErrors()), event.ErrCancelled)
		}},
		{"the end of the context is never a result", func(t T, e E, b B, j J) {
			e.On(b.a, untilEnd)
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			results, err := e.Dispatch(ctx, b.Bus, "in", event.CollectErrors())
			assert.Nil(t, results)
			assert.Equal(t, context.DeadlineExceeded, err)
		}},
	}
}
