package connector

import (
	"context"

	"github.com/servokit/servokit/types"
)

type progressKey struct{}

// Progress reports how far the operation of ctx has come. Call it as often as
// is convenient: reports are passed on at the interval of the servo, the newest
// counts, and the call does not wait for the network. It returns the cause when
// ctx has ended, so that a loop can stop on its error, and nil otherwise, also
// where nobody listens.
func Progress(ctx context.Context, p types.Progress) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if report, ok := ctx.Value(progressKey{}).(func(context.Context, types.Progress)); ok {
		report(ctx, p)
	}
	return nil
}

// WithProgress returns a context whose [Progress] calls report, with the
// context of the handler that reports. Servos and tests of connectors use it;
// report must not block and may be called from several goroutines at a time.
func WithProgress(ctx context.Context, report func(context.Context, types.Progress)) context.Context {
	return context.WithValue(ctx, progressKey{}, report)
}
