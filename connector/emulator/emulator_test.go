package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/emulator"
	"github.com/servokit/servokit/types"
)

func seconds(n float64) types.Duration { return types.Duration(n * float64(time.Second)) }

func TestDescription(t *testing.T) {
	d := newRig(t).describe()
	require.Len(t, d.Components, 1)
	for i, s := range d.Components[0].Settings {
		value, ok := s.Value.Float64()
		require.True(t, ok, s)
		least, _ := s.Min.Float64()
		step, _ := s.Step.Float64()
		assert.Empty(t, s.Warnings())
		assert.Zero(t, math.Mod(value-least, step), "%s is %s", s, s.Value)
		d.Components[0].Settings[i].Value = types.Value{}
	}
	step := types.Float(0.125)
	cpu := types.Range("cpu", types.Float(1), types.Float(5), step)
	cpu.Unit, cpu.Role = "cores", types.CPURole
	mem := types.Range("mem", types.Float(0.25), types.Float(8), step)
	mem.Unit, mem.Role = "GiB", types.MemoryRole
	assert.Equal(t, types.Description{
		Components: []types.Component{{Name: "fake-app", Settings: []types.Setting{cpu, mem, types.ReplicaRange(1, 10)}}},
		Metrics: []types.Metric{
			{Name: "throughput", Unit: "rpm"}, {Name: "error_rate", Unit: "%"}, {Name: "latency_50th", Unit: "ms"}, {Name: "latency_95th", Unit: "ms"},
			{Name: "latency_99th", Unit: "ms"}, {Name: "utilization", Unit: "%"}, {Name: "cpu_usage", Unit: "cores"}, {Name: "cost"},
		},
	}, d)
}

func TestWhatIsDescribedCanBeChangedByTheReceiver(t *testing.T) {
	r := newRig(t)
	before := r.value("fake-app.replicas")
	d := r.describe()
	d.Components[0].Settings[2].Value = types.Int(77)
	d.Components[0].Name = "mine"
	assert.Equal(t, before, r.value("fake-app.replicas"))
}

func TestFirstValues(t *testing.T) {
	settings := func(c *emulator.Config) {
		c.Components = []emulator.Component{{Name: "a", Settings: []emulator.Setting{
			{Name: "tenths", Min: types.Float(0.1), Max: types.Int(1), Step: types.Float(0.1)},
			{Name: "inexact", Min: types.Float(0), Max: types.Float(0.3), Step: types.Float(0.1)},
			{Name: "word", Values: []types.Value{types.Text("x"), types.Text("y"), types.Text("z")}},
			{Name: "one", Min: types.Int(3), Max: types.Int(3)},
			{Name: "vast", Min: types.Int(math.MinInt64), Max: types.Int(math.MaxInt64), Step: types.Int(1)},
			{Name: "given", Min: types.Int(1), Max: types.Int(5), Value: types.Float(4)},
		}}}
	}
	seen := map[string]bool{}
	for seed := range uint64(200) {
		seeded := func(c *emulator.Config) { c.Seed = seed }
		d := newRig(t, settings, seeded).describe()
		assert.Equal(t, d, newRig(t, settings, seeded).describe(), "the same seed, the same values")
		for _, s := range d.Components[0].Settings {
			require.NoError(t, s.Validate())
			assert.Empty(t, s.Warnings(), s.Value)
			if s.Name == "vast" {
				continue
			}
			seen[s.Name+"="+s.Value.String()] = true
		}
	}
	want := map[string]bool{"inexact=0.0": true, "inexact=0.1": true, "inexact=0.2": true, "inexact=0.3": true, "word=x": true, "word=y": true, "word=z": true, "one=3": true, "given=4": true}
	for i := 1; i <= 10; i++ {
		want["tenths="+types.Float(float64(i)/10).String()] = true
	}
	assert.Equal(t, want, seen, "every step can be the first, and nothing else")
}

// transcript runs a few operations and tells everything about them.
func transcript(t *testing.T, seed uint64, asking ...string) (all []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *emulator.Config) {
			c.Seed, c.FailureRate = seed, 0.3
			c.MeasureDuration = emulator.Between(30*time.Second, 599*time.Second)
			c.AdjustDuration = emulator.Between(30*time.Second, 599*time.Second)
		})
		for i := range 10 {
			begun := time.Now()
			m, err := r.tryMeasure(r.context(), types.Control{}, asking...)
			all = append(all, fmt.Sprint(time.Since(begun), m.Summary("throughput"), m.Summary("latency_95th"), err))
			begun = time.Now()
			_, err = r.tryAdjust(r.context(), types.Control{}, to("replicas", types.Int(int64(i+1))))
			all = append(all, fmt.Sprint(time.Since(begun), err, r.describe().Components))
		}
	})
	return all
}

func TestTheSameSeedGivesTheSameNumbers(t *testing.T) {
	first := transcript(t, 1)
	assert.Equal(t, first, transcript(t, 1))
	assert.NotEqual(t, first, transcript(t, 2))
	assert.Equal(t, first, transcript(t, 1, "latency_95th", "throughput"), "whatever else is asked for")
}

func TestMeasureTakesAsLongAsItIsTold(t *testing.T) {
	control := types.Control{Warmup: seconds(20), Duration: seconds(60), Delay: seconds(10)}
	tests := map[string]struct {
		span        emulator.Span
		least, most time.Duration
		points      int
		first, last time.Duration
		messages    []string
	}{
		"control": {emulator.Span{}, 90 * time.Second, 90 * time.Second, 4, 35 * time.Second, 80 * time.Second, []string{"warming up", "measuring", "waiting"}},
		"fixed":   {emulator.Fixed(2 * time.Minute), 2 * time.Minute, 2 * time.Minute, 8, 15 * time.Second, 2 * time.Minute, []string{"measuring", "waiting"}},
		"random":  {emulator.Between(40*time.Second, 50*time.Second), 40 * time.Second, 50 * time.Second, 3, 13 * time.Second, 40 * time.Second, []string{"measuring", "waiting"}},
		"at once": {emulator.Fixed(0), 0, 0, 1, 0, 0, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(c *emulator.Config) {
					c.MeasureDuration, c.Readings = tt.span, "series"
				})
				begun := time.Now()
				m := r.measure(control)
				took := time.Since(begun)
				assert.GreaterOrEqual(t, took, tt.least)
				assert.LessOrEqual(t, took, tt.most)
				require.Len(t, m.Readings, 8)
				series, ok := m.Readings[0].(types.TimeSeries)
				require.True(t, ok)
				assert.Len(t, series.Points, tt.points)
				first, last, _ := series.Timespan()
				assert.GreaterOrEqual(t, first.Sub(begun), tt.first)
				assert.GreaterOrEqual(t, last.Sub(begun), tt.last)
				assert.LessOrEqual(t, last.Sub(begun), took)
				var messages []string
				percent := 0.0
				for _, p := range r.reports {
					assert.GreaterOrEqual(t, p.Percent, percent)
					percent = p.Percent
					if len(messages) == 0 || messages[len(messages)-1] != p.Message {
						messages = append(messages, p.Message)
					}
				}
				assert.Equal(t, tt.messages, messages)
				if tt.least > 0 {
					assert.InDelta(t, 100, percent, 1e-9)
				}
			})
		})
	}
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		control := types.Control{Warmup: seconds(10), Duration: seconds(150), Delay: seconds(5)}
		scalar := newRig(t, func(c *emulator.Config) { c.Seed = 4 })
		series := newRig(t, func(c *emulator.Config) { c.Seed, c.Readings = 4, "series" })
		begun := time.Now()
		one := scalar.measure(control)
		all := series.measure(control)
		require.NoError(t, one.Validate())
		require.NoError(t, all.Validate())
		for i, reading := range one.Readings {
			point, ok := reading.(types.DataPoint)
			require.True(t, ok)
			assert.Equal(t, begun.Add(160*time.Second).UTC(), point.Time)
			value, _ := point.Sample.Float64()
			s := all.Summary(point.Metric.Name)
			assert.Equal(t, 10, s.Count)
			assert.InEpsilon(t, s.Mean, value, 1e-12, "the mean of the samples")
			assert.Equal(t, all.Readings[i].Of(), point.Metric)
			if point.Metric.Name == "cost" {
				assert.InDelta(t, s.Min, s.Max, 1e-15, "costs are known")
			} else {
				assert.Greater(t, s.Max, s.Min, point.Metric.Name)
			}
		}
		d := scalar.describe()
		assert.Equal(t, map[string]string{
			"emulator_load": "200 requests per second for 2m30s (of 2m45s)",
			"emulator_draw": "measurement 1 of seed 4",
			"emulator_settings": fmt.Sprintf("fake-app.cpu=%s fake-app.mem=%s fake-app.replicas=%s",
				d.Components[0].Settings[0].Value, d.Components[0].Settings[1].Value, d.Components[0].Settings[2].Value),
		}, one.Annotations)
		long := series.measure(types.Control{Duration: types.Duration(30 * 24 * time.Hour)}, "cost")
		assert.Equal(t, 1000, long.Summary("cost").Count, "a long measurement has no more samples than that")
		assert.Empty(t, scalar.measure(control, "of_another").Readings)
	})
}

func TestRandomMetrics(t *testing.T) {
	five := 5.0
	r := newRig(t, func(c *emulator.Config) {
		c.Metrics = []emulator.Metric{
			{Name: "a", Source: "random"},
			{Name: "b", Source: "random", Unit: types.Percentage},
			{Name: "c", Source: "random", Min: &five, Max: &five},
		}
	})
	for range 300 {
		m := r.measure(types.Control{})
		a, b := m.Summary("a").Mean, m.Summary("b").Mean
		assert.True(t, a >= 10 && a <= 2000, a)
		assert.True(t, b >= 0 && b <= 100, b)
		assert.InDelta(t, 5, m.Summary("c").Mean, 0)
	}
}

func TestFailureRate(t *testing.T) {
	for rate, bounds := range map[float64][2]int{0: {0, 0}, 0.25: {200, 300}, 1: {1000, 1000}} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(c *emulator.Config) {
					c.FailureRate = rate
					c.MeasureDuration = emulator.Fixed(time.Minute)
					c.AdjustDuration = emulator.Fixed(time.Minute)
				})
				failed := 0
				for i := range 500 {
					begun := time.Now()
					if _, err := r.tryMeasure(r.context(), types.Control{}); err != nil {
						failed++
						outcome, ok := types.TopOutcome(err)
						require.True(t, ok)
						assert.Equal(t, types.Failed, outcome.Outcome)
						assert.Equal(t, emulator.ReasonFailure, outcome.Reason)
						assert.Less(t, time.Since(begun), time.Minute, "it ends early")
					}
					before, wanted := r.value("fake-app.replicas"), types.Int(int64(1+i%2))
					_, err := r.tryAdjust(r.context(), types.Control{}, to("replicas", wanted))
					if err != nil {
						failed++
						assert.ErrorContains(t, err, fmt.Sprintf("emulated failure (failure_rate is %v)", rate))
						wanted = before
					}
					assert.Equal(t, wanted, r.value("fake-app.replicas"))
				}
				assert.GreaterOrEqual(t, failed, bounds[0])
				assert.LessOrEqual(t, failed, bounds[1])
				for _, p := range r.reports {
					assert.LessOrEqual(t, p.Percent, 100.0)
					assert.True(t, rate < 1 || p.Percent < 100, "what fails is never done")
				}
			})
		})
	}
}

func TestAdjust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *emulator.Config) {
			c.Components[0].Settings = append(c.Components[0].Settings,
				emulator.Setting{Name: "GC", Values: []types.Value{types.Text("g1"), types.Int(2)}, Value: types.Int(2)},
				emulator.Setting{Name: "fixed", Min: types.Int(1), Max: types.Int(9), Value: types.Int(4), Pinned: true})
		})
		settlement := seconds(30)
		begun := time.Now()
		d, err := r.tryAdjust(r.context(), types.Control{Settlement: &settlement},
			to("cpu", types.Int(2)), to("replicas", types.Float(3)), to("GC", types.Text("g1")), to("fixed", types.Float(4)),
			types.Adjustment{Component: "of-another", Setting: "cpu", Value: types.Text("?")})
		require.NoError(t, err)
		assert.Equal(t, 30*time.Second, time.Since(begun), "as long as the settlement")
		assert.Equal(t, r.describe(), d)
		for selector, want := range map[string]types.Value{
			"fake-app.cpu": types.Float(2), "fake-app.replicas": types.Int(3), "fake-app.GC": types.Text("g1"), "fake-app.fixed": types.Int(4),
		} {
			assert.Equal(t, want, r.value(selector), selector)
		}
		assert.NotContains(t, r.log.String(), "odd value")

		begun = time.Now()
		r.adjust(to("replicas", types.Int(50)))
		assert.Zero(t, time.Since(begun), "at once without a settlement")
		assert.Equal(t, types.Int(50), r.value("fake-app.replicas"), "a baseline may lie outside")
		assert.Contains(t, r.log.String(), "invalid value: 50 is outside of the range 1-10")

		before := r.describe()
		for _, tt := range []struct {
			says string
			bad  types.Adjustment
		}{
			{`fake-app.replicas: a whole number is required, not 2.5`, to("replicas", types.Float(2.5))},
			{`fake-app.cpu: a number is required, not "two"`, to("cpu", types.Text("two"))},
			{`fake-app.GC: "zgc" is not accepted: use one of ["g1", 2]`, to("GC", types.Text("zgc"))},
			{`fake-app.fixed: value of pinned settings cannot be changed`, to("fixed", types.Int(5))},
			{`fake-app has no setting "disk" (known: cpu, mem, replicas, GC, fixed)`, to("disk", types.Int(5))},
		} {
			_, err := r.tryAdjust(r.context(), types.Control{Settlement: &settlement}, to("mem", types.Float(1)), tt.bad, to("cpu", types.Value{}))
			require.ErrorContains(t, err, tt.says)
			assert.ErrorContains(t, err, "fake-app.cpu: a number is required, not nothing", "all problems at once")
			assert.Equal(t, before, r.describe(), "all or nothing")
		}
		negative := seconds(-1)
		_, err = r.tryAdjust(r.context(), types.Control{Settlement: &negative}, to("cpu", types.Float(1)))
		assert.ErrorContains(t, err, "a settlement of -1s")
		_, err = r.tryMeasure(r.context(), types.Control{Delay: -1})
		assert.ErrorContains(t, err, "none of them may be negative")
	})
}

func TestCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *emulator.Config) {
			c.MeasureDuration, c.AdjustDuration = emulator.Fixed(time.Hour), emulator.Fixed(time.Hour)
		})
		before := r.describe()
		cause := errors.New("enough")
		for _, operate := range []func(context.Context) error{
			func(ctx context.Context) error {
				_, err := r.tryMeasure(ctx, types.Control{})
				return err
			},
			func(ctx context.Context) error {
				_, err := r.tryAdjust(ctx, types.Control{}, to("cpu", types.Float(2.5)), to("replicas", types.Int(9)))
				return err
			},
		} {
			ctx, cancel := context.WithCancelCause(r.context())
			begun := time.Now()
			stop := time.AfterFunc(time.Minute, func() { cancel(cause) })
			err := operate(ctx)
			stop.Stop()
			require.ErrorIs(t, err, cause)
			assert.Equal(t, time.Minute, time.Since(begun), "at once")
			assert.Equal(t, before, r.describe())
		}
	})
}

// The reply to a progress report may cancel at the last moment.
func TestCancelledAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *emulator.Config) { c.AdjustDuration = emulator.Fixed(time.Minute) })
		before := r.describe()
		cause := errors.New("too late")
		ctx, cancel := context.WithCancelCause(context.Background())
		_, err := r.tryAdjust(connector.WithProgress(ctx, func(_ context.Context, p types.Progress) {
			if p.Percent >= 100 {
				cancel(cause)
			}
		}), types.Control{}, to("cpu", types.Float(2.5)))
		require.ErrorIs(t, err, cause)
		assert.Equal(t, before, r.describe())
	})
}

func TestAMeasurementIsAboutTheSettingsAtItsBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, quiet, func(c *emulator.Config) { c.MeasureDuration = emulator.Fixed(time.Minute) })
		r.adjust(to("replicas", types.Int(2)))
		cost := r.figure("cost")
		var during float64
		var wg sync.WaitGroup
		wg.Go(func() { during = r.figure("cost") })
		time.Sleep(30 * time.Second)
		r.adjust(to("replicas", types.Int(4)))
		wg.Wait()
		assert.InDelta(t, cost, during, 0)
		assert.InDelta(t, 2*cost, r.figure("cost"), 1e-9)
	})
}

func TestWhatIsForOthersTakesNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *emulator.Config) { c.AdjustDuration, c.FailureRate = emulator.Fixed(time.Hour), 1 })
		begun := time.Now()
		d := r.adjust(types.Adjustment{Component: "of-another", Setting: "cpu", Value: types.Int(1)})
		assert.Zero(t, time.Since(begun))
		assert.Equal(t, r.describe(), d)
	})
}

func TestRandomTimesFillTheirBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *emulator.Config) {
			c.MeasureDuration = emulator.Between(30*time.Second, 599*time.Second)
			c.AdjustDuration = c.MeasureDuration
		})
		for _, operate := range []func(){
			func() { r.measure(types.Control{}) },
			func() { r.adjust(to("cpu", types.Float(1))) },
		} {
			least, most := time.Hour, time.Duration(0)
			for range 200 {
				begun := time.Now()
				operate()
				least, most = min(least, time.Since(begun)), max(most, time.Since(begun))
			}
			assert.GreaterOrEqual(t, least, 30*time.Second)
			assert.Less(t, least, 50*time.Second)
			assert.LessOrEqual(t, most, 599*time.Second)
			assert.Greater(t, most, 579*time.Second)
		}
	})
}

func TestOperationsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *emulator.Config) {
			c.MeasureDuration, c.AdjustDuration = emulator.Fixed(time.Minute), emulator.Fixed(time.Minute)
		})
		var wg sync.WaitGroup
		for i := range int64(8) {
			wg.Go(func() { r.measure(types.Control{}) })
			wg.Go(func() {
				// Either both or none of one adjustment.
				r.adjust(to("replicas", types.Int(i+1)), to("mem", types.Float(float64(i+1))))
			})
			wg.Go(func() { r.describe() })
		}
		wg.Wait()
		replicas, _ := r.value("fake-app.replicas").Float64()
		mem, _ := r.value("fake-app.mem").Float64()
		assert.InDelta(t, replicas, mem, 0)
	})
}

func check(r *rig) map[string]checks.Result {
	r.t.Helper()
	results, err := connector.Check.Dispatch(context.Background(), &r.bus, connector.CheckRequest{HaltOn: checks.HaltNever})
	require.NoError(r.t, err)
	byName := map[string]checks.Result{}
	for _, result := range results[0].Value {
		byName[result.Name] = result
	}
	return byName
}

func TestChecks(t *testing.T) {
	const serves, ranges, load = "Application of emulator serves", "Settings of emulator are in range", "Load of emulator is below saturation"
	r := newRig(t, func(c *emulator.Config) { c.Response.ErrorFloor = 50 })
	r.adjust(to("cpu", types.Float(4)), to("mem", types.Float(2)), to("replicas", types.Int(4)))
	for _, name := range []string{serves, ranges, load} {
		assert.NoError(t, check(r)[name].Err, name)
	}

	r.adjust(to("cpu", types.Float(1)), to("replicas", types.Int(2)))
	overload := check(r)[load]
	assert.ErrorContains(t, overload.Err, "expected that 200 requests per second are served, found that it is ")
	assert.Contains(t, overload.Hint, "lower response.load")

	r.adjust(to("replicas", types.Int(11)))
	outside := check(r)[ranges]
	assert.ErrorContains(t, outside.Err, "fake-app.replicas: invalid value: 11 is outside of the range 1-10")
	assert.NotEmpty(t, outside.Hint)

	r.adjust(to("replicas", types.Int(0)), to("mem", types.Float(-1)))
	idle := check(r)[serves]
	require.ErrorContains(t, idle.Err, "expected replicas, cores and memory in every component, found fake-app.mem=-1.0, fake-app.replicas=0")
	var failure *checks.Error
	require.ErrorAs(t, idle.Err, &failure)
	require.NoError(t, failure.Remedy(t.Context()))
	assert.NoError(t, check(r)[serves].Err, "the remedy repairs it")
	assert.Equal(t, types.Int(1), r.value("fake-app.replicas"))
	assert.Equal(t, types.Float(0.25), r.value("fake-app.mem"))
}

func TestRemedyTakesTheLeastThatServes(t *testing.T) {
	r := newRig(t, func(c *emulator.Config) {
		c.Components = []emulator.Component{
			{Name: "a", Settings: []emulator.Setting{{Name: "replicas", Min: types.Int(0), Max: types.Int(9), Step: types.Int(3), Value: types.Int(0)}}},
			{Name: "c", Settings: []emulator.Setting{{Name: "replicas", Min: types.Int(1), Max: types.Int(3), Value: types.Int(0), Pinned: true}}},
			{Name: "b", Settings: []emulator.Setting{{Name: "replicas", Min: types.Int(-4), Max: types.Int(0), Value: types.Int(0)}}},
		}
	})
	var failure *checks.Error
	require.ErrorAs(t, check(r)["Application of emulator serves"].Err, &failure)
	require.NoError(t, failure.Remedy(t.Context()))
	assert.Equal(t, types.Int(3), r.value("a.replicas"))
	assert.Equal(t, types.Int(0), r.value("c.replicas"), "it is pinned")
	assert.Equal(t, types.Int(0), r.value("b.replicas"), "there is nothing that serves")
	require.ErrorAs(t, check(r)["Application of emulator serves"].Err, &failure)
	assert.Nil(t, failure.Remedy)
}
