package checks_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

var errBoom = errors.New("boom")

func pass(context.Context) error { return nil }
func fail(context.Context) error { return errBoom }

// one runs a single check.
func one(t *testing.T, c checks.Entry) checks.Result {
	t.Helper()
	results, err := checks.Run(t.Context(), c)
	require.NoError(t, err)
	require.Len(t, results, 1)
	return results[0]
}

func names(results []checks.Result) []string {
	var list []string
	for _, r := range results {
		list = append(list, r.Name)
	}
	return list
}

func ids(results []checks.Result) []string {
	var list []string
	for _, r := range results {
		list = append(list, r.ID)
	}
	return list
}
