package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/servokit/servokit/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestBadFiles holds the exact text that a user reads for each bad file.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			_, err = readAll("servo.yaml", data)
			require.Error(t, err)

			got := err.Error() + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err2 := os.ReadFile(golden)
			require.NoError(t, err2)
			assert.Equal(t, string(want), got)

			assert.NotContains(t, got, "hunter2", "secrets must not be shown")
			var problems config.FieldErrors
			require.ErrorAs(t, err, &problems)
			for _, p := range problems {
				assert.Equal(t, "servo.yaml", p.File)
				assert.Positive(t, p.Line, "%v has no line", p)
				var single *config.FieldError
				assert.True(t, errors.As(err, &single))
			}
		})
	}
}
