package pubsub

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

var (
	// ErrClosed says that a channel, a client or a publisher was closed.
	ErrClosed = errors.New("closed")

	// ErrFull says that there was no room for a message in the queue of a
	// subscriber with the policy [Fail], in the queue of an exchange that is not
	// running, or in the queue of the very handler that publishes.
	ErrFull = errors.New("the queue is full")

	// ErrNotRunning says that an exchange is not running or is being shut down.
	ErrNotRunning = errors.New("the exchange is not running")

	errCancelled = errors.New("the subscription was cancelled")
)

// Option changes a subscription.
type Option func(*Subscription) error

// Buffer sets how many messages may wait for the subscriber, beside the one it
// is busy with, and what happens to one more. The default is 1024 and [Block].
func Buffer(size int, policy Policy) Option {
	return func(s *Subscription) error {
		if size < 1 || size > 1<<24 || policy > Fail {
			return fmt.Errorf("buffer: %d messages with policy %d: give 1 to %d messages and one of the policies", size, policy, 1<<24)
		}
		s.queue.init(size, policy)
		return nil
	}
}

// Named sets the name of a subscription, with which [Client.CancelSubscriptions]
// finds it and which logs show. Without it a name is made up. A name that the
// client has in use already is an error.
func Named(name string) Option {
	return func(s *Subscription) error {
		if name == "" {
			return errors.New("name: it is empty")
		}
		s.name = name
		return nil
	}
}

// Until cancels the subscription when ctx ends: for a subscription with a time
// limit, or one that lasts as long as something else.
func Until(ctx context.Context) Option {
	return func(s *Subscription) error {
		s.until = ctx
		return nil
	}
}

// Stats counts what has become of the messages for a subscriber.
type Stats struct {
	Delivered uint64 // handed to it, or being handed to it
	Failed    uint64 // of these, how many it failed or panicked on
	Dropped   uint64 // lost to [DropOldest] or [DropNewest]
	Pending   int    // waiting
}

// Subscription is the interest of a subscriber in some channels; see
// [Client.Subscribe]. Its methods may be called from any goroutine.
type Subscription struct {
	exchange *Exchange
	client   *Client
	name     string
	selector Selector
	handler  func(context.Context, Message, *Channel) error // nil for a Listener

	queue    queue
	failures atomic.Uint64
	warned   atomic.Bool // that messages are being dropped

	until  context.Context //nolint:containedctx // bounds the life of the subscription
	ctx    context.Context //nolint:containedctx // what the handler gets, while there is a consumer
	cancel context.CancelCauseFunc

	over      sync.Once
	stopUntil func() bool // guarded by exchange.mu
	done      chan struct{}
}

// Name returns the name of the subscription, unique within its client.
func (s *Subscription) Name() string { return s.name }

// Selector returns which channels the subscription is for.
func (s *Subscription) Selector() Selector { return s.selector }

// Stats returns the counters as they are now.
func (s *Subscription) Stats() Stats {
	stats := s.queue.stats()
	stats.Failed = s.failures.Load()
	return stats
}

// Cancel ends the subscription at once: what waits is discarded, the context of
// a handler that is running ends. It does not wait for the handler; Done tells
// when that has returned. Cancelling again does nothing.
func (s *Subscription) Cancel() { s.stop(nil) }

func (s *Subscription) stop(reason error) {
	s.exchange.unsubscribe(s)
	s.end(ended, reason)
}

// Done returns a channel that is closed when the subscription has ended and its
// handler will not be called again.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// end is called without exchange.mu.
func (s *Subscription) end(to state, reason error) {
	orphaned := s.queue.end(to, reason)
	if to == ended {
		s.exchange.mu.Lock()
		cancel := s.cancel
		s.exchange.mu.Unlock()
		if cancel != nil {
			if reason == nil {
				reason = errCancelled
			}
			cancel(reason)
		}
	}
	if orphaned {
		s.finish()
	}
}

// finish is called when the last message has been dealt with.
func (s *Subscription) finish() {
	s.over.Do(func() {
		s.exchange.forget(s)
		close(s.done)
	})
}

// consume calls the handler for each message until the subscription ends.
func (s *Subscription) consume() {
	defer func() { // also when the handler ends its goroutine
		s.exchange.unsubscribe(s)
		s.end(ended, nil)
		s.finish()
	}()
	var hands [handful]delivery
	hand := hands[:s.queue.batch()]
	for {
		n := s.queue.take(nil, hand)
		if n == 0 {
			return
		}
		// One allocation for the contexts of all. They are never changed, so a
		// handler may keep its own.
		contexts := make([]deliveryContext, n)
		for i := 0; i < n; {
			i = s.handle(hand[:n], contexts, i)
		}
	}
}

// handle calls the handler for the messages from the one at index from on. It
// returns early when the handler panics, with the index of the next message.
func (s *Subscription) handle(hand []delivery, contexts []deliveryContext, from int) (next int) {
	next = from
	defer func() {
		if v := recover(); v != nil {
			ctx := &contexts[next-1]
			s.failures.Add(1)
			s.log().ErrorContext(ctx, "subscriber panicked", "channel", ctx.channel.name, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	for next < len(hand) {
		if !s.queue.begin() {
			return len(hand)
		}
		ctx := &contexts[next]
		ctx.subscription, ctx.delivery = s, hand[next]
		next++
		if err := s.handler(ctx, ctx.message, ctx.channel); err != nil {
			s.failures.Add(1)
			s.log().ErrorContext(ctx, "subscriber failed", "channel", ctx.channel.name, "error", err)
		}
	}
	return next
}

func (s *Subscription) log() *slog.Logger {
	return s.exchange.log.With("client", s.client.name, "subscription", s.name)
}

// losing is called when a message was dropped; the first is worth a warning,
// all are counted.
func (s *Subscription) losing(ctx context.Context, c *Channel) {
	if !s.warned.Load() && !s.warned.Swap(true) {
		s.log().WarnContext(ctx, "subscriber is too slow, messages are dropped", "channel", c.name)
	}
}

// Listener is a subscription whose messages are taken by a loop; see
// [Client.Listen].
type Listener struct{ *Subscription }

// All returns an iterator over the messages, those that have waited first. It
// ends when ctx ends, when the subscription is cancelled, when the channel, if
// it listens to a single one, is closed, or when the exchange is shut down; the
// latter two let it see what was published before. However the loop ends, the
// subscription ends with it. A subscription serves one loop: a second one ends
// at once. For several loops that see every message, listen several times.
func (l *Listener) All(ctx context.Context) iter.Seq2[Message, *Channel] {
	return func(yield func(Message, *Channel) bool) {
		s := l.Subscription
		if !s.queue.attach() {
			return
		}
		s.exchange.loops.add()
		defer s.exchange.loops.done()
		defer s.finish()
		defer s.Cancel()
		var hands [handful]delivery
		hand := hands[:s.queue.batch()]
		for {
			n := s.queue.take(ctx.Done(), hand)
			if n == 0 {
				return
			}
			for _, d := range hand[:n] {
				if ctx.Err() != nil || !s.queue.begin() || !yield(d.message, d.channel) {
					return
				}
			}
		}
	}
}
