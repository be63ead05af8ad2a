// Package queries is the traffic of the quickstart: a fixed vocabulary of
// searches over the Go standard library, and a seeded, skewed way to draw
// from it.
//
// A few searches are popular and many are rare, as in real search traffic, so
// that a result cache of moderate size catches a part of the requests and not
// all of them. The same seed gives the same sequence on every machine, which
// makes two measurements of the application comparable.
package queries
