package emulator

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// operation is a measurement or an adjustment whose time passes.
type operation struct {
	total time.Duration
	// fails says that it ends with a failure, at failsAfter.
	fails      bool
	failsAfter time.Duration
}

// begin draws what becomes of an operation.
func (c Config) begin(span Span, control time.Duration, rng *rand.Rand) operation {
	o := operation{total: span.draw(control, rng)}
	o.fails = rng.Float64() < c.FailureRate
	o.failsAfter = min(time.Duration(rng.Float64()*float64(o.total)), o.total)
	return o
}

// The interval of progress reports, which is a hundredth of the time between
// these bounds.
const (
	shortestInterval = 100 * time.Millisecond
	longestInterval  = 30 * time.Second
)

// run lets the time of the operation pass. It returns the cause when ctx ends
// first.
func (c Config) run(ctx context.Context, o operation, message func(elapsed time.Duration) string) error {
	until := o.total
	if o.fails {
		until = o.failsAfter
	}
	begun := time.Now()
	interval := min(max(o.total/100, shortestInterval), longestInterval)
	err := types.NewDurationProgress(types.Duration(until)).Watch(ctx, interval, func(types.Progress) error {
		elapsed := time.Since(begun)
		percent := 100.0
		if o.total > 0 {
			percent = min(100, 100*float64(elapsed)/float64(o.total))
		}
		return connector.Progress(ctx, types.Progress{Percent: percent, Message: message(elapsed)})
	})
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case o.fails:
		return connector.Fail(ReasonFailure, fmt.Errorf("emulated failure (failure_rate is %v)", c.FailureRate))
	}
	return nil
}

// sum adds durations, up to the longest there is.
func sum(spans ...types.Duration) time.Duration {
	var total time.Duration
	for _, d := range spans {
		if d.Std() > math.MaxInt64-total {
			return math.MaxInt64
		}
		total += d.Std()
	}
	return total
}
