package types_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/types"
)

func TestValueJSON(t *testing.T) {
	for _, tt := range []struct {
		name, json string
		want       types.Value
		out        string // when other than json
	}{
		{"integer", `2`, types.Int(2), ""},
		{"whole float", `2.0`, types.Float(2), ""},
		{"float", `0.125`, types.Float(0.125), ""},
		{"negative", `-7`, types.Int(-7), ""},
		{"exponent is a float", `1e2`, types.Float(100), `100.0`},
		{"capital exponent", `1E2`, types.Float(100), `100.0`},
		{"large exponent", `1e21`, types.Float(1e21), `1e+21`},
		{"below the large exponent", `1e20`, types.Float(1e20), `100000000000000000000.0`},
		{"small", `1e-7`, types.Float(1e-7), `1e-07`},
		{"negative zero integer", `-0`, types.Int(0), `0`},
		{"negative zero float", `-0.0`, types.Float(math.Copysign(0, -1)), `-0.0`},
		{"largest integer", `9223372036854775807`, types.Int(math.MaxInt64), ""},
		{"beyond integers", `9223372036854775808`, types.Float(1 << 63), `9223372036854776000.0`},
		{"largest float", `1.7976931348623157e308`, types.Float(math.MaxFloat64), `1.7976931348623157e+308`},
		{"string", `"m5.large"`, types.Text("m5.large"), ""},
		{"number in a string", `"2"`, types.Text("2"), ""},
		{"empty string", `""`, types.Text(""), ""},
		{"escapes", `"\u00e9\n"`, types.Text("é\n"), `"é\n"`},
		{"null", `null`, types.Value{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := types.Text("before")
			require.NoError(t, json.Unmarshal([]byte(tt.json), &got))
			assert.Equal(t, tt.want, got)
			data, err := json.Marshal(got)
			require.NoError(t, err)
			if tt.out == "" {
				tt.out = tt.json
			}
			assert.Equal(t, tt.out, string(data))
		})
	}
}

func TestValueJSONErrors(t *testing.T) {
	for _, tt := range []struct{ name, json, want string }{
		{"true", `true`, "a setting value must be a number or a string, not true"},
		{"false", `false`, "not false"},
		{"list", `[1]`, "not [1]"},
		{"object", `{"a":1}`, `not {"a":1}`},
		{"out of range", `1e400`, "setting value 1e400 is out of range"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := types.Int(1)
			require.ErrorContains(t, json.Unmarshal([]byte(tt.json), &got), tt.want)
			assert.Equal(t, types.Int(1), got)
		})
	}
	var v types.Value
	assert.Error(t, v.UnmarshalJSON(nil))
}

func TestValueYAML(t *testing.T) {
	for _, tt := range []struct {
		name, yaml string
		want       types.Value
	}{
		{"integer", `2`, types.Int(2)},
		{"whole float", `2.0`, types.Float(2)},
		{"float", `0.125`, types.Float(0.125)},
		{"exponent", `1e+21`, types.Float(1e21)},
		{"beyond int64", `18446744073709551615`, types.Float(math.MaxUint64)},
		{"word", `m5.large`, types.Text("m5.large")},
		{"number in quotes", `"2"`, types.Text("2")},
		{"null", `null`, types.Value{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got struct{ V types.Value }
			require.NoError(t, yaml.Unmarshal([]byte("v: "+tt.yaml), &got))
			assert.Equal(t, tt.want, got.V)
			data, err := yaml.Marshal(got)
			require.NoError(t, err)
			var back struct{ V types.Value }
			require.NoError(t, yaml.Unmarshal(data, &back))
			assert.True(t, tt.want.Equal(back.V), "%s came back as %s", tt.want, back.V)
		})
	}
	for text, want := range map[string]string{
		"true": "not true", ".nan": "finite", ".inf": "finite", "[1]": "not [1]", "{a: 1}": "not map[a:1]",
	} {
		var got struct{ V types.Value }
		assert.ErrorContains(t, yaml.Unmarshal([]byte("v: "+text), &got), want, text)
	}
}

// A YAML encoder writes 2.0 as 2. The kind is lost there, the amount is not.
func TestValueYAMLWritesWholeFloatsAsIntegers(t *testing.T) {
	data, err := yaml.Marshal(map[string]types.Value{"float": types.Float(2), "int": types.Int(2), "none": {}, "text": types.Text("2")})
	require.NoError(t, err)
	assert.Equal(t, "float: 2\nint: 2\nnone: null\ntext: \"2\"\n", string(data))
}

func TestValueKinds(t *testing.T) {
	for _, tt := range []struct {
		name           string
		value          types.Value
		kind           types.ValueKind
		kindText, text string
		float          float64
		isNumber       bool
		integer        int64
		isWhole        bool
	}{
		{"unset", types.Value{}, types.UnsetKind, "unset", "", 0, false, 0, false},
		{"integer", types.Int(2), types.IntKind, "integer", "2", 2, true, 2, true},
		{"whole float", types.Float(2), types.FloatKind, "float", "2.0", 2, true, 2, true},
		{"float", types.Float(2.5), types.FloatKind, "float", "2.5", 2.5, true, 0, false},
		{"text", types.Text("2"), types.TextKind, "string", "2", 0, false, 0, false},
		{"empty text", types.Text(""), types.TextKind, "string", "", 0, false, 0, false},
		{"not a number", types.Float(math.NaN()), types.UnsetKind, "unset", "", 0, false, 0, false},
		{"infinity", types.Float(math.Inf(-1)), types.UnsetKind, "unset", "", 0, false, 0, false},
		{"beyond int64", types.Float(1 << 63), types.FloatKind, "float", "9223372036854776000.0", 1 << 63, true, 0, false},
		{"smallest", types.Float(5e-324), types.FloatKind, "float", "5e-324", 5e-324, true, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.kind, tt.value.Kind())
			assert.Equal(t, tt.kindText, tt.value.Kind().String())
			assert.Equal(t, tt.text, tt.value.String())
			assert.Equal(t, tt.kind != types.UnsetKind, tt.value.IsSet())
			f, ok := tt.value.Float64()
			assert.Equal(t, tt.isNumber, ok)
			assert.Equal(t, tt.float, f)
			i, ok := tt.value.Int64()
			assert.Equal(t, tt.isWhole, ok)
			assert.Equal(t, tt.integer, i)
		})
	}
}

func TestValueEqual(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b types.Value
		want bool
	}{
		{"integers", types.Int(5), types.Int(5), true},
		{"integer and float", types.Int(5), types.Float(5), true},
		{"zero and negative zero", types.Float(0), types.Float(math.Copysign(0, -1)), true},
		{"integer and negative zero", types.Int(0), types.Float(math.Copysign(0, -1)), true},
		{"floats", types.Float(0.5), types.Float(0.5), true},
		{"other floats", types.Float(0.5), types.Float(0.25), false},
		{"integer and fraction", types.Int(5), types.Float(5.5), false},
		{"number and string", types.Int(1), types.Text("1"), false},
		{"float and string", types.Float(1), types.Text("1.0"), false},
		{"strings", types.Text("a"), types.Text("a"), true},
		{"other strings", types.Text("a"), types.Text("A"), false},
		{"unset", types.Value{}, types.Value{}, true},
		{"unset and zero", types.Value{}, types.Int(0), false},
		{"unset and empty", types.Value{}, types.Text(""), false},
		{"large integers", types.Int(1<<53 + 1), types.Int(1 << 53), false},
		{"large integer and its nearest float", types.Int(1<<53 + 1), types.Float(1 << 53), false},
		{"largest integer and the float above", types.Int(math.MaxInt64), types.Float(1 << 63), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, tt.a.Equal(tt.b))
			assert.Equal(t, tt.want, tt.b.Equal(tt.a))
		})
	}
	assert.NotEqual(t, types.Int(2), types.Float(2), "== tells the kinds apart")
}
