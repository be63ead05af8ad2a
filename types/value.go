package types

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ValueKind tells what a [Value] holds.
type ValueKind uint8

// The kinds of a [Value].
const (
	// UnsetKind is the kind of the zero Value: nothing is known or given.
	UnsetKind ValueKind = iota
	// IntKind is an integer, written without a fraction.
	IntKind
	// FloatKind is a number written with a fraction or an exponent.
	FloatKind
	// TextKind is a string.
	TextKind
)

// String returns "unset", "integer", "float" or "string".
func (k ValueKind) String() string {
	switch k {
	case IntKind:
		return "integer"
	case FloatKind:
		return "float"
	case TextKind:
		return "string"
	default:
		return "unset"
	}
}

// Value is the value of a setting: an integer, a float, a string, or unset (the
// zero Value). It remembers which of them it is, because 2 and 2.0 are written
// differently on the wire although they compare equal with [Value.Equal].
// Values are comparable and usable as map keys; == also compares the kind.
type Value struct {
	kind ValueKind
	num  float64
	i    int64
	text string
}

// Int returns an integer value.
func Int(i int64) Value { return Value{kind: IntKind, i: i} }

// Float returns a float value. A number that is not finite has no place on the
// wire: the result is then unset.
func Float(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}
	}
	return Value{kind: FloatKind, num: f}
}

// Text returns a string value.
func Text(s string) Value { return Value{kind: TextKind, text: s} }

// Kind tells what v holds.
func (v Value) Kind() ValueKind { return v.kind }

// IsSet reports whether v holds anything.
func (v Value) IsSet() bool { return v.kind != UnsetKind }

// Float64 returns the number that v holds, and false when v is no number.
func (v Value) Float64() (float64, bool) {
	switch v.kind {
	case IntKind:
		return float64(v.i), true
	case FloatKind:
		return v.num, true
	default:
		return 0, false
	}
}

// Int64 returns v as an integer. It is false when v is no number or has a
// fraction: commands carry integral settings as floats such as 2.0, which are
// fine, while 2.5 is not an integer.
func (v Value) Int64() (int64, bool) {
	switch v.kind {
	case IntKind:
		return v.i, true
	case FloatKind:
		if v.num == math.Trunc(v.num) && math.Abs(v.num) < 1<<63 {
			return int64(v.num), true
		}
	}
	return 0, false
}

// String returns the plain text of the value: "2", "2.0", "m5.large", and ""
// when unset. Use it to render a value into an environment variable, a flag or
// a message.
func (v Value) String() string {
	switch v.kind {
	case IntKind:
		return strconv.FormatInt(v.i, 10)
	case FloatKind:
		return string(appendFloat(nil, v.num))
	case TextKind:
		return v.text
	default:
		return ""
	}
}

// appendFloat keeps a float recognisable as one: 1 is written 1.0.
func appendFloat(b []byte, f float64) []byte {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, format, -1, 64)
	if !bytes.ContainsAny(b[start:], ".e") {
		b = append(b, ".0"...)
	}
	return b
}

// Equal reports whether v and o mean the same: numbers by amount (5 equals
// 5.0), strings by text. A number never equals a string, and unset equals only
// unset.
func (v Value) Equal(o Value) bool {
	if v.kind == TextKind || o.kind == TextKind || v.kind == UnsetKind || o.kind == UnsetKind {
		return v.kind == o.kind && v.text == o.text
	}
	if v.kind == FloatKind && o.kind == FloatKind {
		return v.num == o.num
	}
	// Compared as integers, because large ones have no exact float.
	a, aWhole := v.Int64()
	b, bWhole := o.Int64()
	return aWhole && bWhole && a == b
}

// MarshalJSON writes the value; unset is null.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case UnsetKind:
		return []byte("null"), nil
	case TextKind:
		return json.Marshal(v.text)
	default:
		return []byte(v.String()), nil
	}
}

// UnmarshalJSON reads a number, a string or null. Booleans, objects and lists
// are errors.
func (v *Value) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		return fmt.Errorf("a setting value must be a number or a string")
	case string(data) == "null":
		*v = Value{}
		return nil
	case data[0] == '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		*v = Text(s)
		return nil
	case data[0] == '-' || data[0] >= '0' && data[0] <= '9':
		return v.number(string(data))
	default:
		return fmt.Errorf("a setting value must be a number or a string, not %.40s", data)
	}
}

func (v *Value) number(text string) error {
	if !strings.ContainsAny(text, ".eE") {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			*v = Int(i)
			return nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("setting value %.40s is out of range", text)
	}
	*v = Float(f)
	return nil
}

// MarshalYAML writes the value as a YAML number or string. A whole float is
// written without a fraction, since YAML encoders have no other form for it: it
// reads back as an integer of the same amount. JSON has no such loss.
func (v Value) MarshalYAML() (any, error) {
	switch v.kind {
	case IntKind:
		return v.i, nil
	case FloatKind:
		return v.num, nil
	case TextKind:
		return v.text, nil
	default:
		return nil, nil
	}
}

// UnmarshalYAML reads a YAML number, string or null.
func (v *Value) UnmarshalYAML(unmarshal func(any) error) error {
	var a any
	if err := unmarshal(&a); err != nil {
		return err
	}
	switch a := a.(type) {
	case nil:
		*v = Value{}
	case int:
		*v = Int(int64(a))
	case int64:
		*v = Int(a)
	case uint64: // beyond int64, and a float like in JSON
		*v = Float(float64(a))
	case float64:
		if *v = Float(a); !v.IsSet() {
			return fmt.Errorf("a setting value must be a finite number or a string, not %v", a)
		}
	case string:
		*v = Text(a)
	default:
		return fmt.Errorf("a setting value must be a number or a string, not %s", shorten(fmt.Sprint(a)))
	}
	return nil
}
