package types

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// SampleAction says what becomes of a sample in a certain state. The zero
// SampleAction is the default: keep a zero, skip what has no number.
//
// Its text forms, in configuration too, are "keep", "skip", "carry", "fail" and
// a number, which is what the sample is treated as.
type SampleAction struct {
	kind  actionKind
	value float64
}

type actionKind uint8

const (
	actionDefault actionKind = iota
	actionKeep
	actionSkip
	actionCarry
	actionFail
	actionTreat
)

var actionWords = map[string]actionKind{
	"": actionDefault, "keep": actionKeep, "skip": actionSkip, "carry": actionCarry, "fail": actionFail,
}

// SkipSample leaves the sample out and counts it.
func SkipSample() SampleAction { return SampleAction{kind: actionSkip} }

// FailOnSample refuses the whole series.
func FailOnSample() SampleAction { return SampleAction{kind: actionFail} }

// CarryLast repeats the last number that was observed before; a sample with
// none before it is skipped.
func CarryLast() SampleAction { return SampleAction{kind: actionCarry} }

// TreatAs takes the sample as value, which must be finite; NaN and the
// infinities give the default action.
func TreatAs(value float64) SampleAction {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return SampleAction{}
	}
	return SampleAction{kind: actionTreat, value: value}
}

// ParseSampleAction reads a text form; surrounding blanks are accepted. Any
// other text, and a number that is not finite, are errors that list what is
// accepted.
func ParseSampleAction(text string) (SampleAction, error) {
	word := strings.TrimSpace(text)
	if kind, ok := actionWords[word]; ok {
		return SampleAction{kind: kind}, nil
	}
	if d, err := ParseDecimal(word); err == nil {
		v, _ := d.Float64()
		return TreatAs(v), nil
	}
	return SampleAction{}, fmt.Errorf("invalid sample action %q: use keep, skip, carry, fail or a number to treat the sample as", shorten(text))
}

// String returns the text form, "" for the default.
func (a SampleAction) String() string {
	if a.kind == actionTreat {
		return strconv.FormatFloat(a.value, 'g', -1, 64)
	}
	for word, kind := range actionWords {
		if kind == a.kind {
			return word
		}
	}
	return ""
}

// IsZero reports whether a is the default action, which encoders leave out.
func (a SampleAction) IsZero() bool { return a.kind == actionDefault }

// MarshalText writes the text form.
func (a SampleAction) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the text form; see [ParseSampleAction].
func (a *SampleAction) UnmarshalText(text []byte) error {
	parsed, err := ParseSampleAction(string(text))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

// UnmarshalJSON reads a number or the text form; null is the default.
func (a *SampleAction) UnmarshalJSON(data []byte) error {
	text := string(bytes.TrimSpace(data))
	switch {
	case text == "null":
		text = ""
	case strings.HasPrefix(text, `"`):
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	}
	return a.UnmarshalText([]byte(text))
}

// MarshalYAML writes the text form, a number as a number.
func (a SampleAction) MarshalYAML() (any, error) {
	if a.kind == actionTreat {
		return a.value, nil
	}
	return a.String(), nil
}

// UnmarshalYAML reads a number or the text form.
func (a *SampleAction) UnmarshalYAML(unmarshal func(any) error) error {
	var v any
	if err := unmarshal(&v); err != nil {
		return err
	}
	if v == nil {
		v = ""
	}
	return a.UnmarshalText([]byte(fmt.Sprint(v)))
}

// SamplePolicy says, for one metric, what becomes of samples in each state.
// The zero policy keeps every number, zeros too, and skips and counts the rest:
// missing, NaN, infinite and stale samples never become numbers unless the
// policy says so.
type SamplePolicy struct {
	Missing  SampleAction `json:"missing,omitzero" yaml:"missing,omitempty" description:"What becomes of a moment without an observation."`
	Zero     SampleAction `json:"zero,omitzero" yaml:"zero,omitempty" description:"What becomes of an observed zero."`
	NaN      SampleAction `json:"nan,omitzero" yaml:"nan,omitempty" description:"What becomes of an observation that is not a number, such as a ratio without traffic."`
	Infinite SampleAction `json:"infinite,omitzero" yaml:"infinite,omitempty" description:"What becomes of an observed infinity."`
	Stale    SampleAction `json:"stale,omitzero" yaml:"stale,omitempty" description:"What becomes of a value whose source has declared it gone."`
}

// Validate reports states that cannot be kept because they have no number.
func (p SamplePolicy) Validate() error {
	var bad []string
	for _, state := range []SampleState{SampleMissing, SampleNaN, SampleInfinite, SampleStale} {
		if p.action(state).kind == actionKeep {
			bad = append(bad, strings.ToLower(state.String()))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return fmt.Errorf("%s: keep is not accepted for a sample without a number: use skip, carry, fail or a number", strings.Join(bad, ", "))
}

// action returns the action for a state, with the default filled in.
func (p SamplePolicy) action(state SampleState) SampleAction {
	a, otherwise := SampleAction{kind: actionKeep}, actionSkip
	switch state {
	case SamplePresent:
	case SampleZero:
		a, otherwise = p.Zero, actionKeep
	case SampleNaN:
		a = p.NaN
	case SampleInfinite:
		a = p.Infinite
	case SampleStale:
		a = p.Stale
	default:
		a = p.Missing
	}
	if a.kind == actionDefault {
		a.kind = otherwise
	}
	return a
}

// SampleCounts tells what a policy did.
type SampleCounts struct {
	// Kept samples had a number and stay as they were.
	Kept int
	// Skipped samples were left out.
	Skipped int
	// Carried samples repeat the number before them.
	Carried int
	// Replaced samples were treated as a number of the policy.
	Replaced int
}

// Known is the share of the samples that were observed as they stand, 0 without
// any sample. Compare it with what an analysis needs: "not enough data" is an
// answer of its own.
func (c SampleCounts) Known() float64 {
	total := c.Kept + c.Skipped + c.Carried + c.Replaced
	if total == 0 {
		return 0
	}
	return float64(c.Kept) / float64(total)
}

// SampleError is the error of a policy that refuses a series because of one
// state. Find it with [errors.As].
type SampleError struct {
	// State is that of the first sample that was refused, Index its place.
	State SampleState
	Index int
	// Count is how many samples of the series the policy refuses.
	Count int
}

// Error says which sample is the first that is refused, and how many are.
func (e *SampleError) Error() string {
	return fmt.Sprintf("sample %d is %s, which the policy refuses (%d in all)", e.Index, e.State, e.Count)
}

// Apply returns s with the policy applied to its points, in order of time, and
// what was done. A refusal is a [*SampleError]; there are no points then. The
// series itself is left alone.
func (p SamplePolicy) Apply(s TimeSeries) (TimeSeries, SampleCounts, error) {
	var points []DataPoint
	counts, err := p.each(s.Samples(), func(i int, sample Sample) {
		point := s.Points[i]
		point.Sample = sample
		points = append(points, point)
	})
	if err != nil {
		points = nil
	}
	s.Points = points
	return s, counts, err
}

// Summarize reduces samples after applying the policy to them: Skipped of the
// summary counts what was left out. A refusal is a [*SampleError].
func (p SamplePolicy) Summarize(samples ...Sample) (Summary, SampleCounts, error) {
	var used []Sample
	counts, err := p.each(samples, func(_ int, sample Sample) { used = append(used, sample) })
	if err != nil {
		return Summary{}, counts, err
	}
	summary := Summarize(used...)
	summary.Skipped = counts.Skipped
	return summary, counts, nil
}

// each calls use for every sample that is left, and counts.
func (p SamplePolicy) each(samples []Sample, use func(int, Sample)) (counts SampleCounts, err error) {
	var last Sample
	var refused *SampleError
	for i, sample := range samples {
		action := p.action(sample.state)
		_, number := sample.Float64()
		switch {
		case action.kind == actionKeep && number:
			counts.Kept++
			last = sample
			use(i, sample)
		case action.kind == actionTreat:
			counts.Replaced++
			use(i, Observe(action.value))
		case action.kind == actionCarry && last.state != SampleMissing:
			counts.Carried++
			use(i, last)
		case action.kind == actionFail:
			if refused == nil {
				refused = &SampleError{State: sample.state, Index: i}
			}
			refused.Count++
		default:
			counts.Skipped++
		}
	}
	if refused != nil {
		return counts, refused
	}
	return counts, nil
}
