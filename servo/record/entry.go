package record

import (
	"encoding/json"
	"time"
)

// Version of the format. A line says it as "v". It grows only when an old reader
// would misunderstand a line; new members and kinds come without.
const Version = 1

// Kind says what a line is about. Readers meet kinds they do not know, in a record
// that a newer servo has written: they pass them over or show them as they are.
type Kind string

// The kinds of this version.
const (
	// State: something, the Subject, went From one state To another: the servo, a
	// connector, a command.
	State Kind = "state"
	// Command: the optimizer sent a command; In is its parameter.
	Command Kind = "command"
	// Outcome: a command ended; Out is what was reported, Error and Why say why it
	// was not a success.
	Outcome Kind = "outcome"
	// Dispatch: an event was dispatched and all its hooks have returned.
	Dispatch Kind = "dispatch"
	// Hook: the hooks of one Source for one Phase of an event have returned.
	Hook Kind = "hook"
	// Send: something was said to the optimizer. Event is what (HELLO, WHATS_NEXT
	// …), In is what went with it, Out its answer.
	Send Kind = "send"
	// Progress: a report of progress, In, and the reply to it, Out.
	Progress Kind = "progress"
	// Retry: a try failed, and is repeated after Wait.
	Retry Kind = "retry"
	// Journal: a line was written to the journal, or found in it.
	Journal Kind = "journal"
	// Decision: something else was decided; Why says why.
	Decision Kind = "decision"
)

// Entry is one line of a record. Apart from Time, Run, Seq and Kind every field
// may be empty, and is then absent from the line.
type Entry struct {
	Time  time.Time // when it was written, unless the writer says otherwise
	Servo string    // name of the servo
	Run   string    // identifies one run of a servo
	Seq   uint64    // counts the lines of a run from 1, without gaps unless lines were lost
	Kind  Kind

	Verb    string // of the command it belongs to: "MEASURE"
	UID     string // of that command; "cmd_uid" on the wire
	Event   string // "measure"; for Send what was said, "HELLO"
	Phase   string // "before", "on" or "after"
	Source  string // the connector, or whoever else did it
	Subject string // whose state changed: "servo", "connector prometheus"
	From    string // its state before
	To      string // its state now
	Why     string // the reason, for people
	Error   string // what went wrong, for people

	Took   time.Duration // how long it took
	Wait   time.Duration // until the next try
	Try    int           // number of the try, from 1
	Status int           // of HTTP

	// In is what went in and Out what came out, as anything that encoding/json can
	// write. An error counts as its text, a []byte as the JSON or the text that it
	// spells. When read back they are a json.RawMessage. See the package for what
	// takes the place of a value that is too large or cannot be written.
	In, Out any

	// Extra holds what else stands in the line: members that only newer versions
	// know. They are kept when a line is read, and written again by [Log.Add].
	Extra map[string]json.RawMessage
}
