package servo

import (
	"context"
	"errors"
	"fmt"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

// errResync ends a command whose servo and optimizer are out of step.
var errResync = errors.New("out of step with the optimizer")

// failure turns the error of a command into its answer. It is the one place
// where errors become the words of the protocol.
func failure(cmd optimizer.Command, err error) optimizer.Result {
	var unsettled *unsettledError
	if errors.As(err, &unsettled) {
		r := failure(cmd, unsettled.failure)
		r.Message += "; " + unsettled.way.Error()
		return r
	}
	r := optimizer.Result{Verb: cmd.Verb, UID: cmd.UID, Outcome: types.Failed, Message: err.Error()}
	top, found := types.TopOutcome(err)
	switch {
	case errors.Is(err, connector.ErrCancelledByOptimizer):
		r.Outcome, r.Message = types.Cancelled, "Command cancelled"
		var status *optimizer.StatusError
		if errors.As(err, &status) && status.Reason != "" {
			r.Message = status.Reason
		}
		return r
	case errors.Is(err, connector.ErrStopRequested):
		r.Outcome = types.Cancelled
		return r
	case found:
		r.Outcome, r.Reason, r.Message = top.Outcome, top.Reason, top.Error()
	case errors.Is(err, event.ErrCancelled):
		r.Outcome = types.Cancelled
	}
	if all := hookErrors(err); len(all) > 1 {
		for _, e := range all {
			if !found || !errors.Is(e, top) {
				r.Others = append(r.Others, e.Error())
			}
		}
		if !found {
			r.Message, r.Others = all[0].Error(), r.Others[1:]
		}
	}
	return r
}

// hookErrors lists the errors of the handlers inside err, in order.
func hookErrors(err error) []error {
	var all []error
	var collect func(error)
	collect = func(err error) {
		//nolint:errorlint // looks at one level at a time
		switch e := err.(type) {
		case nil:
		case *event.HookError:
			all = append(all, e)
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				collect(inner)
			}
		default:
			collect(errors.Unwrap(err))
		}
	}
	collect(err)
	return all
}

// abandoned reports whether the optimizer no longer wants an answer.
func abandoned(err error) bool {
	return errors.Is(err, connector.ErrCommandSuperseded) || errors.Is(err, errResync) || errors.Is(err, optimizer.ErrSuperseded)
}

// commandCause turns the optimizer's reply to a progress report into the cause
// that ends the command, or nil when the command goes on.
func commandCause(err error) error {
	switch {
	case errors.Is(err, optimizer.ErrCancelRequested):
		return fmt.Errorf("%w: %w", connector.ErrCancelledByOptimizer, err)
	case errors.Is(err, optimizer.ErrUnexpectedCommand):
		return fmt.Errorf("%w: %w", connector.ErrCommandSuperseded, err)
	case errors.Is(err, optimizer.ErrUnexpectedEvent):
		return fmt.Errorf("%w: %w", errResync, err)
	case errors.Is(err, optimizer.ErrSuperseded):
		return err
	default:
		return nil
	}
}

// withCause adds the cause of a context that has ended to the error that the
// ending has led to, unless it is there already. A command that succeeded all
// the same stays a success, except when the optimizer no longer wants to hear
// of it.
func withCause(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	switch {
	case err == nil && !abandoned(cause), errors.Is(err, cause):
		return err
	default:
		return errors.Join(cause, err)
	}
}
