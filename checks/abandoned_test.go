package checks_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
)

// stubborn ignores its context until release is closed.
func stubborn(release <-chan struct{}) func(context.Context) error {
	return func(context.Context) error { <-release; return nil }
}

// abandoned expects err to tell of something that was left behind, and waits
// for it once it is released.
func abandoned(t *testing.T, err error, release chan struct{}) {
	t.Helper()
	var left *checks.AbandonedError
	require.ErrorAs(t, err, &left)
	select {
	case <-left.Done:
		t.Error("it is done before it was released")
	default:
	}
	close(release)
	<-left.Done
}

var errStop = errors.New("stop")

func TestRunAbandonsWhatIgnoresTheEnd(t *testing.T) {
	listing := func(release <-chan struct{}) checks.Entry {
		return checks.EachFunc(checks.Check{Name: "item"}, func(context.Context) ([]int, error) { <-release; return []int{1}, nil }, func(context.Context, int) error { return nil })
	}
	for name, tt := range map[string]struct {
		entry func(release <-chan struct{}) checks.Entry
		what  string
	}{
		"a check": {func(release <-chan struct{}) checks.Entry {
			return checks.Check{Name: "up", ID: "u", Run: stubborn(release)}
		}, `check "up" (id u)`},
		"a listing": {listing, `listing of the items of "item"`},
	} {
		for way, run := range map[string]func(context.Context, *checks.Suite) ([]checks.Result, error){
			"Run": func(ctx context.Context, s *checks.Suite) ([]checks.Result, error) {
				return s.Run(ctx, checks.Request{})
			},
			"Run with a filter": func(ctx context.Context, s *checks.Suite) ([]checks.Result, error) {
				return s.Run(ctx, checks.Request{Filter: checks.Filter{Name: checks.AnyOf("up", "item")}})
			},
			"RunOne": func(ctx context.Context, s *checks.Suite) ([]checks.Result, error) {
				_, err := s.RunOne(ctx, "up", checks.Request{Filter: checks.Filter{Exclusive: true}})
				return nil, err
			},
		} {
			t.Run(name+", "+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					release := make(chan struct{})
					ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errStop)
					defer cancel()
					began := time.Now()
					results, err := run(ctx, checks.New(nil, tt.entry(release), checks.Check{Name: "never", Run: func(context.Context) error { t.Error("must not run"); return nil }}))
					assert.Equal(t, time.Minute+time.Second, time.Since(began))
					assert.Empty(t, results)
					require.ErrorIs(t, err, errStop)
					assert.EqualError(t, err, "the "+tt.what+" was abandoned: it had not returned 1s after its context ended: stop")
					abandoned(t, err, release)
				})
			})
		}
	}
}

func TestTimeoutOfACheck(t *testing.T) {
	heeds := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, tt := range map[string]struct {
		run  func(ctx context.Context) error
		says string
		took time.Duration
	}{
		"in time":                 {func(context.Context) error { time.Sleep(4 * time.Second); return nil }, "", 4 * time.Second},
		"heeds its context":       {heeds, "not done within 5s: context deadline exceeded", 5 * time.Second},
		"says it with the cause":  {func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }, "not done within 5s", 5 * time.Second},
		"has its own word for it": {func(ctx context.Context) error { <-ctx.Done(); return errBoom }, "boom", 5 * time.Second},
		"succeeds all the same":   {func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Second / 2); return nil }, "", 5500 * time.Millisecond},
		"a timeout of its own":    {func(context.Context) error { return context.DeadlineExceeded }, "context deadline exceeded", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := one(t, checks.Check{Name: "up", Timeout: 5 * time.Second, Run: tt.run})
				assert.Equal(t, tt.says, r.Message)
				assert.Equal(t, tt.says == "", r.Success())
				assert.Equal(t, tt.took, r.Runtime)
			})
		})
	}
	t.Run("negative", func(t *testing.T) {
		r := one(t, checks.Check{Name: "up", Timeout: -time.Second, Run: func(context.Context) error { t.Error("must not run"); return nil }})
		assert.EqualError(t, r.Err, "timeout: expected a time that is not negative, found -1s")
	})
}

// What was abandoned fails at once as long as it has not returned, and is called
// again afterwards.
func TestWhatWasAbandonedIsNotCalledTwiceAtATime(t *testing.T) {
	template := checks.Check{Name: "up", ID: "u", Timeout: time.Second}
	for name, entry := range map[string]func(run func(context.Context) error) checks.Entry{
		`check "up" (id u)`: func(run func(context.Context) error) checks.Entry {
			c := template
			c.Run = run
			return c
		},
		`listing of the items of "up"`: func(run func(context.Context) error) checks.Entry {
			return checks.EachFunc(template, func(ctx context.Context) ([]int, error) { return []int{1}, run(ctx) }, func(context.Context, int) error { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release, calls := make(chan struct{}), new(atomic.Int32)
				suite := checks.New(nil, entry(func(ctx context.Context) error {
					calls.Add(1)
					return stubborn(release)(ctx)
				}))
				run := func() checks.Result {
					results, err := suite.Run(t.Context(), checks.Request{})
					require.NoError(t, err)
					require.Len(t, results, 1)
					return results[0]
				}
				began := time.Now()
				first := run()
				assert.Equal(t, 2*time.Second, time.Since(began))
				assert.Contains(t, first.Message, "the "+name+" was abandoned: it had not returned 1s after its context ended: not done within 1s")
				began = time.Now()
				assert.Contains(t, run().Message, "the "+name+" was not called: an earlier call, which was abandoned, has not returned yet")
				assert.Zero(t, time.Since(began))
				assert.EqualValues(t, 1, calls.Load())
				abandoned(t, first.Err, release)
				assert.True(t, run().Success())
				assert.EqualValues(t, 2, calls.Load())
			})
		})
	}
}

func TestACheckThatEndsItsGoroutine(t *testing.T) {
	r := one(t, checks.Check{Name: "up", Run: func(context.Context) error { runtime.Goexit(); return nil }})
	assert.EqualError(t, r.Err, "it ended its goroutine instead of returning")
}

func TestLoopAbandonsRemedies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, calls := make(chan struct{}), new(atomic.Int32)
		r := failed("tap", errBoom)
		r.Remedy = func(ctx context.Context) error { calls.Add(1); return stubborn(release)(ctx) }
		logger, out := journal(slog.LevelInfo)
		began := time.Now()
		_, err := checks.Loop{Wait: time.Minute, Delay: 20 * time.Second, Logger: logger, Pass: passes(checks.Report{r})}.Run(t.Context())
		require.ErrorIs(t, err, checks.ErrNotReady)
		assert.Equal(t, time.Minute, time.Since(began))
		assert.EqualValues(t, 1, calls.Load())
		assert.Equal(t, 1, strings.Count(out.String(), `level=WARN msg="the remedy was abandoned" connector=app check=tap id=tap limit=10s `+
			`error="the remedy of the check \"tap\" (id tap) was abandoned: it had not returned 1s after its context ended: not done within 10s"`))
		assert.Equal(t, 3, strings.Count(out.String(), `level=WARN msg="the remedy is not applied" connector=app check=tap id=tap `+
			`error="the remedy of the check \"tap\" (id tap) was not called: an earlier call, which was abandoned, has not returned yet"`), out)
		close(release)
	})
}

func TestLoopEndsInSpiteOfARemedy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := failed("tap", errBoom)
		r.Remedy = stubborn(release)
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Second, errStop)
		defer cancel()
		began := time.Now()
		_, err := checks.Loop{Wait: time.Minute, Pass: passes(checks.Report{r})}.Run(ctx)
		require.ErrorIs(t, err, errStop)
		assert.NotErrorIs(t, err, checks.ErrNotReady)
		assert.Equal(t, 3*time.Second, time.Since(began))
		abandoned(t, err, release)
	})
}
