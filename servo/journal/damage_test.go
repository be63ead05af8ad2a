package journal_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/journal/journaltest"
	"github.com/servokit/servokit/types"
)

// statesAlong are the states that entries lead to, and where in the file each is
// complete.
func statesAlong(t *testing.T, data []byte, entries []journal.Entry) (states []journal.State, ends []int) {
	states = []journal.State{{}}
	for _, e := range entries {
		states = append(states, reduce(t, states[len(states)-1], e))
	}
	for at := 0; at < len(data); {
		at += bytes.IndexByte(data[at:], '\n') + 1
		ends = append(ends, at)
	}
	require.Len(t, ends, len(states))
	return states, ends
}

// reopen opens a file that holds data, and checks that it can be used whatever
// was found.
func reopen(t *testing.T, data []byte) (journal.State, journal.Report, *journaltest.Disk) {
	t.Helper()
	disk := journaltest.NewDisk(1)
	disk.WriteFile(where, data)
	f, state := load(t, journal.Options{Path: where, FS: disk})
	report := f.Report()
	e := entry(journal.Ack, "later", nil)
	write(t, f, e)
	require.NoError(t, f.Close())
	disk.Crash()
	disk.Restart()
	f, again := load(t, journal.Options{Path: where, FS: disk})
	require.Zero(t, f.Report())
	require.Equal(t, reduce(t, state, e), again)
	require.NoError(t, f.Close())
	if report.Lost() {
		kept, err := disk.ReadFile(report.Aside)
		require.NoError(t, err)
		require.Equal(t, string(data), string(kept), "nothing is thrown away")
		require.EqualValues(t, len(data), report.Dropped)
	}
	return state, report, disk
}

func TestTruncatedAtEveryByte(t *testing.T) {
	entries := story()[:5]
	data := written(t, entries...)
	states, ends := statesAlong(t, data, entries)
	whole := 0 // lines
	for size := range len(data) {
		name := fmt.Sprintf("%d bytes", size)
		state, report, _ := reopen(t, data[:size])
		if size < ends[0] {
			require.True(t, report.Lost(), name)
			require.Zero(t, state, name)
			continue
		}
		for whole+1 < len(ends) && ends[whole+1] <= size {
			whole++
		}
		require.Equal(t, states[whole], state, name)
		if size == ends[whole] {
			require.Zero(t, report, name)
			continue
		}
		require.Equal(t, journal.Torn, report.Damage, name)
		require.False(t, report.Lost())
		require.EqualValues(t, ends[whole], report.Offset, name)
		require.EqualValues(t, size-ends[whole], report.Dropped, name)
	}
}

func TestEveryBitFlip(t *testing.T) {
	entries := []journal.Entry{intent("", list("cpu", 1), nil), {Kind: journal.Applied, Time: noon}, entry(journal.Commit, "", list("cpu", 2))}
	last := len(entries)
	data := written(t, entries...)
	states, ends := statesAlong(t, data, entries)
	for bit := range len(data) * 8 {
		flipped := bytes.Clone(data)
		flipped[bit/8] ^= 1 << (bit % 8)
		name := fmt.Sprintf("bit %d", bit)
		state, report, _ := reopen(t, flipped)
		switch {
		case bit/8 < ends[0]:
			require.Contains(t, []journal.Damage{journal.Foreign, journal.Version}, report.Damage, name)
			require.Zero(t, state, name)
			require.Nil(t, report.Untrusted)
		case bit/8 < ends[last-1]:
			require.Equal(t, journal.Corrupt, report.Damage, name)
			line := 0
			for ends[line] <= bit/8 {
				line++
			}
			require.EqualValues(t, ends[line-1], report.Offset, name)
			require.Equal(t, journal.State{Baseline: states[line-1].Baseline}, state, name)
			if line > 1 {
				require.Equal(t, &states[line-1], report.Untrusted, name)
			}
		default:
			require.Equal(t, journal.Torn, report.Damage, name)
			require.Equal(t, states[last-1], state, name)
		}
	}
}

func TestDamagedFiles(t *testing.T) {
	data := written(t, story()...)
	_, ends := statesAlong(t, data, story())
	lines := func(numbers ...int) []byte {
		part := bytes.Clone(data[:ends[0]])
		for _, n := range numbers {
			part = append(part, data[ends[n-1]:ends[n]]...)
		}
		return part
	}
	line := func(number int, json string) []byte { return rawLine(data[:ends[0]], number, json) }
	for _, tt := range []struct {
		name string
		data []byte
		want journal.Damage
	}{
		{"a line is missing", lines(1, 2, 4, 5), journal.Corrupt},
		{"the first line is missing", lines(2, 3), journal.Corrupt},
		{"a line is there twice", lines(1, 2, 2), journal.Corrupt},
		{"lines changed places", lines(1, 3, 2), journal.Corrupt},
		{"a whole line that makes no sense", line(1, `{"v":1,"kind":"commit","time":"2026-11-28T12:00:00Z"}`), journal.Corrupt},
		{"an entry of another version", line(1, `{"v":2,"kind":"ack","time":"2026-11-28T12:00:00Z"}`), journal.Corrupt},
		{"no entry", line(1, `[]`), journal.Corrupt},
		{"a snapshot of another version", line(1, `{"snapshot":{"v":2}}`), journal.Corrupt},
		{"another program", []byte("#!/bin/sh\n"), journal.Foreign},
		{"emptied", nil, journal.Foreign},
		{"the next version", []byte("servokit-journal 2\n"), journal.Version},
		{"no version", []byte("servokit-journal \n"), journal.Version},
		{"beginnings of lines everywhere", beginnings(data[:ends[0]]), journal.Corrupt},
		{"zeros after the last line", append(bytes.Clone(data), make([]byte, 4096)...), journal.Torn},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, report, _ := reopen(t, tt.data)
			assert.Equal(t, tt.want, report.Damage)
			assert.Equal(t, tt.want != journal.Torn, report.Lost())
		})
	}
}

// beginnings are of lines that all end where the file does.
func beginnings(header []byte) []byte {
	const size, lines = 20, 500
	data := bytes.Clone(header)
	for n := range lines {
		data = fmt.Appendf(data, "c0ffee00 1 %08d ", size*(lines-1-n))
	}
	return append(data, '\n')
}

// Files that were given up are never written over.
func TestAsideNames(t *testing.T) {
	disk := journaltest.NewDisk(1)
	o := journal.Options{Path: where, FS: disk}
	for n := 1; n <= 3; n++ {
		disk.WriteFile(where, []byte{byte('0' + n)})
		f, _ := open(t, o)
		assert.Equal(t, fmt.Sprintf("%s.corrupt-%d", where, n), f.Report().Aside)
		require.NoError(t, f.Close())
	}
	for n := 1; n <= 3; n++ {
		data, err := disk.ReadFile(fmt.Sprintf("%s.corrupt-%d", where, n))
		require.NoError(t, err)
		assert.Equal(t, []byte{byte('0' + n)}, data)
	}
}

// A crash while a damaged file is given up leaves it to be found again, or the
// new one with the copy beside it.
func TestCrashWhileGivingUp(t *testing.T) {
	data := written(t, story()...)
	data[len(data)/2] ^= 1
	for n := 1; ; n++ {
		disk := journaltest.NewDisk(uint64(n))
		disk.WriteFile(where, data)
		crashed := false
		disk.Before(at(n, func() error { crashed = true; disk.Crash(); return nil }))
		o := journal.Options{Path: where, FS: disk}
		f, err := journal.Open(o)
		reported := false
		if err == nil {
			_, err = f.Load(context.Background())
			reported = err == nil && f.Report().Lost()
			f.Close()
		}
		if crashed {
			disk.Restart()
		}
		disk.Before(nil)
		f, state := open(t, o)
		found := f.Report().Lost()
		assert.NotEmpty(t, state.Baseline)
		assert.Nil(t, state.Open)
		copies := 0
		for _, name := range disk.Names() {
			if kept, err := disk.ReadFile(name); err == nil && bytes.Equal(kept, data) {
				copies++
			}
		}
		assert.Positive(t, copies, "operation %d", n)
		if !reported && !found {
			// The new file was in place before anybody heard of it: the copy tells.
			assert.Contains(t, disk.Names(), where+".corrupt-1", "operation %d", n)
		}
		if !crashed {
			assert.True(t, reported)
			return
		}
		require.NoError(t, f.Close())
		if err == nil {
			continue
		}
		assert.ErrorIs(t, err, journaltest.ErrCrashed)
	}
}

// What is in a journal is in no log and no error.
func TestNothingIsQuoted(t *testing.T) {
	const secret = "hunter2"
	var log bytes.Buffer
	disk := journaltest.NewDisk(1)
	o := journal.Options{Path: where, FS: disk, MaxSize: 1, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	f, _ := open(t, o)
	as := types.Adjustments{set("web", "PASSWORD", types.Text(secret))}
	write(t, f, intent(secret, as, as), result("u1"))
	err := f.Append(context.Background(), journal.Entry{Kind: secret, Why: secret})
	require.Error(t, err)
	said := err.Error()
	require.NoError(t, f.Close())

	data, err := disk.ReadFile(where)
	require.NoError(t, err)
	require.Contains(t, string(data), secret)
	disk.WriteFile(where, append(data, secret...))
	f, _ = open(t, o)
	said += f.Report().String()
	require.NoError(t, f.Close())
	header, _, _ := bytes.Cut(data, []byte("\n"))
	for _, entry := range []string{
		`{"v":1,"kind":"hunter2"}`, `{"v":"hunter2"}`, `{"v":1,"kind":"intent","adjustments":{"hunter2":{}}}`,
		`{"v":1,"kind":"intent","adjustments":{"application":{"components":{"hunter2":{"settings":{"x":{"value":true}}}}}}}`,
	} {
		disk.WriteFile(where, rawLine(append(header, '\n'), 1, entry))
		f, _ = open(t, o)
		said += f.Report().String()
		require.NoError(t, f.Close())
		var e journal.Entry
		said += fmt.Sprint(e.UnmarshalJSON([]byte(entry)))
	}
	assert.Contains(t, log.String(), "given up")
	assert.Contains(t, log.String(), "torn end")
	assert.NotContains(t, log.String(), secret)
	assert.NotContains(t, said, secret)
}

func TestReportString(t *testing.T) {
	assert.Equal(t, "no damage", journal.Report{}.String())
	assert.Equal(t, "torn at byte 20: the last 7 bytes were dropped", journal.Report{Damage: journal.Torn, Offset: 20, Dropped: 7}.String())
	assert.Equal(t, "corrupt at byte 20: a new journal was begun, the old one is kept as j.corrupt-1",
		journal.Report{Damage: journal.Corrupt, Offset: 20, Dropped: 90, Aside: "j.corrupt-1"}.String())
}
