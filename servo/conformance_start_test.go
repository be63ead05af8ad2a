package servo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event/pubsub"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

// story notes the steps of connectors between those of the optimizer.
type story struct {
	mu    sync.Mutex
	steps []string
}

func (s *story) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps = append(s.steps, fmt.Sprintf(format, args...))
}

func (s *story) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.steps...)
}

// witness is a connector that notes its life, and how much the optimizer has
// received by then.
func (r *rig) witness(name string, s *story, fail map[string]error) connector.Connector {
	return bind(func(h *connector.Host) error {
		step := func(what string) func(context.Context, connector.Lifecycle) (connector.None, error) {
			return func(_ context.Context, l connector.Lifecycle) (connector.None, error) {
				text := name + " " + what
				if l.Reason != "" {
					text += " " + l.Reason
				}
				s.note("%s after %s", text, strings.Join(r.course(), " "))
				return connector.None{}, fail[what]
			}
		}
		connector.Attach.On(h, step("attach"))
		connector.Startup.On(h, step("startup"))
		connector.Shutdown.On(h, step("shutdown"))
		connector.Detach.On(h, step("detach"))
		return nil
	})
}

// greeted is a row whose first answer to HELLO is this, and counts as connected.
func greeted(answer string) func(*rig) {
	return func(r *rig) {
		r.opt.Inject(1, say(answer), optimizer.EventHello)
		r.start()
		r.await(optimizer.EventNext, 1)
		require.NoError(r, r.end())
		assert.Equal(r, []string{"HELLO", "WHATS_NEXT"}, r.course()[:2])
	}
}

// persists is a row in which HELLO is answered n times with a fault and sent
// again each time.
func persists(n int, answer http.Handler) func(*rig) {
	return func(r *rig) {
		r.client.Retry.MaxTries, r.client.Retry.ConnectMaxTries = 1, n+1
		r.opt.Inject(n, answer, optimizer.EventHello)
		r.start()
		r.await(optimizer.EventNext, 1)
		first := r.await(optimizer.EventHello, 1)
		assert.Equal(r, first.body, r.await(optimizer.EventHello, n+1).body)
	}
}

// checksFirst runs the checks and, only when they pass, the servo: what
// "servo run --check" does.
func (r *rig) checksFirst(err error) error {
	r.more["load"] = checked(checks.Require("up", answering(err)))
	_, err = r.build().RunChecks(r.Context(), config.Checks{}, nil)
	return err
}

func TestConformanceStartup(t *testing.T) {
	conform(t, "9", []row{
		{"order: attach, HELLO, startup, WHATS_NEXT", func(r *rig) {
			var s story
			r.more["witness"] = r.witness("w", &s, nil)
			r.start()
			r.await(optimizer.EventNext, 1)
			assert.Equal(r, []string{"w attach after ", "w startup after HELLO"}, s.told())
		}},
		{"order: marked running when startup is done", func(r *rig) {
			ready := make(chan bool, 1)
			r.more["witness"] = bind(func(h *connector.Host) error {
				connector.Startup.On(h, func(context.Context, connector.Lifecycle) (connector.None, error) {
					ready <- r.s.Running()
					return connector.None{}, nil
				})
				return nil
			})
			r.start()
			r.await(optimizer.EventNext, 1)
			assert.False(r, <-ready)
			assert.True(r, r.s.Running())
		}},
		{"order: pub/sub runs before there are commands", func(r *rig) {
			got := make(chan string, 1)
			_, err := r.build().Exchange().Client("test").Subscribe("news", func(_ context.Context, m pubsub.Message, _ *pubsub.Channel) error {
				got <- string(m.Bytes())
				return nil
			})
			require.NoError(r, err)
			require.NoError(r, r.s.Use("talker", bind(func(h *connector.Host) error {
				connector.Startup.On(h, func(ctx context.Context, _ connector.Lifecycle) (connector.None, error) {
					return connector.None{}, h.PubSub().Publish(ctx, "news", pubsub.Text("hello"))
				})
				return nil
			})))
			r.start()
			assert.Equal(r, "hello", <-got)
		}},
		{"HELLO: the envelope, the agent and the telemetry", func(r *rig) {
			r.client.ServoUID = "2f1c"
			r.options.Telemetry = map[string]string{"kubernetes.version": "1.27"}
			r.more["lamp"] = bind(func(h *connector.Host) error { h.Telemetry("bulb", "led"); return nil })
			r.start()
			m := r.await(optimizer.EventHello, 1)
			assert.Contains(r, m.body, `"servo_uid":"2f1c"`)
			assert.ElementsMatch(r, []string{"agent", "telemetry"}, keysOf(m.param))
			telemetry, _ := m.param["telemetry"].(map[string]any)
			assert.Subset(r, keysOf(telemetry), []string{"servox.version", "servox.platform", "kubernetes.version", "lamp.bulb"})
		}},
		{"HELLO: the status is not examined", greeted(`{"status":"unexpected-event","reason":"whatever"}`)},
		{"HELLO: any answer that parses counts as connected", greeted(`{"cmd":"SLEEP"}`)},
		{"HELLO: retried after 404", persists(2, optimizertest.Status(http.StatusNotFound, ""))},
		{"HELLO: retried after 5xx", persists(2, optimizertest.Status(http.StatusBadGateway, ""))},
		{"HELLO: retried after a broken connection", persists(2, optimizertest.Disconnect())},
		{"HELLO: retried after an answer that cannot be parsed", persists(2, optimizertest.Garbage())},
		{"startup failure: retries exhausted, the runner ends, without GOODBYE", func(r *rig) {
			r.opt.Inject(3, optimizertest.Status(http.StatusServiceUnavailable, ""), optimizer.EventHello)
			r.start()
			assert.ErrorContains(r, r.ended(), "HTTP status 503")
			assert.Equal(r, []string{"HELLO", "HELLO", "HELLO"}, r.course())
		}},
		{"startup failure: unparseable reply", func(r *rig) {
			r.opt.Inject(3, optimizertest.Garbage(), optimizer.EventHello)
			r.start()
			assert.ErrorContains(r, r.ended(), "neither a command nor a status")
		}},
		{"startup failure: a connector, after HELLO, so with GOODBYE", func(r *rig) {
			var s story
			r.more["witness"] = r.witness("w", &s, map[string]error{"startup": errBoom})
			r.start()
			require.ErrorIs(r, r.ended(), errBoom)
			assert.Equal(r, []string{"HELLO", "GOODBYE"}, r.course())
			assert.Len(r, s.told(), 4, "it is taken down as well")
		}},
		{"startup failure: attach, before anything is sent", func(r *rig) {
			var s story
			r.more["witness"] = r.witness("w", &s, map[string]error{"attach": errBoom})
			r.start()
			require.ErrorIs(r, r.ended(), errBoom)
			assert.Empty(r, r.course())
		}},
		{"HELLO: 410 superseded, quiet and interruptible", func(r *rig) {
			r.opt.Supersede()
			r.start()
			r.logged("has taken over")
			require.NoError(r, r.end())
			assert.Equal(r, []string{"HELLO"}, r.course())
		}},
		{"HELLO: 410 superseded (twin), fails after 3600 s", func(r *rig) {
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				r.opt.Supersede()
				began := time.Now()
				require.ErrorIs(t, r.build().Run(t.Context()), optimizer.ErrSuperseded)
				assert.Equal(t, time.Hour, time.Since(began))
			})
		}},
		{"--check: checks pass first, then it runs", func(r *rig) {
			require.NoError(r, r.checksFirst(nil))
			assert.Equal(r, []string{"HELLO"}, r.course())
			r.start()
			r.await(optimizer.EventNext, 1)
		}},
		{"--check: not ready is exit code 1", func(r *rig) {
			err := r.checksFirst(errBoom)
			require.ErrorIs(r, err, checks.ErrNotReady)
			assert.Equal(r, 1, servo.ExitCode(r.Context(), err))
			assert.Equal(r, []string{"HELLO"}, r.course(), "that of the check, no other")
		}},
		{"--dry-run: checks only, nothing is attached", func(r *rig) {
			var s story
			r.more["witness"] = r.witness("w", &s, nil)
			require.NoError(r, r.checksFirst(nil))
			assert.Empty(r, s.told())
			assert.Equal(r, []string{"HELLO"}, r.course())
		}},
		{"--no-poll: greets and starts, warns, asks nothing, stays, GOODBYE", func(r *rig) {
			var s story
			r.options.NoPoll = true
			r.more["witness"] = r.witness("w", &s, nil)
			r.start()
			r.logged("is not asked for commands")
			assert.Len(r, s.told(), 2)
			select {
			case err := <-r.done:
				require.FailNow(r, "it has ended", "%v", err)
			default:
			}
			require.NoError(r, r.end())
			assert.Equal(r, []string{"HELLO", "GOODBYE"}, r.course())
		}},
		{"--no-poll (twin): nothing is asked in a day", func(r *rig) {
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				r.options.NoPoll = true
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
				defer cancel()
				require.NoError(t, r.build().Run(ctx))
				assert.Equal(t, []string{"HELLO", "GOODBYE"}, r.course())
			})
		}},
		{"--interactive: asked before HELLO, which a refusal skips, and it exits", func(r *rig) {
			var s story
			r.more["witness"] = r.witness("w", &s, nil)
			r.options.Confirm = func(_ context.Context, q string) (bool, error) {
				s.note("%s", q)
				return false, nil
			}
			r.start()
			require.ErrorIs(r, r.ended(), servo.ErrDeclined)
			assert.Equal(r, []string{"w attach after ", "Connect to the optimizer?", "w detach shutdown after "}, s.told())
			assert.Empty(r, r.course())
		}},
		{"--interactive: asked before each poll", func(r *rig) {
			var s story
			r.options.Confirm = func(_ context.Context, q string) (bool, error) { s.note("%s", q); return true, nil }
			r.start(optimizertest.Describe(), optimizertest.Describe())
			r.await(optimizer.EventNext, 3)
			assert.Equal(r, []string{"Connect to the optimizer?", "Poll for next command?", "Poll for next command?", "Poll for next command?"}, s.told())
		}},
		{"--interactive: an error of the question ends the run", func(r *rig) {
			r.options.Confirm = func(context.Context, string) (bool, error) { return false, errBoom }
			r.start()
			require.ErrorIs(r, r.ended(), errBoom)
		}},
	})
}

// stopped is a row that is stopped for a reason while it sleeps, and then says
// so.
func stopped(cause error, reason string, code int) func(*rig) {
	return func(r *rig) {
		var s story
		r.more["witness"] = r.witness("w", &s, nil)
		ctx, cancel := context.WithCancelCause(r.Context())
		r.build()
		done := make(chan error, 1)
		go func() { done <- r.s.Run(ctx) }()
		r.await(optimizer.EventNext, 1)
		cancel(cause)
		cancel(errors.New("again")) // a repetition changes nothing
		err := <-done
		require.NoError(r, err)
		assert.Equal(r, code, servo.ExitCode(ctx, err))
		assert.JSONEq(r, `{"event":"GOODBYE","param":{"reason":"`+reason+`"},"servo_uid":null}`, r.await(optimizer.EventGoodbye, 1).body)
		assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "GOODBYE"}, r.course())
		assert.Equal(r, []string{
			"w shutdown " + reason + " after HELLO WHATS_NEXT", "w detach " + reason + " after HELLO WHATS_NEXT GOODBYE",
		}, s.told()[2:])
	}
}

func TestConformanceShutdown(t *testing.T) {
	measure := optimizertest.Measure(time.Second, "latency")
	conform(t, "11", []row{
		{"signal: SIGTERM", stopped(&servo.SignalError{Signal: syscall.SIGTERM}, "SIGTERM", 0)},
		{"signal: SIGINT", stopped(&servo.SignalError{Signal: syscall.SIGINT}, "SIGINT", 130)},
		{"signal: SIGHUP", stopped(&servo.SignalError{Signal: syscall.SIGHUP}, "SIGHUP", 0)},
		{"reason: shutdown when none is given", stopped(nil, "shutdown", 0)},
		{"reason: an unhandled background error triggers it, exit code 1", func(r *rig) {
			r.more["task"] = bind(func(h *connector.Host) error {
				h.Go(func(context.Context) error { return errBoom })
				return nil
			})
			r.start()
			err := r.ended()
			require.ErrorIs(r, err, errBoom)
			assert.Equal(r, 1, servo.ExitCode(r.Context(), err))
			assert.Equal(r, "shutdown", r.await(optimizer.EventGoodbye, 1).param["reason"])
			assert.Len(r, r.opt.Events(), len(r.course()))
		}},
		{"1: a handler that ignores it is left behind within the limit", func(r *rig) {
			r.options.Grace = 200 * time.Millisecond
			begun := make(chan struct{})
			r.a.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
				close(begun)
				<-r.release
				return types.Measurement{}, nil
			}
			r.Cleanup(func() { close(r.release) })
			r.start(measure)
			<-begun
			assert.ErrorContains(r, r.end(), "the running command has not ended within 100ms")
			r.await(optimizer.EventGoodbye, 1)
		}},
		{"2: shutdown of each, GOODBYE, detach of each, in reverse order", func(r *rig) {
			var s story
			r.build()
			for _, name := range []string{"x", "y"} {
				require.NoError(r, r.s.Use(name, r.witness(name, &s, nil)))
			}
			r.start()
			r.await(optimizer.EventNext, 1)
			require.NoError(r, r.end())
			var order []string
			for _, step := range s.told()[4:] {
				order = append(order, step[:len("x shut")])
			}
			assert.Equal(r, []string{"y shut", "x shut", "y deta", "x deta"}, order)
			assert.False(r, r.s.Running())
			assert.False(r, r.s.Exchange().Running())
		}},
		{"2: one that fails to shut down keeps nobody else from it", func(r *rig) {
			var s story
			r.more["witness"] = r.witness("w", &s, map[string]error{"shutdown": errBoom, "detach": errBoom})
			r.start()
			r.await(optimizer.EventNext, 1)
			require.ErrorIs(r, r.end(), errBoom)
			r.await(optimizer.EventGoodbye, 1)
		}},
		{"3: queued progress is dropped", func(r *rig) {
			r.options.ProgressInterval = time.Hour
			r.busy()
			r.start(measure)
			r.logged("command begins")
			require.NoError(r, r.end())
			assert.Empty(r, r.reports())
		}},
		{"quirk: the running command is cancelled first, with its cause, and answered", func(r *rig) {
			var s story
			r.more["witness"] = r.witness("w", &s, nil)
			r.busy()
			r.start(measure)
			r.await(optimizer.EventMeasurement, 1)
			require.NoError(r, r.end())
			assert.ErrorIs(r, r.cause(), connector.ErrStopRequested)
			require.Len(r, r.answers(), 1)
			status("cancelled")(r, r.answers()[0])
			assert.Contains(r, s.told()[2], "MEASUREMENT", "only then the connectors are shut down")
			assert.Equal(r, []string{"MEASUREMENT", "GOODBYE"}, r.course()[len(r.course())-2:])
		}},
		{"quirk: an adjustment that is stopped is taken back", func(r *rig) {
			begun := make(chan struct{})
			first := true
			r.a.adjust = func(ctx context.Context, q connector.AdjustRequest) (types.Description, error) {
				r.a.setting = r.a.setting.With(q.Adjustments[0].Value)
				if first {
					first = false
					close(begun)
					<-ctx.Done()
				}
				return types.Description{}, ctx.Err()
			}
			r.start(optimizertest.Adjust(types.Adjustment{Component: "a", Setting: "workers", Value: types.Int(5)}))
			<-begun
			require.NoError(r, r.end())
			assert.Equal(r, types.Int(2), r.a.setting.Value)
			status("cancelled")(r, r.answers()[0])
		}},
		{"quirk: GOODBYE is bounded although the optimizer hangs", func(r *rig) {
			r.options.Grace = 400 * time.Millisecond
			r.opt.Inject(1, optimizertest.Hang(nil), optimizer.EventGoodbye)
			r.start()
			r.await(optimizer.EventNext, 1)
			require.NoError(r, r.end())
			assert.Contains(r, r.log.String(), "did not take the goodbye")
		}},
		{"quirk: GOODBYE (twin) takes 3 s at most", func(r *rig) {
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				r.options.Grace = servo.DefaultGrace
				r.opt.Inject(1, optimizertest.Hang(nil), optimizer.EventGoodbye)
				r.start()
				r.await(optimizer.EventNext, 1)
				began := time.Now()
				require.NoError(t, r.end())
				assert.Equal(t, 3*time.Second, time.Since(began))
			})
		}},
		{"GOODBYE: errors are logged and swallowed", func(r *rig) {
			r.opt.Inject(3, optimizertest.Status(http.StatusBadRequest, ""), optimizer.EventGoodbye)
			r.start()
			r.await(optimizer.EventNext, 1)
			require.NoError(r, r.end())
			assert.Contains(r, r.log.String(), "did not take the goodbye")
		}},
		{"while greeting: stopping is prompt, without GOODBYE", func(r *rig) {
			r.opt.Inject(1, optimizertest.Hang(nil), optimizer.EventHello)
			r.start()
			r.await(optimizer.EventHello, 1)
			require.NoError(r, r.end())
			assert.Equal(r, []string{"HELLO"}, r.course())
		}},
		{"while asking: stopping is prompt", func(r *rig) {
			r.opt.Inject(1, optimizertest.Hang(nil), optimizer.EventNext)
			r.start()
			r.await(optimizer.EventNext, 1)
			require.NoError(r, r.end())
			assert.Equal(r, []string{"HELLO", "WHATS_NEXT", "GOODBYE"}, r.course())
		}},
	})
}
