package local_test

import (
	"context"
	"math/rand/v2"
	"testing"

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
