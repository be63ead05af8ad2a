package pubsub

import (
	"context"
	"runtime/debug"
	"time"
)

func stack() []byte { return debug.Stack() }

type (
	currentKey  struct{}
	dispatchKey struct{}
)

// Current returns the message that is being delivered and its channel, in the
// handler of a subscription or in a transformer, and in everything that derives
// its context from theirs. ok is false elsewhere.
func Current(ctx context.Context) (m Message, c *Channel, ok bool) {
	switch current := ctx.Value(currentKey{}).(type) {
	case *deliveryContext:
		return current.message, current.channel, true
	case *transformContext:
		return current.message, current.channel, !current.message.IsZero()
	}
	return Message{}, nil, false
}

// deliveryContext is what a handler gets. A context of its own kind, because
// context.WithValue would cost two allocations for each message.
type deliveryContext struct {
	subscription *Subscription
	delivery
}

func (c *deliveryContext) Deadline() (time.Time, bool) { return c.subscription.ctx.Deadline() }
func (c *deliveryContext) Done() <-chan struct{}       { return c.subscription.ctx.Done() }
func (c *deliveryContext) Err() error                  { return c.subscription.ctx.Err() }

func (c *deliveryContext) Value(key any) any {
	if _, ok := key.(currentKey); ok {
		return c
	}
	return c.subscription.ctx.Value(key)
}

// transformContext is what a transformer gets. It remembers the transformers
// that a message was produced by, so that none sees its own product.
type transformContext struct {
	context.Context //nolint:containedctx // this is a context
	delivery
	by    any // identity of the transformer
	outer *transformContext
}

func (c *transformContext) Value(key any) any {
	if _, ok := key.(currentKey); ok {
		return c
	}
	return c.Context.Value(key)
}

// trailOf returns the transformers in whose course ctx publishes, innermost first.
func trailOf(ctx context.Context) *transformContext {
	trail, _ := ctx.Value(currentKey{}).(*transformContext)
	return trail
}

func (c *transformContext) includes(by any) bool {
	for ; c != nil; c = c.outer {
		if c.by == by {
			return true
		}
	}
	return false
}

// inHandler returns the subscription whose handler ctx belongs to, also through
// transformers.
func inHandler(ctx context.Context) *Subscription {
	for {
		switch current := ctx.Value(currentKey{}).(type) {
		case *deliveryContext:
			return current.subscription
		case *transformContext:
			ctx = current.Context
		default:
			return nil
		}
	}
}
