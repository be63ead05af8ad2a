package journal_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/journal/journaltest"
	"github.com/servokit/servokit/types"
)

// adjustment is that of five settings, as entries in turn.
func adjustment() []journal.Entry {
	var previous, wanted types.Adjustments
	for i := range 5 {
		previous = append(previous, set("web", fmt.Sprint("setting-", i), types.Float(1.25)))
		wanted = append(wanted, set("web", fmt.Sprint("setting-", i), types.Float(2.5)))
	}
	return []journal.Entry{intent("u1", previous, wanted), entry(journal.Applied, "u1", nil), entry(journal.Commit, "u1", wanted)}
}

func benchmarkAppend(b *testing.B, o journal.Options) {
	f, _ := open(b, o)
	entries, ctx := adjustment(), context.Background()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := f.Append(ctx, entries[i%len(entries)]); err != nil {
			b.Fatal(err)
		}
	}
}

// One entry on the disk of this machine: mostly the wait for the disk.
func BenchmarkAppendDisk(b *testing.B) {
	benchmarkAppend(b, journal.Options{Path: filepath.Join(b.TempDir(), "journal")})
}

// One entry without a disk: what the processor does.
func BenchmarkAppendMemory(b *testing.B) {
	benchmarkAppend(b, journal.Options{Path: where, FS: journaltest.NewDisk(1)})
}

// A file as large as it gets before it is compacted.
func BenchmarkLoad256KiB(b *testing.B) {
	path := filepath.Join(b.TempDir(), "journal")
	f, _ := load(b, journal.Options{Path: path})
	entries := adjustment()
	for i := 0; ; i++ {
		info, err := os.Stat(path)
		require.NoError(b, err)
		if info.Size() > journal.DefaultMaxSize-1000 {
			b.SetBytes(info.Size())
			break
		}
		write(b, f, entries[i%len(entries)])
	}
	require.NoError(b, f.Close())
	b.ReportAllocs()
	for b.Loop() {
		f, state := load(b, journal.Options{Path: path})
		if len(state.Committed) != 5 {
			b.Fatal("not what was written")
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
