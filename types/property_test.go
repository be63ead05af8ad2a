package types_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/servokit/servokit/types"
)

func finite() *rapid.Generator[float64] {
	return rapid.Float64().Filter(func(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) })
}

func numbers() *rapid.Generator[types.Value] {
	return rapid.OneOf(rapid.Map(rapid.Int64(), types.Int), rapid.Map(finite(), types.Float))
}

func values() *rapid.Generator[types.Value] {
	return rapid.OneOf(numbers(), rapid.Map(rapid.String(), types.Text))
}

func names() *rapid.Generator[[]string] {
	return rapid.SliceOfNDistinct(rapid.String(), 0, 4, rapid.ID)
}

func settings() *rapid.Generator[types.Setting] {
	return rapid.Custom(func(t *rapid.T) types.Setting {
		var s types.Setting
		if rapid.Bool().Draw(t, "range") {
			s = types.Range("", numbers().Draw(t, "min"), numbers().Draw(t, "max"), numbers().Draw(t, "step"))
		} else {
			s = types.Enum("", rapid.SliceOfN(values(), 1, 4).Draw(t, "values")...)
		}
		s.Unit, s.Pinned = rapid.String().Draw(t, "unit"), rapid.Bool().Draw(t, "pinned")
		if rapid.Bool().Draw(t, "known") {
			s.Value = values().Draw(t, "value")
		}
		return s
	})
}

func descriptions() *rapid.Generator[types.Description] {
	return rapid.Custom(func(t *rapid.T) types.Description {
		var d types.Description
		for _, name := range names().Draw(t, "components") {
			c := types.Component{Name: name}
			for _, name := range names().Draw(t, "settings") {
				s := settings().Draw(t, "setting")
				s.Name = name
				c.Settings = append(c.Settings, s)
			}
			d.Components = append(d.Components, c)
		}
		for _, name := range names().Draw(t, "metrics") {
			d.Metrics = append(d.Metrics, types.Metric{Name: name, Unit: types.Unit(rapid.String().Draw(t, "unit"))})
		}
		return d
	})
}

func adjustments() *rapid.Generator[types.Adjustments] {
	return rapid.Custom(func(t *rapid.T) types.Adjustments {
		var as types.Adjustments
		for _, component := range names().Draw(t, "components") {
			for _, setting := range names().Draw(t, "settings") {
				as = append(as, types.Adjustment{Component: component, Setting: setting, Value: values().Draw(t, "value")})
			}
		}
		return as
	})
}

// measurements draws what travels without a loss: points at whole seconds,
// finite samples, series with an id.
func measurements() *rapid.Generator[types.Measurement] {
	return rapid.Custom(func(t *rapid.T) types.Measurement {
		m := types.Measurement{Annotations: rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).Draw(t, "annotations")}
		for _, name := range names().Draw(t, "metrics") {
			metric := types.Metric{Name: name, Unit: types.Unit(rapid.String().Draw(t, "unit"))}
			kind := rapid.IntRange(0, 2).Draw(t, "kind")
			if kind != 1 {
				m.Readings = append(m.Readings, types.DataPoint{Metric: metric, Sample: types.Observe(finite().Draw(t, "value"))})
			}
			if kind == 0 {
				continue
			}
			for range rapid.IntRange(1, 3).Draw(t, "series") {
				var points []types.DataPoint
				for range rapid.IntRange(0, 4).Draw(t, "points") {
					points = append(points, types.DataPoint{
						Time:   time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "time"), 0).UTC(),
						Sample: types.Observe(finite().Draw(t, "value")),
					})
				}
				m.Readings = append(m.Readings, series(metric, rapid.StringN(1, 8, -1).Draw(t, "id"), points...))
			}
		}
		return m
	})
}

// travels checks that what generator draws comes back from JSON unchanged.
func travels[T any](t *testing.T, generator *rapid.Generator[T]) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		want := generator.Draw(t, "value")
		data, err := json.Marshal(want)
		require.NoError(t, err)
		var got T
		require.NoError(t, json.Unmarshal(data, &got), "%s", data)
		assert.Equal(t, want, got, "%s", data)
	})
}

func TestValuesTravel(t *testing.T)       { travels(t, values()) }
func TestDescriptionsTravel(t *testing.T) { travels(t, descriptions()) }
func TestAdjustmentsTravel(t *testing.T)  { travels(t, adjustments()) }
func TestMeasurementsTravel(t *testing.T) { travels(t, measurements()) }

func TestDurationsTravel(t *testing.T) {
	const limit = math.MaxInt64 / int64(time.Microsecond)
	micros := rapid.Map(rapid.Int64Range(-limit, limit), func(n int64) types.Duration { return types.Duration(n * int64(time.Microsecond)) })
	travels(t, micros)
	rapid.Check(t, func(t *rapid.T) {
		d := micros.Draw(t, "duration")
		parsed, err := types.ParseDuration(d.String())
		require.NoError(t, err)
		require.Equal(t, d, parsed)
	})
}

// A number of seconds and its decimal text mean the same duration, exactly.
func TestSecondsAgreeWithText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(-1e15+1, 1e15-1).Draw(t, "microseconds")
		d, err := types.Seconds(float64(micros) / 1e6)
		require.NoError(t, err)
		require.Equal(t, time.Duration(micros)*time.Microsecond, d.Std())
		sign, amount := "", micros
		if micros < 0 {
			sign, amount = "-", -micros
		}
		text, err := types.ParseDuration(fmt.Sprintf("%s%d.%06ds", sign, amount/1e6, amount%1e6))
		require.NoError(t, err)
		require.Equal(t, d, text)
	})
}

func TestEqualIsAnEquivalence(t *testing.T) {
	near := rapid.OneOf(values(), rapid.Map(rapid.Int64Range(1<<53-2, 1<<53+2), types.Int), rapid.Map(rapid.Int64Range(1<<53-2, 1<<53+2), func(i int64) types.Value { return types.Float(float64(i)) }))
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := near.Draw(t, "a"), near.Draw(t, "b"), near.Draw(t, "c")
		require.True(t, a.Equal(a))
		require.Equal(t, a.Equal(b), b.Equal(a))
		if a.Equal(b) && b.Equal(c) {
			require.True(t, a.Equal(c), "%s %s %s", a, b, c)
		}
	})
}

func TestSummaryStaysWithinItsSamples(t *testing.T) {
	sample := rapid.OneOf(rapid.Map(rapid.Float64(), types.Observe), rapid.Just(types.Sample{}), rapid.Just(types.Stale()))
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOf(sample).Draw(t, "samples")
		s := types.Summarize(samples...)
		require.Equal(t, len(samples), s.Count+s.Skipped)
		require.False(t, math.IsNaN(s.Mean) || math.IsInf(s.Mean, 0), "mean %g", s.Mean)
		if s.Count > 0 {
			slack := 1e-9 * math.Max(math.Abs(s.Min), math.Abs(s.Max))
			require.GreaterOrEqual(t, s.Mean, s.Min-slack)
			require.LessOrEqual(t, s.Mean, s.Max+slack)
		}
	})
}
