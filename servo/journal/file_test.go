package journal_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/journal"
)

func TestFileKeepsTheState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "deep", "journal")
	entries := []journal.Entry{
		intent("u1", list("cpu", 1), list("cpu", 2)), entry(journal.Applied, "u1", nil), entry(journal.Commit, "u1", list("cpu", 2)),
		result("u2"), intent("u3", list("cpu", 2), list("cpu", 3)), entry(journal.Applied, "u3", nil),
	}
	var want journal.State
	for i, e := range entries {
		t.Run(fmt.Sprint(i, " ", e), func(t *testing.T) {
			f, state := open(t, journal.Options{Path: path})
			assert.Equal(t, want, state)
			write(t, f, e)
			want = reduce(t, want, e)
			require.NoError(t, f.Close())
		})
	}
	_, state := open(t, journal.Options{Path: path})
	assert.Equal(t, want, state)

	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	info, err = os.Stat(filepath.Dir(path))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
}

func TestFileNeedsLoadAndNoClose(t *testing.T) {
	f, err := journal.Open(journal.Options{Path: filepath.Join(t.TempDir(), "journal")})
	require.NoError(t, err)
	ctx := context.Background()
	assert.ErrorContains(t, f.Append(ctx, result("u1")), "not loaded yet")
	_, err = f.Load(ctx)
	require.NoError(t, err)
	write(t, f, result("u1"))
	state, err := f.Load(ctx)
	require.NoError(t, err)
	assert.Equal(t, reduce(t, journal.State{}, result("u1")), state, "the state as it is now")

	require.NoError(t, f.Close())
	require.NoError(t, f.Close())
	assert.ErrorIs(t, f.Append(ctx, result("u1")), fs.ErrClosed)
	_, err = f.Load(ctx)
	assert.ErrorIs(t, err, fs.ErrClosed)
}

func TestTwoOpeners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	f, _ := open(t, journal.Options{Path: path})
	_, err := journal.Open(journal.Options{Path: path})
	require.ErrorIs(t, err, journal.ErrLocked)
	assert.EqualError(t, err, fmt.Sprintf("journal %s: locking it: in use by another process: only one at a time may have a journal open (process %d)", path, os.Getpid()))

	require.NoError(t, f.Close())
	f, err = journal.Open(journal.Options{Path: path})
	require.NoError(t, err)
	require.NoError(t, f.Close())
}
