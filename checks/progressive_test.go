package checks_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
)

func TestObserveSeesEachResultAsItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		ctx := context.WithValue(t.Context(), key{}, "of the run")
		began := time.Now()
		takes := func(err error) func(context.Context) error {
			return func(context.Context) error { time.Sleep(time.Second); return err }
		}
		suite := checks.New(nil, checks.Require("a", takes(nil)), checks.Each(checks.Check{Name: "b"}, []int{1, 2}, func(ctx context.Context, _ int) error { return takes(errBoom)(ctx) }), checks.Require("c", takes(errBoom)), checks.Warn("d", takes(nil)))
		var seen []string
		r := checks.Request{Observe: func(ctx context.Context, r checks.Result) {
			assert.Equal(t, "of the run", ctx.Value(key{}))
			seen = append(seen, fmt.Sprint(time.Since(began), " ", r.Name, " ", r.Err))
		}}
		_, err := suite.Run(ctx, r)
		require.NoError(t, err)
		assert.Equal(t, []string{"1s a <nil>", "2s b boom", "3s b boom", "4s c boom"}, seen)

		began, seen = time.Now(), nil
		_, err = suite.RunOne(ctx, "c", r)
		require.NoError(t, err)
		assert.Equal(t, []string{"1s a <nil>", "2s c boom"}, seen, "with its prerequisites")
	})
}

// stamped returns a logger that writes the seconds since now before each line.
func stamped(began time.Time) (*slog.Logger, *strings.Builder) {
	var out strings.Builder
	return slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey:
			return slog.Duration("at", a.Value.Time().Sub(began))
		case slog.LevelKey, "id", "delay", "wait", "result":
			return slog.Attr{}
		}
		return a
	}})), &out
}

// concurrently is a pass over suites of several connectors at once, as a servo
// makes it.
func concurrently(connectors []string, suites ...*checks.Suite) func(context.Context, checks.Request) (checks.Report, error) {
	return func(ctx context.Context, r checks.Request) (checks.Report, error) {
		parts := make([]checks.Report, len(suites))
		var wg sync.WaitGroup
		for i, s := range suites {
			wg.Go(func() {
				own := r
				if r.Observe != nil {
					own.Observe = func(ctx context.Context, result checks.Result) {
						result.Connector = connectors[i]
						r.Observe(ctx, result)
					}
				}
				results, _ := s.Run(ctx, own)
				for _, result := range results {
					result.Connector = connectors[i]
					parts[i] = append(parts[i], result)
				}
			})
		}
		wg.Wait()
		var report checks.Report
		for _, part := range parts {
			report = append(report, part...)
		}
		return report, ctx.Err()
	}
}

func TestLoopLogsWhileThePassRuns(t *testing.T) {
	after := func(d time.Duration, err error) func(context.Context) error {
		return func(context.Context) error { time.Sleep(d); return err }
	}
	suites := func() (slow, fast *checks.Suite) {
		slow = checks.New(nil, checks.Check{Name: "one", Run: after(3*time.Second, nil)}, checks.Check{Name: "two", Run: after(3*time.Second, errBoom)})
		fast = checks.New(nil, checks.Check{Name: "one", Run: after(time.Second, errBoom), Remedy: pass}, checks.Check{Name: "two", Run: after(time.Second, nil)})
		return slow, fast
	}
	for name, tt := range map[string]struct {
		loop checks.Loop
		log  string
	}{
		"as they come": {checks.Loop{Progressive: true}, `at=1s msg="check failed" connector=fast check=one error=boom passed=0
at=2s msg="check passed" connector=fast check=two
at=3s msg="check passed" connector=slow check=one
at=6s msg="check failed" connector=slow check=two error=boom passed=2
at=6s msg="applying a remedy" connector=fast check=one
`},
		"after the pass": {checks.Loop{}, `at=6s msg="check passed" connector=slow check=one
at=6s msg="check failed" connector=slow check=two error=boom passed=1
at=6s msg="check failed" connector=fast check=one error=boom passed=1
at=6s msg="applying a remedy" connector=fast check=one
at=6s msg="check passed" connector=fast check=two
`},
		"up to the first failure": {checks.Loop{Progressive: true, FirstFailure: true}, `at=1s msg="check failed" connector=fast check=one error=boom passed=0
at=6s msg="check passed" connector=slow check=one
at=6s msg="check failed" connector=slow check=two error=boom passed=1
`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, out := stamped(time.Now())
				slow, fast := suites()
				tt.loop.Logger, tt.loop.Pass = logger, concurrently([]string{"slow", "fast"}, slow, fast)
				_, err := tt.loop.Run(t.Context())
				require.ErrorIs(t, err, checks.ErrNotReady)
				assert.Equal(t, tt.log, out.String())
			})
		})
	}
}

func TestLoopLogsEachResultOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, out := stamped(time.Now())
		twice := checks.New(nil, checks.Check{Name: "a", ID: "same", Run: pass}, checks.Check{Name: "b", ID: "same", Run: pass})
		var observed int
		n := 0
		_, err := checks.Loop{
			Progressive: true, Logger: logger, Wait: 8 * time.Second,
			Request: checks.Request{Observe: func(context.Context, checks.Result) { observed++ }},
			Pass: func(ctx context.Context, r checks.Request) (checks.Report, error) {
				report, err := concurrently([]string{"app"}, twice)(ctx, r)
				n++
				if n == 1 { // what is not shown while it runs is logged afterwards
					report = append(report, failed("other", errBoom))
				}
				return report, err
			},
		}.Run(t.Context())
		require.ErrorIs(t, err, checks.ErrNotReady)
		assert.Equal(t, 4, observed, "the observer of the request is called as well")
		second := `at=%s msg="check failed" connector=app check=b error="the id \"same\" belongs to the check \"a\": expected one of its own" passed=1` + "\n"
		assert.Equal(t, `at=0s msg="running checks"`+"\n"+`at=0s msg="check passed" connector=app check=a`+"\n"+fmt.Sprintf(second, "0s")+
			`at=0s msg="check failed" connector=app check=other error=boom passed=1`+"\n"+`at=0s msg="waiting before running the checks again"`+"\n"+
			fmt.Sprintf(second, "8s")+`at=8s msg="timed out waiting for checks to pass"`+"\n", out.String())
	})
}

// What a pass has left running shows nothing any more.
func TestLoopShowsNothingAfterThePass(t *testing.T) {
	logger, out := journal(slog.LevelInfo)
	var late func(context.Context, checks.Result)
	_, err := checks.Loop{Progressive: true, Logger: logger, Pass: func(_ context.Context, r checks.Request) (checks.Report, error) {
		late = r.Observe
		return checks.Report{passed("a")}, nil
	}}.Run(t.Context())
	require.NoError(t, err)
	before := out.String()
	late(t.Context(), passed("b"))
	assert.Equal(t, before, out.String())
}
