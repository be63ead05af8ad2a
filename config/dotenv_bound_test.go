package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
)

func TestDotenvThatGrowsIsRefused(t *testing.T) {
	fine := "HOST=db\nPORT=5432\n" + strings.Repeat("SERVO_NAME=$HOST:${PORT}\n", 1000)
	for name, tt := range map[string]struct {
		text    string
		refused bool
	}{
		"doubling":          {strings.Repeat("A=$A$A\n", 60), true},
		"from a value":      {"A=0123456789\n" + strings.Repeat("A=${A}${A}\n", 60), true},
		"two names in turn": {"A=x\n" + strings.Repeat("B=$A$A\nA=$B$B\n", 30), true},
		"quoted, on lines":  {"A=x\n" + strings.Repeat("A=\"\nB=1\n$A$A\n\"\n", 40), true},
		"exported":          {strings.Repeat("export A=$A$A\n", 60), true},
		"many references":   {fine, false},
		"a comment":         {strings.Repeat("# A=$A$A\n", 60), false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, ".env"), []byte(tt.text), 0o600))
			_, err := config.Sources{File: "servo.yaml", Text: []byte("{}"), Dotenv: dir}.Load()
			if tt.refused {
				require.ErrorContains(t, err, "its variables expand to more than 4 MiB")
			} else {
				assert.NoError(t, err)
			}
		})
	}
}
