package event

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
)

var (
	// ErrCancelled is what errors.Is finds in the error of a dispatch that a hook
	// cancelled with [Cancel]. The [HookError] beside it names the hook.
	ErrCancelled = errors.New("event cancelled")

	// ErrPeerFailed is the cause (see [context.Cause]) with which the context of a
	// hook ends when a hook of another source failed or cancelled the event in the
	// same phase.
	ErrPeerFailed = errors.New("a hook of another source failed")
)

var (
	errGoexit   = errors.New("the hook ended its goroutine (runtime.Goexit) instead of returning")
	errNextLate = errors.New("next was called after its around function had returned")
)

// Cancel returns the error with which a hook stops the event it is handling:
// return it from a before hook to veto an operation. Remaining phases are
// skipped and Dispatch returns an error for which errors.Is(err, [ErrCancelled])
// holds and whose text names the source and the reason. On and after hooks may
// cancel too; what other hooks have done by then is not undone.
func Cancel(reason string) error { return &cancellation{reason: reason} }

type cancellation struct{ reason string }

func (c *cancellation) Error() string {
	if c.reason == "" {
		return ErrCancelled.Error()
	}
	return ErrCancelled.Error() + ": " + c.reason
}

func (c *cancellation) Is(target error) bool { return target == ErrCancelled }

// HookError is how the error of a hook leaves [Event.Dispatch]: with the place
// where it happened. Use errors.As to learn the place, and errors.Is and
// errors.As straight through it for what happened. Several failing hooks give
// several HookErrors, joined as by errors.Join.
type HookError struct {
	Event       string
	Source      string
	Preposition Preposition
	Err         error // what the hook returned, or a *PanicError
}

// Error reads "<event> hook of <source>: …", with the phase in front of the
// event when it is not the on phase.
func (e *HookError) Error() string {
	return fmt.Sprintf("%s hook of %s: %v", Context{Event: e.Event, Preposition: e.Preposition}, e.Source, e.Err)
}

// Unwrap returns the error of the hook.
func (e *HookError) Unwrap() error { return e.Err }

// PanicError reports that a hook, or an around function, panicked. It never
// unwraps to the panic's value: a panic is neither a cancellation nor an ended context,
// whatever it was raised with.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // the stack of the panicking goroutine, for the log
}

// Error shows the value only; the stack is too long for a message.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// newPanicError must be called while the panic is being recovered, so that the
// stack still shows where it came from.
func newPanicError(value any) error { return &PanicError{Value: value, Stack: debug.Stack()} }

// unwinding reports whether err says no more than that ctx has ended. An error that
// joins the end of the context with something else, such as a failed rollback,
// says more.
func unwinding(ctx context.Context, err error) bool {
	stop := ctx.Err()
	return stop != nil && onlyAbout(err, stop, context.Cause(ctx))
}

func onlyAbout(err, stop, cause error) bool {
	if sameError(err, stop) || sameError(err, cause) {
		return true
	}
	switch wrapper := err.(type) { //nolint:errorlint // every level is looked at, one at a time
	case interface{ Unwrap() []error }:
		members := wrapper.Unwrap()
		for _, member := range members {
			if !onlyAbout(member, stop, cause) {
				return false
			}
		}
		return len(members) > 0
	case interface{ Unwrap() error }:
		inner := wrapper.Unwrap()
		return inner != nil && onlyAbout(inner, stop, cause)
	}
	return false
}

// sameError is errors.Is without the descent into what err wraps.
func sameError(err, target error) bool {
	if err == nil || target == nil {
		return false
	}
	if reflect.TypeOf(target).Comparable() && err == target { //nolint:errorlint // one level on purpose
		return true
	}
	is, ok := err.(interface{ Is(error) bool })
	return ok && is.Is(target)
}

// settled turns what the hooks of one phase returned into the error of the
// dispatch. The trigger, the error which ended the phase, comes first, the others follow
// in bus order, and cancellations precede all. ctx is the context the hooks ran
// with; interrupted is the caller's cause when the caller had ended the phase.
func settled(ctx context.Context, trigger *HookError, others []*HookError, interrupted error) error {
	var cancelled, failed []error
	add := func(e *HookError, always bool) {
		switch {
		case e == nil || !always && unwinding(ctx, e.Err):
		case errors.Is(e, ErrCancelled):
			cancelled = append(cancelled, e)
		default:
			failed = append(failed, e)
		}
	}
	add(trigger, interrupted == nil)
	for _, e := range others {
		if e != trigger {
			add(e, false)
		}
	}
	all := append(cancelled, failed...)
	if interrupted != nil {
		all = append([]error{interrupted}, all...)
	}
	return joined(all)
}
