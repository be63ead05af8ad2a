package types_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/types"
)

func TestSettingValidate(t *testing.T) {
	cpu := types.Range("cpu", types.Float(0.5), types.Float(4), types.Float(0.5))
	kind := types.Enum("kind", types.Text("one"), types.Text("two"), types.Int(3))
	for _, tt := range []struct {
		name    string
		setting types.Setting
		want    []string
	}{
		{"range", cpu, nil},
		{"range with a value", cpu.With(types.Float(1)), nil},
		{"value outside is only odd", cpu.With(types.Float(99)), nil},
		{"integer in a float range", cpu.With(types.Int(1)), nil},
		{"mixed types are only odd", types.Range("x", types.Int(0), types.Float(1), types.Int(1)), nil},
		{"swapped bounds are only odd", types.Range("x", types.Int(2), types.Int(1), types.Int(1)), nil},
		{"enum", kind, nil},
		{"enum with a member", kind.With(types.Text("two")), nil},
		{"enum with a numeric member", kind.With(types.Float(3)), nil},
		{
			"nothing at all", types.Setting{},
			[]string{"name: required", `type: "" is not accepted: use range or enum`},
		},
		{
			"range without bounds", types.Setting{Kind: types.RangeKind, Value: types.Text("x")},
			[]string{
				"name: required", "min: a number is required, not nothing", "max: a number is required, not nothing",
				"step: a number is required, not nothing", `value: a number is required, not "x"`,
			},
		},
		{
			"bounds as strings", types.Range("x", types.Text("1"), types.Int(2), types.Text("1")),
			[]string{`min: a number is required, not "1"`, `step: a number is required, not "1"`},
		},
		{"enum without values", types.Enum("x"), []string{"values: at least one is required"}},
		{"enum with an unset member", types.Enum("x", types.Int(1), types.Value{}), []string{"values[1]: a number or a string is required, not nothing"}},
		{
			"enum value that is no member", kind.With(types.Text("three")),
			[]string{`invalid value: "three" is not in the values list ["one", "two", 3]`},
		},
		{
			"number given as a string", kind.With(types.Text("3")),
			[]string{`invalid value: "3" is not in the values list ["one", "two", 3]`},
		},
		{"unknown kind", types.Setting{Name: "x", Kind: "list"}, []string{`type: "list" is not accepted: use range or enum`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, problems(tt.setting.Validate()))
		})
	}
}

// problems returns the texts of the errors that err joins.
func problems(err error) []string {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []string{err.Error()}
	}
	var texts []string
	for _, e := range joined.Unwrap() {
		texts = append(texts, e.Error())
	}
	return texts
}

func TestSettingWarnings(t *testing.T) {
	i, f := types.Int, types.Float
	for _, tt := range []struct {
		name    string
		setting types.Setting
		want    []string
	}{
		{"fine", types.Range("x", i(1), i(9), i(2)).With(i(3)), nil},
		{"at the bounds", types.Range("x", i(1), i(9), i(2)).With(i(9)), nil},
		{"value between steps is not checked", types.Range("x", i(1), i(9), i(2)).With(i(4)), nil},
		{"no value", types.Range("x", f(0.5), f(4), f(0.5)), nil},
		{"min above max", types.Range("x", i(5), i(1), i(1)), []string{"min cannot be greater than max (5 > 1)"}},
		{"mixed types", types.Range("x", f(0), i(4), i(1)), []string{"min, max and step must be of one numeric type: they are float, integer and integer"}},
		{"value above", types.Range("x", i(1), i(9), i(2)).With(i(10)), []string{"invalid value: 10 is outside of the range 1-9"}},
		{"value below", types.Range("x", f(1), f(2), f(0.5)).With(f(0.5)), []string{"invalid value: 0.5 is outside of the range 1.0-2.0"}},
		{"nothing to step over", types.Range("x", i(3), i(3), i(1)), []string{"step must be zero when min equals max: step 1 cannot step from 3 to 3 (pin the setting to keep its value)"}},
		{"single value", types.Range("x", i(3), i(3), i(0)), nil},
		{"zero step", types.Range("x", i(1), i(3), i(0)), []string{"step cannot be zero"}},
		{"negative step", types.Range("x", i(1), i(3), i(-1)), []string{"step cannot be negative: -1"}},
		{"3-11 step 3", types.Range("x", i(3), i(11), i(3)), []string{"min/max difference is not step aligned: 8 is not a multiple of 3 (consider min 5 or 2, max 9 or 12)"}},
		{"3-13 step 3", types.Range("x", i(3), i(13), i(3)), []string{"min/max difference is not step aligned: 10 is not a multiple of 3 (consider min 4 or 1, max 12 or 15)"}},
		{"1-2 step 3", types.Range("x", i(1), i(2), i(3)), []string{"min/max difference is not step aligned: 1 is not a multiple of 3 (consider min -1 or -4, max 4 or 7)"}},
		{
			"several at once", types.Range("x", f(0), i(4), i(3)).With(i(9)),
			[]string{
				"min, max and step must be of one numeric type: they are float, integer and integer",
				"invalid value: 9 is outside of the range 0.0-4",
				"min/max difference is not step aligned: 4.0 is not a multiple of 3 (consider min 1.0 or -2.0, max 3.0 or 6.0)",
			},
		},
		{"enum", types.Enum("x", i(1)).With(i(9)), nil},
		{"unusable", types.Setting{Name: "x", Kind: types.RangeKind}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, tt.setting.Warnings()) })
	}
}

func TestSettingAlignment(t *testing.T) {
	for _, tt := range []struct {
		difference, step types.Value
		aligned          bool
	}{
		{types.Float(1), types.Float(0.1), true},
		{types.Float(1), types.Float(0.125), true},
		{types.Int(12), types.Int(3), true},
		{types.Int(0), types.Int(0), true},
		{types.Float(0.1), types.Float(0.1), true},
		{types.Float(1e300), types.Float(1e-300), true},
		{types.Int(1<<53 + 2), types.Int(1<<53 + 2), true},
		{types.Float(1), types.Float(0.3), false},
		{types.Float(0.6), types.Float(0.5), false},
		{types.Int(3), types.Int(12), false},
		{types.Int(6), types.Int(5), false},
		{types.Int(5), types.Int(6), false},
		{types.Int(1<<53 + 1), types.Int(2), false},
	} {
		zero := types.Float(0)
		if tt.difference.Kind() == types.IntKind {
			zero = types.Int(0)
		}
		warnings := types.Range("x", zero, tt.difference, tt.step).Warnings()
		assert.Equal(t, tt.aligned, len(warnings) == 0, "%s by %s: %v", tt.difference, tt.step, warnings)
	}
	assert.Empty(t, types.Range("x", types.Float(0.1), types.Float(0.3), types.Float(0.1)).Warnings(), "0.3-0.1 is 0.2 in decimals")
}

func TestSettingAccept(t *testing.T) {
	replicas := types.Range("replicas", types.Int(1), types.Int(8), types.Int(1))
	cpu := types.Range("cpu", types.Float(0.5), types.Float(4), types.Float(0.5))
	mixed := types.Range("mixed", types.Int(0), types.Float(4), types.Float(0.5))
	kind := types.Enum("kind", types.Text("a"), types.Int(2), types.Float(2.5), types.Text("7"))
	for _, tt := range []struct {
		name    string
		setting types.Setting
		value   types.Value
		want    types.Value
		err     string
	}{
		{"integer", replicas, types.Int(2), types.Int(2), ""},
		{"integral float", replicas, types.Float(2), types.Int(2), ""},
		{"outside the range", replicas, types.Int(99), types.Int(99), ""},
		{"fraction", replicas, types.Float(2.5), types.Value{}, "replicas: a whole number is required, not 2.5"},
		{"beyond integers", replicas, types.Float(1e300), types.Value{}, "replicas: a whole number is required, not 1e+300"},
		{"text in an integral range", replicas, types.Text("2"), types.Value{}, `replicas: a number is required, not "2"`},
		{"unset in a range", replicas, types.Value{}, types.Value{}, "replicas: a number is required, not nothing"},
		{"float", cpu, types.Float(1.25), types.Float(1.25), ""},
		{"integer in a float range", cpu, types.Int(2), types.Float(2), ""},
		{"integer in a mixed range", mixed, types.Int(2), types.Int(2), ""},
		{"float in a mixed range", mixed, types.Float(2.5), types.Float(2.5), ""},
		{"text member", kind, types.Text("a"), types.Text("a"), ""},
		{"numeric member", kind, types.Int(2), types.Int(2), ""},
		{"numeric member as a float", kind, types.Float(2), types.Int(2), ""},
		{"float member", kind, types.Float(2.5), types.Float(2.5), ""},
		{"number for a string member", kind, types.Int(7), types.Value{}, `kind: 7 is not accepted: use one of ["a", 2, 2.5, "7"]`},
		{"string for a number member", kind, types.Text("2"), types.Value{}, `kind: "2" is not accepted: use one of ["a", 2, 2.5, "7"]`},
		{"unset in an enum", types.Enum("kind", types.Value{}), types.Value{}, types.Value{}, "kind: nothing is not accepted"},
		{"unknown kind", types.Setting{Name: "x", Kind: "list"}, types.Int(1), types.Value{}, `x: unknown kind of setting "list"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.setting.Accept(tt.value)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
			} else {
				require.NoError(t, err)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestSettingIntegralAndString(t *testing.T) {
	for _, tt := range []struct {
		setting  types.Setting
		integral bool
		text     string
	}{
		{types.Range("n", types.Int(1), types.Int(8), types.Int(1)), true, "n (range 1-8, 1)"},
		{types.Range("cpu", types.Float(0.5), types.Float(4), types.Float(0.5)), false, "cpu (range 0.5-4.0, 0.5)"},
		{types.Range("m", types.Int(1), types.Float(8), types.Int(1)), false, "m (range 1-8.0, 1)"},
		{types.Enum("e", types.Int(1), types.Text("b")), false, `e (enum [1, "b"])`},
	} {
		assert.Equal(t, tt.integral, tt.setting.Integral(), tt.text)
		assert.Equal(t, tt.text, tt.setting.String())
	}
}

func TestSettingWithLeavesTheOriginal(t *testing.T) {
	s := types.Range("n", types.Int(1), types.Int(8), types.Int(1))
	assert.Equal(t, types.Int(99), s.With(types.Int(99)).Value)
	assert.False(t, s.Value.IsSet())
}

func TestSettingReadsTheWire(t *testing.T) {
	s := types.Setting{Name: "cpu"}
	require.NoError(t, json.Unmarshal([]byte(`{"type":"range","pinned":null,"unit":"cores","value":null,"min":1,"max":4.0,"step":1,"literal":"X"}`), &s))
	assert.Equal(t, types.Setting{Name: "cpu", Kind: types.RangeKind, Unit: "cores", Min: types.Int(1), Max: types.Float(4), Step: types.Int(1)}, s)

	assert.ErrorContains(t, json.Unmarshal([]byte(`{"type":"range","min":true}`), &s), "must be a number or a string, not true")
	assert.Equal(t, types.RangeKind, s.Kind, "an error leaves the setting alone")
}
