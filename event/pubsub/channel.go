package pubsub

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Channel carries messages from those who publish on it to those whose
// selector matches its name. An exchange has one channel of a name; see
// [Client.Channel]. Its methods may be called from any goroutine.
type Channel struct {
	exchange    *Exchange
	name        string
	description string
	created     time.Time
	subs        []*Subscription // guarded by exchange.mu; replaced, never changed
	route       atomic.Pointer[route]
}

// route is the way of a message through a channel, as it is at present.
type route struct {
	kind         routeKind
	transformers []*transformation
	subs         []*Subscription
}

type routeKind uint8

const (
	direct   routeKind = iota // to the subscribers
	indirect                  // through transformers
	queued                    // until the exchange runs
	stopped                   // the exchange is being shut down
	closed
)

// Name returns the name of the channel.
func (c *Channel) Name() string { return c.name }

// String returns the name of the channel.
func (c *Channel) String() string { return c.name }

// Description returns what the channel was created with.
func (c *Channel) Description() string { return c.description }

// CreatedAt returns when the channel was created.
func (c *Channel) CreatedAt() time.Time { return c.created }

// Closed reports whether the channel was closed.
func (c *Channel) Closed() bool { return c.route.Load().kind == closed }

// Publish hands a message to everyone who is subscribed. It returns when the
// message is in their queues, which is not to say that it was handled: what
// subscribers make of it never gets back here. All of them get it before it
// waits for those with a full queue and the policy [Block].
//
// The error is [ErrClosed] when the channel is closed, [ErrNotRunning] while the
// exchange is shut down, the cause of ctx when that ends first, [ErrFull]
// as described there, or the error of a transformer. With the latter the
// message has gone nowhere; with the others it may have reached some.
// In an exchange that was not started yet messages wait, up to its bound.
func (c *Channel) Publish(ctx context.Context, m Message) error {
	if m.IsZero() {
		return fmt.Errorf("publishing to %q: the message is empty: make one with Bytes, Text, JSON or YAML", c.name)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("publishing to %q: %w", c.name, context.Cause(ctx))
	}
	r := c.route.Load()
	if r.kind != direct {
		return c.publishSlow(ctx, m)
	}
	return c.deliver(ctx, r.subs, m)
}

func (c *Channel) publishSlow(ctx context.Context, m Message) error {
	r := c.route.Load()
	if r.kind == queued {
		if taken, err := c.exchange.enqueue(ctx, c, m); taken || err != nil {
			return err
		}
		r = c.route.Load() // it has begun to run meanwhile
	}
	switch r.kind {
	case closed:
		return fmt.Errorf("publishing to %q: the channel is %w", c.name, ErrClosed)
	case stopped, queued:
		return fmt.Errorf("publishing to %q: %w", c.name, ErrNotRunning)
	default:
		return c.process(ctx, r, m)
	}
}

// process takes a message through the transformers to the subscribers.
func (c *Channel) process(ctx context.Context, r *route, m Message) error {
	trail := trailOf(ctx)
	for _, t := range r.transformers {
		if trail.includes(t.identity) {
			continue
		}
		out, err := t.apply(ctx, trail, delivery{m, c})
		if err != nil {
			return fmt.Errorf("publishing to %q: transforming the message: %w", c.name, err)
		}
		if out.IsZero() {
			t.stopped(ctx, c)
			return nil
		}
		m = out
	}
	return c.deliver(ctx, r.subs, m)
}

func (c *Channel) deliver(ctx context.Context, subs []*Subscription, m Message) error {
	d := delivery{m, c}
	var blocked []*Subscription
	var errs []error
	for _, s := range subs {
		switch s.queue.offer(d) {
		case full:
			blocked = append(blocked, s)
		case dropped, displaced:
			s.losing(ctx, c)
		case over:
			errs = append(errs, c.overError(s))
		case accepted:
		}
	}
	for _, s := range blocked {
		errs = append(errs, c.deliverWaiting(ctx, s, d))
	}
	if errs == nil {
		return nil
	}
	return errors.Join(errs...)
}

func (c *Channel) deliverWaiting(ctx context.Context, s *Subscription, d delivery) error {
	if s.queue.policy == Fail {
		return fmt.Errorf("publishing to %q: subscription %q: %w", c.name, s.name, ErrFull)
	}
	if inHandler(ctx) == s {
		return fmt.Errorf("publishing to %q: subscription %q would wait for itself: %w", c.name, s.name, ErrFull)
	}
	result, err := s.queue.wait(ctx, d)
	if err != nil {
		return fmt.Errorf("publishing to %q: waiting for room in subscription %q: %w", c.name, s.name, err)
	}
	if result == over {
		return c.overError(s)
	}
	return nil
}

// overError is nil for a subscription that merely went away.
func (c *Channel) overError(s *Subscription) error {
	s.queue.mu.Lock()
	reason := s.queue.reason
	s.queue.mu.Unlock()
	if reason == nil {
		return nil
	}
	return fmt.Errorf("publishing to %q: %w", c.name, reason)
}

// Close removes the channel from its exchange and ends the subscriptions that
// are for this channel alone, once they have got what was published before.
// Those with a pattern stay. Closing again is an error, [ErrClosed].
func (c *Channel) Close() error {
	x := c.exchange
	x.mu.Lock()
	if c.Closed() {
		x.mu.Unlock()
		return fmt.Errorf("closing the channel %q: it is already %w", c.name, ErrClosed)
	}
	leaving := x.closeChannel(c)
	x.mu.Unlock()
	for _, s := range leaving {
		s.end(finishing, ErrClosed)
	}
	return nil
}
