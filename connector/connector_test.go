package connector_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

func stanza(t *testing.T, text, name string) *config.Stanza {
	t.Helper()
	docs, err := config.Parse("servo.yaml", []byte(text))
	require.NoError(t, err)
	s, ok := docs[0].Stanza(name)
	require.True(t, ok)
	return s
}

func TestDefinition(t *testing.T) {
	bad := stanza(t, "thermostat:\n  degree: hot\n  rom: kitchen\n", "thermostat")

	t.Run("check and new report every problem", func(t *testing.T) {
		for _, err := range []error{Definition.Check(bad), func() error { _, err := Definition.New(bad, connector.Env{}); return err }()} {
			var problems config.FieldErrors
			require.ErrorAs(t, err, &problems)
			assert.Contains(t, err.Error(), "servo.yaml:2:")
			assert.Contains(t, err.Error(), "thermostat.degree")
			assert.Contains(t, err.Error(), `did you mean "room"`)
		}
	})
	t.Run("defaults", func(t *testing.T) {
		var got connector.Env
		d := connector.Define(connector.Info{Name: "thermostat"}, func(_ struct{}, env connector.Env) (connector.Connector, error) {
			got = env
			return &thermostat{}, nil
		})
		_, err := d.New(nil, connector.Env{})
		require.NoError(t, err)
		assert.Equal(t, "thermostat", got.Name)
		assert.NotNil(t, got.Logger)
		assert.NotNil(t, got.HTTP)
		assert.Equal(t, "thermostat", d.Info().Name)
	})
	t.Run("a definition that builds nothing", func(t *testing.T) {
		d := connector.Define(connector.Info{Name: "none"}, func(struct{}, connector.Env) (connector.Connector, error) { return nil, nil })
		_, err := d.New(nil, connector.Env{})
		assert.EqualError(t, err, "connector none: the definition built nothing")
	})
	t.Run("a build function that panics", func(t *testing.T) {
		for name, build := range map[string]func(struct{}, connector.Env) (connector.Connector, error){
			"with a text": func(struct{}, connector.Env) (connector.Connector, error) { panic("no room") },
			"is nil":      nil,
		} {
			t.Run(name, func(t *testing.T) {
				c, err := connector.Define(connector.Info{Name: "none"}, build).New(nil, connector.Env{Name: "mine"})
				assert.Nil(t, c)
				require.ErrorContains(t, err, "connector mine: building it: panic: ")
				var panicked *event.PanicError
				require.ErrorAs(t, err, &panicked)
				assert.NotNil(t, panicked.Value)
				assert.Contains(t, string(panicked.Stack), "connector_test.go")
			})
		}
	})
	t.Run("the zero definition", func(t *testing.T) {
		_, err := connector.Definition{}.New(nil, connector.Env{})
		assert.ErrorContains(t, err, "make it with Define")
		assert.ErrorContains(t, connector.Definition{}.Check(nil), "make it with Define")
	})
}

func TestOutcomes(t *testing.T) {
	cause := errors.New("exit status 1")
	tests := []struct {
		name    string
		err     error
		outcome types.Outcome
	}{
		{"reject", connector.Reject(types.ReasonStartFailed, cause), types.Rejected},
		{"abort", connector.Abort("slo-violation", cause), types.Aborted},
		{"fail", connector.Fail("busy", cause), types.Failed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			top, ok := types.TopOutcome(errors.Join(errors.New("other"), tt.err))
			require.True(t, ok)
			assert.Equal(t, tt.outcome, top.Outcome)
			assert.NotEmpty(t, top.Reason)
			assert.ErrorIs(t, tt.err, cause)
		})
	}
}

func TestProgress(t *testing.T) {
	var reports []types.Progress
	ctx, cancel := context.WithCancelCause(connector.WithProgress(t.Context(), func(_ context.Context, p types.Progress) { reports = append(reports, p) }))
	require.NoError(t, connector.Progress(ctx, types.Progress{Percent: 50, Message: "half"}))
	require.NoError(t, connector.Progress(t.Context(), types.Progress{Percent: 50}), "nobody listens")
	cancel(connector.ErrCancelledByOptimizer)
	assert.ErrorIs(t, connector.Progress(ctx, types.Progress{Percent: 60}), connector.ErrCancelledByOptimizer)
	assert.Equal(t, []types.Progress{{Percent: 50, Message: "half"}}, reports)
}

func TestHostChecks(t *testing.T) {
	var bus event.Bus
	h := connector.NewHost(&bus, "app", nil)
	ok := func(context.Context) error { return nil }
	h.Check(checks.Check{Name: "one", Run: ok}, checks.Check{Name: "two", ID: "second", Run: ok})
	h.Check(checks.Check{Name: "three", Run: ok})
	require.NoError(t, bus.Err())

	for name, tt := range map[string]struct {
		filter checks.Filter
		ran    []string
	}{
		"all":     {checks.Filter{}, []string{"one", "two", "three"}},
		"by name": {checks.Filter{Name: checks.AnyOf("three")}, []string{"three"}},
		"by id":   {checks.Filter{ID: checks.AnyOf("second")}, []string{"two"}}, "by derived id": {checks.Filter{ID: checks.AnyOf(checks.ID("one"))}, []string{"one"}},
	} {
		t.Run(name, func(t *testing.T) {
			results, err := connector.Check.Dispatch(t.Context(), &bus, connector.CheckRequest{Filter: tt.filter})
			require.NoError(t, err)
			require.Len(t, results, 1)
			var ran []string
			for _, r := range results[0].Value {
				ran = append(ran, r.Name)
			}
			assert.Equal(t, tt.ran, ran)
		})
	}
}

func TestHostTasks(t *testing.T) {
	newHost := func() *connector.Host { return connector.NewHost(new(event.Bus), "app", nil) }
	never := func(err error) { panic(err) }

	t.Run("begin with Start and end with Stop", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHost()
			var ran, ended atomic.Int32
			task := func(ctx context.Context) error {
				ran.Add(1)
				<-ctx.Done()
				ended.Add(1)
				return context.Cause(ctx)
			}
			h.Go(task)
			synctest.Wait()
			assert.Zero(t, ran.Load())
			h.Start(t.Context(), never)
			synctest.Wait()
			assert.EqualValues(t, 1, ran.Load())
			h.Go(task)
			synctest.Wait()
			assert.EqualValues(t, 2, ran.Load(), "a late task begins at once")
			require.NoError(t, h.Stop(t.Context()))
			require.NoError(t, h.Stop(t.Context()), "stopping twice")
			assert.EqualValues(t, 2, ended.Load())
			h.Go(func(context.Context) error { t.Error("started after Stop"); return nil })
		})
	})
	t.Run("stop without start", func(t *testing.T) {
		h := newHost()
		h.Go(func(context.Context) error { t.Error("started after Stop"); return nil })
		require.NoError(t, h.Stop(t.Context()))
		h.Start(t.Context(), never)
	})
	t.Run("failure and panic are handed over", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHost()
			failures := make(chan error, 2)
			boom := errors.New("boom")
			h.Go(func(context.Context) error { return boom })
			h.Start(t.Context(), func(err error) { failures <- err })
			assert.ErrorIs(t, <-failures, boom)
			h.Go(func(context.Context) error { panic("no") })
			var p *event.PanicError
			assert.ErrorAs(t, <-failures, &p)
			require.NoError(t, h.Stop(t.Context()))
		})
	})
	t.Run("a task that does not end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHost()
			release := make(chan struct{})
			h.Go(func(context.Context) error { <-release; return nil })
			h.Start(t.Context(), never)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			assert.ErrorIs(t, h.Stop(ctx), context.DeadlineExceeded)
			close(release)
			require.NoError(t, h.Stop(t.Context()))
		})
	})
	t.Run("every", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHost()
			var at []time.Duration
			began := time.Now()
			h.Every(time.Minute, func(context.Context) error {
				at = append(at, time.Since(began))
				return errors.New("an error does not end the repetition")
			})
			h.Start(t.Context(), never)
			time.Sleep(2*time.Minute + time.Second)
			require.NoError(t, h.Stop(t.Context()))
			assert.Equal(t, []time.Duration{0, time.Minute, 2 * time.Minute}, at)
		})
	})
	t.Run("every needs a positive interval", func(t *testing.T) {
		h := newHost()
		require.NoError(t, h.Err())
		h.Every(0, func(context.Context) error { t.Error("must not run"); return nil })
		assert.EqualError(t, h.Err(), "connector app: cannot repeat every 0s: the interval must be positive")
		h.Start(t.Context(), never)
		require.NoError(t, h.Stop(t.Context()))
	})
}

func TestHostTelemetry(t *testing.T) {
	h := connector.NewHost(new(event.Bus), "kubernetes", nil)
	h.Telemetry("version", "1.36")
	facts := h.Facts()
	assert.Equal(t, map[string]string{"kubernetes.version": "1.36"}, facts)
	facts["kubernetes.version"] = "changed"
	assert.Equal(t, "1.36", h.Facts()["kubernetes.version"])
}
