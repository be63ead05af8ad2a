package emulator

import (
	"context"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// restore puts in force at once what an earlier run of the servo has adjusted,
// since the application has ended with that run. A value that the configuration
// no longer takes gives way to the one to begin with.
func (e *emulator) restore(ctx context.Context, r connector.RestoreRequest) (types.Description, error) {
	if ctx.Err() != nil {
		return types.Description{}, context.Cause(ctx)
	}
	var own types.Adjustments
	current := types.Description{Components: e.inForce()}
	for _, a := range r.Adjustments {
		component, ok := current.Component(a.Component)
		if !ok {
			continue // another connector has it
		}
		setting, ok := component.Setting(a.Setting)
		if !ok {
			e.log.WarnContext(ctx, "a restored setting does not exist any more", "setting", a.Selector())
			continue
		}
		value, err := setting.Accept(a.Value)
		switch {
		case err != nil:
			e.log.WarnContext(ctx, "a restored value is not accepted any more", "setting", a.Selector(), "value", setting.Value, "error", err)
		case setting.Pinned && !value.Equal(setting.Value):
			e.log.WarnContext(ctx, "a restored setting is pinned now", "setting", a.Selector(), "value", value, "pinned", setting.Value)
		default:
			a.Value = value
			own = append(own, a)
		}
	}
	e.apply(own)
	return e.describe(), nil
}
