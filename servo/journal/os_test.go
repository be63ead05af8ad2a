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
	"github.com/servokit/servokit/types"
)

func TestOptionsAreChecked(t *testing.T) {
	_, err := journal.Open(journal.Options{MaxSize: -1})
	assert.EqualError(t, err, "journal: path: required\nmax size: -1 is negative")
}

// The file may be on another volume than the link to it, and not be there yet.
func TestLinkIsFollowed(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "volume", "journal"), filepath.Join(dir, "journal")
	require.NoError(t, os.Symlink(filepath.Join("volume", "journal"), link))
	for _, path := range []string{link, link, target} {
		f, state := load(t, journal.Options{Path: path, MaxSize: 1})
		write(t, f, intent("u1", list("cpu", 1), list("cpu", 2)))
		require.NoError(t, f.Close())
		if path == target {
			assert.Equal(t, "u1", state.Open.UID)
		}
		info, err := os.Lstat(link)
		require.NoError(t, err)
		assert.Equal(t, fs.ModeSymlink, info.Mode().Type())
	}
	// One lock, whatever the way.
	f, _ := open(t, journal.Options{Path: link})
	_, err := journal.Open(journal.Options{Path: target})
	require.ErrorIs(t, err, journal.ErrLocked)
	require.NoError(t, f.Close())
}

func TestPathsThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	file, circle := filepath.Join(dir, "file"), filepath.Join(dir, "circle")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, os.Symlink("circle", circle))
	for _, tt := range []struct{ name, path, want string }{
		{"below a file", filepath.Join(file, "a", "b"), "stat " + file + "/a: not a directory"},
		{"in a file", filepath.Join(file, "a"), "making its directory: " + file + " is not a directory"},
		{"a directory", dir, "opening it: not a regular file"},
		{"a circle", circle, "too many levels of symbolic links"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := journal.Open(journal.Options{Path: tt.path})
			if err == nil {
				_, err = f.Load(context.Background())
				assert.NoError(t, f.Close())
			}
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "journal "+tt.path+": ")
		})
	}
}

// Whatever is written in the lock file, the lock is what counts.
func TestLockFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	require.NoError(t, os.WriteFile(path+".lock", []byte("nobody knows"), 0o600))
	f, _ := open(t, journal.Options{Path: path})
	data, err := os.ReadFile(path + ".lock")
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprint(os.Getpid()), string(data))
	require.NoError(t, os.WriteFile(path+".lock", nil, 0o600))
	_, err = journal.Open(journal.Options{Path: path})
	assert.EqualError(t, err, "journal "+path+": locking it: in use by another process: only one at a time may have a journal open")
	require.NoError(t, f.Close())
}

// What a crash during a compaction leaves holds values that may be confidential.
func TestLeftoversAreRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	f, _ := load(t, journal.Options{Path: path})
	require.NoError(t, f.Close())
	require.NoError(t, os.WriteFile(path+".tmp", []byte("left"), 0o600))
	f, _ = load(t, journal.Options{Path: path})
	require.NoError(t, f.Close())
	assert.NoFileExists(t, path+".tmp")
}

// A file that was given up keeps its content to its owner.
func TestAsideIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n# much more than a line of a journal would be\n"), 0o644))
	f, state := open(t, journal.Options{Path: path})
	assert.Zero(t, state)
	report := f.Report()
	assert.Equal(t, journal.Foreign, report.Damage)
	assert.EqualValues(t, 56, report.Dropped)
	for _, name := range []string{path, report.Aside} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	}
}

// One entry cannot fill the memory of the next start.
func TestEntryTooLarge(t *testing.T) {
	f, _ := open(t, journal.Options{Path: filepath.Join(t.TempDir(), "journal")})
	e := result("u1")
	e.Answer.Measurement.Annotations = map[string]string{"all": string(make([]byte, 3<<20))} // 6 bytes each, escaped
	err := f.Append(context.Background(), e)
	assert.ErrorContains(t, err, "bytes are too much: an entry may have 16777216")
	write(t, f, result("u2"))
}

// A state that is larger than the threshold is not compacted again and again.
func TestLargeStateIsCompactedNowAndThen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	f, _ := open(t, journal.Options{Path: path, MaxSize: 2000})
	as := make(types.Adjustments, 100)
	for i := range as {
		as[i] = set("web", fmt.Sprint("setting-", i), types.Int(1))
	}
	write(t, f, intent("u1", as, as), entry(journal.Commit, "u1", as))
	replaced := 0
	var last os.FileInfo
	for range 200 {
		write(t, f, entry(journal.Ack, "u1", nil))
		info, err := os.Stat(path)
		require.NoError(t, err)
		if last != nil && !os.SameFile(last, info) {
			replaced++
		}
		last = info
	}
	assert.Positive(t, replaced)
	assert.Less(t, replaced, 10)
}
