package journal_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/journal/journaltest"
)

// chances runs a test with many disks: what a crash leaves is chance.
func chances(t *testing.T, test func(t *testing.T, disk *journaltest.Disk, o journal.Options)) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			disk := journaltest.NewDisk(seed)
			test(t, disk, journal.Options{Path: where, FS: disk})
		})
	}
}

// on calls f before the first operation of a kind.
func on(kind journaltest.OpKind, f func() error) func(journaltest.Op) error {
	return func(op journaltest.Op) error {
		if op.Kind == kind && op.Nth == 1 {
			return f()
		}
		return nil
	}
}

// A process is killed before it has synced, the next one reads what it wrote and
// acts on it: the machine must not forget it afterwards.
func TestWhatIsLoadedIsDurable(t *testing.T) {
	chances(t, func(t *testing.T, disk *journaltest.Disk, o journal.Options) {
		f, _ := load(t, o)
		disk.Before(on(journaltest.OpSync, func() error { disk.Kill(); return nil }))
		require.ErrorIs(t, f.Append(context.Background(), result("u1")), journaltest.ErrCrashed)
		disk.Restart()
		disk.Before(nil)
		_, state := load(t, o)
		require.NotNil(t, state.Pending)
		disk.Crash()
		disk.Restart()
		_, again := load(t, o)
		assert.Equal(t, state, again)
	})
}

// The same for a process that is killed before it has synced the directory.
func TestWhatIsAppendedToAFileOfAKilledProcessIsDurable(t *testing.T) {
	chances(t, func(t *testing.T, disk *journaltest.Disk, o journal.Options) {
		f, err := journal.Open(o)
		require.NoError(t, err)
		disk.Before(on(journaltest.OpSyncDir, func() error { disk.Kill(); return nil }))
		_, err = f.Load(context.Background())
		require.ErrorIs(t, err, journaltest.ErrCrashed)
		disk.Restart()
		disk.Before(nil)
		f, _ = load(t, o)
		write(t, f, result("u1"))
		disk.Crash()
		disk.Restart()
		_, state := load(t, o)
		assert.Equal(t, reduce(t, journal.State{}, result("u1")), state)
	})
}

// An entry that failed does not come back after a crash.
func TestWhatFailedStaysAway(t *testing.T) {
	for _, kind := range []journaltest.OpKind{journaltest.OpWrite, journaltest.OpSync} {
		t.Run(string(kind), func(t *testing.T) {
			chances(t, func(t *testing.T, disk *journaltest.Disk, o journal.Options) {
				f, _ := load(t, o)
				write(t, f, result("u1"))
				disk.Before(on(kind, func() error { return syscall.EIO }))
				require.ErrorIs(t, f.Append(context.Background(), result("u2")), syscall.EIO)
				disk.Crash()
				disk.Restart()
				disk.Before(nil)
				f, state := load(t, o)
				assert.Equal(t, reduce(t, journal.State{}, result("u1")), state)
				assert.Zero(t, f.Report())
			})
		})
	}
}

// A compaction that fails anywhere leaves a journal to append to.
func TestCompactionFails(t *testing.T) {
	for n := 1; ; n++ {
		disk := journaltest.NewDisk(uint64(n))
		o := journal.Options{Path: where, FS: disk, MaxSize: 1}
		f, _ := load(t, o)
		failed := false
		disk.Before(func(op journaltest.Op) error {
			if op.N == 2+n { // after the write and the sync of the entry
				failed = true
				return syscall.EIO
			}
			return nil
		})
		write(t, f, result("u1"))
		if !failed {
			return
		}
		write(t, f, result("u2"), result("u3"))
		disk.Crash()
		disk.Restart()
		disk.Before(nil)
		_, state := load(t, o)
		assert.Equal(t, reduce(t, journal.State{}, result("u3")), state, "operation %d", n)
	}
}

// Entries may amount to nothing, and count on all the same.
func TestNothingIsCompacted(t *testing.T) {
	disk := journaltest.NewDisk(1)
	o := journal.Options{Path: where, FS: disk, MaxSize: 200}
	long := entry(journal.Ack, "u1", nil)
	long.Why = strings.Repeat("x", 200)
	for range 3 {
		f, state := load(t, o)
		assert.Zero(t, state)
		assert.Zero(t, f.Report())
		write(t, f, long, entry(journal.Ack, "u2", nil)) // the first of them is compacted away
		data, err := disk.ReadFile(where)
		require.NoError(t, err)
		assert.Equal(t, 3, strings.Count(string(data), "\n"))
		require.NoError(t, f.Close())
	}
}
