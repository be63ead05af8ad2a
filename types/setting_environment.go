package types

import (
	"encoding/json"
	"errors"
	"fmt"
)

// EnvironmentSetting is a setting that is an environment variable of a process
// or a container. It is read from configuration with its name; what is sent to
// an optimizer is the plain [Setting].
type EnvironmentSetting struct {
	Setting
	// Literal is the name of the variable when the setting has another name.
	Literal string
	// ValueType is what values of a range are cast to before they are used.
	// Empty keeps them as they come.
	ValueType NumericType
}

// Variable returns the name of the environment variable: Literal, or the name
// of the setting.
func (s EnvironmentSetting) Variable() string {
	if s.Literal != "" {
		return s.Literal
	}
	return s.Name
}

// Accept returns value as the variable takes it. A range takes numbers and text
// that reads as a number, cast to ValueType: 3.7 is 3 as an int. An enum takes
// its members.
func (s EnvironmentSetting) Accept(value Value) (Value, error) {
	if s.Kind != RangeKind {
		return s.Setting.Accept(value)
	}
	cast, err := s.ValueType.Cast(value)
	if err != nil {
		return Value{}, fmt.Errorf("%s: %w", s.Name, err)
	}
	return cast, nil
}

// Assign is [Setting.Assign] with the casts of the variable.
func (s EnvironmentSetting) Assign(value Value) (EnvironmentSetting, error) {
	assigned, err := s.assign(s.Accept(value))
	s.Setting = assigned
	return s, err
}

// Observed is [Setting.Observed] with the casts of the variable.
func (s EnvironmentSetting) Observed(value Value) (EnvironmentSetting, error) {
	observed, err := s.observed(value, s.Accept)
	s.Setting = observed
	return s, err
}

// Validate reports everything that makes the setting unusable, like
// [Setting.Validate], and a ValueType that is unknown or on an enum.
func (s EnvironmentSetting) Validate() error {
	errs := []error{s.Setting.Validate()}
	if err := s.ValueType.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("value_type: %w", err))
	} else if s.Kind == EnumKind && s.ValueType != "" {
		errs = append(errs, errors.New("value_type: only a range has one"))
	}
	return errors.Join(errs...)
}

// environmentWire is what configuration has of one setting.
type environmentWire struct {
	Name      string      `json:"name" yaml:"name"`
	Type      SettingKind `json:"type" yaml:"type"`
	Literal   string      `json:"literal,omitempty" yaml:"literal,omitempty"`
	ValueType NumericType `json:"value_type,omitempty" yaml:"value_type,omitempty"`
	Pinned    bool        `json:"pinned,omitempty" yaml:"pinned,omitempty"`
	Unit      string      `json:"unit,omitempty" yaml:"unit,omitempty"`
	Value     *Value      `json:"value,omitempty" yaml:"value,omitempty"`
	Min       *Value      `json:"min,omitempty" yaml:"min,omitempty"`
	Max       *Value      `json:"max,omitempty" yaml:"max,omitempty"`
	Step      *Value      `json:"step,omitempty" yaml:"step,omitempty"`
	Values    []Value     `json:"values,omitempty" yaml:"values,omitempty"`
}

// UnmarshalJSON reads the form of configuration, with name and type; see
// [EnvironmentSetting.UnmarshalYAML].
func (s *EnvironmentSetting) UnmarshalJSON(data []byte) error {
	var w environmentWire
	if err := decodeObject(data, &w); err != nil {
		return err
	}
	return s.set(w)
}

// UnmarshalYAML reads the form of configuration. The key type tells what it is:
// a range has min, max, step and perhaps value_type, an enum has values; both
// may have literal, pinned, unit and value. A value is cast like any other. All
// problems are reported at once.
func (s *EnvironmentSetting) UnmarshalYAML(unmarshal func(any) error) error {
	var w environmentWire
	if err := unmarshal(&w); err != nil {
		return err
	}
	return s.set(w)
}

func (s *EnvironmentSetting) set(w environmentWire) error {
	read := EnvironmentSetting{
		Setting: Setting{Name: w.Name, Kind: w.Type, Unit: w.Unit, Pinned: w.Pinned, Value: given(w.Value)},
		Literal: w.Literal, ValueType: w.ValueType,
	}
	if w.Type == EnumKind {
		read.Values = w.Values
	} else {
		read.Min, read.Max, read.Step = given(w.Min), given(w.Max), given(w.Step)
	}
	if cast, err := read.Accept(read.Value); err == nil && w.Type == RangeKind {
		read.Value = cast
	}
	if err := read.Validate(); err != nil {
		return err
	}
	*s = read
	return nil
}

// MarshalYAML writes the form of configuration.
func (s EnvironmentSetting) MarshalYAML() (any, error) {
	return environmentWire{
		Name: s.Name, Type: s.Kind, Literal: s.Literal, ValueType: s.ValueType, Pinned: s.Pinned, Unit: s.Unit,
		Value: optional(s.Value), Min: optional(s.Min), Max: optional(s.Max), Step: optional(s.Step), Values: s.Values,
	}, nil
}

// MarshalJSON writes what is sent to an optimizer, like [Setting.MarshalJSON].
func (s EnvironmentSetting) MarshalJSON() ([]byte, error) { return json.Marshal(s.Setting) }

// given returns what an optional field holds.
func given(v *Value) Value {
	if v == nil {
		return Value{}
	}
	return *v
}

// optional returns nil for an unset value, which is then left out.
func optional(v Value) *Value {
	if !v.IsSet() {
		return nil
	}
	return &v
}
