package types_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/types"
)

func TestAdjustmentsJSON(t *testing.T) {
	adjustments := types.Adjustments{
		{"web", "replicas", types.Float(2)},
		{"web", "cpu", types.Float(1.5)},
		{"db", "inst_type", types.Text("m5.large")},
		{"web", "mem", types.Int(3)},
	}
	data := golden(t, "adjustments", adjustments)
	var back types.Adjustments
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, types.Adjustments{adjustments[0], adjustments[1], adjustments[3], adjustments[2]}, back, "grouped by component, otherwise in order")
}

func TestAdjustmentsKeepDocumentOrder(t *testing.T) {
	var as types.Adjustments
	require.NoError(t, json.Unmarshal([]byte(`{"application":{"name":"shop","components":{
		"zeta":{"settings":{"z":{"value":1,"type":"range"},"a":{"value":2.0}}},
		"alpha":{"settings":{"m":{"value":"x"},"b":{"value":""}},"other":true},
		"none":{"settings":{}}}}}`), &as))
	assert.Equal(t, types.Adjustments{
		{"zeta", "z", types.Int(1)}, {"zeta", "a", types.Float(2)}, {"alpha", "m", types.Text("x")}, {"alpha", "b", types.Text("")},
	}, as)
}

func TestAdjustmentsRepeated(t *testing.T) {
	var as types.Adjustments
	require.NoError(t, json.Unmarshal([]byte(`{"application":{"components":{
		"a":{"settings":{"old":{"value":1}}},
		"b":{"settings":{"x":{"value":1},"y":{"value":1},"x":{"value":2}}},
		"a":{"settings":{"new":{"value":3}}}}}}`), &as))
	assert.Equal(t, types.Adjustments{{"a", "new", types.Int(3)}, {"b", "x", types.Int(2)}, {"b", "y", types.Int(1)}}, as, "the last of one key counts")

	data, err := json.Marshal(types.Adjustments{{"a", "x", types.Int(1)}, {"a", "y", types.Int(1)}, {"a", "x", types.Int(2)}})
	require.NoError(t, err)
	assert.Equal(t, `{"application":{"components":{"a":{"settings":{"x":{"value":2},"y":{"value":1}}}}}}`, string(data))
}

// The selector of both is a.b.c.
func TestAdjustmentsTellDotsApart(t *testing.T) {
	adjustments := types.Adjustments{{"a.b", "c", types.Int(1)}, {"a", "b.c", types.Int(2)}}
	data, err := json.Marshal(adjustments)
	require.NoError(t, err)
	var back types.Adjustments
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, adjustments, back)
}

func TestAdjustmentsJSONErrorsListEverything(t *testing.T) {
	const components = "state.application.components"
	for _, tt := range []struct {
		name, json string
		want       []string
	}{
		{"null", `null`, []string{components + ": required"}},
		{"empty", `{}`, []string{components + ": required"}},
		{"null application", `{"application":null}`, []string{components + ": required"}},
		{"empty application", `{"application":{}}`, []string{components + ": required"}},
		{"null components", `{"application":{"components":null}}`, []string{components + ": required"}},
		{"list", `[]`, []string{"state: an object is required, not []"}},
		{"application of another type", `{"application":5}`, []string{"state.application: an object is required, not 5"}},
		{"components of another type", `{"application":{"components":[1]}}`, []string{components + ": an object is required, not [1]"}},
		{
			"all of them", `{"application":{"components":{
				"a":{},
				"b":null,
				"c":{"settings":null},
				"d":{"settings":{"x":{},"y":{"value":true},"ok":{"value":1},"z":{"value":null},"n":null,"h":{"value":1e400},"o":3}},
				"e":"text",
				"f":{"settings":[]}}}}`,
			[]string{
				components + ".a.settings: required",
				components + ".b.settings: required",
				components + ".c.settings: required",
				components + ".d.settings.x.value: required: a number or a string",
				components + ".d.settings.y.value: a setting value must be a number or a string, not true",
				components + ".d.settings.z.value: required: a number or a string",
				components + ".d.settings.n.value: required: a number or a string",
				components + ".d.settings.h.value: setting value 1e400 is out of range",
				components + ".d.settings.o: an object is required, not 3",
				components + `.e: an object is required, not "text"`,
				components + ".f.settings: an object is required, not []",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := types.Adjustments{{"a", "b", types.Int(1)}}
			err := json.Unmarshal([]byte(tt.json), &before)
			assert.Equal(t, tt.want, problems(err))
			assert.Equal(t, types.Adjustments{{"a", "b", types.Int(1)}}, before, "an error leaves the adjustments alone")
		})
	}
}

func TestAdjustmentsEmpty(t *testing.T) {
	data, err := json.Marshal(types.Adjustments(nil))
	require.NoError(t, err)
	assert.Equal(t, `{"application":{"components":{}}}`, string(data))
	var back types.Adjustments
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Empty(t, back)
}

func TestAdjustmentString(t *testing.T) {
	a := types.Adjustment{Component: "web", Setting: "cpu", Value: types.Float(1.25)}
	assert.Equal(t, "web.cpu", a.Selector())
	assert.Equal(t, "web.cpu=1.25", a.String())
}
