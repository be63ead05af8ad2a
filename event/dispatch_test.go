package event_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
)

func TestDispatchWithoutHooks(t *testing.T) {
	e := event.New[string, string]("measure")
	cases := map[string]func() *event.Bus{
		"fresh bus": func() *event.Bus { return new(event.Bus) },
		"other event": func() *event.Bus {
			b := new(event.Bus)
			event.New[string, string]("adjust").On(b.Scope("a"), answer("x"))
			return b
		},
		"only a before hook": func() *event.Bus {
			b := new(event.Bus)
			e.Before(b.Scope("a"), func(context.Context, string) error { return nil })
			return b
		},
	}
	options := map[string][]event.DispatchOption{
		"plain":   nil,
		"zero":    {{}},
		"first":   {event.First()},
		"collect": {event.CollectErrors()},
	}
	for name, bus := range cases {
		for with, opts := range options {
			t.Run(name+"/"+with, func(t *testing.T) {
				results, err := e.Dispatch(t.Context(), bus(), "in", opts...)
				require.NoError(t, err)
				assert.Empty(t, results)
			})
		}
	}
}

func TestDispatchNilBus(t *testing.T) {
	_, err := event.New[string, string]("measure").Dispatch(t.Context(), nil, "in")
	require.EqualError(t, err, "dispatching measure: there is no bus")
}

// Later sources finish first, and still the results are in bus order.
func TestResultsAreInBusOrderThenHookOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := event.New[string, string]("measure")
		b := new(event.Bus)
		first, second, third := b.Scope("first"), b.Scope("second"), b.Scope("third")
		j := new(journal)
		slow := func(value string, d time.Duration) func(context.Context, string) (string, error) {
			return func(context.Context, string) (string, error) {
				time.Sleep(d)
				j.add(value)
				return value, nil
			}
		}
		e.On(third, slow("3a", 1*time.Second))
		e.On(first, slow("1a", 10*time.Second))
		e.On(second, slow("2a", 5*time.Second))
		e.On(first, slow("1b", 1*time.Second))
		e.On(third, slow("3b", 1*time.Second))
		began := time.Now()

		results, err := e.Dispatch(t.Context(), b, "in")
		require.NoError(t, err)
		assert.Equal(t, []string{"1a", "1b", "2a", "3a", "3b"}, values(results))
		assert.Equal(t, []string{"3a", "3b", "2a", "1a", "1b"}, j.all())
		assert.Equal(t, 11*time.Second, time.Since(began), "sources run concurrently, hooks of one source in turn")
		assert.Equal(t, []string{"first", "first", "second", "third", "third"}, sourcesOf(results))
		for _, r := range results {
			assert.NoError(t, r.Err)
			assert.True(t, r.CreatedAt().Equal(began), "results carry the start of the phase")
		}
	})
}

func sourcesOf(results []event.Result[string]) []string {
	var out []string
	for _, r := range results {
		out = append(out, r.Source)
	}
	return out
}

func TestPhasesRunOneAfterAnother(t *testing.T) {
	for _, sources := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d sources", sources), func(t *testing.T) {
			e := event.New[string, string]("adjust")
			b := new(event.Bus)
			j := new(journal)
			for i := range sources {
				s := b.Scope("s" + strconv.Itoa(i))
				e.After(s, func(_ context.Context, in string, results []event.Result[string]) error {
					j.add("after")
					assert.Equal(t, "in", in)
					assert.Len(t, results, sources)
					return nil
				})
				e.On(s, func(_ context.Context, in string) (string, error) {
					j.add("on")
					assert.Equal(t, "in", in)
					return "out", nil
				})
				e.Before(s, func(_ context.Context, in string) error {
					j.add("before")
					assert.Equal(t, "in", in)
					return nil
				})
			}
			results, err := e.Dispatch(t.Context(), b, "in")
			require.NoError(t, err)
			assert.Len(t, results, sources)
			var want []string
			for _, phase := range []string{"before", "on", "after"} {
				for range sources {
					want = append(want, phase)
				}
			}
			assert.Equal(t, want, j.all())
		})
	}
}

func TestSingleSourceRunsOnTheCallersGoroutine(t *testing.T) {
	e := event.New[string, string]("adjust")
	b := new(event.Bus)
	s := b.Scope("only")
	b.Scope("bystander")
	j := new(journal)
	e.Before(s, func(context.Context, string) error { j.add(goroutine()); return nil })
	e.On(s, func(context.Context, string) (string, error) { j.add(goroutine()); return "", nil })
	e.On(s, func(context.Context, string) (string, error) { j.add(goroutine()); return "", nil })
	e.After(s, func(context.Context, string, []event.Result[string]) error { j.add(goroutine()); return nil })
	_, err := e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	me := goroutine()
	assert.Equal(t, []string{me, me, me, me}, j.all())
}

func TestSequentialRunsInBusOrderOnTheCallersGoroutine(t *testing.T) {
	e := event.NewSequential[string, string]("startup")
	b := new(event.Bus)
	j := new(journal)
	var ran []string
	for i := range 20 { // more than fit into the inline arrays
		name := fmt.Sprintf("s%02d", i)
		e.On(b.Scope(name), func(context.Context, string) (string, error) {
			ran = append(ran, name)
			j.add(goroutine())
			return name, nil
		})
	}
	results, err := e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	assert.Equal(t, b.Sources(), ran)
	assert.Equal(t, ran, values(results))
	for _, id := range j.all() {
		assert.Equal(t, goroutine(), id)
	}
}

func TestSequentialStopsAtTheFirstError(t *testing.T) {
	e := event.NewSequential[string, string]("startup")
	b := new(event.Bus)
	j := new(journal)
	e.On(b.Scope("a"), j.answer("a"))
	e.On(b.Scope("b"), fail(errBoom))
	e.On(b.Scope("c"), j.answer("c"))
	results, err := e.Dispatch(t.Context(), b, "")
	require.EqualError(t, err, "startup hook of b: boom")
	assert.Nil(t, results)
	assert.Equal(t, []string{"a"}, j.all())
}

func TestErrorsCarryTheirPlace(t *testing.T) {
	for _, sources := range []int{1, 2} {
		for _, at := range []event.Preposition{event.Before, event.On, event.After} {
			t.Run(fmt.Sprintf("%s of %d", at, sources), func(t *testing.T) {
				e := event.New[string, string]("adjust")
				b := new(event.Bus)
				j := new(journal)
				register(e, b.Scope("bad"), at, func(context.Context) error { return fmt.Errorf("wrapped: %w", errBoom) })
				if sources == 2 {
					register(e, b.Scope("good"), at, func(context.Context) error { return nil })
				}
				witness(e, b.Scope("witness"), j)

				results, err := e.Dispatch(t.Context(), b, "")
				require.ErrorIs(t, err, errBoom)
				assert.Nil(t, results)
				h := hookError(t, err)
				assert.Equal(t, "adjust", h.Event)
				assert.Equal(t, "bad", h.Source)
				assert.Equal(t, at, h.Preposition)
				assert.ErrorIs(t, h.Unwrap(), errBoom)
				assert.NotContains(t, err.Error(), "context canceled")
				assert.NotErrorIs(t, err, event.ErrPeerFailed)
				for _, line := range j.all() {
					p, err := event.ParsePreposition(line)
					require.NoError(t, err)
					assert.LessOrEqual(t, p, at, "no later phase runs after a failure")
				}
			})
		}
	}
}

// register adds a hook whose only purpose is its error, at any preposition.
func register(e *event.Event[string, string], r event.Registrar, at event.Preposition, h func(context.Context) error) {
	switch at {
	case event.Before:
		e.Before(r, func(ctx context.Context, _ string) error { return h(ctx) })
	case event.On:
		e.On(r, func(ctx context.Context, _ string) (string, error) { return "", h(ctx) })
	case event.After:
		e.After(r, func(ctx context.Context, _ string, _ []event.Result[string]) error { return h(ctx) })
	}
}

// witness registers hooks for every phase that write down that they ran.
func witness(e *event.Event[string, string], r event.Registrar, j *journal) {
	for _, at := range []event.Preposition{event.Before, event.On, event.After} {
		register(e, r, at, func(context.Context) error { j.add(at.String()); return nil })
	}
}

func TestPeersAreUnwoundAndWaitedFor(t *testing.T) {
	for _, at := range []event.Preposition{event.Before, event.On, event.After} {
		t.Run(at.String(), func(t *testing.T) {
			e := event.New[string, string]("adjust")
			b := new(event.Bus)
			var unwound atomic.Int32
			var waiting sync.WaitGroup
			waiting.Add(5)
			peer := func(shape func(context.Context) error) func(context.Context) error {
				return func(ctx context.Context) error {
					waiting.Done()
					<-ctx.Done()
					assert.Equal(t, event.ErrPeerFailed, context.Cause(ctx))
					unwound.Add(1)
					return shape(ctx)
				}
			}
			register(e, b.Scope("plain"), at, peer(func(ctx context.Context) error { return ctx.Err() }))
			register(e, b.Scope("wrapped"), at, peer(func(ctx context.Context) error {
				return fmt.Errorf("waiting: %w", ctx.Err())
			}))
			register(e, b.Scope("cause"), at, peer(func(ctx context.Context) error { return context.Cause(ctx) }))
			register(e, b.Scope("both"), at, peer(func(ctx context.Context) error {
				return errors.Join(ctx.Err(), context.Cause(ctx))
			}))
			register(e, b.Scope("fine"), at, peer(func(context.Context) error { return nil }))
			register(e, b.Scope("bad"), at, func(context.Context) error { waiting.Wait(); return errBoom })

			_, err := e.Dispatch(t.Context(), b, "")
			assert.EqualValues(t, 5, unwound.Load(), "dispatch waits for every sibling")
			want := &event.HookError{Event: "adjust", Source: "bad", Preposition: at, Err: errBoom}
			assert.Equal(t, want, err, "nothing but the real error")
		})
	}
}

func TestRealErrorsOfUnwoundPeersAreKept(t *testing.T) {
	errRollback := errors.New("rollback impossible")
	e := event.New[string, string]("adjust")
	b := new(event.Bus)
	waiting := make(chan struct{})
	e.On(b.Scope("a"), func(ctx context.Context, _ string) (string, error) {
		close(waiting)
		<-ctx.Done()
		return "", errors.Join(ctx.Err(), errRollback)
	})
	e.On(b.Scope("b"), func(context.Context, string) (string, error) { <-waiting; return "", errBoom })
	_, err := e.Dispatch(t.Context(), b, "")
	require.ErrorIs(t, err, errBoom)
	require.ErrorIs(t, err, errRollback)
	assert.Equal(t, "b", hookError(t, err).Source, "the error that started it comes first")
}

// A hook whose own business was cancelled has failed; it was not unwound.
func TestCanceledOfTheHookItselfIsAnError(t *testing.T) {
	for _, sources := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d sources", sources), func(t *testing.T) {
			e := event.New[string, string]("adjust")
			b := new(event.Bus)
			e.On(b.Scope("a"), fail(context.Canceled))
			if sources == 2 {
				e.On(b.Scope("b"), untilEnd)
			}
			_, err := e.Dispatch(t.Context(), b, "")
			require.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, "a", hookError(t, err).Source)
		})
	}
}

func TestLaterHooksOfAnUnwoundSourceStayOut(t *testing.T) {
	e := event.New[string, string]("adjust")
	b := new(event.Bus)
	a := b.Scope("a")
	j := new(journal)
	waiting := make(chan struct{})
	e.On(a, func(ctx context.Context, _ string) (string, error) { close(waiting); <-ctx.Done(); return "", nil })
	e.On(a, j.answer("second"))
	e.On(b.Scope("b"), func(context.Context, string) (string, error) { <-waiting; return "", errBoom })
	_, err := e.Dispatch(t.Context(), b, "")
	require.EqualError(t, err, "adjust hook of b: boom")
	assert.Empty(t, j.all())
}

func TestPanicsBecomeErrors(t *testing.T) {
	raise := map[string]func(){
		"value":        func() { panic("ouch") },
		"error":        func() { panic(event.Cancel("never a cancellation")) },
		"runtime":      func() { var m []int; m[len(m)]++ },
		"ended itself": func() { panic(context.Canceled) },
	}
	for name, f := range raise {
		for _, sources := range []int{1, 2} {
			for _, at := range []event.Preposition{event.Before, event.On, event.After} {
				t.Run(fmt.Sprintf("%s in %s of %d", name, at, sources), func(t *testing.T) {
					e := event.New[string, string]("adjust")
					b := new(event.Bus)
					register(e, b.Scope("bad"), at, func(context.Context) error { f(); return nil })
					if sources == 2 {
						register(e, b.Scope("peer"), at, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
					}
					_, err := e.Dispatch(t.Context(), b, "")
					var p *event.PanicError
					require.ErrorAs(t, err, &p)
					assert.Contains(t, string(p.Stack), "TestPanicsBecomeErrors", "the stack shows the culprit")
					assert.Contains(t, err.Error(), "panic: ")
					assert.NotErrorIs(t, err, event.ErrCancelled)
					assert.Equal(t, "bad", hookError(t, err).Source)
				})
			}
		}
	}
}

func TestGoexitOfAHookIsAnError(t *testing.T) {
	e := event.New[string, string]("adjust")
	b := new(event.Bus)
	e.On(b.Scope("a"), func(context.Context, string) (string, error) { exit(); return "", nil })
	e.On(b.Scope("b"), untilEnd)
	_, err := e.Dispatch(t.Context(), b, "")
	require.ErrorContains(t, err, "runtime.Goexit")
	assert.Equal(t, "a", hookError(t, err).Source)
}

func TestHooksAreSnapshottedWhenDispatchStarts(t *testing.T) {
	e := event.New[string, string]("adjust")
	b := new(event.Bus)
	a, closing := b.Scope("a"), b.Scope("closing")
	j := new(journal)
	var once sync.Once
	e.Before(a, func(context.Context, string) error {
		once.Do(func() {
			closing.Close()
			late := b.Scope("late")
			e.On(late, j.answer("late"))
			e.After(late, func(context.Context, string, []event.Result[string]) error { j.add("after late"); return nil })
			e.On(a, j.answer("a2"))
		})
		return nil
	})
	e.On(a, j.answer("a"))
	e.On(closing, j.answer("closing"))

	results, err := e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "closing"}, values(results))
	results, err = e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "a2", "late"}, values(results))
	require.NoError(t, b.Err())
	assert.Equal(t, []string{"a", "late"}, b.Sources())
}

// Everything a bus can do, at the same time; the race detector is the judge.
func TestConcurrentUse(t *testing.T) {
	e := event.New[string, string]("adjust")
	b := new(event.Bus)
	steady := b.Scope("steady")
	e.On(steady, answer("steady"))
	var all sync.WaitGroup
	for i := range 4 {
		name := "s" + strconv.Itoa(i)
		all.Go(func() {
			for range 100 {
				s := b.Scope(name)
				e.Before(s, func(context.Context, string) error { return nil })
				e.On(s, answer(name))
				s.Close()
			}
		})
		all.Go(func() {
			for range 100 {
				results, err := e.Dispatch(context.Background(), b, "")
				if assert.NoError(t, err) && assert.NotEmpty(t, results) {
					assert.Equal(t, "steady", results[0].Value)
				}
				b.Sources()
				b.Responds("adjust")
			}
		})
	}
	all.Wait()
	require.NoError(t, b.Err())
	assert.Equal(t, []string{"steady"}, b.Sources())
}

func TestResultsCanBeAppendedToSafely(t *testing.T) {
	e := event.New[string, string]("measure")
	b := new(event.Bus)
	e.On(b.Scope("a"), answer("a"))
	results, err := e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	assert.Equal(t, len(results), cap(results))
	assert.True(t, strings.HasPrefix(e.String(), e.Name()))
}

// Also those of before and after hooks, and when the first one says nothing of
// having been stopped.
func TestLaterObserversOfAnUnwoundSourceStayOut(t *testing.T) {
	for _, at := range []event.Preposition{event.Before, event.After} {
		t.Run(at.String(), func(t *testing.T) {
			e := event.New[string, string]("adjust")
			b := new(event.Bus)
			register(e, b.Scope("a"), at, func(context.Context) error { return errBoom })
			second := b.Scope("b")
			register(e, second, at, func(ctx context.Context) error { <-ctx.Done(); return nil })
			register(e, second, at, func(context.Context) error { t.Error("must not run"); return nil })
			_, err := e.Dispatch(t.Context(), b, "in")
			assert.EqualError(t, err, event.Context{Event: "adjust", Preposition: at}.String()+" hook of a: boom")
		})
	}
}

// A source that registers another hook changes nothing about a dispatch that
// has begun.
func TestHooksOfAKnownSourceAreSnapshottedToo(t *testing.T) {
	e := event.New[string, string]("adjust")
	b := new(event.Bus)
	a := b.Scope("a")
	e.On(a, answer("1"))
	e.Before(a, func(context.Context, string) error {
		e.On(a, answer("2"))
		e.After(a, func(context.Context, string, []event.Result[string]) error { t.Error("must not run"); return nil })
		return nil
	})
	e.After(a, func(context.Context, string, []event.Result[string]) error { return nil })
	results, err := e.Dispatch(t.Context(), b, "in")
	require.NoError(t, err)
	assert.Equal(t, []string{"1"}, values(results))
}
