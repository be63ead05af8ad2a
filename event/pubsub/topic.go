package pubsub

import (
	"context"
	"fmt"
	"iter"
)

// Topic is a channel of typed values, which travel as JSON. Declare it as a
// package variable where those who publish and those who subscribe can both
// name it:
//
//	var Reports = pubsub.Topic[Report]{Name: "loadgen.vegeta"}
type Topic[T any] struct {
	// Name is the name of the channel.
	Name string
}

// Publish publishes a value, as [Client.Publish] does. A value that has no
// JSON form is an error.
func (t Topic[T]) Publish(ctx context.Context, c *Client, value T) error {
	m, err := JSON(value)
	if err != nil {
		return fmt.Errorf("publishing to %q: %w", t.Name, err)
	}
	return c.Publish(ctx, t.Name, m)
}

// Subscribe calls handler for each value, as [Client.Subscribe] does. A message
// that is no such value counts and is logged as a failure.
func (t Topic[T]) Subscribe(c *Client, handler func(context.Context, T) error, options ...Option) (*Subscription, error) {
	if handler == nil {
		return nil, fmt.Errorf("subscribing to %q: the handler is nil", t.Name)
	}
	return c.Subscribe(t.Name, func(ctx context.Context, m Message, _ *Channel) error {
		value, err := t.Decode(m)
		if err != nil {
			return err
		}
		return handler(ctx, value)
	}, options...)
}

// Values returns an iterator over the values that a listener receives, each
// with the error of a message that is no such value. It works like
// [Listener.All].
func (t Topic[T]) Values(ctx context.Context, l *Listener) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for m := range l.All(ctx) {
			if !yield(t.Decode(m)) {
				return
			}
		}
	}
}

// Decode returns the value in a message.
func (t Topic[T]) Decode(m Message) (T, error) {
	var value T
	if err := m.JSON(&value); err != nil {
		var none T
		return none, fmt.Errorf("topic %q: %w", t.Name, err)
	}
	return value, nil
}
