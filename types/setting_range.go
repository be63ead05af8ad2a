package types

import (
	"fmt"
	"math/big"
	"strings"
)

// Warnings lists what is odd about a range setting without making it unusable:
// a minimum above the maximum, a mix of integers and floats, a value outside
// the range, a step that is zero, negative or does not divide the range (with
// the nearest bounds that would fit), memory bounds that must be a mistake. An
// enum has none.
func (s Setting) Warnings() []string {
	if s.Kind != RangeKind {
		return nil
	}
	minimum, ok1 := s.Min.Float64()
	maximum, ok2 := s.Max.Float64()
	step, ok3 := s.Step.Float64()
	if !ok1 || !ok2 || !ok3 {
		return nil
	}
	warnings := s.roleWarnings()
	if maximum < minimum {
		return append(warnings, fmt.Sprintf("min cannot be greater than max (%s > %s)", s.Human(s.Min), s.Human(s.Max)))
	}
	if s.Min.kind != s.Max.kind || s.Min.kind != s.Step.kind {
		warnings = append(warnings, fmt.Sprintf("min, max and step must be of one numeric type: they are %s, %s and %s", s.Min.kind, s.Max.kind, s.Step.kind))
	}
	if v, ok := s.Value.Float64(); ok && (v < minimum || v > maximum) {
		warnings = append(warnings, fmt.Sprintf("invalid value: %s is outside of the range %s-%s", s.Human(s.Value), s.Human(s.Min), s.Human(s.Max)))
	}
	switch {
	case maximum == minimum && step != 0:
		warnings = append(warnings, fmt.Sprintf("step must be zero when min equals max: step %s cannot step from %s to %s (pin the setting to keep its value)", s.Human(s.Step), s.Human(s.Min), s.Human(s.Max)))
	case step < 0:
		warnings = append(warnings, fmt.Sprintf("step cannot be negative: %s", s.Human(s.Step)))
	case maximum != minimum && step == 0:
		warnings = append(warnings, "step cannot be zero")
	default:
		if text := s.misaligned(); text != "" {
			warnings = append(warnings, text)
		}
	}
	return warnings
}

// misaligned says that max-min is not a multiple of step, which bounds nearby
// would be, and nothing when it is. It calculates in exact decimals, so that
// 1.0 is a multiple of 0.1.
func (s Setting) misaligned() string {
	lo, hi, step := decimal(s.Min), decimal(s.Max), decimal(s.Step)
	difference := new(big.Rat).Sub(hi, lo)
	if step.Sign() == 0 || new(big.Rat).Quo(difference, step).IsInt() {
		return ""
	}
	steps := new(big.Rat).Quo(difference, step)
	whole := new(big.Int).Quo(steps.Num(), steps.Denom())
	lower := new(big.Rat).Mul(step, new(big.Rat).SetInt(whole))
	if lower.Cmp(step) < 0 { // a range has one step at least
		lower.Set(step)
	}
	upper := new(big.Rat).Add(lower, step)

	text := func(r *big.Rat) string { return s.Human(s.number(r)) }
	var minima []string
	for _, m := range []*big.Rat{new(big.Rat).Sub(hi, lower), new(big.Rat).Sub(hi, upper)} {
		if s.allowsMin(m) {
			minima = append(minima, text(m))
		}
	}
	consider := fmt.Sprintf("max %s or %s", text(new(big.Rat).Add(lo, lower)), text(new(big.Rat).Add(lo, upper)))
	if len(minima) > 0 {
		consider = "min " + strings.Join(minima, " or ") + ", " + consider
	}
	return fmt.Sprintf("min/max difference is not step aligned: %s is not a multiple of %s (consider %s)",
		text(difference), s.Human(s.Step), consider)
}

// number returns r as the bounds of s are written.
func (s Setting) number(r *big.Rat) Value {
	if s.Integral() && r.IsInt() && r.Num().IsInt64() {
		return Int(r.Num().Int64())
	}
	f, _ := r.Float64()
	return Float(f)
}
