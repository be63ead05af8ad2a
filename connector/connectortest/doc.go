// Package connectortest is the conformance kit for authors of connectors: it
// examines whether a connector keeps the promises that a servo relies on.
//
// One call in a test examines everything, as subtests named after the promises:
//
//	func TestConformance(t *testing.T) {
//		connectortest.Run(t, mine.Definition, connectortest.Config{
//			YAML: "address: " + fake.URL,
//		})
//	}
//
// The connector is used as a servo uses it: built from YAML, bound to a bus and
// driven by events, a new one for each promise. Give it a fake to talk to, keep
// its times short, run the test with -race and not in parallel with others.
// Whoever cannot have subtests, for instance in a bubble of testing/synctest,
// calls [Verify].
//
// # What it is told about itself and its configuration
//
//   - "the info names the connector": listings and stanzas are made of it.
//   - "the defaults are valid or say what is missing": a user who has given
//     nothing yet must learn which keys to give.
//   - "the configuration survives a round trip": a configuration that is printed
//     with all its values can be used instead of the original.
//   - "the schema and the sample fit": editors know every key, and what is
//     generated for a newcomer is accepted.
//   - "unknown keys are refused with a suggestion": a typing mistake must not
//     silently mean the default.
//   - "wrong types are refused by name": the error says which key to mend.
//   - "hostile configuration is survived": huge, deep, odd and endless values
//     neither panic nor hang, nor fill the screen.
//   - "errors of the configuration keep secrets": errors are pasted into chats.
//
// # Its life
//
//   - "building and binding do nothing yet": no goroutine and no request before
//     attach, so that a configuration can be checked without side effects.
//   - "a life runs from attach to detach": attach, startup, background tasks,
//     shutdown, detach, without an error.
//   - "shutdown is safe twice", "shutdown is safe without startup", "detach is
//     safe without attach": when something fails halfway, everybody is taken
//     down, whether they were up or not.
//   - "a second startup is harmless": it may be refused, and leaves nothing
//     behind.
//   - "nothing runs after detach": connectors come and go while a servo runs.
//   - "what is restored is in force": after [connector.Restore], which comes before
//     startup, its answer, components and, once started, describe agree on it, and
//     what belongs to others is left alone.
//   - "a restore that is cancelled changes nothing": and returns within
//     [Config.Prompt] with an error, since the servo ends before it has begun.
//
// # Its handlers
//
//   - "every command is answered": with the configuration of the test, without an
//     error and within [Config.Limit]. Most other promises need that.
//   - "handlers never panic": whatever is asked, before, in and after its life.
//   - "handlers end promptly when cancelled": within [Config.Prompt], and with
//     the cause of the context in the error, from which the servo knows what to
//     report.
//   - "an ended context changes nothing": a command that is cancelled just before
//     the handler looks is a command that was never given.
//   - "descriptions are valid and agree": describe, components and metrics tell
//     the same.
//   - "asking changes nothing": describe, components, metrics, check and measure
//     leave every setting alone.
//   - "an adjustment shows in the description": in the answer and afterwards, there
//     and back again.
//   - "unknown components and settings change nothing": what is for others is
//     ignored, what is for nobody may be refused.
//   - "an adjustment takes effect or changes nothing": also when only a part of it
//     is refused, or when it is cancelled.
//   - "progress never runs backwards", nor leaves 0 to 100.
//   - "measurements hold what was described": those metrics, in those units, in
//     readings of one kind, and everything that was asked for.
//   - "metrics of others are left alone": one command asks all connectors.
//   - "secrets never show": not in logs at any level, answers, errors and
//     telemetry, also when the network is down.
//   - "handlers can be used concurrently": questions while a measurement runs.
//
// A promise is kept or broken; absent when there is nothing to examine, such as
// adjustments without settings; or blocked when another broken promise stands in
// the way. [Config.Skip] leaves one out and prints the reason.
//
// # What it cannot see
//
// Files and connections that a connector opens without the client of its
// environment, what it prints past its logger, and a panic in a goroutine of
// its own, which ends the test program.
package connectortest
