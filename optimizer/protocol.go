package optimizer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/servokit/servokit/types"
)

// Verb is what a command asks for, in the form it has on the wire.
type Verb string

// The verbs of the protocol. There is none for cancelling: an optimizer cancels
// in its reply to a progress report.
const (
	Describe Verb = "DESCRIBE"
	Measure  Verb = "MEASURE"
	Adjust   Verb = "ADJUST"
	Sleep    Verb = "SLEEP"
)

// Event is the name under which a servo posts to the optimizer.
type Event string

// The events of the protocol.
const (
	EventHello       Event = "HELLO"
	EventNext        Event = "WHATS_NEXT"
	EventDescription Event = "DESCRIPTION"
	EventMeasurement Event = "MEASUREMENT"
	EventAdjustment  Event = "ADJUSTMENT"
	EventGoodbye     Event = "GOODBYE"
)

// Answer returns the event that carries progress and result of a command, and
// "" for SLEEP and unknown verbs, which are not answered.
func (v Verb) Answer() Event {
	switch v {
	case Describe:
		return EventDescription
	case Measure:
		return EventMeasurement
	case Adjust:
		return EventAdjustment
	default:
		return ""
	}
}

// Command is what the optimizer wants done next. Which of the other fields
// count depends on the verb.
type Command struct {
	Verb Verb
	// UID identifies the command; its result and progress echo it. Older
	// optimizers give none, which is the empty string here and null on the
	// wire.
	UID string
	// Control belongs to DESCRIBE, MEASURE and ADJUST.
	Control types.Control
	// Metrics are the names that MEASURE asks for, in order.
	Metrics []string
	// Adjustments belong to ADJUST.
	Adjustments types.Adjustments
	// SleepFor and SleepReason belong to SLEEP. The reason is for people:
	// "waiting: no active optimization pipeline".
	SleepFor    time.Duration
	SleepReason string
}

// Hello opens or resynchronises a connection.
type Hello struct {
	// Agent names the servo software and its version. Empty means ServoKit.
	Agent string
	// Telemetry is a flat map of facts about the servo and its surroundings.
	Telemetry map[string]string
}

// Progress reports how far the command UID has come.
type Progress struct {
	Verb Verb
	UID  string
	types.Progress
	// Runtime is the time since the command began.
	Runtime time.Duration
}

// Result answers one command. A result is a success when Outcome is empty.
type Result struct {
	Verb Verb
	UID  string
	// Outcome, Reason and Message say how a command that did not succeed
	// ended. Others holds further messages when several things went wrong.
	Outcome types.Outcome
	Reason  string
	Message string
	Others  []string
	// Description is the answer to DESCRIBE and to ADJUST.
	Description types.Description
	// Measurement is the answer to MEASURE.
	Measurement types.Measurement
}

// Backend is an optimizer as a servo sees it. [Client] speaks to one over
// HTTP, [NewHandler] puts one behind HTTP, and the engine of package local is
// one. A servo calls one method at a time and has always ended a call of
// Progress before it calls Reply, so that nothing about a command can arrive
// after its result.
//
// The answers that steer a servo are errors: [ErrUnexpectedEvent],
// [ErrCancelRequested] (Progress only), [ErrUnexpectedCommand] and
// [ErrSuperseded]; match them with [errors.Is].
type Backend interface {
	Hello(ctx context.Context, hello Hello) error
	Next(ctx context.Context) (Command, error)
	Reply(ctx context.Context, result Result) error
	Progress(ctx context.Context, progress Progress) error
	Goodbye(ctx context.Context, reason string) error
}

// The answers of an optimizer that steer the servo. They arrive wrapped, with
// the reason the optimizer gave.
var (
	// ErrUnexpectedEvent: servo and optimizer are out of step. Say Hello again.
	ErrUnexpectedEvent = errors.New("unexpected event")
	// ErrCancelRequested: the optimizer wants the running command cancelled.
	ErrCancelRequested = errors.New("cancelled by the optimizer")
	// ErrUnexpectedCommand: the servo works on a command that the optimizer
	// has given up. Drop it without an answer.
	ErrUnexpectedCommand = errors.New("unexpected command")
	// ErrSuperseded: another deployment of this servo has taken over.
	ErrSuperseded = errors.New("servo superseded")
	// ErrInvalid: the optimizer refused the payload; the reason says why.
	ErrInvalid = errors.New("refused by the optimizer")
)

// CommandError is a command with a known verb whose parameters cannot be
// understood. Next returns it; the servo answers Command with status failed, or
// waits a little and asks again when the verb has no answer (SLEEP).
type CommandError struct {
	// Command has the verb and the UID, as far as they could be read.
	Command Command
	Err     error
}

// Error says which command and what is wrong with it.
func (e *CommandError) Error() string {
	return fmt.Sprintf("command %s: %v", e.Command.Verb, e.Err)
}

// Unwrap returns what is wrong with the parameters.
func (e *CommandError) Unwrap() error { return e.Err }
