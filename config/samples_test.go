package config_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
)

// meter is a connector that measures.
type meter struct {
	Samples config.SamplePolicies `yaml:"samples" description:"What becomes of missing samples."`
}

func (m meter) Validate() error { return m.Samples.Check("samples", "latency", "errors") }

var metering = config.Model{Kinds: []config.Kind{{Name: "meter", Config: meter{}}}}

func readMeter(t *testing.T, text string) (meter, []*config.Document, error) {
	t.Helper()
	docs, err := config.Parse("servo.yaml", []byte("meter: {samples: "+text+"}\n"))
	require.NoError(t, err)
	stanza, _ := docs[0].Stanza("meter")
	m, err := config.Decode[meter](stanza)
	return m, docs, err
}

func TestSamplePolicies(t *testing.T) {
	for name, test := range map[string]struct{ text, want, err string }{
		"nothing":         {"{}", "{}\n", ""},
		"every action":    {"{latency: {missing: fail, zero: keep, nan: skip, infinite: carry, stale: 1.5}}", "{infinite: carry, missing: fail, nan: skip, stale: 1.5, zero: keep}", ""},
		"others":          {"{'*': {missing: 0}}", "'*': {missing: 0}", ""},
		"unknown metric":  {"{latncy: {}}", "", `servo.yaml:1:19: meter.samples.latncy: no metric is called "latncy"; did you mean "latency"? (known: latency, errors, * for all others)`},
		"unknown state":   {"{latency: {mising: 0}}", "", `meter.samples.latency.mising: unknown key; did you mean "missing"?`},
		"unknown action":  {"{latency: {missing: ignore}}", "", `meter.samples.latency.missing: invalid sample action "ignore": use keep, skip, carry, fail or a number`},
		"cannot be kept":  {"{latency: {nan: keep, stale: keep}}", "", `meter.samples.latency: nan, stale: keep is not accepted`},
		"not finite":      {"{latency: {missing: .inf}}", "", `meter.samples.latency.missing: `},
		"not a mapping":   {"{latency: skip}", "", `meter.samples.latency: "skip" is not a mapping`},
		"action is a map": {"{latency: {missing: {}}}", "", "meter.samples.latency.missing: "},
	} {
		t.Run(name, func(t *testing.T) {
			m, docs, err := readMeter(t, test.text)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			for _, defaults := range []bool{false, true} {
				printed, err := metering.Print(docs, config.PrintOptions{Defaults: defaults})
				require.NoError(t, err)
				again, err := config.Parse("servo.yaml", printed)
				require.NoError(t, err)
				stanza, _ := again[0].Stanza("meter")
				got, err := config.Decode[meter](stanza)
				require.NoError(t, err)
				for _, metric := range []string{"latency", "errors"} {
					assert.Equal(t, m.Samples.For(metric), got.Samples.For(metric), string(printed))
				}
			}
		})
	}
	schema, err := metering.StanzaSchema("meter")
	require.NoError(t, err)
	golden(t, "schema_samples.golden.json", string(schema))
}

func TestApplyingSamplePolicies(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	point := func(name string, s types.Sample) types.DataPoint {
		return types.DataPoint{Metric: types.Metric{Name: name}, Time: at, Sample: s}
	}
	series := func(name, id string, all ...types.Sample) types.TimeSeries {
		var points []types.DataPoint
		for i, s := range all {
			p := point(name, s)
			p.Time = at.Add(time.Duration(i) * time.Second)
			points = append(points, p)
		}
		out := types.NewTimeSeries(types.Metric{Name: name}, points...)
		out.ID = id
		return out
	}
	gap, one, nan := types.Sample{}, types.Observe(1), types.Observe(math.NaN())
	lone, whole := point("errors", nan), series("other", "", gap)
	m := types.Measurement{
		Annotations: map[string]string{"a": "b"},
		Readings: []types.Reading{
			series("latency", "web-1", one, gap, nan), point("errors", gap), &lone, point("errors", one), &whole, point("other", gap),
		},
	}
	p := config.SamplePolicies{"latency": {Missing: types.CarryLast()}, "errors": {NaN: types.TreatAs(7)}, "*": {Missing: types.TreatAs(2)}}
	out, err := p.Apply(m)
	require.NoError(t, err)
	var got []string
	for _, r := range out.Readings {
		got = append(got, fmt.Sprint(r.Of().Name, r.Samples()))
	}
	assert.Equal(t, []string{"latency[1 1]", "errors[7]", "errors[1]", "other[2]", "other[2]"}, got)
	assert.Equal(t, map[string]string{
		"a":       "b",
		"samples": "latency of web-1: 1 skipped, 1 carried of 3 samples; errors: 1 skipped of 1 samples; errors: 1 replaced of 1 samples; other: 1 replaced of 1 samples; other: 1 replaced of 1 samples",
	}, out.Annotations)
	assert.Equal(t, map[string]string{"a": "b"}, m.Annotations, "the original stays")
	assert.Len(t, m.Readings, 6)

	_, err = config.SamplePolicies{"*": {Missing: types.FailOnSample()}}.Apply(m)
	var outcome *types.OutcomeError
	require.True(t, errors.As(err, &outcome))
	assert.Equal(t, config.ReasonSampleRefused, outcome.Reason)
	var refused *types.SampleError
	require.True(t, errors.As(err, &refused))
	assert.Equal(t, types.SampleMissing, refused.State)
	assert.ErrorContains(t, err, "latency of web-1: sample 1 is missing")
	assert.ErrorContains(t, err, "other: sample 0 is missing")

	out, err = config.SamplePolicies(nil).Apply(types.Measurement{Readings: []types.Reading{point("errors", one)}})
	require.NoError(t, err)
	assert.Nil(t, out.Annotations, "nothing to say")

	for name, none := range map[string]types.Reading{"nil": nil, "data point": (*types.DataPoint)(nil), "time series": (*types.TimeSeries)(nil)} {
		out, err = p.Apply(types.Measurement{Readings: []types.Reading{none, point("errors", one)}})
		require.NoError(t, err, name)
		assert.Equal(t, []types.Reading{point("errors", one)}, out.Readings, name)
	}
}

func ExampleSamplePolicies() {
	docs, err := config.Parse("servo.yaml", []byte(`
meter:
  samples:
    "*": {missing: carry}
    error_rate: {missing: 0}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	type Config struct {
		Samples config.SamplePolicies `yaml:"samples"`
	}
	stanza, _ := docs[0].Stanza("meter")
	c, err := config.Decode[Config](stanza)
	if err != nil {
		fmt.Println(err)
		return
	}
	at := time.Now()
	series := func(name string) types.Reading {
		return types.NewTimeSeries(types.Metric{Name: name},
			types.DataPoint{Time: at, Sample: types.Observe(12)}, types.DataPoint{Time: at.Add(time.Minute)})
	}
	m, err := c.Samples.Apply(types.Measurement{Readings: []types.Reading{series("latency"), series("error_rate")}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range m.Readings {
		fmt.Println(r.Of(), r.Samples())
	}
	fmt.Println(m.Annotations["samples"])
	// Output:
	// latency [12 12]
	// error_rate [12 0]
	// latency: 1 carried of 2 samples; error_rate: 1 replaced of 2 samples
}
