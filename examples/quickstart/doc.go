// Quickstart optimizes a real program on one machine: a search service over the
// sources of the Go standard library (folder app), under real load, driven over
// HTTP by the embedded optimizer.
//
//	go run ./examples/quickstart
//
// It measures the service as it is, tries other settings, measures the best
// ones against the original again, and ends with a table, a verdict in words
// and a report in HTML. Run it with --help for the flags.
package main
