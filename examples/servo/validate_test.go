package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// validateText runs validate in process.
func validateText(t *testing.T, config string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "servo.yaml")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	var out, errs strings.Builder
	p := program{stdin: strings.NewReader(""), stdout: &out, stderr: &errs}
	code = p.main(append([]string{"--config-file", file, "validate"}, args...))
	return code, strings.ReplaceAll(out.String(), file, "servo.yaml"), strings.ReplaceAll(errs.String(), file, "servo.yaml")
}

const wrong = `optimizer: {id: a/b, token: t}
emulator:
  failure_rate: 7
  sed: 1
---
optimizer: {id: a/b, token: t}
vegeta: {rate: fast}
`

func TestValidateText(t *testing.T) {
	code, stdout, stderr := validateText(t, wrong)
	assert.Equal(t, 1, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "X Invalid configuration in servo.yaml\n")
	for _, place := range []string{"servo.yaml:3:17: emulator.failure_rate: ", "servo.yaml:4:3: emulator.sed: unknown key", "servo.yaml:7:16: vegeta.rate: "} {
		assert.Contains(t, stderr, place)
	}

	code, stdout, stderr = validateText(t, wrong, "--quiet")
	assert.Equal(t, 1, code)
	assert.Empty(t, stdout+stderr)

	code, stdout, stderr = validateText(t, emulated("a", "http://localhost", 1))
	assert.Equal(t, 0, code)
	assert.Equal(t, "√ Valid configuration in servo.yaml\n", stdout)
	assert.Empty(t, stderr)
}

func TestValidateJSON(t *testing.T) {
	code, stdout, stderr := validateText(t, "optimizer: {id: example.com/a, token: t}\nemulator: {sed: 1}\n", "--output", "json")
	assert.Equal(t, 1, code)
	assert.Empty(t, stderr)
	assert.JSONEq(t, `{"file": "servo.yaml", "valid": false, "problems": [{
		"file": "servo.yaml", "line": 2, "column": 12, "path": "emulator.sed",
		"message": "unknown key; did you mean \"seed\"? (known: adjust_duration, components, description, failure_rate, measure_duration, metrics, readings, response, sample_interval, seed)"
	}]}`, stdout)

	code, stdout, _ = validateText(t, emulated("a", "http://localhost", 1), "--output=json")
	assert.Equal(t, 0, code)
	assert.JSONEq(t, `{"file": "servo.yaml", "valid": true, "problems": []}`, stdout)
}

func TestValidateTwoServosOfOneName(t *testing.T) {
	code, _, stderr := validateText(t, emulated("a", "http://localhost", 1)+"---"+emulated("a", "http://localhost", 1))
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, `both called "a"`)
}

func TestSampleIsValid(t *testing.T) {
	text, err := os.ReadFile("servo.yaml")
	require.NoError(t, err)
	code, _, stderr := validateText(t, string(text))
	assert.Equal(t, 0, code, stderr)
}
