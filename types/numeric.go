package types

import (
	"fmt"
	"math"
	"strconv"
)

// NumericType is the type that the value of an environment variable is cast to.
// The zero NumericType casts nothing.
type NumericType string

// The numeric types.
const (
	IntType   NumericType = "int"
	FloatType NumericType = "float"
)

// Validate returns an error when t is neither empty nor one of the constants.
func (t NumericType) Validate() error {
	switch t {
	case "", IntType, FloatType:
		return nil
	}
	return fmt.Errorf("unrecognized numeric type %q: use int or float", shorten(string(t)))
}

// Cast returns v as t: an integer, cut off towards zero, or a float. Text that
// reads as a finite number is a float first, also when t is empty; a number
// stays as it is then. Any other text, an unset value and an integer beyond 64
// bits are errors.
func (t NumericType) Cast(v Value) (Value, error) {
	if err := t.Validate(); err != nil {
		return Value{}, err
	}
	if v.kind == TextKind {
		f, err := strconv.ParseFloat(v.text, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return Value{}, fmt.Errorf("a number is required, not %s", describeValue(v))
		}
		v = Float(f)
	}
	f, ok := v.Float64()
	switch {
	case !ok:
		return Value{}, fmt.Errorf("a number is required, not %s", describeValue(v))
	case t == FloatType:
		return Float(f), nil
	case t == IntType && v.kind == FloatKind:
		i, ok := Float(math.Trunc(f)).Int64()
		if !ok {
			return Value{}, fmt.Errorf("an integer of 64 bits is required, not %s", v)
		}
		return Int(i), nil
	}
	return v, nil
}
