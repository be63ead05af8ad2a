package journal_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/types"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func set(component, setting string, value types.Value) types.Adjustment {
	return types.Adjustment{Component: component, Setting: setting, Value: value}
}

// list makes adjustments of "web" out of names and values in turn.
func list(pairs ...any) types.Adjustments {
	var as types.Adjustments
	for i := 0; i < len(pairs); i += 2 {
		name, value := pairs[i].(string), pairs[i+1].(int)
		as = append(as, set("web", name, types.Int(int64(value))))
	}
	return as
}

func intent(uid string, previous, wanted types.Adjustments) journal.Entry {
	return journal.Entry{Kind: journal.Intent, Time: noon, Verb: optimizer.Adjust, UID: uid, Previous: previous, Adjustments: wanted}
}

func entry(kind journal.Kind, uid string, as types.Adjustments) journal.Entry {
	return journal.Entry{Kind: kind, Time: noon, Verb: optimizer.Adjust, UID: uid, Adjustments: as}
}

// result has an answer that looks the same when it was written and read back.
func result(uid string) journal.Entry {
	series := types.NewTimeSeries(types.Metric{Name: "latency", Unit: types.Milliseconds},
		types.DataPoint{Time: noon, Sample: types.Observe(12.5)}, types.DataPoint{Time: noon.Add(time.Second), Sample: types.Observe(13)})
	series.ID = "web-1"
	return journal.Entry{Kind: journal.Result, Time: noon, Answer: &optimizer.Result{
		Verb: optimizer.Measure, UID: uid,
		Measurement: types.Measurement{Annotations: map[string]string{"load": "50/1s"}, Readings: []types.Reading{series}},
	}}
}

// reduce adds entries to a state.
func reduce(tb testing.TB, s journal.State, entries ...journal.Entry) journal.State {
	tb.Helper()
	for _, e := range entries {
		var err error
		s, err = s.After(e)
		require.NoError(tb, err)
	}
	return s
}

// open opens and loads a journal, which is closed when the test ends.
func open(tb testing.TB, o journal.Options) (*journal.File, journal.State) {
	tb.Helper()
	f, state := load(tb, o)
	tb.Cleanup(func() { f.Close() })
	return f, state
}

// load opens and loads a journal that the caller closes.
func load(tb testing.TB, o journal.Options) (*journal.File, journal.State) {
	tb.Helper()
	f, err := journal.Open(o)
	require.NoError(tb, err)
	state, err := f.Load(context.Background())
	require.NoError(tb, err)
	return f, state
}

func write(tb testing.TB, f *journal.File, entries ...journal.Entry) {
	tb.Helper()
	for _, e := range entries {
		require.NoError(tb, f.Append(context.Background(), e))
	}
}

// rawLine appends a line with the right checksum, whatever is in it.
func rawLine(to []byte, number int, json string) []byte {
	body := fmt.Sprintf("%d %d %s", number, len(json), json)
	return fmt.Appendf(bytes.Clone(to), "%08x %s\n", crc32.Checksum([]byte(body), crc32.MakeTable(crc32.Castagnoli)), body)
}
