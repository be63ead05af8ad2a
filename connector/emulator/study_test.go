package emulator_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/emulator"
	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

const application = `
emulator:
  seed: 5
  adjust_duration: {min: 30s, max: 90s}
  failure_rate: 0.05
  components:
    - name: web
      settings:
        - {name: cpu, min: 0.5, max: 4.0, step: 0.25, value: 3.0}
        - {name: mem, min: 0.5, max: 8.0, step: 0.5, value: 6.0}
        - {name: replicas, min: 1, max: 10, value: 6}
        - {name: WORKERS, min: 1, max: 16, value: 2, effect: {best: 8, weight: 0.5}}
        - {name: GC, values: [serial, parallel, g1], value: serial, effect: {factors: {parallel: 1.1, g1: 1.2}}}
`

// study runs a servo with the emulator and the embedded optimizer until the
// study is done, in the time of a bubble, and returns what came of it.
func study(t *testing.T, o local.Options) (local.Result, time.Duration) {
	t.Helper()
	docs, err := config.Parse("servo.yaml", []byte(application))
	require.NoError(t, err)
	engine, err := local.New(o)
	require.NoError(t, err)
	s, err := servo.FromConfig(docs[0], servo.Options{Optimizer: engine}, emulator.Definition)
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	begun := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case <-engine.Done():
	case err := <-ended:
		require.NoError(t, err)
		require.Fail(t, "the servo ended before the study")
	}
	took := time.Since(begun)
	cancel(errors.New("the study is done"))
	require.NoError(t, <-ended)
	return engine.Result(), took
}

// truth is a figure of a configuration without the noise.
func truth(t *testing.T, metric string, settings types.Adjustments) float64 {
	t.Helper()
	docs, err := config.Parse("servo.yaml", []byte(application+"  response: {noise: 0}\n"))
	require.NoError(t, err)
	stanza, _ := docs[0].Stanza("emulator")
	c, err := config.Decode[emulator.Config](stanza)
	require.NoError(t, err)
	c.FailureRate, c.AdjustDuration = 0, emulator.Fixed(0)
	r := newRig(t, func(d *emulator.Config) { *d = c })
	r.adjust(settings...)
	return r.figure(metric)
}

// The embedded optimizer finds a better configuration of the emulated
// application, and by more than the noise: days of trials in seconds.
func TestStudy(t *testing.T) {
	objective := func(text string) local.Objective {
		o, err := local.ParseObjective(text)
		require.NoError(t, err)
		return o
	}
	constraint := func(text string) local.Constraint {
		c, err := local.ParseConstraint(text)
		require.NoError(t, err)
		return c
	}
	tests := []struct {
		name    string
		options local.Options
		metric  string
		gain    float64            // percent, of the figures without noise
		keeps   map[string]float64 // at most, without noise
	}{
		{"as cheap as latency allows", local.Options{
			Objective: objective("minimize: cost"), Constraints: []local.Constraint{constraint("latency_95th <= 80ms"), constraint("error_rate <= 1%")},
		}, "cost", 40, map[string]float64{"latency_95th": 85, "error_rate": 1.1}},
		{"as fast as the budget allows", local.Options{
			Objective: objective("minimize: latency_95th"), Constraints: []local.Constraint{constraint("cost <= 0.75")},
		}, "latency_95th", 15, map[string]float64{"cost": 0.75}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := tt.options
				o.Trials, o.Repeats, o.Seed = 25, 3, 3
				o.Control = types.Control{Warmup: seconds(60), Duration: seconds(600), Delay: seconds(30)}
				result, took := study(t, o)
				require.NoError(t, result.Err)
				assert.Greater(t, took, 5*time.Hour)
				v := result.Validation
				require.NotNil(t, v)
				assert.True(t, v.Better, v.Verdict)
				improvement, _ := v.Improvement.Float64()
				spread, _ := v.Spread.Float64()
				assert.Greater(t, improvement, spread)
				assert.Equal(t, "best", result.Kept)

				was := truth(t, tt.metric, result.Baseline.Settings)
				is := truth(t, tt.metric, result.Applied)
				gain := 100 * (was - is) / was
				t.Logf("%s: %.4g instead of %.4g, %.1f %% better; %s; after %s", tt.metric, is, was, gain, v.Verdict, took)
				assert.Greater(t, gain, tt.gain)
				for metric, limit := range tt.keeps {
					assert.LessOrEqual(t, truth(t, metric, result.Applied), limit, metric)
				}
			})
		})
	}
}

// Emulators of one servo are told apart by their names.
func TestTwoEmulators(t *testing.T) {
	docs, err := config.Parse("servo.yaml", []byte("connectors: {web: emulator, store: emulator}\nweb: {}\nstore: {components: [{name: store}]}\n"))
	require.NoError(t, err)
	engine, err := local.New(local.Options{Objective: local.Objective{Metric: "cost"}})
	require.NoError(t, err)
	s, err := servo.FromConfig(docs[0], servo.Options{Optimizer: engine}, emulator.Definition)
	require.NoError(t, err)
	assert.Equal(t, []string{"web", "store"}, s.Connectors())
	results, err := connector.Measure.Dispatch(t.Context(), s.Bus(), connector.MeasureRequest{})
	require.NoError(t, err)
	m := types.MergeMeasurements(results[0].Value, results[1].Value)
	assert.Contains(t, m.Annotations, "web_draw")
	assert.Contains(t, m.Annotations, "store_draw")
}
