package local

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"

	"github.com/servokit/servokit/types"
)

// study is what has been found, and what follows from it. It knows nothing of
// commands; [Engine] does those.
type study struct {
	options Options

	// What the servo described, and what the options mean in its terms.
	described  bool
	space      *Space
	units      map[string]types.Unit
	limits     []Constraint
	ask        []string
	unmeasured []string
	baseline   types.Adjustments
	candidates []types.Adjustments
	design     [][]float64
	before     *header

	// What was measured. Nothing else decides what comes next, so that a
	// study that was read from its file goes on like one that never stopped.
	baselineRuns []Trial
	trials       []Trial
	checks       []record

	validation *Validation
	kept       string
	inForce    types.Adjustments
	err        error
	warnings   []string
}

// resume takes over what a study file has.
func (s *study) resume(h header, records []record) error {
	want, err := headerOf(s.options, types.Description{})
	if err != nil {
		return err
	}
	if err := h.differences(want); err != nil {
		return fmt.Errorf("%w: %w", ErrOtherStudy, err)
	}
	for _, r := range records {
		if r.Kind == kindTrial && r.Trial.Number != len(s.trials)+1 {
			return fmt.Errorf("trial %d follows trial %d", r.Trial.Number, len(s.trials))
		}
		if r.Kind == kindValidation && (r.Candidate < 1 || r.Candidate > len(s.trials)) {
			return fmt.Errorf("a validation of trial %d, which is not there", r.Candidate)
		}
		s.add(r)
	}
	s.before = &h
	return nil
}

func (s *study) add(r record) {
	switch r.Kind {
	case kindBaseline:
		s.baselineRuns = append(s.baselineRuns, r.Trial)
	case kindTrial:
		s.trials = append(s.trials, r.Trial)
	case kindValidation:
		s.checks = append(s.checks, r)
	}
}

// open fits the study to a description. It returns the settings in force and
// whether the study begins here.
func (s *study) open(d types.Description) (current types.Adjustments, fresh bool, err error) {
	space, err := NewSpace(d)
	if err != nil {
		return nil, false, err
	}
	current = space.current()
	baseline := current
	if s.before != nil {
		was, err := NewSpace(s.before.Description)
		if err != nil {
			return nil, false, fmt.Errorf("study file: %w", err)
		}
		if was.signature() != space.signature() {
			return nil, false, fmt.Errorf("%w: it was about the settings %s, the servo describes %s", ErrOtherStudy, was.signature(), space.signature())
		}
		baseline = was.current()
	}
	errs := s.fit(d)
	candidates := make([]types.Adjustments, len(s.options.Candidates))
	for i, c := range s.options.Candidates {
		if candidates[i], err = space.complete(c, baseline); err != nil {
			errs = append(errs, fmt.Errorf("candidates[%d]: %w", i, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, false, err
	}
	s.space, s.baseline, s.candidates, s.described = space, baseline, candidates, true
	s.plot()
	return current, s.before == nil, nil
}

// fit matches objective, constraints and formulas with the described metrics.
func (s *study) fit(d types.Description) []error {
	var errs []error
	known := make([]string, len(d.Metrics))
	s.units = make(map[string]types.Unit)
	for i, m := range d.Metrics {
		known[i] = m.Name
		s.units[m.Name] = m.Unit
	}
	s.ask = nil
	for _, name := range s.options.needs() {
		if _, ok := d.Metric(name); !ok {
			errs = append(errs, fmt.Errorf("metric %s: the servo does not measure it: it measures %s", name, names(known)))
		}
		s.ask = append(s.ask, name)
	}
	s.unmeasured = nil
	for _, name := range s.options.Metrics {
		if _, ok := d.Metric(name); ok {
			s.ask = appendNew(s.ask, name)
		} else if _, ok := s.options.formula(name); !ok {
			s.unmeasured = appendNew(s.unmeasured, name)
		}
	}
	for _, f := range s.options.Formulas {
		if _, ok := d.Metric(f.name); ok {
			errs = append(errs, fmt.Errorf("formula %s: the servo measures a metric of that name: choose another", f.name))
		}
	}
	s.limits = nil
	for _, c := range s.options.Constraints {
		if m, ok := d.Metric(c.Metric); ok {
			limit, err := c.in(m.Unit)
			if err != nil {
				errs = append(errs, err)
			}
			s.limits = append(s.limits, limit)
			continue
		}
		if _, ok := s.options.formula(c.Metric); ok && c.Unit != "" {
			errs = append(errs, fmt.Errorf("constraint %q: %s is a formula, whose values have no unit", c, c.Metric))
		}
		s.limits = append(s.limits, c)
	}
	return errs
}

func names(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

// plot lays out the space-filling start.
func (s *study) plot() {
	n := min(s.options.initial(s.space), s.options.Trials) - len(s.candidates)
	tried := make(seen)
	for _, c := range append(slices.Clone(s.candidates), s.baseline) {
		if point, ok := s.space.Point(c); ok {
			tried[pointKey(s.space, point)] = true
		}
	}
	s.design = spread(s.space, n, tried, s.source(0))
}

// source returns the randomness for trial n: it depends on nothing else, so
// that a resumed study makes the suggestions of one that never stopped.
func (s *study) source(n int) *rand.Rand {
	return rand.New(rand.NewPCG(s.options.Seed, uint64(n)))
}

// suggest returns the configuration of trial n.
func (s *study) suggest(n int) types.Adjustments {
	i := n - 1
	if i < len(s.candidates) {
		return s.candidates[i]
	}
	if i -= len(s.candidates); i < len(s.design) {
		return s.space.Settings(s.design[i])
	}
	history := s.history()
	rng := s.source(n)
	point := s.space.Snap(s.options.Sampler.Suggest(s.space, history, rng))
	if tried := seenIn(s.space, history); tried[pointKey(s.space, point)] {
		if other := randomPoint(s.space, tried, rng); !tried[pointKey(s.space, other)] {
			point = other
		}
	}
	return s.space.Settings(point)
}

// history is what a sampler gets to see.
func (s *study) history() []Observation {
	var history []Observation
	for _, t := range append(slices.Clone(s.baselineRuns), s.trials...) {
		point, ok := s.space.Point(t.Settings)
		if !ok {
			continue
		}
		o := Observation{Point: point, Failed: !s.complete(t)}
		if !o.Failed {
			o.Loss = s.loss(t)
			for _, c := range s.limits {
				m, _ := c.margin(t.Metrics[c.Metric])
				o.Margins = append(o.Margins, m)
			}
		}
		history = append(history, o)
	}
	return history
}

// reduce turns a measurement into a trial. What has no data stays missing.
func (s *study) reduce(config types.Adjustments, m types.Measurement) Trial {
	t := Trial{Settings: config, Metrics: make(map[string]float64)}
	var problems []string
	read := make(map[string]types.Unit)
	for _, metric := range m.Metrics() {
		read[metric.Name] = metric.Unit
	}
	for _, name := range s.ask {
		// A number in another unit than described would be a wrong number.
		if unit := read[name]; unit != types.Unitless && s.units[name] != types.Unitless && unit != s.units[name] {
			problems = append(problems, fmt.Sprintf("%s was measured in %s but described in %s", name, unit, s.units[name]))
			continue
		}
		if summary := m.Summary(name); summary.Count > 0 && finite(summary.Mean) {
			t.Metrics[name] = summary.Mean
		}
	}
	s.weigh(&t, problems)
	return t
}

// weigh calculates formulas, objective and feasibility from the metrics.
func (s *study) weigh(t *Trial, problems []string) {
	for _, f := range s.options.Formulas {
		if v, ok := f.Eval(t.Metrics); ok {
			t.Metrics[f.name] = v
		}
	}
	var missing []string
	if v, ok := t.Metrics[s.options.Objective.Metric]; ok {
		t.Objective = types.Observe(v)
	} else {
		missing = append(missing, s.options.Objective.Metric)
	}
	for _, c := range s.limits {
		v, ok := t.Metrics[c.Metric]
		if !ok {
			missing = appendNew(missing, c.Metric)
		} else if !kept(c, v) {
			t.Violations = append(t.Violations, fmt.Sprintf("%s (it was %s)", c, short(v)))
		}
	}
	if len(missing) > 0 {
		problems = append(problems, "no data for "+strings.Join(missing, ", "))
	}
	t.Feasible = len(missing) == 0 && len(t.Violations) == 0
	t.Message = strings.Join(problems, "; ")
}

// complete tells whether a trial has data for objective and all constraints.
func (s *study) complete(t Trial) bool {
	for _, c := range s.limits {
		if _, ok := t.Metrics[c.Metric]; !ok {
			return false
		}
	}
	return t.usable()
}

// baselineTrial reduces the measurements of the baseline to one trial.
func (s *study) baselineTrial() *Trial {
	if len(s.baselineRuns) == 0 {
		return nil
	}
	first := s.baselineRuns[0]
	if len(s.baselineRuns) == 1 {
		return &first
	}
	values := make(map[string][]float64)
	for _, t := range s.baselineRuns {
		for name, v := range t.Metrics {
			values[name] = append(values[name], v)
		}
	}
	t := Trial{Settings: first.Settings, Metrics: make(map[string]float64)}
	for name, list := range values {
		if _, ok := s.options.formula(name); !ok {
			t.Metrics[name] = middle(list)
		}
	}
	s.weigh(&t, nil)
	return &t
}

// ranking lists the feasible trials, best first, each configuration once and
// without the baseline.
func (s *study) ranking() []Trial {
	var ranked []Trial
	used := map[string]bool{key(s.baseline): true}
	feasible := slices.DeleteFunc(slices.Clone(s.trials), func(t Trial) bool { return !t.Feasible })
	sort.SliceStable(feasible, func(i, j int) bool { return s.loss(feasible[i]) < s.loss(feasible[j]) })
	for _, t := range feasible {
		if k := key(t.Settings); !used[k] {
			used[k] = true
			ranked = append(ranked, t)
		}
	}
	return ranked
}

func (s *study) loss(t Trial) float64 {
	v, _ := t.Objective.Float64()
	return s.options.Objective.loss(v)
}

// best is [Result.Best].
func (s *study) best() *Trial {
	if s.validation != nil && s.validation.Candidate > 0 {
		t := s.trials[s.validation.Candidate-1]
		return &t
	}
	if ranked := s.ranking(); len(ranked) > 0 {
		return &ranked[0]
	}
	return nil
}

// check returns the next measurement of the validation, or nil when there is a
// verdict.
func (s *study) check() *job {
	var earlier []Validation
	for i, candidate := range s.ranking() {
		if i > s.options.Fallbacks {
			break
		}
		if i > 0 && !s.promising(candidate, earlier[i-1]) {
			break
		}
		v := Validation{Candidate: candidate.Number}
		stop := false
		for _, r := range s.checks {
			switch {
			case r.Candidate != candidate.Number:
			case r.Baseline:
				v.Baseline = append(v.Baseline, r.Trial)
			default:
				v.Best = append(v.Best, r.Trial)
				stop = stop || r.Trial.Outcome == types.Rejected || r.Trial.Outcome == types.Aborted
			}
		}
		n := len(v.Baseline) + len(v.Best)
		if n < 2*s.options.Repeats && !stop {
			repeat := n / 2
			j := &job{phase: PhaseValidate, candidate: candidate.Number, number: repeat + 1, of: s.options.Repeats, config: candidate.Settings}
			// B C B C …: each measurement follows an adjustment. The second of two
			// in a row of one side would find caches filled and heaps grown, and
			// be about something else than the first.
			if n%2 == 0 {
				j.ofBaseline, j.config = true, s.baseline
			}
			return j
		}
		v.judge(s.options, s.limits)
		if v.Better {
			v.Earlier = earlier
			s.validation = &v
			return nil
		}
		earlier = append(earlier, v)
	}
	if n := len(earlier); n > 0 {
		v := earlier[n-1]
		v.Earlier = earlier[:n-1]
		s.validation = &v
		return nil
	}
	s.validation = &Validation{Verdict: noneBetter + ": no trial kept all constraints"}
	if len(s.options.Constraints) == 0 {
		s.validation.Verdict = noneBetter + ": no other configuration could be measured"
	}
	return nil
}

// promising tells whether a further candidate is worth a validation: it must
// have looked better than the baseline did in the last one.
func (s *study) promising(candidate Trial, last Validation) bool {
	usable, enough := summarize(last.Baseline, s.options.Repeats)
	if !enough || len(violations(usable, s.limits)) > 0 {
		return true
	}
	return s.loss(candidate) < s.options.Objective.loss(middle(objectives(usable)))
}

func (s *study) result() Result {
	return Result{
		Trials: s.trials, Baseline: s.baselineTrial(), Best: s.best(), Validation: s.validation,
		Applied: s.inForce, Kept: s.kept, Err: s.err, Warnings: s.warnings,
	}
}
