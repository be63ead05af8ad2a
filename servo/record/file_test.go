package record_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/record"
)

func TestFileRotates(t *testing.T) {
	for _, tt := range []struct {
		name    string
		backups int
		kept    []string // what the files hold, the newest first
	}{
		{"two", 2, []string{"line 6\n", "line 4\nline 5\n", "line 2\nline 3\n"}},
		{"one", 1, []string{"line 6\n", "line 4\nline 5\n"}},
		{"none", -1, []string{"line 6\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sub", "record.jsonl")
			f, err := record.Open(record.FileOptions{Path: path, MaxSize: 15, Backups: tt.backups})
			require.NoError(t, err)
			for i := range 7 {
				n, err := fmt.Fprintf(f, "line %d\n", i)
				require.NoError(t, err)
				assert.Equal(t, 7, n)
				if i == 3 { // what is there already counts
					require.NoError(t, f.Close())
					f, err = record.Open(record.FileOptions{Path: path, MaxSize: 15, Backups: tt.backups})
					require.NoError(t, err)
				}
			}
			require.NoError(t, f.Close())
			require.NoError(t, f.Close())
			_, err = f.Write([]byte("late\n"))
			require.ErrorIs(t, err, os.ErrClosed)
			for i, want := range tt.kept {
				name := path
				if i > 0 {
					name = fmt.Sprintf("%s.%d", path, i)
				}
				data, err := os.ReadFile(name)
				require.NoError(t, err)
				assert.Equal(t, want, string(data))
			}
			entries, err := os.ReadDir(filepath.Dir(path))
			require.NoError(t, err)
			assert.Len(t, entries, len(tt.kept))
			info, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		})
	}
}

func TestFileRefuses(t *testing.T) {
	_, err := record.Open(record.FileOptions{MaxSize: -1})
	require.ErrorContains(t, err, "path: required")
	require.ErrorContains(t, err, "max size: -1 is negative")
	blocker := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocker, nil, 0o600))
	_, err = record.Open(record.FileOptions{Path: filepath.Join(blocker, "record")})
	require.ErrorContains(t, err, "making its folder")
	_, err = record.Open(record.FileOptions{Path: filepath.Dir(blocker)})
	require.ErrorContains(t, err, "is a directory")
}

func TestFileKeepsTheRecordWhenItCannotRotate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "record")
	// A folder that is not empty stands where the full file should go.
	require.NoError(t, os.MkdirAll(filepath.Join(path+".1", "in the way"), 0o700))
	f, err := record.Open(record.FileOptions{Path: path, MaxSize: 10, Backups: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	for range 3 {
		_, err := f.Write([]byte("a line\n"))
		require.NoError(t, err)
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(string(data), "a line\n"))
}
