// Package types holds the values that a servo, its connectors and an optimizer
// exchange: what can be adjusted ([Description], [Component], [Setting]), what
// to change ([Adjustments]), how to operate ([Control]) and what was read
// ([Measurement], [Reading], [Sample]). They are plain data with the JSON form
// of the optimizer protocol; nothing here does I/O.
//
// Three rules hold everywhere:
//
//   - Missing is not zero is not NaN. A [Sample] knows its state, and only a
//     finite sample has a number.
//   - Order is kept. Components, settings, metrics and adjustments come out of
//     JSON in the order of the document and go back in that order.
//   - Numbers keep their type. A [Value] tells 2 from 2.0, because the wire
//     does.
//
// The package depends on the standard library only.
package types
