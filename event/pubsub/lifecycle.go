package pubsub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// unwinding is how long handlers may take to return once their context ended.
const unwinding = time.Second

// run is the time between a start and a shutdown, with the goroutines that
// belong to it.
type run struct {
	exchange *Exchange
	ctx      context.Context //nolint:containedctx // the life of what runs in the background
	cancel   context.CancelCauseFunc
	source   context.Context //nolint:containedctx // the life of producers and timers, which end first
	quiet    context.CancelCauseFunc

	sources   crew         // producers and timers
	drain     crew         // the one who delivers the backlog
	cut       atomic.Int64 // messages of the backlog that the end has overtaken on their way
	consumers crew
}

// queuedMessage waits for the exchange to run.
type queuedMessage struct {
	delivery
	trail   *transformContext
	leaving []*Subscription // instead of a message: subscriptions that end here
}

// Run starts the exchange, waits until ctx ends, and shuts it down within
// [Options.Grace]. The error tells that it was running already or that
// deliveries had to be given up; the end of ctx is none. What was published
// before is delivered even if ctx has ended by the time Run is called.
func (x *Exchange) Run(ctx context.Context) error {
	if err := x.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	<-ctx.Done()
	down, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.grace)
	defer cancel()
	return x.Shutdown(down)
}

// Start begins to deliver, first what was published before, in that order. The
// exchange runs until [Exchange.Shutdown]; the end of ctx does not stop it, but
// handlers see its values. Starting it while it runs is an error.
func (x *Exchange) Start(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("starting the exchange: %w", context.Cause(ctx))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.phase != idle {
		return errors.New("starting the exchange: it is already running")
	}
	r := &run{exchange: x}
	r.ctx, r.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	r.source, r.quiet = context.WithCancelCause(r.ctx)
	x.run, x.phase = r, running
	if len(x.backlog) > 0 {
		x.phase = draining
		r.drain.add()
		go r.deliverBacklog()
	}
	for s := range x.unfinished { // also those that only wait for the backlog
		r.consume(s)
	}
	for _, t := range x.transformers {
		r.tick(t)
	}
	for _, p := range x.producers {
		r.produce(p)
	}
	x.rerouteAll()
	return nil
}

// consume starts the goroutine of a subscription with a handler; x.mu is held.
func (r *run) consume(s *Subscription) {
	if s.handler == nil || !s.queue.attach() {
		return
	}
	s.ctx, s.cancel = context.WithCancelCause(r.ctx)
	r.consumers.add()
	go func() {
		defer r.consumers.done()
		defer s.cancel(errCancelled)
		s.consume()
	}()
}

// enqueue keeps a message until the exchange runs. It is false when it runs
// already.
func (x *Exchange) enqueue(ctx context.Context, c *Channel, m Message) (bool, error) {
	for {
		x.mu.Lock()
		if kind := c.route.Load().kind; kind != queued {
			x.mu.Unlock()
			return false, nil
		}
		if len(x.backlog) < x.bound {
			x.backlog = append(x.backlog, queuedMessage{delivery: delivery{m, c}, trail: trailOf(ctx)})
			x.mu.Unlock()
			return true, nil
		}
		// Waiting helps only while the backlog is being delivered, and not if
		// that may have to wait for the one who publishes.
		if x.phase == idle || inHandler(ctx) != nil {
			x.mu.Unlock()
			return false, fmt.Errorf("publishing to %q before the exchange runs: %d messages wait: %w", c.name, x.bound, ErrFull)
		}
		if x.popped == nil {
			x.popped = make(chan struct{})
		}
		popped := x.popped
		x.mu.Unlock()
		select {
		case <-popped:
		case <-ctx.Done():
			return false, fmt.Errorf("publishing to %q: waiting for the exchange to catch up: %w", c.name, context.Cause(ctx))
		}
	}
}

// deliverBacklog delivers what was published before the start, and meanwhile.
// Only then messages take the direct way, so that none overtakes another.
func (r *run) deliverBacklog() {
	defer r.drain.done()
	x := r.exchange
	for {
		x.mu.Lock()
		if x.popped != nil {
			close(x.popped)
			x.popped = nil
		}
		if len(x.backlog) == 0 || r.ctx.Err() != nil {
			if x.phase == draining {
				x.phase = running
				x.rerouteAll()
			}
			x.mu.Unlock()
			return
		}
		q := x.backlog[0]
		x.backlog[0] = queuedMessage{}
		x.backlog = x.backlog[1:]
		route := &route{subs: q.channel.subs}
		for _, t := range x.transformers {
			if t.selector.Match(q.channel.name) {
				route.transformers = append(route.transformers, t)
			}
		}
		x.mu.Unlock()
		if q.leaving != nil {
			for _, s := range q.leaving {
				s.end(finishing, ErrClosed)
			}
			continue
		}
		ctx := r.ctx
		if q.trail != nil {
			ctx = &transformContext{Context: r.ctx, by: q.trail.by, outer: q.trail.outer}
		}
		if err := q.channel.process(ctx, route, q.message); err != nil {
			if r.ctx.Err() != nil {
				r.cut.Add(1)
			}
			x.log.ErrorContext(r.ctx, "a message that was published before the start was not delivered", "channel", q.channel.name, "error", err)
		}
	}
}

// Shutdown ends the exchange. Producers and timers are stopped, publishing is
// refused from now on, what is in the queues is delivered, and loops over
// listeners end. When ctx ends before that is done, the handlers' contexts end, what waits is discarded,
// and handlers have one second more to return: the error then
// says what was lost and who is still busy. After that everything is forgotten:
// channels are closed, subscriptions have ended. The exchange may be
// started again.
//
// Shutting down an exchange that is not running forgets everything too and
// returns [ErrNotRunning]. Do not call it from a handler or a loop over a
// listener, for which it would wait.
func (x *Exchange) Shutdown(ctx context.Context) error {
	x.mu.Lock()
	r := x.run
	if r == nil || x.phase == stopping {
		var subs []*Subscription
		if r == nil {
			subs = x.clear()
		}
		x.mu.Unlock()
		endAll(subs, ended)
		return fmt.Errorf("shutting down: %w", ErrNotRunning)
	}
	x.phase = stopping
	x.rerouteAll()
	x.mu.Unlock()

	r.quiet(ErrNotRunning)
	err := errors.Join(r.sources.wait(ctx), r.drain.wait(ctx))
	if err == nil {
		endAll(x.alive(), finishing)
		err = errors.Join(r.consumers.wait(ctx), x.loops.wait(ctx))
	}
	if err != nil {
		err = x.giveUp(r, context.Cause(ctx))
	}
	r.cancel(ErrNotRunning)

	x.mu.Lock()
	subs := x.clear()
	x.run, x.phase = nil, idle
	x.mu.Unlock()
	for _, s := range subs {
		// A listener that nobody loops over keeps what it has for a late loop.
		s.end(finishing, ErrNotRunning)
	}
	return err
}

// giveUp ends what has not ended in time.
func (x *Exchange) giveUp(r *run, cause error) error {
	x.mu.Lock()
	lost := 0
	for _, q := range x.backlog {
		if q.leaving == nil {
			lost++
		}
	}
	x.backlog = nil
	x.mu.Unlock()
	alive := x.alive()
	for _, s := range alive {
		lost += s.Stats().Pending
	}
	r.cancel(ErrNotRunning)
	endAll(alive, ended)
	last, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), unwinding)
	defer cancel()
	late := errors.Join(r.sources.wait(last), r.drain.wait(last), r.consumers.wait(last), x.loops.wait(last))
	text := fmt.Sprintf("%d messages were discarded", lost+int(r.cut.Load()))
	if late != nil {
		var busy []string
		for _, s := range x.alive() {
			busy = append(busy, fmt.Sprintf("subscription %q of %q", s.name, s.client.name))
		}
		x.mu.Lock()
		for _, p := range x.producers {
			if p.active() {
				busy = append(busy, fmt.Sprintf("producer %q of %q", p.Name, p.client.name))
			}
		}
		x.mu.Unlock()
		slices.Sort(busy)
		text += "; still busy: " + strings.Join(busy, ", ")
	}
	return fmt.Errorf("shutting down the exchange: deliveries have not ended: %w (%s)", cause, text)
}

// alive returns every subscription that has not ended.
func (x *Exchange) alive() []*Subscription {
	x.mu.Lock()
	defer x.mu.Unlock()
	subs := make([]*Subscription, 0, len(x.unfinished))
	for s := range x.unfinished {
		subs = append(subs, s)
	}
	return subs
}

func endAll(subs []*Subscription, to state) {
	for _, s := range subs {
		s.end(to, ErrNotRunning)
	}
}

// clear forgets everything; x.mu is held. It returns the subscriptions to end.
func (x *Exchange) clear() []*Subscription {
	for _, c := range x.channels {
		c.route.Store(&route{kind: closed})
	}
	clear(x.channels)
	clear(x.publishers)
	for _, p := range x.producers {
		p.forget()
	}
	x.producers, x.transformers, x.backlog = nil, nil, nil
	subs := make([]*Subscription, 0, len(x.unfinished))
	for s := range x.unfinished {
		subs = append(subs, s)
	}
	for _, s := range subs {
		x.detach(s)
	}
	clear(x.unfinished)
	return subs
}

// crew counts goroutines for the one who waits for them. Unlike a WaitGroup it
// can be waited for with a context.
type crew struct {
	mu   sync.Mutex
	n    int
	idle chan struct{}
}

func (c *crew) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func (c *crew) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
	if c.n == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

func (c *crew) wait(ctx context.Context) error {
	c.mu.Lock()
	if c.n == 0 {
		c.mu.Unlock()
		return nil
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	idle := c.idle
	c.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
