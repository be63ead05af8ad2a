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
func (s *Servo) execute(run context.Context, cmd optimizer.Command) (optimizer.Result, error) {
	ctx, cancel := context.WithCancelCause(run)
	defer cancel(nil)
	reporter := s.startReporter(ctx, cmd, func(err error) {
		if cause := commandCause(err); cause != nil {
			cancel(cause)
		}
	})
	result, err := s.dispatch(connector.WithProgress(ctx, reporter.note), run, cmd)
	reporter.stop()
	return result, withCause(ctx, err)
}

// dispatch gives a command to the connectors and puts their answers together.
// Run is the context of the servo, which outlives that of the command.
func (s *Servo) dispatch(ctx, run context.Context, cmd optimizer.Command) (optimizer.Result, error) {
	result := optimizer.Result{Verb: cmd.Verb, UID: cmd.UID}
	var err error
	switch cmd.Verb {
	case optimizer.Describe:
		result.Description, err = s.describe(ctx, cmd.Control)
	case optimizer.Measure:
		result.Measurement, err = s.measure(ctx, run, connector.MeasureRequest{Metrics: cmd.Metrics, Control: cmd.Control})
	case optimizer.Adjust:
		result.Description, err = s.adjust(ctx, run, cmd)
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

// measure takes no readings of an application that is in no known state: nobody
// could say what they are about.
func (s *Servo) measure(ctx, run context.Context, r connector.MeasureRequest) (types.Measurement, error) {
	if s.ledger.state.Open != nil {
		if err := s.settle(ctx, run, "a measurement follows"); err != nil {
			return types.Measurement{}, fmt.Errorf("nothing was measured: an adjustment has failed halfway: %w", err)
		}
	}
	results, err := connector.Measure.Dispatch(ctx, &s.bus, r)
	if err != nil {
		return types.Measurement{}, err
	}
	if len(results) == 0 {
		return types.Measurement{}, errors.New("no connector can measure")
	}
	for _, result := range results {
		if none := len(result.Value.Readings) - len(types.MergeMeasurements(result.Value).Readings); none > 0 {
			s.log.WarnContext(ctx, "a connector has returned readings that are nil, which are left out", "connector", result.Source, "readings", none)
		}
	}
	m := types.MergeMeasurements(values(results)...)
	for _, name := range r.Metrics {
		if !slices.ContainsFunc(m.Readings, func(r types.Reading) bool { return r.Of().Name == name }) {
			s.log.WarnContext(ctx, "a metric that was asked for has not been measured", "metric", name)
		}
	}
	return m, nil
}

// accept checks each adjustment against the settings that the connectors own
// and returns them with the values as the settings take them. The error names
// every one that cannot be applied.
func (s *Servo) accept(ctx context.Context, known inventory, as types.Adjustments) (types.Adjustments, error) {
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
		// Of two values for one setting the later one counts.
		accepted = overlay(accepted, types.Adjustments{{Component: a.Component, Setting: a.Setting, Value: assigned.Value}})
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
