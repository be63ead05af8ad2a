package event_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/servokit/servokit/event"
)

// busWith returns a bus on which n sources answer e.
func busWith(e *event.Event[int, int], n int) *event.Bus {
	b := new(event.Bus)
	for i := range n {
		e.On(b.Scope("source-"+strconv.Itoa(i)), func(_ context.Context, in int) (int, error) { return in + i, nil })
	}
	return b
}

func benchmarkDispatch(b *testing.B, e *event.Event[int, int], bus *event.Bus, opts ...event.DispatchOption) {
	b.Helper()
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Dispatch(ctx, bus, 1, opts...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDispatchNobody(b *testing.B) {
	e := event.New[int, int]("measure")
	benchmarkDispatch(b, e, busWith(event.New[int, int]("adjust"), 1))
}

func BenchmarkDispatchOneHook(b *testing.B) {
	e := event.New[int, int]("measure")
	benchmarkDispatch(b, e, busWith(e, 1))
}

// BenchmarkDispatchOneHookCurrent has the hook ask for its surroundings.
func BenchmarkDispatchOneHookCurrent(b *testing.B) {
	e := event.New[int, int]("measure")
	bus := new(event.Bus)
	e.On(bus.Scope("source"), func(ctx context.Context, in int) (int, error) {
		c, _ := event.Current(ctx)
		return in + len(c.Source), nil
	})
	benchmarkDispatch(b, e, bus)
}

func BenchmarkDispatchAllPhases(b *testing.B) {
	e := event.New[int, int]("measure")
	bus := new(event.Bus)
	s := bus.Scope("source")
	e.Before(s, func(context.Context, int) error { return nil })
	e.On(s, func(_ context.Context, in int) (int, error) { return in, nil })
	e.After(s, func(context.Context, int, []event.Result[int]) error { return nil })
	benchmarkDispatch(b, e, bus)
}

func BenchmarkDispatchTenSequential(b *testing.B) {
	e := event.NewSequential[int, int]("measure")
	benchmarkDispatch(b, e, busWith(e, 10))
}

func BenchmarkDispatchTenConcurrent(b *testing.B) {
	e := event.New[int, int]("measure")
	benchmarkDispatch(b, e, busWith(e, 10))
}

// BenchmarkDispatchTenConcurrentCancellable has a caller whose context can end,
// as that of a servo's command does.
func BenchmarkDispatchTenConcurrentCancellable(b *testing.B) {
	e := event.New[int, int]("measure")
	bus := busWith(e, 10)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Dispatch(ctx, bus, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDispatchFirst(b *testing.B) {
	e := event.New[int, int]("measure")
	benchmarkDispatch(b, e, busWith(e, 10), event.First())
}

func BenchmarkDispatchAround(b *testing.B) {
	e := event.New[int, int]("measure", func(ctx context.Context, _ int, next func(context.Context) error) error { return next(ctx) })
	benchmarkDispatch(b, e, busWith(e, 1))
}
