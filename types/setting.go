package types

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// SettingKind is the kind of a setting, in the form it has on the wire.
type SettingKind string

// The kinds of a [Setting].
const (
	// RangeKind is a number between a minimum and a maximum, in steps.
	RangeKind SettingKind = "range"
	// EnumKind is one of a list of values.
	EnumKind SettingKind = "enum"
)

// Setting is something that can be adjusted: its kind, its bounds and its
// current value. Make one with [Range] or [Enum] and refine the fields; read
// one from a description as it comes.
type Setting struct {
	Name string
	Kind SettingKind
	// Unit is shown to people and may be empty.
	Unit string
	// Pinned says that the optimizer must leave the value alone.
	Pinned bool
	// Value is the current value, unset when it is not known.
	Value Value
	// Min, Max and Step bound a range setting, all inclusive.
	Min, Max, Step Value
	// Values lists what an enum setting accepts.
	Values []Value
}

// Range returns a range setting without a current value.
func Range(name string, least, most, step Value) Setting {
	return Setting{Name: name, Kind: RangeKind, Min: least, Max: most, Step: step}
}

// Enum returns an enum setting without a current value.
func Enum(name string, values ...Value) Setting {
	return Setting{Name: name, Kind: EnumKind, Values: values}
}

// With returns a copy of s that reports value as current. It checks nothing:
// observed values are reported as they are, also outside the range.
func (s Setting) With(value Value) Setting {
	s.Value = value
	return s
}

// Integral reports whether the setting takes whole numbers only: a range whose
// minimum, maximum and step are integers.
func (s Setting) Integral() bool {
	return s.Kind == RangeKind && s.Min.kind == IntKind && s.Max.kind == IntKind && s.Step.kind == IntKind
}

// Validate reports everything that makes the setting unusable, all problems at
// once: a missing name, an unknown kind, missing or non-numeric bounds, an
// empty list of values, or an enum value that is not in the list. What is only
// odd is in [Setting.Warnings].
func (s Setting) Validate() error {
	var errs []error
	if s.Name == "" {
		errs = append(errs, errors.New("name: required"))
	}
	switch s.Kind {
	case RangeKind:
		for _, bound := range []struct {
			name  string
			value Value
		}{{"min", s.Min}, {"max", s.Max}, {"step", s.Step}} {
			if _, ok := bound.value.Float64(); !ok {
				errs = append(errs, fmt.Errorf("%s: a number is required, not %s", bound.name, describeValue(bound.value)))
			}
		}
		if s.Value.Kind() == TextKind {
			errs = append(errs, fmt.Errorf("value: a number is required, not %s", describeValue(s.Value)))
		}
	case EnumKind:
		if len(s.Values) == 0 {
			errs = append(errs, errors.New("values: at least one is required"))
		}
		for i, member := range s.Values {
			if !member.IsSet() {
				errs = append(errs, fmt.Errorf("values[%d]: a number or a string is required, not nothing", i))
			}
		}
		if s.Value.IsSet() && !s.hasValue(s.Value) {
			errs = append(errs, fmt.Errorf("invalid value: %s is not in the values list %s", describeValue(s.Value), describeValues(s.Values)))
		}
	default:
		errs = append(errs, fmt.Errorf("type: %q is not accepted: use range or enum", string(s.Kind)))
	}
	return errors.Join(errs...)
}

// Warnings lists what is odd about a range setting without making it unusable:
// a minimum above the maximum, a mix of integers and floats, a value outside
// the range, a step that is zero, negative or does not divide the range. An
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
	if maximum < minimum {
		return []string{fmt.Sprintf("min cannot be greater than max (%s > %s)", s.Min, s.Max)}
	}
	var warnings []string
	if s.Min.kind != s.Max.kind || s.Min.kind != s.Step.kind {
		warnings = append(warnings, fmt.Sprintf("min, max and step must be of one numeric type: they are %s, %s and %s", s.Min.kind, s.Max.kind, s.Step.kind))
	}
	if v, ok := s.Value.Float64(); ok && (v < minimum || v > maximum) {
		warnings = append(warnings, fmt.Sprintf("invalid value: %s is outside of the range %s-%s", s.Value, s.Min, s.Max))
	}
	switch {
	case maximum == minimum && step != 0:
		warnings = append(warnings, fmt.Sprintf("step must be zero when min equals max: step %s cannot step from %s to %s (pin the setting to keep its value)", s.Step, s.Min, s.Max))
	case step < 0:
		warnings = append(warnings, fmt.Sprintf("step cannot be negative: %s", s.Step))
	case maximum != minimum && step == 0:
		warnings = append(warnings, "step cannot be zero")
	case !aligned(s.Min, s.Max, s.Step):
		warnings = append(warnings, fmt.Sprintf("the difference between min %s and max %s is not a multiple of step %s", s.Min, s.Max, s.Step))
	}
	return warnings
}

// Accept returns value as the setting takes it, or an error that says what
// would be accepted. It is about type, not about range: an integral setting
// takes 2.0 as 2 and refuses 2.5; an enum returns its own member. A number
// outside the range is accepted, since an optimizer may restore a baseline
// that lies outside; see [Setting.Warnings].
func (s Setting) Accept(value Value) (Value, error) {
	switch s.Kind {
	case RangeKind:
		f, ok := value.Float64()
		if !ok {
			return Value{}, fmt.Errorf("%s: a number is required, not %s", s.Name, describeValue(value))
		}
		if !s.Integral() {
			if s.Min.kind == FloatKind {
				return Float(f), nil
			}
			return value, nil
		}
		i, ok := value.Int64()
		if !ok {
			return Value{}, fmt.Errorf("%s: a whole number is required, not %s", s.Name, describeValue(value))
		}
		return Int(i), nil
	case EnumKind:
		for _, member := range s.Values {
			if value.IsSet() && member.Equal(value) {
				return member, nil
			}
		}
		return Value{}, fmt.Errorf("%s: %s is not accepted: use one of %s", s.Name, describeValue(value), describeValues(s.Values))
	default:
		return Value{}, fmt.Errorf("%s: unknown kind of setting %q", s.Name, string(s.Kind))
	}
}

// String returns a line for a person: "cpu (range 0.5-4.0, 0.5)".
func (s Setting) String() string {
	if s.Kind == EnumKind {
		return fmt.Sprintf("%s (enum %s)", s.Name, describeValues(s.Values))
	}
	return fmt.Sprintf("%s (%s %s-%s, %s)", s.Name, s.Kind, s.Min, s.Max, s.Step)
}

func (s Setting) hasValue(value Value) bool {
	for _, member := range s.Values {
		if member.Equal(value) {
			return true
		}
	}
	return false
}

// aligned tells whether max-min is a multiple of step in exact decimals, so
// that 1.0 is a multiple of 0.1.
func aligned(minimum, maximum, step Value) bool {
	lo, hi, st := decimal(minimum), decimal(maximum), decimal(step)
	if st.Sign() == 0 {
		return true
	}
	return new(big.Rat).Quo(hi.Sub(hi, lo), st).IsInt()
}

func decimal(v Value) *big.Rat {
	if v.kind == IntKind {
		return new(big.Rat).SetInt64(v.i)
	}
	f, _ := v.Float64()
	r, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	if !ok || math.IsInf(f, 0) {
		return new(big.Rat)
	}
	return r
}

func describeValue(v Value) string {
	switch v.kind {
	case TextKind:
		return strconv.Quote(v.text)
	case UnsetKind:
		return "nothing"
	default:
		return v.String()
	}
}

func describeValues(values []Value) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = describeValue(v)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

type settingWire struct {
	Type   SettingKind `json:"type"`
	Pinned bool        `json:"pinned"`
	Unit   string      `json:"unit,omitempty"`
	Value  *Value      `json:"value,omitempty"`
	Min    *Value      `json:"min,omitempty"`
	Max    *Value      `json:"max,omitempty"`
	Step   *Value      `json:"step,omitempty"`
	Values []Value     `json:"values,omitempty"`
}

// MarshalJSON writes the wire form, without the name: the name is the key under
// which a component holds the setting. An unset value is left out.
func (s Setting) MarshalJSON() ([]byte, error) {
	set := func(v Value) *Value {
		if !v.IsSet() {
			return nil
		}
		return &v
	}
	w := settingWire{Type: s.Kind, Pinned: s.Pinned, Unit: s.Unit, Value: set(s.Value)}
	if s.Kind == EnumKind {
		w.Values = s.Values
	} else {
		w.Min, w.Max, w.Step = set(s.Min), set(s.Max), set(s.Step)
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads the wire form and leaves the name alone. Unknown keys and
// "value": null are accepted.
func (s *Setting) UnmarshalJSON(data []byte) error {
	var w settingWire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	get := func(v *Value) Value {
		if v == nil {
			return Value{}
		}
		return *v
	}
	*s = Setting{
		Name: s.Name, Kind: w.Type, Unit: w.Unit, Pinned: w.Pinned, Value: get(w.Value),
		Min: get(w.Min), Max: get(w.Max), Step: get(w.Step), Values: w.Values,
	}
	return nil
}
