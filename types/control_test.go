package types_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/types"
)

func seconds(s float64) types.Duration { return types.Duration(s * float64(time.Second)) }

func pointer(d types.Duration) *types.Duration { return &d }

func TestControlReads(t *testing.T) {
	for _, tt := range []struct {
		name, json string
		want       types.Control
	}{
		{"empty", `{}`, types.Control{Duration: seconds(1)}},
		{"null", `null`, types.Control{Duration: seconds(1)}},
		{"unknown fields", `{"mode":"x","other":{"a":[1]}}`, types.Control{Duration: seconds(1)}},
		{"null duration", `{"duration":null}`, types.Control{}},
		{"zero duration", `{"duration":0}`, types.Control{}},
		{"text zero duration", `{"duration":"0"}`, types.Control{}},
		{"empty duration", `{"duration":""}`, types.Control{}},
		{"numbers are seconds", `{"duration":180,"delay":0.5,"warmup":30.0}`, types.Control{Duration: seconds(180), Delay: seconds(0.5), Warmup: seconds(30)}},
		{"text", `{"duration":"3m","delay":"10s","warmup":"1m 30s"}`, types.Control{Duration: seconds(180), Delay: seconds(10), Warmup: seconds(90)}},
		{"null and empty", `{"delay":null,"warmup":""}`, types.Control{Duration: seconds(1)}},
		{"past", `{"past":20}`, types.Control{Duration: seconds(1), Delay: seconds(20)}},
		{"past and delay in two forms", `{"past":"1m","delay":60}`, types.Control{Duration: seconds(1), Delay: seconds(60)}},
		{"no settlement", `{"settlement":null}`, types.Control{Duration: seconds(1)}},
		{"settlement of zero", `{"settlement":0}`, types.Control{Duration: seconds(1), Settlement: pointer(0)}},
		{"settlement", `{"settlement":"1m"}`, types.Control{Duration: seconds(1), Settlement: pointer(seconds(60))}},
		{
			"passed through", `{"load":{"b":1, "a":2},"userdata":{"slo":null},"environment":{"mode":"x"}}`,
			types.Control{Duration: seconds(1), Load: json.RawMessage(`{"b":1, "a":2}`), Userdata: json.RawMessage(`{"slo":null}`), Environment: json.RawMessage(`{"mode":"x"}`)},
		},
		{"nothing to pass through", `{"load":null,"userdata":null,"environment":null}`, types.Control{Duration: seconds(1)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := types.Control{Warmup: seconds(77), Load: json.RawMessage(`1`)}
			require.NoError(t, json.Unmarshal([]byte(tt.json), &got))
			assert.Equal(t, tt.want, got)

			data, err := json.Marshal(got)
			require.NoError(t, err)
			var back types.Control
			require.NoError(t, json.Unmarshal(data, &back))
			again, err := json.Marshal(back)
			require.NoError(t, err)
			assert.Equal(t, string(data), string(again))
		})
	}
}

func TestControlErrorsListEverything(t *testing.T) {
	for _, tt := range []struct {
		name, json string
		want       []string
	}{
		{"list", `[]`, []string{"control: an object is required, not []"}},
		{"number in quotes", `{"duration":"180"}`, []string{`control.duration: invalid duration "180"`}},
		{"boolean", `{"warmup":false}`, []string{`control.warmup: a duration must be a number of seconds or text such as "1m30s", not false`}},
		{"unequal past and delay", `{"past":1,"delay":2}`, []string{"control: past and delay attributes must be equal"}},
		{"bad past", `{"past":"x","delay":2}`, []string{`control.past: invalid duration "x"`}},
		{"empty settlement", `{"settlement":""}`, []string{`control.settlement: invalid duration ""`}},
		{"beyond float64", `{"duration":1e400}`, []string{"control.duration: duration of +Inf seconds is out of range: it must lie within ±292 years"}},
		{
			"all of them", `{"duration":-1,"delay":"-2s","warmup":"soon","settlement":-0.5,"past":"1 h"}`,
			[]string{
				"control.duration: -1s is negative",
				`control.warmup: invalid duration "soon"`,
				"control.delay: -2s is negative",
				`control.past: invalid duration "1 h"`,
				"control.settlement: -500ms is negative",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := types.Control{Warmup: seconds(77)}
			assert.Equal(t, tt.want, problems(json.Unmarshal([]byte(tt.json), &before)))
			assert.Equal(t, types.Control{Warmup: seconds(77)}, before, "an error leaves the control alone")
		})
	}
}

func TestControlJSON(t *testing.T) {
	golden(t, "control", types.Control{
		Duration: seconds(180), Delay: seconds(10), Warmup: seconds(30.5), Settlement: pointer(0),
		Load: json.RawMessage(`{"concurrency":10}`), Userdata: json.RawMessage(`{"slo":{"conditions":[]}}`), Environment: json.RawMessage(`{"mode":"x"}`),
	})
	golden(t, "control_default", types.DefaultControl())
	_, err := json.Marshal(types.Control{Load: json.RawMessage(`{`)})
	assert.Error(t, err, "what is passed through must be JSON")
}
