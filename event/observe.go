package event

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Observation is what a bus tells those who [Bus.Observe] it: how the hooks of
// one source for one phase of a dispatch ended, or how a whole dispatch did.
type Observation struct {
	Event string
	// Preposition is the phase, and zero when this is about the whole dispatch.
	Preposition Preposition
	// Source whose hooks ran; empty when this is about the whole dispatch.
	Source string
	Began  time.Time
	Took   time.Duration
	// Err is what the dispatch returned, or, of a source, a [*HookError] with what
	// its hook returned or why its next hook did not run; with [CollectErrors] it
	// joins those of several hooks. Nil means success. errors.Is finds
	// [ErrCancelled] and [ErrPeerFailed] in it, errors.As a [PanicError].
	Err error
}

// Observe has f told of every dispatch, when it has returned, and before that of
// each source's hooks in each phase, when the last one of them has returned. That
// includes dispatches that are refused or without any hooks. Nothing is told of a
// source that the phase did not come to, but of one whose first hook stayed out
// because a peer had failed. Use it to record or to measure what connectors do.
//
// f is called synchronously: for a source on the goroutine of its hooks, so
// several calls may run at the same time, and for a dispatch on the goroutine of
// its caller, last of all. Dispatch waits for them, so f should be quick. Its ctx
// is that of the hooks, where [Current] knows the source, or that of the caller;
// it may have ended. f cannot change an outcome. When it panics, the panic is
// recovered and f is not called again.
//
// Observers are called in the order in which they were added. One counts from
// the next dispatch on; stop ends it, without waiting for calls that are running,
// and may be called from within f and more than once. A nil f observes nothing.
// A bus without observers pays nothing for them.
func (b *Bus) Observe(f func(ctx context.Context, o Observation)) (stop func()) {
	if f == nil {
		return func() {}
	}
	o := &observer{bus: b, f: f}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.observers = append(slices.Clone(b.observers), o)
	b.publish()
	return o.stop
}

type observer struct {
	bus *Bus
	f   func(context.Context, Observation)
}

func (o *observer) stop() {
	b := o.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	b.observers = slices.DeleteFunc(slices.Clone(b.observers), func(other *observer) bool { return other == o })
	if len(b.observers) == 0 {
		b.observers = nil
	}
	b.publish()
}

func (o *observer) tell(ctx context.Context, seen Observation) {
	defer func() {
		if recover() != nil {
			o.stop()
		}
	}()
	o.f(ctx, seen)
}

// tell tells the present observers, who may be fewer than when the dispatch began.
func (b *Bus) tell(ctx context.Context, o Observation) {
	o.Took = time.Since(o.Began)
	if s := b.current.Load(); s != nil {
		for _, observer := range s.observers {
			observer.tell(ctx, o)
		}
	}
}

// refused returns the error of a dispatch whose context had ended before it began.
func (e *Event[In, Out]) refused(ctx context.Context, b *Bus) error {
	err := context.Cause(ctx)
	if b != nil {
		b.tell(ctx, Observation{Event: e.name, Began: time.Now(), Err: err})
	}
	return err
}

// dispatchWatched is what Dispatch does on a bus with observers.
func (e *Event[In, Out]) dispatchWatched(ctx context.Context, b *Bus, s *snapshot, in In, opts []DispatchOption) (results []Result[Out], err error) {
	began := time.Now()
	err = errGoexit // stays when a hook ends the goroutine
	defer func() { b.tell(ctx, Observation{Event: e.name, Began: began, Err: err}) }()
	t, failed := e.lookup(s)
	if failed != nil {
		return nil, failed
	}
	c, failed := choose(s, e.name, opts)
	if failed != nil || t == nil {
		return nil, failed
	}
	c.watched = true
	chosen := *t
	chosen.restrict(c, opts)
	return e.runAll(ctx, chosen, in, c)
}

// runOnWatched is what runOn does on a bus with observers.
func (e *Event[In, Out]) runOnWatched(ctx context.Context, groups []group[onHook[In, Out]], n int, in In, collect bool) ([]Result[Out], error) {
	if e.sequential || len(groups) == 1 {
		return e.runInTurnWatched(ctx, groups, n, in, collect)
	}
	return e.runTogether(ctx, groups, n, in, collect, true)
}

// watch runs the hooks of one source on the goroutine of the caller and tells how
// they ended. It returns what ended them, not what was collected.
func (c *hookContext) watch(run func(*hookContext) (failed, collected error)) (failed error) {
	began := time.Now()
	failed = errGoexit
	var collected error
	defer func() { c.tell(began, failed, collected) }()
	failed, collected = run(c)
	return failed
}

// tell tells how the hooks of a source ended.
func (c *hookContext) tell(began time.Time, failed, collected error) {
	err := collected // which has its place already
	if failed != nil {
		failure := c.phase.failure(c.scope, failed)
		if err = failure; collected != nil {
			err = errors.Join(collected, failure)
		}
	}
	c.scope.bus.tell(c, Observation{
		Event:       c.phase.event.name,
		Preposition: c.phase.preposition,
		Source:      c.scope.source,
		Began:       began,
		Err:         err,
	})
}

// runInTurnWatched is runInTurn on a bus with observers.
func (e *Event[In, Out]) runInTurnWatched(caller context.Context, groups []group[onHook[In, Out]], n int, in In, collect bool) ([]Result[Out], error) {
	results := make([]Result[Out], n)
	p := &phase{ctx: caller, event: &e.definition, preposition: On, watched: true, began: time.Now()}
	rest := results
	for i := range groups {
		if caller.Err() != nil {
			return nil, context.Cause(caller)
		}
		g := &groups[i]
		part := rest[:len(g.hooks)]
		rest = rest[len(g.hooks):]
		ctx := &hookContext{phase: p, scope: g.scope}
		failed := ctx.watch(func(ctx *hookContext) (failed, collected error) {
			failed = e.runSource(ctx, caller, g.hooks, in, collect, part)
			return failed, failuresIn(part)
		})
		if failed != nil {
			return nil, settled(caller, p.failure(g.scope, failed), nil, context.Cause(caller))
		}
	}
	return results, nil
}

// failuresIn returns what CollectErrors has put into the results of one source.
func failuresIn[Out any](results []Result[Out]) error {
	var failures []error
	for i := range results {
		if results[i].Err != nil {
			failures = append(failures, results[i].Err)
		}
	}
	return joined(failures)
}

// joined is errors.Join, but a single error stays what it is.
func joined(all []error) error {
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all...)
}
