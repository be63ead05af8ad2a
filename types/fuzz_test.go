package types_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/types"
)

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"0", "-0", "1h 30m", "-2m3.4s", "10w5d39h9m14.425s", "5..s", ".5s", "1.2.3s", "5µs", "5μs", "499ns", "300y", "1e3s", "abc5s", " 1s "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := types.ParseDuration(text)
		if err != nil {
			assert.NotEmpty(t, err.Error())
			return
		}
		back, err := types.ParseDuration(d.String())
		require.NoError(t, err, "%q gave %s", text, d)
		require.Equal(t, d, back)
	})
}

// settles checks that what decodes can be encoded, and that from the first
// encoding on nothing changes any more.
func settles[T any](f *testing.F, seeds ...string) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second, third T
		if json.Unmarshal(data, &first) != nil {
			return
		}
		encoded, err := json.Marshal(first)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(encoded, &second), "%s", encoded)
		again, err := json.Marshal(second)
		require.NoError(t, err)
		require.Equal(t, string(encoded), string(again))
		require.NoError(t, json.Unmarshal(again, &third))
		require.Equal(t, second, third)
	})
}

func FuzzValue(f *testing.F) {
	settles[types.Value](f, `2`, `2.0`, `-0`, `-0.0`, `1e21`, `1e400`, `9223372036854775808`, `"a"`, `"\ud800"`, `null`, `true`, `[]`)
}

func FuzzDuration(f *testing.F) {
	settles[types.Duration](f, `180`, `0.5`, `-1e9`, `1e400`, `"1h 30m"`, `"0"`, `null`, `""`, `1e-7`)
}

func FuzzControl(f *testing.F) {
	settles[types.Control](f, `{}`, `null`, `{"duration":180,"past":"1m","delay":60,"settlement":0}`, `{"duration":""}`,
		`{"load":{"a":"<&>"},"userdata":[ 1 ],"environment":"x"}`, `{"duration":1e308}`, `{"past":1,"delay":2}`)
}

func FuzzAdjustments(f *testing.F) {
	settles[types.Adjustments](f, `{"application":{"components":{"a":{"settings":{"x":{"value":1},"y":{"value":"b"}}},"b":{"settings":{}}}}}`,
		`{"application":{"components":{"a":{"settings":{"x":{"value":1},"x":{"value":2.0}}},"a":{}}}}`, `{"application":null}`,
		`{"application":{"components":{"a.b":{"settings":{"c":{"value":1}}},"a":{"settings":{"b.c":{"value":1}}}}}}`)
}

func FuzzDescription(f *testing.F) {
	settles[types.Description](f, `{}`, `{"application":{"components":{"web":{"settings":{"cpu":{"type":"range","min":1,"max":4.0,"step":1,"value":null},`+
		`"kind":{"type":"enum","pinned":true,"unit":"ec2","values":[1,2.0,"3",null]}}},"web":{"settings":null}}},"measurement":{"metrics":{"a":{"unit":"rpm"},"b":null}}}`,
		`{"application":{"components":{"a":[]}}}`)
}

func FuzzMeasurement(f *testing.F) {
	settles[types.Measurement](f, `{}`, `{"metrics":{"a":{"unit":"ms","value":0.25},"b":{"values":[{"id":"x","data":[[1709078340.5,12.5],[1709078340,null],[1]]},{"data":[]}]},"c":null},"annotations":{"k":"v"}}`,
		`{"metrics":{"a":{"value":1,"values":[{"data":[[-1.5,2]]}]},"b":{"values":[]},"a":{"values":[{"data":[[1e308,1]]}]}}}`)
}

// reads checks that what is read can be written and comes back the same.
func reads[T comparable](f *testing.F, parse func(string) (T, error), write func(T) string, seeds ...string) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := parse(text)
		if err != nil {
			assert.NotEmpty(t, err.Error())
			assert.Less(t, len(err.Error()), 1000, "an error stays readable")
			return
		}
		back, err := parse(write(first))
		require.NoError(t, err, "%q gave %q", text, write(first))
		require.Equal(t, first, back, "%q gave %q", text, write(first))
	})
}

func FuzzParseCPU(f *testing.F) {
	seeds := []string{"250m", "1.5", "4", "100u", "3n", "1k", "9223372036.854775807", "9223372037", "1e3", "-1", ".5", "1.", "", "0.0000000001", " 1 "}
	reads(f, types.ParseCPU, types.CPU.String, seeds...)
}

func FuzzParseMemory(f *testing.F) {
	seeds := []string{"1.5Gi", "128 MiB", "3G", "1048576", "1m", "4.0", "8Ei", "7.999Ei", "64kB", "1e3", "-1", "12B", "0.001Ki", "", "1\tGi"}
	reads(f, types.ParseMemory, types.Memory.String, seeds...)
}

func FuzzMemoryQuantity(f *testing.F) {
	reads(f, types.ParseMemory, types.Memory.Quantity, "1.5Gi", "1025Mi", "3G", "7", "0")
}

func FuzzCPUQuantity(f *testing.F) {
	reads(f, types.ParseCPU, types.CPU.Quantity, "1.5", "0.3m", "7n", "0", "1k")
}

func FuzzParseDecimal(f *testing.F) {
	reads(f, types.ParseDecimal, types.Decimal.String, "0", "-0.50", "1e300", "1e-300", "1E+3", "1e99999999", ".", "1.2.3", "0.000000001", "123456789012345678901234567890")
}

func FuzzParseVersion(f *testing.F) {
	reads(f, types.ParseVersion, types.Version.String, "1.2.3", "1.0.0-rc.1+build.5", "01.2.3", "1.2.3-", "1.2.3+", "v1.2.3", "1.0.0---a", "18446744073709551616.0.0")
}

func FuzzParseSampleAction(f *testing.F) {
	reads(f, types.ParseSampleAction, types.SampleAction.String, "", "keep", "skip", "carry", "fail", "0", "-1.5e3", "NaN", "1e400", " skip ", "drop")
}

func FuzzMetadata(f *testing.F) {
	for _, seed := range []string{"MIT", "Apache 2.0", "Stable", "fill", "mit", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if l, err := types.ParseLicense(text); err == nil {
			require.Equal(t, text, string(l))
		}
		if m, err := types.ParseMaturity(text); err == nil {
			require.Equal(t, text, string(m))
		}
		if p, err := types.ParseNormalizationPolicy(text); err == nil {
			require.Equal(t, text, string(p))
		}
	})
}

func FuzzNumericCast(f *testing.F) {
	for _, seed := range []string{"3", "3.7", "-1e300", "NaN", "0x10", "1_0", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, cast := range []types.NumericType{"", types.IntType, types.FloatType} {
			v, err := cast.Cast(types.Text(text))
			if err != nil {
				continue
			}
			again, err := cast.Cast(v)
			require.NoError(t, err)
			require.Equal(t, v, again)
		}
	})
}

func FuzzEnvironmentSettingYAML(f *testing.F) {
	for _, seed := range []string{
		"{name: a, type: range, min: 1, max: 4, step: 1, value: '2', value_type: int, literal: A}",
		"{name: a, type: enum, values: [x, 2, 2.5], value: 2, pinned: true, unit: u}",
		"{type: enum}", "[]", "a: &a [*a]", "{name: a, type: range, min: .nan, max: 1, step: 1}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var first, second types.EnvironmentSetting
		if yaml.Unmarshal([]byte(text), &first) != nil || first.Name == "" {
			return
		}
		require.NoError(t, first.Validate())
		_ = first.Warnings()
		data, err := yaml.Marshal(first)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(data, &second), "%s", data)
		require.Equal(t, first.Variable(), second.Variable())
	})
}

func FuzzSLO(f *testing.F) {
	settles[types.SLO](f, `{"conditions":[{"metric":"a","threshold":"1.0"},{"metric":"a","threshold_metric":"b","keep":"above","trigger_count":2,"trigger_window":3,"threshold_multiplier":0.9}]}`,
		`{"conditions":[]}`, `{}`, `{"conditions":[{}],"x":1}`, `{"conditions":[null]}`, `{"conditions":[{"metric":"a","threshold":0},{"metric":"a","threshold":"0e9"}]}`)
}

func FuzzUserdata(f *testing.F) {
	settles[types.Userdata](f, `{"slo":{"conditions":[{"metric":"a","threshold":1}]},"x":{"y":[1]}}`, `{"slo":null}`, `null`, `[]`)
}

func FuzzSamplePolicy(f *testing.F) {
	settles[types.SamplePolicy](f, `{"missing":"skip","zero":"keep","nan":0.5,"infinite":"fail","stale":"carry"}`, `{"missing":"1e3"}`, `{"nan":null}`)
}
