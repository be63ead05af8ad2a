package connectortest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// change is an adjustment that should work, and the way back.
type change struct{ to, back types.Adjustment }

// changes returns one for each value that can be adjusted. Settings whose
// present value is not known are left alone, since there is no way back.
func (e *exam) changes(d types.Description) []change {
	var all []change
	for _, c := range d.Components {
		for _, s := range c.Settings {
			if s.Pinned || !s.Value.IsSet() {
				continue
			}
			at := types.Adjustment{Component: c.Name, Setting: s.Name, Value: s.Value}
			values, given := e.config.Values[at.Selector()]
			if !given {
				values = neighbour(s)
			}
			for _, v := range values {
				if v.Equal(s.Value) {
					continue
				}
				to := at
				to.Value = v
				all = append(all, change{to, at})
			}
		}
	}
	return all
}

// neighbour returns the next value of a setting, if there is one.
func neighbour(s types.Setting) []types.Value {
	if s.Kind == types.EnumKind {
		for i, v := range s.Values {
			if v.Equal(s.Value) && len(s.Values) > 1 {
				return []types.Value{s.Values[(i+1)%len(s.Values)]}
			}
		}
		return nil
	}
	value, _ := s.Value.Float64()
	least, _ := s.Min.Float64()
	most, _ := s.Max.Float64()
	step, _ := s.Step.Float64()
	if step <= 0 {
		step = most - least
	}
	for _, next := range []float64{value + step, value - step} {
		if next < least || next > most || step == 0 {
			continue
		}
		if s.Integral() {
			return []types.Value{types.Int(int64(math.Round(next)))}
		}
		return []types.Value{types.Float(next)}
	}
	return nil
}

// adjustable returns a running session with the changes that can be made to it.
func (e *exam) adjustable() (*session, types.Description, []change, bool) {
	s, ok := e.running()
	if !ok {
		return nil, types.Description{}, nil, false
	}
	d, err := s.describe()
	if e.blockedBy(err) {
		return nil, d, nil, false
	}
	all := e.changes(d)
	if len(all) == 0 {
		e.absent = "there is no setting to adjust"
		return nil, d, nil, false
	}
	return s, d, all, true
}

func (e *exam) adjustments() {
	s, before, all, ok := e.adjustable()
	if !ok {
		return
	}
	if !handles(s, connector.Adjust) {
		e.broken("it describes settings and does not answer adjust")
		return
	}
	for _, c := range all {
		for _, a := range []types.Adjustment{c.to, c.back} {
			answer, err := s.adjust(context.Background(), a)
			if e.brokenBy("adjusting "+a.String(), err) || isPanic(err) {
				return
			}
			want := with(before, a)
			e.agree("the answer of adjust to "+a.String(), answer, want)
			d, err := s.describe()
			if e.blockedBy(err) {
				return
			}
			e.agree("describe after "+a.String(), d, want)
			parts, err := s.components()
			if e.blockedBy(err) {
				return
			}
			if handles(s, connector.Components) {
				e.agree("components after "+a.String(), types.Description{Components: parts}, want)
			}
		}
	}
	e.together(s, before, all)
}

// together adjusts every setting in one command, as an optimizer does: all of it
// is in force afterwards, or none if the values do not go together.
func (e *exam) together(s *session, before types.Description, all []change) {
	var to, back types.Adjustments
	seen := map[string]bool{}
	for _, c := range all {
		if !seen[c.to.Selector()] {
			seen[c.to.Selector()] = true
			to, back = append(to, c.to), append(back, c.back)
		}
	}
	if len(to) < 2 {
		return
	}
	for _, as := range []types.Adjustments{to, back} {
		want := before
		for _, a := range as {
			want = with(want, a)
		}
		what := fmt.Sprintf("adjusting %d settings in one command", len(as))
		answer, err := s.adjust(context.Background(), as...)
		var outcome *types.OutcomeError
		if errors.As(err, &outcome) && outcome.Outcome == types.Rejected && as[0] == to[0] {
			e.unchanged(s, what+", which was rejected", before)
			return
		}
		if e.brokenBy(what, err) || isPanic(err) {
			return
		}
		e.agree("the answer of adjust to "+what, answer, want)
		d, err := s.describe()
		if e.blockedBy(err) {
			return
		}
		e.agree("describe after "+what, d, want)
	}
}

// with returns a description after an adjustment.
func with(d types.Description, a types.Adjustment) types.Description {
	d.Components = slices.Clone(d.Components)
	for i, c := range d.Components {
		if c.Name != a.Component {
			continue
		}
		d.Components[i].Settings = slices.Clone(c.Settings)
		for j, s := range c.Settings {
			if s.Name == a.Setting {
				d.Components[i].Settings[j].Value = a.Value
			}
		}
	}
	return d
}

// agree notes where the values of a description are not as they should be.
func (e *exam) agree(what string, got, want types.Description) {
	for _, difference := range differences(got, want) {
		e.broken("%s: %s", what, difference)
	}
}

func differences(got, want types.Description) []string {
	var all []string
	for _, c := range want.Components {
		component, ok := got.Component(c.Name)
		if !ok {
			all = append(all, fmt.Sprintf("the component %q is missing", c.Name))
			continue
		}
		for _, s := range c.Settings {
			switch setting, ok := component.Setting(s.Name); {
			case !ok:
				all = append(all, fmt.Sprintf("the setting %s.%s is missing", c.Name, s.Name))
			case !near(setting.Value, s.Value):
				all = append(all, fmt.Sprintf("%s.%s is %s and should be %s", c.Name, s.Name, show(setting.Value), show(s.Value)))
			}
		}
	}
	return all
}

// near allows for the last digits of a number that went through arithmetic.
func near(a, b types.Value) bool {
	x, ok1 := a.Float64()
	y, ok2 := b.Float64()
	if ok1 && ok2 {
		return math.Abs(x-y) <= 1e-9*max(math.Abs(x), math.Abs(y))
	}
	return a.Equal(b)
}

func show(v types.Value) string {
	if !v.IsSet() {
		return "not set"
	}
	return v.String()
}

// unchanged notes what an action that must not change anything has changed.
func (e *exam) unchanged(s *session, what string, before types.Description) bool {
	d, err := s.describe()
	if e.blockedBy(err) {
		return false
	}
	all := differences(d, before)
	for _, difference := range all {
		e.broken("after %s: %s", what, difference)
	}
	return len(all) == 0
}

// unknownSettings adjusts what belongs to others, which is left alone, and what
// belongs to nobody, which may be refused.
func (e *exam) unknownSettings() {
	s, ok := e.running()
	if !ok {
		return
	}
	if !handles(s, connector.Adjust) {
		e.absent = "it does not adjust"
		return
	}
	before, err := s.describe()
	if e.blockedBy(err) {
		return
	}
	if _, err := s.adjust(context.Background()); e.blockedBy(err) {
		return
	}
	others := types.Adjustment{Component: foreign, Setting: "replicas", Value: types.Int(3)}
	_, err = s.adjust(context.Background(), others)
	e.brokenBy("an adjustment for the component of another connector must be ignored", err)
	if !e.unchanged(s, "an adjustment for another connector", before) {
		return
	}
	for _, c := range before.Components {
		nobody := types.Adjustment{Component: c.Name, Setting: foreign, Value: types.Int(3)}
		answer, err := s.adjust(context.Background(), nobody)
		e.blockedByPanic(err)
		if d, ok := answer.Setting(nobody.Selector()); err == nil && ok {
			e.broken("%s does not exist, and adjust answered that it is %s", nobody.Selector(), show(d.Value))
		}
		e.unchanged(s, "an adjustment of the unknown setting "+nobody.Selector(), before)
	}
}

func (e *exam) blockedByPanic(err error) {
	if isPanic(err) {
		e.blockedBy(err)
	}
}

// refusals adjusts to what cannot be, alone and together with what can, and
// cancels adjustments.
func (e *exam) refusals() {
	s, before, all, ok := e.adjustable()
	if !ok {
		return
	}
	for _, a := range wrong(before) {
		_, err := s.adjust(context.Background(), a)
		e.blockedByPanic(err)
		if !e.unchanged(s, "the adjustment "+a.Selector()+" to a value that it cannot have", before) {
			return
		}
		good := slices.IndexFunc(all, func(c change) bool { return c.to.Selector() != a.Selector() })
		if good < 0 {
			continue
		}
		together := "the adjustments " + all[good].to.String() + " and " + a.Selector() + " to a value that it cannot have"
		_, err = s.adjust(context.Background(), all[good].to, a)
		if err != nil && !isPanic(err) && !e.unchanged(s, together+", which were refused", before) {
			return
		}
		if _, err := s.adjust(context.Background(), all[good].back); e.blockedBy(err) {
			return
		}
	}
	for _, c := range all {
		_, err := s.adjust(e.interrupted(connector.ErrCancelledByOptimizer, glance), c.to)
		if errors.Is(err, errHangs) {
			e.blockedBy(err)
			return
		}
		if err != nil {
			if !e.unchanged(s, "the adjustment "+c.to.String()+", which was cancelled", before) {
				return
			}
			continue
		}
		if _, err := s.adjust(context.Background(), c.back); e.blockedBy(err) {
			return
		}
	}
}

// wrong returns an impossible adjustment for each setting. A range may be left,
// since a baseline may lie outside.
func wrong(d types.Description) types.Adjustments {
	var all types.Adjustments
	for _, c := range d.Components {
		for _, s := range c.Settings {
			if !s.Value.IsSet() {
				continue
			}
			all = append(all, types.Adjustment{Component: c.Name, Setting: s.Name, Value: types.Text("connectortest: not a value")})
		}
	}
	return all
}

// descriptions looks at everything that a connector says of itself.
func (e *exam) descriptions() {
	s, ok := e.running()
	if !ok {
		return
	}
	results, err := call(s, context.Background(), connector.Describe, e.config.Control)
	if e.blockedBy(err) {
		return
	}
	for _, d := range results {
		e.valid(d)
	}
	d := types.MergeDescriptions(results...)
	if _, err := d.MarshalJSON(); err != nil {
		e.broken("the description cannot be sent: %v", err)
	}
	parts, err := s.components()
	if e.blockedBy(err) {
		return
	}
	if len(d.Components) > 0 && handles(s, connector.Adjust) && !handles(s, connector.Components) {
		e.broken("it describes settings and does not answer components, so that the servo takes them for unknown")
	}
	if handles(s, connector.Components) {
		e.agree("components, compared with describe", types.Description{Components: parts}, types.Description{Components: d.Components})
		e.agree("describe, compared with components", d, types.Description{Components: parts})
	}
	metrics, err := s.metrics()
	if e.blockedBy(err) || !handles(s, connector.Metrics) {
		return
	}
	for _, m := range metrics {
		if known, ok := d.Metric(m.Name); !ok || known != m {
			e.broken("metrics names %s, and describe does not", m)
		}
	}
	for _, m := range d.Metrics {
		if !slices.Contains(metrics, m) {
			e.broken("describe names the metric %s, and metrics does not", m)
		}
	}
}

// valid examines one description.
func (e *exam) valid(d types.Description) {
	seen := map[string]bool{}
	once := func(what, name string) {
		if strings.TrimSpace(name) == "" {
			e.broken("there is %s without a name", what)
		}
		if seen[what+name] {
			e.broken("there are two of %s %q", what, name)
		}
		seen[what+name] = true
	}
	for _, c := range d.Components {
		once("a component", c.Name)
		for _, s := range c.Settings {
			once("a setting of "+c.Name, s.Name)
			if err := s.Validate(); err != nil {
				e.broken("the setting %s.%s: %v", c.Name, s.Name, err)
			}
		}
	}
	for _, m := range d.Metrics {
		once("a metric", m.Name)
		if err := m.Unit.Validate(); err != nil {
			e.broken("the metric %s: %v", m.Name, err)
		}
	}
}

// asking asks twice and compares.
func (e *exam) asking() {
	s, ok := e.running()
	if !ok {
		return
	}
	before, err := s.describe()
	if e.blockedBy(err) {
		return
	}
	questions := []struct {
		name string
		ask  func() error
	}{
		{"describe", func() error { _, err := s.describe(); return err }},
		{"components", func() error { _, err := s.components(); return err }},
		{"metrics", func() error { _, err := s.metrics(); return err }},
		{"check", func() error {
			_, err := call(s, context.Background(), connector.Check, connector.CheckRequest{})
			return err
		}},
		{"measure", func() error { _, err := s.measure(context.Background()); return err }},
	}
	for _, q := range questions {
		if e.blockedBy(q.ask()) || !e.unchanged(s, q.name, before) {
			return
		}
	}
}
