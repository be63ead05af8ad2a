package servo_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

// app is a connector with one component, which notes the steps of its life.
type app struct {
	steps   *[]string
	name    string
	fail    map[string]error
	setting types.Setting
	adjust  func(context.Context, connector.AdjustRequest) (types.Description, error)
	measure func(context.Context, connector.MeasureRequest) (types.Measurement, error)
}

func newApp(name string, steps *[]string) *app {
	return &app{
		name: name, steps: steps, fail: map[string]error{},
		setting: types.Range("workers", types.Int(1), types.Int(8), types.Int(1)).With(types.Int(2)),
	}
}

func (a *app) Bind(h *connector.Host) error {
	life := func(step string) func(context.Context, connector.Lifecycle) (connector.None, error) {
		return func(_ context.Context, l connector.Lifecycle) (connector.None, error) {
			if a.steps != nil {
				*a.steps = append(*a.steps, a.name+" "+step)
			}
			return connector.None{}, a.fail[step]
		}
	}
	connector.Attach.On(h, life("attach"))
	connector.Startup.On(h, life("startup"))
	connector.Shutdown.On(h, life("shutdown"))
	connector.Detach.On(h, life("detach"))
	connector.Components.On(h, func(context.Context, connector.None) ([]types.Component, error) {
		return []types.Component{a.component()}, nil
	})
	connector.Describe.On(h, func(context.Context, types.Control) (types.Description, error) {
		return types.Description{Components: []types.Component{a.component()}, Metrics: []types.Metric{{Name: "latency", Unit: types.Milliseconds}}}, nil
	})
	connector.Adjust.On(h, func(ctx context.Context, r connector.AdjustRequest) (types.Description, error) {
		if a.adjust != nil {
			return a.adjust(ctx, r)
		}
		for _, adj := range r.Adjustments {
			if adj.Component == a.name {
				a.setting = a.setting.With(adj.Value)
			}
		}
		return types.Description{Components: []types.Component{a.component()}}, nil
	})
	connector.Measure.On(h, func(ctx context.Context, r connector.MeasureRequest) (types.Measurement, error) {
		if a.measure != nil {
			return a.measure(ctx, r)
		}
		return types.Measurement{Readings: []types.Reading{types.DataPoint{Metric: types.Metric{Name: "latency"}, Sample: types.Observe(12.5)}}}, nil
	})
	return a.fail["bind"]
}

func (a *app) component() types.Component {
	return types.Component{Name: a.name, Settings: []types.Setting{a.setting}}
}

func use(t *testing.T, s *servo.Servo, apps ...*app) {
	t.Helper()
	for _, a := range apps {
		require.NoError(t, s.Use(a.name, a))
	}
}

func TestNewNamesEveryProblem(t *testing.T) {
	_, err := servo.New(servo.Options{Grace: -1, ProgressInterval: -1})
	require.Error(t, err)
	assert.ErrorContains(t, err, "an optimizer is required")
	assert.ErrorContains(t, err, "progress interval: -1ns is negative")
	assert.ErrorContains(t, err, "grace: -1ns is negative")
}

func TestLifecycle(t *testing.T) {
	boom := errors.New("boom")
	full := []string{"a attach", "b attach", "a startup", "b startup", "b shutdown", "a shutdown", "b detach", "a detach"}
	tests := []struct {
		name  string
		fail  map[string]error // of connector b
		hello error
		steps []string
		calls []string
		err   error
	}{
		{"in order and back", nil, nil, full, []string{"hello", "next", "goodbye"}, nil},
		{"attach fails", map[string]error{"attach": boom}, nil, []string{"a attach", "b attach", "b detach", "a detach"}, nil, boom},
		{"hello fails", nil, boom, []string{"a attach", "b attach", "b detach", "a detach"}, []string{"hello"}, boom},
		{"startup fails", map[string]error{"startup": boom}, nil, full, []string{"hello", "goodbye"}, boom},
		{"shutdown fails", map[string]error{"shutdown": boom}, nil, full, []string{"hello", "next", "goodbye"}, boom},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var steps []string
				a, b := newApp("a", &steps), newApp("b", &steps)
				b.fail = tt.fail
				opt := newBackend()
				opt.hello = func(context.Context, int) error { return tt.hello }
				s := newServo(t, opt, nil)
				use(t, s, a, b)
				err := runUntilIdle(t, s, opt)
				if tt.err == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, tt.err)
				}
				assert.Equal(t, tt.steps, steps)
				assert.Equal(t, tt.calls, opt.trace())
				assert.ErrorContains(t, s.Run(t.Context()), "has been run already")
			})
		})
	}
}

func TestBindProblems(t *testing.T) {
	s := newServo(t, newBackend(), nil)
	use(t, s, newApp("a", nil))
	assert.ErrorContains(t, s.Use("a", newApp("a", nil)), `invalid name "a"`)
	assert.ErrorContains(t, s.Use("", newApp("", nil)), `invalid name ""`)
	assert.ErrorContains(t, s.Use("nothing", nil), "is nil")
	boom := errors.New("boom")
	assert.ErrorIs(t, s.Use("b", bind(func(*connector.Host) error { return boom })), boom)
	assert.ErrorContains(t, s.Use("b", bind(func(h *connector.Host) error {
		event.New[types.Control, types.Description]("describe").On(h, func(context.Context, types.Control) (types.Description, error) { return types.Description{}, nil })
		return nil
	})), "describe")
	assert.ErrorContains(t, s.Use("b", bind(func(h *connector.Host) error {
		h.Every(0, func(context.Context) error { return nil })
		return nil
	})), "must be positive")
	require.NoError(t, s.Use("b", newApp("b", nil)), "a failed bind leaves nothing behind")
	assert.Equal(t, []string{"a", "b"}, s.Connectors())
}

func TestUseAndRemoveWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var steps []string
		opt := newBackend()
		s := newServo(t, opt, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		<-opt.idle

		a, broken := newApp("a", &steps), newApp("broken", &steps)
		require.NoError(t, s.Use("a", a))
		broken.fail["startup"] = errors.New("boom")
		require.ErrorContains(t, s.Use("broken", broken), "boom")
		assert.Equal(t, []string{"a"}, s.Connectors())
		require.NoError(t, s.Remove(t.Context(), "a", "enough"))
		require.ErrorContains(t, s.Remove(t.Context(), "a", "enough"), "does not exist")
		assert.Equal(t, []string{
			"a attach", "a startup",
			"broken attach", "broken startup", "broken shutdown", "broken detach",
			"a shutdown", "a detach",
		}, steps)
		assert.Empty(t, s.Bus().Sources())
		cancel()
		require.NoError(t, <-done)
		assert.ErrorContains(t, s.Use("late", newApp("late", nil)), "has ended")
	})
}

func TestBackgroundTaskFailureEndsTheServo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("boom")
		var cause error
		opt := newBackend(optimizer.Command{Verb: optimizer.Measure, UID: "m"})
		a := newApp("a", nil)
		a.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
			<-ctx.Done()
			cause = context.Cause(ctx)
			return types.Measurement{}, ctx.Err()
		}
		s := newServo(t, opt, nil)
		use(t, s, a)
		require.NoError(t, s.Use("task", bind(func(h *connector.Host) error {
			h.Go(func(ctx context.Context) error { time.Sleep(time.Second); return boom })
			return nil
		})))
		require.ErrorIs(t, s.Run(t.Context()), boom)
		assert.ErrorIs(t, cause, connector.ErrStopRequested)
		assert.Equal(t, []string{"hello", "next", "reply", "goodbye"}, opt.trace())
	})
}

func TestStop(t *testing.T) {
	t.Run("during a command", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opt := newBackend(optimizer.Command{Verb: optimizer.Measure, UID: "m"})
			a := newApp("a", nil)
			a.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
				<-ctx.Done()
				return types.Measurement{}, ctx.Err()
			}
			s := newServo(t, opt, nil)
			use(t, s, a)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			require.NoError(t, s.Run(ctx))
			replies := opt.all("reply")
			require.Len(t, replies, 1)
			assert.Equal(t, types.Cancelled, replies[0].result.Outcome)
			assert.Equal(t, "m", replies[0].result.UID)
			assert.Equal(t, "shutdown", opt.all("goodbye")[0].reason)
		})
	})
	t.Run("during sleep", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opt := newBackend(optimizer.Command{Verb: optimizer.Sleep, SleepFor: time.Hour})
			s := newServo(t, opt, nil)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			require.NoError(t, s.Run(ctx))
			assert.Equal(t, time.Minute, time.Since(began))
			assert.Equal(t, []string{"hello", "next", "goodbye"}, opt.trace(), "SLEEP is not answered")
		})
	})
	t.Run("while the greeting is retried", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opt := newBackend()
			opt.hello = func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			require.NoError(t, newServo(t, opt, nil).Run(ctx))
			assert.Equal(t, []string{"hello"}, opt.trace(), "no goodbye without a greeting")
		})
	})
	t.Run("a handler that does not return is named", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			opt := newBackend(optimizer.Command{Verb: optimizer.Measure, UID: "m"})
			a := newApp("a", nil)
			a.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
				<-release
				return types.Measurement{}, nil
			}
			s := newServo(t, opt, nil)
			use(t, s, a)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			assert.ErrorContains(t, s.Run(ctx), "has not ended within 5s")
			assert.Equal(t, time.Minute+5*time.Second, time.Since(began))
			close(release)
			synctest.Wait()
		})
	})
	t.Run("an optimizer that does not hear the goodbye", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opt := newBackend()
			opt.goodbye = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
			began := time.Now()
			require.NoError(t, runUntilIdle(t, newServo(t, opt, nil), opt))
			assert.Equal(t, 2500*time.Millisecond, time.Since(began))
		})
	})
}
