package emulator_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/emulator"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

// rig is an emulator on a bus of its own.
type rig struct {
	t   testing.TB
	bus event.Bus
	log bytes.Buffer

	mu      sync.Mutex
	reports []types.Progress
}

func newRig(t testing.TB, changes ...func(*emulator.Config)) *rig {
	t.Helper()
	r := &rig{t: t}
	e, err := emulator.New(defaults(changes...), connector.Env{Logger: slog.New(slog.NewTextHandler(&r.log, nil))})
	require.NoError(t, err)
	require.NoError(t, e.Bind(connector.NewHost(&r.bus, "emulator", nil)))
	return r
}

func (r *rig) context() context.Context {
	return connector.WithProgress(context.Background(), func(_ context.Context, p types.Progress) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.reports = append(r.reports, p)
	})
}

func (r *rig) describe() types.Description {
	r.t.Helper()
	results, err := connector.Describe.Dispatch(context.Background(), &r.bus, types.Control{})
	require.NoError(r.t, err)
	return results[0].Value
}

func (r *rig) tryMeasure(ctx context.Context, control types.Control, names ...string) (types.Measurement, error) {
	results, err := connector.Measure.Dispatch(ctx, &r.bus, connector.MeasureRequest{Metrics: names, Control: control})
	if err != nil {
		return types.Measurement{}, err
	}
	return results[0].Value, nil
}

func (r *rig) measure(control types.Control, names ...string) types.Measurement {
	r.t.Helper()
	m, err := r.tryMeasure(r.context(), control, names...)
	require.NoError(r.t, err)
	return m
}

func (r *rig) tryAdjust(ctx context.Context, control types.Control, as ...types.Adjustment) (types.Description, error) {
	results, err := connector.Adjust.Dispatch(ctx, &r.bus, connector.AdjustRequest{Adjustments: as, Control: control})
	if err != nil {
		return types.Description{}, err
	}
	return results[0].Value, nil
}

func (r *rig) adjust(as ...types.Adjustment) types.Description {
	r.t.Helper()
	d, err := r.tryAdjust(r.context(), types.Control{}, as...)
	require.NoError(r.t, err)
	return d
}

func (r *rig) value(selector string) types.Value {
	r.t.Helper()
	s, ok := r.describe().Setting(selector)
	require.True(r.t, ok, selector)
	return s.Value
}

func to(setting string, v types.Value) types.Adjustment {
	return types.Adjustment{Component: "fake-app", Setting: setting, Value: v}
}

// figure is the mean of a metric, exact without noise.
func (r *rig) figure(name string) float64 {
	r.t.Helper()
	s := r.measure(types.Control{}, name).Summary(name)
	require.Equal(r.t, 1, s.Count, name)
	return s.Mean
}

func quiet(c *emulator.Config) { c.Response.Noise = 0 }
