package servo_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

// A connector that has forgotten a reading costs that reading, and the log says
// whose it was.
func TestMeasureLeavesNilReadingsOut(t *testing.T) {
	latency := types.DataPoint{Metric: types.Metric{Name: "latency"}, Sample: types.Observe(12.5)}
	const (
		none    = `msg="a connector has returned readings that are nil, which are left out"`
		missing = `msg="a metric that was asked for has not been measured" `
	)
	for _, tt := range []struct {
		name     string
		readings []types.Reading
		want     []types.Reading
		logged   []string
		silent   string
	}{
		{"nil", []types.Reading{nil, latency}, []types.Reading{latency}, []string{none, "connector=a readings=1"}, missing},
		{"data point", []types.Reading{latency, (*types.DataPoint)(nil)}, []types.Reading{latency}, []string{none, "connector=a readings=1"}, missing},
		{"time series", []types.Reading{(*types.TimeSeries)(nil), &latency}, []types.Reading{&latency}, []string{none, "connector=a readings=1"}, missing},
		{"nothing else", []types.Reading{(*types.TimeSeries)(nil), (*types.DataPoint)(nil)}, nil, []string{none, "connector=a readings=2", missing, "metric=latency"}, "connector=b"},
		{"none is nil", []types.Reading{latency}, []types.Reading{latency}, nil, none},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				a, b := newApp("a", nil), newApp("b", nil)
				a.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
					return types.Measurement{Readings: tt.readings}, nil
				}
				b.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
					return types.Measurement{}, nil
				}
				opt := newBackend(optimizer.Command{Verb: optimizer.Measure, UID: "m", Metrics: []string{"latency"}})
				s := newServo(t, opt, nil, func(o *servo.Options) { o.Logger = slog.New(textLogger(&out)) })
				use(t, s, a, b)
				require.NoError(t, runUntilIdle(t, s, opt))
				replies := opt.all("reply")
				require.Len(t, replies, 1)
				assert.Empty(t, replies[0].result.Outcome)
				assert.Equal(t, tt.want, replies[0].result.Measurement.Readings)
				for _, line := range tt.logged {
					assert.Contains(t, out.String(), line)
				}
				assert.NotContains(t, out.String(), tt.silent)
			})
		})
	}
}
