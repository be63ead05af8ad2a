// Package event is the typed, in-process event bus of ServoKit.
//
// # Events
//
// An [Event] is a value that ties the input of a dispatch to the hooks that
// answer it, so a hook with the wrong signature does not compile:
//
//	var Measure = event.New[Request, Reading]("measure")
//
// There is no registry. Whoever can name the variable can use the event, and
// events are told apart by identity: two events of one name meeting on one bus
// are reported as an error.
//
// # Buses, scopes and hooks
//
// A [Bus] connects those who dispatch with those who answer; its zero value is
// ready to use. Every participant opens one [Scope] under its name and registers
// hooks on it:
//
//	s := bus.Scope("prometheus")
//	Measure.On(s, func(ctx context.Context, r Request) (Reading, error) { … })
//
// The order of the Scope calls is the bus order. Closing the scope removes its
// hooks. Registering never fails at the call: ask [Bus.Err] once everything is
// bound. A dispatch of an affected event returns the same error.
//
// # Dispatch
//
// [Event.Dispatch] runs three phases. Before hooks may veto with [Cancel]. On
// hooks do the work and return values. After hooks see all results. Within a
// phase the hooks of one source run one after another in the order of their
// registration, and different sources run concurrently, except for the on hooks
// of an event made with [NewSequential]. A phase in which a single source takes part runs on
// the caller's goroutine. Results come in bus order whatever finished first.
//
// The hooks are those that were registered when the dispatch started: scopes
// opened or closed meanwhile count from the next dispatch on.
//
// # Failures
//
// The first failing hook ends the context of its siblings with the cause
// [ErrPeerFailed]; Dispatch waits for all of them and returns what really went
// wrong, each error as a [HookError] that names the event, the phase and the
// source. What siblings return merely because they were stopped is left out. A
// panic in a hook is a [PanicError] inside the HookError. When the context of the caller
// ends, Dispatch returns the caller's cause. Results are nil whenever the error
// is not.
//
// # Surroundings
//
// [Around] functions given to [New] surround every on hook, with defer as the
// teardown. Inside a hook, [Current] tells which event, phase and source is
// running; [Servo], [Command] and [Assembly] carry on whose behalf.
//
// Outside of hooks, [Bus.Observe] tells what every source and every dispatch of a
// bus did and how long it took.
package event
