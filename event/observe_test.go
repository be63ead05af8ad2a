package event_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
)

// observations collects what a bus tells.
type observations struct {
	mu  sync.Mutex
	all []event.Observation
}

func (o *observations) add(_ context.Context, seen event.Observation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, seen)
}

// lines returns one text for each, those of one phase by source, since sources
// end in any order.
func (o *observations) lines() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	slices.SortStableFunc(o.all, func(x, y event.Observation) int {
		if x.Preposition != y.Preposition || x.Source == y.Source {
			return 0
		}
		if x.Source < y.Source {
			return -1
		}
		return 1
	})
	var lines []string
	for _, seen := range o.all {
		place := seen.Event
		if seen.Preposition != 0 {
			place = event.Context{Event: seen.Event, Preposition: seen.Preposition}.String() + " of " + seen.Source
		}
		outcome := "ok"
		if seen.Err != nil {
			outcome = seen.Err.Error()
		}
		lines = append(lines, place+": "+outcome)
	}
	return lines
}

// observed is a bus with sources a, b and c and what it tells.
type observed struct {
	observations
	bus     event.Bus
	a, b, c *event.Scope
}

func newObserved() *observed {
	o := new(observed)
	o.a, o.b, o.c = o.bus.Scope("a"), o.bus.Scope("b"), o.bus.Scope("c")
	o.bus.Observe(o.add)
	return o
}

func gives(err error) func(context.Context, int) (int, error) {
	return func(_ context.Context, in int) (int, error) { return in, err }
}

// meeting returns a function that returns when two hooks have called it.
func meeting() func() {
	var wait sync.WaitGroup
	wait.Add(2)
	return func() { wait.Done(); wait.Wait() }
}

func TestObserve(t *testing.T) {
	errBroken := errors.New("broken")
	stopped := errors.New("stop requested")
	type (
		E = *event.Event[int, int]
		O = *observed
	)
	tests := []struct {
		name    string
		event   func(...event.Around[int]) E // New unless said otherwise
		around  event.Around[int]
		bind    func(t *testing.T, e E, o O, stop context.CancelCauseFunc)
		opts    []event.DispatchOption
		want    []string
		results int
	}{
		{name: "nobody", want: []string{"measure: ok"}},
		{
			name: "one source",
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) { e.On(o.a, gives(nil)) },
			want: []string{"measure of a: ok", "measure: ok"}, results: 1,
		},
		{
			name: "several hooks of a source are one observation",
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) { e.On(o.a, gives(nil)); e.On(o.a, gives(nil)) },
			want: []string{"measure of a: ok", "measure: ok"}, results: 2,
		},
		{
			name: "all phases of several sources",
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) {
				for _, s := range []*event.Scope{o.a, o.b} {
					e.Before(s, func(context.Context, int) error { return nil })
					e.On(s, gives(nil))
					e.After(s, func(context.Context, int, []event.Result[int]) error { return nil })
				}
				e.After(o.c, func(context.Context, int, []event.Result[int]) error { return nil })
			},
			want: []string{
				"before:measure of a: ok", "before:measure of b: ok", "measure of a: ok", "measure of b: ok",
				"after:measure of a: ok", "after:measure of b: ok", "after:measure of c: ok", "measure: ok",
			},
			results: 2,
		},
		{
			name: "a single before and after hook",
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) {
				e.Before(o.a, func(context.Context, int) error { return nil })
				e.After(o.b, func(context.Context, int, []event.Result[int]) error { return errBroken })
			},
			want: []string{"before:measure of a: ok", "after:measure of b: after:measure hook of b: broken", "measure: after:measure hook of b: broken"},
		},
		{
			name: "cancelled before",
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) {
				e.Before(o.a, func(context.Context, int) error { return event.Cancel("not now") })
				e.On(o.b, gives(nil))
			},
			want: []string{
				"before:measure of a: before:measure hook of a: event cancelled: not now",
				"measure: before:measure hook of a: event cancelled: not now",
			},
		},
		{
			name: "a failure ends the peers",
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) {
				meet := meeting()
				e.On(o.a, func(ctx context.Context, _ int) (int, error) { meet(); <-ctx.Done(); return 0, context.Cause(ctx) })
				e.On(o.b, func(context.Context, int) (int, error) { meet(); return 0, errBroken })
			},
			want: []string{
				"measure of a: measure hook of a: a hook of another source failed", "measure of b: measure hook of b: broken",
				"measure: measure hook of b: broken",
			},
		},
		{
			name:  "in turn, the rest is not reached",
			event: func(a ...event.Around[int]) E { return event.NewSequential[int, int]("measure", a...) },
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) {
				e.On(o.a, gives(nil))
				e.On(o.b, gives(errBroken))
				e.On(o.c, gives(nil))
			},
			want: []string{"measure of a: ok", "measure of b: measure hook of b: broken", "measure: measure hook of b: broken"},
		},
		{
			name: "panic of an only source",
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) {
				e.On(o.a, func(context.Context, int) (int, error) { panic("ouch") })
			},
			want: []string{"measure of a: measure hook of a: panic: ouch", "measure: measure hook of a: panic: ouch"},
		},
		{
			name: "panics of several before hooks",
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) {
				meet := meeting()
				e.Before(o.a, func(context.Context, int) error { meet(); panic("ouch") })
				e.Before(o.b, func(ctx context.Context, _ int) error { meet(); <-ctx.Done(); panic("too") })
			},
			want: []string{
				"before:measure of a: before:measure hook of a: panic: ouch", "before:measure of b: before:measure hook of b: panic: too",
				"measure: before:measure hook of a: panic: ouch\nbefore:measure hook of b: panic: too",
			},
		},
		{
			name: "a hook among several ends its goroutine",
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) {
				meet := meeting()
				e.On(o.a, func(context.Context, int) (int, error) { meet(); runtime.Goexit(); return 0, nil })
				e.On(o.b, func(ctx context.Context, _ int) (int, error) { meet(); <-ctx.Done(); return 0, nil })
			},
			want: []string{
				"measure of a: measure hook of a: the hook ended its goroutine (runtime.Goexit) instead of returning", "measure of b: ok",
				"measure: measure hook of a: the hook ended its goroutine (runtime.Goexit) instead of returning",
			},
		},
		{
			name: "the caller stops between two hooks",
			bind: func(_ *testing.T, e E, o O, stop context.CancelCauseFunc) {
				e.On(o.a, func(context.Context, int) (int, error) { stop(stopped); return 0, nil })
				e.On(o.a, gives(errBroken))
			},
			want: []string{"measure of a: measure hook of a: stop requested", "measure: stop requested"},
		},
		{
			name:  "the caller stops between two sources",
			event: func(a ...event.Around[int]) E { return event.NewSequential[int, int]("measure", a...) },
			bind: func(_ *testing.T, e E, o O, stop context.CancelCauseFunc) {
				e.On(o.a, func(context.Context, int) (int, error) { stop(stopped); return 0, nil })
				e.On(o.b, gives(errBroken))
			},
			want: []string{"measure of a: ok", "measure: stop requested"},
		},
		{
			name: "the caller stops in a before hook",
			bind: func(_ *testing.T, e E, o O, stop context.CancelCauseFunc) {
				e.Before(o.a, func(context.Context, int) error { stop(stopped); return nil })
				e.On(o.b, gives(errBroken))
			},
			want: []string{"before:measure of a: ok", "measure: stop requested"},
		},
		{
			name: "the caller stops several",
			bind: func(_ *testing.T, e E, o O, stop context.CancelCauseFunc) {
				meet := meeting()
				e.On(o.a, func(context.Context, int) (int, error) { meet(); stop(stopped); return 0, errBroken })
				e.On(o.b, func(ctx context.Context, _ int) (int, error) { meet(); <-ctx.Done(); return 0, ctx.Err() })
			},
			want: []string{
				"measure of a: measure hook of a: broken", "measure of b: measure hook of b: context canceled",
				"measure: stop requested\nmeasure hook of a: broken",
			},
		},
		{
			name: "the caller had stopped",
			bind: func(_ *testing.T, e E, o O, stop context.CancelCauseFunc) { e.On(o.a, gives(nil)); stop(stopped) },
			want: []string{"measure: stop requested"},
		},
		{
			name: "collected errors",
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) {
				e.On(o.a, gives(errBroken))
				e.On(o.b, gives(nil))
				e.On(o.b, gives(errBroken))
				e.On(o.b, gives(errors.New("too")))
				e.On(o.c, gives(nil))
			},
			opts: []event.DispatchOption{event.CollectErrors()},
			want: []string{
				"measure of a: measure hook of a: broken", "measure of b: measure hook of b: broken\nmeasure hook of b: too",
				"measure of c: ok", "measure: ok",
			},
			results: 5,
		},
		{
			name: "collected errors of one source, then cancelled",
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) {
				e.On(o.a, gives(errBroken))
				e.On(o.a, gives(event.Cancel("enough")))
			},
			opts: []event.DispatchOption{event.CollectErrors()},
			want: []string{
				"measure of a: measure hook of a: broken\nmeasure hook of a: event cancelled: enough",
				"measure: measure hook of a: event cancelled: enough",
			},
		},
		{
			name:    "first",
			bind:    func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) { e.On(o.b, gives(nil)); e.On(o.a, gives(nil)) },
			opts:    []event.DispatchOption{event.First()},
			want:    []string{"measure of a: ok", "measure: ok"},
			results: 1,
		},
		{
			name: "only some, in some phases",
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) {
				e.Before(o.b, func(context.Context, int) error { return nil })
				e.On(o.a, gives(errBroken))
				e.On(o.b, gives(nil))
			},
			opts:    []event.DispatchOption{event.Only("b"), event.Prepositions(event.On)},
			want:    []string{"measure of b: ok", "measure: ok"},
			results: 1,
		},
		{
			name: "around functions count",
			around: func(ctx context.Context, _ int, next func(context.Context) error) error {
				return errors.Join(next(ctx), errBroken)
			},
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) { e.On(o.a, gives(nil)) },
			want: []string{"measure of a: measure hook of a: broken", "measure: measure hook of a: broken"},
		},
		{
			name:   "an around function that leaves the hook out",
			around: func(context.Context, int, func(context.Context) error) error { return nil },
			bind:   func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) { e.On(o.a, gives(nil)); e.On(o.b, gives(nil)) },
			opts:   []event.DispatchOption{event.Skip("b")},
			want: []string{
				"measure of a: measure hook of a: the hook did not run: around function 1 of 1 returned without calling next",
				"measure: measure hook of a: the hook did not run: around function 1 of 1 returned without calling next",
			},
		},
		{
			name: "wrong options",
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) { e.On(o.a, gives(nil)) },
			opts: []event.DispatchOption{event.Only("x")},
			want: []string{`measure: dispatching measure: only: unknown source "x" (sources on this bus: "a", "b", "c")`},
		},
		{
			name: "a mistake in registering",
			bind: func(_ *testing.T, e E, o O, _ context.CancelCauseFunc) { e.On(o.a, nil) },
			want: []string{`measure: dispatching measure: registering the measure hook of "a": the hook is nil`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var around []event.Around[int]
			if tt.around != nil {
				around = append(around, tt.around)
			}
			if tt.event == nil {
				tt.event = func(a ...event.Around[int]) E { return event.New[int, int]("measure", a...) }
			}
			e, plain, o := tt.event(around...), tt.event(around...), newObserved()
			unobserved := new(observed)
			unobserved.a, unobserved.b, unobserved.c = unobserved.bus.Scope("a"), unobserved.bus.Scope("b"), unobserved.bus.Scope("c")
			dispatch := func(e E, o O) ([]event.Result[int], error) {
				ctx, stop := context.WithCancelCause(t.Context())
				defer stop(nil)
				if tt.bind != nil {
					tt.bind(t, e, o, stop)
				}
				return e.Dispatch(ctx, &o.bus, 7, tt.opts...)
			}
			results, err := dispatch(e, o)
			assert.Equal(t, tt.want, o.lines())
			assert.Len(t, results, tt.results)
			assert.Equal(t, err, o.all[len(o.all)-1].Err, "the last one has the error of the dispatch")

			want, wantErr := dispatch(plain, unobserved)
			assert.Empty(t, unobserved.lines())
			assert.Equal(t, fmt.Sprint(wantErr), fmt.Sprint(err), "being observed changes nothing")
			require.Len(t, results, len(want))
			for i := range want {
				assert.Equal(t, want[i].Source, results[i].Source)
				assert.Equal(t, want[i].Value, results[i].Value)
				assert.Equal(t, fmt.Sprint(want[i].Err), fmt.Sprint(results[i].Err))
				assert.Equal(t, results[0].CreatedAt(), results[i].CreatedAt())
			}
		})
	}
}

func TestObservationsHaveTypedErrors(t *testing.T) {
	e, o := event.New[int, int]("measure"), newObserved()
	e.On(o.a, func(context.Context, int) (int, error) { panic("ouch") })
	_, err := e.Dispatch(t.Context(), &o.bus, 1)
	require.Error(t, err)
	require.Len(t, o.all, 2)
	for _, seen := range o.all {
		var hook *event.HookError
		require.ErrorAs(t, seen.Err, &hook)
		assert.Equal(t, event.HookError{Event: "measure", Source: "a", Preposition: event.On, Err: hook.Err}, *hook)
		var panicked *event.PanicError
		require.ErrorAs(t, seen.Err, &panicked)
		assert.Equal(t, "ouch", panicked.Value)
	}
}

func TestObservationsAreTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, o := event.NewSequential[int, int]("measure"), newObserved()
		start := time.Now()
		wait := func(d time.Duration) func(context.Context, int) (int, error) {
			return func(context.Context, int) (int, error) { time.Sleep(d); return 0, nil }
		}
		e.Before(o.a, func(context.Context, int) error { time.Sleep(time.Second); return nil })
		e.Before(o.b, func(context.Context, int) error { time.Sleep(2 * time.Second); return nil })
		e.On(o.a, wait(3*time.Second))
		e.On(o.a, wait(4*time.Second))
		e.On(o.b, wait(5*time.Second))
		_, err := e.Dispatch(t.Context(), &o.bus, 1)
		require.NoError(t, err)
		type timing struct{ began, took time.Duration }
		var got []timing
		for _, seen := range o.all {
			got = append(got, timing{seen.Began.Sub(start) / time.Second, seen.Took / time.Second})
		}
		assert.Equal(t, []timing{{0, 1}, {0, 2}, {2, 7}, {9, 5}, {0, 14}}, got)
	})
}

func TestObserversKnowTheirContext(t *testing.T) {
	e, o := event.New[int, int]("measure"), newObserved()
	e.On(o.a, gives(nil))
	var got []string
	o.bus.Observe(func(ctx context.Context, _ event.Observation) {
		c, ok := event.Current(ctx)
		servo, _ := event.Servo(ctx)
		uid, _ := event.Command(ctx)
		got = append(got, fmt.Sprint(c.Source, " ", ok, " ", servo, " ", uid))
	})
	_, err := e.Dispatch(event.WithCommand(event.WithServo(t.Context(), "web"), "m-1"), &o.bus, 1)
	require.NoError(t, err)
	assert.Equal(t, []string{"a true web m-1", " false web m-1"}, got)
}

func TestObserversComeAndGo(t *testing.T) {
	e := event.New[int, int]("measure")
	var bus event.Bus
	e.On(bus.Scope("a"), gives(nil))
	var calls []string
	dispatch := func() []string {
		calls = nil
		_, err := e.Dispatch(t.Context(), &bus, 1)
		require.NoError(t, err)
		return calls
	}
	add := func(name string) func() {
		return bus.Observe(func(_ context.Context, seen event.Observation) { calls = append(calls, name+seen.Source) })
	}
	bus.Observe(nil)()
	assert.Empty(t, dispatch())
	first, second := add("1"), add("2")
	assert.Equal(t, []string{"1a", "2a", "1", "2"}, dispatch())
	first()
	first()
	assert.Equal(t, []string{"2a", "2"}, dispatch())
	second()
	assert.Empty(t, dispatch())

	t.Run("from within", func(t *testing.T) {
		var stop func()
		stop = bus.Observe(func(context.Context, event.Observation) { calls = append(calls, "x"); stop() })
		last := add("3")
		defer last()
		assert.Equal(t, []string{"x", "3a", "3"}, dispatch())
		assert.Equal(t, []string{"3a", "3"}, dispatch())
	})
	t.Run("a panic ends the observer alone", func(t *testing.T) {
		bus.Observe(func(context.Context, event.Observation) { calls = append(calls, "p"); panic("observer") })
		last := add("4")
		defer last()
		assert.Equal(t, []string{"p", "4a", "4"}, dispatch())
		assert.Equal(t, []string{"4a", "4"}, dispatch())
		require.NoError(t, bus.Err())
	})
	t.Run("an empty bus", func(t *testing.T) {
		var empty event.Bus
		var o observations
		defer empty.Observe(o.add)()
		_, err := e.Dispatch(t.Context(), &empty, 1)
		require.NoError(t, err)
		_, err = event.New[int, int]("").Dispatch(t.Context(), &empty, 1)
		require.Error(t, err)
		assert.Equal(t, []string{"measure: ok", ": " + err.Error()}, o.lines())
	})
	t.Run("no bus", func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := e.Dispatch(ended, nil, 1)
		require.ErrorIs(t, err, context.Canceled)
		_, err = e.Dispatch(ended, new(event.Bus), 1)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// A hook that ends the goroutine of the caller is still told of.
func TestObserveGoexitOfTheCaller(t *testing.T) {
	for _, at := range []event.Preposition{event.Before, event.On} {
		t.Run(at.String(), func(t *testing.T) {
			e, o := event.New[int, int]("measure"), newObserved()
			if at == event.Before {
				e.Before(o.a, func(context.Context, int) error { runtime.Goexit(); return nil })
			} else {
				e.On(o.a, func(context.Context, int) (int, error) { runtime.Goexit(); return 0, nil })
			}
			var wait sync.WaitGroup
			wait.Go(func() { _, _ = e.Dispatch(t.Context(), &o.bus, 1) })
			wait.Wait()
			require.Len(t, o.all, 2)
			for _, seen := range o.all {
				assert.ErrorContains(t, seen.Err, "ended its goroutine")
			}
		})
	}
}

// While others dispatch, observers come and go; each dispatch is told completely
// to the one that stays.
func TestObserveConcurrently(t *testing.T) {
	const dispatches = 200
	e, o := event.New[int, int]("measure"), newObserved()
	for _, s := range []*event.Scope{o.a, o.b, o.c} {
		e.On(s, gives(nil))
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range dispatches {
				if _, err := e.Dispatch(t.Context(), &o.bus, 1); err != nil {
					t.Error(err)
				}
			}
		})
		wait.Go(func() {
			for range dispatches {
				o.bus.Observe(func(context.Context, event.Observation) {})()
			}
		})
	}
	wait.Wait()
	count := map[string]int{}
	for _, seen := range o.all {
		count[seen.Source]++
	}
	assert.Equal(t, map[string]int{"": 4 * dispatches, "a": 4 * dispatches, "b": 4 * dispatches, "c": 4 * dispatches}, count)
}

func BenchmarkDispatchOneHookObserved(b *testing.B) {
	e := event.New[int, int]("measure")
	bus := busWith(e, 1)
	bus.Observe(func(context.Context, event.Observation) {})
	benchmarkDispatch(b, e, bus)
}
