package types_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/types"
)

func TestSamplePolicy(t *testing.T) {
	one, two, zero := types.Observe(1), types.Observe(2), types.Observe(0)
	nan, inf, stale, missing := types.Observe(math.NaN()), types.Observe(math.Inf(-1)), types.Stale(), types.Sample{}
	all := []types.Sample{missing, one, zero, nan, two, inf, stale, missing}
	every := func(a types.SampleAction) types.SamplePolicy {
		return types.SamplePolicy{Missing: a, Zero: a, NaN: a, Infinite: a, Stale: a}
	}
	nine := types.Observe(9)
	for _, tt := range []struct {
		name   string
		policy types.SamplePolicy
		in     []types.Sample
		want   []types.Sample
		counts types.SampleCounts
		err    string
	}{
		{"default keeps numbers and skips the rest", types.SamplePolicy{}, all, []types.Sample{one, zero, two}, types.SampleCounts{Kept: 3, Skipped: 5}, ""},
		{"nothing", types.SamplePolicy{}, nil, nil, types.SampleCounts{}, ""},
		{"skip everything that can be skipped", every(types.SkipSample()), all, []types.Sample{one, two}, types.SampleCounts{Kept: 2, Skipped: 6}, ""},
		{"carry", every(types.CarryLast()), all, []types.Sample{one, one, one, two, two, two, two}, types.SampleCounts{Kept: 2, Skipped: 1, Carried: 5}, ""},
		{"treat as a value", every(types.TreatAs(9)), all, []types.Sample{nine, one, nine, nine, two, nine, nine, nine}, types.SampleCounts{Kept: 2, Replaced: 6}, ""},
		{"treat as zero", types.SamplePolicy{Missing: types.TreatAs(0)}, []types.Sample{missing, one}, []types.Sample{zero, one}, types.SampleCounts{Kept: 1, Replaced: 1}, ""},
		{"treat as NaN is no treatment", types.SamplePolicy{Missing: types.TreatAs(math.NaN())}, []types.Sample{missing, one}, []types.Sample{one}, types.SampleCounts{Kept: 1, Skipped: 1}, ""},
		{"what was treated is not carried", types.SamplePolicy{Missing: types.TreatAs(9), NaN: types.CarryLast()}, []types.Sample{one, missing, nan}, []types.Sample{one, nine, one}, types.SampleCounts{Kept: 1, Carried: 1, Replaced: 1}, ""},
		{"zero is carried like a number", types.SamplePolicy{NaN: types.CarryLast()}, []types.Sample{zero, nan}, []types.Sample{zero, zero}, types.SampleCounts{Kept: 1, Carried: 1}, ""},
		{"fail on missing", types.SamplePolicy{Missing: types.FailOnSample()}, all, nil, types.SampleCounts{Kept: 3, Skipped: 3}, "sample 0 is missing, which the policy refuses (2 in all)"},
		{"fail on zero", types.SamplePolicy{Zero: types.FailOnSample()}, all, nil, types.SampleCounts{Kept: 2, Skipped: 5}, "sample 2 is zero, which the policy refuses (1 in all)"},
		{"fail on NaN", types.SamplePolicy{NaN: types.FailOnSample()}, all, nil, types.SampleCounts{Kept: 3, Skipped: 4}, "sample 3 is NaN, which the policy refuses (1 in all)"},
		{"fail on infinite", types.SamplePolicy{Infinite: types.FailOnSample()}, all, nil, types.SampleCounts{Kept: 3, Skipped: 4}, "sample 5 is infinite, which the policy refuses (1 in all)"},
		{"fail on stale", types.SamplePolicy{Stale: types.FailOnSample()}, all, nil, types.SampleCounts{Kept: 3, Skipped: 4}, "sample 6 is stale, which the policy refuses (1 in all)"},
		{"nothing to fail on", every(types.FailOnSample()), []types.Sample{one, two}, []types.Sample{one, two}, types.SampleCounts{Kept: 2}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			points := make([]types.DataPoint, len(tt.in))
			for i, s := range tt.in {
				points[i] = types.DataPoint{Time: noon.Add(time.Duration(i) * time.Second), Sample: s}
			}
			series := types.NewTimeSeries(latency, points...)
			series.ID = "a"
			got, counts, err := tt.policy.Apply(series)
			summary, again, summaryErr := tt.policy.Summarize(tt.in...)
			assert.Equal(t, tt.counts, counts)
			assert.Equal(t, counts, again)
			assert.Equal(t, "a", got.ID)
			assert.Equal(t, tt.in, append([]types.Sample(nil), series.Samples()...), "the series is left alone")
			if tt.err != "" {
				require.EqualError(t, err, tt.err)
				require.EqualError(t, summaryErr, tt.err)
				var refused *types.SampleError
				require.ErrorAs(t, err, &refused)
				assert.Equal(t, tt.in[refused.Index].State(), refused.State)
				assert.Empty(t, got.Points)
				assert.Zero(t, summary)
				return
			}
			require.NoError(t, err)
			require.NoError(t, summaryErr)
			assert.Equal(t, tt.want, append([]types.Sample(nil), got.Samples()...))
			assert.Equal(t, len(tt.want), summary.Count)
			assert.Equal(t, counts.Skipped, summary.Skipped)
		})
	}
}

func TestSamplePolicyKeepsTimes(t *testing.T) {
	series := types.NewTimeSeries(latency, at(0, 1), unknown(10, types.Stale()), at(20, 3))
	got, _, err := types.SamplePolicy{Stale: types.CarryLast()}.Apply(series)
	require.NoError(t, err)
	assert.Equal(t, noon.Add(10*time.Second), got.Points[1].Time)
	got, counts, err := types.SamplePolicy{}.Apply(series)
	require.NoError(t, err)
	assert.Equal(t, noon.Add(20*time.Second), got.Points[1].Time)
	assert.InDelta(t, 2.0/3, counts.Known(), 1e-9)
	assert.Zero(t, types.SampleCounts{}.Known())
}

func TestSamplePolicyInConfiguration(t *testing.T) {
	const text = "missing: skip\nzero: keep\nnan: 0.5\ninfinite: fail\nstale: carry\n"
	want := types.SamplePolicy{Missing: types.SkipSample(), NaN: types.TreatAs(0.5), Infinite: types.FailOnSample(), Stale: types.CarryLast()}
	require.NoError(t, want.Zero.UnmarshalText([]byte("keep")))
	var got types.SamplePolicy
	require.NoError(t, yaml.Unmarshal([]byte(text), &got))
	assert.Equal(t, want, got)
	require.NoError(t, got.Validate())
	data, err := yaml.Marshal(got)
	require.NoError(t, err)
	assert.Equal(t, text, string(data))
	data, err = json.Marshal(got)
	require.NoError(t, err)
	assert.Equal(t, `{"missing":"skip","zero":"keep","nan":"0.5","infinite":"fail","stale":"carry"}`, string(data))
	var back types.SamplePolicy
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, got, back)

	back = got
	require.NoError(t, json.Unmarshal([]byte(`{"missing":0,"zero":null,"nan":" 1e3 ","stale":""}`), &back))
	assert.Equal(t, types.SamplePolicy{Missing: types.TreatAs(0), NaN: types.TreatAs(1000), Infinite: types.FailOnSample()}, back)
	require.NoError(t, yaml.Unmarshal([]byte("missing: 7\nnan: null\n"), &back))
	assert.Equal(t, types.TreatAs(7), back.Missing)

	data, err = yaml.Marshal(types.SamplePolicy{})
	require.NoError(t, err)
	assert.Equal(t, "{}\n", string(data))
	data, err = json.Marshal(types.SamplePolicy{})
	require.NoError(t, err)
	assert.Equal(t, "{}", string(data))

	for _, bad := range []string{`{"missing":"ignore"}`, `{"missing":true}`, `{"missing":[]}`, `{"missing":"NaN"}`, `{"missing":"\ud8"}`, `{"missing":"0x1"}`} {
		require.Error(t, json.Unmarshal([]byte(bad), &back), bad)
		require.Error(t, yaml.Unmarshal([]byte(bad), &back), bad)
	}
	_, err = types.ParseSampleAction("drop")
	require.EqualError(t, err, `invalid sample action "drop": use keep, skip, carry, fail or a number to treat the sample as`)
	keep := want.Zero
	require.EqualError(t, types.SamplePolicy{Missing: keep, Zero: keep, NaN: keep}.Validate(),
		"missing, nan: keep is not accepted for a sample without a number: use skip, carry, fail or a number")
}
