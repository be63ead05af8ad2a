//go:build linux

package process_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/process"
	"github.com/servokit/servokit/types"
)

func TestMeasureAgreesWithTheApplication(t *testing.T) {
	for _, behaviour := range []string{"burns", "burns-in-children"} {
		t.Run(behaviour, func(t *testing.T) {
			r := started(t, func(c *process.Config) { c.Settings[1].Default = types.Text(behaviour) })
			outer, before := time.Now(), r.info().CPU
			inner := time.Now()
			m, err := r.measure(t.Context(), types.Control{Duration: types.Duration(1500 * time.Millisecond)})
			require.NoError(t, err)
			inside := time.Since(inner).Seconds()
			used := r.info().CPU - before
			outside := time.Since(outer).Seconds() - inside

			seconds := m.Summary("cpu_seconds")
			require.Equal(t, 1, seconds.Count)
			// A child that is alive at an end counts there only, and the clock
			// has ticks of 10 ms. Outside of the measurement the application may
			// have used up to two cores.
			const slack = 0.3
			assert.LessOrEqual(t, seconds.Mean, used+slack)
			assert.GreaterOrEqual(t, seconds.Mean, used-slack-2*outside)
			assert.Positive(t, seconds.Mean)

			cores := m.Summary("cpu_cores")
			assert.Equal(t, 15, cores.Count)
			assert.Zero(t, cores.Skipped)
			assert.GreaterOrEqual(t, cores.Min, 0.0)
			assert.InDelta(t, seconds.Mean, cores.Mean*1.5, 0.5*seconds.Mean+slack)
		})
	}
}

func TestMeasureSeesTheMemory(t *testing.T) {
	r := started(t, func(c *process.Config) { c.Settings[1].Default = types.Text("allocates") })
	m, err := r.measure(t.Context(), types.Control{Duration: types.Duration(300 * time.Millisecond)})
	require.NoError(t, err)
	s := m.Summary("resident_memory")
	assert.Equal(t, 3, s.Count)
	assert.Greater(t, s.Min, 64.0/1024)
	assert.Less(t, s.Max, 1.0)
}

func TestMeasureAppliesThePoliciesOfSamples(t *testing.T) {
	r := started(t, func(c *process.Config) {
		c.MetricsPrefix = "app_"
		c.Samples = config.SamplePolicies{"app_restarts": {Zero: types.TreatAs(7)}}
	})
	m, err := r.measure(t.Context(), types.Control{Duration: types.Duration(100 * time.Millisecond)}, "app_restarts")
	require.NoError(t, err)
	assert.InDelta(t, 7, m.Summary("app_restarts").Mean, 0)
	assert.Equal(t, "app_restarts of app: 1 replaced of 1 samples", m.Annotations["samples"])

	r = started(t, func(c *process.Config) { c.Samples = config.SamplePolicies{"*": {Zero: types.FailOnSample()}} })
	_, err = r.measure(t.Context(), types.Control{Duration: types.Duration(100 * time.Millisecond)}, "restarts")
	var outcome *types.OutcomeError
	require.ErrorAs(t, err, &outcome)
	assert.Equal(t, config.ReasonSampleRefused, outcome.Reason)
	assert.ErrorContains(t, err, "sample 0 is zero, which the policy refuses")
}

func TestMeasureHonoursTheControl(t *testing.T) {
	r := started(t, func(c *process.Config) { c.MetricsPrefix = "app_" })
	var reports []types.Progress
	ctx := connector.WithProgress(t.Context(), func(_ context.Context, p types.Progress) { reports = append(reports, p) })
	began := time.Now()
	m, err := r.measure(ctx, types.Control{
		Warmup: types.Duration(200 * time.Millisecond), Duration: types.Duration(250 * time.Millisecond), Delay: types.Duration(100 * time.Millisecond),
	}, "app_cpu_cores", "app_restarts", "throughput")
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(began), 550*time.Millisecond)

	require.Len(t, m.Readings, 2, "only what was asked for")
	series, ok := m.Readings[0].(types.TimeSeries)
	require.True(t, ok)
	assert.Equal(t, types.Metric{Name: "app_cpu_cores", Unit: types.Cores}, series.Metric)
	assert.Equal(t, "app", series.ID)
	require.Len(t, series.Points, 3, "equal intervals, close to the configured one")
	assert.GreaterOrEqual(t, series.Points[0].Time.Sub(began), 200*time.Millisecond+250*time.Millisecond/3, "after the warm-up")
	assert.Equal(t, "app_restarts", m.Readings[1].Of().Name)
	assert.Equal(t, types.SampleZero, m.Readings[1].Samples()[0].State())

	require.NotEmpty(t, reports)
	assert.Equal(t, "warming up", reports[0].Message)
	last := 0.0
	for _, p := range reports {
		assert.GreaterOrEqual(t, p.Percent, last)
		last = p.Percent
	}
	assert.LessOrEqual(t, last, 100.0)
}

func TestMeasureFailsWhenTheCommandIsKilled(t *testing.T) {
	r := started(t, func(c *process.Config) {
		c.Env["APP_CHILDREN"] = config.NewSecret("yes")
		c.Stop.Grace = types.Duration(200 * time.Millisecond)
	})
	before := r.info()
	for _, phase := range []string{"warming up", "measuring", "waiting"} {
		t.Run(phase, func(t *testing.T) {
			victim := r.info().PID
			killed := false
			ctx := connector.WithProgress(t.Context(), func(_ context.Context, p types.Progress) {
				if p.Message == phase && !killed {
					killed = true
					assert.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
				}
			})
			control := types.Control{Warmup: types.Duration(600 * time.Millisecond), Duration: types.Duration(800 * time.Millisecond), Delay: types.Duration(800 * time.Millisecond)}
			m, err := r.measure(ctx, control)
			require.True(t, killed)
			o, reason := outcome(t, err)
			assert.Equal(t, types.Failed, o)
			assert.Equal(t, types.ReasonUnstable, reason)
			assert.ErrorContains(t, err, "measuring app: during the measurement: the process ended (signal: killed)")
			assert.Empty(t, m.Readings)

			// The next measurement waits for the restart and is sound.
			m, err = r.measure(t.Context(), control)
			require.NoError(t, err)
			assert.NotEqual(t, victim, r.info().PID)
			assert.Positive(t, m.Summary("restarts").Mean)
			assert.GreaterOrEqual(t, m.Summary("cpu_cores").Min, 0.0)
		})
	}
	assert.Equal(t, before.Workers, r.info().Workers)
}

// Whatever else measures begins when the command is there again, not while it
// is missing: load that is sent into the gap would be over before the command
// is looked at.
func TestAllMeasureOnceADeadCommandIsBack(t *testing.T) {
	r := started(t, nil)
	before := r.info().PID
	var answered error
	connector.Measure.On(r.bus.Scope("load"), func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
		_, answered = r.ask()
		return types.Measurement{}, nil
	})
	require.NoError(t, syscall.Kill(before, syscall.SIGKILL))
	require.Eventually(t, func() bool { return !runs(before) }, patience, time.Millisecond)
	results, err := connector.Measure.Dispatch(t.Context(), &r.bus, connector.MeasureRequest{Control: types.Control{Duration: types.Duration(100 * time.Millisecond)}})
	require.NoError(t, err)
	require.Len(t, results, 2)
	require.NoError(t, answered)
	assert.InDelta(t, 1, results[0].Value.Summary("restarts").Mean, 0)
}

func TestMeasureEndsWithItsContext(t *testing.T) {
	r := started(t, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	ctx = connector.WithProgress(ctx, func(context.Context, types.Progress) { cancel(connector.ErrCommandSuperseded) })
	_, err := r.measure(ctx, types.Control{Duration: types.Duration(time.Hour)})
	require.ErrorIs(t, err, connector.ErrCommandSuperseded)
	assert.Equal(t, "4", r.info().Workers, "the command goes on")
}

func TestMeasureDoesNotWaitForeverForADeadCommand(t *testing.T) {
	r := started(t, func(c *process.Config) {
		c.Restart = process.Restart{Backoff: types.Duration(time.Hour), MaxBackoff: types.Duration(time.Hour)}
		c.Ready.MinUptime = types.Duration(time.Millisecond)
		c.Ready.Timeout = types.Duration(3 * time.Second)
	})
	pid := r.info().PID
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	_, err := r.measure(t.Context(), types.DefaultControl())
	require.Error(t, err, "it may begin before the death is noticed")
	_, err = r.measure(t.Context(), types.DefaultControl())
	assert.ErrorContains(t, err, "the process was not ready within 3.001s: the process is not running")
}

func TestAnAdjustmentEndsAMeasurement(t *testing.T) {
	r := started(t, nil)
	measured := make(chan error, 1)
	begun := make(chan struct{}, 1)
	go func() {
		ctx := connector.WithProgress(t.Context(), func(context.Context, types.Progress) {
			select {
			case begun <- struct{}{}:
			default:
			}
		})
		_, err := r.measure(ctx, types.Control{Duration: types.Duration(time.Hour)})
		measured <- err
	}()
	<-begun
	_, err := r.adjust(t.Context(), 0, to("workers", types.Int(2)))
	require.NoError(t, err)
	assert.ErrorContains(t, <-measured, "stopped by another operation")
}
