// Package journal keeps what a servo must still know after it was killed: the
// adjustment it was in the middle of, the values it last verified, and the
// answer it had computed and not yet delivered.
//
// An adjustment is intent, apply, verify, commit. The servo appends an [Intent]
// with the values in force and the values wanted before it changes anything,
// [Applied] when the handlers returned, and [Commit] when it has read back what
// it asked for, or [Rollback] when the previous values are verified to be in
// force again. An answer that took work (MEASURE, ADJUST) is appended as
// [Result] before it is posted, and as [Ack] when the optimizer has taken it,
// refused it or lost interest.
//
// What all of this amounts to is a [State]: [State.After] adds one [Entry] to
// it, a [Store] keeps it. On start a servo loads the state, restores what
// [State.Open] left behind, and delivers [State.Pending] once if the optimizer
// still asks for that command.
//
//	file, err := journal.Open(journal.Options{Path: "/var/lib/servo/journal"})
//	…
//	defer file.Close()
//	state, err := file.Load(ctx)
//	…
//	if state.Open != nil {
//		// restore state.Open.Previous, verify it, append a Rollback
//	}
//
// # The file
//
// [File] keeps a journal in one file of lines that people can read and grep:
//
//	servokit-journal 1
//	c0ffee12 1 187 {"v":1,"kind":"intent","time":"2026-11-28T12:00:00Z",…}
//
// The first line names the format and its version. Each other line has a
// checksum (CRC-32C of everything behind it), a number that counts up by one,
// the length of the JSON in bytes, and the JSON of one [Entry]. When the file
// grows beyond [Options.MaxSize] it is replaced by one that begins with a line
// {"snapshot":…} holding the [State].
//
// # Secrets
//
// A journal holds the values of settings, and these may be as confidential as
// the environment of a program. The file is readable for its owner alone (0600,
// in a directory of 0700 if the journal makes it), and no error and no line of
// the log quotes what is in it.
package journal
