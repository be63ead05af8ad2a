package types_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/types"
)

var (
	noon       = time.Date(2024, 2, 28, 2, 39, 0, 0, time.UTC)
	throughput = types.Metric{Name: "throughput", Unit: types.RequestsPerMinute}
	latency    = types.Metric{Name: "latency", Unit: types.Milliseconds}
	errorRate  = types.Metric{Name: "error_rate", Unit: types.Percentage}
)

// at is a point some seconds after noon.
func at(seconds float64, value float64) types.DataPoint {
	return types.DataPoint{Time: noon.Add(time.Duration(seconds * float64(time.Second))), Sample: types.Observe(value)}
}

func unknown(seconds float64, sample types.Sample) types.DataPoint {
	p := at(seconds, 0)
	p.Sample = sample
	return p
}

func series(metric types.Metric, id string, points ...types.DataPoint) types.TimeSeries {
	s := types.NewTimeSeries(metric, points...)
	s.ID = id
	return s
}

func scalar(metric types.Metric, value float64) types.DataPoint {
	return types.DataPoint{Metric: metric, Time: noon, Sample: types.Observe(value)}
}

func TestMeasurementJSON(t *testing.T) {
	nan, inf := types.Observe(math.NaN()), types.Observe(math.Inf(1))
	for _, tt := range []struct {
		name        string
		measurement types.Measurement
		back        []types.Reading // what is read back, without what does not travel
	}{
		{"measurement_empty", types.Measurement{}, nil},
		{
			"measurement_scalar",
			types.Measurement{Readings: []types.Reading{
				scalar(errorRate, 0.25), scalar(throughput, 2), scalar(types.Metric{Name: "zero"}, 0), scalar(types.Metric{Name: "large"}, 1e21),
				scalar(types.Metric{Name: "small"}, -1e-7), scalar(types.Metric{Name: "tick_<&>"}, 1),
			}, Annotations: map[string]string{"load_profile": "peak", "a": "b"}},
			[]types.Reading{
				types.DataPoint{Metric: errorRate, Sample: types.Observe(0.25)}, types.DataPoint{Metric: throughput, Sample: types.Observe(2)},
				types.DataPoint{Metric: types.Metric{Name: "zero"}, Sample: types.Observe(0)}, types.DataPoint{Metric: types.Metric{Name: "large"}, Sample: types.Observe(1e21)},
				types.DataPoint{Metric: types.Metric{Name: "small"}, Sample: types.Observe(-1e-7)}, types.DataPoint{Metric: types.Metric{Name: "tick_<&>"}, Sample: types.Observe(1)},
			},
		},
		{
			"measurement_series",
			types.Measurement{Readings: []types.Reading{
				series(throughput, "pod-a", at(60, 666), at(0, 31337)),
				series(latency, "", at(0.9, 12.5)),
				series(throughput, "pod-b", at(0, 0), at(60, 5)),
			}},
			[]types.Reading{
				series(throughput, "pod-a", at(0, 31337), at(60, 666)),
				series(throughput, "pod-b", at(0, 0), at(60, 5)),
				series(latency, "1709087940", at(0, 12.5)),
			},
		},
		{
			"measurement_without_numbers",
			types.Measurement{Readings: []types.Reading{
				types.DataPoint{Metric: errorRate, Sample: nan},
				types.DataPoint{Metric: types.Metric{Name: "missing"}},
				types.DataPoint{Metric: types.Metric{Name: "stale"}, Sample: types.Stale()},
				types.DataPoint{Metric: types.Metric{Name: "infinite"}, Sample: inf},
				series(throughput, "pod-a", unknown(0, nan), at(10, 7), unknown(20, types.Sample{}), unknown(30, inf), unknown(40, types.Stale()), at(50, 0)),
				series(latency, "", unknown(0, nan), unknown(60, types.Stale())),
				series(types.Metric{Name: "empty"}, ""),
				series(types.Metric{Name: "timeless"}, "", types.DataPoint{Sample: nan}),
			}},
			[]types.Reading{
				series(throughput, "pod-a", at(10, 7), at(50, 0)),
				series(latency, "1709088000"),
				series(types.Metric{Name: "empty"}, ""),
				series(types.Metric{Name: "timeless"}, ""),
			},
		},
		{
			"measurement_both_kinds",
			types.Measurement{Readings: []types.Reading{series(latency, "pod-a", at(0, 3)), scalar(latency, 4), scalar(latency, 5), types.DataPoint{Metric: latency, Sample: nan}}},
			[]types.Reading{types.DataPoint{Metric: latency, Sample: types.Observe(5)}, series(latency, "pod-a", at(0, 3))},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := golden(t, tt.name, tt.measurement)
			var back types.Measurement
			require.NoError(t, json.Unmarshal(data, &back))
			assert.Equal(t, tt.back, back.Readings)
			assert.NotNil(t, back.Annotations)
			if tt.measurement.Annotations != nil {
				assert.Equal(t, tt.measurement.Annotations, back.Annotations)
			}
		})
	}
}

// A reading given by pointer, or embedded in a type of a connector, is sent
// like any other. A nil one is skipped.
func TestMeasurementReadingsInOtherForms(t *testing.T) {
	point, s := scalar(errorRate, 1), series(latency, "a", at(0, 2))
	type mine struct{ types.TimeSeries }
	want, err := json.Marshal(types.Measurement{Readings: []types.Reading{point, s, s}})
	require.NoError(t, err)
	m := types.Measurement{Readings: []types.Reading{&point, nil, &s, mine{s}}}
	got, err := json.Marshal(m)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
	assert.Equal(t, 2, m.Summary("latency").Count)
	assert.Equal(t, []types.Metric{errorRate, latency}, m.Metrics())
	assert.Len(t, types.MergeMeasurements(m).Readings, 3)
	assert.Len(t, m.Readings, 4, "the input is not touched")
}

// A nil pointer is as good as nil, whatever it points to.
func TestMeasurementReadingsThatAreNil(t *testing.T) {
	point, line := scalar(errorRate, 1), series(latency, "a", at(0, 2))
	type mine struct{ types.TimeSeries }
	for _, tt := range []struct {
		name string
		none types.Reading
	}{
		{"nil", nil},
		{"data point", (*types.DataPoint)(nil)},
		{"time series", (*types.TimeSeries)(nil)},
		{"a type of a connector", (*mine)(nil)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, read := range []types.Reading{point, &point, line, &line} {
				want := types.Measurement{Readings: []types.Reading{read}}
				m := types.Measurement{Readings: []types.Reading{tt.none, read, tt.none}}
				require.NoError(t, m.Validate())
				assert.Equal(t, want.Metrics(), m.Metrics())
				name := read.Of().Name
				assert.Equal(t, 1, m.Summary(name).Count)
				assert.Equal(t, want.Readings, types.MergeMeasurements(m).Readings)
				wantJSON, err := json.Marshal(want)
				require.NoError(t, err)
				got, err := json.Marshal(m)
				require.NoError(t, err)
				assert.Equal(t, string(wantJSON), string(got))
				assert.Len(t, m.Readings, 3, "the input is not touched")
			}
			only := types.Measurement{Readings: []types.Reading{tt.none}}
			require.NoError(t, only.Validate())
			assert.Empty(t, only.Metrics())
			assert.Empty(t, types.MergeMeasurements(only).Readings)
			data, err := json.Marshal(only)
			require.NoError(t, err)
			assert.Equal(t, `{"metrics":{},"annotations":{}}`, string(data))
		})
	}
}

func TestMeasurementReads(t *testing.T) {
	x := types.Metric{Name: "x"}
	for _, tt := range []struct {
		name, json string
		want       []types.Reading
	}{
		{"nothing", `{}`, nil},
		{"null", `{"metrics":null,"annotations":null}`, nil},
		{"null metric", `{"metrics":{"x":null}}`, []types.Reading{types.DataPoint{Metric: x}}},
		{"null value is missing", `{"metrics":{"x":{"value":null}}}`, []types.Reading{types.DataPoint{Metric: x}}},
		{"zero is not missing", `{"metrics":{"x":{"value":0}}}`, []types.Reading{types.DataPoint{Metric: x, Sample: types.Observe(0)}}},
		{"unknown unit", `{"metrics":{"x":{"unit":"furlongs","value":1,"annotation":"y"}}}`, []types.Reading{types.DataPoint{Metric: types.Metric{Name: "x", Unit: "furlongs"}, Sample: types.Observe(1)}}},
		{"no values", `{"metrics":{"x":{"values":[]}}}`, nil},
		{"null point is missing", `{"metrics":{"x":{"values":[{"id":"a","data":[[1709087940,null],[1709087950]]}]}}}`, []types.Reading{series(x, "a", unknown(0, types.Sample{}), unknown(10, types.Sample{}))}},
		{"unsorted", `{"metrics":{"x":{"values":[{"data":[[1709087950,2],[1709087940,1]]}]}}}`, []types.Reading{series(x, "", at(0, 1), at(10, 2))}},
		{"fraction of a second", `{"metrics":{"x":{"values":[{"data":[[1709087940.5,2]]}]}}}`, []types.Reading{series(x, "", at(0.5, 2))}},
		{"value beside values", `{"metrics":{"x":{"value":7,"values":[{"data":[[1709087940,2]]}]}}}`, []types.Reading{types.DataPoint{Metric: x, Sample: types.Observe(7)}, series(x, "", at(0, 2))}},
		{"the first and the last time", `{"metrics":{"x":{"values":[{"data":[[-62135596800,1],[253402300799,2]]}]}}}`, []types.Reading{series(x, "",
			types.DataPoint{Time: time.Time{}.UTC(), Sample: types.Observe(1)}, types.DataPoint{Time: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), Sample: types.Observe(2)})}},
		{"repeated metric", `{"metrics":{"x":{"value":1},"x":{"value":2}}}`, []types.Reading{types.DataPoint{Metric: x, Sample: types.Observe(2)}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got types.Measurement
			require.NoError(t, json.Unmarshal([]byte(tt.json), &got))
			assert.Equal(t, types.Measurement{Readings: tt.want, Annotations: map[string]string{}}, got)
		})
	}
}

func TestMeasurementJSONErrorsListEverything(t *testing.T) {
	before := types.Measurement{Readings: []types.Reading{scalar(latency, 1)}}
	const years = "is no number of epoch seconds: it must lie within the years 1 to 9999"
	err := json.Unmarshal([]byte(`{"metrics":{
		"a":{"value":"5"},
		"b":{"value":1e400},
		"c":{"values":{"id":"x"}},
		"d":{"values":[{"data":[]},{"data":[[1,2],[null,2]]}]},
		"e":{"values":[{"data":[[]]}]},
		"f":{"values":[{"data":[[1e308,2]]}]},
		"g":{"values":[{"data":[[1709087940000,2]]}]},
		"h":{"values":[{"data":[[-1e300,2]]}]},
		"i":7,
		"ok":{"value":1}}}`), &before)
	assert.Equal(t, []string{
		"metrics.a: value: a number is required, not string",
		"metrics.b: value: a number is required, not number 1e400",
		"metrics.c: values: a list is required, not object",
		"metrics.d.values[1].data[1]: a time is required",
		"metrics.e.values[0].data[0]: a time is required",
		"metrics.f.values[0].data[0]: the time 1e+308 " + years,
		"metrics.g.values[0].data[0]: the time 1.70908794e+12 " + years,
		"metrics.h.values[0].data[0]: the time -1e+300 " + years,
		"metrics.i: an object is required, not 7",
	}, problems(err))
	assert.Len(t, before.Readings, 1, "an error leaves the measurement alone")
	assert.ErrorContains(t, json.Unmarshal([]byte(`{"metrics":[]}`), &before), "metrics: an object is required, not []")
	assert.ErrorContains(t, json.Unmarshal([]byte(`{"annotations":{"a":1}}`), &before), "annotations")
	assert.ErrorContains(t, json.Unmarshal([]byte(`3`), &before), "an object is required, not 3")
}

func TestMergeMeasurements(t *testing.T) {
	first := types.Measurement{Readings: []types.Reading{scalar(latency, 1)}, Annotations: map[string]string{"a": "1", "b": "1"}}
	second := types.Measurement{Readings: []types.Reading{series(throughput, "x", at(0, 1)), scalar(latency, 3)}, Annotations: map[string]string{"b": "2"}}
	merged := types.MergeMeasurements(first, types.Measurement{}, second)
	assert.Equal(t, types.Measurement{
		Readings:    []types.Reading{first.Readings[0], second.Readings[0], second.Readings[1]},
		Annotations: map[string]string{"a": "1", "b": "2"},
	}, merged)
	assert.Equal(t, map[string]string{"a": "1", "b": "1"}, first.Annotations, "the inputs are not touched")
	assert.Equal(t, types.Measurement{Annotations: map[string]string{}}, types.MergeMeasurements())
	assert.Equal(t, []types.Metric{latency, throughput}, merged.Metrics())
}

func TestMeasurementSummary(t *testing.T) {
	m := types.Measurement{Readings: []types.Reading{
		series(latency, "a", at(0, 10), unknown(1, types.Observe(math.NaN()))),
		series(latency, "b", at(0, 20), unknown(1, types.Sample{})),
		scalar(latency, 30),
		types.DataPoint{Metric: errorRate, Sample: types.Stale()},
	}}
	assert.Equal(t, types.Summary{Count: 3, Skipped: 2, Mean: 20, Min: 10, Max: 30}, m.Summary("latency"))
	assert.Equal(t, types.Summary{Skipped: 1}, m.Summary("error_rate"))
	assert.Equal(t, types.Summary{}, m.Summary("nope"))
}

func TestMeasurementValidate(t *testing.T) {
	point, line := at(0, 1), types.NewTimeSeries(latency, at(0, 1))
	for _, tt := range []struct {
		name     string
		readings []types.Reading
		want     string
	}{
		{"nothing", nil, ""},
		{"points", []types.Reading{point, &point}, ""},
		{"series", []types.Reading{nil, line, &line, types.NewTimeSeries(throughput)}, ""},
		{"series, then a point", []types.Reading{line, types.DataPoint{Metric: throughput}}, "all readings must be of the same type: expected TimeSeries but found DataPoint (throughput)"},
		{"point, then a series", []types.Reading{point, line}, "all readings must be of the same type: expected DataPoint but found TimeSeries (latency)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := types.Measurement{Readings: tt.readings}.Validate()
			if tt.want == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, tt.want)
			}
		})
	}
}
