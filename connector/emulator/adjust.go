package emulator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// adjust puts new values in force once the time of an adjustment has passed,
// all or none of them.
func (e *emulator) adjust(ctx context.Context, r connector.AdjustRequest) (types.Description, error) {
	if ctx.Err() != nil {
		return types.Description{}, context.Cause(ctx)
	}
	own, err := e.accept(ctx, r.Adjustments)
	if err != nil {
		return types.Description{}, fmt.Errorf("adjusting: %w", err)
	}
	if len(own) == 0 {
		return e.describe(), nil
	}
	var settlement time.Duration
	if s := r.Control.Settlement; s != nil {
		if *s < 0 {
			return types.Description{}, fmt.Errorf("adjusting with a settlement of %s: it may not be negative", s)
		}
		settlement = s.Std()
	}
	n := e.adjustments.Add(1)
	o := e.config.begin(e.config.AdjustDuration, settlement, random(e.config.Seed, adjusting, n, ""))
	e.log.InfoContext(ctx, "emulating an adjustment", "number", n, "duration", types.Duration(o.total))
	if err := e.config.run(ctx, o, func(time.Duration) string { return "rolling out" }); err != nil {
		return types.Description{}, fmt.Errorf("adjusting: %w", err)
	}
	e.apply(own)
	return e.describe(), nil
}

// accept returns the adjustments of this application with the values as the
// settings take them. The error names every one that cannot be applied.
func (e *emulator) accept(ctx context.Context, adjustments types.Adjustments) (types.Adjustments, error) {
	var own types.Adjustments
	var errs []error
	current := types.Description{Components: e.inForce()}
	for _, a := range adjustments {
		component, ok := current.Component(a.Component)
		if !ok {
			continue // another connector has it
		}
		setting, ok := component.Setting(a.Setting)
		if !ok {
			errs = append(errs, fmt.Errorf("%s has no setting %q (known: %s)", a.Component, a.Setting, settingNames(component)))
			continue
		}
		assigned, err := setting.Assign(a.Value)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s.%w", a.Component, err))
			continue
		}
		for _, warning := range assigned.Warnings() {
			e.log.WarnContext(ctx, "odd value adjusted", "setting", a.Selector(), "warning", warning)
		}
		a.Value = assigned.Value
		own = append(own, a)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return own, nil
}

// apply puts values that were accepted in force, in one step.
func (e *emulator) apply(adjustments types.Adjustments) {
	e.mu.Lock()
	defer e.mu.Unlock()
	components := clone(e.components)
	for _, a := range adjustments {
		for i, c := range components {
			if c.Name != a.Component {
				continue
			}
			j := slices.IndexFunc(c.Settings, func(s types.Setting) bool { return s.Name == a.Setting })
			components[i].Settings[j].Value = a.Value
		}
	}
	e.components = components
}

func settingNames(c types.Component) string {
	names := make([]string, len(c.Settings))
	for i, s := range c.Settings {
		names[i] = s.Name
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
