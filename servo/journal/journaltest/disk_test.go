package journaltest_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/journal/journaltest"
)

// create makes a file with synced content in a synced directory.
func create(t *testing.T, d *journaltest.Disk, name, content string) journal.Handle {
	t.Helper()
	h, err := d.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	require.NoError(t, err)
	_, err = h.WriteAt([]byte(content), 0)
	require.NoError(t, err)
	require.NoError(t, h.Sync())
	require.NoError(t, d.SyncDir("dir"))
	return h
}

// outcomes tells what a file holds after a crash, for many seeds. "none" is one
// that is not there.
func outcomes(t *testing.T, name string, do func(*journaltest.Disk)) map[string]int {
	t.Helper()
	seen := make(map[string]int)
	for seed := range uint64(300) {
		d := journaltest.NewDisk(seed)
		do(d)
		d.Crash()
		d.Restart()
		data, err := d.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			data = []byte("none")
		}
		seen[string(data)]++
	}
	return seen
}

func keys(seen map[string]int) []string {
	var list []string
	for k := range seen {
		list = append(list, k)
	}
	return list
}

func TestWhatWasSyncedSurvives(t *testing.T) {
	seen := outcomes(t, "dir/a", func(d *journaltest.Disk) { create(t, d, "dir/a", "hello") })
	assert.Equal(t, map[string]int{"hello": 300}, seen)
}

func TestWhatWasNotSyncedIsTorn(t *testing.T) {
	seen := outcomes(t, "dir/a", func(d *journaltest.Disk) {
		h := create(t, d, "dir/a", "ab")
		_, err := h.WriteAt([]byte("cd"), 2)
		require.NoError(t, err)
	})
	for _, want := range []string{"ab", "abc", "abcd", "abc\x00", "ab\x00\x00", "ab\x00d"} {
		assert.Contains(t, seen, want)
	}
	for content := range seen {
		assert.True(t, strings.HasPrefix(content, "ab"), "what was synced stays: %q", content)
		assert.LessOrEqual(t, len(content), 4)
	}
}

func TestDirectoriesNeedSync(t *testing.T) {
	file := outcomes(t, "dir/a", func(d *journaltest.Disk) {
		h, err := d.OpenFile("dir/a", os.O_CREATE, 0o600)
		require.NoError(t, err)
		_, err = h.WriteAt([]byte("x"), 0)
		require.NoError(t, err)
		require.NoError(t, h.Sync())
	})
	assert.ElementsMatch(t, []string{"none", "x"}, keys(file))

	renamed := outcomes(t, "dir/a", func(d *journaltest.Disk) {
		create(t, d, "dir/a", "old")
		create(t, d, "dir/b", "new")
		require.NoError(t, d.Rename("dir/b", "dir/a"))
	})
	assert.ElementsMatch(t, []string{"old", "new"}, keys(renamed))

	removed := outcomes(t, "dir/a", func(d *journaltest.Disk) {
		create(t, d, "dir/a", "old")
		require.NoError(t, d.Remove("dir/a"))
		require.NoError(t, d.SyncDir("elsewhere"))
	})
	assert.ElementsMatch(t, []string{"old", "none"}, keys(removed))
}

func TestTruncation(t *testing.T) {
	seen := outcomes(t, "dir/a", func(d *journaltest.Disk) {
		require.NoError(t, create(t, d, "dir/a", "abc").Truncate(1))
		data, err := d.ReadFile("dir/a")
		require.NoError(t, err)
		assert.Equal(t, "a", string(data))
	})
	assert.ElementsMatch(t, []string{"abc", "a"}, keys(seen))

	d := journaltest.NewDisk(1)
	create(t, d, "dir/a", "abc")
	_, err := d.OpenFile("dir/a", os.O_TRUNC|os.O_CREATE, 0o600)
	require.NoError(t, err)
	data, err := d.ReadFile("dir/a")
	require.NoError(t, err)
	assert.Empty(t, data)
}

func TestASyncThatFailsLoses(t *testing.T) {
	seen := outcomes(t, "dir/a", func(d *journaltest.Disk) {
		h := create(t, d, "dir/a", "")
		_, err := h.WriteAt([]byte("x"), 0)
		require.NoError(t, err)
		d.Before(func(op journaltest.Op) error {
			if op.Kind == journaltest.OpSync && op.Nth == 1 {
				return syscall.EIO
			}
			return nil
		})
		require.ErrorIs(t, h.Sync(), syscall.EIO)
		require.NoError(t, h.Sync(), "it does not say so again")
		data, err := d.ReadFile("dir/a")
		require.NoError(t, err)
		assert.Equal(t, "x", string(data), "nobody sees it before the crash")
	})
	assert.Contains(t, seen, "x")
	assert.Contains(t, seen, "")
}

func TestKillKeepsWhatWasWritten(t *testing.T) {
	d := journaltest.NewDisk(1)
	h := create(t, d, "dir/a", "")
	_, err := h.WriteAt([]byte("x"), 0)
	require.NoError(t, err)
	l, err := d.Lock("dir/lock")
	require.NoError(t, err)
	_, err = d.Lock("dir/lock")
	require.ErrorIs(t, err, journal.ErrLocked)
	d.Kill()

	_, err = d.OpenFile("dir/a", 0, 0)
	require.ErrorIs(t, err, journaltest.ErrCrashed)
	d.Restart()
	_, err = h.WriteAt([]byte("y"), 0)
	require.ErrorIs(t, err, journaltest.ErrCrashed, "it is of another process")
	require.ErrorIs(t, h.Sync(), journaltest.ErrCrashed)
	again, err := d.Lock("dir/lock")
	require.NoError(t, err)
	require.ErrorIs(t, l.Close(), journaltest.ErrCrashed)
	require.NoError(t, again.Close())
	data, err := d.ReadFile("dir/a")
	require.NoError(t, err)
	assert.Equal(t, "x", string(data))
}

func TestFullDisk(t *testing.T) {
	d := journaltest.NewDisk(1)
	d.WriteFile("dir/b", []byte("12345"))
	h := create(t, d, "dir/a", "abc")
	d.Limit(10)
	n, err := h.WriteAt([]byte("XYZuvw"), 2)
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.Equal(t, 3, n)
	data, err := d.ReadFile("dir/a")
	require.NoError(t, err)
	assert.Equal(t, "abXYZ", string(data))
	require.NoError(t, h.Truncate(1))
	n, err = h.WriteAt([]byte("1234"), 1)
	require.NoError(t, err)
	assert.Equal(t, 4, n)
	d.Limit(-1)
	_, err = h.WriteAt(make([]byte, 100), 0)
	require.NoError(t, err)
}

func TestFaults(t *testing.T) {
	d := journaltest.NewDisk(3)
	h := create(t, d, "dir/a", "")
	var seen []journaltest.Op
	d.Before(func(op journaltest.Op) error {
		seen = append(seen, op)
		if op.Kind == journaltest.OpWrite && op.Nth == 2 || op.Kind == journaltest.OpRename || op.Kind == journaltest.OpRemove {
			return syscall.EIO
		}
		return nil
	})
	_, err := h.WriteAt([]byte("1"), 0)
	require.NoError(t, err)
	n, err := h.WriteAt([]byte("23456789"), 1)
	require.ErrorIs(t, err, syscall.EIO)
	data, readErr := d.ReadFile("dir/a")
	require.NoError(t, readErr)
	assert.Equal(t, "123456789"[:n+1], string(data))
	require.ErrorIs(t, d.Rename("dir/a", "dir/b"), syscall.EIO)
	require.ErrorIs(t, d.Remove("dir/a"), syscall.EIO)
	assert.Equal(t, []string{"dir/a"}, d.Names())
	require.NoError(t, h.Close())
	assert.Equal(t, []journaltest.Op{
		{Kind: journaltest.OpWrite, Name: "dir/a", N: 1, Nth: 1}, {Kind: journaltest.OpWrite, Name: "dir/a", N: 2, Nth: 2},
		{Kind: journaltest.OpRename, Name: "dir/b", N: 3, Nth: 1}, {Kind: journaltest.OpRemove, Name: "dir/a", N: 4, Nth: 1},
		{Kind: journaltest.OpClose, Name: "dir/a", N: 5, Nth: 1},
	}, seen)

	d.Before(nil)
	for _, err := range []error{h.Close(), h.Sync(), h.Truncate(0)} {
		assert.ErrorIs(t, err, fs.ErrClosed)
	}
	_, err = h.WriteAt(nil, 0)
	require.ErrorIs(t, err, fs.ErrClosed)
	_, err = io.ReadAll(h)
	require.ErrorIs(t, err, fs.ErrClosed)
}

func TestOrdinaryErrors(t *testing.T) {
	d := journaltest.NewDisk(1)
	_, err := d.OpenFile("dir/none", os.O_RDWR, 0)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, d.Rename("dir/none", "dir/b"), fs.ErrNotExist)
	require.ErrorIs(t, d.Remove("dir/none"), fs.ErrNotExist)
	_, err = d.ReadFile("dir/none")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, d.MkdirAll("dir", 0o700))
	create(t, d, "dir/a", "x")
	_, err = d.OpenFile("dir/../dir/a", os.O_CREATE|os.O_EXCL, 0)
	require.ErrorIs(t, err, fs.ErrExist)
	require.Error(t, d.Flip("dir/a", 8))
	require.Error(t, d.Flip("dir/none", 0))
	require.NoError(t, d.Flip("dir/a", 0))
	d.Crash()
	require.ErrorIs(t, d.SyncDir("dir"), journaltest.ErrCrashed)
	_, err = d.Lock("dir/lock")
	require.ErrorIs(t, err, journaltest.ErrCrashed)
	d.Restart()
	data, err := d.ReadFile("dir/a")
	require.NoError(t, err)
	assert.Equal(t, "y", string(data))
}

// One seed gives one outcome, inside of a bubble of synctest too.
func TestSeedsRepeat(t *testing.T) {
	run := func(seed uint64) string {
		d := journaltest.NewDisk(seed)
		h := create(t, d, "dir/a", "")
		create(t, d, "dir/b", "")
		for i := range 20 {
			_, err := h.WriteAt([]byte(strings.Repeat(string(rune('a'+i)), 5)), int64(5*i))
			require.NoError(t, err)
		}
		d.Crash()
		data, err := d.ReadFile("dir/a")
		require.NoError(t, err)
		return string(data)
	}
	synctest.Test(t, func(t *testing.T) {
		different := make(map[string]bool)
		for seed := range uint64(20) {
			assert.Equal(t, run(seed), run(seed))
			different[run(seed)] = true
		}
		assert.Greater(t, len(different), 10)
	})
}

func TestConcurrentUse(t *testing.T) {
	d := journaltest.NewDisk(1)
	d.Before(func(op journaltest.Op) error {
		if op.N == 100 {
			d.Crash()
		}
		return nil
	})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			name := "dir/" + string(rune('a'+i))
			for {
				h, err := d.OpenFile(name, os.O_CREATE, 0)
				if err == nil {
					_, err = h.WriteAt([]byte("x"), 0)
				}
				if err != nil {
					assert.ErrorIs(t, err, journaltest.ErrCrashed)
					return
				}
			}
		})
	}
	wg.Wait()
}
