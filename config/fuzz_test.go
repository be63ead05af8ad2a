package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/servokit/servokit/config"
	"github.com/stretchr/testify/require"
)

func seed(f *testing.F) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(f, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte("load: &a {rate: 5, <<: {workers: 3}, ports: {1: x}}\nother: *a\n"))
	f.Add([]byte("connectors: {one: load}\none: {rate: !!str 5, token: ok, ratio: .inf}\n---\n"))
	f.Add([]byte("settings: {timeouts: {timeout: 5}, ssl_verify: no, backoff: {a: {max_time: 1y}}}"))
}

// FuzzParse looks for panics and for answers that contradict themselves.
func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, err := config.Parse("servo.yaml", data)
		if err == nil {
			require.NotEmpty(t, docs)
		} else {
			var problems config.FieldErrors
			require.ErrorAs(t, err, &problems)
			require.NotEmpty(t, err.Error())
		}
		for _, doc := range docs {
			_, _ = doc.Resolve([]string{"load", "other"})
			_ = doc.Optimizer.Endpoint()
			_ = doc.Settings.BackoffFor("connect")
		}
	})
}

// FuzzDecode decodes every stanza into a type with a key of every kind.
func FuzzDecode(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, _ := config.Parse("servo.yaml", data)
		for _, doc := range docs {
			for _, s := range doc.Stanzas() {
				c, err := config.Decode[load](s)
				if err != nil {
					require.Empty(t, c.Rate)
					require.NotEmpty(t, err.Error())
				}
				_, _ = config.Decode[any](s)
				_, _ = config.Decode[map[any]revealing](s)
				_, _ = config.Decode[[]outer](s)
			}
		}
	})
}
