package vegeta_test

import (
	"context"
	"testing"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/vegeta"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
	"github.com/stretchr/testify/require"
)

// settings returns a configuration for one URL. Its generator may be late,
// since the machine of a test may be busy with other tests.
func settings(rate, url string) vegeta.Config {
	var c vegeta.Config
	c.SetDefaults()
	c.Rate = rate
	c.Requests = []vegeta.Target{{Method: "GET", URL: url}}
	c.MaxLag = types.Duration(20 * time.Second)
	return c
}

// bound puts a connector on a bus of its own.
func bound(t testing.TB, c connector.Connector) *event.Bus {
	t.Helper()
	var bus event.Bus
	require.NoError(t, c.Bind(connector.NewHost(&bus, "vegeta", nil)))
	require.NoError(t, bus.Err())
	return &bus
}

func control(warmup, duration time.Duration) types.Control {
	return types.Control{Warmup: types.Duration(warmup), Duration: types.Duration(duration)}
}

func dispatch(ctx context.Context, bus *event.Bus, control types.Control, names ...string) (types.Measurement, error) {
	results, err := connector.Measure.Dispatch(ctx, bus, connector.MeasureRequest{Metrics: names, Control: control})
	if err != nil {
		return types.Measurement{}, err
	}
	return results[0].Value, nil
}

// measure runs one measurement with the real generator.
func measure(t *testing.T, c vegeta.Config, control types.Control, names ...string) (types.Measurement, error) {
	t.Helper()
	v, err := vegeta.New(c, connector.Env{})
	require.NoError(t, err)
	return dispatch(t.Context(), bound(t, v), control, names...)
}

// values returns the numbers of a metric, one per interval.
func values(t *testing.T, m types.Measurement, metric string) []float64 {
	t.Helper()
	var out []float64
	for _, r := range m.Readings {
		if r.Of().Name != metric {
			continue
		}
		for _, s := range r.Samples() {
			v, ok := s.Float64()
			require.True(t, ok, "%s has a sample that is %s", metric, s)
			out = append(out, v)
		}
	}
	return out
}
