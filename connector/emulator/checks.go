package emulator

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/types"
)

// checks verify the emulated application, as those of a real one would.
func (e *emulator) checks() []checks.Entry {
	return []checks.Entry{checks.Check{
		Name:        "Application of " + e.name + " serves",
		Description: "every component has replicas, cores and memory",
		Severity:    checks.Critical,
		Tags:        []string{"emulator"},
		Run:         e.checkServing,
	}, checks.Check{
		Name:        "Settings of " + e.name + " are in range",
		Description: "the values in force are what the settings allow",
		Severity:    checks.Warning,
		Tags:        []string{"emulator"},
		Run:         e.checkRanges,
	}, checks.Check{
		Name:        "Load of " + e.name + " is below saturation",
		Description: "the settings in force are enough for the load",
		Severity:    checks.Warning,
		Tags:        []string{"emulator"},
		Run:         e.checkLoad,
	}}
}

// checkServing offers as a remedy what repairs it: the least that serves.
func (e *emulator) checkServing(context.Context) error {
	idle, repair := e.idle()
	if len(idle) == 0 {
		return nil
	}
	failure := &checks.Error{
		Message: "expected replicas, cores and memory in every component, found " + strings.Join(idle, ", "),
		Hint:    "Give these settings a value above 0, by an adjustment or in the configuration.",
	}
	if len(repair) > 0 {
		failure.Remedy = func(ctx context.Context) error {
			_, repair := e.idle() // an adjustment may have come in between
			e.apply(repair)
			e.log.WarnContext(ctx, "settings without capacity raised", "settings", fmt.Sprint(repair))
			return nil
		}
	}
	return failure
}

// idle lists the settings that keep a component from serving, and the
// adjustments that would let it serve.
func (e *emulator) idle() (found []string, repair types.Adjustments) {
	for _, c := range e.inForce() {
		for _, s := range c.Settings {
			value, _ := s.Value.Float64()
			if value > 0 || s.Role != types.CPURole && s.Role != types.MemoryRole && s.Role != types.ReplicasRole {
				continue
			}
			a := types.Adjustment{Component: c.Name, Setting: s.Name, Value: s.Value}
			found = append(found, a.String())
			if a.Value = leastPositive(s); a.Value.IsSet() && !s.Pinned {
				repair = append(repair, a)
			}
		}
	}
	return found, repair
}

// leastPositive returns the least value above 0 of a range, unset when there is
// none.
func leastPositive(s types.Setting) types.Value {
	least, _ := s.Min.Float64()
	most, _ := s.Max.Float64()
	step, _ := s.Step.Float64()
	if least <= 0 && step > 0 {
		least += step * (math.Floor(-least/step) + 1)
	}
	if least <= 0 || least > most {
		return types.Value{}
	}
	return numeric(s, least)
}

func (e *emulator) checkRanges(context.Context) error {
	var errs []error
	for _, c := range e.inForce() {
		for _, s := range c.Settings {
			for _, warning := range s.Warnings() {
				errs = append(errs, fmt.Errorf("%s.%s: %s", c.Name, s.Name, warning))
			}
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return &checks.Error{
		Message: "expected values inside of the ranges, found",
		Hint:    "Adjust the settings, or correct value, min and max in the configuration.",
		Err:     errors.Join(errs...),
	}
}

func (e *emulator) checkLoad(context.Context) error {
	r := e.config.Response
	f := r.predict(e.inForce(), e.effects)
	if f.throughput >= 0.99*r.Load*(1-r.ErrorFloor/100) {
		return nil
	}
	return &checks.Error{
		Message: fmt.Sprintf("expected that %v requests per second are served, found that it is %.4g with %s", r.Load, f.throughput, values(e.inForce())),
		Hint:    "Adjust to more cores, memory or replicas, or lower response.load.",
	}
}
