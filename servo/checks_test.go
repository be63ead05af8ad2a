package servo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
)

func checked(cs ...checks.Entry) connector.Connector {
	return bind(func(h *connector.Host) error {
		h.Check(cs...)
		return nil
	})
}

func answering(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// outcome is what a test looks at in a result.
type outcome struct {
	connector, name string
	severity        checks.Severity
	success         bool
}

func outcomes(r checks.Report) []outcome {
	var list []outcome
	for _, result := range r {
		list = append(list, outcome{result.Connector, result.Name, result.Severity, result.Success()})
	}
	return list
}

const connectivity = "Opsani API connectivity"

func TestRunChecks(t *testing.T) {
	boom := errors.New("boom")
	use := func(t *testing.T, b *backend) *servo.Servo {
		t.Helper()
		s := newServo(t, b, nil)
		require.NoError(t, s.Use("app", checked(checks.Require("up", answering(nil)), checks.Warn("fast", answering(boom)))))
		require.NoError(t, s.Use("idle", bind(func(*connector.Host) error { return nil })))
		require.NoError(t, s.Use("load", checked(checks.Check{Name: "target", Run: answering(nil)})))
		return s
	}
	tests := []struct {
		name     string
		config   config.Checks
		hello    error
		ready    bool
		outcomes []outcome
	}{
		{"all", config.Checks{}, nil, true, []outcome{
			{"test", connectivity, checks.Common, true}, {"app", "up", checks.Critical, true},
			{"app", "fast", checks.Warning, false}, {"load", "target", checks.Common, true},
		}},
		{"only the connectors that are named", config.Checks{Connectors: []string{"load"}}, boom, true, []outcome{{"load", "target", checks.Common, true}}},
		{"the servo itself", config.Checks{Connectors: []string{"test"}}, nil, true, []outcome{{"test", connectivity, checks.Common, true}}},
		{"by name, with what it requires", config.Checks{Name: []string{"fast"}}, nil, true, []outcome{
			{"app", "up", checks.Critical, true}, {"app", "fast", checks.Warning, false},
		}},
		{"by id", config.Checks{ID: []string{"ffd7e219"}}, nil, true, []outcome{{"test", connectivity, checks.Common, true}}},
		{"optimizer away", config.Checks{Connectors: []string{"test"}}, boom, false, []outcome{{"test", connectivity, checks.Common, false}}},
		{"superseded", config.Checks{Connectors: []string{"test"}}, optimizer.ErrSuperseded, false, []outcome{{"test", connectivity, checks.Critical, false}}},
		{"none match", config.Checks{Name: []string{"no such"}}, nil, false, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBackend()
			b.hello = func(context.Context, int) error { return tt.hello }
			report, err := use(t, b).RunChecks(t.Context(), tt.config, nil)
			assert.Equal(t, tt.outcomes, outcomes(report))
			assert.Equal(t, tt.ready, report.Ready())
			if tt.ready {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, checks.ErrNotReady)
			}
			for _, r := range report {
				if r.Connector == "test" && !r.Success() {
					assert.Regexp(t, "^expected .+, found", r.Message)
					assert.NotEmpty(t, r.Hint)
				}
			}
		})
	}
}

func TestRunChecksOfWhatCannotBeChecked(t *testing.T) {
	s := newServo(t, newBackend(), nil)
	require.NoError(t, s.Use("app", checked(checks.Require("up", answering(nil)))))
	require.NoError(t, s.Use("idle", bind(func(*connector.Host) error { return nil })))
	for name, tt := range map[string]struct {
		config config.Checks
		says   string
	}{
		"unknown name":       {config.Checks{Connectors: []string{"ap"}}, `no connector found with name(s) ["ap"]: there are test, app, idle`},
		"without checks":     {config.Checks{Connectors: []string{"idle"}}, `the connector(s) ["idle"] have no checks: test, app have`},
		"a wrong expression": {config.Checks{Name: []string{"/(/"}}, `name: "/(/": expected a regular expression`},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := s.RunChecks(t.Context(), tt.config, nil)
			assert.ErrorContains(t, err, tt.says)
			assert.NotErrorIs(t, err, checks.ErrNotReady)
			assert.Empty(t, report)
		})
	}
}

func TestRunChecksOfAConnectorThatBreaks(t *testing.T) {
	boom := errors.New("boom")
	s := newServo(t, newBackend(), nil)
	require.NoError(t, s.Use("broken", bind(func(h *connector.Host) error {
		connector.Check.On(h, func(context.Context, connector.CheckRequest) ([]checks.Result, error) { return nil, boom })
		return nil
	})))
	require.NoError(t, s.Use("suite", bind(func(h *connector.Host) error {
		connector.Check.On(h, checks.New(nil, checks.Require("up", answering(nil))).Run)
		return nil
	})))
	report, err := s.RunChecks(t.Context(), config.Checks{}, nil)
	require.ErrorIs(t, err, checks.ErrNotReady)
	assert.Equal(t, []outcome{
		{"test", connectivity, checks.Common, true}, {"broken", "Checks of broken", checks.Critical, false}, {"suite", "up", checks.Critical, true},
	}, outcomes(report))
	assert.ErrorIs(t, report[1].Err, boom)
}

func TestRunChecksWaitsForTheRepair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken error = &checks.Error{Message: "expected a tap, found none"}
		s := newServo(t, newBackend(), map[string]connector.Connector{"bath": checked(checks.Check{
			Name:   "tap",
			Run:    func(context.Context) error { return broken },
			Remedy: func(context.Context) error { broken = nil; return nil },
		})})
		var table bytes.Buffer
		began := time.Now()
		report, err := s.RunChecks(t.Context(), config.Checks{Wait: "1m", Remedy: true}, &table)
		require.NoError(t, err)
		assert.True(t, report.Ready())
		assert.Equal(t, 8*time.Second, time.Since(began))
		assert.Equal(t, `CONNECTOR  STATUS    ERRORS
test       √ PASSED
bath       X FAILED  (1/1) tap: expected a tap, found none
CONNECTOR  STATUS    ERRORS
test       √ PASSED
bath       √ PASSED
`, table.String())
	})
}

// Connectors are checked concurrently, and each line comes when its check ends.
func TestRunChecksLogsAsChecksEnd(t *testing.T) {
	after := func(d time.Duration, err error) func(context.Context) error {
		return func(context.Context) error { time.Sleep(d); return err }
	}
	boom := errors.New("boom")
	for name, tt := range map[string]struct {
		progressive bool
		log         []string
	}{
		"progressive": {true, []string{
			"1s test " + connectivity, "2s fast one", "3s fast two", "4s slow one", "7s slow two", "7s broken Checks of broken",
		}},
		"not progressive": {false, []string{
			"7s test " + connectivity, "7s slow one", "7s slow two", "7s fast one", "7s fast two", "7s broken Checks of broken",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBackend()
				b.hello = func(context.Context, int) error { time.Sleep(time.Second); return nil }
				var log bytes.Buffer
				s, err := servo.New(servo.Options{Name: "test", Optimizer: b, Logger: slog.New(slog.NewJSONHandler(&log, nil))})
				require.NoError(t, err)
				require.NoError(t, s.Use("slow", checked(checks.Check{Name: "one", Run: after(3*time.Second, nil)}, checks.Check{Name: "two", Run: after(3*time.Second, boom)})))
				require.NoError(t, s.Use("fast", checked(checks.Check{Name: "one", Run: after(time.Second, boom)}, checks.Check{Name: "two", Run: after(time.Second, nil)})))
				require.NoError(t, s.Use("broken", bind(func(h *connector.Host) error {
					connector.Check.On(h, func(context.Context, connector.CheckRequest) ([]checks.Result, error) { return nil, boom })
					return nil
				})))
				began := time.Now()
				_, err = s.RunChecks(t.Context(), config.Checks{Progressive: tt.progressive}, nil)
				require.ErrorIs(t, err, checks.ErrNotReady)
				var got []string
				for line := range strings.Lines(log.String()) {
					var l struct {
						Time             time.Time
						Connector, Check string
					}
					require.NoError(t, json.Unmarshal([]byte(line), &l))
					if l.Check != "" {
						got = append(got, fmt.Sprint(l.Time.Sub(began), " ", l.Connector, " ", l.Check))
					}
				}
				assert.Equal(t, tt.log, got)
			})
		})
	}
}

// What a connector asks of others in the course of its own checks is logged
// with its results, not as theirs.
func TestRunChecksLogsWhatConnectorsPutTogether(t *testing.T) {
	var log bytes.Buffer
	s, err := servo.New(servo.Options{Name: "test", Optimizer: newBackend(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	require.NoError(t, s.Use("outer", bind(func(h *connector.Host) error {
		var inner event.Bus
		connector.NewHost(&inner, "outer:inner", nil).Check(checks.Require("up", answering(nil)))
		connector.Check.On(h, func(ctx context.Context, r connector.CheckRequest) ([]checks.Result, error) {
			answers, err := connector.Check.Dispatch(ctx, &inner, r)
			if err != nil {
				return nil, err
			}
			return answers[0].Value, nil
		})
		return nil
	})))
	_, err = s.RunChecks(t.Context(), config.Checks{Progressive: true, Connectors: []string{"outer"}}, nil)
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(log.String(), `msg="check passed"`), log.String())
	assert.Contains(t, log.String(), `msg="check passed" servo=test connector=outer check=up`)
}

// A check that ignores everything is left behind, and not called again by the
// passes that follow.
func TestRunChecksAbandonsAStubbornCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, calls := make(chan struct{}), new(atomic.Int32)
		s := newServo(t, newBackend(), map[string]connector.Connector{"app": checked(checks.Check{
			Name: "up", Timeout: time.Second,
			Run: func(context.Context) error { calls.Add(1); <-release; return nil },
		})})
		began := time.Now()
		report, err := s.RunChecks(t.Context(), config.Checks{Connectors: []string{"app"}, Wait: "20s"}, nil)
		require.ErrorIs(t, err, checks.ErrNotReady)
		assert.Equal(t, 20*time.Second, time.Since(began))
		assert.EqualValues(t, 1, calls.Load())
		require.Len(t, report, 1)
		assert.Contains(t, report[0].Message, "an earlier call, which was abandoned, has not returned yet")
		close(release)
	})
}

func TestRunChecksEndsWithItsContext(t *testing.T) {
	stop := errors.New("stop")
	for name, check := range map[string]func(context.Context, context.CancelCauseFunc) error{
		"in the check of the servo": nil,
		"in a check of a connector": func(ctx context.Context, cancel context.CancelCauseFunc) error { cancel(stop); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			b := newBackend()
			if check == nil {
				b.hello = func(ctx context.Context, _ int) error { cancel(stop); return ctx.Err() }
			}
			s := newServo(t, b, map[string]connector.Connector{"app": checked(checks.Require("up", func(ctx context.Context) error { return check(ctx, cancel) }))})
			_, err := s.RunChecks(ctx, config.Checks{Wait: "1h"}, nil)
			assert.ErrorIs(t, err, stop)
		})
	}
}

func TestRunChecksWhileRunningGreetsNobody(t *testing.T) {
	b := newBackend()
	s := newServo(t, b, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	<-b.idle
	report, err := s.RunChecks(t.Context(), config.Checks{}, nil)
	cancel()
	require.NoError(t, <-done)
	require.NoError(t, err)
	assert.Equal(t, "the servo is connected", report[0].Message)
	assert.Len(t, b.all("hello"), 1)
}

// The client of a configuration asks once, whatever it retries otherwise.
func TestConnectivityOfAConfiguredOptimizer(t *testing.T) {
	tests := []struct {
		name     string
		status   int
		body     string
		success  bool
		severity checks.Severity
		says     string
		hint     string
	}{
		{"answers", http.StatusOK, `{"status":"ok"}`, true, checks.Common, "the optimizer answers", ""},
		{"not found", http.StatusNotFound, "", false, checks.Common, "HTTP status 404 Not Found", "Correct the id"},
		{"unauthorized", http.StatusUnauthorized, "", false, checks.Common, "HTTP status 401", "Correct the token"},
		{"unavailable", http.StatusServiceUnavailable, "", false, checks.Common, "HTTP status 503", "Try again later"},
		{"superseded", http.StatusGone, `{"detail":"unexpected servo_uid"}`, false, checks.Critical, "HTTP status 410", "Stop this servo"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests++
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			defer server.Close()
			doc := parse(t, "optimizer: {id: example.com/shop, token: secret, url: "+server.URL+"}\nconnectors: []\n")
			s, err := servo.FromConfig(doc, servo.Options{})
			require.NoError(t, err)
			report, _ := s.RunChecks(t.Context(), config.Checks{}, nil)
			require.Len(t, report, 1)
			assert.Equal(t, tt.success, report[0].Success())
			assert.Equal(t, tt.severity, report[0].Severity)
			assert.Contains(t, report[0].Message, tt.says)
			assert.Contains(t, report[0].Hint, tt.hint)
			assert.Equal(t, 1, requests)
		})
	}
}

// Every key of the stanza, by what it changes.
func TestRunChecksObeysEachKey(t *testing.T) {
	type ran struct {
		names    []string
		table    string
		took     time.Duration
		remedies int
	}
	const (
		up, slow = "up", "slow"
		normal   = "CONNECTOR  STATUS    ERRORS\napp        X FAILED  (1/1) slow: too slow\n"
	)
	tests := []struct {
		key, text string
		want      ran
	}{
		{"connectors", "connectors: [test], wait: 0", ran{names: []string{connectivity}}},
		{"name", "connectors: [app], name: [up], wait: ''", ran{names: []string{up}}},
		{"name, expression", "name: [/^sl/], wait: 0", ran{names: []string{slow}, remedies: 1}},
		{"id", "id: ['ffd7e219, nowhere'], wait: 0", ran{names: []string{connectivity}}},
		{"tag", "tag: ['load,none'], wait: 0", ran{names: []string{slow}, remedies: 1}},
		{"quiet", "connectors: [app], wait: 0, progressive: false, quiet: true", ran{names: []string{up, slow, "last"}, remedies: 1}},
		{"progressive", "connectors: [app], wait: 0, progressive: false", ran{names: []string{up, slow, "last"}, table: normal, remedies: 1}},
		{"verbose", "name: [up], wait: 0, progressive: false, verbose: true", ran{
			names: []string{up},
			table: "CONNECTOR  CHECK  ID        TAGS  STATUS    MESSAGE\napp        up     " + checks.ID(up) + "  -     √ PASSED  -\n",
		}},
		{"wait and delay, by default", "name: [slow]", ran{names: []string{slow}, took: 30 * time.Minute, remedies: 9}},
		{"wait", "name: [slow], wait: 20s", ran{names: []string{slow}, took: 20 * time.Second, remedies: 3}},
		{"delay", "name: [slow], wait: 20s, delay: 5s", ran{names: []string{slow}, took: 20 * time.Second, remedies: 5}},
		{"halt_on", "connectors: [app], wait: 0, halt_on: common", ran{names: []string{up, slow}, remedies: 1}},
		{"halt_on, null", "connectors: [app], wait: 0, halt_on: null", ran{names: []string{up, slow, "last"}, remedies: 1}},
		{"remedy", "connectors: [app], wait: 0, remedy: false", ran{names: []string{up, slow, "last"}}},
		{"check_halting", "connectors: [app], wait: 0, check_halting: true", ran{names: []string{up, slow, "last"}, remedies: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.key, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got ran
				s := newServo(t, newBackend(), map[string]connector.Connector{"app": checked(
					checks.Check{Name: up, Run: answering(nil)},
					checks.Check{
						Name: slow, Tags: []string{"load"}, Run: answering(errors.New("too slow")),
						Remedy: func(context.Context) error { got.remedies++; return nil },
					},
					checks.Check{Name: "last", Run: answering(nil)},
				)})
				var table bytes.Buffer
				began := time.Now()
				report, err := s.RunChecks(t.Context(), parse(t, "checks: {"+tt.text+"}\n").Checks, &table)
				if !report.Ready() {
					require.ErrorIs(t, err, checks.ErrNotReady)
				}
				for _, r := range report {
					got.names = append(got.names, r.Name)
				}
				got.table, got.took = table.String(), time.Since(began)
				assert.Equal(t, tt.want, got)
			})
		})
	}
}

func TestRunChecksNamesEverythingWrong(t *testing.T) {
	s := newServo(t, newBackend(), nil)
	_, err := s.RunChecks(t.Context(), config.Checks{
		Connectors: []string{"nobody"}, Name: []string{"/(/"}, Tag: []string{"UP"}, HaltOn: "none", Wait: "soon", Delay: "-1s",
	}, nil)
	for _, says := range []string{"nobody", `name: "/(/"`, `tag: tag "UP"`, "halt_on", "wait", "delay"} {
		assert.ErrorContains(t, err, says)
	}
}
