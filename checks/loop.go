package checks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/servokit/servokit/types"
)

// remedyLimit is how long a remedy may take.
const remedyLimit = 10 * time.Second

// ErrNotReady is what the error of [Loop.Run] wraps when checks failed, or when
// there were none.
var ErrNotReady = errors.New("not ready")

// Loop runs checks until none fails or the time is over. Each pass runs all of
// them again, also those that passed before. What an unsuccessful warning says
// is logged and does not stand in the way.
type Loop struct {
	// Pass runs the checks once, those of all connectors.
	Pass func(ctx context.Context, r Request) (Report, error)
	// Request is what each pass is asked for.
	Request Request
	// Wait is how long to try. Zero is a single pass.
	Wait time.Duration
	// Delay is the pause between two passes. Zero is 8 s behind the first, and
	// then each time twice as long.
	Delay time.Duration
	// SkipRemedies applies no remedies.
	SkipRemedies bool
	// FirstFailure stops looking at the results of a pass behind the first
	// that failed, so that only what comes up to it is logged and repaired.
	FirstFailure bool
	// Progressive logs each result as soon as its check has ended, in the
	// order in which they end, instead of all of them after the pass. For that
	// Pass hands [Request.Observe] on with the request, and if it runs the
	// checks of several connectors, fills in whose result it is. What Pass
	// returns without having shown it is logged after the pass.
	Progressive bool
	// Logger receives each result. Nil is silent.
	Logger *slog.Logger
	// Table receives a table after each pass, with a line for each check if
	// Verbose. Nil means no table.
	Table   io.Writer
	Verbose bool
	_       struct{}
}

// Run returns the report of the last pass. The error is nil when all is well.
// It wraps [ErrNotReady] when the last pass that there was time for has not
// been passed; a pass with no checks at all is not passed either. Otherwise it
// says what is wrong with the loop, that Pass or writing the table failed, or
// why ctx ended.
//
// After a pass Run applies the remedies of the checks that did not succeed, one
// after another and for at most 10 s each; that one fails, or is abandoned
// because it does not return, is logged and nothing else. Then it waits for the delay, or for what is left of the time when that
// is less, so that the last pass begins when the time is over.
func (l Loop) Run(ctx context.Context) (Report, error) {
	if err := l.validate(); err != nil {
		return nil, fmt.Errorf("checks: %w", err)
	}
	if l.Logger == nil {
		l.Logger = slog.New(slog.DiscardHandler)
	}
	if l.Wait > 0 {
		delay := "expo"
		if l.Delay > 0 {
			delay = types.Duration(l.Delay).String()
		}
		l.Logger.InfoContext(ctx, "running checks", "wait", types.Duration(l.Wait).String(), "delay", delay)
	}
	began := time.Now()
	state := &progress{passed: map[key]bool{}}
	for n := 0; ; n++ {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		request, shown := l.Request, newShown(&l, state)
		if l.Progressive {
			request.Observe = shown.observer(ctx)
		}
		report, err := l.Pass(ctx, request)
		shown.end()
		if err != nil {
			return report, err
		}
		if err := l.process(ctx, report, state, shown); err != nil {
			return report, err
		}
		if l.Table != nil {
			if err := report.WriteTable(l.Table, l.Verbose); err != nil {
				return report, err
			}
		}
		if report.Ready() {
			l.Logger.InfoContext(ctx, "ready: no check failed", "result", report.verdict())
			return report, nil
		}
		left := l.Wait - time.Since(began)
		if left <= 0 {
			if l.Wait > 0 {
				l.Logger.ErrorContext(ctx, "timed out waiting for checks to pass", "wait", types.Duration(l.Wait).String(), "result", report.verdict())
			}
			return report, fmt.Errorf("%w: %s", ErrNotReady, report.verdict())
		}
		pause := min(l.pause(n), left)
		l.Logger.InfoContext(ctx, "waiting before running the checks again", "delay", types.Duration(pause).String())
		if err := sleep(ctx, pause); err != nil {
			return report, err
		}
	}
}

func (l Loop) validate() error {
	var errs []error
	if l.Pass == nil {
		errs = append(errs, errors.New("pass: expected a function that runs the checks, found none"))
	}
	if l.Wait < 0 {
		errs = append(errs, fmt.Errorf("wait: expected a time that is not negative, found %s", types.Duration(l.Wait)))
	}
	if l.Delay < 0 {
		errs = append(errs, fmt.Errorf("delay: expected a time that is not negative, found %s", types.Duration(l.Delay)))
	}
	return errors.Join(errs...)
}

// pause is the one behind pass n, which counts from 0.
func (l Loop) pause(n int) time.Duration {
	const first = 8 * time.Second
	if l.Delay > 0 {
		return l.Delay
	}
	return first << min(n, 30) // which is more than 200 years
}

// key tells checks apart; ids are only unique within a connector.
type key struct{ connector, id string }

// progress is what a loop remembers from pass to pass.
type progress struct {
	passed   map[key]bool // guarded by shown.mu during a pass
	remedies stragglers[key]
}

// process logs what was not shown of the results of a pass, and applies
// remedies.
func (l Loop) process(ctx context.Context, report Report, state *progress, shown *shown) error {
	if len(report) == 0 {
		l.Logger.WarnContext(ctx, "no checks matched")
	}
	for _, r := range report {
		if !shown.take(r) {
			l.log(ctx, r, state)
		}
		if !r.Success() && r.Remedy != nil && !l.SkipRemedies {
			if err := l.repair(ctx, r, state); err != nil {
				return err
			}
		}
		if r.Failed() && l.FirstFailure {
			return nil
		}
	}
	return nil
}

func (l Loop) logger(r Result) *slog.Logger {
	return l.Logger.With("connector", r.Connector, "check", r.Name, "id", r.ID)
}

// log logs a result, a success only the first time.
func (l Loop) log(ctx context.Context, r Result, state *progress) {
	logger := l.logger(r)
	if r.Success() {
		if k := (key{r.Connector, r.ID}); !state.passed[k] {
			state.passed[k] = true
			with(logger, "message", r.Message).InfoContext(ctx, "check passed")
		}
		return
	}
	outcome := with(logger, "hint", r.Hint).With("error", r.Message, "passed", len(state.passed))
	if r.Failed() {
		outcome.WarnContext(ctx, "check failed")
	} else {
		outcome.WarnContext(ctx, "check gave a warning")
	}
	logger.DebugContext(ctx, "details of the error", "type", fmt.Sprintf("%T", r.Err), "error", r.Err)
}

// with adds an attribute unless it is empty.
func with(logger *slog.Logger, key, text string) *slog.Logger {
	if text == "" {
		return logger
	}
	return logger.With(key, text)
}

// repair applies the remedy of r. The error is why ctx ended.
func (l Loop) repair(ctx context.Context, r Result, state *progress) error {
	logger, k := l.logger(r), key{r.Connector, r.ID}
	what := func() string { return fmt.Sprintf("remedy of the check %q (id %s)", r.Name, r.ID) }
	if state.remedies.busy(k) {
		logger.WarnContext(ctx, "the remedy is not applied", "error", &busyError{what()})
		return nil
	}
	logger.InfoContext(ctx, "applying a remedy")
	_, err := within(ctx, remedyLimit, what, func(ctx context.Context) (struct{}, error) { return struct{}{}, r.Remedy(ctx) })
	state.remedies.note(k, err)
	var abandoned *AbandonedError
	var over *limitError
	switch {
	case ctx.Err() != nil:
		return endedBy(ctx, err)
	case err == nil:
	case errors.As(err, &abandoned):
		logger.WarnContext(ctx, "the remedy was abandoned", "limit", types.Duration(remedyLimit).String(), "error", err)
	case errors.As(err, &over):
		logger.WarnContext(ctx, "the remedy timed out", "limit", types.Duration(remedyLimit).String(), "error", err)
	default:
		logger.WarnContext(ctx, "the remedy failed", "error", err)
	}
	return nil
}

// sleep waits for d. The error is why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
