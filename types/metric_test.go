package types_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/types"
)

func TestUnit(t *testing.T) {
	for unit, wire := range map[types.Unit]string{
		types.Unitless: "", types.Percentage: "%", types.Milliseconds: "ms", types.Bytes: "bytes", types.Gibibytes: "GiB",
		types.Cores: "cores", types.RequestsPerMinute: "rpm", types.RequestsPerSecond: "rps",
	} {
		require.NoError(t, unit.Validate())
		assert.Equal(t, wire, string(unit))
	}
	for _, unit := range []types.Unit{"s", "MS", "gib", " "} {
		assert.EqualError(t, unit.Validate(), `unknown unit "`+string(unit)+`": use "", "%", "ms", "bytes", "GiB", "cores", "rpm" or "rps"`)
	}
}

func TestMetricString(t *testing.T) {
	assert.Equal(t, "throughput (rpm)", throughput.String())
	assert.Equal(t, "count", types.Metric{Name: "count"}.String())
	assert.NotEqual(t, throughput, types.Metric{Name: "throughput"}, "the unit is part of the identity")
}

func TestDataPoint(t *testing.T) {
	p := types.DataPoint{Metric: throughput, Time: time.Date(2020, 1, 21, 14, 0, 1, 0, time.FixedZone("east", 7200)), Sample: types.Observe(31337)}
	assert.Equal(t, "throughput: 31337.00rpm @ 2020-01-21 12:00:01", p.String())
	assert.Equal(t, throughput, p.Of())
	assert.Equal(t, []types.Sample{types.Observe(31337)}, p.Samples())
	p.Metric, p.Sample = errorRate, types.Observe(0)
	assert.Equal(t, "error_rate: 0.00% @ 2020-01-21 12:00:01", p.String())
	p.Sample = types.Stale()
	assert.Equal(t, "error_rate: stale @ 2020-01-21 12:00:01", p.String())
}

func TestTimeSeries(t *testing.T) {
	points := []types.DataPoint{at(20, 3), at(0, 1), at(20, 4), unknown(10, types.Sample{})}
	s := types.NewTimeSeries(latency, points...)
	assert.Equal(t, latency, s.Of())
	assert.Equal(t, []types.Sample{types.Observe(1), {}, types.Observe(3), types.Observe(4)}, s.Samples(), "by time, equal times in the order given")
	for _, p := range s.Points {
		assert.Equal(t, latency, p.Metric)
	}
	assert.Equal(t, types.Metric{}, points[0].Metric, "the input is not touched")
	assert.Equal(t, noon.Add(20*time.Second), points[0].Time)

	first, last, ok := s.Timespan()
	assert.True(t, ok)
	assert.Equal(t, noon, first)
	assert.Equal(t, noon.Add(20*time.Second), last)
	assert.Equal(t, seconds(20), s.Duration())
	assert.Equal(t, types.Summary{Count: 3, Skipped: 1, Mean: 8.0 / 3, Min: 1, Max: 4}, s.Summary())

	empty := types.NewTimeSeries(latency)
	_, _, ok = empty.Timespan()
	assert.False(t, ok)
	assert.Zero(t, empty.Duration())
	assert.Empty(t, empty.Samples())
	assert.Zero(t, types.NewTimeSeries(latency, at(5, 1)).Duration())
}

func TestTimeSeriesKeepsTheOrderOfEqualTimes(t *testing.T) {
	points := make([]types.DataPoint, 100)
	for i := range points {
		points[i] = at(float64(-(i % 2)), float64(i+1))
	}
	samples := types.NewTimeSeries(latency, points...).Samples()
	for i := range 50 {
		assert.Equal(t, types.Observe(float64(2*i+2)), samples[i])
		assert.Equal(t, types.Observe(float64(2*i+1)), samples[50+i])
	}
}

func TestTimeSeriesExtremes(t *testing.T) {
	s := types.NewTimeSeries(latency, unknown(0, types.Observe(math.Inf(-1))), at(10, 3), at(20, -1), unknown(30, types.Stale()), at(40, 3), at(50, -1))
	least, ok := s.Min()
	require.True(t, ok)
	assert.Equal(t, noon.Add(20*time.Second), least.Time, "the first of equals")
	most, ok := s.Max()
	require.True(t, ok)
	assert.Equal(t, noon.Add(10*time.Second), most.Time)
	empty := types.NewTimeSeries(latency, unknown(0, types.Sample{}))
	_, ok = empty.Min()
	assert.False(t, ok)
	_, ok = empty.Max()
	assert.False(t, ok)
}

func TestUnitErrorsAreShort(t *testing.T) {
	err := types.Unit(strings.Repeat("x", 1<<14)).Validate()
	require.ErrorContains(t, err, "unknown unit \"xxx")
	assert.Less(t, len(err.Error()), 300)
}
