package types_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/servokit/servokit/types"
)

// A measurement of known length reports as it goes.
func ExampleDurationProgress_Watch() {
	ctx := context.Background()
	p := types.NewDurationProgress(types.Duration(40 * time.Millisecond))
	var last types.Progress
	err := p.Watch(ctx, 10*time.Millisecond, func(progress types.Progress) error {
		last = progress // a connector hands it to connector.Progress
		return nil
	})
	fmt.Printf("%.0f%% %v %v\n", last.Percent, p.Finished(), err)
	// Output: 100% true <nil>
}

func ExampleDurationProgress_Every() {
	ctx := context.Background()
	p := types.NewDurationProgress(types.Duration(20 * time.Millisecond))
	rising, before := true, 0.0
	for progress, err := range p.Every(ctx, 5*time.Millisecond) {
		if err != nil {
			fmt.Println(err)
			return
		}
		rising = rising && progress.Percent > before
		before = progress.Percent
	}
	fmt.Println(rising, math.Round(before))
	// Output: true 100
}

// A rollout must become ready within a minute, and stay so for a moment.
func ExampleEventProgress() {
	ctx := context.Background()
	timeout, settlement := types.Duration(time.Minute), types.Duration(5*time.Millisecond)
	rollout := types.NewEventProgress(&timeout, &settlement)
	rollout.Trigger() // ready
	fmt.Println(rollout.Settling(), rollout.Completed())
	rollout.Reset() // not ready any more
	rollout.Trigger()
	fmt.Println(rollout.Wait(ctx), rollout.Completed())

	none := types.Duration(0)
	err := types.NewEventProgress(&none, nil).Wait(ctx)
	fmt.Println(err, errors.Is(err, types.ErrTimedOut))
	// Output:
	// true false
	// <nil> true
	// waiting for the event: timed out after 0 true
}

func ExampleDurationProgress_Annotate() {
	p := types.NewDurationProgress(types.Duration(time.Hour))
	fmt.Println(p.Annotate("measuring", false))
	// Output: measuring (0.00% complete, 0 elapsed)
}
