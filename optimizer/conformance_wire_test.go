package optimizer_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

func TestConformanceRequests(t *testing.T) {
	says := func(call func(*testing.T, *optimizer.Client) error, want string, refine ...func(*optimizer.Options)) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			require.NoError(t, call(t, w.client(t, refine...)))
			assert.JSONEq(t, want, w.only(t).Body)
		}
	}
	goodbye := func(reason string) func(*testing.T, *optimizer.Client) error {
		return func(t *testing.T, c *optimizer.Client) error { return c.Goodbye(t.Context(), reason) }
	}
	hello := func(h optimizer.Hello) func(*testing.T, *optimizer.Client) error {
		return func(t *testing.T, c *optimizer.Client) error { return c.Hello(t.Context(), h) }
	}
	event := func(name string, call func(*testing.T, *optimizer.Client) error) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			_ = call(t, w.client(t)) // a status is no command, for one
			assert.Equal(t, name, w.only(t).fields(t)["event"])
		}
	}
	answer := func(verb optimizer.Verb) func(*testing.T, *optimizer.Client) error {
		return func(t *testing.T, c *optimizer.Client) error {
			return c.Reply(t.Context(), optimizer.Result{Verb: verb})
		}
	}
	uid := func(o *optimizer.Options) { o.ServoUID = "2f1c" }
	conform(t, "4", []row{
		{"event HELLO", event("HELLO", hello(optimizer.Hello{}))},
		{"event WHATS_NEXT", event("WHATS_NEXT", func(t *testing.T, c *optimizer.Client) error { _, err := c.Next(t.Context()); return err })},
		{"event DESCRIPTION", event("DESCRIPTION", answer(optimizer.Describe))},
		{"event MEASUREMENT", event("MEASUREMENT", answer(optimizer.Measure))},
		{"event ADJUSTMENT", event("ADJUSTMENT", answer(optimizer.Adjust))},
		{"event GOODBYE", event("GOODBYE", goodbye("x"))},
		{"param is there when null", func(t *testing.T, w *wire) {
			_, err := w.client(t).Next(t.Context())
			require.Error(t, err)
			assert.Contains(t, w.only(t).Body, `"param":null`)
		}},
		{"servo_uid is there when null", says(goodbye("x"), `{"event":"GOODBYE","param":{"reason":"x"},"servo_uid":null}`)},
		{"servo_uid is a string", says(goodbye("x"), `{"event":"GOODBYE","param":{"reason":"x"},"servo_uid":"2f1c"}`, uid)},
		{"HELLO", says(hello(optimizer.Hello{Agent: "a v1", Telemetry: map[string]string{"servox.version": "1", "kubernetes.namespace": "prod"}}),
			`{"event":"HELLO","param":{"agent":"a v1","telemetry":{"servox.version":"1","kubernetes.namespace":"prod"}},"servo_uid":"2f1c"}`, uid)},
		{"HELLO without telemetry", says(hello(optimizer.Hello{Agent: "a v1"}), `{"event":"HELLO","param":{"agent":"a v1","telemetry":{}},"servo_uid":null}`)},
		{"WHATS_NEXT", func(t *testing.T, w *wire) {
			_, err := w.client(t).Next(t.Context())
			require.Error(t, err)
			assert.JSONEq(t, `{"event":"WHATS_NEXT","param":null,"servo_uid":null}`, w.only(t).Body)
		}},
		{"GOODBYE", says(goodbye("SIGTERM"), `{"event":"GOODBYE","param":{"reason":"SIGTERM"},"servo_uid":null}`)},
		{"GOODBYE without a reason", says(goodbye(""), `{"event":"GOODBYE","param":{"reason":"unknown"},"servo_uid":null}`)},
		{"beyond ASCII", says(goodbye("grüß \u2028 🦫"), "{\"event\":\"GOODBYE\",\"param\":{\"reason\":\"grüß \u2028 🦫\"},\"servo_uid\":null}")},
		{"no NaN in a measurement", func(t *testing.T, w *wire) {
			p := replies(t, w, optimizer.Result{Verb: optimizer.Measure, Measurement: types.Measurement{Readings: []types.Reading{
				types.NewTimeSeries(types.Metric{Name: "m"}, types.DataPoint{Time: at(1), Sample: types.Observe(math.NaN())}, types.DataPoint{Time: at(2), Sample: types.Observe(3)}, types.DataPoint{Time: at(4), Sample: types.Observe(math.Inf(1))}),
			}}})
			assert.Contains(t, w.only(t).Body, `"data":[[2,3.0]]`)
			assert.NotNil(t, p["metrics"])
		}},
		{"no infinite progress", func(t *testing.T, w *wire) {
			p := halfway()
			p.Percent = math.Inf(1)
			assert.ErrorContains(t, w.client(t).Progress(t.Context(), p), "a finite number is required")
			assert.Empty(t, w.requests())
		}},
	})
}

func TestConformanceResponses(t *testing.T) {
	steers := func(body string, want error) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			w.answer(say(200, body))
			assert.ErrorIs(t, w.client(t).Progress(t.Context(), halfway()), want)
		}
	}
	parses := func(word string) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			w.answer(say(200, `{"status":"`+word+`"}`))
			assert.NoError(t, w.client(t).Hello(t.Context(), optimizer.Hello{}))
		}
	}
	conform(t, "5.1", []row{
		{"ok", steers(`{"status":"ok"}`, nil)},
		{"unexpected-event", steers(`{"status":"unexpected-event","reason":"Out of order"}`, optimizer.ErrUnexpectedEvent)},
		{"cancel", steers(`{"status":"cancel","reason":"r"}`, optimizer.ErrCancelRequested)},
		{"invalid", steers(`{"status":"invalid","reason":"bad"}`, optimizer.ErrInvalid)},
		{"invalid, unexpected cmd_uid", steers(`{"status":"invalid","reason":"unexpected cmd_uid"}`, optimizer.ErrUnexpectedCommand)},
		{"unknown fields", steers(`{"status":"ok","more":{"a":[1]},"state":null,"metrics":{},"annotations":{},"other_messages":[],"descriptor":1,"cmd_uid":null}`, nil)},
		{"failed parses", parses("failed")}, {"rejected parses", parses("rejected")},
		{"aborted parses", parses("aborted")}, {"cancelled parses", parses("cancelled")},
		{"another word", func(t *testing.T, w *wire) {
			w.answer(say(200, `{"status":"fine"}`))
			assert.ErrorContains(t, w.client(t).Goodbye(t.Context(), ""), `status "fine" is unknown`)
		}},
		{"the reason comes along", func(t *testing.T, w *wire) {
			w.answer(say(200, `{"status":"unexpected-event","reason":"Out of order event \"ADJUSTMENT\", expected \"MEASUREMENT\"; ignoring"}`))
			err := w.client(t).Reply(t.Context(), optimizer.Result{Verb: optimizer.Adjust})
			assert.ErrorIs(t, err, optimizer.ErrUnexpectedEvent)
			assert.ErrorContains(t, err, `expected "MEASUREMENT"; ignoring`)
		}},
	})
	understands := func(body string, check func(*testing.T, optimizer.Command)) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			c, err := nextOf(t, w, body)
			require.NoError(t, err)
			check(t, c)
		}
	}
	refuses := func(body string, verb optimizer.Verb, want ...string) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			_, err := nextOf(t, w, body)
			var malformed *optimizer.CommandError
			require.ErrorAs(t, err, &malformed)
			assert.Equal(t, verb, malformed.Command.Verb)
			for _, text := range want {
				assert.ErrorContains(t, err, text)
			}
		}
	}
	verb := func(want optimizer.Verb) func(*testing.T, optimizer.Command) {
		return func(t *testing.T, c optimizer.Command) { assert.Equal(t, want, c.Verb) }
	}
	answered := func(v optimizer.Verb, event optimizer.Event) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			assert.Equal(t, event, v.Answer())
			if event != "" {
				require.NoError(t, w.client(t).Reply(t.Context(), optimizer.Result{Verb: v}))
				assert.Equal(t, string(event), w.only(t).fields(t)["event"])
			}
		}
	}
	state := `"state":{"application":{"components":{"z":{"settings":{"mem":{"value":2.0,"note":[1]},"cpu":{"value":1.5}}},"a":{"settings":{"kind":{"value":"m5"}}}}}}`
	conform(t, "5.2", []row{
		{"command before status", understands(`{"cmd":"DESCRIBE","status":"ok","param":{}}`, verb(optimizer.Describe))},
		{"DESCRIBE is answered with DESCRIPTION", answered(optimizer.Describe, optimizer.EventDescription)},
		{"MEASURE is answered with MEASUREMENT", answered(optimizer.Measure, optimizer.EventMeasurement)},
		{"ADJUST is answered with ADJUSTMENT", answered(optimizer.Adjust, optimizer.EventAdjustment)},
		{"SLEEP is not answered", answered(optimizer.Sleep, "")},
		{"cmd_uid", understands(`{"cmd":"DESCRIBE","cmd_uid":"01HB","param":{}}`, func(t *testing.T, c optimizer.Command) { assert.Equal(t, "01HB", c.UID) })},
		{"cmd_uid null", understands(`{"cmd":"DESCRIBE","cmd_uid":null,"param":{}}`, func(t *testing.T, c optimizer.Command) { assert.Empty(t, c.UID) })},
		{"cmd_uid absent", understands(`{"cmd":"DESCRIBE","param":{}}`, func(t *testing.T, c optimizer.Command) { assert.Empty(t, c.UID) })},
		{"another command", func(t *testing.T, w *wire) {
			_, err := nextOf(t, w, `{"cmd":"CANCEL"}`)
			assert.ErrorContains(t, err, `command "CANCEL" is unknown`)
		}},
		{"DESCRIBE", understands(`{"cmd":"DESCRIBE","cmd_uid":"u1","param":{"control":{}}}`, verb(optimizer.Describe))},
		{"DESCRIBE param null", understands(`{"cmd":"DESCRIBE","param":null}`, verb(optimizer.Describe))},
		{"DESCRIBE param absent", understands(`{"cmd":"DESCRIBE"}`, verb(optimizer.Describe))},
		{"DESCRIBE control null", understands(`{"cmd":"DESCRIBE","param":{"control":null}}`, verb(optimizer.Describe))},
		{"MEASURE", understands(`{"cmd":"MEASURE","cmd_uid":"u2","param":{"metrics":{"throughput":{"unit":"rpm"},"error_rate":{"unit":"%"}},"control":{"duration":180,"delay":10,"warmup":30,"load":{"concurrency":10},"userdata":{"slo":{}}}}}`, func(t *testing.T, c optimizer.Command) {
			assert.Equal(t, []string{"throughput", "error_rate"}, c.Metrics)
			assert.Equal(t, 3*time.Minute, c.Control.Duration.Std())
			assert.Equal(t, 10*time.Second, c.Control.Delay.Std())
			assert.Equal(t, 30*time.Second, c.Control.Warmup.Std())
			assert.JSONEq(t, `{"concurrency":10}`, string(c.Control.Load))
			assert.JSONEq(t, `{"slo":{}}`, string(c.Control.Userdata))
		})},
		{"MEASURE metrics as a list", understands(`{"cmd":"MEASURE","param":{"metrics":["b","a"],"control":{}}}`, func(t *testing.T, c optimizer.Command) { assert.Equal(t, []string{"b", "a"}, c.Metrics) })},
		{"MEASURE durations as text", understands(`{"cmd":"MEASURE","param":{"metrics":[],"control":{"duration":"1m30s"}}}`, func(t *testing.T, c optimizer.Command) { assert.Equal(t, 90*time.Second, c.Control.Duration.Std()) })},
		{"MEASURE past is delay", understands(`{"cmd":"MEASURE","param":{"metrics":[],"control":{"past":60}}}`, func(t *testing.T, c optimizer.Command) { assert.Equal(t, time.Minute, c.Control.Delay.Std()) })},
		{"MEASURE needs metrics and control", refuses(`{"cmd":"MEASURE","cmd_uid":"u2","param":{}}`, optimizer.Measure, "metrics: required", "control: required")},
		{"ADJUST in the order of the document", understands(`{"cmd":"ADJUST","cmd_uid":"u3","param":{`+state+`,"control":{"settlement":60}}}`, func(t *testing.T, c optimizer.Command) {
			assert.Equal(t, types.Adjustments{
				{Component: "z", Setting: "mem", Value: types.Float(2)}, {Component: "z", Setting: "cpu", Value: types.Float(1.5)}, {Component: "a", Setting: "kind", Value: types.Text("m5")},
			}, c.Adjustments)
			require.NotNil(t, c.Control.Settlement)
			assert.Equal(t, time.Minute, c.Control.Settlement.Std())
		})},
		{"ADJUST control null", understands(`{"cmd":"ADJUST","param":{`+state+`,"control":null}}`, verb(optimizer.Adjust))},
		{"ADJUST without state", refuses(`{"cmd":"ADJUST","param":{}}`, optimizer.Adjust, "state: required")},
		{"ADJUST param null", refuses(`{"cmd":"ADJUST","param":null}`, optimizer.Adjust, "state: required")},
		{"ADJUST without application", refuses(`{"cmd":"ADJUST","param":{"state":{}}}`, optimizer.Adjust, "application")},
		{"ADJUST without components", refuses(`{"cmd":"ADJUST","param":{"state":{"application":{}}}}`, optimizer.Adjust, "components")},
		{"ADJUST without settings", refuses(`{"cmd":"ADJUST","param":{"state":{"application":{"components":{"a":{}}}}}}`, optimizer.Adjust, "settings")},
		{"ADJUST without value", refuses(`{"cmd":"ADJUST","param":{"state":{"application":{"components":{"a":{"settings":{"cpu":{}}}}}}}}`, optimizer.Adjust, "value")},
		{"SLEEP", understands(`{"cmd":"SLEEP","cmd_uid":null,"param":{"duration":60,"data":{"status":"waiting","reason":"no pipeline"}}}`, func(t *testing.T, c optimizer.Command) {
			assert.Equal(t, time.Minute, c.SleepFor)
			assert.Equal(t, "waiting: no pipeline", c.SleepReason)
		})},
		{"SLEEP without status", understands(`{"cmd":"SLEEP","param":{"duration":"2m","data":{"reason":"r"}}}`, func(t *testing.T, c optimizer.Command) {
			assert.Equal(t, 2*time.Minute, c.SleepFor)
			assert.Equal(t, "r", c.SleepReason)
		})},
		{"SLEEP without data and duration", understands(`{"cmd":"SLEEP","param":{}}`, func(t *testing.T, c optimizer.Command) {
			assert.Equal(t, 120*time.Second, c.SleepFor)
			assert.Equal(t, "unknown reason", c.SleepReason)
		})},
		{"SLEEP without param", understands(`{"cmd":"SLEEP"}`, func(t *testing.T, c optimizer.Command) { assert.Equal(t, 120*time.Second, c.SleepFor) })},
	})
}

func TestConformanceResults(t *testing.T) {
	has := func(r optimizer.Result, want map[string]any, more ...string) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			p := replies(t, w, r)
			all := more
			for key, value := range want {
				assert.Equal(t, value, p[key], key)
				all = append(all, key)
			}
			assert.ElementsMatch(t, all, keys(p), "no other keys")
		}
	}
	ok := map[string]any{"status": "ok", "message": nil, "reason": "success", "cmd_uid": "u1"}
	failed := func(o types.Outcome) func(*testing.T, *wire) {
		return has(optimizer.Result{Verb: optimizer.Adjust, UID: "u3", Outcome: o, Message: "m", Reason: "unstable", Description: exampleDescription},
			map[string]any{"status": string(o), "message": "m", "reason": "unstable", "cmd_uid": "u3"})
	}
	metric := types.Metric{Name: "throughput", Unit: types.RequestsPerMinute}
	series := func(id string, value float64) types.TimeSeries {
		s := types.NewTimeSeries(metric, types.DataPoint{Time: at(1709078340).Add(900 * time.Millisecond), Sample: types.Observe(value)})
		s.ID = id
		return s
	}
	conform(t, "6", []row{
		{"DESCRIBE ok", has(optimizer.Result{Verb: optimizer.Describe, UID: "u1", Description: exampleDescription}, ok, "descriptor")},
		{"MEASURE ok", has(optimizer.Result{Verb: optimizer.Measure, UID: "u1"}, ok, "metrics", "annotations")},
		{"ADJUST ok", has(optimizer.Result{Verb: optimizer.Adjust, UID: "u1"}, ok, "state")},
		{"error", has(optimizer.Result{Verb: optimizer.Measure, Outcome: types.Failed}, map[string]any{"status": "failed", "message": nil, "reason": nil, "cmd_uid": nil})},
		{"cmd_uid null", has(optimizer.Result{Verb: optimizer.Adjust}, map[string]any{"status": "ok", "message": nil, "reason": "success", "cmd_uid": nil}, "state")},
		{"rejected", failed(types.Rejected)}, {"aborted", failed(types.Aborted)}, {"cancelled", failed(types.Cancelled)}, {"failed", failed(types.Failed)},
		{"other_messages", has(optimizer.Result{Verb: optimizer.Adjust, Outcome: types.Failed, Others: []string{"b", "c"}},
			map[string]any{"status": "failed", "message": nil, "reason": nil, "cmd_uid": nil, "other_messages": []any{"b", "c"}})},
		{"DESCRIPTION", func(t *testing.T, w *wire) {
			p := replies(t, w, optimizer.Result{Verb: optimizer.Describe, Description: exampleDescription})
			assert.Equal(t, map[string]any{
				"application": map[string]any{"components": map[string]any{"main": map[string]any{"settings": map[string]any{
					"cpu":       map[string]any{"type": "range", "pinned": false, "unit": "cores", "value": 1.0, "min": 0.125, "max": 4.0, "step": 0.125},
					"inst_type": map[string]any{"type": "enum", "pinned": true, "unit": "ec2", "value": "m5.large", "values": []any{"m5.large", "m5.xlarge"}},
				}}}},
				"measurement": map[string]any{"metrics": map[string]any{"throughput": map[string]any{"unit": "rpm"}, "error_rate": map[string]any{"unit": "%"}}},
			}, p["descriptor"])
		}},
		{"MEASUREMENT of series, one entry each", func(t *testing.T, w *wire) {
			p := replies(t, w, optimizer.Result{Verb: optimizer.Measure, Measurement: types.Measurement{Readings: []types.Reading{series("pod-1", 1), series("pod-2", 2)}}})
			assert.Equal(t, map[string]any{"throughput": map[string]any{"unit": "rpm", "values": []any{
				map[string]any{"id": "pod-1", "data": []any{[]any{1709078340.0, 1.0}}}, map[string]any{"id": "pod-2", "data": []any{[]any{1709078340.0, 2.0}}},
			}}}, p["metrics"])
			assert.Equal(t, map[string]any{}, p["annotations"])
		}},
		{"MEASUREMENT of a scalar", func(t *testing.T, w *wire) {
			p := replies(t, w, optimizer.Result{Verb: optimizer.Measure, Measurement: types.Measurement{
				Readings: []types.Reading{types.DataPoint{Metric: types.Metric{Name: "error_rate", Unit: types.Percentage}, Sample: types.Observe(0.25)}}, Annotations: map[string]string{"load_profile": "peak"},
			}})
			assert.Equal(t, map[string]any{"error_rate": map[string]any{"unit": "%", "value": 0.25}}, p["metrics"])
			assert.Equal(t, map[string]any{"load_profile": "peak"}, p["annotations"])
		}},
		{"ADJUSTMENT", func(t *testing.T, w *wire) {
			p := replies(t, w, optimizer.Result{Verb: optimizer.Adjust, Description: types.Description{Components: exampleDescription.Components}})
			state, _ := p["state"].(map[string]any)
			assert.ElementsMatch(t, []string{"application", "measurement"}, keys(state))
		}},
		{"the reply unexpected-event", func(t *testing.T, w *wire) {
			w.answer(say(200, `{"status":"unexpected-event"}`))
			assert.ErrorIs(t, w.client(t).Reply(t.Context(), optimizer.Result{Verb: optimizer.Measure}), optimizer.ErrUnexpectedEvent)
		}},
	})
}

func TestConformanceProgress(t *testing.T) {
	reports := func(p optimizer.Progress, want string) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			require.NoError(t, w.client(t).Progress(t.Context(), p))
			assert.JSONEq(t, want, w.only(t).Body)
		}
	}
	report := func(verb optimizer.Verb, percent float64, message string) optimizer.Progress {
		p := optimizer.Progress{Verb: verb, UID: "u2", Runtime: 60010 * time.Millisecond}
		p.Percent, p.Message = percent, message
		return p
	}
	silent := func(percent float64) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			require.NoError(t, w.client(t).Progress(t.Context(), report(optimizer.Measure, percent, "m")))
			assert.Empty(t, w.requests())
		}
	}
	anonymous := report(optimizer.Measure, 5, "")
	anonymous.UID = ""
	reacts := func(code int, body string, want error) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			w.answer(say(code, body))
			err := w.client(t).Progress(t.Context(), halfway())
			if want == nil {
				assert.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, want)
		}
	}
	conform(t, "7", []row{
		{"all fields", reports(report(optimizer.Measure, 33.3, "measuring"), `{"event":"MEASUREMENT","param":{"progress":33.3,"runtime":60.01,"cmd_uid":"u2","message":"measuring"},"servo_uid":null}`)},
		{"message is omitted", reports(report(optimizer.Measure, 33.3, ""), `{"event":"MEASUREMENT","param":{"progress":33.3,"runtime":60.01,"cmd_uid":"u2"},"servo_uid":null}`)},
		{"cmd_uid null", reports(anonymous, `{"event":"MEASUREMENT","param":{"progress":5,"runtime":60.01,"cmd_uid":null},"servo_uid":null}`)},
		{"DESCRIPTION", reports(report(optimizer.Describe, 5, ""), `{"event":"DESCRIPTION","param":{"progress":5,"runtime":60.01,"cmd_uid":"u2"},"servo_uid":null}`)},
		{"ADJUSTMENT", reports(report(optimizer.Adjust, 5, ""), `{"event":"ADJUSTMENT","param":{"progress":5,"runtime":60.01,"cmd_uid":"u2"},"servo_uid":null}`)},
		{"other commands have none", func(t *testing.T, w *wire) {
			assert.ErrorContains(t, w.client(t).Progress(t.Context(), report(optimizer.Sleep, 5, "")), "not answered")
			assert.Empty(t, w.requests())
		}},
		{"0 is not sent", silent(0)}, {"100 is not sent", silent(100)}, {"100.5 is not sent", silent(100.5)},
		{"reply ok", reacts(200, `{"status":"ok"}`, nil)},
		{"reply unexpected-event", reacts(200, `{"status":"unexpected-event","reason":"r"}`, optimizer.ErrUnexpectedEvent)},
		{"reply cancel", reacts(200, `{"status":"cancel"}`, optimizer.ErrCancelRequested)},
		{"reply invalid, unexpected cmd_uid", reacts(200, `{"status":"invalid","reason":"unexpected cmd_uid"}`, optimizer.ErrUnexpectedCommand)},
		{"reply invalid, other", reacts(200, `{"status":"invalid","reason":"r"}`, optimizer.ErrInvalid)},
		{"reply of any other status", reacts(200, `{"status":"failed"}`, nil)},
		{"reply 410 with a detail", reacts(410, `{"detail":"gone"}`, optimizer.ErrSuperseded)},
		{"reply of another HTTP error steers nothing", func(t *testing.T, w *wire) {
			w.answer(say(403, ""))
			err := w.client(t).Progress(t.Context(), halfway())
			isHTTP(403)(t, err)
			for _, sentinel := range steering {
				assert.False(t, errors.Is(err, sentinel), sentinel)
			}
		}},
		{"the acknowledgement of a cancellation", func(t *testing.T, w *wire) {
			require.NoError(t, w.client(t).Reply(t.Context(), optimizer.Result{Verb: optimizer.Measure, UID: "u2", Outcome: types.Cancelled, Message: "Command cancelled"}))
			assert.JSONEq(t, `{"event":"MEASUREMENT","servo_uid":null,"param":{"status":"cancelled","message":"Command cancelled","reason":null,"cmd_uid":"u2"}}`, w.only(t).Body)
		}},
	})
}
