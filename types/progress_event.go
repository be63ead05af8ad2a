package types

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// EventProgress tracks an operation that ends with an event at a time nobody
// knows, such as a rollout or a warning of a fast fail. Its progress is that of
// the timeout, and once the event was triggered that of the settlement. Make it
// with [NewEventProgress]. All methods may be called from many goroutines.
type EventProgress struct {
	clock
	timeout, settlement *Duration
	triggeredAt         time.Time // zero unless there is a settlement that began
	completed           bool
}

// NewEventProgress returns a tracker, not started yet. Timeout is how long to
// wait for the event at most; nil is for ever and 0 is over once started.
// Settlement is how long the event must stand before it counts; nil is not at
// all.
func NewEventProgress(timeout, settlement *Duration) *EventProgress {
	return &EventProgress{timeout: timeout, settlement: settlement}
}

// Start starts the clock of the timeout. A second call is [ErrStarted].
func (p *EventProgress) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.start(); err != nil {
		return err
	}
	p.change()
	return nil
}

// Trigger says that the event has happened. It is complete at once, or with a
// settlement after that has passed; triggering again restarts the settlement.
// Once the event is complete it does nothing.
func (p *EventProgress) Trigger() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isCompleted() {
		return
	}
	if p.settlement == nil {
		p.completed = true
	} else {
		p.triggeredAt = time.Now()
	}
	p.change()
}

// Complete says that the event has happened and needs no settlement.
func (p *EventProgress) Complete() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.completed = true
	p.change()
}

// Reset takes the event back, complete or settling. The timeout goes on.
func (p *EventProgress) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.completed, p.triggeredAt = false, time.Time{}
	p.change()
}

// isCompleted is called with the lock held.
func (p *EventProgress) isCompleted() bool {
	return p.completed || !p.triggeredAt.IsZero() && time.Since(p.triggeredAt) >= p.settlement.Std()
}

// Completed reports whether the event has happened, and has settled.
func (p *EventProgress) Completed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.isCompleted()
}

// SettlementRemaining returns how long the event still has to stand, and false
// when it is not settling.
func (p *EventProgress) SettlementRemaining() (Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.triggeredAt.IsZero() || p.isCompleted() {
		return 0, false
	}
	return *p.settlement - Since(p.triggeredAt), true
}

// Settling reports whether the event has happened and has yet to settle.
func (p *EventProgress) Settling() bool {
	_, settling := p.SettlementRemaining()
	return settling
}

// TimedOut reports whether the timeout has passed since the start, whatever
// became of the event.
func (p *EventProgress) TimedOut() bool {
	elapsed, started := p.Elapsed()
	return started && p.timeout != nil && elapsed >= *p.timeout
}

// Finished reports whether the event is complete or the timeout has passed.
func (p *EventProgress) Finished() bool { return p.TimedOut() || p.Percent() >= 100 }

// Percent returns how far the operation is, from 0 to 100: of the settlement
// while that runs, of the timeout before. It moves backwards when the event is
// triggered and when it is reset.
func (p *EventProgress) Percent() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.isCompleted():
		return 100
	case !p.triggeredAt.IsZero():
		return share(time.Since(p.triggeredAt), p.settlement.Std())
	case p.timeout != nil && !p.startedAt.IsZero():
		return share(time.Since(p.startedAt), p.timeout.Std())
	default:
		return 0
	}
}

// Wait returns nil once the event is complete. With a timeout it waits that
// long at most, from the call on, and then returns an error that is
// [ErrTimedOut]; when ctx ends first, its cause.
func (p *EventProgress) Wait(ctx context.Context) error {
	const forEver = time.Duration(1<<63 - 1)
	left := forEver
	begun := time.Now()
	for {
		p.mu.Lock()
		if p.isCompleted() {
			p.mu.Unlock()
			return nil
		}
		changed := p.changes()
		until := forEver
		if !p.triggeredAt.IsZero() {
			until = p.settlement.Std() - time.Since(p.triggeredAt)
		}
		p.mu.Unlock()
		if p.timeout != nil {
			if left = p.timeout.Std() - time.Since(begun); left <= 0 {
				return fmt.Errorf("waiting for the event: %w after %s", ErrTimedOut, p.timeout)
			}
		}
		if err := sleep(ctx, changed, min(left, until)); err != nil {
			return err
		}
	}
}

// Watch starts the clock when that has not happened yet and calls notify after
// every interval, and at the end: when the event is complete or the timeout has
// passed; [EventProgress.Completed] tells which. An interval of 0 or less means
// a minute, or the timeout when that is shorter. It returns the error of notify
// as it is, the cause of ctx when that ends first, and nil at the end.
func (p *EventProgress) Watch(ctx context.Context, interval time.Duration, notify func(Progress) error) error {
	return watch(ctx, p, p.interval(interval), notify)
}

// Every starts the clock and yields after every interval, and at the end. It
// yields an error, as the last pair, when the clock was started already and
// when ctx ends. The interval is that of [EventProgress.Watch].
func (p *EventProgress) Every(ctx context.Context, interval time.Duration) iter.Seq2[Progress, error] {
	return every(ctx, p, p.interval(interval))
}

// Annotate returns text with how far the operation is, for people; see
// [DurationProgress.Annotate].
func (p *EventProgress) Annotate(text string, prefix bool) string {
	return annotate(p, text, prefix)
}

func (p *EventProgress) interval(asked time.Duration) time.Duration {
	if asked > 0 {
		return asked
	}
	if p.timeout != nil {
		return min(time.Minute, p.timeout.Std())
	}
	return time.Minute
}

func (p *EventProgress) next() (<-chan struct{}, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	remaining := time.Duration(-1)
	if p.timeout != nil {
		remaining = max(0, p.timeout.Std()-time.Since(p.startedAt))
	}
	if !p.triggeredAt.IsZero() {
		if settled := max(0, p.settlement.Std()-time.Since(p.triggeredAt)); remaining < 0 || settled < remaining {
			remaining = settled
		}
	}
	return p.changes(), remaining
}
