package local_test

import (
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

// landscape is a response with a known optimum, for comparing samplers.
type landscape struct {
	name  string
	space []types.Setting
	// respond returns the true objective and the metric that has a limit.
	respond func(s map[string]types.Value) (cost, latency float64)
	noise   float64
	limit   float64
	// best is the least true cost of a configuration that keeps the limit.
	best float64
	// mean and worst bound how far above it a search of 25 trials may end, on average and
	// in the worst of the seeds.
	mean, worst float64
}

func grid(name string, levels int) types.Setting {
	return types.Range(name, types.Int(0), types.Int(int64(levels-1)), types.Int(1)).With(types.Int(int64(levels / 2)))
}

func landscapes() []landscape {
	at := func(s map[string]types.Value, name string, levels int) float64 {
		return number(s["app."+name]) / float64(levels-1)
	}
	list := []landscape{
		{
			name:  "branin with a ring that is not allowed",
			space: []types.Setting{grid("x", 51), grid("y", 51)},
			respond: func(s map[string]types.Value) (float64, float64) {
				x, y := 15*at(s, "x", 51)-5, 15*at(s, "y", 51)
				b := y - 5.1/(4*math.Pi*math.Pi)*x*x + 5/math.Pi*x - 6
				cost := b*b + 10*(1-1/(8*math.Pi))*math.Cos(x) + 10
				return cost, math.Hypot(x-2.5, y-7.5)
			},
			noise: 1, limit: 6.5, mean: 0.8, worst: 1.5,
		},
		{
			name:  "bowl in four settings with a diagonal limit",
			space: []types.Setting{grid("a", 21), grid("b", 21), grid("c", 21), grid("d", 21)},
			respond: func(s map[string]types.Value) (float64, float64) {
				a, b, c, d := at(s, "a", 21), at(s, "b", 21), at(s, "c", 21), at(s, "d", 21)
				cost := 10 + 40*(a-0.2)*(a-0.2) + 20*(b-0.7)*(b-0.7) + 10*(c-0.4)*(c-0.4) + d
				return cost, 1 / (0.05 + a/2 + b/4 + d/4)
			},
			noise: 0.1, limit: 2.5, mean: 0.2, worst: 0.5,
		},
		{
			name: "service with a kind of collector, workers and cache",
			space: []types.Setting{
				types.Range("workers", types.Int(1), types.Int(16), types.Int(1)).With(types.Int(16)),
				types.Range("cache", types.Int(0), types.Int(256), types.Int(16)).With(types.Int(256)),
				types.Enum("gc", types.Text("serial"), types.Text("parallel"), types.Text("shenandoah")).With(types.Text("serial")),
			},
			respond: func(s map[string]types.Value) (float64, float64) {
				workers, cache := number(s["app.workers"]), number(s["app.cache"])
				extra, pause := 0.0, 40.0
				switch s["app.gc"].String() {
				case "parallel":
					extra, pause = 0.4, 15
				case "shenandoah":
					extra, pause = 1.5, 5
				}
				return workers + cache/64 + extra, pause + 30 + 400*math.Exp(-cache/80)/(1+workers) + 4000*math.Exp(-workers*1.2)
			},
			noise: 0.05, limit: 70, mean: 0.3, worst: 0.8,
		},
	}
	for i := range list {
		list[i].best = list[i].optimum()
	}
	return list
}

// optimum looks at every configuration.
func (l landscape) optimum() float64 {
	best := math.Inf(1)
	s := make(map[string]types.Value)
	var visit func(i int)
	visit = func(i int) {
		if i == len(l.space) {
			if cost, latency := l.respond(s); latency <= l.limit && cost < best {
				best = cost
			}
			return
		}
		setting := l.space[i]
		if setting.Kind == types.EnumKind {
			for _, v := range setting.Values {
				s["app."+setting.Name] = v
				visit(i + 1)
			}
			return
		}
		lo, _ := setting.Min.Int64()
		hi, _ := setting.Max.Int64()
		step, _ := setting.Step.Int64()
		for v := lo; v <= hi; v += step {
			s["app."+setting.Name] = types.Int(v)
			visit(i + 1)
		}
	}
	visit(0)
	return best
}

// search runs a study and returns how far the true cost of its best trial is
// above the optimum. A best trial that breaks the limit in truth counts with
// the distance as well: the limit is measured without noise.
func (l landscape) search(t testing.TB, sampler local.Sampler, seed uint64) float64 {
	rng := rand.New(rand.NewPCG(seed, 99))
	a := &app{
		description: types.Description{
			Components: []types.Component{{Name: "app", Settings: append([]types.Setting(nil), l.space...)}},
			Metrics:    []types.Metric{{Name: "cost"}, {Name: "latency", Unit: types.Milliseconds}},
		},
		respond: func(s map[string]types.Value) map[string]float64 {
			cost, latency := l.respond(s)
			return map[string]float64{"cost": cost + l.noise*rng.NormFloat64(), "latency": latency}
		},
	}
	e, err := local.New(local.Options{
		Objective:   local.Objective{Metric: "cost"},
		Constraints: []local.Constraint{{Metric: "latency", Op: "<=", Limit: l.limit, Unit: "ms"}},
		Trials:      25, Seed: seed, Sampler: sampler, Fallbacks: -1,
	})
	require.NoError(t, err)
	for len(e.Result().Trials) < 25 {
		require.True(t, a.step(t, e))
	}
	r := e.Result()
	candidates := append([]local.Trial{*r.Baseline}, r.Trials...)
	best, regret := math.Inf(1), math.Inf(1)
	for _, trial := range candidates {
		if v, _ := trial.Objective.Float64(); trial.Feasible && v < best {
			settings := make(map[string]types.Value)
			for _, adj := range trial.Settings {
				settings[adj.Selector()] = adj.Value
			}
			cost, _ := l.respond(settings)
			best, regret = v, cost-l.best
		}
	}
	if math.IsInf(regret, 1) {
		// Nothing feasible: as bad as the worst there is.
		return 100
	}
	return regret
}

func TestGaussianProcessFindsOptimum(t *testing.T) {
	const seeds = 6
	for _, l := range landscapes() {
		t.Run(l.name, func(t *testing.T) {
			var model, random, worst float64
			for seed := range uint64(seeds) {
				r := l.search(t, nil, seed)
				worst = math.Max(worst, r)
				model += r / seeds
				random += l.search(t, local.Random{}, seed) / seeds
			}
			t.Logf("regret: model %.3f (worst %.3f), random %.3f, optimum %.3f", model, worst, random, l.best)
			assert.Less(t, model, l.mean, "mean regret")
			assert.Less(t, worst, l.worst, "worst regret")
			assert.Less(t, model, random/2, "a random search must do clearly worse")
		})
	}
}

// rehearse returns a space of dims settings and n random observations.
func rehearse(t testing.TB, dims, n int) (*local.Space, []local.Observation) {
	t.Helper()
	c := types.Component{Name: "app"}
	for i := range dims {
		c.Settings = append(c.Settings, grid(fmt.Sprintf("s%d", i), 33))
	}
	space, err := local.NewSpace(types.Description{Components: []types.Component{c}})
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(7, 7))
	history := make([]local.Observation, n)
	for i := range history {
		point := make([]float64, dims)
		var sum float64
		for k := range point {
			point[k] = rng.Float64()
			sum += (point[k] - 0.3) * (point[k] - 0.3)
		}
		point = space.Snap(point)
		history[i] = local.Observation{Point: point, Loss: sum + 0.05*rng.NormFloat64(), Margins: []float64{point[0] - 0.1, 0.8 - point[1]}}
	}
	return space, history
}

func BenchmarkGaussianProcessSuggest(b *testing.B) {
	space, history := rehearse(b, 6, 50)
	rng := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		local.GaussianProcess{}.Suggest(space, history, rng)
	}
}

// TestGaussianProcessLearnsWhatFails has an objective that draws the search to
// where nothing starts: it must find the border and stop running into it.
func TestGaussianProcessLearnsWhatFails(t *testing.T) {
	a := shop()
	a.description.Components[0].Settings = []types.Setting{grid("x", 41), grid("y", 41)}
	a.description.Metrics = []types.Metric{{Name: "cost"}}
	a.respond = func(s map[string]types.Value) map[string]float64 {
		return map[string]float64{"cost": 100 - number(s["app.x"]) - number(s["app.y"])}
	}
	a.hook = func(c optimizer.Command, r *optimizer.Result) bool {
		if len(c.Adjustments) > 0 && number(c.Adjustments[0].Value)+number(c.Adjustments[1].Value) > 60 {
			r.Outcome = types.Rejected
		}
		return r.Outcome != ""
	}
	e, err := local.New(local.Options{Objective: local.Objective{Metric: "cost"}, Trials: 30, Seed: 1})
	require.NoError(t, err)
	r := a.run(t, e)
	require.NoError(t, r.Err)
	rejected := 0
	for _, trial := range r.Trials {
		if trial.Outcome != "" {
			rejected++
		}
	}
	best, _ := r.Best.Objective.Float64()
	t.Logf("rejected: %d of 30, best %v of 40", rejected, best)
	assert.LessOrEqual(t, rejected, 15)
	assert.LessOrEqual(t, best, 43.0)
}
