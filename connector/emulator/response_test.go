package emulator_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector/emulator"
	"github.com/servokit/servokit/types"
)

// exact is an emulator without noise and errors of its own, with all metrics.
func exact(t *testing.T, components []emulator.Component, change func(*emulator.Response)) *rig {
	t.Helper()
	return newRig(t, quiet, func(c *emulator.Config) {
		c.Components, c.Response.ErrorFloor, c.Response.QueueLimit = components, 0, 1000
		c.Metrics = append(c.Metrics, emulator.Metric{Name: "latency_mean"})
		if change != nil {
			change(&c.Response)
		}
	})
}

func fixed(name string, value float64) emulator.Setting {
	return emulator.Setting{Name: name, Min: types.Float(1), Max: types.Float(1024), Step: types.Float(1), Value: types.Float(value)}
}

func replicas(n int64) emulator.Setting {
	return emulator.Setting{Name: "replicas", Min: types.Int(0), Max: types.Int(2000), Value: types.Int(n)}
}

func one(settings ...emulator.Setting) []emulator.Component {
	return []emulator.Component{{Name: "app", Settings: settings}}
}

// The results of the textbook for queues.
func TestQueues(t *testing.T) {
	load := func(rate float64, limit int) func(*emulator.Response) {
		return func(r *emulator.Response) { r.Load, r.QueueLimit = rate, limit }
	}
	tests := []struct {
		name                          string
		components                    []emulator.Component
		change                        func(*emulator.Response)
		latency, throughput, errors   float64 // ms, rpm, %
		utilization, cores, tolerance float64
	}{
		{"M/M/1", one(), load(40, 1000), 100, 2400, 0, 80, 0.8, 1e-6},
		{"M/M/2", one(replicas(2)), load(80, 1000), 1000 * 0.02 / 0.36, 4800, 0, 80, 1.6, 1e-6},
		{"Erlang's loss formula", one(replicas(2)), load(80, 0), 20, 60 * 80 * (1 - 1.28/3.88), 100 * 1.28 / 3.88, 50 * 1.6 * (1 - 1.28/3.88), 1.6 * (1 - 1.28/3.88), 1e-9},
		{"M/M/1/K at saturation", one(), load(50, 9), 110, 60 * 50 * 10.0 / 11, 100.0 / 11, 1000.0 / 11, 10.0 / 11, 1e-9},
		{"overload", one(), load(1e6, 20), 420, 3000, 100 * (1 - 50/1e6), 100, 1, 1e-4},
		{"overload of a long queue", one(), load(1e6, 1000), 1001 * 20, 3000, 100 * (1 - 50/1e6), 100, 1, 1e-4},
		{"a line of two", []emulator.Component{{Name: "a"}, {Name: "b"}}, load(40, 1000), 200, 2400, 0, 80, 1.6, 1e-6},
		{"a bottleneck in front", []emulator.Component{{Name: "a"}, {Name: "b", Settings: []emulator.Setting{replicas(20)}}}, load(1e6, 20), 420 + 20, 3000, 100 * (1 - 50/1e6), 100, 2, 1e-4},
		{"cores with contention", one(fixed("cpu", 3)), load(40, 1000), 1000 / (150/1.12 - 40), 2400, 0, 100 * 40 * 1.12 / 150, 3 * 40 * 1.12 / 150, 1e-9},
		{"half of the memory", one(fixed("mem", 4)), func(r *emulator.Response) { r.Load, r.WorkingSet = 20, 4 }, 1000.0 / (25 - 20), 1200, 0, 80, 0.8, 1e-6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := exact(t, tt.components, tt.change).measure(types.Control{})
			for name, want := range map[string]float64{
				"latency_mean": tt.latency, "latency_50th": tt.latency * math.Ln2, "latency_99th": tt.latency * math.Log(100),
				"throughput": tt.throughput, "utilization": tt.utilization, "cpu_usage": tt.cores,
			} {
				assert.InEpsilon(t, want, m.Summary(name).Mean, tt.tolerance, name)
			}
			assert.InDelta(t, tt.errors, m.Summary("error_rate").Mean, 100*tt.tolerance, "error_rate")
		})
	}
}

func TestCost(t *testing.T) {
	r := exact(t, []emulator.Component{
		{Name: "a", Settings: []emulator.Setting{fixed("cpu", 2), fixed("mem", 4), replicas(3)}},
		{Name: "b", Settings: []emulator.Setting{{Name: "inst_type", Values: []types.Value{types.Text("small"), types.Text("large")}, Value: types.Text("large"), Effect: emulator.Effect{Prices: map[string]float64{"large": 0.25}}}}},
	}, func(r *emulator.Response) { r.CPUPrice, r.MemPrice = 0.5, 0.25 })
	assert.InDelta(t, 3*(2*0.5+4*0.25)+0.5+0.25, r.figure("cost"), 1e-12, "a component without cpu has one core")
}

func TestEffects(t *testing.T) {
	best, weight := 6.0, math.Log(2)
	r := exact(t, one(
		emulator.Setting{Name: "threads", Min: types.Int(1), Max: types.Int(11), Value: types.Int(6), Effect: emulator.Effect{Best: &best, Weight: &weight}},
		emulator.Setting{Name: "gc", Values: []types.Value{types.Text("a"), types.Text("b")}, Value: types.Text("a"), Effect: emulator.Effect{Factors: map[string]float64{"b": 2}}},
		emulator.Setting{Name: "none", Min: types.Int(1), Max: types.Int(11), Value: types.Int(6)},
	), func(r *emulator.Response) { r.Load = 10 })
	set := func(name string, v types.Value) {
		r.adjust(types.Adjustment{Component: "app", Setting: name, Value: v})
	}
	utilization := func() float64 { return r.figure("utilization") }
	assert.InDelta(t, 20, utilization(), 1e-9)
	set("none", types.Int(1))
	assert.InDelta(t, 20, utilization(), 1e-9)
	set("gc", types.Text("b"))
	assert.InDelta(t, 10, utilization(), 1e-9)
	set("threads", types.Int(1))
	assert.InDelta(t, 10*math.Pow(2, 0.25), utilization(), 1e-9)
	set("threads", types.Int(16)) // as far away as the range is wide
	assert.InDelta(t, 20, utilization(), 1e-9)
}

// Without anything that serves there is no throughput, and no latency either:
// missing is not zero.
func TestNothingServes(t *testing.T) {
	r := exact(t, one(fixed("cpu", 2), fixed("mem", 2), replicas(2)), nil)
	for _, a := range []types.Adjustment{
		{Component: "app", Setting: "replicas", Value: types.Int(-5)},
		{Component: "app", Setting: "cpu", Value: types.Float(-100)},
		{Component: "app", Setting: "mem", Value: types.Float(0)},
	} {
		before, _ := r.describe().Setting(a.Selector())
		r.adjust(a)
		m := r.measure(types.Control{})
		assert.Equal(t, 1, m.Summary("throughput").Count)
		assert.Zero(t, m.Summary("throughput").Mean)
		assert.InDelta(t, 100, m.Summary("error_rate").Mean, 0)
		assert.GreaterOrEqual(t, m.Summary("cost").Mean, 0.0)
		for _, reading := range m.Readings {
			if reading.Of().Unit == types.Milliseconds {
				assert.Equal(t, types.SampleMissing, reading.Samples()[0].State(), reading.Of())
			}
		}
		r.adjust(types.Adjustment{Component: "app", Setting: a.Setting, Value: before.Value})
	}
}

// Extreme values neither hang nor give numbers that are none.
func TestExtremes(t *testing.T) {
	r := exact(t, one(fixed("cpu", 2), fixed("mem", 2), replicas(2)), nil)
	for _, v := range []types.Value{types.Int(math.MaxInt64), types.Float(1e300), types.Float(1e-300), types.Int(1)} {
		for _, s := range []string{"cpu", "mem", "replicas"} {
			if _, ok := v.Int64(); s == "replicas" && !ok {
				continue
			}
			r.adjust(types.Adjustment{Component: "app", Setting: s, Value: v})
			for _, reading := range r.measure(types.Control{}).Readings {
				assert.NotEqual(t, types.SampleNaN, reading.Samples()[0].State(), "%s with %s=%s", reading.Of(), s, v)
			}
		}
	}
}

// With more of a resource everything gets better, except for the cost, and
// nowhere is there a jump.
func TestTheSurfaceIsSmoothAndHasAKnee(t *testing.T) {
	r := newRig(t, quiet)
	r.adjust(to("mem", types.Float(2)), to("replicas", types.Int(2)))
	var throughput, latency, errors, cost []float64
	for cpu := 1.0; cpu <= 5; cpu += 0.125 {
		r.adjust(to("cpu", types.Float(cpu)))
		m := r.measure(types.Control{})
		throughput = append(throughput, m.Summary("throughput").Mean)
		latency = append(latency, m.Summary("latency_95th").Mean)
		errors = append(errors, m.Summary("error_rate").Mean)
		cost = append(cost, m.Summary("cost").Mean)
	}
	for i := 1; i < len(cost); i++ {
		assert.GreaterOrEqual(t, throughput[i], throughput[i-1])
		assert.LessOrEqual(t, latency[i], latency[i-1])
		assert.LessOrEqual(t, errors[i], errors[i-1])
		assert.Greater(t, cost[i], cost[i-1])
		assert.Less(t, throughput[i]/throughput[i-1], 1.13, "no jump")
		assert.Greater(t, latency[i]/latency[i-1], 0.5, "no jump")
	}
	last := len(cost) - 1
	assert.Less(t, throughput[0], 0.6*throughput[last], "saturated")
	assert.InEpsilon(t, 0.999*12000, throughput[last], 1e-4, "all but the errors of the floor")
	assert.Greater(t, throughput[4]/throughput[0], 1.4, "in front of the knee resources help")
	assert.Less(t, throughput[last]/throughput[last-4], 1.001, "behind it they do not")
}

func TestNoise(t *testing.T) {
	for noise, deviation := range map[float64]float64{0.1: 0.1, 0.5: 0.533} {
		r := newRig(t, func(c *emulator.Config) { c.Response.Noise = noise })
		r.adjust(to("cpu", types.Float(4)), to("mem", types.Float(4)), to("replicas", types.Int(4)))
		var sum, squares float64
		const n = 2000
		for range n {
			v := r.figure("throughput") / 12000
			sum += v
			squares += v * v
		}
		mean := sum / n
		assert.InDelta(t, 0.999, mean, 0.1*noise, "it does not move the mean")
		assert.InDelta(t, deviation, math.Sqrt(squares/n-mean*mean), 0.1*noise)
	}

	full := newRig(t, func(c *emulator.Config) { c.Response.Noise, c.Response.Load = 1, 1e6 })
	for range 100 {
		require.LessOrEqual(t, full.figure("error_rate"), 100.0)
		require.LessOrEqual(t, full.figure("utilization"), 100.0)
	}
}
