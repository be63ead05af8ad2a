package servo_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

// goesOn is a row whose answer to the first reports is no reason to stop: the
// n requests that get it are followed by more, and by the result.
func goesOn(n int, answer http.Handler, logged string) func(*rig) {
	return func(r *rig) {
		r.busy()
		r.opt.Inject(n, answer, optimizer.EventMeasurement)
		r.start(optimizertest.Measure(time.Second, "latency"))
		assert.True(r, r.await(optimizer.EventMeasurement, n+2).progress())
		close(r.release)
		assert.Equal(r, "ok", r.result().param["status"])
		require.NoError(r, r.end())
		assert.Equal(r, 1, strings.Count(strings.Join(r.course(), " "), "HELLO"), "no restart")
		if logged != "" {
			assert.Contains(r, r.log.String(), logged)
		}
	}
}

// abandons is a row whose answer to the first report ends the command without a
// result. Then is what the servo says next.
func abandons(answer, cause error, then optimizer.Event) func(*rig) {
	return func(r *rig) {
		r.busy()
		r.opt.AnswerProgress(answer)
		r.start(optimizertest.Measure(time.Second, "latency"))
		assert.ErrorIs(r, r.cause(), cause)
		r.await(then, 2)
		r.results() // the command is given again, or given up
		require.NoError(r, r.end())
		course := r.course()
		require.GreaterOrEqual(r, len(course), 4)
		assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "progress", string(then)}, course[:4])
		assert.Contains(r, r.log.String(), "command abandoned")
	}
}

// acknowledges is a row whose answer to the first report is answered with a
// status of "cancelled".
func acknowledges(answer, want string) func(*rig) {
	return func(r *rig) {
		r.busy()
		r.opt.Inject(1, say(answer), optimizer.EventMeasurement)
		r.start(optimizertest.Measure(time.Second, "latency"))
		assert.ErrorIs(r, r.cause(), connector.ErrCancelledByOptimizer)
		assert.JSONEq(r, want, r.result().body)
		r.await(optimizer.EventNext, 2)
		require.NoError(r, r.end())
		assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "progress", "MEASUREMENT", "WHATS_NEXT"}, r.course()[:5])
		assert.Empty(r, r.opt.Violations())
	}
}

func TestConformanceReactions(t *testing.T) {
	conform(t, "7 reaction", []row{
		{"ok: continue", goesOn(1, say(`{"status":"ok"}`), "")},
		{"unexpected-event: abandon, greet again, no result", abandons(
			&optimizer.StatusError{Status: "unexpected-event", Reason: "lost"}, optimizer.ErrUnexpectedEvent, optimizer.EventHello)},
		{"cancel with a reason: the result is cancelled", acknowledges(`{"status":"cancel","reason":"no longer needed"}`,
			`{"event":"MEASUREMENT","servo_uid":null,"param":{"status":"cancelled","message":"no longer needed","reason":null,"cmd_uid":"u1"}}`)},
		{"cancel without a reason: the default text", acknowledges(`{"status":"cancel"}`,
			`{"event":"MEASUREMENT","servo_uid":null,"param":{"status":"cancelled","message":"Command cancelled","reason":null,"cmd_uid":"u1"}}`)},
		{"invalid, unexpected cmd_uid: abandon, post nothing, ask for the next", abandons(
			optimizer.ErrUnexpectedCommand, connector.ErrCommandSuperseded, optimizer.EventNext)},
		{"invalid, other: warning only", goesOn(1, say(`{"status":"invalid","reason":"odd"}`), "did not accept a progress report")},
		{"any other status: logged, continue", goesOn(1, say(`{"status":"rejected","reason":"odd"}`), "level=WARN")},
		{"a word that is none: logged, continue", goesOn(1, say(`{"status":"splendid"}`), "splendid")},
		{"a command in place of a status: logged, continue", goesOn(1, say(`{"cmd":"SLEEP"}`), "level=WARN")},
		{"no JSON: logged, continue", goesOn(1, optimizertest.Garbage(), "did not accept a progress report")},
		{"410 with a detail: abandon, no result, quiet and interruptible", func(r *rig) {
			r.busy()
			r.opt.Inject(1, optimizertest.Status(http.StatusGone, `{"detail":"revoked"}`), optimizer.EventMeasurement)
			r.start(optimizertest.Measure(time.Second, "latency"))
			assert.ErrorIs(r, r.cause(), optimizer.ErrSuperseded)
			r.logged("has taken over")
			require.NoError(r, r.end())
			assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "progress", "GOODBYE"}, r.course())
		}},
		{"410 with a detail (twin): greeted again after 1 h", func(r *rig) {
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				r.busy()
				r.opt.Inject(1, optimizertest.Status(http.StatusGone, `{"detail":"revoked"}`), optimizer.EventMeasurement)
				r.start(optimizertest.Measure(time.Second, "latency"))
				r.await(optimizer.EventMeasurement, 1)
				began := time.Now()
				hello, err := r.opt.WaitRequest(t.Context(), optimizer.EventHello, 2)
				require.NoError(t, err)
				assert.Equal(t, optimizer.EventHello, hello.Event)
				assert.Equal(t, time.Hour, time.Since(began))
				require.NoError(t, r.end())
			})
		}},
		{"410 without a detail: logged, continue", goesOn(1, optimizertest.Status(http.StatusGone, `<html>gone</html>`), "did not accept a progress report")},
		{"HTTP 422: logged, continue", goesOn(1, optimizertest.Status(http.StatusUnprocessableEntity, `{}`), "did not accept a progress report")},
		{"HTTP 503 after retries: logged, continue", goesOn(3, optimizertest.Status(http.StatusServiceUnavailable, ""), "did not accept a progress report")},
		{"connection broken: repeated, continue", goesOn(2, optimizertest.Disconnect(), "")},
		{"DESCRIBE: cancel is acknowledged with DESCRIPTION", func(r *rig) {
			r.a = nil
			r.more["a"] = bind(func(h *connector.Host) error {
				connector.Describe.On(h, func(ctx context.Context, _ types.Control) (types.Description, error) {
					return types.Description{}, r.busily(ctx)
				})
				return nil
			})
			r.opt.AnswerProgress(optimizer.ErrCancelRequested)
			r.start(optimizertest.Describe())
			m := r.result()
			assert.Equal(r, optimizer.EventDescription, m.event)
			assert.Equal(r, "cancelled", m.param["status"])
			assert.Equal(r, optimizer.EventDescription, r.await(optimizer.EventDescription, 1).event)
		}},
		{"ADJUST: cancel is acknowledged with ADJUSTMENT and takes back what was done", func(r *rig) {
			first := true
			r.a.adjust = func(ctx context.Context, req connector.AdjustRequest) (types.Description, error) {
				r.a.setting = r.a.setting.With(req.Adjustments[0].Value)
				if first {
					first = false
					return types.Description{}, r.busily(ctx)
				}
				return types.Description{}, nil
			}
			r.opt.AnswerProgress(optimizer.ErrCancelRequested)
			r.start(optimizertest.Adjust(types.Adjustment{Component: "a", Setting: "workers", Value: types.Int(4)}))
			m := r.result()
			assert.Equal(r, optimizer.EventAdjustment, m.event)
			assert.Equal(r, "cancelled", m.param["status"])
			require.NoError(r, r.end())
			assert.Equal(r, types.Int(2), r.a.setting.Value)
			assert.Equal(r, optimizer.EventAdjustment, r.reports()[0].event)
		}},
	})
}

// still is a measurement that reports once and waits for its release.
func (r *rig) still(p types.Progress) {
	r.a.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
		err := connector.Progress(ctx, p)
		select {
		case <-r.release:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		return types.Measurement{}, err
	}
}

// unsent is a row whose report is not sent, although the interval comes round
// many times while the servo greets and asks; a report that counts comes next.
func unsent(percent float64) func(*rig) {
	return func(r *rig) {
		r.a.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
			if err := connector.Progress(ctx, types.Progress{Percent: percent, Message: "never"}); err != nil {
				return types.Measurement{}, err
			}
			timer := time.NewTimer(20 * r.options.ProgressInterval) // a rule about time
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			return types.Measurement{}, ctx.Err()
		}
		r.start(optimizertest.Measure(time.Second, "latency"))
		assert.Equal(r, "ok", r.result().param["status"])
		require.NoError(r, r.end())
		assert.Empty(r, r.reports())
	}
}

func TestConformanceProgressReports(t *testing.T) {
	measure := optimizertest.Measure(time.Second, "latency")
	one := func(p types.Progress, check func(r *rig, m message)) func(*rig) {
		return func(r *rig) {
			r.still(p)
			r.start(measure)
			check(r, r.await(optimizer.EventMeasurement, 1))
			close(r.release)
			assert.Equal(r, "ok", r.result().param["status"])
			require.NoError(r, r.end())
			assert.Len(r, r.reports(), 1, "news are sent once")
		}
	}
	third := types.Progress{Percent: 33.3, Message: "measuring"}
	conform(t, "7", []row{
		{"the event is that of the result, told apart by the param", one(third, func(r *rig, m message) {
			assert.Equal(r, optimizer.EventMeasurement, m.event)
			assert.NotContains(r, m.param, "status")
		})},
		{"progress: float percent", one(third, func(r *rig, m message) { assert.InDelta(r, 33.3, m.param["progress"], 0) })},
		{"runtime: float seconds since the start", one(third, func(r *rig, m message) {
			assert.Greater(r, m.param["runtime"], 0.0)
			assert.Less(r, m.param["runtime"], patience.Seconds())
		})},
		{"cmd_uid: of the command", one(third, func(r *rig, m message) { assert.Equal(r, "u1", m.param["cmd_uid"]) })},
		{"cmd_uid: null when the command has none", func(r *rig) {
			r.opt.OmitUIDs()
			one(third, func(r *rig, m message) {
				assert.Contains(r, m.param, "cmd_uid")
				assert.Nil(r, m.param["cmd_uid"])
			})(r)
		}},
		{"message: bare", one(third, func(r *rig, m message) { assert.Equal(r, "measuring", m.param["message"]) })},
		{"message: omitted when absent", one(types.Progress{Percent: 5}, func(r *rig, m message) { assert.NotContains(r, m.param, "message") })},
		{"time remaining is never sent", one(third, func(r *rig, m message) { assert.Len(r, m.param, 4) })},
		{"0 is not sent", unsent(0)},
		{"below 0 is not sent", unsent(-1)},
		{"100 is not sent", unsent(100)},
		{"an integer part of 100 is not sent", unsent(100.7)},
		{"other events have no operation: a check reports nothing", func(r *rig) {
			r.more["load"] = checked(checks.Require("up", func(ctx context.Context) error {
				return connector.Progress(ctx, types.Progress{Percent: 50})
			}))
			_, err := r.build().RunChecks(r.Context(), config.Checks{}, nil)
			require.NoError(r, err)
			assert.Equal(r, []string{"HELLO"}, r.course())
		}},
		{"one at a time, and only the newest is kept", func(r *rig) {
			held := make(chan struct{})
			r.opt.Inject(1, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				<-held
				_, _ = io.WriteString(w, `{"status":"ok"}`)
			}), optimizer.EventMeasurement)
			r.a.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
				_ = connector.Progress(ctx, types.Progress{Percent: 1})
				r.await(optimizer.EventMeasurement, 1)
				for percent := 2.0; percent <= 60; percent++ {
					_ = connector.Progress(ctx, types.Progress{Percent: percent, Message: fmt.Sprint(percent)})
				}
				assert.Len(r, r.reports(), 1, "the first is under way")
				close(held)
				r.await(optimizer.EventMeasurement, 2)
				return types.Measurement{}, nil
			}
			r.start(measure)
			r.result()
			require.NoError(r, r.end())
			require.Len(r, r.reports(), 2)
			assert.Equal(r, "60", r.reports()[1].param["message"])
		}},
		{"in order", func(r *rig) {
			r.busy()
			r.start(measure)
			r.await(optimizer.EventMeasurement, 5)
			close(r.release)
			r.result()
			require.NoError(r, r.end())
			last := 0.0
			for _, m := range r.reports() {
				assert.Greater(r, m.param["progress"], last)
				last = m.param["progress"].(float64)
			}
			assert.Empty(r, r.opt.Violations())
		}},
		{"with the normal retry policy: the same report again", func(r *rig) {
			r.still(third)
			r.opt.Inject(2, optimizertest.Status(http.StatusBadGateway, ""), optimizer.EventMeasurement)
			r.start(measure)
			again := r.await(optimizer.EventMeasurement, 3)
			assert.Equal(r, r.await(optimizer.EventMeasurement, 1).body, again.body)
			close(r.release)
			r.result()
		}},
		{"what is unsent is dropped before the result", func(r *rig) {
			r.a.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
				_ = connector.Progress(ctx, types.Progress{Percent: 1})
				r.await(optimizer.EventMeasurement, 1)
				_ = connector.Progress(ctx, types.Progress{Percent: 99, Message: "unsent"})
				return types.Measurement{}, nil
			}
			r.opt.Inject(1, optimizertest.Hang(nil), optimizer.EventMeasurement)
			r.start(measure)
			r.await(optimizer.EventNext, 2)
			require.NoError(r, r.end())
			assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "progress", "MEASUREMENT", "WHATS_NEXT"}, r.course()[:5])
		}},
		{"quirk: a report that is under way is waited for or cancelled before the result", func(r *rig) {
			gone := make(chan struct{})
			r.opt.Inject(1, http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
				<-q.Context().Done() // the servo has hung up
				close(gone)
				panic(http.ErrAbortHandler)
			}), optimizer.EventMeasurement)
			r.a.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
				_ = connector.Progress(ctx, types.Progress{Percent: 1})
				r.await(optimizer.EventMeasurement, 1)
				return types.Measurement{}, nil
			}
			r.start(measure)
			r.result()
			<-gone
			require.NoError(r, r.end())
			assert.Empty(r, r.opt.Violations())
		}},
		{"quirk: an outage piles nothing up", func(r *rig) {
			r.busy()
			r.opt.Inject(9, optimizertest.Status(http.StatusServiceUnavailable, ""), optimizer.EventMeasurement)
			r.start(measure)
			r.await(optimizer.EventMeasurement, 10)
			close(r.release)
			r.result()
			require.NoError(r, r.end())
			bodies := map[string]int{}
			for _, m := range r.reports()[:9] {
				bodies[m.body]++
			}
			assert.Len(r, bodies, 3, "three reports, each tried three times")
		}},
		{"the default interval (twin): 60 s", func(r *rig) {
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				r.options.ProgressInterval = 0
				r.still(third)
				began := time.Now()
				r.start(measure)
				_, err := r.opt.WaitRequest(t.Context(), optimizer.EventMeasurement, 1)
				require.NoError(t, err)
				assert.Equal(t, time.Minute, time.Since(began))
				require.NoError(t, r.end())
			})
		}},
		{"the interval of the settings (twin)", func(r *rig) {
			doc := parse(r.T, "settings: {progress_interval: 7s}\n")
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				r.still(third)
				client, err := optimizer.NewClient(r.client)
				require.NoError(t, err)
				r.s, err = servo.FromConfig(doc, servo.Options{Optimizer: client})
				require.NoError(t, err)
				require.NoError(t, r.s.Use("a", r.a))
				began := time.Now()
				r.start(measure)
				_, err = r.opt.WaitRequest(t.Context(), optimizer.EventMeasurement, 1)
				require.NoError(t, err)
				assert.Equal(t, 7*time.Second, time.Since(began))
				require.NoError(t, r.end())
			})
		}},
	})
}
