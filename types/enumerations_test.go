package types_test

import (
	"encoding"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/types"
)

// textual gives a parser the form of the others.
func textual[T ~string](parse func(string) (T, error)) func(string) (string, error) {
	return func(text string) (string, error) {
		v, err := parse(text)
		return string(v), err
	}
}

func TestEnumerations(t *testing.T) {
	for name, test := range map[string]struct {
		parse func(string) (string, error)
		into  encoding.TextUnmarshaler
		known []string
		err   string
	}{
		"output format": {
			textual(types.ParseOutputFormat), new(types.OutputFormat), []string{"yaml", "json", "dict", "html", "text", "markdown", "configmap"},
			`no output format identified by "YAML": use "yaml", "json", "dict", "html", "text", "markdown" or "configmap"`,
		},
		"HTTP method": {
			textual(types.ParseHTTPMethod), new(types.HTTPMethod), []string{"GET", "POST", "PUT", "PATCH", "OPTIONS", "TRACE", "HEAD", "DELETE", "CONNECT"},
			`no HTTP method identified by "get": use "GET", "POST", "PUT", "PATCH", "OPTIONS", "TRACE", "HEAD", "DELETE" or "CONNECT"`,
		},
		"resource": {
			textual(types.ParseResource), new(types.Resource), []string{"memory", "cpu"},
			`no resource identified by "mem": use "memory" or "cpu"`,
		},
		"resource requirement": {
			textual(types.ParseResourceRequirement), new(types.ResourceRequirement), []string{"request", "limit"},
			`no resource requirement identified by "limits": use "request" or "limit"`,
		},
		"container logs": {
			textual(types.ParseContainerLogs), new(types.ContainerLogs), []string{"previous", "current", "both"},
			`no choice of container logs identified by "": use "previous", "current" or "both"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, text := range test.known {
				got, err := test.parse(text)
				require.NoError(t, err)
				assert.Equal(t, text, got)
				quoted, err := json.Marshal(text)
				require.NoError(t, err)
				require.NoError(t, json.Unmarshal(quoted, test.into))
				again, err := json.Marshal(test.into)
				require.NoError(t, err)
				assert.Equal(t, string(quoted), string(again))
			}
			wrong := map[string]string{"output format": "YAML", "HTTP method": "get", "resource": "mem", "resource requirement": "limits"}[name]
			_, err := test.parse(wrong)
			require.EqualError(t, err, test.err)
			require.EqualError(t, test.into.UnmarshalText([]byte(wrong)), test.err)
		})
	}
	assert.Equal(t, "requests", types.ResourceRequest.ManifestKey())
	assert.Equal(t, "limits", types.ResourceLimit.ManifestKey())
}
