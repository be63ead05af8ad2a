package local_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/types"
)

func next(t testing.TB, e *local.Engine) optimizer.Command {
	t.Helper()
	c, err := e.Next(context.Background())
	require.NoError(t, err)
	return c
}

// advance carries out commands until one of the verb and phase is due.
func advance(t testing.TB, a *app, e *local.Engine, phase local.Phase, verb optimizer.Verb) optimizer.Command {
	t.Helper()
	for range 200 {
		c := next(t, e)
		if c.Verb == verb && e.Status().Phase == phase {
			return c
		}
		require.NotEqual(t, optimizer.Sleep, c.Verb)
		require.NoError(t, e.Reply(context.Background(), a.answer(c)))
	}
	require.Fail(t, "never came to "+string(phase))
	return optimizer.Command{}
}

func TestCommandIsRepeated(t *testing.T) {
	ctx := context.Background()
	a := shop()
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	require.NoError(t, e.Hello(ctx, optimizer.Hello{}))

	describe := next(t, e)
	assert.Equal(t, optimizer.Describe, describe.Verb)
	assert.Equal(t, describe, next(t, e), "until its result arrives")
	require.NoError(t, e.Hello(ctx, optimizer.Hello{}))
	assert.Equal(t, describe, next(t, e), "also after a new hello")

	measure := advance(t, a, e, local.PhaseBaseline, optimizer.Measure)
	assert.Equal(t, []string{"cpu", "latency"}, measure.Metrics, "what the objective and the constraints need")
	require.NoError(t, e.Goodbye(ctx, "restarting"))
	require.NoError(t, e.Hello(ctx, optimizer.Hello{}))
	assert.Equal(t, measure, next(t, e), "nothing was changed yet: the baseline is in force")

	adjust := advance(t, a, e, local.PhaseSearch, optimizer.Adjust)
	require.NoError(t, e.Hello(ctx, optimizer.Hello{}))
	assert.Equal(t, adjust, next(t, e))

	measure = advance(t, a, e, local.PhaseSearch, optimizer.Measure)
	require.NoError(t, e.Hello(ctx, optimizer.Hello{}))
	again := next(t, e)
	assert.Equal(t, optimizer.Adjust, again.Verb, "a new servo may have restored the original settings")
	assert.Equal(t, adjust.Adjustments, again.Adjustments)
	assert.ErrorIs(t, e.Reply(ctx, a.answer(measure)), optimizer.ErrUnexpectedEvent)
}

func TestOutOfOrder(t *testing.T) {
	ctx := context.Background()
	a := shop()
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)

	err = e.Reply(ctx, optimizer.Result{Verb: optimizer.Measure, UID: "x"})
	require.ErrorIs(t, err, optimizer.ErrUnexpectedEvent, "nothing was asked")
	err = e.Progress(ctx, optimizer.Progress{Verb: optimizer.Measure, UID: "x"})
	require.ErrorIs(t, err, optimizer.ErrUnexpectedEvent)

	c := next(t, e)
	err = e.Reply(ctx, optimizer.Result{Verb: optimizer.Adjust, UID: c.UID})
	require.ErrorIs(t, err, optimizer.ErrUnexpectedEvent)
	assert.ErrorContains(t, err, `out of order event "ADJUSTMENT", expected "DESCRIPTION"`)
	err = e.Reply(ctx, optimizer.Result{Verb: optimizer.Describe, UID: "foreign"})
	require.ErrorIs(t, err, optimizer.ErrUnexpectedCommand)
	err = e.Progress(ctx, optimizer.Progress{Verb: optimizer.Describe, UID: "foreign"})
	require.ErrorIs(t, err, optimizer.ErrUnexpectedCommand)

	result := a.answer(c)
	require.NoError(t, e.Reply(ctx, result))
	require.NoError(t, e.Reply(ctx, result), "a servo that got no reply tries again")
	c = next(t, e)
	assert.Equal(t, optimizer.Measure, c.Verb)
	require.NoError(t, e.Reply(ctx, result), "also when the engine has moved on")
	assert.Equal(t, c, next(t, e))
}

func TestNextEndsWithContext(t *testing.T) {
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = e.Next(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestProgress(t *testing.T) {
	ctx := context.Background()
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	c := next(t, e)
	report := func(percent float64) error {
		return e.Progress(ctx, optimizer.Progress{Verb: c.Verb, UID: c.UID, Progress: types.Progress{Percent: percent, Message: "looking"}})
	}
	require.NoError(t, report(40.9))
	assert.InDelta(t, 40.9, e.Status().Percent, 0)
	assert.Equal(t, "looking", e.Status().Message)
	require.NoError(t, report(40.1), "the whole percent counts")
	require.ErrorIs(t, report(39), optimizer.ErrInvalid)
	require.ErrorIs(t, report(101), optimizer.ErrInvalid)
	require.NoError(t, e.Hello(ctx, optimizer.Hello{}))
	require.NoError(t, report(1), "the command began again")
}

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

func TestCancel(t *testing.T) {
	ctx := context.Background()
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	a := shop()
	c := advance(t, a, e, local.PhaseSearch, optimizer.Measure)
	e.Cancel("enough")
	e.Cancel("again")
	err = e.Progress(ctx, optimizer.Progress{Verb: c.Verb, UID: c.UID, Progress: types.Progress{Percent: 10}})
	require.ErrorIs(t, err, optimizer.ErrCancelRequested)
	require.ErrorContains(t, err, "enough")
	require.NoError(t, e.Reply(ctx, optimizer.Result{Verb: c.Verb, UID: c.UID, Outcome: types.Cancelled}))
	select {
	case <-e.Done():
		require.Fail(t, "done before the baseline is back")
	default:
	}
	back := next(t, e)
	assert.Equal(t, optimizer.Adjust, back.Verb)
	e.Cancel("too late")
	require.NoError(t, e.Progress(ctx, optimizer.Progress{Verb: back.Verb, UID: back.UID, Progress: types.Progress{Percent: 10}}), "going back is not cancelled")
	r := a.run(t, e)
	require.ErrorIs(t, r.Err, optimizer.ErrCancelRequested)
	assert.Equal(t, "baseline", r.Kept)
	assert.InDelta(t, 8, number(a.settings()["app.workers"]), 0)
	assert.Equal(t, "cancelled: enough", next(t, e).SleepReason)
	assert.Empty(t, r.Trials, "the cancelled trial is not one")
}

func TestCancelBeforeAnythingChanged(t *testing.T) {
	t.Run("no command yet", func(t *testing.T) {
		e, err := local.New(shopOptions(t))
		require.NoError(t, err)
		e.Cancel("")
		<-e.Done()
		assert.ErrorContains(t, e.Result().Err, "the study was cancelled")
	})
	t.Run("a servo that asks again", func(t *testing.T) {
		e, err := local.New(shopOptions(t))
		require.NoError(t, err)
		next(t, e)
		e.Cancel("enough")
		assert.Equal(t, optimizer.Sleep, next(t, e).Verb)
		<-e.Done()
	})
}

func TestMisfits(t *testing.T) {
	parse := func(text string) local.Constraint {
		c, err := local.ParseConstraint(text)
		require.NoError(t, err)
		return c
	}
	formula := func(text string) local.Formula {
		f, err := local.ParseFormula(text)
		require.NoError(t, err)
		return f
	}
	for _, c := range []struct {
		name    string
		options func(*local.Options)
		app     func(*app)
		want    []string
	}{
		{
			name: "metrics that are not measured, all at once",
			options: func(o *local.Options) {
				o.Objective.Metric = "price"
				o.Constraints = append(o.Constraints, parse("errors <= 1%"))
			},
			want: []string{"metric price: the servo does not measure it: it measures cpu, latency", "metric errors: the servo does not measure it"},
		},
		{
			name:    "a unit that does not fit",
			options: func(o *local.Options) { o.Constraints = []local.Constraint{parse("latency <= 1GiB")} },
			want:    []string{`constraint "latency <= 1GiB": latency is measured in ms, which GiB cannot be converted to`},
		},
		{
			name:    "a unit on a formula",
			options: func(o *local.Options) { o.Constraints = []local.Constraint{parse("cost <= 1ms")} },
			want:    []string{"cost is a formula, whose values have no unit"},
		},
		{
			name: "a formula with the name of a metric",
			options: func(o *local.Options) {
				o.Formulas = append(o.Formulas, formula("latency = 2*cpu"))
			},
			want: []string{"formula latency: the servo measures a metric of that name"},
		},
		{
			name: "candidates that cannot be",
			options: func(o *local.Options) {
				o.Candidates = []types.Adjustments{
					{{Component: "app", Setting: "threads", Value: types.Int(1)}},
					{{Component: "app", Setting: "workers", Value: types.Float(1.5)}, {Component: "app", Setting: "cache", Value: types.Int(65)}},
				}
			},
			want: []string{"candidates[0]: app.threads: not a setting that is searched: those are app.workers, app.cache", "candidates[1]: workers: a whole number is required", "app.cache: 65 is outside of cache (range 0-64, 8)"},
		},
		{
			name: "nothing to search",
			app: func(a *app) {
				for i := range a.description.Components[0].Settings {
					a.description.Components[0].Settings[i].Pinned = true
				}
			},
			want: []string{"the description has no setting to search"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, a := shopOptions(t), shop()
			if c.options != nil {
				c.options(&o)
			}
			if c.app != nil {
				c.app(a)
			}
			e, err := local.New(o)
			require.NoError(t, err)
			r := a.run(t, e)
			for _, want := range c.want {
				assert.ErrorContains(t, r.Err, want)
			}
			assert.Equal(t, []string{"DESCRIBE"}, a.log)
			assert.Contains(t, next(t, e).SleepReason, "failed: ")
		})
	}
}

func TestOptions(t *testing.T) {
	negative := types.Duration(-time.Second)
	formula, err := local.ParseFormula("a = b")
	require.NoError(t, err)
	uses, err := local.ParseFormula("c = a")
	require.NoError(t, err)
	_, err = local.New(local.Options{
		Constraints: []local.Constraint{{Metric: "x", Op: "=", Limit: 1}},
		Formulas:    []local.Formula{{}, formula, formula, uses},
		Metrics:     []string{"a b"},
		Trials:      1, Initial: 2, Repeats: 2, BaselineMeasurements: -1,
		Candidates: []types.Adjustments{{}, {}},
		Control:    types.Control{Warmup: -1, Settlement: &negative, Load: []byte("{")},
	})
	for _, want := range []string{
		"objective: the name of a metric is required",
		"constraints[0]: ", "formulas[0]: empty", "formulas[2]: a is defined twice", "formulas[3]: c uses the formula a",
		`metrics[0]: "a b" is not the name of a metric`,
		"initial: 2 is more than the 1 trials", "repeats: 2 is too small: at least 3", "baseline measurements: -1 is too small: at least 1",
		"candidates: 2 are more than the 1 trials", "candidates[1]: empty",
		"control.warmup: ", "control.settlement: -1s is negative", "control: load, userdata and environment must be JSON",
	} {
		assert.ErrorContains(t, err, want)
	}
}

func TestObserver(t *testing.T) {
	o := shopOptions(t)
	o.BaselineMeasurements = 2
	o.Metrics = []string{"cpu", "memory"}
	var e *local.Engine
	var phases []local.Phase
	finished := map[local.Phase]int{}
	o.Observer = func(u local.Update) {
		e.Status() // must not lock up
		if len(phases) == 0 || phases[len(phases)-1] != u.Phase {
			phases = append(phases, u.Phase)
		}
		if u.Finished != nil {
			finished[u.Phase]++
		}
	}
	e, err := local.New(o)
	require.NoError(t, err)
	r := shop().run(t, e)
	require.NoError(t, r.Err)
	assert.Equal(t, []local.Phase{local.PhaseDescribe, local.PhaseBaseline, local.PhaseSearch, local.PhaseValidate, local.PhaseApply, local.PhaseDone}, phases)
	assert.Equal(t, map[local.Phase]int{local.PhaseBaseline: 2, local.PhaseSearch: 12, local.PhaseValidate: 6}, finished)
	assert.Equal(t, []string{"the servo does not measure memory, which is not recorded"}, r.Warnings)
	assert.InDelta(t, 0.03*12, r.Baseline.Metrics["cost"], 1e-12)
}

// TestCancelFromObserver also shows that the observer may call back.
func TestCancelFromObserver(t *testing.T) {
	o := shopOptions(t)
	var e *local.Engine
	o.Observer = func(u local.Update) {
		if u.Phase == local.PhaseSearch && u.Finished != nil && u.Finished.Number == 3 {
			e.Cancel("seen enough")
		}
	}
	e, err := local.New(o)
	require.NoError(t, err)
	a := shop()
	r := a.run(t, e)
	require.ErrorIs(t, r.Err, optimizer.ErrCancelRequested)
	assert.Len(t, r.Trials, 3)
	assert.InDelta(t, 8, number(a.settings()["app.workers"]), 0)
}

func TestStudyOverHTTP(t *testing.T) {
	o := shopOptions(t)
	e, err := local.New(o)
	require.NoError(t, err)
	server := httptest.NewServer(optimizer.NewHandler(e, optimizer.HandlerOptions{}))
	defer server.Close()
	client, err := optimizer.NewClient(optimizer.Options{URL: server.URL})
	require.NoError(t, err)
	a, ctx := shop(), context.Background()
	require.NoError(t, client.Hello(ctx, optimizer.Hello{Agent: "test"}))
	for range 500 {
		c, err := client.Next(ctx)
		require.NoError(t, err)
		if c.Verb == optimizer.Sleep {
			assert.Regexp(t, "^done: better by ", c.SleepReason)
			break
		}
		require.NoError(t, client.Reply(ctx, a.answer(c)))
	}
	<-e.Done()

	inside, err := local.New(o)
	require.NoError(t, err)
	want := shop().run(t, inside)
	got := e.Result()
	assert.Equal(t, want.Trials, got.Trials, "HTTP changes nothing")
	assert.Equal(t, want.Validation, got.Validation)
}

func TestStudyUnderSynctest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := shopOptions(t)
		o.Trials = 20
		o.Control.Duration = types.Duration(3 * time.Minute)
		o.Study = filepath.Join(t.TempDir(), "study.jsonl")
		e, err := local.New(o)
		require.NoError(t, err)
		a := shop()
		a.hook = func(c optimizer.Command, _ *optimizer.Result) bool {
			if c.Verb == optimizer.Measure {
				time.Sleep(c.Control.Duration.Std())
			}
			return false
		}
		begin := time.Now()
		go func() {
			for a.step(t, e) {
				continue
			}
		}()
		<-e.Done()
		assert.Equal(t, 27*3*time.Minute, time.Since(begin), "baseline, trials and validation")
	})
}

func TestConcurrentUse(t *testing.T) {
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-e.Done():
					return
				default:
				}
				_, _ = e.Next(context.Background())
				_ = e.Hello(context.Background(), optimizer.Hello{})
				_ = e.Result()
				err := e.Progress(context.Background(), optimizer.Progress{Verb: optimizer.Measure, UID: "x"})
				if err == nil || errors.Is(err, context.Canceled) {
					t.Error("a foreign report was accepted")
				}
			}
		})
	}
	a := shop()
	for i := 0; i < 5000; i++ {
		c := next(t, e)
		if c.Verb == optimizer.Sleep {
			break
		}
		_ = e.Reply(context.Background(), a.answer(c))
		if i == 50 {
			e.Cancel("enough")
		}
	}
	<-e.Done()
	wg.Wait()
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

func TestServoRestartsDoNotCount(t *testing.T) {
	ctx := context.Background()
	a := shop()
	e, err := local.New(shopOptions(t))
	require.NoError(t, err)
	for range 5 {
		c := advance(t, a, e, local.PhaseSearch, optimizer.Measure)
		require.NoError(t, e.Reply(ctx, optimizer.Result{Verb: c.Verb, UID: c.UID, Outcome: types.Cancelled}))
		require.NoError(t, e.Goodbye(ctx, "SIGTERM"))
		require.NoError(t, e.Hello(ctx, optimizer.Hello{}))
	}
	assert.Empty(t, e.Result().Trials, "the trial is still to be done")
	r := a.run(t, e)
	assert.Empty(t, r.Trials[0].Outcome)
}

// note keeps what a sampler gets to see.
type note struct {
	local.Random
	histories [][]local.Observation
}

func (n *note) Suggest(space *local.Space, history []local.Observation, rng *rand.Rand) []float64 {
	n.histories = append(n.histories, history)
	return n.Random.Suggest(space, history, rng)
}

func TestHistory(t *testing.T) {
	a := shop()
	o, n := shopOptions(t), new(note)
	o.Objective, o.Sampler = local.Objective{Metric: "cost", Maximize: true}, n
	candidate := func(workers int64) types.Adjustments {
		return types.Adjustments{{Component: "app", Setting: "workers", Value: types.Int(workers)}}
	}
	o.Candidates = []types.Adjustments{candidate(1), candidate(2), candidate(3), candidate(4)}
	o.Trials, o.Initial = 5, 4
	respond := a.respond
	a.respond = func(s map[string]types.Value) map[string]float64 {
		m := respond(s)
		if number(s["app.workers"]) == 2 {
			delete(m, "latency")
		}
		return m
	}
	a.hook = func(c optimizer.Command, r *optimizer.Result) bool {
		if len(c.Adjustments) > 0 && number(c.Adjustments[0].Value) == 3 {
			r.Outcome = types.Rejected
		}
		return r.Outcome != ""
	}
	e, err := local.New(o)
	require.NoError(t, err)
	require.NoError(t, a.run(t, e).Err)
	require.Len(t, n.histories, 1, "candidates and the even start need no sampler")
	history := n.histories[0]
	require.Len(t, history, 5)
	assert.Equal(t, []float64{1, 1}, history[0].Point, "the baseline is the first")
	assert.InDelta(t, -0.03*12, history[0].Loss, 1e-12, "less is better")
	assert.InDelta(t, (80.-25)/80, history[0].Margins[0], 1e-12)
	assert.InDelta(t, (80.-200)/80, history[1].Margins[0], 1e-12, "too slow")
	assert.Equal(t, local.Observation{Point: history[2].Point, Failed: true}, history[2], "no data has no numbers")
	assert.Equal(t, local.Observation{Point: history[3].Point, Failed: true}, history[3], "rejected has no numbers")
	assert.False(t, history[4].Failed)
}

func TestBaselineMedian(t *testing.T) {
	d := newDuel()
	d.options.BaselineMeasurements = 3
	d.off, d.on = []float64{10, 90, 30}, []float64{1}
	e, err := local.New(d.options)
	require.NoError(t, err)
	r := d.run(t, e)
	v, _ := r.Baseline.Objective.Float64()
	assert.InDelta(t, 30, v, 0)
	assert.True(t, r.Baseline.Feasible)
	assert.Zero(t, r.Baseline.Number)
}
