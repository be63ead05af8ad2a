package main

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

// scripted answers WHATS_NEXT from a list and accepts everything.
type scripted struct {
	optimizer.Backend
	next []any // optimizer.Command or error; the last one again and again
}

func (s *scripted) Next(context.Context) (optimizer.Command, error) {
	next := s.next[0]
	if len(s.next) > 1 {
		s.next = s.next[1:]
	}
	if err, ok := next.(error); ok {
		return optimizer.Command{}, err
	}
	cmd, _ := next.(optimizer.Command)
	return cmd, nil
}

func (s *scripted) Reply(context.Context, optimizer.Result) error { return nil }

func newAccount(t *testing.T, trials int, next ...any) *account {
	t.Helper()
	so, err := studyOptions(options{trials: trials, rate: 7})
	require.NoError(t, err)
	assert.JSONEq(t, `{"requests_per_second": 7}`, string(so.Control.Load), "another load is another study")
	return &account{Backend: &scripted{next: next}, options: so, view: newView(io.Discard), original: settingsOf(workers(2)), settings: settingsOf(workers(2)), done: make(chan struct{})}
}

func workers(n int64) types.Description {
	s := types.Range("workers", types.Int(1), types.Int(8), types.Int(1)).With(types.Int(n))
	return types.Description{Components: []types.Component{{Name: "app", Settings: []types.Setting{s}}}}
}

func figures(cpu, p99 float64) types.Measurement {
	var m types.Measurement
	for name, value := range map[string]float64{"cpu_cores": cpu, "resident_memory": 0, "latency_99th": p99, "error_rate": 0} {
		m.Readings = append(m.Readings, types.DataPoint{Metric: types.Metric{Name: name}, Sample: types.Observe(value)})
	}
	return m
}

func ok(v optimizer.Verb, d types.Description, m types.Measurement) optimizer.Result {
	return optimizer.Result{Verb: v, Description: d, Measurement: m}
}

func replay(t *testing.T, a *account, results ...optimizer.Result) {
	t.Helper()
	for _, r := range results {
		require.NoError(t, a.Reply(t.Context(), r))
	}
}

func TestAccount(t *testing.T) {
	none := types.Measurement{}
	t.Run("the first measurement is the baseline, the cheapest feasible trial the best", func(t *testing.T) {
		a := newAccount(t, 3, optimizer.Command{})
		replay(t, a,
			ok(optimizer.Describe, workers(2), none), ok(optimizer.Measure, types.Description{}, figures(1, 50)),
			ok(optimizer.Adjust, workers(3), none), ok(optimizer.Measure, types.Description{}, figures(0.9, 50)),
			ok(optimizer.Adjust, workers(4), none), ok(optimizer.Measure, types.Description{}, figures(0.2, 500)),
			ok(optimizer.Adjust, workers(5), none), ok(optimizer.Measure, types.Description{}, figures(0.8, 50)),
		)
		<-a.done
		r, err := a.result()
		require.NoError(t, err)
		assert.Equal(t, "workers=2", settingsText(r.Baseline.Settings))
		require.Len(t, r.Trials, 3)
		assert.Equal(t, 3, r.Best.Number)
		assert.False(t, r.Trials[1].Feasible)
		assert.NotEmpty(t, r.Trials[1].Violations)
	})
	t.Run("an optimizer that begins with an adjustment leaves the baseline open", func(t *testing.T) {
		a := newAccount(t, 1, optimizer.Command{})
		replay(t, a, ok(optimizer.Describe, workers(2), none), ok(optimizer.Adjust, workers(4), none), ok(optimizer.Measure, types.Description{}, figures(1, 50)))
		r, err := a.result()
		require.NoError(t, err)
		assert.Nil(t, r.Baseline)
		assert.Equal(t, "workers=4", settingsText(r.Best.Settings))
	})
	t.Run("a run that goes on where another was killed has no baseline of its own", func(t *testing.T) {
		a := newAccount(t, 1, optimizer.Command{})
		a.settings = settingsOf(workers(6))
		replay(t, a, ok(optimizer.Measure, types.Description{}, figures(1, 50)))
		r, err := a.result()
		require.NoError(t, err)
		assert.Nil(t, r.Baseline)
		require.NotNil(t, r.Best)
		assert.Equal(t, "workers=6", settingsText(r.Best.Settings))
	})
	t.Run("a rejected trial has the settings that were asked for", func(t *testing.T) {
		wanted := types.Adjustments{{Component: "app", Setting: "workers", Value: types.Int(99)}}
		a := newAccount(t, 1, optimizer.Command{Verb: optimizer.Adjust, Adjustments: wanted})
		replay(t, a, ok(optimizer.Describe, workers(2), none), ok(optimizer.Measure, types.Description{}, figures(1, 50)))
		_, err := a.Next(t.Context())
		require.NoError(t, err)
		replay(t, a, optimizer.Result{Verb: optimizer.Adjust, Outcome: types.Rejected, Message: "no"})
		r, err := a.result()
		require.NoError(t, err)
		assert.Equal(t, "workers=99", settingsText(r.Trials[0].Settings))
		assert.Nil(t, r.Best)
	})
	t.Run("without data there is no feasible trial", func(t *testing.T) {
		a := newAccount(t, 1, optimizer.Command{})
		replay(t, a, ok(optimizer.Describe, workers(2), none), ok(optimizer.Adjust, workers(4), none), ok(optimizer.Measure, types.Description{}, none))
		r, err := a.result()
		require.NoError(t, err)
		assert.False(t, r.Trials[0].Feasible)
		assert.Equal(t, types.SampleMissing, r.Trials[0].Objective.State())
	})
	t.Run("nothing measured", func(t *testing.T) {
		_, err := newAccount(t, 1, optimizer.Command{}).result()
		assert.ErrorContains(t, err, "has not measured anything")
	})
	t.Run("done", func(t *testing.T) {
		a := newAccount(t, 9, optimizer.Command{Verb: optimizer.Sleep, SleepReason: "done: nothing left"})
		_, err := a.Next(t.Context())
		require.NoError(t, err)
		<-a.done
	})
	t.Run("garbage for ever", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			garbage := errors.New("not JSON")
			a := newAccount(t, 9, garbage)
			for range 100 {
				_, err := a.Next(t.Context())
				require.ErrorIs(t, err, garbage)
				time.Sleep(2 * time.Second)
			}
			<-a.done
			_, err := a.result()
			assert.ErrorContains(t, err, "has given no command that can be used for 3m0s: not JSON")
		})
	})
	t.Run("metrics of the account are measured too", func(t *testing.T) {
		a := newAccount(t, 9, optimizer.Command{Verb: optimizer.Measure, Metrics: []string{"latency_99th"}}, optimizer.Command{Verb: optimizer.Measure})
		cmd, err := a.Next(t.Context())
		require.NoError(t, err)
		assert.Contains(t, cmd.Metrics, "cpu_cores")
		assert.Equal(t, "latency_99th", cmd.Metrics[0])
		cmd, err = a.Next(t.Context())
		require.NoError(t, err)
		assert.Empty(t, cmd.Metrics, "all of them")
	})
}
