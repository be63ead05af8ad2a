// Package record writes and reads the decision record of a servo: one line of
// JSON for each command, dispatch, outcome of a hook, report of progress, retry,
// entry of the journal and change of state, with what went in, what was sent and
// received, and why. Logs are for people; the record is for programs that explain,
// replay or show what a servo did, and for tests.
//
//	file, err := record.Open(record.FileOptions{Path: "record.jsonl"})
//	…
//	defer file.Close()
//	log := record.New(file, record.Options{Servo: "web", Secrets: secrets})
//
// A servo that is given a [Log] fills it; a connector adds what it decides by
// itself with [Log.Add]. [Read] reads a record again.
//
// # Format
//
// A line is a JSON object without newlines, in UTF-8, and ends with a newline. It
// begins with {"v":1. These are its members; the first six are always there
// (servo when it has a name), the others where they have something to say:
//
//	v        number  version of the format, 1
//	seq      number  counts the lines of a run from 1; a gap is a line that was lost
//	time     text    when, RFC 3339 in UTC
//	servo    text    name of the servo
//	run      text    identifies one run of the servo
//	kind     text    what the line is about: see the constants of type Kind
//	verb     text    command it belongs to, such as MEASURE
//	cmd_uid  text    id of that command
//	event    text    event, such as measure; for send what was said, such as HELLO
//	phase    text    before, on or after
//	source   text    connector, or whoever else did it
//	subject  text    whose state changed
//	from     text    its state before
//	to       text    its state now
//	why      text    reason, for people
//	error    text    what went wrong, for people
//	took     number  seconds that it took
//	wait     number  seconds until the next try
//	try      number  number of the try, from 1
//	status   number  status of HTTP
//	in       any     what went in
//	out      any     what came out
//
// Names and meanings stay. New members and kinds may come at any time, so a reader
// passes over those it does not know; "v" grows when that would mislead it.
//
// Secrets are replaced by "**********": the texts that [Options] give, values
// whose names say what they are, "Bearer …", passwords of addresses and the like
// within texts. Two notes can stand in place of a value:
//
//	{"$record":"truncated","bytes":300123,"begins":"…"}   the line was too long
//	{"$record":"unencodable","error":"…"}                 encoding/json refused it
//
// # Cost
//
// Adding is synchronous. A small entry takes about a microsecond of one core and
// no allocation, one with a small In or Out about four, plus the time of the
// writer. A nil [Log] costs nothing but what the caller builds for it: see
// [Log.Enabled].
package record
