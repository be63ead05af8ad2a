// Package checks verifies configuration and environment before, or while, a
// servo runs. A check that fails says what was expected, what was found and what
// to do next.
//
// # Checks
//
// A [Check] looks at one thing. What it returns decides: nil is a pass, an error
// a failure, and an [Error] a failure with a hint for the operator and perhaps a
// remedy. Its [Severity] says what a failure means: a [Warning] is advice, a
// [Common] failure keeps the servo from starting, and behind a [Critical] one
// nothing else is looked at. [Require] and [Warn] are the short forms.
//
//	checks.Require("Connect to {self.base_url}", c.connect)
//
// # Suites
//
// A [Suite] puts checks into an order and renders their names from the
// configuration. [Each] and [EachFunc] stand for one check per item of a list,
// and a suite may be part of another. A connector gives its checks to its host,
// or registers the Run method of a suite as its handler:
//
//	suite := checks.New(config,
//		checks.Require("Connect to {self.base_url}", c.connect),
//		checks.Each(checks.Check{Name: "Query {item.name}", ID: "query"}, config.Queries, c.try),
//		checks.Warn("Enough history", c.history),
//	)
//	connector.Check.On(host, suite.Run)
//
// # Running
//
// A [Request] selects with a [Filter], by name, id or tag, and says at which
// failure to halt. What is selected does not run without the critical checks
// ahead of it, which are its prerequisites. [Suite.Run] returns what came of
// each check as a [Result], [Suite.All] streams them, and [Suite.RunOne] answers
// for a single check. When a context ends, that is no failed check: the run
// ends with the cause. A [Request] can observe results while the run goes on.
//
// A check that does not return soon after its context, or its own timeout, has
// ended is abandoned: nobody waits for it any more, and an [AbandonedError] says
// so. The same goes for remedies.
//
// # Waiting and reporting
//
// A [Loop] runs the checks of all connectors again until none fails or its time
// is over, logs results, as they come if it is progressive, and applies
// remedies in between. The results of a pass are a
// [Report]: whether the servo is ready, a table for people, and JSON and JUnit
// XML for programs.
package checks
