// Package servotest simulates the whole loop: a servo with its connectors, its
// journal and its record, an optimizer, and everything that goes wrong between
// them. A seed decides what happens, and the same seed does the same every time,
// so a seed that fails is a bug report. Days of trials take milliseconds, since
// it all runs in the virtual time of testing/synctest.
//
// Put a connector of yours into it and see whether the application survives:
//
//	func TestSimulation(t *testing.T) {
//		servotest.Test(t, 200, func(uint64) servotest.Options {
//			app := newApplication() // outlives the servo
//			return servotest.Options{Connectors: []servotest.Connector{{
//				Name:  "mine",
//				New:   func(life *servotest.Life) (connector.Connector, error) { return app.connect(life), nil },
//				State: app.components,
//			}}}
//		})
//	}
//
// It needs neither sockets nor files, and the connector must not use any either:
// a goroutine that waits for the real world stops the virtual time.
//
// # What is simulated
//
//   - An optimizer, by the rules of the protocol and apart from the code of
//     package optimizer. It describes, measures and adjusts at random, repeats a
//     command until its result is there, and at times cancels one, gives it up,
//     sends one that makes no sense or loses its place.
//   - The servo and its client are the real ones.
//   - Two applications that outlive the servo and are changed one setting at a
//     time. Their connectors are as bad as a connector can be: they fail, reject,
//     panic, are slow to unwind, leave an adjustment halfway and say that they
//     have done what they have not. One restores by itself, one is restored by
//     the servo.
//   - A network that delays and resets, loses replies, delivers requests late or
//     twice, answers with statuses, garbage and half of a body, and fails for
//     minutes to an hour.
//   - A disk that is full, fails, and forgets in a crash what was not synced.
//   - Crashes of the process or the machine, and orderly stops: at any time, before
//     and behind any request, step of an application and operation of the disk. A
//     servo that has crashed is cut off from everything at once, and has to be
//     gone before the next one starts.
//
// Which faults there are, and how often, is up to the seed. They end after four
// hours of virtual time, so that the script of the optimizer can come to its end.
//
// # What must hold
//
// See [Invariant]. What the application should be like is worked out from the
// commands of the optimizer and the moments at which the journal has taken an
// entry, not from what the servo says about values.
//
// # A seed that fails
//
// The failure names the invariant and a command that repeats it with its trace:
//
//	SERVOTEST_SEED=104 SERVOTEST_TRACE=1 go test example.com/mine -run '^TestSimulation$'
//
// # What it cannot see
//
// A servo that does less than it could, such as one that fails every command. Of
// a connector without [Connector.State] it sees what that tells of itself. While a
// connector of the caller is in the simulation, an adjustment that is open in the
// journal is always excused at the end and in answers, since nobody knows whether
// that connector has stood in the way; never so when a measurement begins or a
// servo greets. Two goroutines that are woken at the same instant run in any order,
// so a connector that has them do something visible then makes a trace that is not
// repeated to the last line.
//
// Do not import this package from anything but tests.
package servotest
