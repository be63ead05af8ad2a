// Package servo runs a servo: it joins connectors to an optimizer and carries
// out the commands of the optimizer, one at a time, until it is asked to stop.
//
// The smallest program builds a [Servo] with [New], adds connectors with
// [Servo.Use] and calls [Servo.Run]; [FromConfig] does the first two from a
// configuration document. A run goes through
//
//	Attach → Restore → Hello → Startup → background tasks and commands
//	→ stop: cancel the command, wait → Shutdown → Goodbye → Detach
//
// and whatever was begun is ended again, also when a later step fails. Shutdown
// gets a context of its own, bounded by [Options.Grace], because the one of the
// run has ended by then.
//
// An adjustment is a transaction. All of it is checked before anything changes;
// the intent is written to the journal ([Options.Journal]); what the connectors
// have done is read back; then it is committed, or the values before it are put
// back, read back as well, and the answer says why. A servo that is killed in
// between restores the application when it starts again, before it greets its
// optimizer, and delivers an answer that it had worked out, if that is still
// wanted. [Options.Record] receives a line for every step of all this.
//
// An [Assembly] runs many servos in one process, usually one for each document of
// a servo.yaml; [Assembly.Reload] makes it agree with a file that has changed.
//
// Every command is answered exactly once, unless the optimizer itself has given
// it up. An optimizer that is away, answers nonsense or is out of step never
// ends the servo: it warns, waits with growing pauses and asks again. What ends
// it is its context, a connector that does not start, and a background task
// that fails.
package servo
