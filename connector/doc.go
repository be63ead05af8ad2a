// Package connector is what the author of a connector imports. A connector
// joins one technology to a servo: it binds handlers to the standard events
// ([Describe], [Measure], [Adjust] and the rest) and exports one [Definition],
// which a program lists in its main function.
//
// Two concepts carry the package. A [Definition] says what a connector is and
// how to build one from its part of the configuration:
//
//	var Definition = connector.Define(connector.Info{Name: "thermostat"},
//		func(c Config, env connector.Env) (connector.Connector, error) {
//			return &thermostat{config: c, log: env.Logger}, nil
//		})
//
// Bind registers its handlers, and nothing more: no I/O, no goroutines.
//
//	func (t *thermostat) Bind(h *connector.Host) error {
//		connector.Describe.On(h, t.describe)
//		connector.Adjust.On(h, t.adjust)
//		h.Every(time.Minute, t.refresh)
//		return nil
//	}
//
// [Host.Every] repeats; [Host.Tasks] does so with tasks that have a name and a
// policy, see [github.com/servokit/servokit/connector/repeat].
//
// A handler of the wrong type does not compile. How an operation ended is said
// by the error a handler returns: [Reject] for a configuration that cannot
// work, [Abort] for an end on purpose, [Fail] for anything that may pass, and a
// plain error counts as the last. Long operations call [Progress]; when the
// answer is to stop, the context of the handler ends with the cause.
package connector
