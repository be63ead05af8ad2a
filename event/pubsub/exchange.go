package pubsub

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// Options says how an exchange works; every field may be left out.
type Options struct {
	// Logger receives what goes wrong in subscribers, producers and
	// transformers. Nil is silent.
	Logger *slog.Logger
	// Backlog is how many messages may wait for the exchange to start. Zero
	// means 1024.
	Backlog int
	// Grace is how long [Exchange.Run] waits for deliveries when it ends. Zero
	// means 5 s.
	Grace time.Duration
	_     struct{}
}

// Exchange holds channels and brings messages from publishers to subscribers.
// Make one with [New], run it with [Exchange.Run], and give everyone who takes
// part a client. Its methods may be called from any goroutine.
type Exchange struct {
	log   *slog.Logger
	bound int
	grace time.Duration
	loops crew // loops over listeners

	mu           sync.Mutex
	phase        phase
	run          *run // while it is not idle
	channels     map[string]*Channel
	subs         []*Subscription
	unfinished   map[*Subscription]struct{} // everything that has not ended, also what is not in subs any more
	publishers   map[*Publisher]struct{}
	producers    []*producing
	transformers []*transformation
	backlog      []queuedMessage
	popped       chan struct{} // closed when a message leaves the backlog; publishers wait for it
	serial       uint64
}

type phase uint8

const (
	idle phase = iota
	draining
	running
	stopping
)

// New returns an exchange that is not running.
func New(o Options) *Exchange {
	x := &Exchange{
		log: o.Logger, bound: o.Backlog, grace: o.Grace,
		channels:   map[string]*Channel{},
		unfinished: map[*Subscription]struct{}{},
		publishers: map[*Publisher]struct{}{},
	}
	if x.log == nil {
		x.log = slog.New(slog.DiscardHandler)
	}
	if x.bound <= 0 {
		x.bound = defaultBuffer
	}
	if x.grace <= 0 {
		x.grace = 5 * time.Second
	}
	return x
}

// Running reports whether messages are being delivered.
func (x *Exchange) Running() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.phase == draining || x.phase == running
}

// Create makes a channel. A name that is in use is an error, and so is one that
// does not follow the rule: 2 to 253 letters, digits, dots, hyphens and
// underscores, with a letter or digit at both ends. Blanks around it are removed.
func (x *Exchange) Create(name, description string) (*Channel, error) {
	name, err := channelName(name)
	if err != nil {
		return nil, fmt.Errorf("creating a channel: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.channels[name] != nil {
		return nil, fmt.Errorf("creating a channel: a channel named %q already exists", name)
	}
	return x.create(name, description), nil
}

// create needs x.mu.
func (x *Exchange) create(name, description string) *Channel {
	c := &Channel{exchange: x, name: name, description: description, created: time.Now()}
	for _, s := range x.subs {
		if s.selector.Match(name) {
			c.subs = append(c.subs, s)
		}
	}
	x.channels[name] = c
	x.reroute(c)
	return c
}

// Lookup returns the channel of that name, if there is one.
func (x *Exchange) Lookup(name string) (*Channel, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	c, ok := x.channels[strings.TrimSpace(name)]
	return c, ok
}

// Remove closes the channel of that name; that there is none is an error.
func (x *Exchange) Remove(name string) error {
	c, ok := x.Lookup(name)
	if !ok {
		return x.unknown("removing a channel", name)
	}
	return c.Close()
}

// Publish publishes on the channel of that name, like [Channel.Publish]; that
// there is none is an error. Use [Client.Publish] to create it.
func (x *Exchange) Publish(ctx context.Context, channel string, m Message) error {
	c, ok := x.Lookup(channel)
	if !ok {
		return x.unknown("publishing", channel)
	}
	return c.Publish(ctx, m)
}

func (x *Exchange) unknown(doing, name string) error {
	names := []string{"(none)"}
	if channels := x.Channels(); len(channels) > 0 {
		names = names[:0]
		for _, c := range channels {
			names = append(names, fmt.Sprintf("%q", c.name))
		}
	}
	return fmt.Errorf("%s: no such channel: %q, there are %s", doing, shortened(name), strings.Join(names, ", "))
}

// Channels returns the channels by name.
func (x *Exchange) Channels() []*Channel {
	x.mu.Lock()
	defer x.mu.Unlock()
	channels := make([]*Channel, 0, len(x.channels))
	for _, c := range x.channels {
		channels = append(channels, c)
	}
	sort.Slice(channels, func(i, j int) bool { return channels[i].name < channels[j].name })
	return channels
}

// Subscriptions returns those that have not ended, in the order in which they
// were made.
func (x *Exchange) Subscriptions() []*Subscription {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.subs)
}

// String sums the exchange up for people who look for a fault.
func (x *Exchange) String() string {
	channels := x.Channels()
	x.mu.Lock()
	defer x.mu.Unlock()
	waiting := len(x.backlog)
	for s := range x.unfinished {
		waiting += s.queue.stats().Pending
	}
	return fmt.Sprintf("Exchange(running=%t, channel_names=%v, publisher_count=%d, subscriber_count=%d, transformer_count=%d, queue_size=%d)",
		x.phase == draining || x.phase == running, channels, len(x.publishers)+len(x.producers), len(x.subs), len(x.transformers), waiting)
}

// reroute makes the present state the one that the next publisher sees; x.mu is held.
func (x *Exchange) reroute(c *Channel) {
	r := &route{subs: c.subs}
	switch x.phase {
	case idle, draining:
		r.kind = queued
	case stopping:
		r.kind = stopped
	case running:
		for _, t := range x.transformers {
			if t.selector.Match(c.name) {
				r.kind = indirect
				r.transformers = append(r.transformers, t)
			}
		}
	}
	c.route.Store(r)
}

// rerouteAll needs x.mu.
func (x *Exchange) rerouteAll() {
	for _, c := range x.channels {
		x.reroute(c)
	}
}

// closeChannel needs x.mu. It returns the subscriptions to finish.
func (x *Exchange) closeChannel(c *Channel) []*Subscription {
	c.route.Store(&route{kind: closed})
	delete(x.channels, c.name)
	var leaving []*Subscription
	for _, s := range x.subs {
		if !s.selector.IsPattern() && s.selector.text == c.name {
			leaving = append(leaving, s)
		}
	}
	for _, s := range leaving {
		x.detach(s)
	}
	if len(leaving) > 0 && slices.ContainsFunc(x.backlog, func(q queuedMessage) bool { return q.channel == c }) {
		// They are still to get what waits, so their end waits behind it.
		x.backlog = append(x.backlog, queuedMessage{delivery: delivery{channel: c}, leaving: leaving})
		return nil
	}
	return leaving
}

// attach needs x.mu.
func (x *Exchange) attach(s *Subscription) {
	x.subs = append(x.subs, s)
	x.unfinished[s] = struct{}{}
	s.client.subs[s.name] = s
	for _, c := range x.channels {
		if s.selector.Match(c.name) {
			c.subs = append(slices.Clip(c.subs), s)
			x.reroute(c)
		}
	}
	if x.run != nil && x.phase != stopping {
		x.run.consume(s)
	}
}

// detach lets no more messages come to a subscription; x.mu is held.
func (x *Exchange) detach(s *Subscription) {
	same := func(other *Subscription) bool { return other == s }
	if !slices.ContainsFunc(x.subs, same) {
		return
	}
	x.subs = slices.DeleteFunc(slices.Clone(x.subs), same)
	if s.client.subs[s.name] == s {
		delete(s.client.subs, s.name)
	}
	for _, c := range x.channels {
		if slices.ContainsFunc(c.subs, same) {
			c.subs = slices.DeleteFunc(slices.Clone(c.subs), same)
			x.reroute(c)
		}
	}
}

func (x *Exchange) unsubscribe(s *Subscription) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.detach(s)
}

// forget is for a subscription that has ended.
func (x *Exchange) forget(s *Subscription) {
	x.mu.Lock()
	x.detach(s)
	delete(x.unfinished, s)
	stop := s.stopUntil
	s.stopUntil = nil
	x.mu.Unlock()
	if stop != nil {
		stop()
	}
}
