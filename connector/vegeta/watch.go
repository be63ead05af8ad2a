package vegeta

import (
	"fmt"
	"strings"
	"time"

	"github.com/servokit/servokit/types"
)

// noticeableLag is where lateness begins to be worth a warning, and
// disturbingShare the part of the 99th percentile it must make up.
const (
	noticeableLag   = 10 * time.Millisecond
	disturbingShare = 4 // a quarter
)

// saturation returns an error when the generator could not send what was due:
// not when the target was slow, which only lets more requests wait for answers.
func saturation(a *aggregate, e effort, maxWorkers uint64) error {
	asked := a.scheduled()
	unsent := asked - min(asked, a.lag.sent)
	switch {
	case !a.schedule.rate.infinite() && a.lag.late+unsent > a.tolerated():
	case e.localFaults > asked/100:
		return fmt.Errorf("the load generator ran out of local resources: asked for a rate of %s, %d connections could not be opened: %s; raise the limits of this machine, lower the rate or set max_workers",
			a.schedule.rate, e.localFaults, e.localFault)
	default:
		return nil
	}
	cause := "this machine is too slow or too busy; lower the rate, or generate the load elsewhere"
	if maxWorkers > 0 && e.outstanding >= maxWorkers {
		cause = fmt.Sprintf("all %d max_workers were waiting for answers; raise max_workers or lower the rate", maxWorkers)
	}
	return fmt.Errorf("the load generator is saturated: asked for a rate of %s, achieved %.2f/s; when it gave up after %s, %d of %d requests had been sent more than %s late (%s at worst) and %d not at all: %s",
		a.schedule.rate, a.achieved(), round(a.lastSent), a.lag.late, asked, types.Duration(a.maxLag), round(a.lag.max), unsent, cause)
}

// annotations say what the load was and how well the generator did.
func (v *vegeta) annotations(targets int, control types.Control, a *aggregate, e effort, all []figures) map[string]string {
	notes := map[string]string{
		"load_profile": fmt.Sprintf("Loading %d URL(s) for %s (delay of %s, warmup of %s) at a rate of %s (reporting every %s)",
			targets, control.Duration, control.Delay, control.Warmup, strings.TrimSpace(v.config.Rate), v.config.ReportingInterval),
		"load_summary": summary(all),
	}
	generator := fmt.Sprintf("%d requests sent", a.lag.sent)
	if !v.rate.infinite() {
		generator = fmt.Sprintf("%d of %d scheduled requests sent, late by %s on average and %s at worst, %d more than %s late",
			a.lag.sent, a.scheduled(), round(a.lag.mean()), round(a.lag.max), a.lag.late, v.config.MaxLag)
	}
	notes["load_generator"] = fmt.Sprintf("%s; at most %d waiting for answers at a time", generator, e.outstanding)
	if e.localFaults > 0 {
		notes["load_generator"] += fmt.Sprintf("; %d connections could not be opened: %s", e.localFaults, e.localFault)
	}
	disturbed := 0
	for _, f := range all {
		if f.lag99 > noticeableLag && f.lag99 > f.p99/disturbingShare {
			disturbed++
		}
	}
	if disturbed > 0 {
		notes["load_generator_warning"] = fmt.Sprintf("in %d of %d intervals the lateness of the generator itself makes up more than a quarter of latency_99th",
			disturbed, len(all))
	}
	if text := a.errors.String(); text != "" {
		notes["load_errors"] = text
	}
	return notes
}

// summary puts the whole measurement in a line.
func summary(all []figures) string {
	var requests, failures uint64
	var total, longest time.Duration
	for _, f := range all {
		requests += f.requests
		failures += f.failures
		total += f.total
		longest = max(longest, f.max)
	}
	if requests == 0 {
		return "no requests"
	}
	return fmt.Sprintf("%d requests, %d errors (%.2f%%), latency %s on average and %s at worst",
		requests, failures, 100*float64(failures)/float64(requests), round(total/time.Duration(requests)), round(longest))
}

// round leaves as much of a duration as a person reads.
func round(d time.Duration) time.Duration {
	switch {
	case d >= time.Second:
		d = d.Round(time.Millisecond)
	case d >= time.Millisecond:
		d = d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}
