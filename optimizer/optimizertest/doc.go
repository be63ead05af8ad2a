// Package optimizertest is for those who test a servo, a connector or a whole
// program against an optimizer without having one. An [Optimizer] hands out the
// commands of a script one after the other, keeps to the rules of the protocol,
// remembers everything that it receives and misbehaves on demand.
//
// Reach it in any of three ways:
//
//   - as an [optimizer.Backend], in process and without HTTP;
//   - over loopback, with [Optimizer.Start] or any other server, since it is an
//     [net/http.Handler];
//   - through [Transport], which carries requests in memory. That one works
//     inside a bubble of testing/synctest, where hours of retries take
//     milliseconds. Make the Optimizer inside the bubble then.
//
// # Script
//
// WHATS_NEXT gives the current command, again and again until its result is
// there; then comes the next one. After the last it is SLEEP for 60 s. HELLO and
// GOODBYE are always welcome. What does not fit the current command is answered
// with "unexpected-event" or "invalid", as a real optimizer does, and is noted as
// a violation; see [Optimizer.Violations].
//
// [Optimizer.Expect] adds commands together with what their answers have to be;
// [Optimizer.Verify] then fails the test with a diff for each that is different.
// [Optimizer.Legacy] understands the servos of before.
//
// # Credentials and diagnostics
//
// [Optimizer.RequireToken] guards the optimizer with a token,
// [Optimizer.RequireTokenFrom] with those of a token endpoint of OAuth 2, which
// [NewTokens] makes. [Optimizer.AnswerDiagnostics] asks for diagnostics.
//
// # Faults
//
// [Optimizer.Inject] answers the next requests with a fault instead: a status
// such as [Status] or [RetryAfter], [Garbage], [Redirect], [Disconnect], [Hang],
// or any handler of your own. [Reset], [Truncate], [Slow], [HalfClose], [Noise]
// and [WrongLength] break the connection on the wire, and a [Listener] before
// HTTP begins. [Optimizer.AnswerProgress] scripts the answers to
// progress reports, for example [optimizer.ErrCancelRequested].
//
// Do not import this package from anything but tests and examples.
package optimizertest
