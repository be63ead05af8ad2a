package config_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func seconds(n int) types.Duration { return types.Duration(n) * types.Duration(time.Second) }

func TestDefaultCommon(t *testing.T) {
	c := config.DefaultCommon()
	require.NoError(t, c.Validate())
	assert.Equal(t, seconds(60), c.ProgressInterval)
	assert.Equal(t, config.Timeouts{Connect: seconds(10), Read: seconds(60)}, c.Timeouts)
	assert.Equal(t, config.SSLVerify{}, c.SSLVerify)
	assert.Equal(t, seconds(600), c.BackoffFor("anything").MaxTime)
	assert.Equal(t, seconds(3600), c.BackoffFor("connect").MaxTime)
	c.Backoff["connect"] = config.Backoff{}
	assert.Equal(t, seconds(3600), config.DefaultCommon().BackoffFor("connect").MaxTime, "defaults are not shared")
	assert.Equal(t, seconds(600), config.Common{}.BackoffFor("x").MaxTime)
}

func TestBackoffIsMergedOverDefaults(t *testing.T) {
	c := one(t, "settings: {backoff: {mine: {max_tries: 3}, connect: {max_time: null}}}").Settings
	assert.Equal(t, config.Backoff{MaxTries: 3}, c.BackoffFor("mine"), "what is not given is without limit")
	assert.Equal(t, config.Backoff{}, c.BackoffFor("connect"))
	assert.Equal(t, seconds(600), c.BackoffFor("other").MaxTime)
}

func TestTimeouts(t *testing.T) {
	for text, want := range map[string]config.Timeouts{
		"null":                      {Connect: seconds(10), Read: seconds(60)},
		"{}":                        {Connect: seconds(10), Read: seconds(60)},
		"5":                         {Connect: seconds(5), Read: seconds(5), Write: seconds(5), Pool: seconds(5)},
		"1m":                        {Connect: seconds(60), Read: seconds(60), Write: seconds(60), Pool: seconds(60)},
		"0":                         {},
		"none":                      {},
		"{read: none}":              {Connect: seconds(10)},
		"{connect: 0, write: 3s}":   {Read: seconds(60), Write: seconds(3)},
		"{timeout: 7s, connect: 1}": {Connect: seconds(1), Read: seconds(7), Write: seconds(7), Pool: seconds(7)},
	} {
		t.Run(text, func(t *testing.T) {
			assert.Equal(t, want, one(t, "settings: {timeouts: "+text+"}").Settings.Timeouts)
		})
	}
}

func TestSSLVerify(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for text, want := range map[string]config.SSLVerify{
		"null": {}, "true": {}, "yes": {}, "false": {Insecure: true}, file: {CAFile: file},
	} {
		t.Run(text, func(t *testing.T) {
			got := one(t, "settings: {ssl_verify: "+text+"}").Settings
			assert.Equal(t, want, got.SSLVerify)
			out, err := yaml.Marshal(map[string]any{"settings": got})
			require.NoError(t, err)
			assert.Equal(t, got, one(t, string(out)).Settings, "settings survive being written and read again")
		})
	}
	_, err := config.Parse("", []byte("settings: {ssl_verify: 'false'}"))
	require.ErrorContains(t, err, `"false" is not true, false or the path of an existing file`)
}
