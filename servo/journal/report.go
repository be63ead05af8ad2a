package journal

import "fmt"

// Damage says what was wrong with a file.
type Damage string

// What may be wrong with a file.
const (
	// Torn: the last line is incomplete or its checksum is wrong. That is how
	// a crash during an append looks, and such an entry was never promised to
	// be there; decay of the last line looks the same. The line is dropped.
	Torn Damage = "torn"
	// Corrupt: a line is damaged and others follow it, a line is missing, or a
	// line is whole and does not make sense.
	Corrupt Damage = "corrupt"
	// Foreign: the file does not begin like a journal.
	Foreign Damage = "foreign"
	// Version: the file is a journal of a version that is not known here.
	Version Damage = "version"
)

// Report is what [File.Load] found wrong with a file, and what it did about it.
// The zero Report says that nothing was wrong.
type Report struct {
	Damage Damage
	// Offset is where the damage begins, in bytes.
	Offset int64
	// Dropped is how many bytes of the file are no part of the journal any
	// more: the torn line, or everything.
	Dropped int64
	// Aside is the path of the copy of a file that was given up; empty for a
	// torn one.
	Aside string
	// Untrusted is what the lines before the damage amount to, nil when there
	// are none. See [File.Load] for what it is good for.
	Untrusted *State
}

// Lost reports whether the journal was given up, so that entries that were
// promised to be there may be gone.
func (r Report) Lost() bool { return r.Aside != "" }

// String returns a sentence for a person, without anything of the journal.
func (r Report) String() string {
	switch {
	case r.Damage == "":
		return "no damage"
	case r.Lost():
		return fmt.Sprintf("%s at byte %d: a new journal was begun, the old one is kept as %s", r.Damage, r.Offset, r.Aside)
	default:
		return fmt.Sprintf("%s at byte %d: the last %d bytes were dropped", r.Damage, r.Offset, r.Dropped)
	}
}
