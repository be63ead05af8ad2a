package vegeta

import (
	"context"
	"fmt"
	"time"

	"github.com/servokit/servokit/checks"
)

// What the checks may do to the target: they run against the real one.
const (
	checkRate     = 10 // requests per second
	checkDuration = time.Second
	errorLimit    = 5.0 // percent
)

func (v *vegeta) checks() []checks.Entry {
	return []checks.Entry{checks.Check{
		Name:        "Target is reachable",
		Description: "Sends one request to the first target; any answer will do.",
		Severity:    checks.Critical,
		Tags:        []string{"vegeta", "load"},
		Run:         v.checkReachable,
	}, checks.Check{
		Name:        "Error rate < 5.0%",
		Description: "Loads the targets for a second with at most 10 requests per second.",
		Tags:        []string{"vegeta", "load"},
		Run:         v.checkErrors,
	}}
}

func (v *vegeta) checkReachable(ctx context.Context) error {
	// The second request of this schedule would be due after the end.
	var first *shot
	err := v.probe(ctx, schedule{rate: rate{hits: 1, per: time.Hour}, duration: checkDuration}, func(s shot) { first = &s })
	if err != nil {
		return err
	}
	if first == nil {
		return &checks.Error{Message: "expected a request within " + checkDuration.String() + ", found that none could be sent", Hint: "Try again when this machine is less busy."}
	}
	if first.answered {
		return nil
	}
	return &checks.Error{
		Message: "expected an answer of the first target, found: " + cleanError(first.err),
		Hint:    "Start the application, and make sure that host and port of the targets are right and can be reached from here.",
	}
}

func (v *vegeta) checkErrors(ctx context.Context) error {
	var sent, failed int
	var errs samples
	s := schedule{rate: v.rate.atMost(checkRate), duration: checkDuration}
	err := v.probe(ctx, s, func(s shot) {
		sent++
		if !s.ok {
			failed++
			errs.add(s.err)
		}
	})
	if err != nil {
		return err
	}
	if sent == 0 {
		return &checks.Error{Message: "expected a request within " + checkDuration.String() + ", found that none could be sent", Hint: "Try again when this machine is less busy."}
	}
	if share := 100 * float64(failed) / float64(sent); share >= errorLimit {
		return &checks.Error{
			Message: fmt.Sprintf("expected an error rate below %.1f%%, found %.2f%%: %d of %d requests failed: %s", errorLimit, share, failed, sent, errs.String()),
			Hint:    "Look at the targets: wrong paths, methods or missing headers make every measurement useless.",
		}
	}
	return nil
}

// probe sends a little load and reports every shot.
func (v *vegeta) probe(ctx context.Context, s schedule, report func(shot)) error {
	targets, err := v.config.load()
	if err != nil {
		return &checks.Error{Message: "expected targets that can be loaded, found", Err: err, Hint: "Correct target or targets in the configuration."}
	}
	v.generator.run(ctx, targets, s, func(s shot) bool {
		report(s)
		return true
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
