package servo_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/types"
)

func ask(component string, v types.Value) types.Adjustment {
	return types.Adjustment{Component: component, Setting: "workers", Value: v}
}

func TestConformanceChecklist(t *testing.T) {
	measure := optimizertest.Measure(time.Second, "latency")
	conform(t, "16", []row{
		{"1 servo_uid and param always, cmd_uid in results and progress, also when null", func(r *rig) {
			r.opt.OmitUIDs()
			r.busy()
			r.start(measure, optimizertest.Describe())
			r.await(optimizer.EventMeasurement, 2)
			close(r.release)
			r.results()
			require.NoError(r, r.end())
			for _, m := range r.received() {
				assert.Contains(r, m.body, `"servo_uid":null`)
				assert.Contains(r, m.body, `"param":`)
				switch m.event {
				case optimizer.EventMeasurement, optimizer.EventDescription:
					assert.Contains(r, m.body, `"cmd_uid":null`)
				}
			}
			assert.Empty(r, r.opt.Violations())
		}},
		{"1 servo_uid in every event when there is one", func(r *rig) {
			r.client.ServoUID = "2f1c"
			r.start(measure)
			r.results()
			require.NoError(r, r.end())
			for _, m := range r.received() {
				assert.Contains(r, m.body, `"servo_uid":"2f1c"`)
			}
		}},
		{"2 ok results: message null, reason success", answersWith(measure, nil, nil, func(r *rig, m message) {
			assert.Contains(r, m.body, `"message":null`)
			assert.Contains(r, m.body, `"reason":"success"`)
		})},
		{"3 progress has the name of the result, never 0 or 100, nothing after the result", func(r *rig) {
			r.a.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
				_ = connector.Progress(ctx, types.Progress{Percent: 0})
				_ = connector.Progress(ctx, types.Progress{Percent: 50})
				r.await(optimizer.EventMeasurement, 1)
				_ = connector.Progress(ctx, types.Progress{Percent: 100})
				return types.Measurement{}, nil
			}
			r.start(measure, optimizertest.Describe())
			r.results()
			require.NoError(r, r.end())
			assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "progress", "MEASUREMENT", "WHATS_NEXT", "DESCRIPTION"}, r.course()[:6])
			assert.Empty(r, r.opt.Violations())
		}},
		{"4 cancel in, cancelled out", func(r *rig) {
			r.busy()
			r.opt.Inject(1, say(`{"status":"cancel"}`), optimizer.EventMeasurement)
			r.start(measure)
			status("cancelled")(r, r.result())
		}},
		{"5 404 and 5xx are retried", func(r *rig) {
			r.opt.Inject(1, optimizertest.Status(http.StatusNotFound, ""), optimizer.EventNext)
			r.opt.Inject(1, optimizertest.Status(http.StatusBadGateway, ""), optimizer.EventNext)
			r.start(optimizertest.Describe())
			r.results()
			assert.NotContains(r, r.log.String(), "gave no command", "not by the loop but below it")
		}},
		{"5 other 4xx are not", survives(1, optimizertest.Status(http.StatusForbidden, ""), "HTTP status 403")},
		{"5 410 superseded (twin): quiet for 1 h, in each event", func(r *rig) {
			for _, e := range []optimizer.Event{optimizer.EventHello, optimizer.EventNext, optimizer.EventMeasurement} {
				synctest.Test(r.T, func(t *testing.T) {
					r := newRig(t)
					r.inMemory()
					r.opt.Inject(1, optimizertest.Status(http.StatusGone, `{"detail":"unexpected servo_uid"}`), e)
					r.start(measure)
					r.await(e, 1)
					synctest.Wait()
					before := len(r.course())
					time.Sleep(time.Hour - time.Second)
					assert.Len(t, r.course(), before, e)
					require.NoError(t, r.end())
				})
			}
		}},
		{"6 metrics as list and as object, past is delay, numbers are seconds", func(r *rig) {
			asked := make(chan connector.MeasureRequest, 2)
			r.a.measure = func(_ context.Context, q connector.MeasureRequest) (types.Measurement, error) {
				asked <- q
				return types.Measurement{}, nil
			}
			r.opt.Inject(1, say(`{"cmd":"MEASURE","param":{"metrics":["a","b"],"control":{"past":5,"duration":7}}}`), optimizer.EventNext)
			r.opt.Inject(1, say(`{"cmd":"MEASURE","param":{"metrics":{"a":{},"b":{}},"control":{"delay":"5s","duration":"7s"}}}`), optimizer.EventNext)
			r.opt.Inject(2, say(`{"status":"ok"}`), optimizer.EventMeasurement)
			r.start()
			r.await(optimizer.EventMeasurement, 2)
			one, other := <-asked, <-asked
			assert.Equal(r, one, other)
			assert.Equal(r, 5*time.Second, one.Control.Delay.Std())
		}},
		{"7 X-SF-Token replaces Authorization, and no log has a secret", func(r *rig) {
			r.client.Token = "X-SF-Token s3cr3t"
			r.opt.Inject(1, optimizertest.Status(http.StatusUnauthorized, `{"detail":"s3cr3t is wrong"}`), optimizer.EventNext)
			r.opt.Inject(1, say(`{"status":"invalid","reason":"s3cr3t"}`), optimizer.EventDescription)
			r.start(optimizertest.Describe())
			r.results()
			require.NoError(r, r.end())
			for _, request := range r.opt.Requests() {
				assert.Equal(r, "s3cr3t", request.Header.Get("X-SF-Token"))
				assert.Empty(r, request.Header.Get("Authorization"))
			}
			assert.NotContains(r, r.log.String(), "s3cr3t")
		}},
		{"8 GOODBYE only after a successful HELLO", func(r *rig) {
			r.opt.Inject(3, optimizertest.Status(http.StatusUnauthorized, ""), optimizer.EventHello)
			r.start()
			require.Error(r, r.ended())
			assert.NotContains(r, r.course(), "GOODBYE")
		}},
		{"8 GOODBYE once, errors ignored", func(r *rig) {
			r.opt.Inject(9, optimizertest.Status(http.StatusForbidden, ""), optimizer.EventGoodbye)
			r.start()
			r.await(optimizer.EventNext, 1)
			require.NoError(r, r.end())
			assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "GOODBYE"}, r.course())
		}},
	})
}

func TestConformanceDecisions(t *testing.T) {
	adjust := func(as ...types.Adjustment) optimizer.Command { return optimizertest.Adjust(as...) }
	unchanged := func(texts ...string) func(*rig, message) {
		return func(r *rig, m message) {
			failed(texts...)(r, m)
			assert.Equal(r, types.Int(2), r.a.setting.Value, "nothing is changed")
		}
	}
	paced := func(answer http.Handler, n int, least, most time.Duration) func(*rig) {
		return func(r *rig) {
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				r.options.Rand = nil // with jitter
				r.opt.Inject(n, answer, optimizer.EventNext)
				began := time.Now()
				r.start()
				_, err := r.opt.WaitRequest(t.Context(), optimizer.EventNext, n+1)
				require.NoError(t, err)
				assert.GreaterOrEqual(t, time.Since(began), least)
				assert.LessOrEqual(t, time.Since(began), most)
				require.NoError(t, r.end())
			})
		}
	}
	conform(t, "README", []row{
		{"3 cancelling from an on hook: the dispatch is cancelled, siblings unwind", func(r *rig) {
			begun, unwound := make(chan struct{}), make(chan struct{})
			r.a.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
				close(begun)
				<-ctx.Done()
				close(unwound)
				return types.Measurement{}, ctx.Err()
			}
			b := newApp("b", nil)
			b.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
				<-begun
				return types.Measurement{}, event.Cancel("maintenance")
			}
			r.more["b"] = b
			answersWith(optimizertest.Measure(time.Second, "latency"), nil, nil, func(r *rig, m message) {
				<-unwound
				cancelled(r, m)
			})(r)
		}},
		{"3 cancelling from an after hook: cancelled", func(r *rig) {
			r.more["late"] = bind(func(h *connector.Host) error {
				connector.Measure.After(h, func(context.Context, connector.MeasureRequest, []event.Result[types.Measurement]) error {
					return event.Cancel("maintenance")
				})
				return nil
			})
			answersWith(optimizertest.Measure(time.Second, "latency"), nil, nil, cancelled)(r)
		}},
		{"20 an unknown component: failed, all or nothing", answersWith(
			adjust(ask("a", types.Int(4)), ask("web", types.Int(1))), nil, anError, unchanged(`unknown component "web"`))},
		{"20 an unknown setting: failed, all or nothing", answersWith(
			adjust(ask("a", types.Int(4)), types.Adjustment{Component: "a", Setting: "cpu", Value: types.Int(1)}), nil, anError, unchanged(`unknown setting "cpu"`))},
		{"20 a value of the wrong type: failed, all or nothing", answersWith(
			adjust(ask("a", types.Text("many"))), nil, anError, unchanged("a number is required"))},
		{"20 one message names each", answersWith(
			adjust(ask("web", types.Int(1)), types.Adjustment{Component: "a", Setting: "cpu", Value: types.Int(1)}, ask("a", types.Text("many"))), nil, anError,
			unchanged("web.workers", "a.cpu", "a.workers"))},
		{"21 a value outside the range: applied with a warning", answersWith(
			adjust(ask("a", types.Int(100))), nil, nil, func(r *rig, m message) {
				status("ok")(r, m)
				assert.Equal(r, types.Int(100), r.a.setting.Value)
				assert.Contains(r, r.log.String(), "odd setting")
			})},
		{"21 unless the connector knows that it cannot work: rejected", answersWith(
			adjust(ask("a", types.Int(100))), adjusting(connector.Reject("start-failed", errBoom)), anError, status("rejected"))},
		{"24 backoff (twin): 1 s with jitter", paced(say(`{"status":"ok"}`), 1, 500*time.Millisecond, time.Second)},
		{"24 backoff (twin): doubling", paced(say(`{"status":"ok"}`), 4, 7500*time.Millisecond, 15*time.Second)},
		{"24 backoff (twin): to 60 s", paced(say(`{"status":"ok"}`), 8, 91*time.Second, 183*time.Second)},
		{"24 backoff (twin): reset by a success", func(r *rig) {
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				began := time.Now()
				r.opt.Inject(3, say(`{"status":"ok"}`), optimizer.EventNext)
				r.start(optimizertest.Describe())
				r.await(optimizer.EventDescription, 1)
				assert.Equal(t, 3500*time.Millisecond, time.Since(began))
				require.NoError(t, r.end())
				assert.Contains(t, r.log.String(), "pause=2s")
			})
		}},
		{"25 greeted again after unexpected-event", survives(1, say(`{"status":"unexpected-event"}`), "out of step", "HELLO")},
		{"25 after cancel asking for the next is enough", func(r *rig) {
			r.busy()
			r.opt.AnswerProgress(optimizer.ErrCancelRequested)
			r.start(optimizertest.Measure(time.Second, "latency"), optimizertest.Describe())
			r.results()
			require.NoError(r, r.end())
			assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "progress", "MEASUREMENT", "WHATS_NEXT", "DESCRIPTION"}, r.course()[:6])
		}},
		{"25 after unexpected cmd_uid asking for the next is enough", func(r *rig) {
			r.busy()
			r.opt.AnswerProgress(optimizer.ErrUnexpectedCommand)
			r.start(optimizertest.Measure(time.Second, "latency"), optimizertest.Describe())
			r.results()
			require.NoError(r, r.end())
			assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "progress", "WHATS_NEXT", "DESCRIPTION"}, r.course()[:5])
		}},
		{"25 greeted again after a GOODBYE restarting", func(r *rig) {
			c := newCrowd(r.T)
			c.start()
			c.await(c.x, optimizer.EventNext, 1)
			c.await(c.y, optimizer.EventNext, 1)
			old, _ := c.a.Servo("x")
			require.NotNil(c, old)
			docs := c.documents(fmt.Sprintf("%s\nservo_uid: second\n", c.text))
			require.NoError(c, c.a.Reload(c.Context(), docs))
			c.await(c.y, optimizer.EventHello, 2)
			require.GreaterOrEqual(c, len(c.y.Events()), 4, "%v", c.y.Events())
			assert.Equal(c, "restarting", messageOf(c.T, c.await(c.y, optimizer.EventGoodbye, 1)).param["reason"])
			assert.Equal(c, []optimizer.Event{"HELLO", "WHATS_NEXT", "GOODBYE", "HELLO"}, c.y.Events()[:4])
			assert.Equal(c, []optimizer.Event{"HELLO", "WHATS_NEXT"}, c.x.Events(), "the other is left alone")
		}},
		{"25 a HELLO whose reply cannot be parsed is retried", persists(1, optimizertest.Garbage())},
		{"26 MEASURE returns at least the metrics asked for, and warns of one that is missing", func(r *rig) {
			r.start(optimizertest.Measure(time.Second, "latency", "rate"))
			assert.Equal(r, []string{"latency"}, keysOf(r.result().param["metrics"].(map[string]any)))
			assert.Contains(r, r.log.String(), "metric=rate")
		}},
		{"26 connectors may return more", answersWith(optimizertest.Measure(time.Second, "latency"), func(r *rig) {
			b := newApp("b", nil)
			b.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
				return types.Measurement{Readings: []types.Reading{types.DataPoint{Metric: types.Metric{Name: "rate"}, Sample: types.Observe(1)}}}, nil
			}
			r.more["b"] = b
		}, nil, func(r *rig, m message) {
			assert.ElementsMatch(r, []string{"latency", "rate"}, keysOf(m.param["metrics"].(map[string]any)))
		})},
	})
}
