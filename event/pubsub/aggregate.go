package pubsub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fold adds a message to what was aggregated so far, which is the zero Message
// at first, and returns the new aggregate. It must not publish.
type Fold = func(ctx context.Context, aggregate, m Message, c *Channel) (Message, error)

// Aggregator is a [Transformer] that folds the messages of several channels
// into one and publishes it on another channel; the messages themselves go on
// unchanged. Make one with [Aggregate] and give it to [Exchange.Use].
type Aggregator struct {
	from  []string
	to    *Channel
	every time.Duration
	fold  Fold
	stop  chan struct{}

	mu        sync.Mutex
	message   Message
	published time.Time
	counts    []int
	closed    bool
}

// Aggregate returns an aggregator from at least two channels. It publishes as
// soon as each of them has had a message, and, unless every is zero, also
// whenever that time has passed and there is something, whoever is missing.
// Then it begins afresh.
func Aggregate(from []string, to *Channel, every time.Duration, fold Fold) (*Aggregator, error) {
	a := &Aggregator{to: to, every: every, fold: fold, stop: make(chan struct{})}
	var errs []error
	for _, name := range from {
		name, err := channelName(name)
		if err != nil {
			errs = append(errs, err)
		} else if !slices.Contains(a.from, name) {
			a.from = append(a.from, name)
		}
	}
	if len(a.from) < 2 && errs == nil {
		errs = append(errs, fmt.Errorf("from: %d different channels: at least two are needed", len(a.from)))
	}
	if to == nil {
		errs = append(errs, errors.New("to: the channel is nil"))
	}
	if every < 0 {
		errs = append(errs, fmt.Errorf("every: %s is negative", every))
	}
	if fold == nil {
		errs = append(errs, errors.New("fold: the function is nil"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("making an aggregator: %w", err)
	}
	a.counts = make([]int, len(a.from))
	return a, nil
}

// Transform folds the message if it comes from one of the channels.
func (a *Aggregator) Transform(ctx context.Context, m Message, c *Channel) (Message, error) {
	source := slices.Index(a.from, c.name)
	if source < 0 {
		return m, nil
	}
	complete, err := a.add(ctx, source, m, c)
	if err == nil && complete {
		err = a.Publish(ctx)
	}
	return m, err
}

func (a *Aggregator) add(ctx context.Context, source int, m Message, c *Channel) (complete bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	folded, err := a.fold(ctx, a.message, m, c)
	if err != nil {
		return false, fmt.Errorf("aggregating: %w", err)
	}
	a.message = folded
	a.counts[source]++
	return !slices.Contains(a.counts, 0), nil
}

// Publish publishes what was aggregated, if anything, and begins afresh. The
// error is that of [Channel.Publish]; the aggregate is gone then, too.
func (a *Aggregator) Publish(ctx context.Context) error {
	a.mu.Lock()
	m := a.message
	if m.IsZero() {
		a.mu.Unlock()
		return nil
	}
	a.message, a.published = Message{}, time.Now()
	clear(a.counts)
	a.mu.Unlock()
	if trail := trailOf(ctx); !trail.includes(a) {
		ctx = &transformContext{Context: ctx, by: a, outer: trail}
	}
	return a.to.Publish(ctx, m)
}

// Message returns what was aggregated since the last time it was published.
func (a *Aggregator) Message() Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.message
}

// LastPublishedAt returns when the aggregator has published last, zero for
// never.
func (a *Aggregator) LastPublishedAt() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.published
}

// Close stops the timer, nothing else: messages are still folded, and published
// when all channels have spoken. Closing again does nothing.
func (a *Aggregator) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		a.closed = true
		close(a.stop)
	}
	return nil
}

// String shows the state of the aggregator without the content of messages.
func (a *Aggregator) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	published := "never"
	if !a.published.IsZero() {
		published = a.published.Format(time.RFC3339)
	}
	counts := make([]string, len(a.from))
	for i, name := range a.from {
		counts[i] = fmt.Sprintf("%s: %d", name, a.counts[i])
	}
	return fmt.Sprintf("Aggregator(from_channels=%v, to_channel='%s', every=%s, message=%s, last_published_at=%s, channel_message_count={%s})",
		a.from, a.to, a.every, a.message, published, strings.Join(counts, ", "))
}

// tick publishes by the clock until ctx ends or the aggregator is closed.
func (a *Aggregator) tick(ctx context.Context) {
	ticker := time.NewTicker(a.every)
	defer ticker.Stop()
	for {
		select {
		case <-a.stop:
			return
		default:
		}
		if err := a.Publish(ctx); err != nil && ctx.Err() == nil {
			a.to.exchange.log.ErrorContext(ctx, "an aggregator did not publish", "channel", a.to.name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-a.stop:
			return
		case <-ticker.C:
		}
	}
}
