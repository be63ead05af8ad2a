package types_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/types"
)

func TestParseCPU(t *testing.T) {
	for _, tt := range []struct {
		text     string
		want     types.CPU
		human    string
		manifest string
	}{
		{"1.0", types.Core, "1", "1"},
		{"4", 4 * types.Core, "4", "4"},
		{"0.1", types.Core / 10, "100m", "100m"},
		{"2500m", 5 * types.Core / 2, "2.5", "2500m"},
		{"0.0001", types.Core / 10000, "100u", "100u"},
		{"0.0000001", 100, "100n", "100n"},
		{"1.5m", 1500000, "1.5m", "1500u"},
		{" 250m ", types.Core / 4, "250m", "250m"},
		{".5", types.Core / 2, "500m", "500m"},
		{"0.0000000001", 1, "1n", "1n"},
		{"1k", 1000 * types.Core, "1000", "1000"},
		{"1M", 1000000 * types.Core, "1000000", "1000000"},
		{"0", 0, "0", "0"},
	} {
		t.Run(tt.text, func(t *testing.T) {
			got, err := types.ParseCPU(tt.text)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.human, got.String())
			assert.Equal(t, tt.manifest, got.Quantity())
			for _, text := range []string{got.String(), got.Quantity()} {
				back, err := types.ParseCPU(text)
				require.NoError(t, err)
				assert.Equal(t, got, back)
			}
		})
	}
	const number = `a number that is not negative is required, such as "1.5"`
	for text, want := range map[string]string{
		"": number, "-1": number, "m": number, "1.": number, "1..5": number, ".": number,
		"1e3":                   `unknown unit "e3": use m (thousandths of a core), u, n, k, M or none`,
		"1 m":                   `unknown unit " m"`,
		"1mm":                   `unknown unit "mm"`,
		"9999999999999":         "the amount is out of range",
		strings.Repeat("1", 65): "longer than 64 bytes",
	} {
		_, err := types.ParseCPU(text)
		require.ErrorContains(t, err, want, "%q", text)
		require.ErrorContains(t, err, "invalid CPU ")
	}
}

func TestParseMemory(t *testing.T) {
	for _, tt := range []struct {
		text     string
		want     types.Memory
		human    string
		manifest string
	}{
		{"1.5", 1536 * types.MiB, "1.5Gi", "1536Mi"},
		{"4.0", 4 * types.GiB, "4.0Gi", "4Gi"},
		{"4", 4, "4B", "4"},
		{"128Mi", 128 * types.MiB, "128.0Mi", "128Mi"},
		{"128 MiB", 128 * types.MiB, "128.0Mi", "128Mi"},
		{"1gib", types.GiB, "1.0Gi", "1Gi"},
		{"3G", 3e9, "2929687.5Ki", "3000000000"},
		{"64k", 64000, "62.5Ki", "64000"},
		{"64kB", 64000, "62.5Ki", "64000"},
		{"2MB", 2e6, "1953.125Ki", "2000000"},
		{"1.25Gi", 1280 * types.MiB, "1.25Gi", "1280Mi"},
		{"1025Mi", 1025 * types.MiB, "1025.0Mi", "1025Mi"},
		{"1048577", 1048577, "1048577B", "1048577"},
		{"1.5b", 2, "2B", "2"},
		{"1Ti", 1024 * types.GiB, "1.0Ti", "1Ti"},
		{"1Pi", 1 << 50, "1.0Pi", "1Pi"},
		{"1E", 1e18, "953674316406.25Mi", "976562500000000Ki"},
		{"1Ei", 1 << 60, "1.0Ei", "1Ei"},
		{"1T", 1e12, "976562500.0Ki", "976562500Ki"},
		{"0", 0, "0", "0"},
	} {
		t.Run(tt.text, func(t *testing.T) {
			got, err := types.ParseMemory(tt.text)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.human, got.String())
			assert.Equal(t, tt.manifest, got.Quantity())
			for _, text := range []string{got.String(), got.Quantity()} {
				back, err := types.ParseMemory(text)
				require.NoError(t, err)
				assert.Equal(t, got, back, text)
			}
		})
	}
	const number = `a number that is not negative is required, such as "1.5"`
	for text, want := range map[string]string{
		"": number, "-1Gi": number, "Gi": number, "1.Gi": number,
		"1m":                    "m means thousandths of a byte: use M or Mi",
		"1Xi":                   `unknown unit "Xi": use Ki, Mi, Gi, Ti, Pi, Ei, k, M, G, T, P, E or none`,
		"1e3":                   `unknown unit "e3"`,
		"1Gi extra":             `unknown unit "Gi extra"`,
		"8Ei":                   "the amount is out of range",
		strings.Repeat(" ", 65): "longer than 64 bytes",
	} {
		_, err := types.ParseMemory(text)
		require.ErrorContains(t, err, want, "%q", text)
		require.ErrorContains(t, err, "invalid memory ")
	}
}

func TestQuantitiesOfNumbers(t *testing.T) {
	c, err := types.CPUOf(1.25)
	require.NoError(t, err)
	assert.InDelta(t, 1.25, c.Cores(), 0)
	m, err := types.MemoryOf(1.5)
	require.NoError(t, err)
	assert.Equal(t, 1536*types.MiB, m)
	assert.InDelta(t, 1.5, m.GiB(), 0)
	for _, bytes := range []types.Memory{1, 4, 1048577, 1<<50 + 1} {
		m, err := types.MemoryOf(bytes.GiB())
		require.NoError(t, err)
		assert.Equal(t, bytes, m)
	}
	for _, bad := range []float64{-1, math.NaN(), math.Inf(1), 1e300} {
		_, err := types.CPUOf(bad)
		require.ErrorContains(t, err, "cores: ")
		_, err = types.MemoryOf(bad)
		require.ErrorContains(t, err, "GiB: ")
	}
}

func TestQuantitiesInConfiguration(t *testing.T) {
	type config struct {
		CPU    types.CPU    `yaml:"cpu"`
		Memory types.Memory `yaml:"memory"`
	}
	for _, tt := range []struct {
		name, yaml string
		want       config
	}{
		{"text", "cpu: 250m\nmemory: 1.5Gi", config{types.Core / 4, 1536 * types.MiB}},
		{"an integer is cores and bytes", "cpu: 4\nmemory: 4", config{4 * types.Core, 4}},
		{"a fraction is cores and GiB", "cpu: 0.5\nmemory: 4.0", config{types.Core / 2, 4 * types.GiB}},
		{"quoted numbers are the same", "cpu: '4'\nmemory: '4.0'", config{4 * types.Core, 4 * types.GiB}},
		{"nothing", "cpu:\nmemory: null", config{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got config
			require.NoError(t, yaml.Unmarshal([]byte(tt.yaml), &got))
			assert.Equal(t, tt.want, got)
			data, err := yaml.Marshal(got)
			require.NoError(t, err)
			var back config
			require.NoError(t, yaml.Unmarshal(data, &back))
			assert.Equal(t, got, back)
			data, err = json.Marshal(got)
			require.NoError(t, err)
			back = config{}
			require.NoError(t, json.Unmarshal(data, &back))
			assert.Equal(t, got, back)
		})
	}
	before := config{CPU: 1, Memory: 1}
	for _, bad := range []string{"cpu: -1", "cpu: true", "cpu: x", "memory: -4", "memory: -0.5", "memory: []", "memory: 1m"} {
		got := before
		require.Error(t, yaml.Unmarshal([]byte(bad), &got), bad)
		assert.Equal(t, before, got, bad)
	}
	for _, bad := range []string{`-1`, `true`, `"x"`, `{}`} {
		got := before
		require.Error(t, json.Unmarshal([]byte(bad), &got.CPU), bad)
		require.Error(t, json.Unmarshal([]byte(bad), &got.Memory), bad)
		assert.Equal(t, before, got)
	}
	got := before
	require.NoError(t, json.Unmarshal([]byte(`null`), &got.CPU))
	require.NoError(t, json.Unmarshal([]byte(`4.0`), &got.Memory))
	assert.Equal(t, config{1, 4 * types.GiB}, got)
	data, err := json.Marshal(got)
	require.NoError(t, err)
	assert.Equal(t, `{"CPU":"1n","Memory":"4.0Gi"}`, string(data))
}
