package types

import (
	"context"
	"iter"
	"time"
)

// DurationProgress tracks an operation that takes a known time: its progress is
// the share of that time that has passed since the start. Make it with
// [NewDurationProgress]. All methods may be called from many goroutines.
type DurationProgress struct {
	clock
	duration time.Duration
}

// NewDurationProgress returns a tracker, not started yet, for an operation that
// takes d. With a d of 0 or less it is complete once started.
func NewDurationProgress(d Duration) *DurationProgress {
	return &DurationProgress{duration: d.Std()}
}

// Start starts the clock. A second call is [ErrStarted].
func (p *DurationProgress) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.start()
}

// Reset starts the clock again, now.
func (p *DurationProgress) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.startedAt = time.Now()
	p.change()
}

// Percent returns how far the operation is, from 0 to 100.
func (p *DurationProgress) Percent() float64 {
	elapsed, ok := p.Elapsed()
	if !ok {
		return 0
	}
	return share(elapsed.Std(), p.duration)
}

// Finished reports whether Percent is 100.
func (p *DurationProgress) Finished() bool { return p.Percent() >= 100 }

// Wait starts the clock when that has not happened yet and returns nil once the
// time has passed, or the cause of ctx when it ends first.
func (p *DurationProgress) Wait(ctx context.Context) error {
	return watch(ctx, p, 1<<63-1, func(Progress) error { return nil })
}

// Watch starts the clock when that has not happened yet and calls notify after
// every interval, and at the end; the last call is at 100 %. An interval of 0
// or less means [DefaultProgressInterval]. It returns the error of notify as it
// is, the cause of ctx when that ends first, and nil at the end.
func (p *DurationProgress) Watch(ctx context.Context, interval time.Duration, notify func(Progress) error) error {
	return watch(ctx, p, p.interval(interval), notify)
}

// Every starts the clock and yields after every interval, and at the end. It
// yields an error, as the last pair, when the clock was started already and
// when ctx ends. An interval of 0 or less means [DefaultProgressInterval].
func (p *DurationProgress) Every(ctx context.Context, interval time.Duration) iter.Seq2[Progress, error] {
	return every(ctx, p, p.interval(interval))
}

// Annotate returns text with how far the operation is, for people: "33.33%
// complete, 1m elapsed - text", or with prefix false "text (33.33% complete, 1m
// elapsed)".
func (p *DurationProgress) Annotate(text string, prefix bool) string {
	return annotate(p, text, prefix)
}

func (p *DurationProgress) interval(asked time.Duration) time.Duration {
	if asked <= 0 {
		return DefaultProgressInterval
	}
	return asked
}

func (p *DurationProgress) next() (<-chan struct{}, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changes(), max(0, p.duration-time.Since(p.startedAt))
}
