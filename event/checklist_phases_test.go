package event_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
)

// checklistPhases has the rules of prepositions, and of the order in which hooks run.
func checklistPhases() []checklistRow {
	type (
		T = *testing.T
		E = *event.Event[string, string]
		B = checklistBus
		J = *journal
	)
	return []checklistRow{
		{"preposition: bits", func(t T, e E, b B, j J) {
			assert.Equal(t, []event.Preposition{1, 2, 4, 7}, []event.Preposition{event.Before, event.On, event.After, event.All})
		}},
		{"preposition: words", func(t T, e E, b B, j J) {
			for word, want := range map[string]event.Preposition{"before": event.Before, "on": event.On, "after": event.After} {
				got, err := event.ParsePreposition(word)
				require.NoError(t, err)
				assert.Equal(t, want, got)
			}
			for _, word := range []string{"", "all", "Before", "during"} {
				_, err := event.ParsePreposition(word)
				assert.ErrorContains(t, err, fmt.Sprintf("unsupported preposition %q", word))
			}
		}},
		{"preposition: single flag", func(t T, e E, b B, j J) {
			for p, single := range map[event.Preposition]bool{0: false, 1: true, 2: true, 3: false, 4: true, 5: false, 6: false, 7: false, 8: false} {
				_, err := p.MarshalText()
				assert.Equal(t, single, err == nil, p)
			}
		}},
		{"before: gets what on gets", func(t T, e E, b B, j J) {
			e.Before(b.a, func(_ context.Context, in string) error { j.add("before " + in); return nil })
			e.On(b.a, func(_ context.Context, in string) (string, error) { j.add("on " + in); return in, nil })
			dispatch(t, e, b)
			assert.Equal(t, []string{"before in", "on in"}, j.all())
		}},
		{"before: returns nothing", func(t T, e E, b B, j J) {
			witness(e, b.a, j)
			assert.Len(t, dispatch(t, e, b), 1, "only the on hook gives a result")
			assert.Nil(t, dispatch(t, e, b, event.Prepositions(event.Before)))
		}},
		{"before: may cancel", func(t T, e E, b B, j J) {
			register(e, b.a, event.Before, veto)
			assert.ErrorIs(t, refused(t, e, b), event.ErrCancelled)
		}},
		{"before: another error aborts", func(t T, e E, b B, j J) {
			e.On(b.b, j.answer("on"))
			register(e, b.a, event.Before, boom)
			err := refused(t, e, b)
			assert.ErrorIs(t, err, errBoom)
			assert.NotErrorIs(t, err, event.ErrCancelled)
			assert.Empty(t, j.all())
		}},
		{"on: gets the input, returns the result", func(t T, e E, b B, j J) {
			e.On(b.a, func(_ context.Context, in string) (string, error) { return in + "!", nil })
			assert.Equal(t, []string{"in!"}, values(dispatch(t, e, b)))
		}},
		{"on: may fail", func(t T, e E, b B, j J) {
			e.On(b.a, fail(errBoom))
			assert.ErrorIs(t, refused(t, e, b), errBoom)
		}},
		{"after: gets all results", func(t T, e E, b B, j J) {
			e.On(b.a, answer("1"))
			e.On(b.b, answer("2"))
			e.After(b.c, func(_ context.Context, _ string, r []event.Result[string]) error {
				j.add(fmt.Sprint(sourcesOf(r), values(r)))
				return nil
			})
			dispatch(t, e, b)
			assert.Equal(t, []string{"[a b] [1 2]"}, j.all())
		}},
		{"after: returns nothing", func(t T, e E, b B, j J) {
			register(e, b.a, event.After, func(context.Context) error { j.add("after"); return nil })
			assert.Empty(t, dispatch(t, e, b))
			assert.Equal(t, []string{"after"}, j.all())
		}},
		{"after: may fail", func(t T, e E, b B, j J) {
			e.On(b.b, answer("1"))
			register(e, b.a, event.After, boom)
			assert.Equal(t, event.After, hookError(t, refused(t, e, b)).Preposition)
		}},

		{"before phase: connectors concurrently", func(t T, e E, b B, j J) {
			together(e, b, event.Before)
			began := time.Now()
			dispatch(t, e, b)
			assert.InDelta(t, 1, seconds(began), 0)
		}},
		{"before phase: hooks of a connector in sequence", func(t T, e E, b B, j J) {
			for _, name := range []string{"1", "2"} {
				register(e, b.a, event.Before, func(context.Context) error { time.Sleep(time.Second); j.add(name); return nil })
			}
			together(e, b, event.Before)
			began := time.Now()
			dispatch(t, e, b)
			assert.InDelta(t, 3, seconds(began), 0)
			assert.Equal(t, []string{"1", "2"}, j.all())
		}},
		{"before phase: the first error stops the siblings", func(t T, e E, b B, j J) {
			register(e, b.a, event.Before, func(context.Context) error { time.Sleep(time.Second); return errBoom })
			unwound(e, b, j, event.Before)
			assert.Equal(t, "a", hookError(t, refused(t, e, b)).Source)
			assert.Equal(t, []string{event.ErrPeerFailed.Error()}, j.all())
		}},
		{"before phase: a cancellation skips the rest", func(t T, e E, b B, j J) {
			e.On(b.b, j.answer("on"))
			register(e, b.c, event.After, func(context.Context) error { j.add("after"); return nil })
			register(e, b.a, event.Before, veto)
			refused(t, e, b)
			assert.Empty(t, j.all())
		}},
		{"before phase: errors come as a group", func(t T, e E, b B, j J) {
			other := errors.New("other")
			register(e, b.a, event.Before, func(context.Context) error { time.Sleep(time.Second); return errBoom })
			register(e, b.b, event.Before, func(ctx context.Context) error { <-ctx.Done(); return other })
			err := refused(t, e, b)
			assert.ErrorIs(t, err, errBoom)
			assert.ErrorIs(t, err, other)
		}},
		{"on phase: connectors concurrently", func(t T, e E, b B, j J) {
			together(e, b, event.On)
			began := time.Now()
			dispatch(t, e, b)
			assert.InDelta(t, 1, seconds(began), 0)
		}},
		{"on phase: bus order, then hook order", func(t T, e E, b B, j J) {
			e.On(b.b, j.answer("b1"))
			e.On(b.a, func(context.Context, string) (string, error) { time.Sleep(time.Second); j.add("a"); return "a", nil })
			e.On(b.b, j.answer("b2"))
			assert.Equal(t, []string{"a", "b1", "b2"}, values(dispatch(t, e, b)))
			assert.Equal(t, []string{"b1", "b2", "a"}, j.all(), "independent of what ends first")
		}},
		{"on phase: the silent contribute nothing", func(t T, e E, b B, j J) {
			e.On(b.b, answer("b"))
			register(e, b.a, event.Before, func(context.Context) error { return nil })
			assert.Equal(t, []string{"b"}, sourcesOf(dispatch(t, e, b)))
		}},
		{"on phase: an error stops siblings and after hooks", func(t T, e E, b B, j J) {
			register(e, b.a, event.On, func(context.Context) error { time.Sleep(time.Second); return errBoom })
			unwound(e, b, j, event.On)
			register(e, b.c, event.After, func(context.Context) error { j.add("after"); return nil })
			assert.ErrorIs(t, refused(t, e, b), errBoom)
			assert.Equal(t, []string{event.ErrPeerFailed.Error()}, j.all())
		}},
		{"on phase: collected errors reach after hooks", func(t T, e E, b B, j J) {
			e.On(b.a, fail(errBoom))
			e.After(b.b, func(_ context.Context, _ string, r []event.Result[string]) error { j.add(r[0].Err.Error()); return nil })
			dispatch(t, e, b, event.CollectErrors())
			assert.Equal(t, []string{"adjust hook of a: boom"}, j.all())
		}},
		{"on phase: collecting goes on in the same connector", func(t T, e E, b B, j J) {
			e.On(b.a, fail(errBoom))
			e.On(b.a, answer("later"))
			assert.Equal(t, []string{"", "later"}, values(dispatch(t, e, b, event.CollectErrors())))
		}},
		{"after phase: connectors concurrently", func(t T, e E, b B, j J) {
			together(e, b, event.After)
			began := time.Now()
			dispatch(t, e, b)
			assert.InDelta(t, 1, seconds(began), 0)
		}},
		{"after phase: fails fast, collecting or not", func(t T, e E, b B, j J) {
			register(e, b.a, event.After, func(context.Context) error { time.Sleep(time.Second); return errBoom })
			unwound(e, b, j, event.After)
			assert.ErrorIs(t, refused(t, e, b, event.CollectErrors()), errBoom)
			assert.Equal(t, []string{event.ErrPeerFailed.Error()}, j.all())
		}},
		{"after phase: everybody, also with first", func(t T, e E, b B, j J) {
			e.On(b.a, answer("1"))
			register(e, b.c, event.After, func(context.Context) error { j.add("c"); return nil })
			dispatch(t, e, b, event.First())
			assert.Equal(t, []string{"c"}, j.all())
		}},
		{"bus order: as opened, a late one last", func(t T, e E, b B, j J) {
			late := b.Scope("servo")
			e.On(late, answer(""))
			e.On(b.a, answer(""))
			assert.Equal(t, []string{"a", "b", "c", "servo"}, b.Sources())
			assert.Equal(t, []string{"a", "servo"}, sourcesOf(dispatch(t, e, b)))
		}},
		{"bus order: members added meanwhile stay out", func(t T, e E, b B, j J) {
			register(e, b.a, event.On, func(context.Context) error { e.On(b.Scope("new"), j.answer("new")); return nil })
			assert.Len(t, dispatch(t, e, b, event.Only("a")), 1)
			assert.Empty(t, j.all())
			assert.Equal(t, []string{"a", "new"}, b.Responds("adjust"))
		}},
		{"bus: nobody responds", func(t T, e E, b B, j J) {
			assert.Nil(t, dispatch(t, e, b))
			assert.Empty(t, b.Responds("adjust"))
			assert.Empty(t, b.Responds("unknown"))
		}},
		{"bus: a namesake with other types", func(t T, e E, b B, j J) {
			e.On(b.a, answer("1"))
			_, err := event.New[int, int]("adjust").Dispatch(t.Context(), b.Bus, 1)
			assert.ErrorContains(t, err, "a different event of that name")
		}},
	}
}
