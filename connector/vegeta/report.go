package vegeta

import (
	"context"
	"time"

	"github.com/servokit/servokit/event/pubsub"
)

// Report is what is known about one reporting interval of a running measurement.
// Its JSON has the names that reports of the command line of vegeta have, with
// latencies in nanoseconds.
type Report struct {
	// Source is the name of the connector that measures.
	Source string `json:"source"`
	// From and To bound the interval.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Requests is how many requests were due in the interval, Failures how many
	// of them failed.
	Requests uint64 `json:"requests"`
	Failures uint64 `json:"failures"`
	// Rate is requests per second. Throughput is successful answers per second,
	// those that arrived in the interval. Success is the share of requests that
	// succeeded, from 0 to 1.
	Rate       float64 `json:"rate"`
	Throughput float64 `json:"throughput"`
	Success    float64 `json:"success"`
	// Latencies are those of the requests that were due in the interval.
	Latencies Latencies `json:"latencies"`
}

// Latencies sum up the latencies of an interval. Percentiles are exact.
type Latencies struct {
	Total time.Duration `json:"total"`
	Mean  time.Duration `json:"mean"`
	P50   time.Duration `json:"50th"`
	P90   time.Duration `json:"90th"`
	P95   time.Duration `json:"95th"`
	P99   time.Duration `json:"99th"`
	Max   time.Duration `json:"max"`
	Min   time.Duration `json:"min"`
}

// Reports is the channel on which a measurement publishes each reporting interval
// while the load goes on. An interval is published when it is over, all its
// requests have been answered, and those before it have been published; without a
// rate that is known only at the end of the load. An interval without requests is
// not published.
//
// Reports are figures on the way, published although the measurement may still
// fail. A subscription that is full and holds its publisher up loses reports, with
// a warning in the log, and never holds up the measurement: use a buffer or
// [pubsub.DropOldest].
var Reports = pubsub.Topic[Report]{Name: "loadgen.vegeta"}

// patience is how long subscribers may hold up a report.
const patience = 100 * time.Millisecond

// publisher publishes the reports of one measurement.
type publisher struct {
	vegeta *vegeta
	warned bool
}

// publish publishes figures, and drops the rest when somebody holds them up.
func (p *publisher) publish(ctx context.Context, all []figures) {
	if p.vegeta.host == nil || len(all) == 0 {
		return
	}
	client, source := p.vegeta.host.PubSub(), p.vegeta.host.Source()
	brief, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for i, f := range all {
		if err := Reports.Publish(brief, client, f.report(source)); err != nil {
			if !p.warned && ctx.Err() == nil {
				p.vegeta.log.WarnContext(ctx, "interim reports are lost", "channel", Reports.Name, "lost", len(all)-i, "error", err)
				p.warned = true
			}
			return
		}
	}
}

func (f figures) report(source string) Report {
	return Report{
		Source: source, From: f.start.Add(f.from).Round(0).UTC(), To: f.start.Add(f.to).Round(0).UTC(),
		Requests: f.requests, Failures: f.failures,
		Rate: float64(f.requests) / (f.to - f.from).Seconds(), Throughput: f.throughput,
		Success: 1 - float64(f.failures)/float64(f.requests),
		Latencies: Latencies{
			Total: f.total, Mean: f.total / time.Duration(f.requests),
			P50: f.p50, P90: f.p90, P95: f.p95, P99: f.p99, Max: f.max, Min: f.min,
		},
	}
}
