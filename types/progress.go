package types

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"
)

// Progress tells how far an operation has come.
type Progress struct {
	// Percent is between 0 and 100. The ends are not sent: an operation that
	// has just begun has nothing to report and one that is complete answers
	// with its result.
	Percent float64
	// Message is a short line for people. It may be empty.
	Message string
}

// ErrStarted is the error of starting a tracker of progress a second time.
var ErrStarted = errors.New("cannot start a progress tracker that has already been started")

// ErrTimedOut is the error of waiting for an event beyond its timeout.
var ErrTimedOut = errors.New("timed out")

// DefaultProgressInterval is how often a [DurationProgress] reports when
// nothing else is asked for.
const DefaultProgressInterval = 5 * time.Second

// clock is what trackers share: when they started, and a signal for whoever
// waits that something has changed.
type clock struct {
	mu        sync.Mutex
	startedAt time.Time
	changed   chan struct{}
}

// start is called with the lock held.
func (c *clock) start() error {
	if !c.startedAt.IsZero() {
		return ErrStarted
	}
	c.startedAt = time.Now()
	return nil
}

// change wakes whoever waits; called with the lock held.
func (c *clock) change() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// changes returns a channel that is closed at the next change; called with the
// lock held.
func (c *clock) changes() <-chan struct{} {
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

// share returns part of whole in percent, at most 100; a whole of nothing is
// complete.
func share(part, whole time.Duration) float64 {
	if whole <= 0 || part >= whole {
		return 100
	}
	return 100 * float64(part) / float64(whole)
}

// StartedAt returns when the tracker started, and false before.
func (c *clock) StartedAt() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.startedAt, !c.startedAt.IsZero()
}

// Elapsed returns the time since the start, and false before.
func (c *clock) Elapsed() (Duration, bool) {
	at, ok := c.StartedAt()
	if !ok {
		return 0, false
	}
	return Since(at), true
}

// tracker is what watching needs to know of either kind.
type tracker interface {
	Start() error
	Elapsed() (Duration, bool)
	Percent() float64
	Finished() bool
	// next returns a channel that wakes early, and how long at most until the
	// tracker finishes by itself, negative when it does not.
	next() (<-chan struct{}, time.Duration)
}

// watch calls notify after every interval until t has finished.
func watch(ctx context.Context, t tracker, interval time.Duration, notify func(Progress) error) error {
	if err := t.Start(); err != nil && !errors.Is(err, ErrStarted) {
		return err
	}
	for !t.Finished() {
		if err := pause(ctx, t, interval); err != nil {
			return err
		}
		if err := notify(Progress{Percent: t.Percent()}); err != nil {
			return err
		}
	}
	return nil
}

// every starts t and yields its progress after every interval until it has
// finished.
func every(ctx context.Context, t tracker, interval time.Duration) iter.Seq2[Progress, error] {
	return func(yield func(Progress, error) bool) {
		if err := t.Start(); err != nil {
			yield(Progress{}, err)
			return
		}
		for !t.Finished() {
			if err := pause(ctx, t, interval); err != nil {
				yield(Progress{}, err)
				return
			}
			if !yield(Progress{Percent: t.Percent()}, nil) {
				return
			}
		}
	}
}

// pause waits for the interval, the end of t or the end of ctx, whichever comes
// first. A change that does not finish t, such as a reset, restarts nothing.
func pause(ctx context.Context, t tracker, interval time.Duration) error {
	deadline := time.Now().Add(interval)
	for {
		changed, remaining := t.next()
		left := time.Until(deadline)
		if left <= 0 || t.Finished() {
			return context.Cause(ctx)
		}
		if remaining >= 0 {
			left = min(left, remaining)
		}
		if err := sleep(ctx, changed, left); err != nil {
			return err
		}
	}
}

// sleep waits for d, for early to be closed, or for ctx to end, which is the
// only error.
func sleep(ctx context.Context, early <-chan struct{}, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-early:
	case <-timer.C:
	}
	return nil
}

// annotate puts text and how far t is in one line.
func annotate(t tracker, text string, prefix bool) string {
	elapsed, _ := t.Elapsed()
	precision := time.Millisecond
	if elapsed.Std() >= time.Second {
		precision = time.Second
	}
	state := fmt.Sprintf("%.2f%% complete, %s elapsed", t.Percent(), Duration(elapsed.Std().Round(precision)))
	if prefix {
		return state + " - " + text
	}
	return fmt.Sprintf("%s (%s)", text, state)
}
