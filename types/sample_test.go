package types_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/servokit/servokit/types"
)

func TestSampleStates(t *testing.T) {
	samples := []struct {
		name   string
		sample types.Sample
		state  types.SampleState
		text   string
		value  float64
		finite bool
	}{
		{"missing", types.Sample{}, types.SampleMissing, "missing", 0, false},
		{"present", types.Observe(12.5), types.SamplePresent, "12.5", 12.5, true},
		{"negative", types.Observe(-3), types.SamplePresent, "-3", -3, true},
		{"zero", types.Observe(0), types.SampleZero, "0", 0, true},
		{"NaN", types.Observe(math.NaN()), types.SampleNaN, "NaN", 0, false},
		{"infinite", types.Observe(math.Inf(1)), types.SampleInfinite, "infinite", 0, false},
		{"negative infinite", types.Observe(math.Inf(-1)), types.SampleInfinite, "infinite", 0, false},
		{"stale", types.Stale(), types.SampleStale, "stale", 0, false},
	}
	for i, tt := range samples {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.state, tt.sample.State())
			assert.Equal(t, tt.text, tt.sample.String())
			v, ok := tt.sample.Float64()
			assert.Equal(t, tt.finite, ok)
			if ok {
				assert.Equal(t, tt.value, v)
			}
			for j, other := range samples {
				assert.Equal(t, i == j, tt.sample == other.sample, "%s == %s", tt.name, other.name)
			}
		})
	}
	assert.Equal(t, types.SampleZero, types.Observe(math.Copysign(0, -1)).State(), "negative zero is zero")
	for state, want := range map[types.SampleState]string{
		types.SampleMissing: "missing", types.SamplePresent: "present", types.SampleZero: "zero",
		types.SampleNaN: "NaN", types.SampleInfinite: "infinite", types.SampleStale: "stale",
	} {
		assert.Equal(t, want, state.String())
	}
}

func TestSummarize(t *testing.T) {
	nan, inf := types.Observe(math.NaN()), types.Observe(math.Inf(1))
	for _, tt := range []struct {
		name    string
		samples []types.Sample
		want    types.Summary
		state   types.SampleState
	}{
		{"nothing", nil, types.Summary{}, types.SampleMissing},
		{"only skipped", []types.Sample{{}, nan, inf, types.Stale()}, types.Summary{Skipped: 4}, types.SampleMissing},
		{"zero counts", []types.Sample{types.Observe(0), types.Observe(4)}, types.Summary{Count: 2, Mean: 2, Min: 0, Max: 4}, types.SamplePresent},
		{"missing is not zero", []types.Sample{{}, types.Observe(4)}, types.Summary{Count: 1, Skipped: 1, Mean: 4, Min: 4, Max: 4}, types.SamplePresent},
		{"only zeros", []types.Sample{types.Observe(0), types.Observe(0)}, types.Summary{Count: 2}, types.SampleZero},
		{"negative", []types.Sample{types.Observe(-1), nan, types.Observe(-3)}, types.Summary{Count: 2, Skipped: 1, Mean: -2, Min: -3, Max: -1}, types.SamplePresent},
		{
			"no overflow", []types.Sample{types.Observe(math.MaxFloat64), types.Observe(math.MaxFloat64)},
			types.Summary{Count: 2, Mean: math.MaxFloat64, Min: math.MaxFloat64, Max: math.MaxFloat64}, types.SamplePresent,
		},
		{
			"no overflow across zero", []types.Sample{types.Observe(math.MaxFloat64), types.Observe(-math.MaxFloat64)},
			types.Summary{Count: 2, Mean: 0, Min: -math.MaxFloat64, Max: math.MaxFloat64}, types.SampleZero,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := types.Summarize(tt.samples...)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.state, got.Sample().State())
		})
	}
}
