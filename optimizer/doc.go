// Package optimizer connects a servo to its optimizer: it holds the terms that
// both sides share and speaks the optimizer protocol over HTTP, from either end.
//
// A servo says HELLO, then asks again and again what to do next. The optimizer
// hands out one [Command] at a time: DESCRIBE, MEASURE, ADJUST or SLEEP. The servo
// reports [Progress] while it works and answers with a [Result]. In the end it
// says GOODBYE. The interface [Backend] is this conversation; three things
// implement it:
//
//   - [Client] holds it over HTTP with a remote optimizer;
//   - the engine of package local holds it in process;
//   - the fake of package optimizertest follows a script.
//
// [NewHandler] goes the other way and serves the protocol for any Backend.
//
// # Making a client
//
//	client, err := optimizer.NewClient(optimizer.Options{
//		URL:   "https://api.opsani.com/accounts/newco.com/applications/web",
//		Token: token,
//	})
//
// Everything else has a default. Hand in an [net/http.Client] for proxies,
// certificates and timeouts of your own, or to run without a network.
//
// A token that changes comes from [Options.Credentials]: [OAuth2] asks a token
// endpoint, [TokenFile] follows a mounted secret, and [Credentials] is the
// interface for a source of your own. [Options.Observe] hears of every try.
//
// # What goes wrong
//
// A client retries what may pass: connections that fail, status 404 (the
// optimizer does not know this workload yet), 429 and 5xx. Waits grow, are random,
// never exceed a minute and end with the context. What is left comes back as one
// of these; find out with [errors.As] and [errors.Is]:
//
//   - [*HTTPError]: the last answer was no success;
//   - [*StatusError]: the optimizer understood and did not agree. It unwraps to
//     [ErrUnexpectedEvent], [ErrCancelRequested], [ErrUnexpectedCommand] or
//     [ErrInvalid];
//   - [*CommandError]: a command came whose parameters make no sense; the servo
//     answers it with status "failed";
//   - [ErrSuperseded]: another deployment of the servo has taken over;
//   - the cause of the context, when that ended;
//   - anything else: the last try got no answer, or one that nobody can read.
//
// # Secrets
//
// The token of a client and of a handler appears in no log line, no error and no
// printed value, also when the peer sends it back.
package optimizer
