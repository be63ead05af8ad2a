package emulator_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector/emulator"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file under testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

// The schema is what users and editors see of Config, so a change of it shows.
func TestSchema(t *testing.T) {
	got, err := emulator.Definition.Schema()
	require.NoError(t, err)
	golden(t, "schema.golden.json", got)
}

// What is generated for a newcomer can be run as it is.
func TestGeneratedStanza(t *testing.T) {
	m := config.Model{Kinds: []config.Kind{emulator.Definition.Kind()}}
	for name, o := range map[string]config.GenerateOptions{
		"sample.golden.yaml":          {},
		"sample_defaults.golden.yaml": {Defaults: true},
	} {
		text, err := m.Generate(nil, o)
		require.NoError(t, err)
		assert.NoError(t, m.Validate(config.Sources{Text: text}), string(text))
		golden(t, name, text)
	}
}
