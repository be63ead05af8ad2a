package servo_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
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

// The tests of this file and its neighbours hold the loop against the protocol,
// a case for each rule, over loopback HTTP.

// talk is a servo and an optimizer that talk over loopback HTTP.
type talk struct {
	*testing.T
	opt     *optimizertest.Optimizer
	options servo.Options
	retry   optimizer.Retry
	app     *app
	others  map[string]connector.Connector

	s   *servo.Servo
	log syncBuffer
}

func newTalk(t *testing.T, commands ...optimizer.Command) *talk {
	return &talk{
		T: t, opt: optimizertest.New(commands...), app: newApp("a", nil),
		options: servo.Options{Name: "test", Grace: 2 * time.Second, ProgressInterval: 5 * time.Millisecond},
		retry:   optimizer.Retry{MaxTries: 1},
	}
}

// build makes the servo, against the optimizer at url.
func (k *talk) build(url string) {
	k.Helper()
	client, err := optimizer.NewClient(optimizer.Options{URL: url, Retry: k.retry})
	require.NoError(k, err)
	k.options.Optimizer = client
	k.options.Logger = slog.New(slog.NewTextHandler(&k.log, nil))
	k.s, err = servo.New(k.options)
	require.NoError(k, err)
	require.NoError(k, k.s.Use("a", k.app))
	for name, c := range k.others {
		require.NoError(k, k.s.Use(name, c))
	}
}

// during runs the servo while f runs, and returns the error of Run.
func (k *talk) during(f func(ctx context.Context)) error {
	k.Helper()
	if k.s == nil {
		k.build(k.opt.Start(k.T))
	}
	ctx, cancel := context.WithTimeout(k.Context(), time.Minute)
	defer cancel()
	run, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- k.s.Run(run) }()
	f(ctx)
	stop()
	return <-done
}

// complete runs the servo until the script is done and returns the results.
func (k *talk) complete() []optimizer.Result {
	k.Helper()
	var results []optimizer.Result
	require.NoError(k, k.during(func(ctx context.Context) {
		var err error
		results, err = k.opt.WaitDone(ctx)
		require.NoError(k, err)
	}))
	return results
}

// params returns what was posted as the event, in order.
func (k *talk) params(e optimizer.Event) []map[string]json.RawMessage {
	var all []map[string]json.RawMessage
	for _, r := range k.opt.Requests() {
		if r.Event != e {
			continue
		}
		var envelope struct{ Param map[string]json.RawMessage }
		require.NoError(k, json.Unmarshal(r.Body, &envelope))
		all = append(all, envelope.Param)
	}
	return all
}

// count returns how often an event was posted.
func (k *talk) count(e optimizer.Event) int {
	n := 0
	for _, r := range k.opt.Requests() {
		if r.Event == e {
			n++
		}
	}
	return n
}

// holding makes the measurements of the servo last until they are cancelled or
// released, with progress.
func (k *talk) holding(released <-chan struct{}, unwound *error) {
	k.app.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for n := 1; ; n++ {
			if err := connector.Progress(ctx, types.Progress{Percent: min(99, float64(n)), Message: "measuring"}); err != nil {
				*unwound = err
				return types.Measurement{}, err
			}
			select {
			case <-tick.C:
			case <-released:
				return types.Measurement{Readings: []types.Reading{types.DataPoint{Metric: types.Metric{Name: "latency"}, Sample: types.Observe(1)}}}, nil
			}
		}
	}
}

type rule struct {
	name string
	test func(t *testing.T)
}

func check(t *testing.T, rules []rule) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.test(t)
		})
	}
	t.Logf("%d rows", len(rules))
}

// TestConformanceProgressReplies: what the optimizer answers to a report.
func TestConformanceProgressReplies(t *testing.T) {
	// goesOn: the measurement ends as it would have without the answer.
	goesOn := func(answer func(*talk)) func(*testing.T) {
		return func(t *testing.T) {
			k := newTalk(t, measureCommand)
			released := make(chan struct{})
			var unwound error
			k.holding(released, &unwound)
			answer(k)
			require.NoError(t, k.during(func(ctx context.Context) {
				_, err := k.opt.WaitRequest(ctx, optimizer.EventMeasurement, 3)
				require.NoError(t, err)
				close(released)
				results, err := k.opt.WaitDone(ctx)
				require.NoError(t, err)
				assert.Empty(t, results[0].Outcome)
			}))
			assert.NoError(t, unwound)
		}
	}
	check(t, []rule{
		{"ok: it goes on", goesOn(func(*talk) {})},
		{"invalid: a warning", goesOn(func(k *talk) { k.opt.AnswerProgress(optimizer.ErrInvalid) })},
		{"an unknown status: it goes on", goesOn(func(k *talk) {
			k.opt.Inject(1, optimizertest.Status(200, `{"status":"aborted"}`), optimizer.EventMeasurement)
		})},
		{"another HTTP error: it goes on", goesOn(func(k *talk) {
			k.opt.Inject(1, optimizertest.Status(403, ""), optimizer.EventMeasurement)
		})},
		{"no answer: it goes on", goesOn(func(k *talk) { k.opt.Inject(1, optimizertest.Reset(), optimizer.EventMeasurement) })},
		{"410 without a detail: it goes on", goesOn(func(k *talk) {
			k.opt.Inject(1, optimizertest.Status(410, "gone"), optimizer.EventMeasurement)
		})},
		{"cancel: acknowledged as cancelled, once, and on to the next", func(t *testing.T) {
			k := newTalk(t, measureCommand, describeCommand)
			var unwound error
			k.holding(nil, &unwound)
			k.opt.Inject(1, optimizertest.Status(200, `{"status":"cancel"}`), optimizer.EventMeasurement)
			results := k.complete()
			assert.Equal(t, types.Cancelled, results[0].Outcome)
			require.ErrorIs(t, unwound, connector.ErrCancelledByOptimizer)
			posts := k.params(optimizer.EventMeasurement)
			last := posts[len(posts)-1]
			assert.JSONEq(t, `"cancelled"`, string(last["status"]))
			assert.JSONEq(t, `"Command cancelled"`, string(last["message"]))
			assert.JSONEq(t, `null`, string(last["reason"]))
			assert.JSONEq(t, `"measure"`, string(last["cmd_uid"]))
			assert.Equal(t, 1, k.count(optimizer.EventHello), "asking for the next command is enough")
			assert.Empty(t, k.opt.Violations())
		}},
		{"unexpected cmd_uid: dropped without an answer", func(t *testing.T) {
			k := newTalk(t, measureCommand, describeCommand)
			var unwound error
			k.holding(nil, &unwound)
			k.opt.AnswerProgress(optimizer.ErrUnexpectedCommand)
			results := k.complete()
			assert.Len(t, results, 1, "only the description")
			require.ErrorIs(t, unwound, connector.ErrCommandSuperseded)
			for _, p := range k.params(optimizer.EventMeasurement) {
				assert.NotContains(t, p, "status")
			}
		}},
		{"unexpected-event: abandoned, and the optimizer is greeted again", func(t *testing.T) {
			k := newTalk(t, measureCommand)
			released := make(chan struct{})
			var unwound error
			k.holding(released, &unwound)
			k.opt.AnswerProgress(optimizer.ErrUnexpectedEvent)
			require.NoError(t, k.during(func(ctx context.Context) {
				_, err := k.opt.WaitRequest(ctx, optimizer.EventHello, 2)
				require.NoError(t, err)
				close(released)
				results, err := k.opt.WaitDone(ctx)
				require.NoError(t, err)
				assert.Empty(t, results[0].Outcome, "it is done again")
			}))
			require.Error(t, unwound)
			assert.Empty(t, k.opt.Violations())
		}},
		{"410 with a detail: abandoned without an answer, then quiet", func(t *testing.T) {
			k := newTalk(t, measureCommand)
			var unwound error
			k.holding(nil, &unwound)
			k.opt.Inject(1, optimizertest.Status(410, `{"detail":"unexpected servo_uid"}`), optimizer.EventMeasurement)
			began := time.Now()
			require.NoError(t, k.during(func(ctx context.Context) {
				_, err := k.opt.WaitRequest(ctx, optimizer.EventMeasurement, 1)
				require.NoError(t, err)
				waitFor(t, &k.log, "another deployment of this servo has taken over")
			}))
			assert.Less(t, time.Since(began), 30*time.Second, "the hour is interruptible")
			require.ErrorIs(t, unwound, optimizer.ErrSuperseded)
			assert.Equal(t, 1, k.count(optimizer.EventNext))
			assert.Equal(t, 1, k.count(optimizer.EventMeasurement))
		}},
		{"sent under the name of the result, with the keys of a report", func(t *testing.T) {
			k := newTalk(t, measureCommand)
			released := make(chan struct{})
			var unwound error
			k.holding(released, &unwound)
			require.NoError(t, k.during(func(ctx context.Context) {
				_, err := k.opt.WaitRequest(ctx, optimizer.EventMeasurement, 2)
				require.NoError(t, err)
				close(released)
				_, err = k.opt.WaitDone(ctx)
				require.NoError(t, err)
			}))
			report := k.params(optimizer.EventMeasurement)[0]
			assert.JSONEq(t, `"measure"`, string(report["cmd_uid"]))
			assert.JSONEq(t, `"measuring"`, string(report["message"]), "the bare message")
			assert.Contains(t, report, "progress")
			assert.Contains(t, report, "runtime")
			assert.NotContains(t, report, "status")
		}},
		{"cmd_uid is null for a command without", func(t *testing.T) {
			k := newTalk(t, optimizer.Command{Verb: optimizer.Measure, Metrics: []string{"latency"}})
			k.opt.OmitUIDs()
			results := k.complete()
			require.Len(t, results, 1)
			assert.JSONEq(t, `null`, string(k.params(optimizer.EventMeasurement)[0]["cmd_uid"]))
		}},
		{"0 and 100 percent are never sent, nor anything after the result", func(t *testing.T) {
			k := newTalk(t, measureCommand, describeCommand)
			k.app.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
				for _, percent := range []float64{0, 100, 100} {
					_ = connector.Progress(ctx, types.Progress{Percent: percent})
					timer := time.NewTimer(20 * time.Millisecond)
					<-timer.C
				}
				return types.Measurement{}, nil
			}
			k.complete()
			assert.Equal(t, 1, k.count(optimizer.EventMeasurement), "the result alone")
			assert.Empty(t, k.opt.Violations())
		}},
		{"an outage piles nothing up", func(t *testing.T) {
			k := newTalk(t, measureCommand)
			k.retry = optimizer.Retry{}
			released, hung := make(chan struct{}), make(chan struct{})
			var unwound error
			k.holding(released, &unwound)
			k.opt.Inject(1, optimizertest.Hang(hung), optimizer.EventMeasurement)
			require.NoError(t, k.during(func(ctx context.Context) {
				_, err := k.opt.WaitRequest(ctx, optimizer.EventMeasurement, 1)
				require.NoError(t, err)
				timer := time.NewTimer(100 * time.Millisecond) // twenty reports were due
				<-timer.C
				assert.Equal(t, 1, k.count(optimizer.EventMeasurement), "one at a time")
				close(released)
				_, err = k.opt.WaitDone(ctx)
				require.NoError(t, err)
				close(hung)
			}))
			assert.Equal(t, 2, k.count(optimizer.EventMeasurement), "what was under way was given up, then came the result")
		}},
	})
}

// waitFor waits until the log has text.
func waitFor(t *testing.T, log *syncBuffer, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(log.String(), text) }, 30*time.Second, time.Millisecond, text)
}

// TestConformanceErrorsOfAnIteration: what goes wrong in a turn of the loop.
func TestConformanceErrorsOfAnIteration(t *testing.T) {
	boom := errors.New("boom")
	// answers: the handler of a measurement fails, which is the answer, and the
	// servo keeps running.
	answers := func(err error, outcome types.Outcome, reason string) func(*testing.T) {
		return func(t *testing.T) {
			k := newTalk(t, measureCommand, describeCommand)
			k.app.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
				if errors.Is(err, errPanic) {
					panic("a bug")
				}
				return types.Measurement{}, err
			}
			results := k.complete()
			require.Len(t, results, 2)
			assert.Equal(t, outcome, results[0].Outcome)
			assert.Equal(t, reason, results[0].Reason)
			assert.NotEmpty(t, results[0].Message)
			assert.Empty(t, results[1].Outcome)
		}
	}
	// survives: WHATS_NEXT is answered with something odd, nothing is posted for
	// it, and after a pause the servo asks again.
	survives := func(fault http.Handler, greetings int) func(*testing.T) {
		return func(t *testing.T) {
			k := newTalk(t, describeCommand)
			k.opt.Inject(1, fault, optimizer.EventNext)
			began := time.Now()
			results := k.complete()
			require.Len(t, results, 1)
			assert.Empty(t, results[0].Outcome)
			assert.GreaterOrEqual(t, time.Since(began), 500*time.Millisecond, "never a busy loop")
			assert.Equal(t, greetings, k.count(optimizer.EventHello))
			assert.Equal(t, 1, k.count(optimizer.EventDescription))
		}
	}
	say := func(text string) http.Handler { return optimizertest.Status(200, text) }
	// malformed: a known command whose parameters make no sense is answered.
	malformed := func(text string, answer optimizer.Event, says string) func(*testing.T) {
		return func(t *testing.T) {
			k := newTalk(t, describeCommand)
			k.opt.Inject(1, say(text), optimizer.EventNext)
			k.complete()
			first := k.params(answer)[0]
			assert.JSONEq(t, `"failed"`, string(first["status"]))
			assert.Contains(t, string(first["message"]), says)
			assert.JSONEq(t, `"u9"`, string(first["cmd_uid"]))
		}
	}
	check(t, []rule{
		{"rejected", answers(connector.Reject("unstable", boom), types.Rejected, "unstable")},
		{"aborted", answers(connector.Abort("slo-violation", boom), types.Aborted, "slo-violation")},
		{"failed with a reason", answers(connector.Fail("start-failed", boom), types.Failed, "start-failed")},
		{"any other error is failed", answers(boom, types.Failed, "")},
		{"a panic is failed", answers(errPanic, types.Failed, "")},
		{"cancelled by an on handler", answers(event.Cancel("not now"), types.Cancelled, "")},
		{"timeout", func(t *testing.T) {
			k := newTalk(t, describeCommand)
			hung := make(chan struct{})
			t.Cleanup(func() { close(hung) })
			k.opt.Inject(1, optimizertest.Hang(hung), optimizer.EventNext)
			url := k.opt.Start(t)
			k.build(url)
			client, err := optimizer.NewClient(optimizer.Options{URL: url, Retry: k.retry, HTTP: &http.Client{Timeout: 50 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}})
			require.NoError(t, err)
			k.options.Optimizer = client
			k.s, err = servo.New(k.options)
			require.NoError(t, err)
			require.NoError(t, k.s.Use("a", newApp("a", nil)))
			assert.Len(t, k.complete(), 1)
		}},
		{"410 unexpected servo_uid", func(t *testing.T) {
			k := newTalk(t, describeCommand)
			k.opt.Inject(1, optimizertest.Status(410, `{"detail":"unexpected servo_uid"}`), optimizer.EventNext)
			require.NoError(t, k.during(func(ctx context.Context) {
				_, err := k.opt.WaitRequest(ctx, optimizer.EventNext, 1)
				require.NoError(t, err)
				waitFor(t, &k.log, "pause=1h")
			}))
			assert.Equal(t, 1, k.count(optimizer.EventNext))
		}},
		{"401", survives(optimizertest.Status(401, ""), 1)},
		{"403", survives(optimizertest.Status(403, "no"), 1)},
		{"422", survives(optimizertest.Status(422, ""), 1)},
		{"redirect", survives(optimizertest.Redirect("http://127.0.0.1:1/"), 1)},
		{"500 after all tries", survives(optimizertest.Status(500, ""), 1)},
		{"410 without JSON", survives(optimizertest.Status(410, "gone"), 1)},
		{"connection reset", survives(optimizertest.Reset(), 1)},
		{"connection closed", survives(optimizertest.Disconnect(), 1)},
		{"answer cut off", survives(optimizertest.Truncate(say(`{"cmd":"DESCRIBE"}`)), 1)},
		{"no JSON", survives(optimizertest.Garbage(), 1)},
		{"empty answer", survives(say(""), 1)},
		{"unknown command", survives(say(`{"cmd":"DANCE","cmd_uid":"u9"}`), 1)},
		{"a status that is ok", survives(say(`{"status":"ok"}`), 1)},
		{"a status that is invalid", survives(say(`{"status":"invalid","reason":"who are you"}`), 1)},
		{"unexpected-event: greeted again", survives(say(`{"status":"unexpected-event","reason":"out of order"}`), 2)},
		{"SLEEP that cannot be read", survives(say(`{"cmd":"SLEEP","param":{"duration":"soon"}}`), 1)},
		{"DESCRIBE with bad control", malformed(`{"cmd":"DESCRIBE","cmd_uid":"u9","param":{"control":{"duration":"soon"}}}`, optimizer.EventDescription, "duration")},
		{"MEASURE without metrics", malformed(`{"cmd":"MEASURE","cmd_uid":"u9","param":{"control":{}}}`, optimizer.EventMeasurement, "metrics: required")},
		{"MEASURE without control", malformed(`{"cmd":"MEASURE","cmd_uid":"u9","param":{"metrics":[]}}`, optimizer.EventMeasurement, "control: required")},
		{"MEASURE without param", malformed(`{"cmd":"MEASURE","cmd_uid":"u9","param":null}`, optimizer.EventMeasurement, "required")},
		{"ADJUST without state", malformed(`{"cmd":"ADJUST","cmd_uid":"u9","param":{"control":{}}}`, optimizer.EventAdjustment, "state: required")},
		{"ADJUST without a value", malformed(`{"cmd":"ADJUST","cmd_uid":"u9","param":{"state":{"application":{"components":{"a":{"settings":{"workers":{}}}}}}}}`, optimizer.EventAdjustment, "value: required")},
		{"the result is out of order: a warning, then greeted again", func(t *testing.T) {
			k := newTalk(t, describeCommand)
			k.opt.Inject(1, say(`{"status":"unexpected-event","reason":"expected MEASUREMENT"}`), optimizer.EventDescription)
			k.complete()
			assert.Equal(t, 2, k.count(optimizer.EventHello))
			assert.Contains(t, k.log.String(), "expected MEASUREMENT")
		}},
		{"the result is refused: a warning, and on", func(t *testing.T) {
			k := newTalk(t, describeCommand)
			k.opt.Inject(1, say(`{"status":"invalid","reason":"no descriptor"}`), optimizer.EventDescription)
			k.complete()
			assert.Equal(t, 1, k.count(optimizer.EventHello))
			assert.Contains(t, k.log.String(), "no descriptor")
		}},
		{"commands come one after the other", func(t *testing.T) {
			k := newTalk(t, describeCommand, measureCommand, adjust(3), measureCommand)
			assert.Len(t, k.complete(), 4)
			assert.Equal(t, []optimizer.Event{
				optimizer.EventHello, optimizer.EventNext, optimizer.EventDescription, optimizer.EventNext, optimizer.EventMeasurement,
				optimizer.EventNext, optimizer.EventAdjustment, optimizer.EventNext, optimizer.EventMeasurement,
			}, k.opt.Events()[:9])
		}},
	})
}

// errPanic asks the fake handler to panic.
var errPanic = errors.New("panic")
