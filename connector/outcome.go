package connector

import (
	"errors"

	"github.com/servokit/servokit/types"
)

// Reject returns an error that reports the operation as rejected: this
// configuration is definitely unusable. Use it when an adjustment does not
// start or is unstable. Reason is a short word, such as
// [types.ReasonUnstable]; err says what happened.
func Reject(reason string, err error) error {
	return &types.OutcomeError{Outcome: types.Rejected, Reason: reason, Err: err}
}

// Abort returns an error that reports the operation as ended early on purpose,
// for example because an objective was violated.
func Abort(reason string, err error) error {
	return &types.OutcomeError{Outcome: types.Aborted, Reason: reason, Err: err}
}

// Fail returns an error that reports the operation as failed for a reason that
// programs can read. A plain error is reported as failed as well, without one.
func Fail(reason string, err error) error {
	return &types.OutcomeError{Outcome: types.Failed, Reason: reason, Err: err}
}

// The causes that end the context of a running handler from outside; look at
// them with [context.Cause]. A handler unwinds in every case; the cause tells
// what for. A fourth cause is [event.ErrPeerFailed], when another connector
// failed in the same operation.
var (
	// ErrStopRequested: the servo is asked to stop, for example by a signal.
	// Shutdown follows, so there is no need to bring anything up again.
	ErrStopRequested = errors.New("stop requested")
	// ErrCancelledByOptimizer: the optimizer cancelled the command. The servo
	// goes on, so leave the application as it was before.
	ErrCancelledByOptimizer = errors.New("cancelled by the optimizer")
	// ErrCommandSuperseded: the optimizer has given the command up. The servo
	// goes on, so leave the application as it was before.
	ErrCommandSuperseded = errors.New("command superseded")
)
