package local_test

import (
	"context"
	"errors"
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
