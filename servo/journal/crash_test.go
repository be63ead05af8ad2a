package journal_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/journal/journaltest"
	"github.com/servokit/servokit/types"
)

const where = "var/journal"

// history is a random sequence of entries that make sense, and the states they
// lead to, from the empty one.
type history struct {
	entries []journal.Entry
	states  []journal.State
}

func newHistory(t *testing.T, seed uint64, length int) history {
	random := rand.New(rand.NewPCG(seed, 1))
	some := func() types.Adjustments {
		var as types.Adjustments
		for range 1 + random.IntN(3) {
			as = append(as, set([]string{"web", "db"}[random.IntN(2)], []string{"cpu", "mem"}[random.IntN(2)], types.Int(random.Int64N(100))))
		}
		return as
	}
	h := history{states: []journal.State{{}}}
	for i := range length {
		uid := strconv.Itoa(i)
		state := h.states[i]
		choices := []journal.Entry{intent(uid, some(), some()), result(uid), entry(journal.Ack, uid, nil)}
		if state.Pending != nil {
			choices = append(choices, entry(journal.Ack, state.Pending.UID, nil))
			choices[3].Verb = state.Pending.Verb
		}
		if o := state.Open; o != nil {
			choices = append(choices, entry(journal.Applied, o.UID, nil), entry(journal.Commit, o.UID, some()), entry(journal.Rollback, "", o.Previous))
		}
		e := choices[random.IntN(len(choices))]
		h.entries = append(h.entries, e)
		h.states = append(h.states, reduce(t, state, e))
	}
	return h
}

// play opens the journal and appends what is missing of the history, until
// something fails. It returns how many entries count for sure and whether one
// more may.
func (h history) play(t *testing.T, disk *journaltest.Disk, from int) (acked int, err error) {
	f, err := journal.Open(journal.Options{Path: where, FS: disk, MaxSize: 1500})
	if err != nil {
		return from, err
	}
	defer f.Close()
	state, err := f.Load(context.Background())
	if err != nil {
		return from, err
	}
	require.False(t, f.Report().Lost(), f.Report())
	require.Contains(t, h.states[from:min(from+2, len(h.states))], state, "after %d entries", from)
	// Two states may be equal: nobody can tell whether the last one counted.
	if from < len(h.entries) && !assert.ObjectsAreEqual(h.states[from], state) {
		from++
	}
	for i, e := range h.entries[from:] {
		if err := f.Append(context.Background(), e); err != nil {
			return from + i, err
		}
	}
	return len(h.entries), nil
}

// operations counts what a disk does for the whole history.
func (h history) operations(t *testing.T) int {
	disk, n := journaltest.NewDisk(0), 0
	disk.Before(func(op journaltest.Op) error {
		n = op.N
		return nil
	})
	acked, err := h.play(t, disk, 0)
	require.NoError(t, err)
	require.Equal(t, len(h.entries), acked)
	return n
}

// at calls f before operation n.
func at(n int, f func() error) func(journaltest.Op) error {
	return func(op journaltest.Op) error {
		if op.N == n {
			return f()
		}
		return nil
	}
}

// seeds is how many histories are played; -seeds plays more.
var seeds = flag.Uint64("seeds", 2, "histories of the crash tests")

// What was acknowledged survives a crash before any operation, and a second one
// during the recovery, and nothing is there in part.
func TestCrashAtEveryOperation(t *testing.T) {
	compactions := 0
	for seed := range *seeds {
		h := newHistory(t, seed, 30)
		total := h.operations(t)
		for n := 1; n <= total; n++ {
			disk := journaltest.NewDisk(seed<<32 | uint64(n))
			name := fmt.Sprintf("seed %d, operation %d", seed, n)
			down := func() error { disk.Crash(); return nil }
			if n%3 == 0 { // the machine goes down after the process has read what it wrote
				down = func() error { disk.Kill(); return nil }
			}
			disk.Before(at(n, down))
			acked, err := h.play(t, disk, 0)
			if acked < len(h.entries) {
				require.ErrorIs(t, err, journaltest.ErrCrashed, name)
			}
			disk.Restart()
			again := 1 + n%7
			disk.Before(at(again, func() error { disk.Crash(); return nil }))
			acked, _ = h.play(t, disk, acked) // it may have crashed again
			disk.Crash()
			disk.Restart()
			disk.Before(func(op journaltest.Op) error {
				if op.Kind == journaltest.OpRename {
					compactions++
				}
				return nil
			})
			acked, err = h.play(t, disk, acked)
			require.NoError(t, err, name)
			require.Equal(t, len(h.entries), acked)
			disk.Crash()
			disk.Restart()
			disk.Before(nil)
			_, err = h.play(t, disk, acked)
			require.NoError(t, err, name)
		}
	}
	assert.Positive(t, compactions)
}

// An entry whose Append failed does not count, and the next one works, whatever
// operation fails.
func TestErrorAtEveryOperation(t *testing.T) {
	ctx := context.Background()
	for seed := range *seeds {
		h := newHistory(t, seed, 20)
		total := h.operations(t)
		for n := 1; n <= total; n++ {
			name := fmt.Sprintf("seed %d, operation %d", seed, n)
			disk := journaltest.NewDisk(seed<<32 | uint64(n))
			failed := false
			disk.Before(at(n, func() error { failed = true; return syscall.EIO }))
			o := journal.Options{Path: where, FS: disk, MaxSize: 600}
			f, err := journal.Open(o)
			if err != nil {
				require.ErrorIs(t, err, syscall.EIO, name)
				f, err = journal.Open(o)
			}
			require.NoError(t, err, name)
			state, err := f.Load(ctx)
			if err != nil {
				require.ErrorIs(t, err, syscall.EIO, name)
				state, err = f.Load(ctx)
			}
			require.NoError(t, err, name)
			require.Equal(t, journal.State{}, state)
			for _, e := range h.entries {
				before, err := f.Load(ctx)
				require.NoError(t, err)
				if err := f.Append(ctx, e); err != nil {
					require.ErrorIs(t, err, syscall.EIO, name)
					require.ErrorContains(t, err, "journal "+where+": appending "+string(e.Kind)+": ", name)
					after, loadErr := f.Load(ctx)
					require.NoError(t, loadErr)
					require.Equal(t, before, after, name)
					require.NoError(t, f.Append(ctx, e), name)
				}
			}
			require.True(t, failed || n > total-2, name)
			disk.Crash()
			disk.Restart()
			disk.Before(nil)
			f, state = load(t, o)
			require.Equal(t, h.states[len(h.entries)], state, name)
			require.NoError(t, f.Close())
		}
	}
}

// A full disk fails the entries that do not fit, and nothing else.
func TestFullDiskAtEveryByte(t *testing.T) {
	ctx := context.Background()
	h := newHistory(t, 4, 5)
	for limit := range int64(1500) {
		name := fmt.Sprintf("%d bytes", limit)
		disk := journaltest.NewDisk(uint64(limit))
		disk.Limit(limit)
		o := journal.Options{Path: where, FS: disk, MaxSize: 500}
		f, err := journal.Open(o)
		require.NoError(t, err)
		full := func(err error) {
			require.ErrorIs(t, err, syscall.ENOSPC, name)
			require.ErrorContains(t, err, "journal "+where+": ", name)
			require.ErrorContains(t, err, "the disk is full", name)
		}
		if _, err = f.Load(ctx); err != nil {
			full(err)
			disk.Limit(-1)
			_, err = f.Load(ctx)
			require.NoError(t, err)
			disk.Limit(limit)
		}
		for i, e := range h.entries {
			if err := f.Append(ctx, e); err != nil {
				full(err)
				state, err := f.Load(ctx)
				require.NoError(t, err)
				require.Equal(t, h.states[i], state, name)
				disk.Limit(-1)
				require.NoError(t, f.Append(ctx, e), name)
				disk.Limit(limit)
			}
		}
		disk.Crash()
		disk.Restart()
		f, state := load(t, o)
		require.Equal(t, h.states[len(h.entries)], state, name)
		require.NoError(t, f.Close())
	}
}

// Without a way back the file is given up for writing, and every Append says so.
func TestBrokenStore(t *testing.T) {
	ctx := context.Background()
	disk := journaltest.NewDisk(1)
	o := journal.Options{Path: where, FS: disk}
	f, _ := open(t, o)
	write(t, f, result("u1"))
	disk.Before(func(op journaltest.Op) error {
		if op.Kind == journaltest.OpSync || op.Kind == journaltest.OpTruncate {
			return syscall.EIO
		}
		return nil
	})
	err := f.Append(ctx, result("u2"))
	require.ErrorIs(t, err, syscall.EIO)
	require.ErrorIs(t, err, journal.ErrInDoubt)
	disk.Before(nil)
	for range 3 {
		err := f.Append(ctx, result("u3"))
		require.ErrorIs(t, err, syscall.EIO)
		require.ErrorContains(t, err, "it is broken since an earlier error")
		require.NotErrorIs(t, err, journal.ErrInDoubt, "this one is not there")
	}
	state, err := f.Load(ctx)
	require.NoError(t, err)
	assert.Equal(t, "u1", state.Pending.UID)
	require.NoError(t, f.Close())

	_, state = open(t, o)
	assert.Contains(t, []string{"u1", "u2"}, state.Pending.UID, "the one that failed may be there, the later ones are not")
}

// A context that has ended is an error before anything happens.
func TestEndedContext(t *testing.T) {
	disk := journaltest.NewDisk(1)
	f, err := journal.Open(journal.Options{Path: where, FS: disk})
	require.NoError(t, err)
	defer f.Close()
	stop := errors.New("stop requested")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(stop)
	disk.Before(func(op journaltest.Op) error {
		t.Errorf("%s %s", op.Kind, op.Name)
		return nil
	})
	_, err = f.Load(ctx)
	require.ErrorIs(t, err, stop)
	disk.Before(nil)
	_, err = f.Load(context.Background())
	require.NoError(t, err)
	before, err := disk.ReadFile(where)
	require.NoError(t, err)
	require.ErrorIs(t, f.Append(ctx, result("u1")), stop)
	after, err := disk.ReadFile(where)
	require.NoError(t, err)
	assert.Equal(t, before, after)
}
