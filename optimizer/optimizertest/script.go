package optimizertest

import (
	"time"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

// Describe is a DESCRIBE command for a script.
func Describe() optimizer.Command {
	return optimizer.Command{Verb: optimizer.Describe, Control: types.DefaultControl()}
}

// Measure is a MEASURE command for a script: the metrics, over the duration.
func Measure(duration time.Duration, metrics ...string) optimizer.Command {
	control := types.DefaultControl()
	control.Duration = types.Duration(duration)
	return optimizer.Command{Verb: optimizer.Measure, Control: control, Metrics: metrics}
}

// Adjust is an ADJUST command for a script.
func Adjust(adjustments ...types.Adjustment) optimizer.Command {
	return optimizer.Command{Verb: optimizer.Adjust, Control: types.DefaultControl(), Adjustments: adjustments}
}

// Sleep is a SLEEP command for a script.
func Sleep(duration time.Duration) optimizer.Command {
	return optimizer.Command{Verb: optimizer.Sleep, SleepFor: duration, SleepReason: "waiting: as the script has it"}
}
