package local_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/types"
)

// shop is an application whose cost grows with workers and cache and whose
// latency shrinks with them.
func shop() *app {
	return &app{
		description: types.Description{
			Components: []types.Component{{Name: "app", Settings: []types.Setting{
				types.Range("workers", types.Int(1), types.Int(8), types.Int(1)).With(types.Int(8)),
				types.Range("cache", types.Int(0), types.Int(64), types.Int(8)).With(types.Int(64)),
			}}},
			Metrics: []types.Metric{{Name: "cpu", Unit: types.Cores}, {Name: "latency", Unit: types.Milliseconds}},
		},
		respond: func(s map[string]types.Value) map[string]float64 {
			workers, cache := number(s["app.workers"]), number(s["app.cache"])
			return map[string]float64{"cpu": workers + cache/16, "latency": 200/workers + (64-cache)/4}
		},
	}
}

func shopOptions(t testing.TB) local.Options {
	t.Helper()
	objective, err := local.ParseObjective("minimize: cost")
	require.NoError(t, err)
	limit, err := local.ParseConstraint("latency <= 0.08s")
	require.NoError(t, err)
	cost, err := local.ParseFormula("cost = 0.03*cpu")
	require.NoError(t, err)
	return local.Options{
		Objective: objective, Constraints: []local.Constraint{limit}, Formulas: []local.Formula{cost},
		Trials: 12, Seed: 1,
	}
}

func TestStudy(t *testing.T) {
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	a := shop()
	r := a.run(t, e)
	require.NoError(t, r.Err)
	assert.Len(t, r.Trials, 12)
	require.NotNil(t, r.Validation)
	assert.True(t, r.Validation.Better, r.Validation.Verdict)
	assert.Equal(t, "best", r.Kept)
	assert.Equal(t, r.Best.Settings, r.Applied)
	_, err = json.Marshal(r)
	require.NoError(t, err)
}
