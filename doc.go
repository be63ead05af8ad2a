// Package servokit is an SDK for building servos: agents that connect an
// application to an optimizer, which then describes, measures and adjusts it in
// a loop until it costs less and runs faster within its objectives.
//
// This package holds no code; it is the tour. A servo is built from these
// parts, in the order in which a newcomer meets them.
//
// # Connectors
//
// A connector joins one technology to a servo. It exports one definition and
// binds handlers to typed events; package [connector] is all that its author
// imports. Bundled are, so far:
//
//   - [connector/process] runs a local command, adjusts it by restart or
//     signal, and measures its processor time and memory;
//   - [connector/vegeta] generates HTTP load at a constant rate and measures
//     throughput, errors and latency;
//   - [connector/emulator] describes, measures and adjusts an application that
//     does not exist, to try a servo or an optimizer with.
//
// What connectors and optimizers exchange is in package [types]: settings,
// adjustments, measurements. There a sample that is missing, one that is zero
// and one that is not a number are three different things.
//
// # Servo
//
// Package [servo] runs connectors under one optimizer:
//
//	s, err := servo.New(servo.Options{Optimizer: client, Logger: logger})
//	…
//	err = s.Use("app", app)
//	…
//	ctx, stop := servo.SignalContext(context.Background())
//	defer stop()
//	err = s.Run(ctx)
//
// or builds it from a document of servo.yaml, which package [config] reads
// strictly and with every problem at once, with options, the environment and a
// .env file on top:
//
//	docs, err := config.Sources{File: "servo.yaml", Environ: os.Environ(), Dotenv: "."}.Load()
//	…
//	s, err := servo.FromConfig(docs[0], servo.Options{}, process.Definition, vegeta.Definition)
//
// An adjustment is a transaction: noted in a journal (package [servo/journal])
// before anything changes, read back, committed or rolled back, and brought back
// after a crash. Package [servo/record] keeps a line for everything that the
// servo decides, sends and receives. An assembly runs many servos in one process,
// one for each document of a file:
//
//	a, err := servo.Assemble(docs, servo.AssemblyOptions{StateDir: "/var/lib/servo"}, process.Definition)
//	…
//	err = a.Run(ctx)
//
// # Optimizer
//
// Package [optimizer] has both ends of the protocol: a client for a servo and a
// handler that puts any optimizer behind HTTP. Package [optimizer/local] is an
// optimizer of our own that needs nothing else. It measures the baseline,
// searches the described settings for an objective under constraints, and
// validates what it found before it says that it is better.
//
// # Events and checks
//
// Below the connectors lies package [event]: typed events with before, on and
// after hooks on the bus of one servo. Package [event/pubsub] carries messages
// between connectors that need not know one another. Package [checks] verifies
// surroundings before a servo runs. Package [servo/logging] has the handlers
// that say in the log on whose behalf something happened, and keep secrets out
// of it.
//
// # Tests
//
// Package [connector/connectortest] examines a connector: one call, a subtest
// per promise. Package [optimizer/optimizertest] is an optimizer to script, with
// faults to inject. Package [servo/servotest] runs the whole loop in virtual time
// against a model of an optimizer, with faults and crashes from a seed, and finds
// what breaks a promise. Everything runs under testing/synctest, so a day of trials takes
// milliseconds.
//
// The program in examples/quickstart shows all of it at work on a real
// application; examples/servo is a program that is set up by a file alone;
// examples/custom-connector, examples/custom-event and
// examples/embed are small.
//
// [checks]: https://pkg.go.dev/github.com/servokit/servokit/checks
// [config]: https://pkg.go.dev/github.com/servokit/servokit/config
// [connector]: https://pkg.go.dev/github.com/servokit/servokit/connector
// [connector/connectortest]: https://pkg.go.dev/github.com/servokit/servokit/connector/connectortest
// [connector/emulator]: https://pkg.go.dev/github.com/servokit/servokit/connector/emulator
// [connector/process]: https://pkg.go.dev/github.com/servokit/servokit/connector/process
// [connector/vegeta]: https://pkg.go.dev/github.com/servokit/servokit/connector/vegeta
// [event]: https://pkg.go.dev/github.com/servokit/servokit/event
// [event/pubsub]: https://pkg.go.dev/github.com/servokit/servokit/event/pubsub
// [optimizer]: https://pkg.go.dev/github.com/servokit/servokit/optimizer
// [optimizer/local]: https://pkg.go.dev/github.com/servokit/servokit/optimizer/local
// [optimizer/optimizertest]: https://pkg.go.dev/github.com/servokit/servokit/optimizer/optimizertest
// [servo]: https://pkg.go.dev/github.com/servokit/servokit/servo
// [servo/journal]: https://pkg.go.dev/github.com/servokit/servokit/servo/journal
// [servo/logging]: https://pkg.go.dev/github.com/servokit/servokit/servo/logging
// [servo/record]: https://pkg.go.dev/github.com/servokit/servokit/servo/record
// [servo/servotest]: https://pkg.go.dev/github.com/servokit/servokit/servo/servotest
// [types]: https://pkg.go.dev/github.com/servokit/servokit/types
package servokit
