package journal_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/journal/journaltest"
	"github.com/servokit/servokit/types"
)

// story has everything that entries may have.
func story() []journal.Entry {
	at := func(seconds int, e journal.Entry) journal.Entry {
		e.Time = noon.Add(time.Duration(seconds) * time.Second)
		return e
	}
	wanted := types.Adjustments{set("web", "cpu", types.Float(2)), set("db", "inst_type", types.Text("m5.large")), set("web", "replicas", types.Int(3))}
	previous := types.Adjustments{set("web", "cpu", types.Float(1.5)), set("web", "replicas", types.Int(2))}
	adjusted := journal.Entry{Kind: journal.Result, Answer: &optimizer.Result{Verb: optimizer.Adjust, UID: "u2", Description: types.Description{
		Components: []types.Component{{Name: "web", Settings: []types.Setting{
			types.Range("cpu", types.Float(0.125), types.Float(4), types.Float(0.125)).With(types.Float(2)),
			types.Enum("inst_type", types.Text("m5.large"), types.Text("m5.xlarge")),
		}}},
		Metrics: []types.Metric{{Name: "throughput", Unit: types.RequestsPerMinute}},
	}}}
	failed := journal.Entry{Kind: journal.Result, Answer: &optimizer.Result{
		Verb: optimizer.Measure, UID: "u4", Outcome: types.Failed, Reason: "unstable", Message: "<p99> too high", Others: []string{"no data"},
	}}
	rollback := entry(journal.Rollback, "u5", list("replicas", 3))
	rollback.Why = "the handlers failed: exit status 1"
	ack := entry(journal.Ack, "u2", nil)
	ack.Why = "taken"
	return []journal.Entry{
		at(0, intent("u2", previous, wanted)), at(1, entry(journal.Applied, "u2", nil)), at(2, entry(journal.Commit, "u2", wanted)),
		at(3, adjusted), at(4, ack),
		at(5, result("u3")), at(6, failed),
		at(7, intent("u5", list("replicas", 3), list("replicas", 4))), at(8, rollback),
		at(9, intent("", list("mem", 1), list("mem", 2))), at(10, entry(journal.Applied, "", nil)),
	}
}

// golden compares data with a file.
func golden(t *testing.T, name string, data []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, data, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(data))
}

// written returns the file that holds the entries.
func written(t testing.TB, entries ...journal.Entry) []byte {
	disk := journaltest.NewDisk(1)
	f, _ := open(t, journal.Options{Path: where, FS: disk})
	write(t, f, entries...)
	require.NoError(t, f.Close())
	data, err := disk.ReadFile(where)
	require.NoError(t, err)
	return data
}

func TestFileFormat(t *testing.T) {
	golden(t, "journal.golden", written(t, story()...))
}

func TestStateFormat(t *testing.T) {
	state := reduce(t, journal.State{}, story()...)
	data, err := json.Marshal(state)
	require.NoError(t, err)
	var pretty bytes.Buffer
	require.NoError(t, json.Indent(&pretty, data, "", "  "))
	golden(t, "state.golden.json", append(pretty.Bytes(), '\n'))

	var back journal.State
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, state, back)
}

// The file of this version is read by all later ones.
func TestFileFormatIsRead(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "journal.golden"))
	require.NoError(t, err)
	disk := journaltest.NewDisk(1)
	disk.WriteFile(where, data)
	f, state := open(t, journal.Options{Path: where, FS: disk})
	assert.Zero(t, f.Report())
	assert.Equal(t, reduce(t, journal.State{}, story()...), state)
}

// A compacted file holds the same state.
func TestCompactedFormat(t *testing.T) {
	disk := journaltest.NewDisk(1)
	o := journal.Options{Path: where, FS: disk, MaxSize: 1}
	f, _ := open(t, o)
	want := journal.State{}
	for _, e := range story() {
		write(t, f, e)
		want = reduce(t, want, e)
	}
	require.NoError(t, f.Close())
	f, state := open(t, o)
	assert.Equal(t, want, state)
	write(t, f, entry(journal.Rollback, "", list("mem", 1)))
	require.NoError(t, f.Close())
	data, err := disk.ReadFile(where)
	require.NoError(t, err)
	golden(t, "compacted.golden", data)
	assert.Equal(t, []string{where}, disk.Names(), "nothing is left behind")
}
