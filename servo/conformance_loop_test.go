package servo_test

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

// answered is a row in which the optimizer answers a result in its own way, and
// then the servo goes on in some way.
func answered(answer http.Handler, logged string, course ...string) func(*rig) {
	return func(r *rig) {
		r.opt.Inject(1, answer, optimizer.EventMeasurement)
		// The answer does not get through to the script, which therefore asks again.
		r.start(optimizertest.Measure(time.Second, "latency"))
		r.results()
		require.NoError(r, r.end())
		got := r.course()
		require.GreaterOrEqual(r, len(got), len(course)+2)
		assert.Equal(r, append([]string{"HELLO", "WHATS_NEXT", "MEASUREMENT"}, course...), got[:len(course)+3])
		if logged != "" {
			assert.Contains(r, r.log.String(), logged)
		}
	}
}

func TestConformanceStatuses(t *testing.T) {
	conform(t, "5.1", []row{
		{"ok: accepted", answered(say(`{"status":"ok"}`), "", "WHATS_NEXT")},
		{"unexpected-event: warning, and greeted again", answered(
			say(`{"status":"unexpected-event","reason":"Out of order event \"MEASUREMENT\", expected \"ADJUSTMENT\"; ignoring"}`), "out of step", "HELLO", "WHATS_NEXT")},
		{"cancel: too late for a command that has its result", answered(say(`{"status":"cancel"}`), "answered something unusual", "WHATS_NEXT")},
		{"invalid: the result is refused, the servo goes on", answered(say(`{"status":"invalid","reason":"odd"}`), "refused", "WHATS_NEXT")},
		{"invalid, unexpected cmd_uid: the command is outdated", answered(say(`{"status":"invalid","reason":"unexpected cmd_uid"}`), "refused", "WHATS_NEXT")},
		{"all fields of a status are read, unknown ones ignored", answered(
			say(`{"status":"ok","message":"m","other_messages":["o"],"reason":"r","state":{},"descriptor":{},"metrics":{},"annotations":{"a":"b"},"cmd_uid":"u1","more":[1]}`), "", "WHATS_NEXT")},
		{"a status word of servos parses", answered(say(`{"status":"aborted"}`), "answered something unusual", "WHATS_NEXT")},
		{"any other word is an error", answered(say(`{"status":"splendid"}`), `status \"splendid\" is unknown`, "WHATS_NEXT")},
		{"a command is tried first", func(r *rig) {
			r.opt.Inject(1, say(`{"status":"cancel","cmd":"SLEEP","param":{"duration":0}}`), optimizer.EventNext)
			r.start(optimizertest.Measure(time.Second, "latency"))
			r.result()
			assert.NotContains(r, r.log.String(), "gave no command")
		}},
	})
}

// given is a row in which the optimizer gives a command in these words, and
// takes the answer to it.
func given(command string, answer optimizer.Event, check func(r *rig, m message)) func(*rig) {
	return func(r *rig) {
		r.opt.Inject(1, say(command), optimizer.EventNext)
		if answer == "" {
			r.start()
			r.await(optimizer.EventNext, 2)
			require.NoError(r, r.end())
			assert.Empty(r, r.answers())
			return
		}
		r.opt.Inject(1, say(`{"status":"ok"}`), answer)
		r.start()
		m := r.await(answer, 1)
		r.await(optimizer.EventNext, 2)
		require.NoError(r, r.end())
		assert.Equal(r, []string{"HELLO", "WHATS_NEXT", string(answer), "WHATS_NEXT"}, r.course()[:4])
		check(r, m)
	}
}

func status(word string) func(*rig, message) {
	return func(r *rig, m message) { assert.Equal(r, word, m.param["status"], m.body) }
}

// failed is a check of an answer that says what is wrong.
func failed(texts ...string) func(*rig, message) {
	return func(r *rig, m message) {
		assert.Equal(r, "failed", m.param["status"], m.body)
		for _, text := range texts {
			assert.Contains(r, m.param["message"], text)
		}
	}
}

func TestConformanceCommands(t *testing.T) {
	const d, m, a = optimizer.EventDescription, optimizer.EventMeasurement, optimizer.EventAdjustment
	// asked notes what connector "a" is asked to measure.
	asked := func(command string, want connector.MeasureRequest) func(*rig) {
		return func(r *rig) {
			got := make(chan connector.MeasureRequest, 1)
			r.a.measure = func(_ context.Context, q connector.MeasureRequest) (types.Measurement, error) {
				got <- q
				return types.Measurement{}, nil
			}
			given(command, m, func(r *rig, m message) {
				status("ok")(r, m)
				q := <-got
				assert.Equal(r, want.Metrics, q.Metrics)
				assert.Equal(r, want.Control.Duration, q.Control.Duration)
				assert.Equal(r, want.Control.Delay, q.Control.Delay)
				assert.Equal(r, want.Control.Warmup, q.Control.Warmup)
			})(r)
		}
	}
	seconds := func(d, delay, warmup time.Duration) types.Control {
		return types.Control{Duration: types.Duration(d), Delay: types.Duration(delay), Warmup: types.Duration(warmup)}
	}
	workers := func(n int64, out string) func(r *rig, m message) {
		return func(r *rig, m message) {
			status(out)(r, m)
			assert.Equal(r, types.Int(n), r.a.setting.Value)
		}
	}
	sleeps := func(param, logged string) func(*rig) {
		return func(r *rig) {
			r.opt.Inject(1, say(`{"cmd":"SLEEP","cmd_uid":null`+param+`}`), optimizer.EventNext)
			r.start()
			r.logged(logged)
			require.NoError(r, r.end(), "a sleep is interrupted")
			assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "GOODBYE"}, r.course())
		}
	}
	conform(t, "5.2", []row{
		{"DESCRIBE is answered with DESCRIPTION", given(`{"cmd":"DESCRIBE","cmd_uid":"u1","param":{"control":{}}}`, d, status("ok"))},
		{"DESCRIBE: param null", given(`{"cmd":"DESCRIBE","cmd_uid":"u1","param":null}`, d, status("ok"))},
		{"DESCRIBE: control null", given(`{"cmd":"DESCRIBE","cmd_uid":"u1","param":{"control":null}}`, d, status("ok"))},
		{"DESCRIBE: cmd_uid absent", given(`{"cmd":"DESCRIBE"}`, d, status("ok"))},
		{"MEASURE is answered with MEASUREMENT", given(`{"cmd":"MEASURE","cmd_uid":"u2","param":{"metrics":["latency"],"control":{}}}`, m, status("ok"))},
		{"MEASURE: metrics as an object, in its order", asked(`{"cmd":"MEASURE","param":{"metrics":{"zeta":{"unit":"rpm"},"alpha":{"unit":"%"}},"control":{"duration":180,"delay":10,"warmup":30}}}`,
			connector.MeasureRequest{Metrics: []string{"zeta", "alpha"}, Control: seconds(3*time.Minute, 10*time.Second, 30*time.Second)})},
		{"MEASURE: metrics as a list, durations as text, past for delay", asked(`{"cmd":"MEASURE","param":{"metrics":["zeta","alpha"],"control":{"duration":"3m","past":"10s","warmup":"30s"}}}`,
			connector.MeasureRequest{Metrics: []string{"zeta", "alpha"}, Control: seconds(3*time.Minute, 10*time.Second, 30*time.Second)})},
		{"MEASURE: metrics are required", given(`{"cmd":"MEASURE","param":{"control":{}}}`, m, failed("metrics: required"))},
		{"MEASURE: control is required", given(`{"cmd":"MEASURE","param":{"metrics":[]}}`, m, failed("control: required"))},
		{"ADJUST is answered with ADJUSTMENT", given(`{"cmd":"ADJUST","cmd_uid":"u3","param":{"state":{"application":{"components":{"a":{"settings":{"workers":{"value":4,"more":1}}}}}},"control":{"settlement":60}}}`, a, workers(4, "ok"))},
		{"ADJUST: integral settings as floats", given(`{"cmd":"ADJUST","param":{"state":{"application":{"components":{"a":{"settings":{"workers":{"value":4.0}}}}}}}}`, a, workers(4, "ok"))},
		{"ADJUST: control null", given(`{"cmd":"ADJUST","param":{"control":null,"state":{"application":{"components":{"a":{"settings":{"workers":{"value":4}}}}}}}}`, a, workers(4, "ok"))},
		{"ADJUST: in the order of the document", func(r *rig) {
			var order []string
			for _, name := range []string{"zeta", "alpha", "mid"} {
				r.more[name] = newApp(name, nil)
			}
			r.a.adjust = func(_ context.Context, q connector.AdjustRequest) (types.Description, error) {
				for _, x := range q.Adjustments {
					order = append(order, x.Selector())
				}
				return types.Description{}, nil
			}
			given(`{"cmd":"ADJUST","param":{"state":{"application":{"components":{"zeta":{"settings":{"workers":{"value":3}}},"alpha":{"settings":{"workers":{"value":3}}},"mid":{"settings":{"workers":{"value":3}}}}}}}}`, a, func(r *rig, m message) {
				status("ok")(r, m)
				assert.Equal(r, []string{"zeta.workers", "alpha.workers", "mid.workers"}, order)
			})(r)
		}},
		{"ADJUST: state is missing", given(`{"cmd":"ADJUST","param":{}}`, a, failed("state: required"))},
		{"ADJUST: application is missing", given(`{"cmd":"ADJUST","param":{"state":{}}}`, a, failed("application"))},
		{"ADJUST: components are missing", given(`{"cmd":"ADJUST","param":{"state":{"application":{}}}}`, a, failed("components"))},
		{"ADJUST: settings are missing", given(`{"cmd":"ADJUST","param":{"state":{"application":{"components":{"a":{}}}}}}`, a, failed("settings"))},
		{"ADJUST: a value is missing", given(`{"cmd":"ADJUST","param":{"state":{"application":{"components":{"a":{"settings":{"workers":{}}}}}}}}`, a, failed("value"))},
		{"SLEEP is answered with nothing", given(`{"cmd":"SLEEP","param":{"duration":0,"data":{"status":"waiting","reason":"idle"}}}`, "", nil)},
		{"SLEEP: status and reason are for the log", sleeps(`,"param":{"duration":60,"data":{"status":"waiting","reason":"no pipeline"}}`, `duration=1m0s reason="waiting: no pipeline"`)},
		{"SLEEP: without a status", sleeps(`,"param":{"duration":"1m","data":{"reason":"no pipeline"}}`, `duration=1m0s reason="no pipeline"`)},
		{"SLEEP: without a reason", sleeps(`,"param":{"duration":60,"data":{}}`, `duration=1m0s reason="unknown reason"`)},
		{"SLEEP: without data and duration", sleeps(`,"param":{}`, `duration=2m0s reason="unknown reason"`)},
		{"SLEEP: without a param", sleeps(``, `duration=2m0s reason="unknown reason"`)},
		{"SLEEP (twin): then it asks again", func(r *rig) {
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				began := time.Now()
				r.start(optimizertest.Sleep(90*time.Second), optimizertest.Describe())
				_, err := r.opt.WaitRequest(t.Context(), optimizer.EventNext, 2)
				require.NoError(t, err)
				assert.Equal(t, 90*time.Second, time.Since(began))
				require.NoError(t, r.end())
			})
		}},
	})
}

// survives is a row in which asking for a command ends badly, once. The servo
// warns, waits, and asks again: it is not busy, and does what it is asked for
// next.
func survives(n int, answer http.Handler, logged string, then ...string) func(*rig) {
	return func(r *rig) {
		r.opt.Inject(n, answer, optimizer.EventNext)
		began := time.Now()
		r.start(optimizertest.Measure(time.Second, "latency"))
		assert.Equal(r, "ok", r.result().param["status"])
		assert.GreaterOrEqual(r, time.Since(began), 500*time.Millisecond, "there is a pause")
		require.NoError(r, r.end())
		assert.Contains(r, r.log.String(), logged)
		assert.Contains(r, r.log.String(), "level=WARN")
		want := []string{"HELLO"}
		for range n {
			want = append(want, "WHATS_NEXT")
		}
		want = append(append(want, then...), "WHATS_NEXT", "MEASUREMENT")
		assert.Equal(r, want, r.course()[:len(want)])
	}
}

// reports is a row in which a handler ends in some way, which is told, and the
// servo goes on.
func reports(err error, word string) func(*rig) {
	return func(r *rig) {
		r.a.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
			return types.Measurement{}, err
		}
		r.start(optimizertest.Measure(time.Second, "latency"), optimizertest.Describe())
		all := r.results()
		require.Len(r, all, 2)
		status(word)(r, all[0])
		status("ok")(r, all[1])
		require.NoError(r, r.end())
		assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "MEASUREMENT", "WHATS_NEXT", "DESCRIPTION"}, r.course()[:5], "at once")
	}
}

func TestConformanceLoop(t *testing.T) {
	conform(t, "10", []row{
		{"error of a handler: reported with its status", reports(connector.Reject("unstable", errBoom), "rejected")},
		{"any other error of a handler: failed, and it keeps running", reports(errBoom, "failed")},
		{"a handler cancels in an on handler: cancelled", reports(event.Cancel("maintenance"), "cancelled")},
		{"timeout after retries: warning, next iteration", func(r *rig) {
			r.client.HTTP = &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
			r.client.Retry.MaxTries = 2
			survives(2, optimizertest.Hang(nil), "gave no command")(r)
		}},
		{"410 superseded: quiet for an hour and interruptible", func(r *rig) {
			r.opt.Inject(1, optimizertest.Status(http.StatusGone, `{"detail":"unexpected servo_uid"}`), optimizer.EventNext)
			r.start()
			r.logged("another deployment of this servo has taken over")
			began := time.Now()
			require.NoError(r, r.end())
			assert.Less(r, time.Since(began), patience)
			assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "GOODBYE"}, r.course())
		}},
		{"410 superseded (twin): the next iteration is 3600 s later", func(r *rig) {
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				r.opt.Inject(1, optimizertest.Status(http.StatusGone, `{"detail":"unexpected servo_uid"}`), optimizer.EventNext)
				began := time.Now()
				r.start()
				_, err := r.opt.WaitRequest(t.Context(), optimizer.EventNext, 2)
				require.NoError(t, err)
				assert.Equal(t, time.Hour, time.Since(began))
				require.NoError(t, r.end())
			})
		}},
		{"410 otherwise, not JSON: like any status", survives(1, optimizertest.Status(http.StatusGone, "<html>"), "HTTP status 410")},
		{"other HTTP status, 401: warning, backoff", survives(1, optimizertest.Status(http.StatusUnauthorized, "{}"), "HTTP status 401")},
		{"other HTTP status, redirect: warning, backoff", survives(1, optimizertest.Redirect("http://127.0.0.1:1/"), "HTTP status 307")},
		{"503 after retries: warning, backoff", survives(3, optimizertest.Status(http.StatusServiceUnavailable, ""), "HTTP status 503")},
		{"unknown command: nothing posted, backoff", survives(1, say(`{"cmd":"JUMP","cmd_uid":"u9"}`), `command \"JUMP\" is unknown`)},
		{"malformed param of a known command: failed", func(r *rig) {
			r.opt.Inject(1, say(`{"cmd":"MEASURE","cmd_uid":"u9","param":[]}`), optimizer.EventNext)
			r.opt.Inject(1, say(`{"status":"ok"}`), optimizer.EventMeasurement)
			r.start()
			m := r.await(optimizer.EventMeasurement, 1)
			failed("param: an object is required")(r, m)
			assert.Equal(r, "u9", m.param["cmd_uid"])
		}},
		{"bad control of a known command: failed", given(`{"cmd":"MEASURE","param":{"metrics":[],"control":{"duration":"soon"}}}`, optimizer.EventMeasurement, failed("duration"))},
		{"malformed SLEEP: nothing posted, backoff", survives(1, say(`{"cmd":"SLEEP","param":{"duration":"soon"}}`), "duration")},
		{"transport error after retries: warning, continue", survives(3, optimizertest.Reset(), "gave no command")},
		{"body not JSON: warning, backoff", survives(1, optimizertest.Garbage(), "neither a command nor a status")},
		{"body truncated: warning, backoff", survives(3, optimizertest.Truncate(say(`{"status":"ok","reason":"long enough"}`)), "gave no command")},
		{"body neither command nor status: warning, backoff", survives(1, say(`{}`), "neither a command nor a status")},
		{"a status instead of a command: warning, backoff", survives(1, say(`{"status":"ok"}`), "expected a command")},
		{"unexpected-event instead of a command: greeted again", survives(1, say(`{"status":"unexpected-event","reason":"lost"}`), "out of step", "HELLO")},
		{"OAuth error: warning, backoff", func(r *rig) {
			var asked atomic.Int32
			tokens := serve(r.T, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if asked.Add(1) == 2 { // the renewal that the 401 asks for
					w.WriteHeader(http.StatusUnauthorized)
					_, _ = io.WriteString(w, `{"error":"invalid_client"}`)
					return
				}
				_, _ = io.WriteString(w, `{"access_token":"abc","token_type":"bearer","expires_in":3600}`)
			})
			credentials, err := optimizer.OAuth2(optimizer.OAuth2Options{TokenURL: tokens, ClientID: "id", ClientSecret: "s3cr3t"})
			require.NoError(r, err)
			r.client.Token, r.client.Credentials = "", credentials
			r.opt.Inject(1, optimizertest.Status(http.StatusUnauthorized, "{}"), optimizer.EventNext)
			r.start(optimizertest.Measure(time.Second, "latency"))
			assert.Equal(r, "ok", r.result().param["status"])
			require.NoError(r, r.end())
			assert.Contains(r, r.log.String(), "gave no command")
			assert.Contains(r, r.log.String(), "invalid_client")
			assert.NotContains(r, r.log.String(), "s3cr3t")
		}},
		{"a result that cannot be posted: warning, backoff", func(r *rig) {
			r.opt.Inject(1, optimizertest.Status(http.StatusUnprocessableEntity, "{}"), optimizer.EventMeasurement)
			r.start(optimizertest.Measure(time.Second, "latency"))
			r.results()
			require.NoError(r, r.end())
			assert.Contains(r, r.log.String(), "HTTP status 422")
			assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "MEASUREMENT", "WHATS_NEXT", "MEASUREMENT"}, r.course()[:5])
		}},
		{"strictly sequential, without a pause", func(r *rig) {
			r.start(optimizertest.Describe(), optimizertest.Measure(time.Second, "latency"), optimizertest.Adjust(types.Adjustment{Component: "a", Setting: "workers", Value: types.Int(3)}))
			require.Len(r, r.results(), 3)
			require.NoError(r, r.end())
			assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "DESCRIPTION", "WHATS_NEXT", "MEASUREMENT", "WHATS_NEXT", "ADJUSTMENT"}, r.course()[:7])
		}},
		{"interactive: no to a poll, nothing is asked and stopping is prompt", func(r *rig) {
			asked := make(chan struct{})
			r.options.Confirm = func(_ context.Context, q string) (bool, error) {
				if q == servo.AskPoll {
					close(asked)
				}
				return q == servo.AskConnect, nil
			}
			r.start()
			<-asked
			require.NoError(r, r.end())
			assert.Equal(r, []string{"HELLO", "GOODBYE"}, r.course())
		}},
		{"interactive (twin): asked again after 60 s", func(r *rig) {
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				polls := 0
				r.options.Confirm = func(_ context.Context, q string) (bool, error) {
					if q == servo.AskPoll {
						polls++
					}
					return q == servo.AskConnect || polls > 1, nil
				}
				began := time.Now()
				r.start()
				_, err := r.opt.WaitRequest(t.Context(), optimizer.EventNext, 1)
				require.NoError(t, err)
				assert.Equal(t, time.Minute, time.Since(began))
				require.NoError(t, r.end())
			})
		}},
	})
}
