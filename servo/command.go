package servo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

// execute runs one command with progress reports. When it returns no report is
// under way any more, so the answer can be given.
func (s *Servo) execute(ctx context.Context, cmd optimizer.Command) (optimizer.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	reporter := s.startReporter(ctx, cmd, func(err error) {
		if cause := commandCause(err); cause != nil {
			cancel(cause)
		}
	})
	result, err := s.dispatch(connector.WithProgress(ctx, reporter.note), cmd)
	reporter.stop()
	return result, withCause(ctx, err)
}

// dispatch gives a command to the connectors and puts their answers together.
func (s *Servo) dispatch(ctx context.Context, cmd optimizer.Command) (optimizer.Result, error) {
	result := optimizer.Result{Verb: cmd.Verb, UID: cmd.UID}
	var err error
	switch cmd.Verb {
	case optimizer.Describe:
		result.Description, err = s.describe(ctx, cmd.Control)
	case optimizer.Measure:
		result.Measurement, err = s.measure(ctx, connector.MeasureRequest{Metrics: cmd.Metrics, Control: cmd.Control})
	case optimizer.Adjust:
		result.Description, err = s.adjust(ctx, connector.AdjustRequest{Adjustments: cmd.Adjustments, Control: cmd.Control})
	default:
		err = fmt.Errorf("unknown command %q", cmd.Verb)
	}
	return result, err
}

func (s *Servo) describe(ctx context.Context, control types.Control) (types.Description, error) {
	results, err := connector.Describe.Dispatch(ctx, &s.bus, control)
	if err != nil {
		return types.Description{}, err
	}
	return types.MergeDescriptions(values(results)...), nil
}

func (s *Servo) measure(ctx context.Context, r connector.MeasureRequest) (types.Measurement, error) {
	results, err := connector.Measure.Dispatch(ctx, &s.bus, r)
	if err != nil {
		return types.Measurement{}, err
	}
	if len(results) == 0 {
		return types.Measurement{}, errors.New("no connector can measure")
	}
	m := types.MergeMeasurements(values(results)...)
	for _, name := range r.Metrics {
		if !slices.ContainsFunc(m.Readings, func(r types.Reading) bool { return r.Of().Name == name }) {
			s.log.WarnContext(ctx, "a metric that was asked for has not been measured", "metric", name)
		}
	}
	return m, nil
}

// adjust checks the whole command before anything changes, so that it takes
// effect as a whole or not at all.
func (s *Servo) adjust(ctx context.Context, r connector.AdjustRequest) (types.Description, error) {
	components, err := connector.Components.Dispatch(ctx, &s.bus, connector.None{})
	if err != nil {
		return types.Description{}, fmt.Errorf("looking up what can be adjusted: %w", err)
	}
	var known types.Description
	for _, result := range components {
		known = types.MergeDescriptions(known, types.Description{Components: result.Value})
	}
	if r.Adjustments, err = s.accept(ctx, known, r.Adjustments); err != nil {
		return types.Description{}, err
	}
	results, err := connector.Adjust.Dispatch(ctx, &s.bus, r)
	if err != nil {
		return types.Description{}, err
	}
	if len(results) == 0 {
		return types.Description{}, errors.New("no connector can adjust")
	}
	return types.MergeDescriptions(values(results)...), nil
}

// accept checks each adjustment against the settings that the connectors own
// and returns them with the values as the settings take them. The error names
// every one that cannot be applied.
func (s *Servo) accept(ctx context.Context, known types.Description, as types.Adjustments) (types.Adjustments, error) {
	var errs []error
	accepted := make(types.Adjustments, 0, len(as))
	for _, a := range as {
		component, ok := known.Component(a.Component)
		if !ok {
			errs = append(errs, fmt.Errorf("%s: unknown component %q (known: %s)", a.Selector(), a.Component, names(known.Components, func(c types.Component) string { return c.Name })))
			continue
		}
		setting, ok := component.Setting(a.Setting)
		if !ok {
			errs = append(errs, fmt.Errorf("%s: unknown setting %q (known: %s)", a.Selector(), a.Setting, names(component.Settings, func(s types.Setting) string { return s.Name })))
			continue
		}
		assigned, err := setting.Assign(a.Value)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s.%w", a.Component, err))
			continue
		}
		for _, warning := range assigned.Warnings() {
			s.log.WarnContext(ctx, "odd setting", "setting", a.Selector(), "warning", warning)
		}
		accepted = append(accepted, types.Adjustment{Component: a.Component, Setting: a.Setting, Value: assigned.Value})
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("nothing was adjusted: %w", errors.Join(errs...))
	}
	return accepted, nil
}

func names[T any](items []T, name func(T) string) string {
	all := make([]string, len(items))
	for i, item := range items {
		all[i] = name(item)
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

func values[T any](results []event.Result[T]) []T {
	all := make([]T, len(results))
	for i, r := range results {
		all[i] = r.Value
	}
	return all
}
