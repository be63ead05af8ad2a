package connectortest

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

// interrupted returns a context that ends for a cause after some time.
func (e *exam) interrupted(cause error, after time.Duration) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(after, func() { cancel(cause) })
	return ctx
}

// operation is an event with an input that makes it take long.
type operation struct {
	name  string
	cause error
	fresh bool // for a connector that is not running yet
	run   func(context.Context, *session, caller, ...event.DispatchOption) error
}

// caller is how an operation is dispatched.
type caller int

const (
	patient caller = iota // as ever
	late                  // the context ends between the last look of the bus and the handler
)

func dispatch[In, Out any](ctx context.Context, s *session, how caller, e *event.Event[In, Out], in In, opts []event.DispatchOption) error {
	var err error
	if how == late {
		_, err = callLate(s, ctx, e, in)
	} else {
		_, err = call(s, ctx, e, in, opts...)
	}
	return err
}

// long is the time of what is going to be cancelled.
const long = types.Duration(time.Hour)

// operations lists everything that can be cancelled.
func (e *exam) operations(adjustment types.Adjustments) []operation {
	control := e.config.Control
	control.Duration = long
	settlement := long
	control.Settlement = &settlement
	return e.operationsWith(adjustment, control)
}

func (e *exam) operationsWith(adjustment types.Adjustments, control types.Control) []operation {
	life := connector.Lifecycle{Servo: "connectortest", Reason: "shutdown"}
	none := connector.None{}
	lifecycle := func(name string, fresh bool, ev *event.Event[connector.Lifecycle, connector.None]) operation {
		return operation{name, connector.ErrStopRequested, fresh, func(ctx context.Context, s *session, how caller, opts ...event.DispatchOption) error {
			return dispatch(ctx, s, how, ev, life, opts)
		}}
	}
	command := func(name string, run func(context.Context, *session, caller, ...event.DispatchOption) error) operation {
		return operation{name, connector.ErrCancelledByOptimizer, false, run}
	}
	return []operation{
		lifecycle("attach", true, connector.Attach),
		lifecycle("startup", true, connector.Startup),
		command("metrics", func(ctx context.Context, s *session, how caller, opts ...event.DispatchOption) error {
			return dispatch(ctx, s, how, connector.Metrics, none, opts)
		}),
		command("components", func(ctx context.Context, s *session, how caller, opts ...event.DispatchOption) error {
			return dispatch(ctx, s, how, connector.Components, none, opts)
		}),
		command("check", func(ctx context.Context, s *session, how caller, opts ...event.DispatchOption) error {
			return dispatch(ctx, s, how, connector.Check, connector.CheckRequest{}, opts)
		}),
		command("describe", func(ctx context.Context, s *session, how caller, opts ...event.DispatchOption) error {
			return dispatch(ctx, s, how, connector.Describe, control, opts)
		}),
		command("measure", func(ctx context.Context, s *session, how caller, opts ...event.DispatchOption) error {
			return dispatch(ctx, s, how, connector.Measure, connector.MeasureRequest{Control: control}, opts)
		}),
		command("adjust", func(ctx context.Context, s *session, how caller, opts ...event.DispatchOption) error {
			return dispatch(ctx, s, how, connector.Adjust, connector.AdjustRequest{Adjustments: adjustment, Control: control}, opts)
		}),
		command("promote", func(ctx context.Context, s *session, how caller, opts ...event.DispatchOption) error {
			return dispatch(ctx, s, how, connector.Promote, none, opts)
		}),
		lifecycle("shutdown", false, connector.Shutdown),
		lifecycle("detach", false, connector.Detach),
	}
}

// cancellation cancels every handler in the middle: at once and a little later,
// all phases together, and on and after hooks by themselves.
func (e *exam) cancellation() {
	moments := []struct {
		after time.Duration
		phase event.Preposition
	}{{time.Millisecond, event.All}, {glance, event.All}, {glance, event.On}, {time.Millisecond, event.After}, {glance, event.After}}
	e.eachOperation(func(s *session, o operation, _ types.Description) bool {
		for _, when := range moments {
			if o.fresh {
				fresh, ok := e.session()
				if !ok {
					return false
				}
				s = fresh
			}
			if !e.cancel(s, o, when.after, when.phase) {
				return false
			}
			if o.fresh {
				s.close()
			}
		}
		return true
	})
}

// eachOperation examines those that begin a life, each with sessions of its own,
// and then the others in one session. No two sessions run at a time, since two
// connectors of one configuration may want the same port.
func (e *exam) eachOperation(examine func(*session, operation, types.Description) bool) {
	for _, o := range e.operations(nil) {
		if o.fresh && !examine(nil, o, types.Description{}) {
			return
		}
	}
	s, ok := e.running()
	if !ok {
		return
	}
	d, err := s.describe()
	if e.blockedBy(err) {
		return
	}
	var adjustment types.Adjustments
	if all := e.changes(d); len(all) > 0 {
		adjustment = types.Adjustments{all[0].to}
	}
	for _, o := range e.operations(adjustment) {
		if !o.fresh && !examine(s, o, d) {
			return
		}
	}
}

// cancel examines one operation and reports whether to go on.
func (e *exam) cancel(s *session, o operation, after time.Duration, phase event.Preposition) bool {
	ctx := e.interrupted(o.cause, after)
	err := o.run(ctx, s, patient, event.Prepositions(phase))
	over := ctx.Err() != nil
	switch {
	case isPanic(err):
		return !e.blockedBy(err)
	case errors.Is(err, errHangs):
		e.broken("%s did not return within %s after its context had ended", o.name, e.config.Prompt)
		return false // it may still be at work
	case over && err == nil && o.name == "measure" && phase != event.After:
		// Once may be a coincidence.
		again := e.interrupted(o.cause, after+glance/2)
		if err := o.run(again, s, patient, event.Prepositions(phase)); err == nil && again.Err() != nil {
			e.broken("%s, which was to take %s, returned a result after its context had ended", o.name, long)
		}
	case over:
		e.says(s, o, err)
	}
	return true
}

// says notes errors of hooks that do not tell that they were ended. A command
// that fails in any case has a promise of its own.
func (e *exam) says(s *session, o operation, err error) {
	for _, hook := range hookErrors(err) {
		if errors.Is(hook.Err, o.cause) || errors.Is(hook.Err, context.Canceled) {
			continue
		}
		for _, plain := range e.operationsWith(nil, e.config.Control) {
			if plain.name == o.name && o.isCommand() && e.blockedBy(plain.run(context.Background(), s, patient)) {
				return
			}
		}
		if !o.isCommand() {
			plain := &exam{def: e.def, config: e.config}
			plain.life()
			for _, other := range plain.sessions {
				other.close()
			}
			if len(plain.problems) > 0 {
				e.blockedBy(errors.New(plain.problems[0]))
				return
			}
		}
		e.broken("%s was ended by %q and its error does not wrap that, the cause of its context: %v", o.name, o.cause, hook.Err)
	}
}

// isCommand tells commands, which can be given at any time, from the events of
// a life.
func (o operation) isCommand() bool { return o.cause == connector.ErrCancelledByOptimizer } //nolint:errorlint // is the value itself

func hookErrors(err error) []*event.HookError {
	//nolint:errorlint // every level is looked at, one at a time
	switch x := err.(type) {
	case nil:
		return nil
	case *event.HookError:
		return []*event.HookError{x}
	case interface{ Unwrap() []error }:
		var all []*event.HookError
		for _, inner := range x.Unwrap() {
			all = append(all, hookErrors(inner)...)
		}
		return all
	default:
		return hookErrors(errors.Unwrap(err))
	}
}

// ended gives every on handler a context that has ended already.
func (e *exam) ended() {
	e.eachOperation(func(s *session, o operation, before types.Description) bool {
		if o.fresh {
			fresh, ok := e.session()
			if !ok {
				return false
			}
			s = fresh
			defer s.close()
		}
		return e.tooLate(s, o, before)
	})
}

// tooLate examines one operation and reports whether to go on.
func (e *exam) tooLate(s *session, o operation, before types.Description) bool {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(o.cause)
	requests := s.requests.Load()
	err := o.run(ctx, s, late)
	does := o.name == "measure" && handles(s, connector.Measure) || o.name == "adjust" && len(e.changes(before)) > 0
	switch {
	case isPanic(err):
		return !e.blockedBy(err)
	case errors.Is(err, errHangs):
		e.broken("%s did not return within %s, and its context had ended before", o.name, e.config.Prompt)
		return false
	case err == nil && does:
		e.broken("%s returned no error, and its context had ended before", o.name)
	}
	e.says(s, o, err)
	if n := s.requests.Load() - requests; n > 0 && does {
		e.broken("%s sent %d HTTP requests, and its context had ended before", o.name, n)
	}
	if o.name != "adjust" && o.name != "promote" {
		return true // the others ask; what they change is another promise
	}
	return e.unchanged(s, o.name+" with a context that had ended", before)
}

// lateContext has ended, and the bus does not see it: to whoever asks from
// package event it is alive, so a handler is called with it. That is the race
// between the last look of the bus and the first of a handler, won every time.
type lateContext struct{ context.Context } //nolint:containedctx // is one

// busPackage is what the names of functions of package event begin with.
var busPackage = reflect.TypeFor[event.Bus]().PkgPath() + "."

func (c lateContext) Err() error {
	var pcs [1]uintptr
	runtime.Callers(2, pcs[:]) // skips Callers and Err
	frame, _ := runtime.CallersFrames(pcs[:]).Next()
	if strings.HasPrefix(frame.Function, busPackage) && !strings.Contains(frame.Function, "hookContext") {
		return nil
	}
	return c.Context.Err()
}
