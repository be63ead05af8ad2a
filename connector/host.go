package connector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/connector/repeat"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
)

// Host is what a connector binds to: its place on the bus of one servo. Pass it
// to the events to register handlers.
type Host struct {
	*event.Scope

	logger *slog.Logger

	mu        sync.Mutex
	client    *pubsub.Client // made when it is first asked for, and so is repeated
	repeated  *repeat.Group
	checks    []checks.Entry
	suite     *checks.Suite // of checks; nil when it has to be made anew
	tasks     []func(context.Context) error
	telemetry map[string]string
	mistakes  []error
	ctx       context.Context //nolint:containedctx // the life of the tasks, between start and stop
	cancel    context.CancelCauseFunc
	failed    func(error)
	wg        sync.WaitGroup
}

// NewHost gives a connector a place named name on a bus. Servos and tests of
// connectors call it; a nil logger is silent. Checks that are given to the host
// are run by the event [Check].
func NewHost(bus *event.Bus, name string, logger *slog.Logger) *Host {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	h := &Host{Scope: bus.Scope(name), logger: logger, telemetry: map[string]string{}}
	return h
}

// Check adds checks that the servo runs before it starts and on request: single
// ones, [checks.Each] or a whole [checks.Suite]. They are one run, in the order
// they were added. Call it in Bind.
func (h *Host) Check(cs ...checks.Entry) {
	h.mu.Lock()
	first := len(h.checks) == 0 && len(cs) > 0
	h.checks = append(h.checks, cs...)
	h.suite = nil
	h.mu.Unlock()
	if first {
		Check.On(h, h.runChecks)
	}
}

func (h *Host) runChecks(ctx context.Context, r CheckRequest) ([]checks.Result, error) {
	h.mu.Lock()
	if h.suite == nil {
		h.suite = checks.New(nil, h.checks...)
	}
	suite := h.suite
	h.mu.Unlock()
	return suite.Run(ctx, r)
}

// Telemetry sets a fact that the servo tells the optimizer when it says hello,
// under the key "<connector>.<key>". Call it in Bind or in a handler of
// [Attach].
func (h *Host) Telemetry(key, value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.telemetry[h.Source()+"."+key] = value
}

// Join makes [Host.PubSub] belong to an exchange. It is for those who run
// connectors: a servo calls it before Bind, with the exchange that all its
// connectors share. What the connector had in another exchange ends.
func (h *Host) Join(x *pubsub.Exchange) {
	h.mu.Lock()
	previous := h.client
	h.client = x.Client(h.Source())
	h.mu.Unlock()
	if previous != nil {
		previous.Close()
	}
}

// PubSub returns the connector's client of the exchange of its servo, on which
// connectors publish messages and subscribe to those of others. Bind may
// subscribe already: messages flow from before Startup until after Shutdown,
// and what is published earlier waits. Subscriptions and producers end when the
// connector leaves. Without a servo, in a test for example, the exchange is one of
// the connector's own that does not run; see [Host.Join].
func (h *Host) PubSub() *pubsub.Client {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.client == nil {
		h.client = pubsub.New(pubsub.Options{Logger: h.logger}).Client(h.Source())
	}
	return h.client
}

// Close takes the connector off the bus, with its handlers, subscriptions and
// producers. It is for those who run connectors; closing again does nothing.
func (h *Host) Close() {
	h.mu.Lock()
	client := h.client
	h.mu.Unlock()
	if client != nil {
		client.Close()
	}
	h.Scope.Close()
}

// Go runs a background task of the connector. It starts after Startup, or at
// once when that is over, and its context ends before Shutdown is dispatched,
// which waits for it. A task that returns an error or panics ends the servo; one
// that returns nil has simply finished.
func (h *Host) Go(run func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx != nil {
		h.launch(run)
		return
	}
	h.tasks = append(h.tasks, run)
}

// Every runs f in the background at once and then again d after it has
// returned, with the life of [Host.Go]. An error or a panic of f is logged and
// the repetition goes on. A d that is not positive is a mistake, see
// [Host.Err]. [Host.Tasks] does the same for tasks that have a name and a policy.
func (h *Host) Every(d time.Duration, f func(context.Context) error) {
	if d <= 0 {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.mistakes = append(h.mistakes, fmt.Errorf("connector %s: cannot repeat every %s: the interval must be positive", h.Source(), d))
		return
	}
	if err := h.Tasks().Start(repeat.Task{Every: d, Run: f}); err != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.mistakes = append(h.mistakes, fmt.Errorf("connector %s: %w", h.Source(), err))
	}
}

// Tasks returns the repeating tasks of the connector, to start, stop and list
// them by name: with the life of [Host.Go], so Bind may start some, and they end
// before Shutdown. One with the policy [repeat.EndAll] ends the servo when it
// fails. A task that cannot be started is an error, which Bind should return.
func (h *Host) Tasks() *repeat.Group {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.repeated != nil {
		return h.repeated
	}
	h.repeated = repeat.New(repeat.Options{Owner: h.Source(), Logger: h.logger})
	switch {
	case h.ctx == nil:
		h.tasks = append(h.tasks, h.repeated.Run)
	case h.ctx.Err() == nil:
		h.launch(h.repeated.Run)
	default:
		_ = h.repeated.Run(h.ctx) // at its end at once, so that it takes no tasks
	}
	return h.repeated
}

// Err returns the mistakes that the connector has made in what it gave the
// host, joined, or nil. A servo does not take a connector that has made one in
// Bind.
func (h *Host) Err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return errors.Join(h.mistakes...)
}

// Start starts the background tasks. It is for those who run connectors: a
// servo calls it after Startup. The tasks end when ctx ends or Stop is called;
// failed is called with the error of each task that fails.
func (h *Host) Start(ctx context.Context, failed func(error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx != nil {
		return
	}
	h.ctx, h.cancel = context.WithCancelCause(ctx)
	h.failed = failed
	for _, run := range h.tasks {
		h.launch(run)
	}
	h.tasks = nil
}

// Stop ends the background tasks and waits for them, or until ctx ends, which
// is then the error. It is for those who run connectors, safe without Start and
// safe twice.
func (h *Host) Stop(ctx context.Context) error {
	h.mu.Lock()
	if h.ctx == nil {
		h.ctx, h.cancel = context.WithCancelCause(ctx)
		h.failed = func(error) {}
	}
	h.cancel(ErrStopRequested)
	h.mu.Unlock()
	done := make(chan struct{})
	go func() {
		h.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("connector %s: background tasks have not ended: %w", h.Source(), context.Cause(ctx))
	}
}

// launch runs one task; h.mu is held.
func (h *Host) launch(run func(context.Context) error) {
	if h.ctx.Err() != nil {
		return
	}
	ctx, failed := h.ctx, h.failed
	h.wg.Go(func() {
		err := guard(ctx, run)
		stopped := ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)))
		if err != nil && !stopped {
			failed(fmt.Errorf("connector %s: background task: %w", h.Source(), err))
		}
	})
}

func guard(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &event.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return run(ctx)
}

// Facts returns the telemetry that the connector has set.
func (h *Host) Facts() map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	facts := make(map[string]string, len(h.telemetry))
	for k, v := range h.telemetry {
		facts[k] = v
	}
	return facts
}
