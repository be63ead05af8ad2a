package pubsub

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"

	"github.com/servokit/servokit/event"
)

// Dispatch is one dispatch of an event that can be watched: while it runs its
// hooks publish on a channel of its own with [Report]. Get one from [Observe].
type Dispatch[In, Out any] struct {
	client  *Client
	event   *event.Event[In, Out]
	channel *Channel

	mu      sync.Mutex
	begun   bool
	done    bool
	results []event.Result[Out]
	err     error
}

// Observe opens a dispatch: it creates the channel "servo.events.<event>.<id>",
// to subscribe to before the hooks run. Close it in any case:
//
//	d := pubsub.Observe(client, connector.Measure)
//	defer d.Close()
//
// A dispatch that nobody observes costs nothing more than before.
func Observe[In, Out any](c *Client, e *event.Event[In, Out]) *Dispatch[In, Out] {
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && (alphanumeric(byte(r)) || r == '.' || r == '-' || r == '_') {
			return r
		}
		return '_' // events may have names that channels may not
	}, e.Name())
	channel := c.exchange.createUnique("servo.events."+name[:min(len(name), maxName/2)], "dispatch of "+e.Name())
	return &Dispatch[In, Out]{client: c, event: e, channel: channel}
}

// Channel returns the channel of the dispatch.
func (d *Dispatch[In, Out]) Channel() *Channel { return d.channel }

// Event returns the event.
func (d *Dispatch[In, Out]) Event() *event.Event[In, Out] { return d.event }

// Run dispatches the event as [event.Event.Dispatch] does, and closes and
// removes the channel afterwards, whatever came out. Subscriptions to it get
// what was published and end. A dispatch runs once; another time is an error.
func (d *Dispatch[In, Out]) Run(ctx context.Context, b *event.Bus, in In, options ...event.DispatchOption) ([]event.Result[Out], error) {
	if err := d.begin(); err != nil {
		return nil, err
	}
	return d.run(ctx, b, in, options)
}

func (d *Dispatch[In, Out]) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.begun {
		return fmt.Errorf("dispatching %s: it has already run or was closed", d.event)
	}
	d.begun = true
	return nil
}

func (d *Dispatch[In, Out]) run(ctx context.Context, b *event.Bus, in In, options []event.DispatchOption) (results []event.Result[Out], err error) {
	err = fmt.Errorf("dispatching %s: a hook ended the goroutine", d.event) // stays if so
	defer func() {
		d.mu.Lock()
		d.done, d.results, d.err = true, results, err
		d.mu.Unlock()
		d.Close()
	}()
	results, err = d.event.Dispatch(context.WithValue(ctx, dispatchKey{}, d.channel), b, in, options...)
	return results, err
}

// All dispatches the event in the background and returns an iterator over the
// messages that its hooks publish meanwhile, if the exchange is running. It ends
// with the dispatch.
// Breaking out of the loop stops watching, not the dispatch: the loop is left
// when that has ended. [Dispatch.Results] then tells what came out, also when the
// dispatch could not begin.
func (d *Dispatch[In, Out]) All(ctx context.Context, b *event.Bus, in In, options ...event.DispatchOption) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		l, err := d.client.Listen(d.channel.name)
		if err != nil {
			d.fail(err)
			return
		}
		defer l.Cancel()
		if err := d.begin(); err != nil {
			return
		}
		ended := make(chan struct{})
		defer func() { <-ended }()
		defer l.Cancel() // hooks must not wait for a loop that was left
		go func() {
			defer close(ended)
			_, _ = d.run(ctx, b, in, options) // kept for Results
			if !d.client.exchange.Running() {
				l.Cancel() // what waits will not be delivered
			}
		}()
		for m := range l.All(context.WithoutCancel(ctx)) {
			if !yield(m) {
				return
			}
		}
	}
}

func (d *Dispatch[In, Out]) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.begun {
		d.begun, d.done, d.err = true, true, fmt.Errorf("dispatching %s: %w", d.event, err)
	}
}

// Done reports whether the dispatch has ended.
func (d *Dispatch[In, Out]) Done() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done
}

// Success reports whether the dispatch has ended without an error and somebody
// has answered.
func (d *Dispatch[In, Out]) Success() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done && d.err == nil && len(d.results) > 0
}

var errNotDone = errors.New("it has not ended")

// Results returns what the dispatch has returned, or an error while it has not.
func (d *Dispatch[In, Out]) Results() ([]event.Result[Out], error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.done {
		return nil, fmt.Errorf("dispatching %s: %w", d.event, errNotDone)
	}
	return d.results, d.err
}

// Close closes and removes the channel. A dispatch that has not run will not
// run any more; one that is running goes on. Closing again does nothing.
func (d *Dispatch[In, Out]) Close() {
	d.mu.Lock()
	d.begun = true
	d.mu.Unlock()
	if !d.channel.Closed() {
		_ = d.channel.Close() // somebody else may have been faster
	}
}

// Report publishes a message on the channel of the dispatch that ctx belongs
// to. Hooks call it whether they are observed or not: without an observer it
// does nothing, and neither when the channel or the exchange has gone: that
// somebody watched must not change what a hook does. See [Channel.Publish] for
// other errors.
func Report(ctx context.Context, m Message) error {
	channel, ok := ctx.Value(dispatchKey{}).(*Channel)
	if !ok {
		return nil
	}
	err := channel.Publish(ctx, m)
	if errors.Is(err, ErrClosed) || errors.Is(err, ErrNotRunning) {
		return nil
	}
	return err
}
