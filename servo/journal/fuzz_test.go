package journal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/journal/journaltest"
)

// Whatever is in the file, loading it gives a state that can be used and written,
// throws nothing away, and says so when something was wrong.
func FuzzLoad(f *testing.F) {
	data := written(f, story()...)
	f.Add(data)
	f.Add(data[:len(data)-7])
	f.Add([]byte("servokit-journal 1\n"))
	f.Add([]byte("servokit-journal 2\n"))
	f.Add([]byte{})
	f.Add(rawLine([]byte("servokit-journal 1\n"), 9, `{"snapshot":{"v":1,"pending":{"v":1,"kind":"result","time":"2026-11-28T12:00:00Z","answer":{}}}}`))
	compacted, err := os.ReadFile(filepath.Join("testdata", "compacted.golden"))
	require.NoError(f, err)
	f.Add(compacted)
	f.Fuzz(loadAnything)
}

// The same for lines whose checksums are right, whatever they say.
func FuzzLines(f *testing.F) {
	for size := range story() {
		var lines []byte
		for _, e := range story()[:size] {
			data, err := json.Marshal(e)
			require.NoError(f, err)
			lines = append(append(lines, data...), '\n')
		}
		f.Add(lines)
	}
	f.Add([]byte(`{"snapshot":{"v":1,"applied":true}}` + "\n" + `{"v":1,"kind":"ack","time":"2026-11-28T12:00:00Z"}`))
	f.Add([]byte(`{"snapshot":null}`))
	f.Fuzz(func(t *testing.T, lines []byte) {
		data := []byte("servokit-journal 1\n")
		for i, line := range bytes.Split(lines, []byte("\n")) {
			data = rawLine(data, i+1, string(line))
		}
		loadAnything(t, data)
	})
}

func loadAnything(t *testing.T, data []byte) {
	disk := journaltest.NewDisk(1)
	disk.WriteFile(where, data)
	file, state := load(t, journal.Options{Path: where, FS: disk})
	report := file.Report()
	kept, err := disk.ReadFile(where)
	require.NoError(t, err)
	switch {
	case report.Lost():
		aside, err := disk.ReadFile(report.Aside)
		require.NoError(t, err)
		require.Equal(t, string(data), string(aside))
		require.Equal(t, journal.State{Baseline: state.Baseline}, state)
	case report.Damage == journal.Torn:
		require.Equal(t, string(data[:report.Offset]), string(kept))
		require.EqualValues(t, len(data), report.Offset+report.Dropped)
	default:
		require.Zero(t, report)
		require.Equal(t, string(data), string(kept))
	}
	e := result("later")
	require.NoError(t, file.Append(context.Background(), e))
	want, err := file.Load(context.Background())
	require.NoError(t, err)
	require.NoError(t, file.Close())

	file, again := load(t, journal.Options{Path: where, FS: disk, MaxSize: 1})
	require.Zero(t, file.Report())
	require.Equal(t, want, again)
	require.NoError(t, file.Append(context.Background(), entry(journal.Ack, "nobody", nil)), "which compacts")
	require.NoError(t, file.Close())

	file, again = load(t, journal.Options{Path: where, FS: disk})
	require.Zero(t, file.Report())
	require.Equal(t, want, again)
	require.NoError(t, file.Close())
}

// A state that can be read can be written, and is then read as the same.
func FuzzState(f *testing.F) {
	state := journal.State{}
	for _, e := range story() {
		state = reduce(f, state, e)
		data, err := json.Marshal(state)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(`{"v":1,"committed":{"application":{"components":{"a":{"settings":{"b":{"value":-0.0}}}}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s journal.State
		if json.Unmarshal(data, &s) != nil {
			require.Zero(t, s)
			return
		}
		written, err := json.Marshal(s)
		require.NoError(t, err)
		var back journal.State
		require.NoError(t, json.Unmarshal(written, &back))
		again, err := json.Marshal(back)
		require.NoError(t, err)
		require.Equal(t, string(written), string(again))
	})
}
