package types_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/types"
)

func dec(text string) types.Decimal {
	d, err := types.ParseDecimal(text)
	if err != nil {
		panic(err)
	}
	return d
}

func TestDecimal(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "0.00": "0", "0e5": "0", "1": "1", "1.0": "1", "10e-1": "1", "+1": "1", "-0.5": "-0.5", ".5": "0.5", "5.": "5",
		"250": "250", "1e3": "1000", "1E+3": "1000", "0.1": "0.1", "1234567890.0123456789": "1234567890.0123456789",
		"1e30": "1e30", "-1.25e-9": "-1.25e-9", "123e28": "1.23e30", "0.000001": "0.000001", "007": "7",
	} {
		d, err := types.ParseDecimal(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, d.String(), text)
		assert.True(t, d.IsSet())
		back, err := types.ParseDecimal(d.String())
		require.NoError(t, err)
		assert.Equal(t, d, back)
		data, err := json.Marshal(d)
		require.NoError(t, err)
		assert.Equal(t, want, string(data))
	}
	for _, text := range []string{"", "-", ".", "1.2.3", "x", " 1", "1 ", "1e", "e1", "1e400", "1e-400", "1e99999999999", "0x10", "NaN", "Inf", "1_000", "--1", "1e+-2", strings.Repeat("1", 65), "0." + strings.Repeat("0", 400) + "1", "1e9999999", "1" + strings.Repeat("0", 1025)} {
		_, err := types.ParseDecimal(text)
		require.ErrorContains(t, err, "invalid decimal ", text)
	}
	f, ok := dec("0.1").Float64()
	assert.True(t, ok)
	assert.InDelta(t, 0.1, f, 0)
	_, ok = types.Decimal{}.Float64()
	assert.False(t, ok, "unset is no number")
	assert.False(t, types.Decimal{}.IsSet())
	data, err := json.Marshal(types.Decimal{})
	require.NoError(t, err)
	assert.Equal(t, "null", string(data))
	d := dec("1")
	for _, bad := range []string{`true`, `{}`, `[]`, `"x"`, `""`} {
		require.Error(t, json.Unmarshal([]byte(bad), &d), bad)
	}
	assert.Equal(t, dec("1"), d)
	require.NoError(t, json.Unmarshal([]byte(`null`), &d))
	assert.False(t, d.IsSet())
}

func TestSLOConditionText(t *testing.T) {
	for _, tt := range []struct {
		condition types.SLOCondition
		want      string
	}{
		{types.SLOCondition{Metric: "latency", Threshold: dec("250")}, "(latency below 250)"},
		{types.SLOCondition{Metric: "errors", Threshold: dec("0")}, "(errors below 0)"},
		{types.SLOCondition{Metric: "throughput", ThresholdMetric: "main_throughput", Keep: types.KeepAbove}, "(throughput above main_throughput)"},
		{types.SLOCondition{Metric: "latency", Threshold: dec("0.5"), Description: "p95"}, "(latency below 0.5 -> p95)"},
	} {
		assert.Equal(t, tt.want, tt.condition.String())
	}
}

func TestSLOReads(t *testing.T) {
	const text = `{"conditions":[
		{"metric":"latency","threshold":"250.0","slo_metric_minimum":null},
		{"description":"d","metric":"throughput","threshold_metric":"main","threshold_multiplier":0.9,"keep":"above","trigger_count":2,"trigger_window":3,"slo_metric_minimum":0,"slo_threshold_minimum":0.5}]}`
	var slo types.SLO
	require.NoError(t, json.Unmarshal([]byte(text), &slo))
	assert.Equal(t, types.SLO{Conditions: []types.SLOCondition{
		{Metric: "latency", Threshold: dec("250")},
		{
			Description: "d", Metric: "throughput", ThresholdMetric: "main", ThresholdMultiplier: dec("0.9"), Keep: types.KeepAbove,
			TriggerCount: 2, TriggerWindow: 3, MetricMinimum: dec("0"), ThresholdMinimum: dec("0.5"),
		},
	}}, slo)
	assert.Empty(t, slo.Warnings())
	assert.Equal(t, types.SLOCondition{
		Metric: "latency", Threshold: dec("250"), ThresholdMultiplier: dec("1"), Keep: types.KeepBelow,
		TriggerCount: 1, TriggerWindow: 1, MetricMinimum: dec("0.25"), ThresholdMinimum: dec("0.25"),
	}, slo.Conditions[0].WithDefaults())
	minimum, _ := slo.Conditions[0].WithDefaults().MetricMinimum.Float64()
	assert.InDelta(t, types.DefaultSLOMinimum, minimum, 0)
	golden(t, "slo", slo)
	data, err := json.Marshal(types.SLO{})
	require.NoError(t, err)
	assert.Equal(t, `{"conditions":[]}`, string(data))
}

func TestSLORefuses(t *testing.T) {
	condition := func(text string) string { return `{"conditions":[` + text + `]}` }
	for _, tt := range []struct {
		name, json string
		want       []string
	}{
		{"no object", `[]`, []string{"an object is required, not []"}},
		{"no conditions", `{}`, []string{"conditions: required"}},
		{"null", `{"conditions":null}`, []string{"conditions: required"}},
		{"no list", `{"conditions":{}}`, []string{"conditions: a list is required, not {}"}},
		{"unknown keys", `{"condition":[],"x":1}`, []string{"condition: unknown: use conditions", "x: unknown: use conditions", "conditions: required"}},
		{"no object as a condition", condition(`1`), []string{"conditions[0]: an object is required, not 1"}},
		{"nothing in it", condition(`{}`), []string{"conditions[0].metric: required", "conditions[0].threshold: SLO condition must specify either threshold or threshold_metric"}},
		{"unknown key", condition(`{"metric":"a","threshold":1,"max":2}`), []string{"conditions[0].max: unknown: a condition has no such key"}},
		{"both", condition(`{"metric":"a","threshold":1,"threshold_metric":"b"}`), []string{"conditions[0].threshold: SLO condition cannot specify both threshold and threshold_metric"}},
		{"side", condition(`{"metric":"a","threshold":1,"keep":"under"}`), []string{`conditions[0].keep: "under" is not accepted: use above or below`}},
		{"count above window", condition(`{"metric":"a","threshold":1,"trigger_count":3,"trigger_window":2}`), []string{"conditions[0].trigger_count: cannot be greater than trigger_window (3 > 2)"}},
		{"types", condition(`{"metric":1,"threshold":true,"trigger_count":0,"trigger_window":1.5}`), []string{
			"conditions[0].metric: a string is required, not 1", "conditions[0].threshold: a decimal number or text is required, not true",
			"conditions[0].trigger_count: a whole number of at least 1 is required, not 0", "conditions[0].trigger_window: a whole number of at least 1 is required, not 1.5",
		}},
		{"the same twice", condition(`{"metric":"a","threshold":1},{"metric":"b","threshold":1},{"metric":"a","threshold":"1.0","keep":"below","description":"x","trigger_count":1}`), []string{
			"conditions[2]: SLO conditions must be unique: (a below 1 -> x) is the same as conditions[0]",
		}},
		{"several", condition(`{"metric":"a"},{"threshold":"x"}`), []string{
			"conditions[0].threshold: SLO condition must specify either threshold or threshold_metric", `conditions[1].threshold: invalid decimal "x"`, "conditions[1].metric: required",
		}},
		{"a threshold and a side", condition(`{"metric":"m","threshold":"abc","keep":"side"}`), []string{
			`conditions[0].threshold: invalid decimal "abc"`, `conditions[0].keep: "side" is not accepted: use above or below`,
		}},
		{"an unknown key and counts", condition(`{"metric":"m","threshold":1,"max":2,"trigger_count":3,"trigger_window":2}`), []string{
			"conditions[0].max: unknown: a condition has no such key", "conditions[0].trigger_count: cannot be greater than trigger_window (3 > 2)",
		}},
		{"an unknown key and both thresholds", condition(`{"metrics":"m","threshold":1,"threshold_metric":"b"}`), []string{
			"conditions[0].metrics: unknown: a condition has no such key", "conditions[0].metric: required",
			"conditions[0].threshold: SLO condition cannot specify both threshold and threshold_metric",
		}},
		{"what is refused is said once", condition(`{"metric":[],"threshold_metric":1,"keep":2,"trigger_count":"x","trigger_window":1}`), []string{
			"conditions[0].metric: a string is required, not []", "conditions[0].threshold_metric: a string is required, not 1",
			"conditions[0].keep: a string is required, not 2", `conditions[0].trigger_count: a whole number of at least 1 is required, not "x"`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := types.SLO{Conditions: []types.SLOCondition{{Metric: "x"}}}
			err := json.Unmarshal([]byte(tt.json), &before)
			require.Error(t, err)
			assert.Equal(t, strings.Join(tt.want, "\n"), err.Error())
			assert.Equal(t, types.SLO{Conditions: []types.SLOCondition{{Metric: "x"}}}, before)
		})
	}
	assert.Equal(t, []string{"trigger_count: -1 is not accepted: use a number of at least 1", "trigger_window: -2 is not accepted: use a number of at least 1"},
		problems(types.SLOCondition{Metric: "a", Threshold: dec("1"), TriggerCount: -1, TriggerWindow: -2}.Validate()), "conditions made in Go are checked as well")
}

// What decides is what a condition judges, not its text.
func TestSLOIdentity(t *testing.T) {
	base := types.SLOCondition{Metric: "a", ThresholdMetric: "b"}
	zero := types.SLOCondition{Metric: "a", Threshold: dec("0")}
	change := func(f func(*types.SLOCondition)) types.SLOCondition { c := base; f(&c); return c }
	for name, other := range map[string]types.SLOCondition{
		"metric":            change(func(c *types.SLOCondition) { c.Metric = "x" }),
		"threshold":         zero,
		"threshold metric":  change(func(c *types.SLOCondition) { c.ThresholdMetric = "x" }),
		"multiplier":        change(func(c *types.SLOCondition) { c.ThresholdMultiplier = dec("2") }),
		"keep":              change(func(c *types.SLOCondition) { c.Keep = types.KeepAbove }),
		"count":             change(func(c *types.SLOCondition) { c.TriggerCount = 2 }),
		"window":            change(func(c *types.SLOCondition) { c.TriggerWindow = 2 }),
		"metric minimum":    change(func(c *types.SLOCondition) { c.MetricMinimum = dec("0") }),
		"threshold minimum": change(func(c *types.SLOCondition) { c.ThresholdMinimum = dec("0") }),
	} {
		assert.False(t, base.Same(other), name)
		require.NoError(t, types.SLO{Conditions: []types.SLOCondition{base, other}}.Validate(), name)
	}
	same := change(func(c *types.SLOCondition) {
		c.Description, c.ThresholdMultiplier, c.Keep, c.TriggerCount, c.MetricMinimum = "other words", dec("1.0"), types.KeepBelow, 1, dec("0.25")
	})
	assert.True(t, base.Same(same))
	assert.False(t, zero.Same(types.SLOCondition{Metric: "a", Threshold: dec("1")}), "0 is a threshold like any other")
}

func TestSLOWarnings(t *testing.T) {
	slo := types.SLO{Conditions: []types.SLOCondition{{Metric: "a", Threshold: dec("1"), ThresholdMinimum: dec("0.25")}, {Metric: "b", ThresholdMetric: "a", ThresholdMinimum: dec("0")}}}
	assert.Equal(t, []string{"(a below 1): slo_threshold_minimum has no effect with a fixed threshold"}, slo.Warnings())
}

func TestUserdata(t *testing.T) {
	var control types.Control
	require.NoError(t, json.Unmarshal([]byte(`{"userdata":{"z":{"b":1},"slo":{"conditions":[{"metric":"a","threshold":1}]},"a":[1]}}`), &control))
	u, err := control.ParseUserdata()
	require.NoError(t, err)
	assert.Equal(t, types.Userdata{
		SLO:   &types.SLO{Conditions: []types.SLOCondition{{Metric: "a", Threshold: dec("1")}}},
		Extra: map[string]json.RawMessage{"a": json.RawMessage(`[1]`), "z": json.RawMessage(`{"b":1}`)},
	}, u)
	data, err := json.Marshal(u)
	require.NoError(t, err)
	assert.Equal(t, `{"a":[1],"slo":{"conditions":[{"metric":"a","threshold":1}]},"z":{"b":1}}`, string(data))

	for _, text := range []string{`{}`, `{"userdata":null}`, `{"userdata":{"slo":null}}`} {
		require.NoError(t, json.Unmarshal([]byte(text), &control))
		u, err := control.ParseUserdata()
		require.NoError(t, err)
		assert.Equal(t, types.Userdata{}, u)
	}
	for text, want := range map[string]string{
		`{"userdata":{"slo":{"conditions":[{"metric":"a"},{}]}}}`: "control.userdata.slo.conditions[0].threshold: SLO condition must specify either threshold or threshold_metric\ncontrol.userdata.slo.conditions[1].metric: required\ncontrol.userdata.slo.conditions[1].threshold: SLO condition must specify either threshold or threshold_metric",
		`{"userdata":[1]}`: "control.userdata: an object is required, not [1]",
	} {
		require.NoError(t, json.Unmarshal([]byte(text), &control), "a control is not refused for what only some connectors read")
		_, err := control.ParseUserdata()
		require.EqualError(t, err, want)
	}
}
