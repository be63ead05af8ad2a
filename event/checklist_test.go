package event_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
)

// TestChecklist has a case for each rule of prepositions, dispatches, their
// options and errors, around functions and contexts. Each case gets an event, a
// bus with the sources a, b and c, and a journal, in a bubble of its own time.
func TestChecklist(t *testing.T) {
	type (
		T = *testing.T
		E = *event.Event[string, string]
		J = *journal
	)
	type B struct {
		*event.Bus
		a, b, c *event.Scope
	}
	ctx := context.Background()
	boom := func(context.Context) error { return errBoom }
	veto := func(context.Context) error { return event.Cancel("freeze") }
	dispatch := func(t T, e E, b B, opts ...event.DispatchOption) []event.Result[string] {
		t.Helper()
		results, err := e.Dispatch(t.Context(), b.Bus, "in", opts...)
		require.NoError(t, err)
		return results
	}
	refused := func(t T, e E, b B, opts ...event.DispatchOption) error {
		t.Helper()
		results, err := e.Dispatch(t.Context(), b.Bus, "in", opts...)
		require.Error(t, err)
		assert.Nil(t, results)
		return err
	}
	// together registers hooks of a and b that each take a second.
	together := func(e E, b B, at event.Preposition) {
		for _, s := range []*event.Scope{b.a, b.b} {
			register(e, s, at, func(context.Context) error { time.Sleep(time.Second); return nil })
		}
	}
	// unwound registers a hook of b that notes why its context ended.
	unwound := func(e E, b B, j J, at event.Preposition) {
		register(e, b.b, at, func(ctx context.Context) error {
			<-ctx.Done()
			j.add(context.Cause(ctx).Error())
			return ctx.Err()
		})
	}
	seconds := func(began time.Time) float64 { return time.Since(began).Seconds() }
	// seen dispatches once and returns what Current says in the hook of a.
	seen := func(t T, e E, b B, at event.Preposition) (c event.Context) {
		register(e, b.a, at, func(ctx context.Context) error { c, _ = event.Current(ctx); return nil })
		dispatch(t, e, b)
		return c
	}
	rows := []struct {
		name string
		run  func(T, E, B, J)
	}{
		// Prepositions.
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

		// Options.
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

		// Order and concurrency.
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

		// Results and errors.
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

		// What was wrong once.
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

		// Around functions.
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

		// Contexts.
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
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := new(event.Bus)
				b := B{bus, bus.Scope("a"), bus.Scope("b"), bus.Scope("c")}
				row.run(t, event.New[string, string]("adjust"), b, new(journal))
				assert.NoError(t, bus.Err())
			})
		})
	}
	assert.Equal(t, 73, len(rows), "rows")
	t.Logf("%d rows", len(rows))
}

// surrounded is an event with an around function that writes down what it sees.
func surrounded(j *journal) *event.Event[string, int] {
	return event.New[string, int]("around", func(ctx context.Context, in string, next next) error {
		j.add("setup " + in)
		err := next(ctx)
		j.add(fmt.Sprint("teardown ", err))
		return err
	})
}

// count registers a hook whose result is of another type than its input.
func count(e *event.Event[string, int], r event.Registrar, j *journal, line string) {
	e.On(r, func(context.Context, string) (int, error) { j.add(line); return len(line), nil })
}

// inHook checks that a value of the dispatch's context is seen in hooks, also in
// what they start, and nowhere else.
func inHook(t *testing.T, e *event.Event[string, string], b *event.Bus, s *event.Scope, ctx context.Context, get func(context.Context) (string, bool), want string) { //nolint:revive // t goes first
	t.Helper()
	got := make(chan string, 1)
	register(e, s, event.On, func(ctx context.Context) error {
		go func() { name, _ := get(ctx); got <- name }()
		return nil
	})
	_, err := e.Dispatch(ctx, b, "in")
	require.NoError(t, err)
	assert.Equal(t, want, <-got)
	_, ok := get(t.Context())
	assert.False(t, ok)
}
