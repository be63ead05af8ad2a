package pubsub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Publisher publishes on a set of channels; see [Client.Publisher]. It may be
// used by several goroutines.
type Publisher struct {
	exchange *Exchange
	channels []*Channel
}

// Publisher returns a publisher for channels, at least one, which are created
// where they do not exist. A wrong name is an error.
func (c *Client) Publisher(channels ...string) (*Publisher, error) {
	if len(channels) == 0 {
		return nil, errors.New("making a publisher: at least one channel is needed")
	}
	p := &Publisher{exchange: c.exchange}
	var errs []error
	for _, name := range channels {
		if _, err := channelName(name); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("making a publisher: %w", err)
	}
	for _, name := range channels {
		channel, err := c.Channel(name)
		if err != nil {
			return nil, fmt.Errorf("making a publisher: %w", err)
		}
		if !slices.Contains(p.channels, channel) {
			p.channels = append(p.channels, channel)
		}
	}
	c.exchange.mu.Lock()
	defer c.exchange.mu.Unlock()
	c.exchange.publishers[p] = struct{}{}
	return p, nil
}

// Channels returns the channels in the order in which they were given.
func (p *Publisher) Channels() []*Channel { return slices.Clone(p.channels) }

// Publish publishes a message on all channels in order, or only on those that
// are named. A name that the publisher is not bound to is an error, and the
// message goes nowhere then; a channel that fails does not keep it from the
// others. See [Channel.Publish] for these errors.
func (p *Publisher) Publish(ctx context.Context, m Message, only ...string) error {
	channels := p.channels
	if len(only) > 0 {
		var err error
		if channels, err = p.bound(only); err != nil {
			return err
		}
	}
	var errs []error
	for _, c := range channels {
		if err := c.Publish(ctx, m); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (p *Publisher) bound(names []string) ([]*Channel, error) {
	var channels []*Channel
	var errs []error
	for _, name := range names {
		at := slices.IndexFunc(p.channels, func(c *Channel) bool { return c.name == strings.TrimSpace(name) })
		if at < 0 {
			errs = append(errs, fmt.Errorf("the publisher is not bound to the channel %q, only to %v", shortened(name), p.channels))
			continue
		}
		channels = append(channels, p.channels[at])
	}
	return channels, errors.Join(errs...)
}

// Close takes the publisher out of the exchange, which no longer counts it; it
// must not be used any more. Closing again, or after the exchange has been shut
// down, is an error, [ErrClosed].
func (p *Publisher) Close() error {
	p.exchange.mu.Lock()
	defer p.exchange.mu.Unlock()
	if _, ok := p.exchange.publishers[p]; !ok {
		return fmt.Errorf("closing a publisher: it is already %w", ErrClosed)
	}
	delete(p.exchange.publishers, p)
	return nil
}
