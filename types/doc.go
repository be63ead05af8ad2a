// Package types holds the values that a servo, its connectors and an optimizer
// exchange. They are plain data with the JSON form of the optimizer protocol;
// nothing here does I/O. A tour, in the order a connector meets them:
//
// What can be adjusted. A [Description] lists each [Component] with its
// [Setting] values and each [Metric]. Make a setting with [Range] or [Enum], or
// with [CPURange], [MemoryRange], [ReplicaRange] and [InstanceTypes] for those
// that an optimizer knows and prices. [EnvironmentSetting] is a variable of a
// process, read from configuration. Amounts are written by people as [CPU]
// ("250m") and [Memory] ("1.5Gi"), and sent as numbers. [Setting.Validate] tells
// what cannot work, [Setting.Warnings] what is only odd.
//
// What to change. [Adjustments] ask for values; [Setting.Assign] takes one as
// the setting has it, or says why not. [Setting.Observed] reports what was
// found, also when it breaks the rules.
//
// How to operate. A [Control] has the times of an operation in [Duration];
// [Control.ParseUserdata] finds the [SLO] in it, and an [SLOMonitor] says when to
// give up. [DurationProgress] and [EventProgress] are the clocks to wait by and
// to report from.
//
// What was read. A [Measurement] has [Reading] values, [DataPoint] or
// [TimeSeries], made of [Sample]. A [SamplePolicy] says per metric what becomes
// of samples that are missing, zero, NaN, infinite or stale; [Summarize]
// reduces them.
//
// How it ended. An [OutcomeError] says how an operation that did not succeed is
// reported; [TopOutcome] picks one of many.
//
// About a connector there are [Version], [License] and [Maturity].
//
// Three rules hold everywhere:
//
//   - Missing is not zero is not NaN. A [Sample] knows its state, and only a
//     finite sample has a number.
//   - Order is kept. Components, settings, metrics and adjustments come out of
//     JSON in the order of the document and go back in that order.
//   - Numbers keep their type. A [Value] tells 2 from 2.0, because the wire
//     does; a [Decimal] is exact.
//
// The package depends on the standard library only.
package types
