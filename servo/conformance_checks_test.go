package servo_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/servo"
)

// examined runs the checks of a rig as a stanza "checks" has them, and returns
// the names of those that ran, in order.
func (r *rig) examined(stanza string) (names []string, table string, err error) {
	r.Helper()
	c := parse(r.T, "checks: {"+stanza+"}\n").Checks
	if r.s == nil {
		r.build()
	}
	var out bytes.Buffer
	report, err := r.s.RunChecks(r.Context(), c, &out)
	for _, result := range report {
		names = append(names, result.Connector+"/"+result.Name)
	}
	return names, out.String(), err
}

// suite gives a rig the connectors app and load with their checks.
func (r *rig) suite(of ...checks.Entry) {
	r.more["app"] = checked(append([]checks.Entry{
		checks.Check{Name: "up", ID: "app-up", Tags: []string{"fast"}, Run: answering(nil)},
		checks.Check{Name: "deep", ID: "app-deep", Tags: []string{"slow"}, Run: answering(nil)},
	}, of...)...)
}

// selects is a row in which a stanza selects these checks.
func selects(stanza string, want ...string) func(*rig) {
	return func(r *rig) {
		r.suite()
		names, _, err := r.examined("wait: '', " + stanza)
		require.NoError(r, err)
		assert.Equal(r, want, names)
	}
}

// connects is a row in which the optimizer answers the check in some way.
func connects(answer http.Handler, says string) func(*rig) {
	return func(r *rig) {
		doc := parse(r.T, "optimizer: {id: example.com/app, token: t0k3n, url: "+r.opt.Start(r.T)+"}\n")
		var err error
		r.s, err = servo.FromConfig(doc, servo.Options{})
		require.NoError(r, err)
		r.opt.Inject(5, answer, optimizer.EventHello)
		report, err := r.s.RunChecks(r.Context(), config.Checks{}, nil)
		assert.Equal(r, []string{"HELLO"}, r.course(), "once, without a retry")
		require.Len(r, report, 1)
		assert.Equal(r, connectivity, report[0].Name)
		if says == "" {
			require.NoError(r, err)
			return
		}
		require.ErrorIs(r, err, checks.ErrNotReady)
		assert.ErrorContains(r, report[0].Err, says)
		assert.NotEmpty(r, report[0].Hint)
	}
}

func TestConformanceChecks(t *testing.T) {
	const api, up, deep = "test/" + connectivity, "app/up", "app/deep"
	// heals is a check that fails n times.
	heals := func(n int32) (checks.Check, *atomic.Int32) {
		ran := new(atomic.Int32)
		return checks.Check{Name: "heals", Run: func(context.Context) error {
			if ran.Add(1) <= n {
				return errBoom
			}
			return nil
		}}, ran
	}
	// paced is the twin of a row: how long it takes until a check that fails n
	// times has passed.
	paced := func(stanza string, n int32, lasts time.Duration, ready bool) func(*rig) {
		return func(r *rig) {
			c := parse(r.T, "checks: {"+stanza+"}\n").Checks
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				check, _ := heals(n)
				r.more["app"] = checked(check)
				began := time.Now()
				_, err := r.build().RunChecks(t.Context(), c, nil)
				assert.Equal(t, lasts, time.Since(began))
				assert.Equal(t, ready, err == nil)
			})
		}
	}
	broken := checks.Check{Name: "broken", Run: answering(errBoom)}
	conform(t, "14", []row{
		{"all connectors' checks and the built-in one", selects("", api, up, deep)},
		{"connectors: only these", selects("connectors: [app]", up, deep)},
		{"connectors: the servo itself", selects("connectors: [test]", api)},
		{"connectors: a name that does not exist is an error, exit code 1, and nothing runs", func(r *rig) {
			r.suite()
			_, _, err := r.examined("connectors: [ap]")
			require.ErrorContains(r, err, `no connector found with name(s) ["ap"]`)
			assert.Equal(r, 1, servo.ExitCode(r.Context(), err))
			assert.Empty(r, r.course())
		}},
		{"name", selects("connectors: [app], name: [deep]", deep)},
		{"name: a pattern", selects("connectors: [app], name: [/^u/]", up)},
		{"id", selects("connectors: [app], id: [app-deep]", deep)},
		{"id: a list with commas", selects("connectors: [app], id: ['app-up, app-deep']", up, deep)},
		{"tag", selects("connectors: [app], tag: [slow]", deep)},
		{"quiet: no table", func(r *rig) {
			r.suite()
			_, table, err := r.examined("progressive: false, quiet: true, wait: ''")
			require.NoError(r, err)
			assert.Empty(r, table)
		}},
		{"verbose: a line for each check", func(r *rig) {
			r.suite()
			_, table, err := r.examined("progressive: false, verbose: true, wait: ''")
			require.NoError(r, err)
			assert.Contains(r, table, "app-deep")
		}},
		{"verbose is false: a line for each connector", func(r *rig) {
			r.suite()
			_, table, err := r.examined("progressive: false, wait: ''")
			require.NoError(r, err)
			assert.Contains(r, table, "PASSED")
			assert.NotContains(r, table, "app-deep")
		}},
		{"progressive: logged as they come, without a table", func(r *rig) {
			waiting, leave := make(chan struct{}), make(chan struct{})
			r.more["late"] = checked(checks.Check{Name: "late", Run: func(context.Context) error {
				close(waiting)
				<-leave
				return nil
			}})
			r.build()
			done := make(chan string, 1)
			go func() {
				_, table, _ := r.examined("wait: ''")
				done <- table
			}()
			<-waiting
			r.logged(connectivity) // while the other has not ended
			close(leave)
			assert.Empty(r, <-done)
		}},
		{"wait: empty is one pass", func(r *rig) {
			check, ran := heals(1)
			r.suite(check)
			_, _, err := r.examined("wait: ''")
			require.ErrorIs(r, err, checks.ErrNotReady)
			assert.Equal(r, int32(1), ran.Load())
		}},
		{"wait: until none fails, everything again", func(r *rig) {
			check, ran := heals(2)
			r.suite(check)
			_, _, err := r.examined("delay: 5ms")
			require.NoError(r, err)
			assert.Equal(r, int32(3), ran.Load())
			assert.Len(r, r.course(), 3, "also what has passed")
		}},
		{"wait: is interruptible", func(r *rig) {
			r.suite(broken)
			ctx, cancel := context.WithCancel(r.Context())
			done := make(chan error, 1)
			c := parse(r.T, "{}\n").Checks
			r.build()
			go func() { _, err := r.s.RunChecks(ctx, c, nil); done <- err }()
			r.logged("waiting before running the checks again")
			cancel()
			require.ErrorIs(r, <-done, context.Canceled)
		}},
		{"wait (twin): 30m by default", paced("", 1000, 30*time.Minute, false)},
		{"wait (twin): the last pause is cut short", paced("wait: 10s, delay: 8s", 1000, 10*time.Second, false)},
		{"delay (twin): expo, 8, 16, 32 s", paced("", 3, 56*time.Second, true)},
		{"delay (twin): a duration", paced("delay: 5s", 3, 15*time.Second, true)},
		{"halt_on: critical by default", func(r *rig) {
			r.more["app"] = checked(broken, checks.Require("gate", answering(errBoom)), checks.Check{Name: "after", Run: answering(nil)})
			names, _, err := r.examined("connectors: [app], wait: ''")
			require.ErrorIs(r, err, checks.ErrNotReady)
			assert.Equal(r, []string{"app/broken", "app/gate"}, names)
		}},
		{"halt_on: common", func(r *rig) {
			r.more["app"] = checked(broken, checks.Check{Name: "after", Run: answering(nil)})
			names, _, err := r.examined("connectors: [app], wait: '', halt_on: common")
			require.ErrorIs(r, err, checks.ErrNotReady)
			assert.Equal(r, []string{"app/broken"}, names)
		}},
		{"halt_on: warning", func(r *rig) {
			r.more["app"] = checked(checks.Warn("odd", answering(errBoom)), checks.Check{Name: "after", Run: answering(nil)})
			names, _, _ := r.examined("connectors: [app], wait: '', halt_on: warning")
			assert.Equal(r, []string{"app/odd"}, names)
		}},
		{"remedy: applied to a check that failed", func(r *rig) {
			err := errBoom
			r.suite(checks.Check{Name: "tap", Run: func(context.Context) error { return err }, Remedy: func(context.Context) error { err = nil; return nil }})
			_, _, failed := r.examined("delay: 1ms")
			require.NoError(r, failed)
		}},
		{"remedy: false", func(r *rig) {
			r.suite(checks.Check{Name: "tap", Run: answering(errBoom), Remedy: func(context.Context) error { r.Error("applied"); return nil }})
			_, _, err := r.examined("remedy: false, wait: ''")
			require.ErrorIs(r, err, checks.ErrNotReady)
		}},
		{"remedy (twin): 10 s limit", func(r *rig) {
			c := parse(r.T, "checks: {wait: 11s, delay: 1h}\n").Checks
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				var took time.Duration
				r.more["app"] = checked(checks.Check{Name: "tap", Run: answering(errBoom), Remedy: func(ctx context.Context) error {
					began := time.Now()
					<-ctx.Done()
					took = time.Since(began)
					return ctx.Err()
				}})
				_, err := r.build().RunChecks(t.Context(), c, nil)
				require.ErrorIs(t, err, checks.ErrNotReady)
				assert.Equal(t, 10*time.Second, took)
			})
		}},
		{"check_halting: stops at the first failure", func(r *rig) {
			r.more["app"] = checked(broken, checks.Check{Name: "second", Run: answering(errBoom)})
			_, _, err := r.examined("connectors: [app], wait: '', check_halting: true")
			require.ErrorIs(r, err, checks.ErrNotReady)
			assert.Contains(r, r.log.String(), "broken")
			assert.NotContains(r, strings.ReplaceAll(r.log.String(), "seconds", ""), "second")
		}},
		{"a warning does not stand in the way", func(r *rig) {
			r.suite(checks.Warn("odd", answering(errBoom)))
			_, _, err := r.examined("wait: ''")
			require.NoError(r, err)
		}},
		{"not ready: exit code 1", func(r *rig) {
			r.suite(broken)
			_, _, err := r.examined("wait: ''")
			assert.Equal(r, 1, servo.ExitCode(r.Context(), err))
		}},
		{"with several servos all must pass", func(r *rig) {
			a, err := servo.Assemble(nil, servo.AssemblyOptions{})
			require.NoError(r, err)
			good, bad := newRig(r.T), newRig(r.T)
			good.options.Name, bad.options.Name = "good", "bad"
			bad.suite(broken)
			require.NoError(r, a.Add(good.build()))
			require.NoError(r, a.Add(bad.build()))
			reports, err := a.RunChecks(r.Context(), nil)
			require.ErrorIs(r, err, checks.ErrNotReady)
			assert.True(r, reports["good"].Ready())
			assert.False(r, reports["bad"].Ready())
		}},
		{"connectivity: 200", connects(say(`{"status":"ok"}`), "")},
		{"connectivity: a 2xx other than 200", connects(optimizertest.Status(http.StatusAccepted, `{"status":"ok"}`), "202")},
		{"connectivity: 401", connects(optimizertest.Status(http.StatusUnauthorized, ""), "HTTP status 401")},
		{"connectivity: 404", connects(optimizertest.Status(http.StatusNotFound, ""), "HTTP status 404")},
		{"connectivity: 503", connects(optimizertest.Status(http.StatusServiceUnavailable, ""), "HTTP status 503")},
		{"connectivity: no connection", connects(optimizertest.Disconnect(), "EOF")},
		{"connectivity: 410 superseded is critical, at once", func(r *rig) {
			r.opt.Supersede()
			report, err := r.build().RunChecks(r.Context(), config.Checks{}, nil)
			require.ErrorIs(r, err, checks.ErrNotReady)
			assert.Equal(r, checks.Critical, report[0].Severity)
			assert.Equal(r, []string{"HELLO"}, r.course())
		}},
		{"connectivity (twin): no answer within 10 s", func(r *rig) {
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				r.opt.Inject(1, optimizertest.Hang(nil), optimizer.EventHello)
				began := time.Now()
				_, err := r.build().RunChecks(t.Context(), config.Checks{}, nil)
				require.ErrorIs(t, err, checks.ErrNotReady)
				assert.Equal(t, 10*time.Second, time.Since(began))
			})
		}},
		{"connectivity: while the servo runs nothing is sent", func(r *rig) {
			r.start()
			r.await(optimizer.EventNext, 1)
			_, err := r.s.RunChecks(r.Context(), config.Checks{}, nil)
			require.NoError(r, err)
			require.NoError(r, r.end())
			assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "GOODBYE"}, r.course())
		}},
		{"connectivity: HELLO with a null param", func(r *rig) {
			r.client.ServoUID = "2f1c"
			_, err := r.build().RunChecks(r.Context(), config.Checks{}, nil)
			require.NoError(r, err)
			assert.JSONEq(r, `{"event":"HELLO","param":null,"servo_uid":"2f1c"}`, r.received()[0].body)
		}},
	})
}
