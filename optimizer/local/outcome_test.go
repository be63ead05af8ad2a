package local_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/types"
)

func TestOutcomes(t *testing.T) {
	// reply answers the first of some commands of trial 1 with an outcome.
	for _, c := range []struct {
		name    string
		verb    optimizer.Verb
		outcome types.Outcome
		times   int
		want    types.Outcome
		message string
		adjusts int
	}{
		{name: "adjust fails once", verb: optimizer.Adjust, outcome: types.Failed, times: 1, adjusts: 2},
		{name: "adjust fails twice", verb: optimizer.Adjust, outcome: types.Failed, times: 2, want: types.Failed, message: "boom; and more (because)", adjusts: 2},
		{name: "measure fails once", verb: optimizer.Measure, outcome: types.Failed, times: 1, adjusts: 2},
		{name: "measure fails twice", verb: optimizer.Measure, outcome: types.Failed, times: 2, want: types.Failed, message: "boom; and more (because)", adjusts: 2},
		{name: "adjust rejected", verb: optimizer.Adjust, outcome: types.Rejected, times: 1, want: types.Rejected, message: "boom; and more (because)", adjusts: 1},
		{name: "measure aborted", verb: optimizer.Measure, outcome: types.Aborted, times: 1, want: types.Aborted, message: "boom; and more (because)", adjusts: 1},
		{name: "cancelled by the servo", verb: optimizer.Measure, outcome: types.Cancelled, times: 2, adjusts: 3},
		{name: "cancelled for ever", verb: optimizer.Adjust, outcome: types.Cancelled, times: 9, want: types.Failed, message: "cancelled again and again; boom; and more (because)", adjusts: 3},
		{name: "an outcome nobody knows", verb: optimizer.Adjust, outcome: "nodata", times: 2, want: types.Failed, message: "boom; and more (because)", adjusts: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := shop()
			e, err := local.New(shopOptions(t))
			require.NoError(t, err)
			left, adjusts := c.times, 0
			a.hook = func(cmd optimizer.Command, r *optimizer.Result) bool {
				if s := e.Status(); s.Phase != local.PhaseSearch || s.Trial != 1 {
					return false
				}
				if cmd.Verb == optimizer.Adjust {
					adjusts++
				}
				if cmd.Verb != c.verb || left == 0 {
					return false
				}
				left--
				r.Outcome, r.Reason, r.Message, r.Others = c.outcome, "because", "boom", []string{"and more"}
				return true
			}
			r := a.run(t, e)
			require.NoError(t, r.Err)
			first := r.Trials[0]
			assert.Equal(t, c.want, first.Outcome)
			assert.Equal(t, c.message, first.Message)
			assert.Equal(t, c.adjusts, adjusts)
			if c.want != "" {
				assert.False(t, first.Feasible)
				assert.Empty(t, first.Metrics)
				_, ok := first.Objective.Float64()
				assert.False(t, ok, "a failure is not a number")
			}
			assert.Len(t, r.Trials, 12)
		})
	}
}

func TestNoData(t *testing.T) {
	a := shop()
	respond := a.respond
	a.respond = func(s map[string]types.Value) map[string]float64 {
		m := respond(s)
		if number(s["app.workers"]) < 5 {
			delete(m, "latency")
		}
		return m
	}
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	r := a.run(t, e)
	require.NoError(t, r.Err)
	silent := 0
	for _, trial := range r.Trials {
		if number(trial.Settings[0].Value) < 5 {
			silent++
			assert.False(t, trial.Feasible)
			assert.Equal(t, "no data for latency", trial.Message)
			assert.NotContains(t, trial.Metrics, "latency")
		}
	}
	assert.NotZero(t, silent)
	assert.GreaterOrEqual(t, number(r.Best.Settings[0].Value), 5.0)
}

func TestMeasuredInAnotherUnit(t *testing.T) {
	a := shop()
	a.hook = func(c optimizer.Command, r *optimizer.Result) bool {
		if c.Verb != optimizer.Measure {
			return false
		}
		r.Measurement.Readings = []types.Reading{
			types.DataPoint{Metric: types.Metric{Name: "cpu", Unit: types.Cores}, Sample: types.Observe(1)},
			types.DataPoint{Metric: types.Metric{Name: "latency", Unit: "s"}, Sample: types.Observe(1)},
		}
		return true
	}
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	r := a.run(t, e)
	assert.ErrorContains(t, r.Err, "measuring the baseline: failed: latency was measured in s but described in ms; no data for latency")
}

func TestAppliedDifferently(t *testing.T) {
	a := shop()
	// The servo takes no more than four workers.
	a.hook = func(c optimizer.Command, _ *optimizer.Result) bool {
		for i, adj := range c.Adjustments {
			if adj.Setting == "workers" && number(adj.Value) > 4 && number(adj.Value) < 8 {
				c.Adjustments[i].Value = types.Int(4)
			}
		}
		return false
	}
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	r := a.run(t, e)
	require.NoError(t, r.Err)
	changed := 0
	for _, trial := range r.Trials {
		if trial.Message != "" {
			changed++
			assert.Contains(t, trial.Message, "applied differently: app.workers is 4 instead of ")
			assert.InDelta(t, 4, number(trial.Settings[0].Value), 0, "what was measured is what was applied")
		}
	}
	assert.NotZero(t, changed)
}

func TestBestCannotBeApplied(t *testing.T) {
	a := shop()
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	a.hook = func(c optimizer.Command, r *optimizer.Result) bool {
		if e.Status().Phase == local.PhaseApply && number(c.Adjustments[0].Value) != 8 {
			r.Outcome, r.Message = types.Rejected, "no room"
			return true
		}
		return false
	}
	r := a.run(t, e)
	require.ErrorContains(t, r.Err, "adjusting to the best configuration: rejected: no room")
	assert.Equal(t, "baseline", r.Kept)
	assert.InDelta(t, 8, number(a.settings()["app.workers"]), 0)
	assert.Equal(t, local.PhaseFailed, e.Status().Phase)
	assert.Contains(t, next(t, e).SleepReason, "failed: adjusting to the best")
}

func TestNothingCanBeApplied(t *testing.T) {
	a := shop()
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	a.hook = func(_ optimizer.Command, r *optimizer.Result) bool {
		if e.Status().Phase == local.PhaseApply {
			r.Outcome, r.Message = types.Failed, "gone"
		}
		return r.Outcome != ""
	}
	r := a.run(t, e)
	require.ErrorContains(t, r.Err, "adjusting to the best configuration: failed: gone; adjusting to the baseline: failed: gone")
	assert.Empty(t, r.Kept)
	assert.Empty(t, r.Applied, "nobody knows")
}

func TestBaselineFails(t *testing.T) {
	for _, c := range []struct {
		name string
		hook func(c optimizer.Command, r *optimizer.Result) bool
		want string
		log  []string
	}{
		{
			name: "describe fails",
			hook: func(_ optimizer.Command, r *optimizer.Result) bool {
				r.Outcome, r.Message = types.Failed, "no cluster"
				return true
			},
			want: "describing: failed: no cluster", log: []string{"DESCRIBE", "DESCRIBE"},
		},
		{
			name: "measure fails",
			hook: func(c optimizer.Command, r *optimizer.Result) bool {
				if c.Verb == optimizer.Measure {
					r.Outcome = types.Failed
				}
				return r.Outcome != ""
			},
			want: "measuring the baseline: failed: no message", log: []string{"DESCRIBE", "MEASURE", "MEASURE"},
		},
		{
			name: "no traffic",
			hook: func(c optimizer.Command, _ *optimizer.Result) bool { return c.Verb == optimizer.Measure },
			want: "measuring the baseline: failed: no data for cost, latency", log: []string{"DESCRIBE", "MEASURE", "MEASURE"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := shop()
			a.hook = c.hook
			e, err := local.New(shopOptions(t))
			require.NoError(t, err)
			r := a.run(t, e)
			require.EqualError(t, r.Err, c.want)
			assert.Equal(t, c.log, a.log, "nothing is adjusted")
			assert.Nil(t, r.Validation)
			sleep := next(t, e)
			assert.Equal(t, "failed: "+c.want, sleep.SleepReason)
			assert.Equal(t, time.Minute, sleep.SleepFor)
		})
	}
}

func TestBestIsAppliedDifferently(t *testing.T) {
	a := shop()
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	a.hook = func(c optimizer.Command, _ *optimizer.Result) bool {
		if e.Status().Phase == local.PhaseApply && number(c.Adjustments[0].Value) != 8 {
			c.Adjustments[0].Value = types.Int(7)
		}
		return false
	}
	r := a.run(t, e)
	require.ErrorContains(t, r.Err, "adjusting to the best configuration: failed: applied differently: app.workers is 7 instead of ")
	assert.Equal(t, "baseline", r.Kept, "what was not validated is not kept")
	assert.InDelta(t, 8, number(r.Applied[0].Value), 0)
}

func TestServoThatConfirmsNothing(t *testing.T) {
	a := shop()
	a.hook = func(c optimizer.Command, _ *optimizer.Result) bool {
		if c.Verb == optimizer.Adjust {
			a.adjust(c.Adjustments)
		}
		return c.Verb == optimizer.Adjust
	}
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	r := a.run(t, e)
	require.NoError(t, r.Err, "it is taken at its word")
	assert.True(t, r.Validation.Better)
	assert.Equal(t, r.Best.Settings, r.Applied)
}
