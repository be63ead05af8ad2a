package pubsub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Client is the part that one participant takes in an exchange, usually a
// connector: its subscriptions and producers have names of their own and go when
// it is closed. Its methods may be called from any goroutine, whether the
// exchange is running or not.
type Client struct {
	exchange *Exchange
	name     string

	// guarded by exchange.mu
	closed bool
	serial int
	subs   map[string]*Subscription
}

// Client returns a new client. The name is for logs; several clients may share it.
func (x *Exchange) Client(name string) *Client {
	return &Client{exchange: x, name: name, subs: map[string]*Subscription{}}
}

// Name returns the name of the client.
func (c *Client) Name() string { return c.name }

// Channel returns the channel of that name, which is created if there is none.
// A name that does not follow the rule is an error; see [Exchange.Create].
func (c *Client) Channel(name string) (*Channel, error) {
	channel, _, err := c.findOrCreate(name, "")
	return channel, err
}

func (c *Client) findOrCreate(name, description string) (channel *Channel, created bool, err error) {
	x := c.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	if channel := x.channels[name]; channel != nil { // spares most calls the check
		return channel, false, nil
	}
	if name, err = channelName(name); err != nil {
		return nil, false, err
	}
	if channel := x.channels[name]; channel != nil {
		return channel, false, nil
	}
	return x.create(name, description), true, nil
}

// Temporary finds or creates a channel for a while; an empty name stands for
// one that nobody uses. When it was created here, release closes and removes
// it, otherwise release does nothing. Call release with defer.
func (c *Client) Temporary(name, description string) (channel *Channel, release func(), err error) {
	created := true
	if name == "" {
		channel = c.exchange.createUnique("temporary", description)
	} else if channel, created, err = c.findOrCreate(name, description); err != nil {
		return nil, nil, err
	}
	return channel, func() {
		if created {
			_ = channel.Close() // somebody else may have closed it
		}
	}, nil
}

// createUnique makes a channel with a serial number behind its name. The number
// is not random, so that a run can be repeated.
func (x *Exchange) createUnique(prefix, description string) *Channel {
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		x.serial++
		if name := fmt.Sprintf("%s.%06d", prefix, x.serial); x.channels[name] == nil {
			return x.create(name, description)
		}
	}
}

// Publish publishes a single message on the channel of that name, which is
// created if there is none. See [Channel.Publish] for the error.
func (c *Client) Publish(ctx context.Context, channel string, m Message) error {
	target, err := c.Channel(channel)
	if err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	return target.Publish(ctx, m)
}

// Subscribe calls handler for each message on each channel that the selector
// matches, now or later; see [ParseSelector]. A subscription handles one message
// after another, those of a channel in the order in which they were published,
// on a goroutine of its own: it holds up no other. When its queue is full the
// publisher waits, or what else [Buffer] says.
//
// The context of the handler knows the message, see [Current], and ends when the
// subscription is cancelled or the exchange gives up waiting. An error or a
// panic of the handler is logged and counted, and the next message follows.
// Before the exchange runs, the handler is not called.
func (c *Client) Subscribe(selector string, handler func(context.Context, Message, *Channel) error, options ...Option) (*Subscription, error) {
	if handler == nil {
		return nil, fmt.Errorf("subscribing to %q: the handler is nil", shortened(selector))
	}
	return c.subscribe(selector, handler, options)
}

// Listen subscribes for a loop:
//
//	l, err := client.Listen("metrics.*")
//	…
//	for m, channel := range l.All(ctx) {
//
// Messages wait from the moment Listen returns. Be sure to loop or to cancel:
// otherwise publishers wait for room once the queue is full.
func (c *Client) Listen(selector string, options ...Option) (*Listener, error) {
	s, err := c.subscribe(selector, nil, options)
	if err != nil {
		return nil, err
	}
	return &Listener{s}, nil
}

func (c *Client) subscribe(selector string, handler func(context.Context, Message, *Channel) error, options []Option) (*Subscription, error) {
	parsed, err := ParseSelector(selector)
	errs := []error{err}
	s := &Subscription{exchange: c.exchange, client: c, selector: parsed, handler: handler, done: make(chan struct{})}
	s.queue.init(defaultBuffer, Block)
	for i, option := range options {
		if option == nil {
			errs = append(errs, fmt.Errorf("option %d is nil", i+1))
			continue
		}
		errs = append(errs, option(s))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("subscribing to %q: %w", shortened(selector), err)
	}
	x := c.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	if c.closed {
		return nil, fmt.Errorf("subscribing to %q: the client %q is %w", selector, c.name, ErrClosed)
	}
	if s.name == "" {
		s.name = c.uniqueName("subscription", func(name string) bool { return c.subs[name] != nil })
	}
	if c.subs[s.name] != nil {
		return nil, fmt.Errorf("subscribing to %q: a subscription named %q already exists", selector, s.name)
	}
	x.attach(s)
	if s.until != nil {
		s.stopUntil = context.AfterFunc(s.until, s.Cancel)
	}
	return s, nil
}

// uniqueName needs exchange.mu.
func (c *Client) uniqueName(kind string, taken func(string) bool) string {
	for {
		c.serial++
		if name := fmt.Sprintf("%s-%d", kind, c.serial); !taken(name) {
			return name
		}
	}
}

// CancelSubscriptions cancels those of the client with the given names, or all
// of them without any. Names that do not exist are an error that lists those
// which do; the others are cancelled nevertheless.
func (c *Client) CancelSubscriptions(names ...string) error {
	c.exchange.mu.Lock()
	known := maps.Clone(c.subs)
	c.exchange.mu.Unlock()
	return cancelNamed("subscription", known, names, (*Subscription).Cancel)
}

// CancelProducers stops those of the client with the given names, or all of
// them without any. Names that do not exist are an error that lists those which
// do; the others are stopped nevertheless.
func (c *Client) CancelProducers(names ...string) error {
	c.exchange.mu.Lock()
	known := map[string]*producing{}
	for _, p := range c.exchange.producers {
		if p.client == c {
			known[p.Name] = p
		}
	}
	c.exchange.mu.Unlock()
	return cancelNamed("producer", known, names, (*producing).stop)
}

func cancelNamed[T any](kind string, known map[string]T, names []string, cancel func(T)) error {
	sorted := slices.Sorted(maps.Keys(known))
	if len(names) == 0 {
		names = sorted
	}
	var unknown []string
	for _, name := range names {
		if v, ok := known[name]; ok {
			cancel(v)
		} else {
			unknown = append(unknown, fmt.Sprintf("%q", shortened(name)))
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("cancelling: no %s named %s, there are: %s", kind, strings.Join(unknown, ", "), strings.Join(sorted, ", "))
	}
	return nil
}

// Close cancels the subscriptions and stops the producers of the client, and
// takes no new ones. It does not wait for those that are running. Channels stay.
// Closing again does nothing.
func (c *Client) Close() {
	c.exchange.mu.Lock()
	c.closed = true
	c.exchange.mu.Unlock()
	_ = c.CancelSubscriptions() // all of them, so none is unknown
	_ = c.CancelProducers()
}

// Every calls a producer at once and then again d after it has returned, as long
// as the exchange runs. With a d of zero the producer itself has to wait; a
// negative one is an error, and so is a name that the client has in use.
func (c *Client) Every(d time.Duration, p Producer) error {
	return c.produce(d, p)
}
