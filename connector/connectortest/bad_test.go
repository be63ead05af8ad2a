package connectortest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/connectortest"
	"github.com/servokit/servokit/types"
)

// bad is a connector with one flaw, the promise it breaks, and a part of the
// message that says so.
type bad struct {
	name    string
	promise string
	says    string
	def     connector.Definition
	change  func(*connectortest.Config)
}

// flawed is the reference with other handlers.
func flawed(name, promise, says string, flaw func(*reference)) bad {
	return bad{name: name, promise: promise, says: says, def: define(flaw)}
}

// configured is the reference with another configuration type.
func configured[C any](name, promise, says, yaml string, base func(C) settings) bad {
	def := connector.Define(info, func(c C, env connector.Env) (connector.Connector, error) {
		return newReference(base(c), env), nil
	})
	return bad{name: name, promise: promise, says: says, def: def, change: func(c *connectortest.Config) {
		c.YAML += yaml
	}}
}

// named is the reference with other information.
func named(name, says string, change func(*connector.Info)) bad {
	i := info
	change(&i)
	def := connector.Define(i, func(c settings, env connector.Env) (connector.Connector, error) { return newReference(c, env), nil })
	return bad{name: name, promise: "the info names the connector", says: says, def: def}
}

// badConnectors lives as long as a test: forever is closed when it is over, for
// the goroutines that a flaw leaves behind.
func badConnectors(forever <-chan struct{}) []bad {
	const (
		defaults      = "the defaults are valid or say what is missing"
		roundTrip     = "the configuration survives a round trip"
		schema        = "the schema and the sample fit"
		unknownKeys   = "unknown keys are refused with a suggestion"
		wrongTypes    = "wrong types are refused by name"
		hostile       = "hostile configuration is survived"
		configSecrets = "errors of the configuration keep secrets"
		binding       = "building and binding do nothing yet"
		life          = "a life runs from attach to detach"
		twice         = "shutdown is safe twice"
		first         = "shutdown is safe without startup"
		detach        = "detach is safe without attach"
		startup       = "a second startup is harmless"
		leaks         = "nothing runs after detach"
		commands      = "every command is answered"
		panics        = "handlers never panic"
		cancelled     = "handlers end promptly when cancelled"
		ended         = "an ended context changes nothing"
		descriptions  = "descriptions are valid and agree"
		asking        = "asking changes nothing"
		adjustments   = "an adjustment shows in the description"
		unknown       = "unknown components and settings change nothing"
		whole         = "an adjustment takes effect or changes nothing"
		progress      = "progress never runs backwards"
		measurements  = "measurements hold what was described"
		foreign       = "metrics of others are left alone"
		secrets       = "secrets never show"
		concurrency   = "handlers can be used concurrently"
	)
	return append(badRestores(forever), []bad{
		named("a name with a capital letter", `the name "Reference" is not in lower case`, func(i *connector.Info) { i.Name = "Reference" }),
		named("a version of its own kind", `the version "new" is not a semantic version`, func(i *connector.Info) { i.Version = "new" }),
		named("neither full name nor description", "there is no full name", func(i *connector.Info) { i.FullName, i.Description = "", "" }),

		configured("a problem without a key", defaults, "the problem does not say which key it is about", "",
			func(c vague) settings { return c.settings() }),
		configured("defaults that panic", defaults, "panic: nobody set the address", "", func(c surprised) settings { return c.settings() }),
		configured("a configuration that encodes differently", roundTrip, `span.seconds was printed as "3", and after reading that as "1"`, "",
			func(c lossy) settings { return c.settings() }),
		configured("a configuration that does not encode", roundTrip, "reading what was printed", "",
			func(c oneWay) settings { return c.settings() }),
		configured("a sample that is not valid", schema, "the generated sample is not valid", "",
			func(c misleading) settings { return c.settings() }),
		configured("any key will do", unknownKeys, `the unknown key "connectortest_unknown" is accepted`, "",
			func(c loose) settings { return c.settings() }),
		configured("any value will do", wrongTypes, `a mapping is accepted as the value of "anything"`, "anything: goes",
			func(c careless) settings { return c.settings() }),
		configured("a panic on an odd value", hostile, "panic: negative level", "level: 3", func(c fragile) settings { return c.settings() }),
		configured("an error that repeats a secret", configSecrets, "a secret shows in the error about", "",
			func(c talkative) settings { return c.settings() }),

		flawed("a goroutine in bind", binding, "it started a goroutine before it was attached", func(r *reference) {
			r.bind = func(*connector.Host) error {
				go func() { <-forever }()
				return nil
			}
		}),
		flawed("a request in bind", binding, "it sent 1 HTTP requests before it was attached", func(r *reference) {
			r.bind = func(*connector.Host) error {
				request, _ := http.NewRequest(http.MethodGet, "http://127.0.0.1:1/", nil) //nolint:noctx // one of many flaws
				if response, err := r.http.Do(request); err == nil {
					_ = response.Body.Close()
				}
				return nil
			}
		}),
		flawed("an error in bind", binding, "building the connector: binding: no handlers today", func(r *reference) {
			r.bind = func(*connector.Host) error { return errors.New("no handlers today") }
		}),
		flawed("a hook registered twice over", binding, "the hook is nil", func(r *reference) {
			r.bind = func(h *connector.Host) error {
				connector.Promote.On(h, nil)
				return nil
			}
		}),
		flawed("a panic in bind", binding, "building or binding panicked: panic: not today", func(r *reference) {
			r.bind = func(*connector.Host) error { panic("not today") }
		}),

		flawed("a startup that needs the servo to be called differently", life, "attach and startup: startup hook of reference: wrong servo", func(r *reference) {
			r.startup = func(context.Context, connector.Lifecycle) (connector.None, error) {
				return connector.None{}, errors.New("wrong servo")
			}
		}),
		flawed("a background task that fails", life, "a background task: connector reference: background task: tired", func(r *reference) {
			r.background = func(ctx context.Context) error {
				<-ctx.Done()
				return errors.New("tired")
			}
		}),
		flawed("a channel closed by every shutdown", twice, "the second shutdown: shutdown hook of reference: panic: close of closed channel", func(r *reference) {
			r.shutdown = func(context.Context, connector.Lifecycle) (connector.None, error) {
				if r.quit != nil {
					close(r.quit)
					<-r.gone
				}
				return connector.None{}, nil
			}
		}),
		flawed("a shutdown that needs a startup", first, "shutdown without startup: shutdown hook of reference: it was never started", func(r *reference) {
			ever := false
			r.startup = func(ctx context.Context, l connector.Lifecycle) (connector.None, error) {
				ever = ever || ctx.Err() == nil
				return r.start(ctx, l)
			}
			r.shutdown = func(ctx context.Context, l connector.Lifecycle) (connector.None, error) {
				if !ever {
					return connector.None{}, errors.New("it was never started")
				}
				return r.stop(ctx, l)
			}
		}),
		flawed("a detach that needs an attach", detach, "detach without attach: detach hook of reference: panic: runtime error: invalid memory address", func(r *reference) {
			var servo *string
			r.attach = func(_ context.Context, l connector.Lifecycle) (connector.None, error) {
				servo = &l.Servo
				return connector.None{}, nil
			}
			r.detach = func(context.Context, connector.Lifecycle) (connector.None, error) {
				return connector.None{}, map[bool]error{true: errors.New("what servo?")}[*servo == ""]
			}
		}),
		flawed("two startups and one goroutine too many", startup, "after two startups one shutdown leaves something running", func(r *reference) {
			var quit, gone chan struct{}
			r.startup = func(ctx context.Context, _ connector.Lifecycle) (connector.None, error) {
				if ctx.Err() != nil {
					return connector.None{}, context.Cause(ctx)
				}
				mine, over := make(chan struct{}), make(chan struct{})
				quit, gone = mine, over
				go func() {
					defer close(over)
					select {
					case <-mine:
					case <-forever:
					}
				}()
				return connector.None{}, nil
			}
			r.shutdown = func(context.Context, connector.Lifecycle) (connector.None, error) {
				if quit != nil {
					close(quit)
					<-gone
					quit = nil
				}
				return connector.None{}, nil
			}
		}),
		flawed("a goroutine that outlives its connector", leaks, "goroutines are left behind", func(r *reference) {
			r.startup = func(ctx context.Context, l connector.Lifecycle) (connector.None, error) {
				go func() { <-forever }()
				return r.start(ctx, l)
			}
		}),
		flawed("a background task that does not end", leaks, "background tasks have not ended", func(r *reference) {
			r.background = func(context.Context) error {
				<-forever
				return nil
			}
		}),

		flawed("a promotion that fails", commands, "promote: promote hook of reference: not good enough", func(r *reference) {
			r.promote = func(context.Context, connector.None) (connector.None, error) {
				return connector.None{}, errors.New("not good enough")
			}
		}),
		flawed("a measurement that never ends by itself", commands, "has taken longer than the limit", func(r *reference) {
			r.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
				<-ctx.Done()
				return types.Measurement{}, context.Cause(ctx)
			}
		}),
		flawed("a panic in every measurement", panics, "panic: assignment to entry in nil map", func(r *reference) {
			r.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
				var m types.Measurement
				m.Annotations["a"] = "b"
				return m, nil
			}
		}),
		flawed("a division by the duration", panics, "measure with an odd request before startup: measure hook of reference: panic: runtime error: integer divide by zero", func(r *reference) {
			r.measure = func(ctx context.Context, q connector.MeasureRequest) (types.Measurement, error) {
				if int64(time.Hour)/int64(q.Control.Duration) < 0 {
					return types.Measurement{}, errors.New("a negative duration")
				}
				return r.read(ctx, q)
			}
		}),
		flawed("a panic in a background task", panics, "a background task: connector reference: background task: panic: late", func(r *reference) {
			r.background = func(ctx context.Context) error {
				<-ctx.Done()
				panic("late")
			}
		}),

		flawed("a measurement that sleeps", cancelled, "measure did not return within 100ms after its context had ended", func(r *reference) {
			r.measure = func(ctx context.Context, q connector.MeasureRequest) (types.Measurement, error) {
				if ctx.Err() != nil {
					return types.Measurement{}, context.Cause(ctx)
				}
				timer := time.NewTimer(q.Control.Duration.Std())
				defer timer.Stop()
				select {
				case <-timer.C:
				case <-forever:
				}
				return r.read(ctx, connector.MeasureRequest{Metrics: q.Metrics, Control: types.Control{Duration: 1}})
			}
		}),
		flawed("an after hook that sleeps", cancelled, "measure did not return within 100ms after its context had ended", func(r *reference) {
			r.afterMeasure = func(ctx context.Context) error {
				timer := time.NewTimer(20 * time.Millisecond)
				defer timer.Stop()
				select {
				case <-timer.C:
				case <-ctx.Done():
					<-forever
				}
				return nil
			}
		}),
		flawed("half a measurement for a whole one", cancelled, "measure, which was to take 1h, returned a result after its context had ended", func(r *reference) {
			r.measure = func(ctx context.Context, q connector.MeasureRequest) (types.Measurement, error) {
				if ctx.Err() != nil {
					return types.Measurement{}, context.Cause(ctx)
				}
				m, err := r.read(ctx, q)
				if ctx.Err() != nil {
					return m, nil //nolint:nilerr // that is the flaw
				}
				return m, err
			}
		}),
		flawed("an error that hides the cause", cancelled, "its error does not wrap that, the cause of its context: it did not work", func(r *reference) {
			r.measure = func(ctx context.Context, q connector.MeasureRequest) (types.Measurement, error) {
				if ctx.Err() != nil {
					return types.Measurement{}, context.Cause(ctx)
				}
				m, err := r.read(ctx, q)
				if err != nil {
					return m, errors.New("it did not work")
				}
				return m, nil
			}
		}),
		flawed("an adjustment that does not look at its context", ended, "adjust returned no error, and its context had ended before", func(r *reference) {
			r.adjust = func(ctx context.Context, q connector.AdjustRequest) (types.Description, error) {
				return r.apply(context.WithoutCancel(ctx), q)
			}
		}),
		flawed("a startup that hangs with an ended context", ended, "startup did not return within 100ms, and its context had ended before", func(r *reference) {
			r.startup = func(ctx context.Context, l connector.Lifecycle) (connector.None, error) {
				if ctx.Err() != nil {
					<-forever
				}
				return r.start(ctx, l)
			}
		}),

		flawed("a setting out of its own list", descriptions, "is not in the values list", func(r *reference) {
			r.described(func(d *types.Description) {
				d.Components[0].Settings = append(d.Components[0].Settings, types.Setting{Name: "zone", Kind: types.EnumKind, Pinned: true, Values: []types.Value{types.Text("a")}, Value: types.Text("b")})
			})
		}),
		flawed("two metrics of one name", descriptions, `there are two of a metric "reference_load"`, func(r *reference) {
			r.described(func(d *types.Description) { d.Metrics = append(d.Metrics, loadMetric) })
		}),
		flawed("components that describe does not know", descriptions, `describe, compared with components: the component "ghost" is missing`, func(r *reference) {
			r.components = func(context.Context, connector.None) ([]types.Component, error) {
				ghost := types.Component{Name: "ghost", Settings: []types.Setting{types.Range("size", types.Int(1), types.Int(2), types.Int(1))}}
				return append(r.description().Components, ghost), nil
			}
		}),
		flawed("metrics that describe does not know", descriptions, "metrics names ghost, and describe does not", func(r *reference) {
			r.metrics = func(context.Context, connector.None) ([]types.Metric, error) {
				return append(r.description().Metrics, types.Metric{Name: "ghost"}), nil
			}
		}),
		flawed("a check that mends things", asking, "after check: reference.level is 5 and should be 4", func(r *reference) {
			r.level = 4
			r.check = func(context.Context) error {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.level = 5
				return nil
			}
		}),
		flawed("an adjustment that forgets", adjustments, "reference.level is 3 and should be 4", func(r *reference) {
			r.adjust = func(ctx context.Context, q connector.AdjustRequest) (types.Description, error) {
				before := r.config.Level
				d, err := r.apply(ctx, q)
				r.mu.Lock()
				r.level = before
				r.mu.Unlock()
				return d, err
			}
		}),
		flawed("only the first of several settings", adjustments, "adjusting 2 settings in one command: reference.mode is fast and should be slow", func(r *reference) {
			adjust := r.adjust
			r.adjust = func(ctx context.Context, q connector.AdjustRequest) (types.Description, error) {
				q.Adjustments = q.Adjustments[:min(1, len(q.Adjustments))]
				return adjust(ctx, q)
			}
		}),
		flawed("an answer to adjust that is a wish", adjustments, "the answer of adjust to reference.level=4: reference.level is 3 and should be 4", func(r *reference) {
			r.adjust = func(ctx context.Context, q connector.AdjustRequest) (types.Description, error) {
				before := r.description()
				_, err := r.apply(ctx, q)
				return before, err
			}
		}),
		flawed("an adjustment of others that is refused", unknown, "an adjustment for the component of another connector must be ignored", func(r *reference) {
			r.adjust = func(ctx context.Context, q connector.AdjustRequest) (types.Description, error) {
				for _, a := range q.Adjustments {
					if a.Component != "reference" {
						return types.Description{}, connector.Reject("", errors.New("what component?"))
					}
				}
				return r.apply(ctx, q)
			}
		}),
		flawed("any setting will do", unknown, "reference.connectortest_of_another does not exist, and adjust answered that it is 3", func(r *reference) {
			r.adjust = func(ctx context.Context, q connector.AdjustRequest) (types.Description, error) {
				d, err := r.apply(ctx, q)
				if err != nil {
					return d, err
				}
				for _, a := range q.Adjustments {
					if _, ok := d.Setting(a.Selector()); !ok && a.Component == "reference" {
						d.Components[0].Settings = append(d.Components[0].Settings, types.Range(a.Setting, types.Int(0), types.Int(9), types.Int(1)).With(a.Value))
					}
				}
				return d, nil
			}
		}),
		flawed("half of a refused adjustment", whole, "which were refused: reference.mode is slow and should be fast", func(r *reference) {
			r.adjust = func(ctx context.Context, q connector.AdjustRequest) (types.Description, error) {
				for _, a := range q.Adjustments {
					if _, err := r.apply(ctx, connector.AdjustRequest{Adjustments: types.Adjustments{a}}); err != nil {
						return types.Description{}, err
					}
				}
				return r.apply(ctx, connector.AdjustRequest{})
			}
		}),
		flawed("any value for an enum", whole, "reference.mode is connectortest: not a value and should be fast", func(r *reference) {
			r.adjust = func(ctx context.Context, q connector.AdjustRequest) (types.Description, error) {
				var mode string
				q.Adjustments = slices.DeleteFunc(slices.Clone(q.Adjustments), func(a types.Adjustment) bool {
					odd := a.Setting == "mode" && a.Value.Kind() == types.TextKind && a.Component == "reference"
					if odd {
						mode = a.Value.String()
					}
					return odd
				})
				d, err := r.apply(ctx, q)
				if err != nil || mode == "" {
					return d, err
				}
				r.mu.Lock()
				r.mode = mode
				r.mu.Unlock()
				return r.description(), nil
			}
			r.describe = func(context.Context, types.Control) (types.Description, error) { return r.description(), nil }
		}),
		flawed("a cancelled adjustment that stays", whole, "which was cancelled: reference.level is 4 and should be 3", func(r *reference) {
			r.adjust = func(ctx context.Context, q connector.AdjustRequest) (types.Description, error) {
				d, err := r.apply(ctx, q)
				if err != nil {
					return d, err
				}
				timer := time.NewTimer(80 * time.Millisecond)
				defer timer.Stop()
				select {
				case <-ctx.Done():
					return d, context.Cause(ctx)
				case <-timer.C:
					return d, nil
				}
			}
		}),
		flawed("progress in circles", progress, "measure reported 20 percent after 60 percent", func(r *reference) {
			r.measure = reporting(r, 60, 20)
		}),
		flawed("progress beyond the end", progress, "measure reported 101 percent, which is not between 0 and 100", func(r *reference) {
			r.measure = reporting(r, 101)
		}),
		flawed("progress that is no number", progress, "measure reported NaN percent", func(r *reference) {
			r.measure = reporting(r, math.NaN())
		}),

		flawed("a reading of something else", measurements, `there is a reading of "ghost", which is not described`, func(r *reference) {
			r.read2(func(m *types.Measurement) {
				m.Readings = append(m.Readings, types.NewTimeSeries(types.Metric{Name: "ghost"}))
			})
		}),
		flawed("a reading in another unit", measurements, `"reference_load" is described in the unit "%" and measured in "ms"`, func(r *reference) {
			r.read2(func(m *types.Measurement) {
				for i, reading := range m.Readings {
					if reading.Of() == loadMetric {
						m.Readings[i] = types.NewTimeSeries(types.Metric{Name: loadMetric.Name, Unit: types.Milliseconds})
					}
				}
			})
		}),
		flawed("readings of two kinds", measurements, `the readings are of two kinds`, func(r *reference) {
			r.read2(func(m *types.Measurement) {
				if len(m.Readings) > 1 {
					m.Readings[0] = types.DataPoint{Metric: m.Readings[0].Of(), Sample: types.Observe(1)}
				}
			})
		}),
		flawed("a metric that is never read", measurements, `the metric "reference_load" was asked for, and there is no reading of it`, func(r *reference) {
			r.read2(func(m *types.Measurement) { m.Readings = m.Readings[:min(1, len(m.Readings))] })
		}),
		flawed("metrics of others refused", foreign, "measure for a metric of another connector: measure hook of reference: what metric?", func(r *reference) {
			r.measure = func(ctx context.Context, q connector.MeasureRequest) (types.Measurement, error) {
				for _, name := range q.Metrics {
					if !strings.HasPrefix(name, "reference_") {
						return types.Measurement{}, errors.New("what metric?")
					}
				}
				return r.read(ctx, q)
			}
		}),
		flawed("metrics of others invented", foreign, `it returned a reading of "connectortest_of_another", which it does not know`, func(r *reference) {
			r.measure = func(ctx context.Context, q connector.MeasureRequest) (types.Measurement, error) {
				m, err := r.read(ctx, q)
				for _, name := range q.Metrics {
					if !strings.HasPrefix(name, "reference_") {
						m.Readings = append(m.Readings, types.NewTimeSeries(types.Metric{Name: name}))
					}
				}
				return m, err
			}
		}),

		flawed("a secret in the log", secrets, "a secret shows in logs, answers or errors", func(r *reference) {
			r.check = func(ctx context.Context) error {
				r.log.DebugContext(ctx, "asking", "header", "Bearer "+r.config.Token.Reveal())
				return nil
			}
		}),
		flawed("a secret in an error", secrets, "a secret shows in logs, answers or errors", func(r *reference) {
			r.adjust = func(ctx context.Context, q connector.AdjustRequest) (types.Description, error) {
				d, err := r.apply(ctx, q)
				if err != nil {
					err = fmt.Errorf("with token %s: %w", r.config.Token.Reveal(), err)
				}
				return d, err
			}
		}),
		flawed("a secret in telemetry", secrets, "a secret shows in telemetry: reference.token=<the secret>", func(r *reference) {
			r.bind = func(h *connector.Host) error {
				h.Telemetry("token", r.config.Token.Reveal())
				return nil
			}
		}),
		flawed("a secret in the URL of a request that fails", secrets, "a secret shows in logs, answers or errors", func(r *reference) {
			r.check = func(ctx context.Context) error {
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:1/?token="+r.config.Token.Reveal(), nil)
				if err != nil {
					return nil //nolint:nilerr // not the flaw
				}
				response, err := r.http.Do(request)
				if err == nil {
					_ = response.Body.Close()
				}
				return err
			}
		}),
		flawed("one question at a time", concurrency, "describe beside measure: describe hook of reference: it is busy", func(r *reference) {
			var busy atomic.Bool
			r.measure = func(ctx context.Context, q connector.MeasureRequest) (types.Measurement, error) {
				busy.Store(true)
				defer busy.Store(false)
				return r.read(ctx, q)
			}
			r.describe = func(context.Context, types.Control) (types.Description, error) {
				if busy.Load() {
					return types.Description{}, errors.New("it is busy")
				}
				return r.description(), nil
			}
		}),
	}...)
}

// reporting measures and reports as told.
func reporting(r *reference, percents ...float64) func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
	return func(ctx context.Context, q connector.MeasureRequest) (types.Measurement, error) {
		for _, p := range percents {
			if err := connector.Progress(ctx, types.Progress{Percent: p}); err != nil {
				return types.Measurement{}, err
			}
		}
		return r.read(connector.WithProgress(ctx, func(context.Context, types.Progress) {}), q)
	}
}

// read2 changes what was measured.
func (r *reference) read2(change func(*types.Measurement)) {
	r.measure = func(ctx context.Context, q connector.MeasureRequest) (types.Measurement, error) {
		m, err := r.read(ctx, q)
		change(&m)
		return m, err
	}
}

// described changes what is described, by all three events.
func (r *reference) described(change func(*types.Description)) {
	all := func() types.Description {
		d := r.description()
		change(&d)
		return d
	}
	r.describe = func(context.Context, types.Control) (types.Description, error) { return all(), nil }
	r.components = func(context.Context, connector.None) ([]types.Component, error) { return all().Components, nil }
	r.metrics = func(context.Context, connector.None) ([]types.Metric, error) { return all().Metrics, nil }
	r.adjust = func(ctx context.Context, q connector.AdjustRequest) (types.Description, error) {
		_, err := r.apply(ctx, q)
		return all(), err
	}
}

// Configuration types with flaws. All have what the reference needs.

type vague struct {
	Address string        `yaml:"address" example:"localhost:9090"`
	Token   config.Secret `yaml:"token"`
}

func (c vague) settings() settings {
	return settings{Address: c.Address, Token: c.Token, Level: 3, Interval: types.Duration(2 * time.Millisecond)}
}

func (c vague) Validate() error {
	if c.Address == "" {
		return errors.New("something is missing")
	}
	return nil
}

// misleading has a sample that it does not accept itself.
type misleading struct {
	Address string        `yaml:"address" example:"localhost:9090"`
	Token   config.Secret `yaml:"token"`
}

func (c misleading) settings() settings { return vague(c).settings() }

func (c misleading) Sample() misleading { return misleading{Address: "nowhere"} }

func (c misleading) Validate() error {
	if c.Address == "nowhere" {
		return config.Invalid("address", c.Address, "an address")
	}
	return nil
}

type surprised struct {
	Address string        `yaml:"address" example:"localhost:9090"`
	Token   config.Secret `yaml:"token"`
}

func (c surprised) settings() settings { return vague(c).settings() }

// A panic only for an empty stanza: another promise is about odd values.
func (c surprised) Validate() error {
	if c.Address == "" && c.Token.IsZero() {
		panic("nobody set the address")
	}
	return nil
}

type lossy struct {
	Address string        `yaml:"address" example:"localhost:9090"`
	Token   config.Secret `yaml:"token"`
	Span    span          `yaml:"span"`
}

func (c *lossy) SetDefaults() { c.Span.Seconds = 7 }

func (c lossy) settings() settings { return vague{c.Address, c.Token}.settings() }

type span struct {
	Seconds int `yaml:"seconds"`
}

// MarshalYAML forgets what it has.
func (s span) MarshalYAML() (any, error) { return map[string]int{"seconds": s.Seconds / 2}, nil }

type oneWay struct {
	Address string        `yaml:"address" example:"localhost:9090"`
	Token   config.Secret `yaml:"token"`
	Span    minutes       `yaml:"span"`
}

func (c oneWay) settings() settings { return vague{c.Address, c.Token}.settings() }

type minutes int

// MarshalYAML writes what nobody reads.
func (m minutes) MarshalYAML() (any, error) { return fmt.Sprintf("%d minutes", int(m)), nil }

type loose struct {
	Address string         `yaml:"address" example:"localhost:9090"`
	Token   config.Secret  `yaml:"token"`
	Rest    map[string]any `yaml:",inline"`
}

func (c loose) settings() settings { return vague{c.Address, c.Token}.settings() }

type careless struct {
	Address  string        `yaml:"address" example:"localhost:9090"`
	Token    config.Secret `yaml:"token"`
	Anything any           `yaml:"anything"`
}

func (c careless) settings() settings { return vague{c.Address, c.Token}.settings() }

type fragile struct {
	Address string        `yaml:"address" example:"localhost:9090"`
	Token   config.Secret `yaml:"token"`
	Level   int64         `yaml:"level"`
}

func (c fragile) settings() settings { return vague{c.Address, c.Token}.settings() }

func (c fragile) Validate() error {
	if c.Level < 0 {
		panic("negative level")
	}
	return nil
}

type talkative struct {
	Address string   `yaml:"address" example:"localhost:9090"`
	Token   chatty   `yaml:"token"`
	_       struct{} `yaml:"-"`
}

func (c talkative) settings() settings {
	return vague{c.Address, config.NewSecret(string(c.Token))}.settings()
}

// chatty reads texts, and lists with a complaint that quotes them.
type chatty string

func (c *chatty) UnmarshalYAML(unmarshal func(any) error) error {
	var v any
	if err := unmarshal(&v); err != nil {
		return err
	}
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("%v is not a text", v)
	}
	*c = chatty(text)
	return nil
}

func TestTheKitCatchesBadConnectors(t *testing.T) {
	for i, b := range badConnectors(nil) {
		t.Run(b.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				forever := make(chan struct{})
				defer close(forever)
				catch(t, badConnectors(forever)[i])
			})
		})
	}
}

// catch asserts that a bad connector breaks its promise and no other.
func catch(t *testing.T, b bad) {
	c := good()
	c.YAML = "address: localhost:9090\ntoken: " + secret + "\n"
	c.Secrets = []string{secret}
	c.Prompt = 100 * time.Millisecond
	c.Limit = 500 * time.Millisecond
	if b.change != nil {
		b.change(&c)
	}
	results, err := connectortest.Verify(b.def, c)
	require.NoError(t, err)
	var broken []string
	for _, r := range results {
		if r.State == connectortest.Broken {
			broken = append(broken, r.Promise)
		}
		if r.Promise == b.promise {
			assert.Contains(t, r.String(), "broken promise: "+b.promise)
			assert.Contains(t, r.String(), b.says)
		}
	}
	assert.Equal(t, []string{b.promise}, broken, "%v", results)
}
