package local_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/types"
)

var update = flag.Bool("update", false, "write the golden files")

func TestResultJSON(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name    string
		off, on []float64
	}{
		{name: "better", off: []float64{100, 99, 100, 101}, on: []float64{50}},
		{name: "no_data", off: []float64{100}, on: []float64{nan}},
		{name: "cannot_start", off: []float64{nan}, on: []float64{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDuel()
			d.off, d.on = c.off, c.on
			e, err := local.New(d.options)
			require.NoError(t, err)
			data, err := json.Marshal(d.run(t, e))
			require.NoError(t, err)
			var got bytes.Buffer
			require.NoError(t, json.Indent(&got, data, "", "  "))
			got.WriteByte('\n')
			path := filepath.Join("testdata", "result_"+c.name+".json")
			if *update {
				require.NoError(t, os.WriteFile(path, got.Bytes(), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), got.String())
		})
	}
}

func TestEmptyResultJSON(t *testing.T) {
	data, err := json.Marshal(local.Result{})
	require.NoError(t, err)
	assert.JSONEq(t, `{"trials":[],"baseline":null,"best":null,"validation":null,"applied":{},"kept":""}`, string(data))
	data, err = json.Marshal(local.Validation{Verdict: "none"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"baseline":[],"best":[],"candidate":0,"improvement_percent":null,"spread_percent":null,"better":false,"verdict":"none"}`, string(data))
}

func TestTrialJSON(t *testing.T) {
	trial := local.Trial{
		Number:   3,
		Settings: types.Adjustments{{Component: "b", Setting: "x.y", Value: types.Int(1)}, {Component: "a", Setting: "z", Value: types.Text("2")}, {Component: "a", Setting: "f", Value: types.Float(1)}},
		Metrics:  map[string]float64{"cost": 1.5},
		// A zero is data.
		Objective: types.Observe(0), Violations: []string{"v"}, Outcome: types.Rejected, Message: "m",
	}
	data, err := json.Marshal(trial)
	require.NoError(t, err)
	assert.Equal(t, `{"number":3,"settings":{"b.x.y":1,"a.z":"2","a.f":1.0},"metrics":{"cost":1.5},"objective":0,"feasible":false,"violations":["v"],"outcome":"rejected","message":"m"}`, string(data))
	var back local.Trial
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, trial, back)

	trial.Metrics["odd"], trial.Objective = math.Inf(1), types.Observe(math.NaN())
	data, err = json.Marshal(trial)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"metrics":{"cost":1.5},"objective":null`)

	for _, text := range []string{`{"settings":[]}`, `{"settings":{"a.b":true}}`, `{"settings":{"a":1}}`, `{"number":"x"}`} {
		assert.Error(t, json.Unmarshal([]byte(text), &back), text)
	}
}

// TestConstraintUnits measures one metric in its unit and asks for a limit in
// another.
func TestConstraintUnits(t *testing.T) {
	for _, c := range []struct {
		unit       types.Unit
		value      float64
		constraint string
		feasible   bool
	}{
		{types.Milliseconds, 80, "m <= 0.08s", true},
		{types.Milliseconds, 80.5, "m <= 0.08s", false},
		{types.Milliseconds, 0.2, "m <= 200us", true},
		{types.Milliseconds, 0.3, "m <= 200us", false},
		{types.Milliseconds, 80, "m < 80", false},
		{types.Milliseconds, 79, "m < 80", true},
		{types.Bytes, 1 << 20, "m <= 1MiB", true},
		{types.Bytes, 1<<20 + 1, "m <= 1MiB", false},
		{types.Gibibytes, 0.5, "m <= 512MiB", true},
		{types.Gibibytes, 0.51, "m <= 512MiB", false},
		{types.RequestsPerSecond, 10, "m >= 600rpm", true},
		{types.RequestsPerSecond, 9.9, "m >= 600rpm", false},
		{types.RequestsPerMinute, 600, "m > 10rps", false},
		{types.RequestsPerMinute, 601, "m > 10rps", true},
		{types.Percentage, 1, "m <= 1%", true},
		{types.Cores, 2.5, "m <= 2 cores", false},
		{types.Unitless, 0, "m <= 0", true},
		{types.Unitless, 1, "m <= 0", false},
	} {
		t.Run(fmt.Sprintf("%v%s %s", c.value, c.unit, c.constraint), func(t *testing.T) {
			limit, err := local.ParseConstraint(c.constraint)
			require.NoError(t, err)
			d := newDuel()
			d.description.Metrics = append(d.description.Metrics, types.Metric{Name: "m", Unit: c.unit})
			d.respond = func(map[string]types.Value) map[string]float64 {
				return map[string]float64{"cost": 1, "m": c.value}
			}
			d.options.Constraints = []local.Constraint{limit}
			e, err := local.New(d.options)
			require.NoError(t, err)
			r := d.run(t, e)
			require.NoError(t, r.Err)
			assert.Equal(t, c.feasible, r.Trials[0].Feasible)
			if !c.feasible {
				assert.Len(t, r.Trials[0].Violations, 1)
				assert.Equal(t, "no configuration beat the baseline: no trial kept all constraints", r.Validation.Verdict)
			}
		})
	}
}

func TestConstraintUnitOfPlainNumbers(t *testing.T) {
	d := newDuel()
	d.options.Constraints = []local.Constraint{{Metric: "cost", Op: "<=", Limit: 1, Unit: "%"}}
	e, err := local.New(d.options)
	require.NoError(t, err)
	assert.ErrorContains(t, d.run(t, e).Err, `cost is measured in plain numbers, which % cannot be converted to`)
}
