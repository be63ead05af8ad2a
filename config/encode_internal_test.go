package config

import (
	"encoding/json"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/types"
)

type (
	namedText  string
	namedBool  bool
	namedCount uint16
	upper      string
)

func (u upper) MarshalText() ([]byte, error) { return []byte("UPPER"), nil }

// What is written without the detour through YAML text is what the detour gives.
func TestScalarsAreWrittenAsYAMLDoes(t *testing.T) {
	for _, value := range []any{
		"", "text", "true", "1", "null", "~", "1.5", "2026-11-28", "a: b", "two\nlines", " padded ", "\x00", "\xff", "<<", "=", "y", "0x10", "1e3",
		namedText("yes"), namedText("12"), upper("x"), json.Number("12"), true, false, namedBool(true),
		0, -1, math.MaxInt64, math.MinInt64, int8(-8), uint8(8), uint64(math.MaxUint64), namedCount(7),
		1.5, 0.0, -1.0, 1e6, 123456789.0, 1e21, 1e-9, 5e-324, math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(), float32(0.1), nil, time.Minute, time.Unix(0, 0).UTC(), types.Duration(time.Minute), types.Float(2), types.Text("x"), netip.MustParseAddr("::1"), []string{"a"}, map[string]int{"a": 1},
	} {
		var plain yaml.Node
		require.NoError(t, plain.Encode(value))
		want, err := yaml.Marshal(&plain)
		require.NoError(t, err)
		n, err := plainNode(value)
		require.NoError(t, err)
		got, err := yaml.Marshal(n)
		require.NoError(t, err)
		assert.YAMLEq(t, string(want), string(got), "%T %#v", value, value)
		assert.Equal(t, plain.ShortTag(), n.ShortTag(), "%T %#v", value, value)
	}
}
