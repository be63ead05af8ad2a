package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/servokit/servokit/types"
)

// Options describe a study. Objective is required; everything else has a useful
// zero value.
type Options struct {
	// Objective is what to make as small or as large as possible.
	Objective Objective
	// Constraints must all be kept by a configuration to be chosen.
	Constraints []Constraint
	// Formulas are metrics calculated from measured ones. Objective and
	// constraints may name them.
	Formulas []Formula
	// Metrics are further metrics to record with each trial, for a report.
	// Those that the servo does not describe are left out with a warning.
	Metrics []string

	// Trials is how many configurations the search measures, the baseline not
	// counted. Default 20.
	Trials int
	// Initial is how many of them fill the space evenly before the Sampler
	// takes over. The default is two per setting and one more, but no more
	// than half of Trials.
	Initial int
	// Candidates are configurations to try before all others. They may leave
	// out settings, which then keep their value of the baseline. With as many
	// Candidates as Trials there is no search, only a comparison.
	Candidates []types.Adjustments
	// Sampler chooses configurations. Nil is [GaussianProcess].
	Sampler Sampler
	// Seed makes a study repeatable: the same seed and the same measurements
	// give the same trials.
	Seed uint64

	// Control goes with each command: duration, warmup and delay with MEASURE,
	// settlement with ADJUST. A duration of 0 is 1 s.
	Control types.Control
	// BaselineMeasurements is how often the baseline is measured before the
	// search. Default 1.
	BaselineMeasurements int
	// Repeats is how often the validation measures the baseline and the best
	// configuration each. At least 3, which is the default; 5 make a wrong
	// verdict far less likely, see [Validation].
	Repeats int
	// Fallbacks is how many further configurations are validated when the best
	// one turns out not to be better. 0 is one; negative is none.
	Fallbacks int

	// Study is the path of the file that keeps the finished trials, so that a
	// study survives a restart; the package comment has its format. Empty
	// keeps them in memory only.
	Study string
	// Observer is called with each change, in order and never twice at a time,
	// within a method of the engine; it should return soon. It may call Status,
	// Result and Cancel.
	Observer func(Update)
	// Logger receives each trial (info) and what was recovered from (warn).
	// Nil is silent.
	Logger *slog.Logger

	_ struct{}
}

// withDefaults returns the options with the defaults filled in and reports all
// that is wrong with them.
func (o Options) withDefaults() (Options, error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if err := checkName(o.Objective.Metric); err != nil {
		bad("objective: %w", err)
	}
	for i, c := range o.Constraints {
		if err := c.validate(); err != nil {
			bad("constraints[%d]: %w", i, err)
		}
	}
	names := make(map[string]bool)
	for i, f := range o.Formulas {
		if f.name == "" {
			bad("formulas[%d]: empty: make one with ParseFormula", i)
			continue
		}
		if names[f.name] {
			bad("formulas[%d]: %s is defined twice", i, f.name)
		}
		names[f.name] = true
	}
	for i, f := range o.Formulas {
		for _, m := range f.Metrics() {
			if names[m] && m != f.name {
				bad("formulas[%d]: %s uses the formula %s: only measured metrics can be used", i, f.name, m)
			}
		}
	}
	for i, m := range o.Metrics {
		if err := checkName(m); err != nil {
			bad("metrics[%d]: %w", i, err)
		}
	}
	count := func(name string, n *int, least, standard int) {
		if *n == 0 {
			*n = standard
		}
		if *n < least {
			bad("%s: %d is too small: at least %d", name, *n, least)
		}
	}
	count("trials", &o.Trials, 1, 20)
	count("initial", &o.Initial, 0, 0)
	count("baseline measurements", &o.BaselineMeasurements, 1, 1)
	count("repeats", &o.Repeats, 3, 3)
	if o.Trials > 0 && o.Initial > o.Trials {
		bad("initial: %d is more than the %d trials", o.Initial, o.Trials)
	}
	if o.Trials > 0 && len(o.Candidates) > o.Trials {
		bad("candidates: %d are more than the %d trials", len(o.Candidates), o.Trials)
	}
	for i, c := range o.Candidates {
		if len(c) == 0 {
			bad("candidates[%d]: empty: that is the baseline", i)
		}
	}
	switch {
	case o.Fallbacks == 0:
		o.Fallbacks = 1
	case o.Fallbacks < 0:
		o.Fallbacks = 0
	}
	if o.Control.Duration == 0 {
		o.Control.Duration = types.DefaultControl().Duration
	}
	for _, d := range []struct {
		name  string
		value types.Duration
	}{{"duration", o.Control.Duration}, {"delay", o.Control.Delay}, {"warmup", o.Control.Warmup}} {
		if d.value < 0 {
			bad("control.%s: %s is negative", d.name, d.value)
		}
	}
	if s := o.Control.Settlement; s != nil && *s < 0 {
		bad("control.settlement: %s is negative", *s)
	}
	if _, err := json.Marshal(o.Control); err != nil {
		bad("control: load, userdata and environment must be JSON: %w", err)
	}
	if o.Sampler == nil {
		o.Sampler = GaussianProcess{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = func(Update) {}
	}
	return o, errors.Join(errs...)
}

// initial returns the size of the space-filling start for a space.
func (o Options) initial(space *Space) int {
	if o.Initial > 0 {
		return o.Initial
	}
	return min(2*space.Dims()+1, max(1, o.Trials/2))
}

func (o Options) formula(name string) (Formula, bool) {
	for _, f := range o.Formulas {
		if f.name == name {
			return f, true
		}
	}
	return Formula{}, false
}

// needs lists the measured metrics that objective, constraints and formulas
// cannot do without.
func (o Options) needs() []string {
	var names []string
	add := func(name string) {
		if f, ok := o.formula(name); ok {
			for _, m := range f.Metrics() {
				names = appendNew(names, m)
			}
			return
		}
		names = appendNew(names, name)
	}
	add(o.Objective.Metric)
	for _, c := range o.Constraints {
		add(c.Metric)
	}
	for _, f := range o.Formulas {
		add(f.name)
	}
	return names
}
