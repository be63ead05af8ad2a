package types

import (
	"context"
	"errors"
)

// Outcome says how an operation that did not succeed ended. Its text is the
// status word of the optimizer protocol.
type Outcome string

// The outcomes of an operation that did not succeed.
const (
	// Failed is a problem that may pass; the optimizer may try again.
	Failed Outcome = "failed"
	// Rejected means that this configuration is definitely unusable: it does
	// not start, is unstable or cannot be scheduled.
	Rejected Outcome = "rejected"
	// Aborted means ended early on purpose, for example because an objective
	// was violated.
	Aborted Outcome = "aborted"
	// Cancelled means stopped on request.
	Cancelled Outcome = "cancelled"
)

// Reasons with a meaning of their own in the optimizer protocol. Any other
// short word may be used too.
const (
	ReasonSuccess     = "success"
	ReasonUnknown     = "unknown"
	ReasonUnstable    = "unstable"
	ReasonStartFailed = "start-failed"
)

// Operation is what was under way when something failed.
type Operation string

// The operations whose failures are told apart.
const (
	Measuring Operation = "measure"
	Adjusting Operation = "adjust"
)

// OutcomeError is an error that carries how the operation should be reported.
// Connectors return one through the constructors of package connector; find it
// with [errors.As].
type OutcomeError struct {
	Outcome Outcome
	// Reason is a short word for programs, such as "unstable". It may be
	// empty.
	Reason string
	// Operation is what failed, when that is known. Of two failures, one of
	// adjusting says more than one of measuring.
	Operation Operation
	// Err is what happened.
	Err error
}

// Error returns the text of the cause, or reason and outcome without one.
func (e *OutcomeError) Error() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	if e.Reason != "" {
		return string(e.Outcome) + ": " + e.Reason
	}
	return string(e.Outcome)
}

// Unwrap returns the cause.
func (e *OutcomeError) Unwrap() error { return e.Err }

// priority orders outcomes for TopOutcome: the more definite statement wins. A
// failure of no known operation is like one of measuring.
func (e *OutcomeError) priority() int {
	switch {
	case e.Outcome == Aborted:
		return 4
	case e.Outcome == Rejected:
		return 3
	case e.Outcome == Failed && errors.Is(e.Err, context.Canceled):
		return -1 // what ended it was somebody else's doing
	case e.Outcome == Failed && e.Operation == Adjusting:
		return 2
	case e.Outcome == Failed:
		return 1
	default:
		return 0
	}
}

// TopOutcome picks the one outcome to report for err, which may join many
// errors: aborted before rejected, before failed while adjusting, before failed
// while measuring, before any other; the first of equals, depth first. A
// failure that is only a cancelled context never hides a failure of its own
// right. An outcome that wraps another one counts, not the one inside. An error
// without an outcome of its own is false; the caller then decides.
func TopOutcome(err error) (*OutcomeError, bool) {
	var top *OutcomeError
	walk(err, func(e error) bool {
		//nolint:errorlint // the walk itself unwraps, one level at a time
		if o, ok := e.(*OutcomeError); ok {
			if top == nil || o.priority() > top.priority() {
				top = o
			}
			return false
		}
		return true
	})
	return top, top != nil
}

// walk visits err and everything it wraps, depth first, until visit says not
// to go deeper.
func walk(err error, visit func(error) bool) {
	if err == nil || !visit(err) {
		return
	}
	//nolint:errorlint // looking for the two standard ways to unwrap
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			walk(inner, visit)
		}
	default:
		walk(errors.Unwrap(err), visit)
	}
}
