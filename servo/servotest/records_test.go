package servotest_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/servokit/servokit/servo/record"
	"github.com/servokit/servokit/servo/servotest"
)

func TestWhatIsExpectedOfARecord(t *testing.T) {
	state := func(subject, from, to, why string) record.Entry {
		return record.Entry{Kind: record.State, Subject: subject, From: from, To: to, Why: why}
	}
	begin := []record.Entry{state("servo", "idle", "running", "up")}
	end := state("servo", "running", "ended", "down")
	measure := record.Entry{Kind: record.Command, Verb: "MEASURE", UID: "u1"}
	tests := []struct {
		name    string
		entries []record.Entry
		want    string // "" is fine
	}{
		{"nothing happens", []record.Entry{end}, ""},
		{"a command with an outcome", []record.Entry{measure, {Kind: record.Outcome, Verb: "MEASURE", UID: "u1"}, end}, ""},
		{"a command whose answer was there", []record.Entry{measure, {Kind: record.Decision, Subject: "answer", UID: "u1", Why: "kept"}, end}, ""},
		{"sleeping", []record.Entry{{Kind: record.Command, Verb: "SLEEP"}, end}, ""},
		{"no end", nil, `the servo is "running"`},
		{"a chain that is broken", []record.Entry{state("servo", "stopping", "ended", "down")}, `comes from "stopping" and was "running" before`},
		{"a change without a reason", []record.Entry{state("servo", "running", "ended", "")}, "nobody says why"},
		{"a decision without a reason", []record.Entry{{Kind: record.Decision, Subject: "restore"}}, "nobody says why"},
		{"a command without an outcome", []record.Entry{measure, end}, "nothing became of command MEASURE u1"},
		{"the next command before the outcome", []record.Entry{measure, measure, end}, "nothing became of MEASURE u1"},
		{"an entry that the journal has not", []record.Entry{{Kind: record.Journal, Subject: "intent"}, end}, "1 entries of the journal, and the journal 0"},
		{"an entry that the journal has refused", []record.Entry{{Kind: record.Journal, Subject: "intent", Error: "full"}, end}, ""},
		{"a line that is missing", []record.Entry{{Kind: record.Outcome, Seq: 7}, end}, "line 2 of the record has number 7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var text bytes.Buffer
			log := record.New(&text, record.Options{Run: "r"})
			for _, e := range append(begin, tt.entries...) {
				log.Add(t.Context(), e)
			}
			if odd := servotest.Unexplained(text.Bytes(), false, 0); tt.want == "" {
				assert.Empty(t, odd)
			} else {
				assert.Contains(t, odd, tt.want)
			}
		})
	}
	assert.Contains(t, servotest.Unexplained([]byte("nonsense\n"), true, 0), "cannot be read")
}
