package types_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
