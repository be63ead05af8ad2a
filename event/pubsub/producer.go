package pubsub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Producer publishes again and again; see [Client.Every].
type Producer struct {
	// Name tells the producers of a client apart. Empty means one made up.
	Name string
	// Channels are what the publisher is bound to, at least one.
	Channels []string
	// Produce publishes. Its context ends when the producer is stopped.
	Produce func(ctx context.Context, p *Publisher) error
	// OnError decides what an error or a panic of Produce leads to: an error
	// of its own stops the producer, nil lets it go on. It may do more, such
	// as ending the program's work. Nil means to stop. An error that a deadline
	// has passed is no reason to stop and not given to it. Each is logged.
	OnError func(error) error
}

// producing is a producer of a client.
type producing struct {
	Producer
	client    *Client
	every     time.Duration
	publisher *Publisher

	// guarded by exchange.mu
	running bool
	cancel  context.CancelCauseFunc
}

var errStopped = errors.New("the producer was stopped")

func (c *Client) produce(d time.Duration, p Producer) error {
	var errs []error
	if d < 0 {
		errs = append(errs, fmt.Errorf("the interval %s is negative", d))
	}
	if p.Produce == nil {
		errs = append(errs, errors.New("the function Produce is nil"))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("adding the producer %q: %w", p.Name, err)
	}
	x := c.exchange
	x.mu.Lock()
	taken := func(name string) bool {
		return slices.ContainsFunc(x.producers, func(o *producing) bool { return o.client == c && o.Name == name })
	}
	if p.Name == "" {
		p.Name = c.uniqueName("producer", taken)
	}
	x.mu.Unlock()
	publisher, err := c.Publisher(p.Channels...)
	if err != nil {
		return fmt.Errorf("adding the producer %q: %w", p.Name, err)
	}

	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.publishers, publisher) // it is counted with its producer
	switch {
	case c.closed:
		return fmt.Errorf("adding the producer %q: the client %q is %w", p.Name, c.name, ErrClosed)
	case taken(p.Name):
		return fmt.Errorf("adding a producer: a producer named %q already exists", p.Name)
	}
	added := &producing{Producer: p, client: c, every: d, publisher: publisher}
	x.producers = append(x.producers, added)
	if x.run != nil && x.phase != stopping {
		x.run.produce(added)
	}
	return nil
}

// produce starts the goroutine of a producer; exchange.mu is held.
func (r *run) produce(p *producing) {
	ctx, cancel := context.WithCancelCause(r.source)
	p.cancel, p.running = cancel, true
	r.sources.add()
	go func() {
		defer r.sources.done()
		defer cancel(nil)
		defer p.ended() // also when the producer ends its goroutine
		p.loop(ctx)
	}()
}

func (p *producing) loop(ctx context.Context) {
	timer := time.NewTimer(p.every)
	defer timer.Stop()
	for ctx.Err() == nil {
		err := guarded(func() error { return p.Produce(ctx, p.publisher) })
		if err != nil && ctx.Err() == nil && p.stopsAt(ctx, err) {
			return
		}
		if p.every == 0 {
			continue
		}
		timer.Reset(p.every)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
}

func (p *producing) stopsAt(ctx context.Context, err error) bool {
	log := p.client.exchange.log.With("client", p.client.name, "producer", p.Name)
	if errors.Is(err, context.DeadlineExceeded) {
		log.WarnContext(ctx, "producer timed out", "error", err)
		return false
	}
	var verdict error
	judged := guarded(func() error {
		if verdict = err; p.OnError != nil {
			verdict = p.OnError(err)
		}
		return nil
	})
	if verdict == nil && judged == nil {
		log.WarnContext(ctx, "producer failed, it goes on", "error", err)
		return false
	}
	log.ErrorContext(ctx, "producer failed, it has been stopped", "error", errors.Join(err, judged))
	return true
}

func (p *producing) active() bool { return p.running }

// stop is called without exchange.mu.
func (p *producing) stop() {
	x := p.client.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	p.forget()
	x.producers = slices.DeleteFunc(slices.Clone(x.producers), func(o *producing) bool { return o == p && !p.running })
}

// forget needs exchange.mu.
func (p *producing) forget() {
	if p.cancel != nil {
		p.cancel(errStopped)
	}
}

func (p *producing) ended() {
	x := p.client.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	p.running = false
	x.producers = slices.DeleteFunc(slices.Clone(x.producers), func(o *producing) bool { return o == p })
}
