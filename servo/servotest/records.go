package servotest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/servokit/servokit/servo/record"
)

// unexplained examines the decision record of a life and says what it leaves
// open, "" when nothing. One that has crashed need not come to an end; any other
// has as many lines about the journal as that has taken entries.
func unexplained(text []byte, crashed bool, entries int) string {
	r := recordReader{states: map[string]string{}}
	for e, err := range record.Read(bytes.NewReader(text)) {
		if err != nil {
			return fmt.Sprintf("the record cannot be read: %v", err)
		}
		if r.line++; e.Seq != r.line {
			return fmt.Sprintf("line %d of the record has number %d", r.line, e.Seq)
		}
		if odd := r.take(e); odd != "" {
			return fmt.Sprintf("line %d of the record: %s", r.line, odd)
		}
	}
	switch {
	case crashed:
		return ""
	case r.entries != entries:
		return fmt.Sprintf("the record has %d entries of the journal, and the journal %d", r.entries, entries)
	case r.open != "":
		return fmt.Sprintf("nothing became of command %s in the record", r.open)
	case r.states["servo"] != "ended":
		return fmt.Sprintf("the record ends and the servo is %q", r.states["servo"])
	default:
		return ""
	}
}

// recordReader is how far reading a record has come.
type recordReader struct {
	line    uint64
	states  map[string]string // by subject
	open    string            // the command that nothing became of yet
	entries int               // that the journal took
}

func (r *recordReader) take(e record.Entry) string {
	switch e.Kind {
	case record.State:
		return r.state(e)
	case record.Command:
		if r.open != "" {
			return fmt.Sprintf("the next command comes and nothing became of %s", r.open)
		}
		if e.Verb != "SLEEP" {
			r.open = e.Verb + " " + e.UID
		}
	case record.Journal:
		if e.Subject != "journal" && e.Error == "" { // that is what was found
			r.entries++
		}
	case record.Decision:
		if e.Why == "" {
			return fmt.Sprintf("a decision about %s and nobody says why", e.Subject)
		}
		if e.Subject == "answer" && strings.HasSuffix(r.open, " "+e.UID) {
			r.open = "" // it was there already
		}
	case record.Outcome:
		if r.open == e.Verb+" "+e.UID {
			r.open = ""
		}
	}
	return ""
}

func (r *recordReader) state(e record.Entry) string {
	last, known := r.states[e.Subject]
	begins := e.Subject == "command" && e.From == "received"
	r.states[e.Subject] = e.To
	switch {
	case known && !begins && last != e.From:
		return fmt.Sprintf("%s comes from %q and was %q before", e.Subject, e.From, last)
	case e.Why == "":
		return fmt.Sprintf("%s became %q and nobody says why", e.Subject, e.To)
	default:
		return ""
	}
}
