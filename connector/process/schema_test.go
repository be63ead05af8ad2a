package process_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector/process"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The schema is what users and editors see of Config, so a change of it shows.
func TestSchema(t *testing.T) {
	got, err := process.Definition.Schema()
	require.NoError(t, err)
	golden := filepath.Join("testdata", "schema.golden.json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

// What is generated can be run as it is.
func TestGeneratedStanzaIsValid(t *testing.T) {
	m := config.Model{Kinds: []config.Kind{process.Definition.Kind()}}
	for _, defaults := range []bool{false, true} {
		text, err := m.Generate(nil, config.GenerateOptions{Defaults: defaults})
		require.NoError(t, err)
		assert.NoError(t, m.Validate(config.Sources{Text: text}), string(text))
	}
}
