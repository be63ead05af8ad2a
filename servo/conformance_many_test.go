package servo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/servo/logging"
	"github.com/servokit/servokit/types"
)

// crowd is an assembly of the servos x and y, each with an optimizer on a port
// of its own, whose measurements are made by measure.
type crowd struct {
	*testing.T
	x, y    *optimizertest.Optimizer
	text    string
	measure func(ctx context.Context, servo string) error
	startup func(servo string) error
	log     *lockedBuffer
	done    chan error
	stop    context.CancelFunc
	a       *servo.Assembly
}

func newCrowd(t *testing.T) *crowd {
	c := &crowd{
		T: t, x: optimizertest.New(), y: optimizertest.New(), log: new(lockedBuffer), done: make(chan error, 1),
		measure: func(context.Context, string) error { return nil }, startup: func(string) error { return nil },
	}
	stanza := func(name, url string) string {
		return fmt.Sprintf("name: %s\noptimizer: {id: example.com/app-%s, token: token-of-%s, url: %q}\nsettings: {progress_interval: 5ms, backoff: {__default__: {max_tries: 2}, connect: {max_tries: 2}}}\nmeter: {watts: 1}\n", name, name, name, url)
	}
	c.text = stanza("x", c.x.Start(t)) + "---\n" + stanza("y", c.y.Start(t))
	return c
}

func (c *crowd) meter() connector.Definition {
	return connector.Define(connector.Info{Name: "meter"}, func(lampConfig, connector.Env) (connector.Connector, error) {
		var name string
		return bind(func(h *connector.Host) error {
			connector.Startup.On(h, func(_ context.Context, l connector.Lifecycle) (connector.None, error) {
				name = l.Servo
				h.Telemetry("servo", name)
				return connector.None{}, c.startup(name)
			})
			connector.Measure.On(h, func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
				return types.Measurement{}, c.measure(ctx, name)
			})
			return nil
		}), nil
	})
}

// documents reads a file.
func (c *crowd) documents(text string) []*config.Document {
	c.Helper()
	docs, err := config.Parse("servo.yaml", []byte(text))
	require.NoError(c, err)
	return docs
}

func (c *crowd) start() {
	c.Helper()
	var err error
	c.a, err = servo.Assemble(c.documents(c.text), servo.AssemblyOptions{Stagger: -1, Servo: servo.Options{
		Grace: 2 * time.Second, Rand: rand.NewPCG(1, 1), Logger: slog.New(slog.NewTextHandler(c.log, nil)),
	}}, c.meter())
	require.NoError(c, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.Context()))
	c.stop = cancel
	over := make(chan struct{})
	go func() {
		defer close(over)
		c.done <- c.a.Run(ctx)
	}()
	c.Cleanup(func() { cancel(); <-over })
}

func (c *crowd) await(o *optimizertest.Optimizer, e optimizer.Event, n int) optimizertest.Request {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := o.WaitRequest(ctx, e, n)
	require.NoError(c, err, c.log.String())
	return request
}

func inCrowd(test func(c *crowd)) func(*rig) {
	return func(r *rig) { test(newCrowd(r.T)) }
}

func TestConformanceMultiServo(t *testing.T) {
	measure := optimizertest.Measure(time.Second, "latency")
	conform(t, "12", []row{
		{"each document is a servo with its own optimizer, client and token", inCrowd(func(c *crowd) {
			c.start()
			for name, o := range map[string]*optimizertest.Optimizer{"x": c.x, "y": c.y} {
				assert.Equal(c, "Bearer token-of-"+name, c.await(o, optimizer.EventNext, 1).Header.Get("Authorization"))
			}
			assert.Len(c, c.a.Servos(), 2)
			c.stop()
			require.NoError(c, <-c.done)
			for _, o := range []*optimizertest.Optimizer{c.x, c.y} {
				assert.Equal(c, []optimizer.Event{"HELLO", "WHATS_NEXT", "GOODBYE"}, o.Events())
			}
		})},
		{"one document without an optimizer of its own is configured from the environment", func(r *rig) {
			url := r.opt.Start(r.T)
			docs, err := config.Sources{File: "servo.yaml", Text: []byte(""), Environ: []string{
				"OPSANI_OPTIMIZER=example.com/app", "OPSANI_TOKEN=t0k3n", "OPSANI_URL=" + url,
			}}.Load()
			require.NoError(r, err)
			a, err := servo.Assemble(docs, servo.AssemblyOptions{})
			require.NoError(r, err)
			ctx, cancel := context.WithCancel(r.Context())
			done := make(chan error, 1)
			go func() { done <- a.Run(ctx) }()
			r.await(optimizer.EventNext, 1)
			cancel()
			require.NoError(r, <-done)
			assert.Equal(r, "example.com/app", a.Servos()[0].Name())
		}},
		{"with more than one document each needs an optimizer", func(r *rig) {
			docs, err := config.Parse("servo.yaml", []byte("optimizer: {id: example.com/app, token: t}\n---\nname: y\n"))
			if err == nil {
				_, err = servo.Assemble(docs, servo.AssemblyOptions{})
			}
			assert.ErrorContains(r, err, "optimizer")
			assert.Empty(r, r.course())
		}},
		{"telemetry is of each", inCrowd(func(c *crowd) {
			c.startup = func(string) error { return nil }
			c.x.Inject(1, say(`{"status":"unexpected-event"}`), optimizer.EventNext) // greeted again
			c.start()
			hello := messageOf(c.T, c.await(c.x, optimizer.EventHello, 2))
			assert.Equal(c, "x", at(hello.param, "telemetry", "meter.servo"))
		})},
		{"loops run side by side", inCrowd(func(c *crowd) {
			both := make(chan string)
			c.measure = func(ctx context.Context, name string) error { // each waits for the other
				select {
				case both <- name:
				case <-both:
				case <-ctx.Done():
				}
				return ctx.Err()
			}
			c.x.Then(measure)
			c.y.Then(measure)
			c.start()
			for _, o := range []*optimizertest.Optimizer{c.x, c.y} {
				assert.Contains(c, string(c.await(o, optimizer.EventMeasurement, 1).Body), `"ok"`)
			}
		})},
		{"a failure of one is isolated", inCrowd(func(c *crowd) {
			c.startup = func(name string) error {
				if name == "x" {
					return errBoom
				}
				return nil
			}
			c.y.Then(measure)
			c.start()
			c.log.await(c.T, "the others go on")
			c.await(c.y, optimizer.EventMeasurement, 1)
			c.stop()
			require.NoError(c, <-c.done)
		})},
		{"when none is left it ends with the errors, exit code 1", inCrowd(func(c *crowd) {
			c.startup = func(name string) error { return fmt.Errorf("%s: %w", name, errBoom) }
			c.start()
			err := <-c.done
			require.ErrorContains(c, err, "x: boom")
			require.ErrorContains(c, err, "y: boom")
			assert.Equal(c, 1, servo.ExitCode(c.Context(), err))
		})},
		{"quirk: progress goes to the optimizer of its servo", inCrowd(func(c *crowd) {
			released := make(chan struct{})
			c.measure = func(ctx context.Context, name string) error {
				if err := connector.Progress(ctx, types.Progress{Percent: 50, Message: "of " + name}); err != nil {
					return err
				}
				select {
				case <-released:
				case <-ctx.Done():
				}
				return nil
			}
			c.x.Then(measure)
			c.y.Then(measure)
			c.start()
			for name, o := range map[string]*optimizertest.Optimizer{"x": c.x, "y": c.y} {
				m := messageOf(c.T, c.await(o, optimizer.EventMeasurement, 1))
				assert.Equal(c, "of "+name, m.param["message"])
			}
			close(released)
			for _, o := range []*optimizertest.Optimizer{c.x, c.y} {
				c.await(o, optimizer.EventMeasurement, 2)
				assert.Empty(c, o.Violations())
			}
		})},
		{"cancelling one leaves the other alone", inCrowd(func(c *crowd) {
			released := make(chan struct{})
			c.measure = func(ctx context.Context, _ string) error {
				_ = connector.Progress(ctx, types.Progress{Percent: 50})
				select {
				case <-released:
				case <-ctx.Done():
				}
				return ctx.Err()
			}
			c.x.Inject(1, say(`{"status":"cancel"}`), optimizer.EventMeasurement)
			c.x.Then(measure)
			c.y.Then(measure)
			c.start()
			status := func(o *optimizertest.Optimizer) any {
				return messageOf(c.T, c.await(o, optimizer.EventMeasurement, 2)).param["status"]
			}
			assert.Equal(c, "cancelled", status(c.x))
			c.await(c.y, optimizer.EventMeasurement, 1)
			close(released)
			assert.Equal(c, "ok", status(c.y))
		})},
	})
}

// examine gives the servo diagnostics with the log of its own.
func (r *rig) examine(config func() (json.RawMessage, error)) *logging.Ring {
	ring := logging.NewRing(0, 0)
	r.options.Logger = slog.New(logging.NewRedactHandler(slog.NewMultiHandler(slog.NewTextHandler(r.log, nil), ring.Handler(nil))))
	r.client.Logger = r.options.Logger
	r.options.Diagnostics = &servo.Diagnostics{Log: ring, Config: config}
	return ring
}

func TestConformanceDiagnostics(t *testing.T) {
	configured := func() (json.RawMessage, error) { return json.RawMessage(`{"measurement":{"steps":3}}`), nil }
	// polled is a row in which polls are answered with this, and the servo
	// uploads nothing.
	polled := func(answer http.Handler) func(*rig) {
		return func(r *rig) {
			r.examine(configured)
			r.opt.Inject(1, answer, optimizertest.DiagnosticsCheck)
			r.start(optimizertest.Describe())
			r.await(optimizertest.DiagnosticsCheck, 1)
			r.results()
			require.NoError(r, r.end())
			assert.Empty(r, r.opt.Uploads())
		}
	}
	// overTime is the twin of a row: how often is asked in five and a half minutes.
	overTime := func(answer func(*rig), polls int) func(*rig) {
		return func(r *rig) {
			synctest.Test(r.T, func(t *testing.T) {
				r := newRig(t)
				r.inMemory()
				r.client.Retry.MaxTries = 0
				r.examine(configured)
				answer(r)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute+30*time.Second)
				defer cancel()
				require.NoError(t, r.build().Run(ctx))
				assert.Equal(t, polls, strings.Count(strings.Join(r.course(), " "), string(optimizertest.DiagnosticsCheck)))
			})
		}
	}
	conform(t, "13", []row{
		{"off by default", func(r *rig) {
			r.start(optimizertest.Describe())
			r.results()
			require.NoError(r, r.end())
			assert.NotContains(r, r.course(), string(optimizertest.DiagnosticsCheck))
		}},
		{"off by default in a document", func(r *rig) {
			doc := parse(r.T, "optimizer: {id: example.com/app, token: t0k3n, url: "+r.opt.Start(r.T)+"}\n")
			var err error
			r.s, err = servo.FromConfig(doc, servo.Options{})
			require.NoError(r, err)
			r.start(optimizertest.Describe())
			r.await(optimizer.EventNext, 1)
			require.NoError(r, r.end())
			assert.NotContains(r, r.course(), string(optimizertest.DiagnosticsCheck))
		}},
		{"on in a document, with its secrets redacted", func(r *rig) {
			doc := parse(r.T, "no_diagnostics: false\noptimizer: {id: example.com/app, token: t0k3n-of-the-servo, url: "+r.opt.Start(r.T)+"}\n")
			var err error
			r.s, err = servo.FromConfig(doc, servo.Options{Logger: r.options.Logger})
			require.NoError(r, err)
			r.s.Logger("a").Info("connecting", "token", "t0k3n-of-the-servo")
			r.opt.AnswerDiagnostics(optimizer.Send)
			r.start()
			body := string(r.request(optimizertest.DiagnosticsOutput).Body)
			assert.Contains(r, body, "example.com/app")
			assert.Contains(r, body, "connecting")
			assert.NotContains(r, body, "t0k3n-of-the-servo")
		}},
		{"poll: a GET with {\"data\": null}, with the same authentication", func(r *rig) {
			r.examine(configured)
			r.start()
			request := r.request(optimizertest.DiagnosticsCheck)
			assert.JSONEq(r, `{"data":null}`, string(request.Body))
			assert.Equal(r, "Bearer t0k3n", request.Header.Get("Authorization"))
			assert.Empty(r, r.opt.Violations())
		}},
		{"WITHHOLD: nothing", polled(say(`{"data":"WITHHOLD"}`))},
		{"WITHHOLD: the whole body when there is no data", polled(say(`"WITHHOLD"`))},
		{"WITHHOLD: what cannot be parsed", polled(optimizertest.Garbage())},
		{"WITHHOLD: a status below 500", polled(optimizertest.Status(http.StatusForbidden, ""))},
		{"WITHHOLD (twin): asked every 60 s", overTime(func(*rig) {}, 6)},
		{"SEND: upload, then reset", func(r *rig) {
			r.examine(configured)
			r.opt.AnswerDiagnostics(optimizer.Send)
			r.start()
			reset := r.request(optimizertest.DiagnosticsReset)
			assert.JSONEq(r, `{"data":"WITHHOLD"}`, string(reset.Body))
			require.Len(r, r.opt.Uploads(), 1)
			upload := r.opt.Uploads()[0]
			assert.JSONEq(r, `{"measurement":{"steps":3}}`, string(upload.ConfigMap))
			var logs []string
			for _, line := range upload.Logs {
				logs = append(logs, line)
			}
			assert.Contains(r, strings.Join(logs, "\n"), "connected to the optimizer")
			assert.Empty(r, r.opt.Violations())
		}},
		{"SEND: the bare word", func(r *rig) {
			r.examine(configured)
			r.opt.Inject(1, say(`SEND`), optimizertest.DiagnosticsCheck)
			r.start()
			r.request(optimizertest.DiagnosticsReset)
		}},
		{"SEND: below 1 MiB, the newest lines are kept", func(r *rig) {
			r.examine(func() (json.RawMessage, error) {
				return json.RawMessage(`"` + strings.Repeat("c", 512<<10) + `"`), nil
			})
			for i := range 90 {
				r.options.Logger.Info("long", "n", i, "text", strings.Repeat("l", 10000))
			}
			r.options.Logger.Info("the newest of all")
			r.opt.AnswerDiagnostics(optimizer.Send)
			r.start()
			body := r.request(optimizertest.DiagnosticsOutput).Body
			assert.Less(r, len(body), 1<<20)
			assert.Greater(r, len(body), 900<<10, "as much as there is room for")
			assert.Contains(r, string(body), "the newest of all")
			assert.NotContains(r, string(body), "n=1 ")
		}},
		{"SEND: the token never goes along", func(r *rig) {
			r.examine(func() (json.RawMessage, error) { return json.RawMessage(`{"url":"http://h/?t0k3n"}`), nil })
			r.options.Logger.Info("told somebody t0k3n")
			r.opt.AnswerDiagnostics(optimizer.Send)
			r.start()
			body := string(r.request(optimizertest.DiagnosticsOutput).Body)
			assert.Contains(r, body, "told somebody")
			assert.NotContains(r, body, "t0k3n")
		}},
		{"SEND: without the configuration when there is none", func(r *rig) {
			r.examine(func() (json.RawMessage, error) { return nil, errBoom })
			r.opt.AnswerDiagnostics(optimizer.Send)
			r.start()
			r.request(optimizertest.DiagnosticsReset)
			assert.Contains(r, r.log.String(), "go without the configuration")
		}},
		{"STOP: asked no more, and the servo goes on", func(r *rig) {
			r.examine(configured)
			r.opt.AnswerDiagnostics(optimizer.Stop)
			r.start(optimizertest.Describe())
			r.logged("wants no diagnostics any more")
			r.results()
			require.NoError(r, r.end())
		}},
		{"STOP (twin): one poll, and no more", overTime(func(r *rig) { r.opt.AnswerDiagnostics(optimizer.Stop) }, 1)},
		{"retry: 5xx, then as if nothing had been", func(r *rig) {
			r.examine(configured)
			r.opt.AnswerDiagnostics(optimizer.Send)
			r.opt.Inject(2, optimizertest.Status(http.StatusBadGateway, ""), optimizertest.DiagnosticsCheck)
			r.start()
			r.request(optimizertest.DiagnosticsReset)
		}},
		{"retry: quirk: a transport error is retried like 5xx", func(r *rig) {
			r.examine(configured)
			r.opt.AnswerDiagnostics(optimizer.Send)
			r.opt.Inject(2, optimizertest.Disconnect(), optimizertest.DiagnosticsCheck)
			r.start()
			r.request(optimizertest.DiagnosticsReset)
		}},
		{"retry: given up after all tries, the servo goes on", func(r *rig) {
			r.examine(configured)
			r.opt.Inject(3, optimizertest.Status(http.StatusBadGateway, ""), optimizertest.DiagnosticsCheck)
			r.start()
			r.logged("diagnostics are given up")
			r.opt.Then(optimizertest.Describe())
			r.await(optimizer.EventNext, 1)
			require.NoError(r, r.end())
		}},
		{"retry (twin): 20 tries", overTime(func(r *rig) {
			r.client.Retry.MaxTime = -1
			r.client.Retry.MaxWait = time.Second
			r.opt.Inject(100, optimizertest.Status(http.StatusBadGateway, ""), optimizertest.DiagnosticsCheck)
		}, 20)},
		{"stopping in the middle is prompt", func(r *rig) {
			r.examine(configured)
			r.opt.Inject(1, optimizertest.Hang(nil), optimizertest.DiagnosticsCheck)
			r.start()
			r.await(optimizertest.DiagnosticsCheck, 1)
			require.NoError(r, r.end())
		}},
	})
}

// request waits for the first request of an event and returns it.
func (r *rig) request(event optimizer.Event) optimizertest.Request {
	r.Helper()
	r.await(event, 1)
	for _, request := range r.opt.Requests() {
		if request.Event == event {
			return request
		}
	}
	return optimizertest.Request{}
}
