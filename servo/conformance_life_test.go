package servo_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/servo"
)

// keys returns the names of the members of a param.
func keys(param map[string]json.RawMessage) []string {
	var all []string
	for k := range param {
		all = append(all, k)
	}
	return all
}

// TestConformanceLife: how a servo comes and goes.
func TestConformanceLife(t *testing.T) {
	start := func(commands ...optimizer.Command) func(*testing.T) *talk {
		return func(t *testing.T) *talk { return newTalk(t, commands...) }
	}
	nothing := start()
	check(t, []rule{
		{"attach before anything is sent", func(t *testing.T) {
			k := nothing(t)
			k.others = map[string]connector.Connector{"early": bind(func(h *connector.Host) error {
				connector.Attach.On(h, func(context.Context, connector.Lifecycle) (connector.None, error) {
					assert.Empty(t, k.opt.Requests())
					return connector.None{}, nil
				})
				connector.Startup.On(h, func(context.Context, connector.Lifecycle) (connector.None, error) {
					assert.Equal(t, []optimizer.Event{optimizer.EventHello}, k.opt.Events())
					return connector.None{}, nil
				})
				return nil
			})}
			k.opt.Then(describeCommand)
			k.complete()
		}},
		{"HELLO: any answer of the protocol will do", func(t *testing.T) {
			k := start(describeCommand)(t)
			k.opt.Inject(1, optimizertest.Status(200, `{"status":"unexpected-event"}`), optimizer.EventHello)
			assert.Len(t, k.complete(), 1)
		}},
		{"HELLO is retried", func(t *testing.T) {
			k := start(describeCommand)(t)
			k.retry = optimizer.Retry{}
			k.opt.Inject(1, optimizertest.Status(401, ""), optimizer.EventHello)
			assert.Len(t, k.complete(), 1)
			assert.Equal(t, 2, k.count(optimizer.EventHello))
		}},
		{"HELLO in vain: the runner ends, without GOODBYE", func(t *testing.T) {
			k := nothing(t)
			k.opt.Inject(1, optimizertest.Garbage(), optimizer.EventHello)
			require.ErrorContains(t, k.during(func(ctx context.Context) { waitFor(t, &k.log, "servo stopped") }), "greeting the optimizer")
			assert.Zero(t, k.count(optimizer.EventGoodbye))
		}},
		{"a connector that does not start: the runner ends, with GOODBYE", func(t *testing.T) {
			k := nothing(t)
			k.app.fail["startup"] = errors.New("no fuel")
			require.ErrorContains(t, k.during(func(ctx context.Context) {
				_, err := k.opt.WaitRequest(ctx, optimizer.EventGoodbye, 1)
				require.NoError(t, err)
			}), "no fuel")
		}},
		{"no-poll: greets, starts, and stays until it is stopped", func(t *testing.T) {
			k := start(describeCommand)(t)
			k.options.NoPoll = true
			require.NoError(t, k.during(func(context.Context) { waitFor(t, &k.log, "not asked for commands") }))
			assert.Equal(t, []optimizer.Event{optimizer.EventHello, optimizer.EventGoodbye}, k.opt.Events())
		}},
		{"interactive: declined, nothing is sent", func(t *testing.T) {
			k := nothing(t)
			k.options.Confirm = func(context.Context, string) (bool, error) { return false, nil }
			require.ErrorIs(t, k.during(func(context.Context) { waitFor(t, &k.log, "servo stopped") }), servo.ErrDeclined)
			assert.Empty(t, k.opt.Requests())
		}},
		{"interactive: asked before the connection and each poll", func(t *testing.T) {
			k := start(describeCommand)(t)
			asked := make(chan string, 100)
			k.options.Confirm = func(_ context.Context, q string) (bool, error) { asked <- q; return true, nil }
			k.complete()
			assert.Equal(t, servo.AskConnect, <-asked)
			assert.Equal(t, servo.AskPoll, <-asked)
		}},
		{"GOODBYE has the reason, and is sent once", func(t *testing.T) {
			k := start(describeCommand)(t)
			k.complete()
			params := k.params(optimizer.EventGoodbye)
			require.Len(t, params, 1)
			assert.JSONEq(t, `"shutdown"`, string(params[0]["reason"]))
		}},
		{"GOODBYE is bounded, its errors are swallowed", func(t *testing.T) {
			k := start(describeCommand)(t)
			hung := make(chan struct{})
			t.Cleanup(func() { close(hung) })
			k.opt.Inject(1, optimizertest.Hang(hung), optimizer.EventGoodbye)
			began := time.Now()
			k.complete()
			assert.Less(t, time.Since(began), 10*time.Second)
			assert.Contains(t, k.log.String(), "did not take the goodbye")
		}},
		{"stopped in a command: cancelled with its cause, answered, then GOODBYE", func(t *testing.T) {
			k := start(measureCommand)(t)
			var unwound error
			k.holding(nil, &unwound)
			require.NoError(t, k.during(func(ctx context.Context) {
				_, err := k.opt.WaitRequest(ctx, optimizer.EventMeasurement, 1)
				require.NoError(t, err)
			}))
			require.ErrorIs(t, unwound, connector.ErrStopRequested)
			events := k.opt.Events()
			assert.Equal(t, []optimizer.Event{optimizer.EventMeasurement, optimizer.EventGoodbye}, events[len(events)-2:])
			params := k.params(optimizer.EventMeasurement)
			assert.JSONEq(t, `"cancelled"`, string(params[len(params)-1]["status"]))
		}},
		{"stopped while it sleeps: at once", func(t *testing.T) {
			k := start(optimizer.Command{Verb: optimizer.Sleep, SleepFor: time.Hour}, describeCommand)(t)
			began := time.Now()
			require.NoError(t, k.during(func(context.Context) { waitFor(t, &k.log, "sleeping") }))
			assert.Less(t, time.Since(began), 20*time.Second)
			assert.Zero(t, k.count(optimizer.EventDescription))
		}},
		{"SLEEP is not answered, then it asks again", func(t *testing.T) {
			k := start(optimizer.Command{Verb: optimizer.Sleep, SleepFor: 10 * time.Millisecond}, describeCommand)(t)
			assert.Len(t, k.complete(), 1)
			assert.Empty(t, k.opt.Violations())
		}},
		{"telemetry goes with HELLO alone", func(t *testing.T) {
			k := start(describeCommand)(t)
			k.options.Telemetry = map[string]string{"kubernetes.version": "1.36"}
			k.complete()
			hello := k.params(optimizer.EventHello)[0]
			for _, text := range []string{"servox.version", "servox.platform", `"kubernetes.version":"1.36"`} {
				assert.Contains(t, string(hello["telemetry"]), text)
			}
			assert.Contains(t, string(hello["agent"]), "servokit")
		}},
		{"every envelope has its three keys", func(t *testing.T) {
			k := start(describeCommand, measureCommand, adjust(3))(t)
			k.complete()
			for _, r := range k.opt.Requests() {
				var envelope map[string]json.RawMessage
				require.NoError(t, json.Unmarshal(r.Body, &envelope))
				assert.ElementsMatch(t, []string{"event", "param", "servo_uid"}, keys(envelope))
			}
		}},
		{"the connectivity check: HELLO once, without a retry", func(t *testing.T) {
			k := nothing(t)
			k.build(k.opt.Start(t))
			report, err := k.s.RunChecks(t.Context(), config.Checks{Connectors: []string{"test"}}, nil)
			require.NoError(t, err)
			require.Len(t, report, 1)
			assert.Equal(t, "Opsani API connectivity", report[0].Name)
			assert.Equal(t, 1, k.count(optimizer.EventHello))
		}},
		{"the connectivity check: what is no success is not ready", func(t *testing.T) {
			k := nothing(t)
			k.opt.Inject(1, optimizertest.Status(503, ""), optimizer.EventHello)
			k.build(k.opt.Start(t))
			_, err := k.s.RunChecks(t.Context(), config.Checks{Connectors: []string{"test"}}, nil)
			require.Error(t, err)
			assert.Equal(t, 1, k.count(optimizer.EventHello))
		}},
		{"diagnostics: sent when they are asked for, then reset", func(t *testing.T) {
			k := nothing(t)
			k.options.Diagnostics = &servo.Diagnostics{Config: func() (json.RawMessage, error) { return json.RawMessage(`{"a":1}`), nil }}
			k.opt.AnswerDiagnostics(optimizer.Send)
			require.NoError(t, k.during(func(context.Context) { waitFor(t, &k.log, "diagnostics were sent") }))
			uploads := k.opt.Uploads()
			require.Len(t, uploads, 1)
		}},
		{"diagnostics: off by default", func(t *testing.T) {
			k := start(describeCommand)(t)
			k.opt.AnswerDiagnostics(optimizer.Send)
			k.complete()
			assert.Empty(t, k.opt.Uploads())
		}},
		{"diagnostics: STOP ends the polls, and nothing else", func(t *testing.T) {
			k := start(describeCommand)(t)
			k.options.Diagnostics = &servo.Diagnostics{}
			k.opt.AnswerDiagnostics(optimizer.Stop)
			require.NoError(t, k.during(func(ctx context.Context) {
				waitFor(t, &k.log, "wants no diagnostics")
				_, err := k.opt.WaitDone(ctx)
				require.NoError(t, err)
			}))
			assert.Empty(t, k.opt.Uploads())
		}},
	})
}
