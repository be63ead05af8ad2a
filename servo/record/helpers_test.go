package record_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/record"
)

var noon = time.Date(2026, 3, 4, 12, 30, 15, 67e6, time.UTC)

// read returns all entries of a record that has no mistakes.
func read(t testing.TB, data []byte) []record.Entry {
	t.Helper()
	var entries []record.Entry
	for e, err := range record.Read(bytes.NewReader(data)) {
		require.NoError(t, err)
		entries = append(entries, e)
	}
	return entries
}

// written returns what a log makes of entries.
func written(o record.Options, entries ...record.Entry) []byte {
	var out bytes.Buffer
	if o.Run == "" {
		o.Run = "r1"
	}
	l := record.New(&out, o)
	for _, e := range entries {
		l.Add(nil, e) //nolint:staticcheck // a nil context is allowed
	}
	return out.Bytes()
}

// raw is a value as it is read back.
func raw(text string) json.RawMessage { return json.RawMessage(text) }
