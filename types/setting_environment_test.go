package types_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/types"
)

func TestEnvironmentSettingsInConfiguration(t *testing.T) {
	const text = `
- {name: gc_percent, type: range, literal: GOGC, min: 50, max: 400, step: 50, value: "100", value_type: int, unit: percent}
- {name: LOG_LEVEL, type: enum, values: [info, 2], value: 2, pinned: true}
- {name: RATIO, type: range, min: 0.0, max: 1.0, step: 0.25, value: "0.5"}
`
	var fromYAML []types.EnvironmentSetting
	require.NoError(t, yaml.Unmarshal([]byte(text), &fromYAML))
	want := []types.EnvironmentSetting{
		{Setting: types.Setting{Name: "gc_percent", Kind: types.RangeKind, Unit: "percent", Min: types.Int(50), Max: types.Int(400), Step: types.Int(50), Value: types.Int(100)}, Literal: "GOGC", ValueType: types.IntType},
		{Setting: types.Setting{Name: "LOG_LEVEL", Kind: types.EnumKind, Values: []types.Value{types.Text("info"), types.Int(2)}, Value: types.Int(2), Pinned: true}},
	}
	assert.Equal(t, want, fromYAML[:2])
	assert.Equal(t, types.Float(0.5), fromYAML[2].Value, "text that reads as a number is one")
	assert.Equal(t, "GOGC", fromYAML[0].Variable())
	assert.Equal(t, "LOG_LEVEL", fromYAML[1].Variable())

	data, err := yaml.Marshal(fromYAML[:2])
	require.NoError(t, err)
	var back []types.EnvironmentSetting
	require.NoError(t, yaml.Unmarshal(data, &back))
	assert.Equal(t, want, back)

	data, err = json.Marshal(fromYAML[0])
	require.NoError(t, err)
	assert.Equal(t, `{"type":"range","pinned":false,"unit":"percent","value":100,"min":50,"max":400,"step":50}`, string(data), "what is sent has no literal")

	var fromJSON types.EnvironmentSetting
	require.NoError(t, json.Unmarshal([]byte(`{"name":"A","type":"range","min":1,"max":2,"step":1,"value":1.9,"value_type":"int","other":1}`), &fromJSON))
	assert.Equal(t, types.Int(1), fromJSON.Value)
}

func TestEnvironmentSettingsRefuse(t *testing.T) {
	for _, tt := range []struct {
		name, json string
		want       []string
	}{
		{"no object", `[]`, []string{"an object is required, not []"}},
		{"no type", `{"name":"A"}`, []string{`type: "" is not accepted: use range or enum`}},
		{"numeric type", `{"name":"A","type":"range","min":1,"max":2,"step":1,"value_type":"decimal"}`, []string{`value_type: unrecognized numeric type "decimal": use int or float`}},
		{"numeric type of an enum", `{"name":"A","type":"enum","values":["a"],"value_type":"int"}`, []string{"value_type: only a range has one"}},
		{"value that is no number", `{"name":"A","type":"range","min":1,"max":2,"step":1,"value":"valueFrom: x"}`, []string{`value: a number is required, not "valueFrom: x"`}},
		{"value that is no member", `{"name":"A","type":"enum","values":["a"],"value":"b"}`, []string{`invalid value: "b" is not in the values list ["a"]`}},
		{"several", `{"type":"enum","value_type":"x"}`, []string{"name: required", "values: at least one is required", `value_type: unrecognized numeric type "x": use int or float`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := types.EnvironmentSetting{Literal: "X"}
			err := json.Unmarshal([]byte(tt.json), &before)
			require.Error(t, err)
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
			assert.Equal(t, types.EnvironmentSetting{Literal: "X"}, before)
			require.Error(t, yaml.Unmarshal([]byte(tt.json), &before))
		})
	}
}

func TestEnvironmentSettingCasts(t *testing.T) {
	const none = types.NumericType("")
	for _, tt := range []struct {
		name  string
		cast  types.NumericType
		value types.Value
		want  types.Value
		err   string
	}{
		{"text without a type", none, types.Text("3"), types.Float(3), ""},
		{"text as int", types.IntType, types.Text("3"), types.Int(3), ""},
		{"text as float", types.FloatType, types.Text("3"), types.Float(3), ""},
		{"integer without a type", none, types.Int(3), types.Int(3), ""},
		{"float without a type", none, types.Float(3), types.Float(3), ""},
		{"int is cut off", types.IntType, types.Float(3.7), types.Int(3), ""},
		{"towards zero", types.IntType, types.Float(-3.7), types.Int(-3), ""},
		{"integer as int", types.IntType, types.Int(1 << 60), types.Int(1 << 60), ""},
		{"integer as float", types.FloatType, types.Int(3), types.Float(3), ""},
		{"no number", types.IntType, types.Text("three"), types.Value{}, `A: a number is required, not "three"`},
		{"not finite", none, types.Text("NaN"), types.Value{}, `A: a number is required, not "NaN"`},
		{"nothing", none, types.Value{}, types.Value{}, "A: a number is required, not nothing"},
		{"too large", types.IntType, types.Float(1e300), types.Value{}, "A: an integer of 64 bits is required, not 1e+300"},
		{"unknown type", "x", types.Int(1), types.Value{}, `A: unrecognized numeric type "x": use int or float`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := types.EnvironmentSetting{Setting: types.Range("A", types.Float(0), types.Float(9), types.Float(1)), ValueType: tt.cast}
			got, err := s.Accept(tt.value)
			assigned, assignErr := s.Assign(tt.value)
			if tt.err != "" {
				require.EqualError(t, err, tt.err)
				require.EqualError(t, assignErr, tt.err)
			} else {
				require.NoError(t, err)
				require.NoError(t, assignErr)
			}
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.want, assigned.Value)
		})
	}

	s := types.EnvironmentSetting{Setting: types.Range("A", types.Int(0), types.Int(9), types.Int(1)).With(types.Int(5)), ValueType: types.IntType}
	s.Pinned = true
	observed, err := s.Observed(types.Text("7"))
	require.ErrorContains(t, err, "assigned value 7 is not equal to existing value 5")
	assert.Equal(t, types.Int(7), observed.Value, "cast all the same")
	observed, err = s.Observed(types.Text("x"))
	require.Error(t, err)
	assert.Equal(t, types.Text("x"), observed.Value)

	e := types.EnvironmentSetting{Setting: types.Enum("B", types.Text("x"))}
	_, err = e.Assign(types.Text("y"))
	require.EqualError(t, err, `B: "y" is not accepted: use one of ["x"]`)
}
