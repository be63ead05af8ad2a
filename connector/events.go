package connector

import (
	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

// None is the input or the result of an event that has none.
type None = struct{}

// Lifecycle is the input of the events that begin and end a servo.
type Lifecycle struct {
	// Servo is the name of the servo.
	Servo string
	// Reason says why it ends, for Shutdown and Detach: the name of a signal,
	// "shutdown", "restarting".
	Reason string
}

// CheckRequest is the input of [Check]. The Run method of a [checks.Suite] is a
// handler for it.
type CheckRequest = checks.Request

// MeasureRequest is the input of [Measure].
type MeasureRequest struct {
	// Metrics are the names that the optimizer asks for. A connector returns
	// at least those of them it can measure; empty means all.
	Metrics []string
	Control types.Control
}

// AdjustRequest is the input of [Adjust].
type AdjustRequest struct {
	// Adjustments are those of the whole command. A connector applies the ones
	// for its own components and ignores the others; the servo has made sure
	// that each belongs to someone and has the right type.
	Adjustments types.Adjustments
	Control     types.Control
}

// RestoreRequest is the input of [Restore].
type RestoreRequest struct {
	// Adjustments are the values that should be in force: those of the last
	// adjustment that was verified, or, of settings that an interrupted
	// adjustment was the first to touch, those from before it. A connector
	// looks at the ones for its own components.
	Adjustments types.Adjustments
	// Interrupted are the values that an adjustment was bringing into force
	// when the servo ended, so each of these settings may have either value, or
	// be halfway between. Empty when none was under way.
	Interrupted types.Adjustments
}

// The standard events. A servo dispatches them; a connector registers handlers
// on those it can serve.
var (
	// Attach is dispatched when a connector has joined its servo, before the
	// optimizer is greeted. Look at the surroundings here.
	Attach = event.New[Lifecycle, None]("attach")
	// Detach is dispatched when a connector leaves its servo, after Shutdown.
	Detach = event.New[Lifecycle, None]("detach")
	// Restore is dispatched between Attach and the greeting of the optimizer
	// when the journal of the servo knows values that an earlier run has
	// adjusted. Bring the application into that state, or confirm that it is
	// in it, and answer with what is in force then; remove what an interrupted
	// adjustment has left behind. A connector whose application lives and dies
	// with the servo remembers the values for Startup. One that does not handle
	// it has its interrupted settings put back with [Adjust]. An error is tried
	// again a few times and then ends the servo, because nothing should be said
	// about an application in an unknown state.
	Restore = event.New[RestoreRequest, types.Description]("restore")
	// Startup is dispatched after the optimizer has been greeted and before
	// the first command. An error ends the servo; what has started is shut
	// down again.
	Startup = event.New[Lifecycle, None]("startup")
	// Shutdown is dispatched at the end to every connector that Startup was
	// dispatched to, also when that failed, with a fresh context that allows a
	// grace period. It must be safe to call twice and without Startup.
	Shutdown = event.New[Lifecycle, None]("shutdown")
	// Metrics asks what can be measured.
	Metrics = event.New[None, []types.Metric]("metrics")
	// Components asks for the components and settings a connector owns, with
	// their current values. The servo checks adjustments against the answers,
	// so it must not change anything.
	Components = event.New[None, []types.Component]("components")
	// Check asks a connector to verify its surroundings. Checks given to
	// [Host.Check] are run without a handler of your own.
	Check = event.New[CheckRequest, []checks.Result]("check")
	// Describe asks for components and metrics as they are.
	Describe = event.New[types.Control, types.Description]("describe")
	// Measure asks for readings.
	Measure = event.New[MeasureRequest, types.Measurement]("measure")
	// Adjust asks to change settings, and answers with what is in force then.
	// An adjustment either takes effect or leaves, verified, what was before.
	Adjust = event.New[AdjustRequest, types.Description]("adjust")
	// Promote tells that the current configuration has proved itself and may
	// be made permanent.
	Promote = event.New[None, None]("promote")
)
