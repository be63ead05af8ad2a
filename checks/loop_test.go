package checks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
)

// journal returns a logger and what it wrote, without times.
func journal(level slog.Level) (*slog.Logger, *bytes.Buffer) {
	var out bytes.Buffer
	return slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})), &out
}

// passes gives the reports in turn, the last one again and again.
func passes(reports ...checks.Report) func(context.Context, checks.Request) (checks.Report, error) {
	return func(context.Context, checks.Request) (checks.Report, error) {
		r := reports[0]
		if len(reports) > 1 {
			reports = reports[1:]
		}
		return r, nil
	}
}

func failed(name string, err error) checks.Result {
	return checks.Result{Connector: "app", Name: name, ID: name, Err: err, Message: err.Error()}
}

func passed(name string) checks.Result { return checks.Result{Connector: "app", Name: name, ID: name} }

func TestLoopLogsWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := failed("b {x} %d", errBoom)
		broken.Hint = "mend it"
		broken.Remedy = func(context.Context) error { return nil }
		advice := failed("w", errBoom)
		advice.Severity = checks.Warning
		other := passed("a")
		other.Connector = "other"
		logger, out := journal(slog.LevelInfo)
		report, err := checks.Loop{
			Wait: time.Minute, Logger: logger,
			Pass: passes(checks.Report{passed("a"), other, broken, advice}, checks.Report{passed("a"), passed("b"), other, advice}),
		}.Run(t.Context())
		require.NoError(t, err)
		assert.True(t, report.Ready())
		golden(t, "loop.log", out.String())
	})
}

func TestLoopShowsTheErrorInDetail(t *testing.T) {
	logger, out := journal(slog.LevelDebug)
	results, err := checks.Run(t.Context(), checks.Check{Name: "a", Run: func(context.Context) error { panic("no") }})
	require.NoError(t, err)
	_, err = checks.Loop{Logger: logger, Pass: passes(checks.Report(results))}.Run(t.Context())
	require.ErrorIs(t, err, checks.ErrNotReady)
	assert.EqualError(t, err, "not ready: 1 of 1 checks failed")
	assert.Contains(t, out.String(), `error.message="panicked: no" error.stack="goroutine `)
}

func TestLoopWithoutChecksIsNotReady(t *testing.T) {
	logger, out := journal(slog.LevelInfo)
	report, err := checks.Loop{Logger: logger, Pass: passes(nil)}.Run(t.Context())
	assert.EqualError(t, err, "not ready: no checks matched")
	assert.ErrorIs(t, err, checks.ErrNotReady)
	assert.False(t, report.Ready())
	assert.Contains(t, out.String(), "no checks matched")
}

func TestLoopTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, out := journal(slog.LevelError)
		advice := failed("w", errBoom)
		advice.Severity = checks.Warning
		_, err := checks.Loop{Wait: 10 * time.Second, Logger: logger, Pass: passes(checks.Report{failed("a", errBoom), passed("b"), advice})}.Run(t.Context())
		assert.EqualError(t, err, "not ready: 1 of 3 checks failed, 1 warned")
		assert.Equal(t, "level=ERROR msg=\"timed out waiting for checks to pass\" wait=10s result=\"1 of 3 checks failed, 1 warned\"\n", out.String())
	})
}

func TestLoopAppliesRemedies(t *testing.T) {
	remedy := func(calls *[]string, name string, do func(context.Context) error) checks.Result {
		r := failed(name, errBoom)
		r.Remedy = func(ctx context.Context) error {
			*calls = append(*calls, name)
			return do(ctx)
		}
		return r
	}
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, tt := range map[string]struct {
		loop  checks.Loop
		calls string
		took  time.Duration
		says  []string
	}{
		"one after another, each within its limit": {checks.Loop{}, "hangs fails panics works advises", 10 * time.Second, []string{
			`msg="the remedy timed out" connector=app check=hangs id=hangs limit=10s`,
			`msg="the remedy failed" connector=app check=fails id=fails error=boom`,
			`msg="the remedy failed" connector=app check=panics id=panics error.message="panicked: no"`,
			`msg="applying a remedy" connector=app check=works id=works`,
		}},
		"again in each pass":  {checks.Loop{Wait: 11 * time.Second, Delay: time.Second}, "hangs fails panics works advises hangs fails panics works advises", 21 * time.Second, nil},
		"only the first":      {checks.Loop{FirstFailure: true}, "hangs", 10 * time.Second, nil},
		"none when unwelcome": {checks.Loop{SkipRemedies: true}, "", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls []string
				advice := remedy(&calls, "advises", pass)
				advice.Severity = checks.Warning
				logger, out := journal(slog.LevelInfo)
				tt.loop.Logger = logger
				tt.loop.Pass = passes(checks.Report{
					remedy(&calls, "hangs", hang), remedy(&calls, "fails", fail), remedy(&calls, "panics", func(context.Context) error { panic("no") }),
					remedy(&calls, "works", pass), advice,
				})
				began := time.Now()
				_, err := tt.loop.Run(t.Context())
				assert.ErrorIs(t, err, checks.ErrNotReady)
				assert.Equal(t, tt.calls, strings.Join(calls, " "))
				assert.Equal(t, tt.took, time.Since(began))
				for _, says := range tt.says {
					assert.Contains(t, out.String(), says)
				}
			})
		})
	}
}

func TestLoopTablesAfterEachPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table strings.Builder
		_, err := checks.Loop{Wait: time.Minute, Table: &table, Pass: passes(checks.Report{failed("a", errBoom)}, checks.Report{passed("a")})}.Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "CONNECTOR  STATUS    ERRORS\napp        X FAILED  (1/1) a: boom\nCONNECTOR  STATUS    ERRORS\napp        √ PASSED\n", table.String())
	})
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBoom }

func TestLoopHandsOnWhatGoesWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		loop checks.Loop
		says string
	}{
		"the pass":  {checks.Loop{Pass: func(context.Context, checks.Request) (checks.Report, error) { return nil, errBoom }}, "boom"},
		"the table": {checks.Loop{Pass: passes(checks.Report{passed("a")}), Table: brokenWriter{}}, "writing the table of checks: boom"},
		"no pass":   {checks.Loop{}, "checks: pass: expected a function that runs the checks, found none"},
		"negative durations": {checks.Loop{Pass: passes(nil), Wait: -time.Second, Delay: -time.Minute},
			"checks: wait: expected a time that is not negative, found -1s\ndelay: expected a time that is not negative, found -1m"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tt.loop.Run(t.Context())
			assert.EqualError(t, err, tt.says)
			assert.NotErrorIs(t, err, checks.ErrNotReady)
		})
	}
}

func TestLoopPassesTheRequestOn(t *testing.T) {
	want := checks.Request{Filter: checks.Filter{Tags: []string{"a"}}, HaltOn: checks.HaltNever}
	_, err := checks.Loop{Request: want, Pass: func(_ context.Context, r checks.Request) (checks.Report, error) {
		assert.Equal(t, want, r)
		return checks.Report{passed("a")}, nil
	}}.Run(t.Context())
	require.NoError(t, err)
}

func TestLoopEndsWithItsContext(t *testing.T) {
	stop := errors.New("stop")
	for name, tt := range map[string]struct {
		result func(context.CancelCauseFunc) checks.Result
		after  time.Duration
	}{
		"while it waits": {func(context.CancelCauseFunc) checks.Result { return failed("a", errBoom) }, time.Minute},
		"in a remedy": {func(cancel context.CancelCauseFunc) checks.Result {
			r := failed("a", errBoom)
			r.Remedy = func(ctx context.Context) error { cancel(stop); <-ctx.Done(); return ctx.Err() }
			return r
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				timer := time.AfterFunc(time.Minute, func() { cancel(stop) })
				defer timer.Stop()
				began := time.Now()
				_, err := checks.Loop{Wait: time.Hour, Delay: time.Hour, Pass: passes(checks.Report{tt.result(cancel)})}.Run(ctx)
				assert.ErrorIs(t, err, stop)
				assert.NotErrorIs(t, err, checks.ErrNotReady)
				assert.Equal(t, tt.after, time.Since(began))
			})
		})
	}
	t.Run("before it begins", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(stop)
		_, err := checks.Loop{Pass: func(context.Context, checks.Request) (checks.Report, error) {
			return nil, fmt.Errorf("must not be called")
		}}.Run(ctx)
		assert.ErrorIs(t, err, stop)
	})
}
