// Package vegeta is a connector that generates HTTP load and measures what the
// target makes of it: throughput, error rate and latencies, as time series with
// a point per reporting interval. It embeds the load generator of that name.
//
//	vegeta:
//	  rate: 200/s
//	  target: GET http://localhost:8080/search?q=go
//	  reporting_interval: 5s
//
// # What is measured
//
// The load is an open model: requests are due at a constant rate, whatever the
// target does, and each has a time at which it is meant to be sent. Latency
// counts from that time to the end of the answer. A target that stalls for half
// a second is therefore charged for every request that was due meanwhile, not
// only for the one it was working on.
//
// A measurement sends requests for the warm-up and then for the duration, and
// waits for the answers to its last requests, at most the timeout of the
// configuration, and then for the delay. Only requests that were due in the
// duration count. Each interval has figures of its own: error rate and latencies
// are those of the requests that were due in it, also when the answers came
// later, and percentiles are exact. The throughput of an interval is the number
// of successful answers that arrived in it. A request succeeds with a status
// from 200 to 399; one that timed out is an error whose latency counts. An
// interval in which no request was due has no sample, unless the key samples asks
// for another treatment of what is missing: to carry the last number, to take a
// number of its own, or to fail the measurement. When the duration is no
// multiple of the reporting interval, a rest of at least half an interval is
// reported by itself, and a shorter one together with the interval before it. A
// point carries the time of the end of its interval.
//
// # The generator watches itself
//
// Numbers of an overloaded load generator look like numbers of a slow
// application. When more than 1% of the requests were sent later than max_lag
// after they were due, or not at all, when max_workers was the reason for that,
// or when this machine had no sockets left, the measurement has no readings and
// ends with the reason [ReasonSaturated] and the figures. A slow target alone
// never leads to that, unless max_workers limits how many requests may wait for
// an answer. Where lateness is tolerable but makes up more than a quarter of
// latency_99th, the annotation load_generator_warning says so.
//
// While the load goes on, each interval that is over is published on the channel
// [Reports], "loadgen.vegeta", for whoever wants to look on.
//
// The other annotations are load_profile, load_summary and load_generator, and
// load_errors with the most frequent errors, without URLs.
package vegeta
