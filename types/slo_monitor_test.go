package types_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/types"
)

// look returns a measurement of points, by metric.
func look(values map[string]float64) types.Measurement {
	var m types.Measurement
	for name, v := range values {
		m.Readings = append(m.Readings, types.DataPoint{Metric: types.Metric{Name: name}, Sample: types.Observe(v)})
	}
	return m
}

func TestSLOMonitorResults(t *testing.T) {
	fixed := types.SLOCondition{Metric: "m", Threshold: dec("0.1"), ThresholdMultiplier: dec("3")}
	relative := types.SLOCondition{Metric: "m", ThresholdMetric: "n", ThresholdMultiplier: dec("0.5"), Keep: types.KeepAbove}
	type values = map[string]float64
	for _, tt := range []struct {
		name          string
		condition     types.SLOCondition
		measured      values
		zeroIsMissing bool
		want          types.SLOResult
	}{
		{"absent", fixed, values{"n": 1}, false, types.SLOMissingMetric},
		{"NaN", fixed, values{"m": math.NaN()}, false, types.SLOMissingMetric},
		{"zero", fixed, values{"m": 0}, false, types.SLOPassed},
		{"zero that is missing", fixed, values{"m": 0}, true, types.SLOMissingMetric},
		{"below", fixed, values{"m": 0.2}, false, types.SLOPassed},
		{"equal is fine, in decimals", fixed, values{"m": 0.3}, false, types.SLOPassed},
		{"above the limit", fixed, values{"m": 0.31}, false, types.SLOFailed},
		{"threshold of zero", types.SLOCondition{Metric: "m", Threshold: dec("0")}, values{"m": 0.01}, false, types.SLOFailed},
		{"threshold absent", relative, values{"m": 1}, false, types.SLOMissingThreshold},
		{"threshold NaN", relative, values{"m": 1, "n": math.NaN()}, false, types.SLOMissingThreshold},
		{"threshold zero that is missing", relative, values{"m": 1, "n": 0}, true, types.SLOMissingThreshold},
		{"metric as good as zero", relative, values{"m": 0.25, "n": 9}, false, types.SLOZeroMetric},
		{"threshold as good as zero", relative, values{"m": 1, "n": 0.5}, false, types.SLOZeroThreshold},
		{"above the threshold", relative, values{"m": 5, "n": 10}, false, types.SLOPassed},
		{"below the threshold", relative, values{"m": 4.9, "n": 10}, false, types.SLOFailed},
		{"negative is not zero", relative, values{"m": -1, "n": 10}, false, types.SLOFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			monitor := types.NewSLOMonitor(types.SLO{Conditions: []types.SLOCondition{tt.condition}}, tt.zeroIsMissing)
			got, err := monitor.Judge(look(tt.measured))
			assert.Equal(t, []types.SLOResult{tt.want}, got)
			assert.Equal(t, tt.want == types.SLOFailed, err != nil)
		})
	}
}

func TestSLOMonitorReducesSeriesFirst(t *testing.T) {
	metric := types.Metric{Name: "m"}
	measured := types.Measurement{Readings: []types.Reading{
		nil, types.NewTimeSeries(metric), // an empty series is no data
		types.NewTimeSeries(metric, at(0, 10), at(1, 10), at(2, 10), unknown(3, types.Stale())),
		types.DataPoint{Metric: metric, Sample: types.Observe(20)},
	}}
	monitor := types.NewSLOMonitor(types.SLO{Conditions: []types.SLOCondition{
		{Metric: "m", Threshold: dec("15")}, {Metric: "m", Threshold: dec("15"), Keep: types.KeepAbove}, {Metric: "x", ThresholdMetric: "m"},
	}}, false)
	assert.Equal(t, []string{"m", "x"}, monitor.Metrics())
	got, err := monitor.Judge(measured)
	require.NoError(t, err)
	assert.Equal(t, []types.SLOResult{types.SLOPassed, types.SLOPassed, types.SLOMissingMetric}, got, "the mean of the means is 15")
}

func TestSLOMonitorTrips(t *testing.T) {
	const ok, bad = 1.0, 9.0
	none := math.NaN()
	for _, tt := range []struct {
		name          string
		count, window int
		looks         []float64
		tripsAt       int // -1 for never
	}{
		{"at once", 0, 0, []float64{ok, bad}, 1},
		{"in a row", 2, 0, []float64{bad, ok, bad, bad}, 3},
		{"two of three", 2, 3, []float64{bad, ok, bad}, 2},
		{"two of three, too far apart", 2, 3, []float64{bad, ok, ok, bad, ok}, -1},
		{"no data takes its place", 2, 3, []float64{bad, none, none, bad}, -1},
		{"no data between", 2, 3, []float64{bad, none, bad}, 2},
		{"no data at all", 1, 1, []float64{none, none}, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			monitor := types.NewSLOMonitor(types.SLO{Conditions: []types.SLOCondition{{Metric: "m", Threshold: dec("5"), TriggerCount: tt.count, TriggerWindow: tt.window}}}, false)
			tripped := -1
			for i, v := range tt.looks {
				if _, err := monitor.Judge(look(map[string]float64{"m": v})); err != nil {
					tripped = i
					break
				}
			}
			assert.Equal(t, tt.tripsAt, tripped)
		})
	}
}

func TestSLOMonitorError(t *testing.T) {
	monitor := types.NewSLOMonitor(types.SLO{Conditions: []types.SLOCondition{
		{Metric: "a", Threshold: dec("1")}, {Metric: "b", Threshold: dec("5"), Keep: types.KeepAbove, TriggerCount: 1, TriggerWindow: 2}, {Metric: "c", Threshold: dec("1")},
	}}, false)
	_, err := monitor.Judge(look(map[string]float64{"a": 1, "b": 6}))
	require.NoError(t, err)
	_, err = monitor.Judge(look(map[string]float64{"a": 2, "b": 3}))
	require.EqualError(t, err, "SLO violation(s) observed: (a below 1)[failed], (b above 5)[passed failed]")
	top, ok := types.TopOutcome(err)
	require.True(t, ok)
	assert.Equal(t, types.Aborted, top.Outcome)
	assert.Equal(t, "slo-violation", top.Reason)
}
