package servo_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
)

// TestChecklistDescriptor has a case for each form of the key "connectors" and
// for each mistake in it, as a whole servo sees them.
func TestChecklistDescriptor(t *testing.T) {
	rows := []struct {
		name     string
		text     string
		variable string // of SERVO_CONNECTORS, empty for none
		want     []string
		err      string // when building fails
		parseErr string // when reading the document fails
	}{
		{name: "absent: those with a stanza", text: "lamp: {watts: 1}\n", want: []string{"lamp"}},
		{name: "absent: without a stanza", text: "name: house\n"},
		{name: "absent: a null stanza", text: "lamp:\n"},
		{name: "null is absent", text: "connectors:\nlamp: {watts: 1}\n", want: []string{"lamp"}},
		{name: "list: default names", text: "connectors: [lamp]\nlamp: {watts: 1}\n", want: []string{"lamp"}},
		{name: "list: a stanza is required", text: "connectors: [lamp]\n", err: "lamp: required"},
		{name: "list: a stanza that is null", text: "connectors: [lamp]\nlamp:\n", err: "null is not a configuration"},
		{name: "list: duplicates are one", text: "connectors: [lamp, lamp]\nlamp: {watts: 1}\n", want: []string{"lamp"}},
		{name: "mapping: aliases", text: "connectors: {hall: lamp, attic: lamp}\nhall: {watts: 1}\nattic: {watts: 2}\n", want: []string{"hall", "attic"}},
		{name: "mapping: the default name to itself", text: "connectors: {lamp: lamp}\nlamp: {watts: 1}\n", want: []string{"lamp"}},
		{name: "mapping: a stanza is required", text: "connectors: {hall: lamp}\n", err: "hall: required"},
		{name: "variable: a list", text: "connectors: []\nlamp: {watts: 1}\n", variable: `["lamp"]`, want: []string{"lamp"}},
		{name: "variable: a mapping", text: "hall: {watts: 1}\n", variable: `{"hall": "lamp"}`, want: []string{"hall"}},
		{name: "variable: a string", text: "lamp: {watts: 1}\n", variable: `"lamp"`, parseErr: "is not a list of connectors"},
		{name: "variable: not JSON", text: "lamp: {watts: 1}\n", variable: `[`, parseErr: "not JSON"},
		{name: "unknown in a list", text: "connectors: [lmap]\nlmap: {}\n", err: `no connector is called "lmap"; did you mean "lamp"?`},
		{name: "unknown in a mapping", text: "connectors: {hall: lmap}\nhall: {}\n", err: `no connector is called "lmap"`},
		{name: "a value of another kind", text: "connectors: 5\n", parseErr: "is not a list of connectors"},
		{name: "a key that is no text", text: "connectors: {[a]: lamp}\n", parseErr: "servo.yaml:1:"},
		{name: "a name with a wrong character", text: "connectors: {'a hall': lamp}\n", parseErr: "is not a name of 3 to 128"},
		{name: "a name with a colon", text: "connectors: {'hall:lamp': lamp}\n", parseErr: "is not a name of 3 to 128"},
		{name: "a name that is too short", text: "connectors: {ab: lamp}\n", parseErr: "is not a name of 3 to 128"},
		{name: "reserved: connectors", text: "connectors: {connectors: lamp}\n", parseErr: `the name "connectors" is reserved`},
		{name: "reserved: control", text: "connectors: {control: lamp}\n", parseErr: `the name "control" is reserved`},
		{name: "reserved: measure", text: "connectors: {measure: lamp}\n", parseErr: `the name "measure" is reserved`},
		{name: "reserved: adjust", text: "connectors: {adjust: lamp}\n", parseErr: `the name "adjust" is reserved`},
		{name: "reserved: optimization", text: "connectors: {optimization: lamp}\n", parseErr: `the name "optimization" is reserved`},
		{name: "reserved: another's default name", text: "connectors: {bell: lamp}\nbell: {watts: 1}\n", err: `the name "bell" is reserved for the connector of that name`},
		{name: "quirk: an empty list is none", text: "connectors: []\nlamp: {watts: 1}\n"},
		{name: "quirk: top-level keys are reserved", text: "connectors: {settings: lamp}\n", parseErr: `the name "settings" is reserved`},
		{name: "quirk: the variable goes before the file", text: "connectors: [lamp]\nlamp: {watts: 1}\nbell: {watts: 1}\n", variable: `["bell"]`, want: []string{"bell"}},
		{name: "quirk: an unlisted stanza is parked", text: "connectors: [lamp]\nlamp: {watts: 1}\nbell: {watts: 1}\n", want: []string{"lamp"}},
		{name: "a stanza that names nothing", text: "lamp: {watts: 1}\nlmap: {}\n", err: "lmap"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			source := config.Sources{File: "servo.yaml", Text: []byte(row.text)}
			if row.variable != "" {
				source.Environ = []string{"SERVO_CONNECTORS=" + row.variable}
			}
			docs, err := source.Load()
			if row.parseErr != "" {
				require.ErrorContains(t, err, row.parseErr)
				return
			}
			require.NoError(t, err)
			var built []string
			bell := connector.Define(connector.Info{Name: "bell"}, func(lampConfig, connector.Env) (connector.Connector, error) {
				built = append(built, "bell")
				return newApp("bell", nil), nil
			})
			s, err := servo.FromConfig(docs[0], servo.Options{Optimizer: newBackend()}, lamp(&built), bell)
			if row.err != "" {
				require.ErrorContains(t, err, row.err)
				assert.Empty(t, built)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, append([]string{}, row.want...), s.Connectors())
			assert.Equal(t, row.want, built)
		})
	}
	assert.Equal(t, 33, len(rows), "rows")
	t.Logf("%d rows", len(rows))
}

// TestChecklistServo has a case for each rule of how a servo is named, comes up,
// goes down, and takes connectors in and out. Each case gets a servo with the
// connectors a and b, whose steps are noted, in a bubble of its own time; run
// lets it run while the function given to it does something.
func TestChecklistServo(t *testing.T) {
	type world struct {
		*testing.T
		s     *servo.Servo
		opt   *backend
		a, b  *app
		steps *[]string
		run   func(func()) error
	}
	named := func(text string, o servo.Options) func(*world) string {
		return func(w *world) string {
			o.Optimizer = w.opt
			s, err := servo.FromConfig(parse(w.T, text), o)
			require.NoError(w, err)
			return s.Name()
		}
	}
	const account = "optimizer: {id: dev.example.com/app, token: x}\n"
	boom := errors.New("boom")
	add := func(w *world, name string) *app {
		x := newApp(name, w.steps)
		require.NoError(w, w.s.Use(name, x))
		return x
	}
	// reasons notes the reason of each end of a connector, and the servo it is of.
	reasons := func(w *world) *[]string {
		var got []string
		require.NoError(w, w.s.Use("reasons", bind(func(h *connector.Host) error {
			note := func(_ context.Context, l connector.Lifecycle) (connector.None, error) {
				got = append(got, l.Servo+" "+l.Reason)
				return connector.None{}, nil
			}
			connector.Shutdown.On(h, note)
			connector.Detach.On(h, note)
			return nil
		})))
		return &got
	}
	idle := func() {}
	rows := []struct {
		name string
		run  func(w *world)
	}{
		{"name: explicit", func(w *world) {
			assert.Equal(w, "mine", named("name: house\n"+account, servo.Options{Name: "mine"})(w))
		}},
		{"name: of the configuration", func(w *world) { assert.Equal(w, "house", named("name: house\n"+account, servo.Options{})(w)) }},
		{"name: of the optimizer", func(w *world) { assert.Equal(w, "dev.example.com/app", named(account, servo.Options{})(w)) }},
		{"name: servo", func(w *world) { assert.Equal(w, "servo", named("{}\n", servo.Options{})(w)) }},
		{"connectors: order of adding", func(w *world) {
			assert.Equal(w, []string{"a", "b"}, w.s.Connectors())
			assert.Equal(w, []string{"a", "b"}, w.s.Bus().Sources())
		}},
		{"connectors: none is no error", func(w *world) {
			opt := newBackend()
			assert.NoError(w, runUntilIdle(w.T, newServo(w.T, opt, nil), opt))
		}},
		{"startup: when it already runs", func(w *world) {
			require.NoError(w, w.run(func() { assert.ErrorContains(w, w.s.Run(w.Context()), "has been run already") }))
		}},
		{"startup: the optimizer is greeted between attach and startup", func(w *world) {
			w.opt.hello = func(context.Context, int) error { *w.steps = append(*w.steps, "hello"); return nil }
			require.NoError(w, w.run(idle))
			assert.Equal(w, []string{"a attach", "b attach", "hello", "a startup", "b startup"}, (*w.steps)[:5])
		}},
		{"startup: no startup without the greeting", func(w *world) {
			w.opt.hello = func(context.Context, int) error { return boom }
			assert.ErrorIs(w, w.run(idle), boom)
			assert.NotContains(w, *w.steps, "a startup")
		}},
		{"startup: the exchange runs", func(w *world) {
			require.NoError(w, w.run(func() { assert.True(w, w.s.Exchange().Running()) }))
		}},
		{"startup: telemetry goes with the greeting", func(w *world) {
			w.Setenv("POD_NAMESPACE", "prod")
			greeted := &greeting{backend: w.opt}
			s := newServo(w.T, greeted, nil, func(o *servo.Options) { o.Telemetry = map[string]string{"version": "1"} })
			require.NoError(w, s.Use("lamp", bind(func(h *connector.Host) error { h.Telemetry("bulb", "led"); return nil })))
			require.NoError(w, runUntilIdle(w.T, s, w.opt))
			assert.NotEmpty(w, greeted.telemetry["servox.version"])
			assert.Contains(w, greeted.telemetry["servox.platform"], runtime.GOOS)
			delete(greeted.telemetry, "servox.version")
			delete(greeted.telemetry, "servox.platform")
			assert.Equal(w, map[string]string{"version": "1", "lamp.bulb": "led", "servox.namespace": "prod"}, greeted.telemetry)
		}},
		{"shutdown: when it is not running", func(w *world) {
			require.NoError(w, w.run(idle))
			assert.ErrorContains(w, w.s.Run(w.Context()), "has been run already")
			assert.ErrorContains(w, w.s.Use("c", newApp("c", nil)), "has ended")
		}},
		{"shutdown: each gets shutdown, then detach", func(w *world) {
			require.NoError(w, w.run(idle))
			assert.Equal(w, []string{"b shutdown", "a shutdown", "b detach", "a detach"}, (*w.steps)[4:])
		}},
		{"shutdown: the exchange ends", func(w *world) {
			require.NoError(w, w.run(idle))
			assert.False(w, w.s.Exchange().Running())
		}},
		{"shutdown: goodbye with the reason", func(w *world) {
			got := reasons(w)
			require.NoError(w, w.run(idle))
			assert.Equal(w, "shutdown", w.opt.all("goodbye")[0].reason)
			assert.Equal(w, []string{"test shutdown", "test shutdown"}, *got)
		}},
		{"shutdown: a goodbye that fails is no error", func(w *world) {
			w.opt.goodbye = func(context.Context) error { return boom }
			assert.NoError(w, w.run(idle))
		}},
		{"shutdown: no goodbye without a greeting", func(w *world) {
			w.opt.hello = func(context.Context, int) error { return boom }
			assert.Error(w, w.run(idle))
			assert.Empty(w, w.opt.all("goodbye"))
		}},
		{"add: the name is taken", func(w *world) {
			assert.ErrorContains(w, w.s.Use("a", newApp("a", nil)), `invalid name "a"`)
			assert.Equal(w, []string{"a", "b"}, w.s.Connectors())
		}},
		{"add: appended to connectors and bus", func(w *world) {
			add(w, "c")
			assert.Equal(w, []string{"a", "b", "c"}, w.s.Connectors())
			assert.Equal(w, []string{"a", "b", "c"}, w.s.Bus().Sources())
		}},
		{"add: adopts the exchange", func(w *world) {
			require.NoError(w, w.s.Use("c", bind(func(h *connector.Host) error { _, err := h.PubSub().Listen("*"); return err })))
			assert.Len(w, w.s.Exchange().Subscriptions(), 1)
		}},
		{"add: attached and started alone while it runs", func(w *world) {
			require.NoError(w, w.run(func() {
				*w.steps = nil
				add(w, "c")
				assert.Equal(w, []string{"c attach", "c startup"}, *w.steps)
			}))
		}},
		{"add: not before it runs", func(w *world) {
			add(w, "c")
			assert.Empty(w, *w.steps)
		}},
		{"remove: unknown", func(w *world) {
			assert.ErrorContains(w, w.s.Remove(w.Context(), "c", "enough"), `a connector named "c" does not exist`)
		}},
		{"remove: shutdown and detach to it alone while it runs", func(w *world) {
			require.NoError(w, w.run(func() {
				*w.steps = nil
				require.NoError(w, w.s.Remove(w.Context(), "a", "enough"))
				assert.Equal(w, []string{"a shutdown", "a detach"}, *w.steps)
			}))
		}},
		{"remove: with the reason", func(w *world) {
			got := reasons(w)
			require.NoError(w, w.run(func() { require.NoError(w, w.s.Remove(w.Context(), "reasons", "enough")) }))
			assert.Equal(w, []string{"test enough", "test enough"}, *got)
		}},
		{"remove: from connectors and bus", func(w *world) {
			require.NoError(w, w.s.Remove(w.Context(), "a", "enough"))
			assert.Equal(w, []string{"b"}, w.s.Connectors())
			assert.Equal(w, []string{"b"}, w.s.Bus().Sources())
			add(w, "a") // the name is free again
		}},
		{"remove: its subscribers and publishers end", func(w *world) {
			ended := false
			require.NoError(w, w.s.Use("c", bind(func(h *connector.Host) error {
				_, err := h.PubSub().Listen("*")
				return errors.Join(err, h.PubSub().Every(0, pubsub.Producer{Name: "p", Channels: []string{"ab"}, Produce: func(ctx context.Context, _ *pubsub.Publisher) error {
					<-ctx.Done()
					ended = true
					return ctx.Err()
				}}))
			})))
			require.NoError(w, w.run(func() {
				require.NoError(w, w.s.Remove(w.Context(), "c", "enough"))
				synctest.Wait()
				assert.True(w, ended)
				assert.Empty(w, w.s.Exchange().Subscriptions())
			}))
		}},
		{"lifecycle: attach and detach in all phases", func(w *world) {
			var got []string
			for name, e := range map[string]*event.Event[connector.Lifecycle, connector.None]{"attach": connector.Attach, "detach": connector.Detach} {
				scope := w.s.Bus().Scope("witness-" + name) // not a connector: nothing is dispatched to it
				e.Before(scope, func(context.Context, connector.Lifecycle) error { got = append(got, "stranger"); return nil })
			}
			require.NoError(w, w.s.Use("c", bind(func(h *connector.Host) error {
				for _, e := range []*event.Event[connector.Lifecycle, connector.None]{connector.Attach, connector.Detach} {
					e.Before(h, func(context.Context, connector.Lifecycle) error { got = append(got, "before "+e.Name()); return nil })
					e.After(h, func(context.Context, connector.Lifecycle, []event.Result[connector.None]) error {
						got = append(got, "after "+e.Name())
						return nil
					})
				}
				return nil
			})))
			require.NoError(w, w.run(idle))
			assert.Equal(w, []string{"before attach", "after attach", "before detach", "after detach"}, got)
		}},
		{"quirk: an added connector dispatches to all", func(w *world) {
			require.NoError(w, w.run(func() {
				add(w, "c")
				results, err := connector.Components.Dispatch(w.Context(), w.s.Bus(), connector.None{})
				require.NoError(w, err)
				assert.Len(w, results, 3)
			}))
		}},
		{"quirk: each gets one shutdown and one detach", func(w *world) {
			require.NoError(w, w.run(func() { require.NoError(w, w.s.Remove(w.Context(), "a", "enough")) }))
			count := map[string]int{}
			for _, step := range *w.steps {
				count[step]++
			}
			for _, step := range []string{"a shutdown", "a detach", "b shutdown", "b detach"} {
				assert.Equal(w, 1, count[step], step)
			}
			assert.Empty(w, w.s.Bus().Sources())
		}},
		{"quirk: removal stops repeating tasks", func(w *world) {
			n := 0
			require.NoError(w, w.s.Use("c", bind(func(h *connector.Host) error {
				h.Every(time.Second, func(context.Context) error { n++; return nil })
				return nil
			})))
			require.NoError(w, w.run(func() {
				time.Sleep(1500 * time.Millisecond)
				require.NoError(w, w.s.Remove(w.Context(), "c", "enough"))
				time.Sleep(time.Minute)
				assert.Equal(w, 2, n)
			}))
		}},
		{"quirk: what is published before startup waits", func(w *world) {
			var got []string
			require.NoError(w, w.s.Use("talker", talker("talker")))
			_, err := w.s.Exchange().Client("test").Subscribe("life.*", func(_ context.Context, m pubsub.Message, _ *pubsub.Channel) error {
				got = append(got, string(m.Bytes()))
				return nil
			})
			require.NoError(w, err)
			require.NoError(w, w.run(idle))
			assert.Equal(w, []string{"attach", "startup", "shutdown"}, got)
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				steps := []string{}
				w := &world{T: t, opt: newBackend(), steps: &steps, a: newApp("a", &steps), b: newApp("b", &steps)}
				w.s = newServo(t, w.opt, nil)
				use(t, w.s, w.a, w.b)
				w.run = func(meanwhile func()) error {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					done := make(chan error, 1)
					go func() { done <- w.s.Run(ctx) }()
					select {
					case <-w.opt.idle:
						synctest.Wait()
						meanwhile()
						cancel()
						return <-done
					case err := <-done:
						return err
					}
				}
				row.run(w)
			})
		})
	}
	assert.Equal(t, 32, len(rows), "rows")
	t.Logf("%d rows", len(rows))
}

// greeting is a backend that keeps what it is greeted with.
type greeting struct {
	*backend
	telemetry map[string]string
}

func (g *greeting) Hello(ctx context.Context, h optimizer.Hello) error {
	g.telemetry = h.Telemetry
	return g.backend.Hello(ctx, h)
}
