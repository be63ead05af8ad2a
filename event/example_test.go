package event_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/servokit/servokit/event"
)

// Adjustment is the input of the event in these examples.
type Adjustment struct {
	Setting string
	Value   float64
}

// Two sources answer an event; the results come in bus order.
func Example() {
	measure := event.New[string, float64]("measure")

	var bus event.Bus
	measure.On(bus.Scope("prometheus"), func(_ context.Context, metric string) (float64, error) {
		return 0.25, nil
	})
	measure.On(bus.Scope("vegeta"), func(_ context.Context, metric string) (float64, error) {
		return 0.5, nil
	})
	if err := bus.Err(); err != nil {
		fmt.Println(err)
		return
	}

	results, err := measure.Dispatch(context.Background(), &bus, "latency")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range results {
		fmt.Println(r.Source, r.Value)
	}
	// Output:
	// prometheus 0.25
	// vegeta 0.5
}

// A before hook vetoes an operation.
func ExampleCancel() {
	adjust := event.New[Adjustment, string]("adjust")

	var bus event.Bus
	adjust.Before(bus.Scope("calendar"), func(context.Context, Adjustment) error {
		return event.Cancel("change freeze until Monday")
	})
	adjust.On(bus.Scope("kubernetes"), func(context.Context, Adjustment) (string, error) {
		return "never reached", nil
	})

	results, err := adjust.Dispatch(context.Background(), &bus, Adjustment{"cpu", 2})
	fmt.Println(len(results), errors.Is(err, event.ErrCancelled))
	fmt.Println(err)
	// Output:
	// 0 true
	// before:adjust hook of calendar: event cancelled: change freeze until Monday
}

// An around function surrounds every on hook of an event; defer is the teardown.
func ExampleAround() {
	locked := func(ctx context.Context, in Adjustment, next func(context.Context) error) error {
		fmt.Println("lock", in.Setting)
		defer fmt.Println("unlock", in.Setting)
		return next(ctx)
	}
	adjust := event.New[Adjustment, string]("adjust", locked)

	var bus event.Bus
	adjust.On(bus.Scope("kubernetes"), func(_ context.Context, in Adjustment) (string, error) {
		fmt.Println("set", in.Setting, "to", in.Value)
		return "done", nil
	})
	if _, err := adjust.Dispatch(context.Background(), &bus, Adjustment{"cpu", 2}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// lock cpu
	// set cpu to 2
	// unlock cpu
}

// First takes the answer of the first source that has one to give.
func ExampleFirst() {
	describe := event.New[string, string]("describe")

	var bus event.Bus
	bus.Scope("wait") // answers nothing
	describe.On(bus.Scope("kubernetes"), func(_ context.Context, component string) (string, error) {
		return component + " has 3 replicas", nil
	})
	describe.On(bus.Scope("scripts"), func(context.Context, string) (string, error) {
		return "never asked", nil
	})

	for _, opts := range [][]event.DispatchOption{
		{event.First()},
		{event.First(), event.Only("wait")},
	} {
		results, err := describe.Dispatch(context.Background(), &bus, "web", opts...)
		if err != nil {
			fmt.Println(err)
			return
		}
		if len(results) == 0 {
			fmt.Println("nobody responds")
			continue
		}
		fmt.Println(results[0].Value)
	}
	// Output:
	// web has 3 replicas
	// nobody responds
}

// With CollectErrors the others go on when a hook fails.
func ExampleCollectErrors() {
	check := event.New[string, string]("check")

	var bus event.Bus
	check.On(bus.Scope("kubernetes"), func(context.Context, string) (string, error) {
		return "", errors.New("connection refused")
	})
	check.On(bus.Scope("vegeta"), func(context.Context, string) (string, error) { return "ready", nil })

	results, err := check.Dispatch(context.Background(), &bus, "", event.CollectErrors())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range results {
		if r.Err != nil {
			fmt.Println("error:", r.Err)
			continue
		}
		fmt.Println(r.Source, r.Value)
	}
	// Output:
	// error: check hook of kubernetes: connection refused
	// vegeta ready
}

// After hooks see all results, and Current tells any hook where it runs.
func ExampleCurrent() {
	measure := event.New[string, int]("measure")

	var bus event.Bus
	scope := bus.Scope("audit")
	measure.On(bus.Scope("vegeta"), func(context.Context, string) (int, error) { return 42, nil })
	measure.After(scope, func(ctx context.Context, _ string, results []event.Result[int]) error {
		if c, ok := event.Current(ctx); ok {
			fmt.Printf("%s runs %s with %d result(s)\n", c.Source, c, len(results))
		}
		return nil
	})
	if _, err := measure.Dispatch(context.Background(), &bus, "latency"); err != nil {
		fmt.Println(err)
	}

	scope.Close() // takes its hooks off the bus
	fmt.Println(bus.Sources())
	// Output:
	// audit runs after:measure with 1 result(s)
	// [vegeta]
}

// An observer sees what every source did, whoever dispatches.
func ExampleBus_Observe() {
	measure := event.New[string, float64]("measure")
	var bus event.Bus
	stop := bus.Observe(func(_ context.Context, o event.Observation) {
		if o.Source == "" {
			fmt.Println("whole dispatch of", o.Event+":", o.Err)
		} else {
			fmt.Println(o.Preposition, o.Event, "of", o.Source+":", o.Err)
		}
	})
	defer stop()
	measure.On(bus.Scope("prometheus"), func(context.Context, string) (float64, error) {
		return 0, errors.New("connection refused")
	})
	measure.On(bus.Scope("wait"), func(context.Context, string) (float64, error) { return 1, nil })
	_, err := measure.Dispatch(context.Background(), &bus, "p95", event.Skip("wait"))
	fmt.Println("returned:", err)
	// Output:
	// on measure of prometheus: measure hook of prometheus: connection refused
	// whole dispatch of measure: measure hook of prometheus: connection refused
	// returned: measure hook of prometheus: connection refused
}
