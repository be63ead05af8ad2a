package local_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/types"
)

// duel is an application with one switch, off in the baseline, and a study that
// only compares on with off.
type duel struct {
	*app
	options local.Options
	// off and on are what is measured, one value after the other. NaN is a
	// measurement without data.
	off, on []float64
	// latency, when set, is that of on; that of off is 50.
	latency []float64
}

func newDuel() *duel {
	d := &duel{options: local.Options{
		Objective:   local.Objective{Metric: "cost"},
		Constraints: []local.Constraint{{Metric: "latency", Op: "<=", Limit: 80, Unit: "ms"}},
		Trials:      1,
		Candidates:  []types.Adjustments{{{Component: "app", Setting: "switch", Value: types.Text("on")}}},
	}}
	take := func(values *[]float64) float64 {
		v := (*values)[0]
		if len(*values) > 1 {
			*values = (*values)[1:]
		}
		return v
	}
	d.app = &app{
		description: types.Description{
			Components: []types.Component{{Name: "app", Settings: []types.Setting{
				types.Enum("switch", types.Text("off"), types.Text("on")).With(types.Text("off")),
			}}},
			Metrics: []types.Metric{{Name: "cost"}, {Name: "latency", Unit: types.Milliseconds}},
		},
		respond: func(s map[string]types.Value) map[string]float64 {
			if s["app.switch"].String() == "off" {
				return map[string]float64{"cost": take(&d.off), "latency": 50}
			}
			m := map[string]float64{"cost": take(&d.on), "latency": 50}
			if d.latency != nil {
				m["latency"] = take(&d.latency)
			}
			return m
		},
	}
	return d
}

func TestValidation(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name     string
		maximize bool
		// The first values are those of the search.
		off, on, latency []float64
		improvement      float64
		spread           float64
		none             bool
		better           bool
		verdict          string
	}{
		{
			name: "clearly better", off: []float64{100, 98, 100, 102}, on: []float64{80, 79, 80, 81},
			improvement: 20, spread: 3, better: true,
			verdict: "better by 20.0 ± 3.0 percent (cost 80 instead of 100, medians of 3)",
		},
		{
			name: "within the noise", off: []float64{100, 95, 100, 105}, on: []float64{80, 92, 97, 98},
			improvement: 3, spread: 8,
			verdict: "no configuration beat the baseline: the candidate was better by 3.0 ± 8.0 percent, which is within the noise (cost 97 instead of 100, medians of 3)",
		},
		{
			name: "exactly the noise is not enough", off: []float64{100, 99, 100, 101}, on: []float64{80, 97, 98, 99},
			improvement: 2, spread: 2,
			verdict: "no configuration beat the baseline: the candidate was better by 2.0 ± 2.0 percent, which is within the noise (cost 98 instead of 100, medians of 3)",
		},
		{
			name: "worse", off: []float64{100}, on: []float64{80, 120},
			improvement: -20, spread: 0,
			verdict: "no configuration beat the baseline: the candidate was worse by 20.0 ± 0.0 percent (cost 120 instead of 100, medians of 3)",
		},
		{
			name: "the same without any noise", off: []float64{100}, on: []float64{100},
			verdict: "no configuration beat the baseline: the candidate was the same, by 0.0 ± 0.0 percent (cost 100 instead of 100, medians of 3)",
		},
		{
			name: "more is better", maximize: true, off: []float64{100}, on: []float64{125},
			improvement: 25, better: true,
			verdict: "better by 25.0 ± 0.0 percent (cost 125 instead of 100, medians of 3)",
		},
		{
			name: "negative numbers", off: []float64{-10}, on: []float64{-15},
			improvement: 50, better: true,
			verdict: "better by 50.0 ± 0.0 percent (cost -15 instead of -10, medians of 3)",
		},
		{
			name: "no percentage of zero", off: []float64{0}, on: []float64{-4, -3, -4, -5}, none: true, better: true,
			verdict: "better by 4 ± 1 (cost -4 instead of 0, medians of 3)",
		},
		{
			name: "the limit broken in the median", off: []float64{100}, on: []float64{50}, latency: []float64{79, 79, 81, 82},
			improvement: 50,
			verdict:     "no configuration beat the baseline: the candidate does not keep latency <= 80ms (it was 81)",
		},
		{
			name: "the limit broken once", off: []float64{100}, on: []float64{50}, latency: []float64{79, 79, 99, 79},
			improvement: 50, better: true,
			verdict: "better by 50.0 ± 0.0 percent (cost 50 instead of 100, medians of 3)",
		},
		{
			name: "one repeat without data", off: []float64{100}, on: []float64{50, nan, 48, 52},
			improvement: 50, spread: 2, better: true,
			verdict: "better by 50.0 ± 2.0 percent (cost 50 instead of 100, medians of 3)",
		},
		{
			name: "two repeats without data", off: []float64{100}, on: []float64{50, nan, nan, 52}, none: true,
			verdict: "no configuration beat the baseline: the candidate gave data in only 1 of 3 measurements",
		},
		{
			name: "baseline without data", off: []float64{100, nan}, on: []float64{50}, none: true,
			verdict: "no configuration beat the baseline: the baseline gave data in only 0 of 3 measurements, too few to compare with",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDuel()
			d.off, d.on, d.latency = c.off, c.on, c.latency
			d.options.Objective.Maximize = c.maximize
			e, err := local.New(d.options)
			require.NoError(t, err)
			r := d.run(t, e)
			require.NoError(t, r.Err)
			v := r.Validation
			assert.Equal(t, c.verdict, v.Verdict)
			assert.Equal(t, c.better, v.Better)
			assert.Len(t, v.Baseline, 3)
			assert.Len(t, v.Best, 3)
			improvement, ok := v.Improvement.Float64()
			assert.Equal(t, !c.none, ok)
			spread, _ := v.Spread.Float64()
			assert.InDelta(t, c.improvement, improvement, 1e-9)
			assert.InDelta(t, c.spread, spread, 1e-9)
			want, kept := "off", "baseline"
			if c.better {
				want, kept = "on", "best"
			}
			assert.Equal(t, kept, r.Kept)
			assert.Equal(t, want, d.settings()["app.switch"].String(), "what the application is left with")
			assert.Equal(t, want, r.Applied[0].Value.String())
			_, err = json.Marshal(r)
			require.NoError(t, err)
		})
	}
}

func TestValidationTakesTurns(t *testing.T) {
	d := newDuel()
	d.off, d.on = []float64{100}, []float64{50}
	var order []string
	d.hook = func(c optimizer.Command, _ *optimizer.Result) bool {
		if c.Verb == optimizer.Measure {
			order = append(order, d.settings()["app.switch"].String())
		}
		return false
	}
	d.options.Repeats = 4
	e, err := local.New(d.options)
	require.NoError(t, err)
	d.run(t, e)
	assert.Equal(t, []string{"off", "on", "off", "on", "off", "on", "off", "on", "off", "on"}, order)
}

func TestValidationOfBaselineThatBreaksLimit(t *testing.T) {
	a := shop()
	a.adjust(types.Adjustments{{Component: "app", Setting: "workers", Value: types.Int(1)}})
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	r := a.run(t, e)
	assert.False(t, r.Baseline.Feasible)
	assert.Equal(t, []string{"latency <= 80ms (it was 200)"}, r.Baseline.Violations)
	assert.True(t, r.Validation.Better)
	assert.Contains(t, r.Validation.Verdict, "keeps all constraints, the baseline does not keep latency <= 80ms (it was 200)")
}

func TestValidationRejected(t *testing.T) {
	d := newDuel()
	d.off, d.on = []float64{100}, []float64{50}
	measured := 0
	d.hook = func(c optimizer.Command, r *optimizer.Result) bool {
		if c.Verb == optimizer.Measure && d.settings()["app.switch"].String() == "on" {
			if measured++; measured == 2 {
				r.Outcome, r.Message = types.Rejected, "out of memory"
				return true
			}
		}
		return false
	}
	e, err := local.New(d.options)
	require.NoError(t, err)
	r := d.run(t, e)
	assert.Equal(t, "no configuration beat the baseline: the candidate was rejected when it was measured again", r.Validation.Verdict)
	assert.Len(t, r.Validation.Best, 1, "it is not given another chance")
	assert.Equal(t, "baseline", r.Kept)
	assert.Equal(t, "off", d.settings()["app.switch"].String())
}

func TestValidationFallsBackToNextBest(t *testing.T) {
	for _, c := range []struct {
		name      string
		fallbacks int
		candidate int
		earlier   int
		better    bool
	}{
		{name: "by default once", candidate: 2, earlier: 1, better: true},
		{name: "not when told so", fallbacks: -1, candidate: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := shop()
			option := func(workers int64) types.Adjustments {
				return types.Adjustments{{Component: "app", Setting: "workers", Value: types.Int(workers)}}
			}
			seen := map[int64]int{}
			a.respond = func(s map[string]types.Value) map[string]float64 {
				workers, _ := s["app.workers"].Int64()
				seen[workers]++
				// Three workers were lucky in the search.
				if workers == 3 && seen[3] > 1 {
					return map[string]float64{"cpu": 9, "latency": 50}
				}
				return map[string]float64{"cpu": float64(workers), "latency": 50}
			}
			o := shopOptions(t)
			o.Candidates = []types.Adjustments{option(3), option(4), option(5)}
			o.Trials, o.Fallbacks = 3, c.fallbacks
			e, err := local.New(o)
			require.NoError(t, err)
			r := a.run(t, e)
			assert.Equal(t, c.candidate, r.Validation.Candidate)
			assert.Equal(t, c.candidate, r.Best.Number)
			assert.Len(t, r.Validation.Earlier, c.earlier)
			assert.Equal(t, c.better, r.Validation.Better)
		})
	}
}

// TestValidationOfTheSame has two configurations that do not differ but for
// normal noise, and counts how often one is called better.
func TestValidationOfTheSame(t *testing.T) {
	for _, c := range []struct{ repeats, most int }{{3, 75}, {5, 25}} {
		t.Run(fmt.Sprintf("%d repeats", c.repeats), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			wrong := 0
			for range 1000 {
				d := newDuel()
				d.options.Repeats = c.repeats
				d.off, d.on = make([]float64, c.repeats+1), make([]float64, c.repeats+1)
				for i := range d.off {
					d.off[i], d.on[i] = 100+rng.NormFloat64(), 100+rng.NormFloat64()
				}
				e, err := local.New(d.options)
				require.NoError(t, err)
				if d.run(t, e).Validation.Better {
					wrong++
				}
			}
			t.Logf("called better: %d of 1000", wrong)
			assert.Less(t, wrong, c.most)
		})
	}
}

func TestValidationNeedsAnotherConfiguration(t *testing.T) {
	d := newDuel()
	d.off = []float64{100}
	d.options.Constraints = nil
	d.options.Candidates[0][0].Value = types.Text("off")
	e, err := local.New(d.options)
	require.NoError(t, err)
	r := d.run(t, e)
	assert.Equal(t, "no configuration beat the baseline: no other configuration could be measured", r.Validation.Verdict)
	assert.Nil(t, r.Best)
	assert.Equal(t, "baseline", r.Kept)
}

func TestValidationStopsWhenNothingElseIsPromising(t *testing.T) {
	a := shop()
	option := func(workers int64) types.Adjustments {
		return types.Adjustments{{Component: "app", Setting: "workers", Value: types.Int(workers)}}
	}
	// Three workers are worse than they look at first, four look worse at once.
	first := true
	a.respond = func(s map[string]types.Value) map[string]float64 {
		cpu := map[float64]float64{8: 5, 4: 6, 3: 7}[number(s["app.workers"])]
		if number(s["app.workers"]) == 3 && first {
			first, cpu = false, 1
		}
		return map[string]float64{"cpu": cpu, "latency": 50}
	}
	o := shopOptions(t)
	o.Candidates, o.Trials = []types.Adjustments{option(3), option(4)}, 2
	e, err := local.New(o)
	require.NoError(t, err)
	r := a.run(t, e)
	assert.False(t, r.Validation.Better)
	assert.Equal(t, 1, r.Validation.Candidate)
	assert.Empty(t, r.Validation.Earlier)
}
