package checks

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"github.com/servokit/servokit/types"
)

// unwinding is how long a check or a remedy may take to return once its context
// has ended. One that takes longer is abandoned.
const unwinding = time.Second

// AbandonedError says that a check, a remedy or the function that lists the
// items of [EachFunc] has not returned within a second after its context ended,
// and that nobody waits for it any more. Find it with [errors.As] in
// [Result.Err], when the time limit of the check was over, or in the error of a
// run whose context ended.
//
// The goroutine that was left belongs to whoever wrote the function: it ends
// when the function returns, and what it returns then is dropped. A program
// cannot end it, so repair the function: give its context to every request and
// wait in it.
type AbandonedError struct {
	// What was abandoned, such as `check "up" (id 5d1a4a6c)`.
	What string
	// Err is why its context ended.
	Err error
	// Done is closed when the function has returned after all. A test that
	// releases it waits here before it looks for goroutines left behind.
	Done <-chan struct{}
}

// Error says what was abandoned and why its context ended.
func (e *AbandonedError) Error() string {
	return fmt.Sprintf("the %s was abandoned: it had not returned %s after its context ended: %v", e.What, types.Duration(unwinding), e.Err)
}

// Unwrap returns why the context ended.
func (e *AbandonedError) Unwrap() error { return e.Err }

// busyError is why a function is not called: an earlier call still goes on.
type busyError struct{ what string }

func (e *busyError) Error() string {
	return fmt.Sprintf("the %s was not called: an earlier call, which was abandoned, has not returned yet", e.what)
}

// bounded calls f, which should heed ctx, and returns what it does. If f does
// not return soon after ctx ends, the error is an [*AbandonedError]. A panic
// and a goroutine that f ends are errors.
func bounded[T any](ctx context.Context, what func() string, f func(context.Context) (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	var none T
	returned := make(chan outcome, 1) // for the late as well, so that they can leave
	done := make(chan struct{})
	go func() {
		defer close(done)
		out := outcome{err: errors.New("it ended its goroutine instead of returning")} // stays if so
		defer func() {
			if v := recover(); v != nil {
				out = outcome{err: &panicError{value: v, stack: debug.Stack()}}
			}
			out.err = readable(out.err)
			returned <- out
		}()
		value, err := f(ctx)
		out = outcome{value, err}
	}()
	select {
	case out := <-returned:
		return out.value, out.err
	case <-ctx.Done():
	}
	timer := time.NewTimer(unwinding)
	defer timer.Stop()
	select {
	case out := <-returned:
		return out.value, out.err
	case <-timer.C:
		return none, &AbandonedError{What: what(), Err: context.Cause(ctx), Done: done}
	}
}

// readable returns err, or what stands for it when its methods panic, as those
// of a nil pointer in an error do.
func readable(err error) (safe error) {
	if err == nil {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			if at := reflect.ValueOf(err); at.Kind() == reflect.Pointer && at.IsNil() {
				safe = fmt.Errorf("it returned a nil %T in the place of an error: expected a plain nil for a success, or an error with a value", err)
				return
			}
			safe = fmt.Errorf("it returned an error of type %T that cannot be read: its methods panicked: %v", err, v)
		}
	}()
	_ = err.Error()
	var advice *Error
	_ = errors.As(err, &advice) // goes through all that it wraps
	_ = errors.Is(err, context.DeadlineExceeded)
	return err
}

// within is bounded with a context that ends after limit, if that is positive.
// An error that comes of that says so.
func within[T any](ctx context.Context, limit time.Duration, what func() string, f func(context.Context) (T, error)) (T, error) {
	if limit <= 0 {
		return bounded(ctx, what, f)
	}
	over := &limitError{limit}
	limited, cancel := context.WithTimeoutCause(ctx, limit, over)
	defer cancel()
	value, err := bounded(limited, what, f)
	if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, over) && errors.Is(context.Cause(limited), over) {
		err = fmt.Errorf("%w: %w", over, err)
	}
	return value, err
}

// limitError is the cause of a context that ended because the time was over.
type limitError struct{ limit time.Duration }

func (e *limitError) Error() string {
	return "not done within " + types.Duration(e.limit).String()
}

func (e *limitError) Unwrap() error { return context.DeadlineExceeded }

// endedBy is why a run ends with ctx: the cause, and what was abandoned if err
// tells of it.
func endedBy(ctx context.Context, err error) error {
	var abandoned *AbandonedError
	if errors.As(err, &abandoned) {
		return abandoned
	}
	return context.Cause(ctx)
}

// stragglers are the calls that were abandoned and go on, by what was called,
// so that nothing is called a second time meanwhile.
type stragglers[K comparable] struct {
	mu   sync.Mutex
	list map[K]<-chan struct{}
}

// busy reports whether an abandoned call goes on.
func (s *stragglers[K]) busy(k K) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.list[k]: // blocks forever for nil, so the default is taken
		delete(s.list, k)
		return false
	default:
		return s.list[k] != nil
	}
}

// note remembers the call if err says that it was abandoned.
func (s *stragglers[K]) note(k K, err error) {
	var abandoned *AbandonedError
	if !errors.As(err, &abandoned) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list == nil {
		s.list = map[K]<-chan struct{}{}
	}
	s.list[k] = abandoned.Done
}
