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
	// Role says which of the settings that an optimizer knows by name this is;
	// empty for any other. It adds rules and is not sent.
	Role Role
}

// Range returns a range setting without a current value.
func Range(name string, least, most, step Value) Setting {
	return Setting{Name: name, Kind: RangeKind, Min: least, Max: most, Step: step}
}

// Enum returns an enum setting without a current value.
func Enum(name string, values ...Value) Setting {
	return Setting{Name: name, Kind: EnumKind, Values: values}
}

// With returns a copy of s with value as the current one. It checks nothing; use
// [Setting.Assign] for what somebody asks for and [Setting.Observed] for what
// was found.
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
	return errors.Join(append(errs, s.roleErrors()...)...)
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
			if s.Min.kind == FloatKind || s.Role == CPURole {
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

// Human returns value as a person writes it: "250m" where the unit is cores,
// "1.5Gi" where it is GiB, the plain text otherwise.
func (s Setting) Human(value Value) string {
	f, ok := value.Float64()
	if !ok || s.Kind != RangeKind {
		return value.String()
	}
	switch {
	case s.Unit == "cores" || s.Unit == "" && s.Role == CPURole:
		if n := new(big.Rat).Mul(decimal(value), cpuUnits[0].scale); n.IsInt() {
			return cpuText(n)
		}
	case s.Unit == "GiB" || s.Unit == "" && s.Role == MemoryRole:
		if bytes := exactly(f, scale(2, 30)); bytes != nil {
			return memoryText(bytes)
		}
		return memoryText(new(big.Rat).Mul(decimal(value), scale(2, 30)))
	}
	return value.String()
}

// Assign returns a copy of s with value as the current one, as the setting
// takes it. It is an error when the setting does not accept the value (see
// [Setting.Accept]), and when it is pinned and has another value already. Use
// it for what an optimizer or a user asks for.
func (s Setting) Assign(value Value) (Setting, error) { return s.assign(s.Accept(value)) }

func (s Setting) assign(value Value, err error) (Setting, error) {
	if err != nil {
		return s, err
	}
	if s.Pinned && s.Value.IsSet() && !s.Value.Equal(value) {
		return s, fmt.Errorf("%s: value of pinned settings cannot be changed: assigned value %s is not equal to existing value %s",
			s.Name, describeValue(value), describeValue(s.Value))
	}
	return s.With(value), nil
}

// Observed returns a copy of s that reports value as current whatever the rules
// say: reality is described as it is, an unset value included. The error tells
// what [Setting.Assign] would have refused, for the log; the copy is usable all
// the same.
func (s Setting) Observed(value Value) (Setting, error) { return s.observed(value, s.Accept) }

func (s Setting) observed(value Value, accept func(Value) (Value, error)) (Setting, error) {
	if !value.IsSet() {
		return s.With(value), nil
	}
	accepted, err := accept(value)
	if err == nil {
		value = accepted
	}
	_, err = s.assign(value, err)
	return s.With(value), err
}

// String returns a line for a person: "cpu (range 250m-4, 125m)".
func (s Setting) String() string {
	if s.Kind == EnumKind {
		return fmt.Sprintf("%s (enum %s)", s.Name, describeValues(s.Values))
	}
	return fmt.Sprintf("%s (%s %s-%s, %s)", s.Name, s.Kind, s.Human(s.Min), s.Human(s.Max), s.Human(s.Step))
}

func (s Setting) hasValue(value Value) bool {
	for _, member := range s.Values {
		if member.Equal(value) {
			return true
		}
	}
	return false
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
	w := settingWire{Type: s.Kind, Pinned: s.Pinned, Unit: s.Unit, Value: optional(s.Value)}
	if s.Kind == EnumKind {
		w.Values = s.Values
	} else {
		w.Min, w.Max, w.Step = optional(s.Min), optional(s.Max), optional(s.Step)
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads the wire form and leaves name and role alone. Unknown keys and
// "value": null are accepted.
func (s *Setting) UnmarshalJSON(data []byte) error {
	var w settingWire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*s = Setting{
		Name: s.Name, Kind: w.Type, Unit: w.Unit, Pinned: w.Pinned, Value: given(w.Value),
		Min: given(w.Min), Max: given(w.Max), Step: given(w.Step), Values: w.Values, Role: s.Role,
	}
	return nil
}
