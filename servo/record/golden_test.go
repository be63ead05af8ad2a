package record_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/record"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A life of a servo in one command, every kind and every member.
var life = []record.Entry{
	{Kind: record.State, Subject: "servo", From: "attached", To: "started", Why: "all connectors are attached"},
	{Kind: record.Journal, Why: "an adjustment was not finished", In: map[string]any{"adjustment": 7, "step": "apply"}},
	{Kind: record.Send, Event: "HELLO", In: map[string]any{"agent": "servokit/1.0"}, Out: map[string]any{"status": "ok"}, Took: 31500 * time.Microsecond, Status: 200, Try: 2},
	{Kind: record.Command, Verb: "MEASURE", UID: "m-1", In: json.RawMessage(`{"metrics":["throughput"],"control":{"duration":60}}`)},
	{Kind: record.Hook, Verb: "MEASURE", UID: "m-1", Event: "measure", Phase: "on", Source: "prometheus", Took: 61 * time.Second, Error: `query "p95": 503 Service Unavailable`},
	{Kind: record.Dispatch, Verb: "MEASURE", UID: "m-1", Event: "measure", Took: 61 * time.Second, Error: "measure hook of prometheus: 503"},
	{Kind: record.Progress, Verb: "MEASURE", UID: "m-1", In: map[string]any{"progress": 50}, Out: map[string]any{"status": "cancel", "reason": "superseded"}},
	{Kind: record.Retry, Event: "WHATS_NEXT", Try: 3, Wait: 1500 * time.Millisecond, Error: "502 Bad Gateway", Status: 502},
	{Kind: record.Outcome, Verb: "MEASURE", UID: "m-1", Out: map[string]any{"status": "failed"}, Error: "503", Why: "a connector failed", Took: 62 * time.Second},
	{Kind: record.Decision, Source: "prometheus", Why: "not enough data: 3 of 30 samples", In: errors.New("too few")},
}

func TestGolden(t *testing.T) {
	entries := make([]record.Entry, len(life))
	for i, e := range life {
		e.Time = noon.Add(time.Duration(i) * time.Second)
		entries[i] = e
	}
	got := written(record.Options{Servo: "web", Run: "4kq2w7zxn3ab"}, entries...)
	const name = "testdata/life.golden.jsonl"
	if *update {
		require.NoError(t, os.WriteFile(name, got, 0o644))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))

	back := read(t, want)
	require.Len(t, back, len(life))
	for i, e := range back {
		assert.Equal(t, uint64(i+1), e.Seq)
		assert.Equal(t, "web", e.Servo)
		assert.Equal(t, "4kq2w7zxn3ab", e.Run)
		assert.Equal(t, entries[i].Time, e.Time)
		e.Seq, e.Servo, e.Run, e.Time = 0, "", "", time.Time{}
		w := life[i]
		for _, v := range []*any{&w.In, &w.Out} {
			switch x := (*v).(type) {
			case nil:
				continue
			case error:
				*v = x.Error()
			}
			data, err := json.Marshal(*v)
			require.NoError(t, err)
			*v = json.RawMessage(data)
		}
		assert.Equal(t, w, e)
	}
	t.Run("written again it is the same", func(t *testing.T) {
		assert.Equal(t, string(want), string(written(record.Options{}, read(t, want)...)))
	})
}
