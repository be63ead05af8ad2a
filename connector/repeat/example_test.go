package repeat_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/servokit/servokit/connector/repeat"
)

// A group calls its tasks until its context ends.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	g := repeat.New(repeat.Options{Owner: "app"})
	err := g.Start(repeat.Task{Name: "poll", Every: time.Millisecond, Run: func(context.Context) error {
		if n++; n == 3 {
			cancel()
		}
		return nil
	}})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(g.Run(ctx))
	for _, s := range g.Tasks() {
		fmt.Println(s.Label, s.State, s.Calls)
	}
	// Output:
	// <nil>
	// app:poll (repeating every 1ms) ended 3
}

// A task that nothing works without ends all others when it fails.
func ExampleOnError() {
	g := repeat.New(repeat.Options{Owner: "app"})
	err := g.Start(repeat.Task{
		Name: "heartbeat", Every: time.Second, OnError: repeat.EndAll,
		Run: func(context.Context) error { return errors.New("the application has gone") },
	})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(g.Run(context.Background()))
	// Output:
	// the task "heartbeat": the application has gone
}

// A task that keeps to the clock leaves out the beats that a long call missed.
func ExampleOverrun() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	g := repeat.New(repeat.Options{Owner: "app"})
	n := 0
	err := g.Start(repeat.Task{
		Name: "sample", Every: 20 * time.Millisecond, Beat: true, Overrun: repeat.Skip,
		Run: func(ctx context.Context) error {
			if n++; n == 2 {
				cancel()
				return nil
			}
			select { // takes longer than a beat
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
	}
	_ = g.Run(ctx)
	s := g.Tasks()[0]
	fmt.Println(s.Calls, "calls,", s.Missed > 0)
	// Output:
	// 2 calls, true
}

// Tasks are stopped by name, also while others go on.
func ExampleGroup_Stop() {
	ctx := context.Background()
	g := repeat.New(repeat.Options{Owner: "app"})
	for _, name := range []string{"poll", "refresh"} {
		err := g.Start(repeat.Task{Name: name, Every: time.Hour, Run: func(context.Context) error { return nil }})
		if err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(g.Stop(ctx, "poll", "pol"))
	for _, s := range g.Tasks() {
		fmt.Println(s.Name, s.State)
	}
	// Output:
	// stopping: no task named "pol", there are "poll", "refresh"
	// poll ended
	// refresh waiting
}
