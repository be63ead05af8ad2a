package pubsub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
)

// Transformer looks at messages on their way from the publisher to the
// subscribers; give it to [Exchange.Use]. It is called on the goroutine of the
// publisher, so from several at once, and its time is the publisher's.
type Transformer interface {
	// Transform returns the message that is to go on, usually the same, or
	// the zero Message to stop it. The publisher gets its error, and the
	// message goes nowhere. What it publishes itself, with ctx, does not come
	// back to it.
	Transform(ctx context.Context, m Message, c *Channel) (Message, error)
}

// Filter is a function that is a [Transformer]: it lets a message pass, replaces
// it, or stops it by returning the zero Message.
type Filter func(ctx context.Context, m Message, c *Channel) (Message, error)

// Transform calls the function.
func (f Filter) Transform(ctx context.Context, m Message, c *Channel) (Message, error) {
	return f(ctx, m, c)
}

// Split returns a transformer that derives messages: split gets each message
// and publishes what it makes of it through p. The message itself goes on
// unchanged.
func Split(p *Publisher, split func(ctx context.Context, p *Publisher, m Message, c *Channel) error) Transformer {
	return Filter(func(ctx context.Context, m Message, c *Channel) (Message, error) {
		if p == nil || split == nil {
			return Message{}, errors.New("split: the publisher or the function is nil")
		}
		return m, split(ctx, p, m, c)
	})
}

// transformation is a transformer at its place in an exchange.
type transformation struct {
	transformer Transformer
	selector    Selector
	identity    any
	exchange    *Exchange
	cancel      context.CancelCauseFunc // of its timer, guarded by exchange.mu
	warned      atomic.Bool
}

// Use adds a transformer behind those that are there, for the channels that
// the selector matches; "*" stands for all. Remove takes it out again, and
// stops the timer of an [Aggregator].
func (x *Exchange) Use(selector string, t Transformer) (remove func(), err error) {
	return x.insert(-1, selector, t)
}

// UseAt is [Exchange.Use] with the place among the transformers, from 0. An
// index that is not between 0 and their number is an error.
func (x *Exchange) UseAt(index int, selector string, t Transformer) (remove func(), err error) {
	if index < 0 {
		return nil, fmt.Errorf("adding a transformer: index %d is negative", index)
	}
	return x.insert(index, selector, t)
}

func (x *Exchange) insert(index int, selector string, t Transformer) (func(), error) {
	if t == nil {
		return nil, errors.New("adding a transformer: it is nil")
	}
	parsed, err := ParseSelector(selector)
	if err != nil {
		return nil, fmt.Errorf("adding a transformer: %w", err)
	}
	added := &transformation{transformer: t, selector: parsed, exchange: x}
	added.identity = added
	if a, ok := t.(*Aggregator); ok {
		added.identity = a // it publishes by timer and on request as well
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if index < 0 {
		index = len(x.transformers)
	}
	if index > len(x.transformers) {
		return nil, fmt.Errorf("adding a transformer: index %d: there are %d", index, len(x.transformers))
	}
	x.transformers = slices.Insert(slices.Clone(x.transformers), index, added)
	x.rerouteAll()
	if x.run != nil && x.phase != stopping {
		x.run.tick(added)
	}
	return added.remove, nil
}

func (t *transformation) remove() {
	x := t.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	x.transformers = slices.DeleteFunc(slices.Clone(x.transformers), func(o *transformation) bool { return o == t })
	x.rerouteAll()
	if t.cancel != nil {
		t.cancel(nil)
	}
}

// Transformers returns the transformers in the order in which they are applied.
func (x *Exchange) Transformers() []Transformer {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := make([]Transformer, len(x.transformers))
	for i, t := range x.transformers {
		list[i] = t.transformer
	}
	return list
}

func (t *transformation) apply(ctx context.Context, trail *transformContext, d delivery) (out Message, err error) {
	defer func() {
		if v := recover(); v != nil {
			out, err = Message{}, newPanic(v)
		}
	}()
	return t.transformer.Transform(&transformContext{Context: ctx, delivery: d, by: t.identity, outer: trail}, d.message, d.channel)
}

// stopped is called for each message that the transformer has stopped.
func (t *transformation) stopped(ctx context.Context, c *Channel) {
	if !t.warned.Load() && !t.warned.Swap(true) {
		t.exchange.log.WarnContext(ctx, "a transformer stops messages", "selector", t.selector.text, "channel", c.name)
	}
}

// tick starts the goroutine of the timer, if the transformer has one;
// exchange.mu is held.
func (r *run) tick(t *transformation) {
	a, ok := t.transformer.(*Aggregator)
	if !ok || a.every == 0 {
		return
	}
	ctx, cancel := context.WithCancelCause(r.source)
	t.cancel = cancel
	r.sources.add()
	go func() {
		defer r.sources.done()
		defer cancel(nil)
		a.tick(ctx)
	}()
}
