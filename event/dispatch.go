package event

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Dispatch runs the hooks registered for the event on b: before hooks, then on
// hooks, then after hooks, as described in the documentation of the package. It
// returns the results of the on hooks in bus order, and within a source in the
// order of registration; no hooks means no results and no error.
//
// It returns when every hook it started has returned. The results are nil when
// the error is not. A failed hook gives a [*HookError], several of them joined, the
// one that ended the phase first. When a hook cancelled, errors.Is(err,
// [ErrCancelled]) holds, whatever else failed. When ctx ends, hooks that have not started stay
// out, and the error is [context.Cause] of ctx, joined with the hook errors that
// say more than that. When ctx has already ended, nothing runs. Mistakes made
// when registering hooks for this event, and wrong options, are returned before
// anything runs.
//
// The context handed to a hook is for the time of the hook only: it may end as
// soon as its phase has.
func (e *Event[In, Out]) Dispatch(ctx context.Context, b *Bus, in In, opts ...DispatchOption) ([]Result[Out], error) {
	if ctx.Err() != nil {
		return nil, e.refused(ctx, b)
	}
	if b == nil {
		return nil, fmt.Errorf("dispatching %s: there is no bus", e.name)
	}
	s := b.current.Load()
	if s != nil && s.observers != nil {
		return e.dispatchWatched(ctx, b, s, in, opts)
	}
	t, err := e.lookup(s)
	if err != nil {
		return nil, err
	}
	if len(opts) == 0 {
		if t == nil {
			return nil, nil
		}
		if len(t.before) == 0 && len(t.after) == 0 {
			return e.runOn(ctx, t.on, t.ons, in, false)
		}
		return e.runAll(ctx, *t, in, choices{mask: All})
	}
	c, err := choose(s, e.name, opts)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, nil
	}
	chosen := *t
	chosen.restrict(c, opts)
	return e.runAll(ctx, chosen, in, c)
}

// lookup returns the hooks of the event, nil when there are none.
func (e *Event[In, Out]) lookup(s *snapshot) (*table[In, Out], error) {
	if s != nil {
		if bound, ok := s.events[&e.definition]; ok {
			if bound.err != nil {
				return nil, fmt.Errorf("dispatching %s: %w", e.name, bound.err)
			}
			if t, ok := bound.hooks.(*table[In, Out]); ok {
				return t, nil
			}
		}
		if s.names[e.name] != nil {
			return nil, fmt.Errorf("dispatching %s: the hooks on this bus belong to a different event of that name", e.name)
		}
	}
	if err := e.unusable(); err != nil {
		return nil, fmt.Errorf("dispatching an event: %w", err)
	}
	return nil, nil
}

func (e *Event[In, Out]) runAll(ctx context.Context, t table[In, Out], in In, c choices) ([]Result[Out], error) {
	if c.mask&Before != 0 && len(t.before) > 0 {
		err := runPlain(ctx, &e.definition, Before, t.before, c.watched, func(ctx context.Context, h beforeHook[In]) error {
			return h(ctx, in)
		})
		if err != nil {
			return nil, err
		}
	}
	var results []Result[Out]
	if c.mask&On != 0 && len(t.on) > 0 {
		if ctx.Err() != nil { // a before hook may have seen to that
			return nil, context.Cause(ctx)
		}
		var err error
		if c.watched {
			results, err = e.runOnWatched(ctx, t.on, t.ons, in, c.collect)
		} else {
			results, err = e.runOn(ctx, t.on, t.ons, in, c.collect)
		}
		if err != nil {
			return nil, err
		}
	}
	if c.mask&After != 0 && len(t.after) > 0 {
		err := runPlain(ctx, &e.definition, After, t.after, c.watched, func(ctx context.Context, h afterHook[In, Out]) error {
			return h(ctx, in, results)
		})
		if err != nil {
			return nil, err
		}
	}
	if c.first && len(results) > 1 {
		results = results[:1:1]
	}
	return results, nil
}

// runOn runs the on phase, given that ctx has not ended; n, at least one, is the number of hooks in groups.
func (e *Event[In, Out]) runOn(ctx context.Context, groups []group[onHook[In, Out]], n int, in In, collect bool) ([]Result[Out], error) {
	switch {
	case n == 1:
		return e.runSingle(ctx, &groups[0], in, collect)
	case e.sequential || len(groups) == 1:
		return e.runInTurn(ctx, groups, n, in, collect)
	default:
		return e.runTogether(ctx, groups, n, in, collect, false)
	}
}

// single is everything that a phase with one hook needs, in one allocation.
type single[Out any] struct {
	phase   phase
	context hookContext
	results [1]Result[Out]
}

// runSingle is runInTurn for the most frequent case; it costs a third less.
func (e *Event[In, Out]) runSingle(caller context.Context, g *group[onHook[In, Out]], in In, collect bool) (_ []Result[Out], err error) {
	t := &single[Out]{phase: phase{ctx: caller, event: &e.definition, preposition: On, began: time.Now()}}
	t.context = hookContext{phase: &t.phase, scope: g.scope}
	r := &t.results[0]
	r.Source, r.began = g.scope.source, t.phase.began.UnixNano()
	r.Value, err = e.callGuarded(&t.context, g.hooks[0], in)
	if err != nil {
		failure := t.phase.failure(g.scope, err)
		if !collect || endsPhase(caller, err) {
			return nil, settled(caller, failure, nil, context.Cause(caller))
		}
		r.Err = failure
	}
	return t.results[:], nil
}

// fewSources is how many sources fit into one allocation with their phase.
const fewSources = 12

// runInTurn runs on hooks one after another on the caller's goroutine.
func (e *Event[In, Out]) runInTurn(caller context.Context, groups []group[onHook[In, Out]], n int, in In, collect bool) (_ []Result[Out], err error) {
	results := make([]Result[Out], n)
	few := new(struct {
		phase    phase
		contexts [fewSources]hookContext
	})
	p, contexts := &few.phase, few.contexts[:]
	if len(groups) > fewSources {
		contexts = make([]hookContext, len(groups))
	}
	*p = phase{ctx: caller, event: &e.definition, preposition: On, began: time.Now()}
	began := p.began.UnixNano()
	var running *Scope
	defer func() { // one for all hooks, which is cheaper than one for each
		if v := recover(); v != nil {
			err = settled(caller, p.failure(running, newPanicError(v)), nil, context.Cause(caller))
		}
	}()
	endless := caller.Done() == nil
	at := 0
	for i := range groups {
		g := &groups[i]
		running = g.scope
		ctx := &contexts[i]
		ctx.phase, ctx.scope = p, g.scope
		for _, h := range g.hooks {
			if !endless && caller.Err() != nil {
				return nil, context.Cause(caller)
			}
			r := &results[at]
			at++
			r.Source, r.began = g.scope.source, began
			var failed error
			switch {
			case collect:
				r.Value, failed = e.callGuarded(ctx, h, in)
			case len(e.around) > 0:
				r.Value, failed = e.call(ctx, h, in)
			default:
				r.Value, failed = h(ctx, in)
			}
			if failed != nil {
				failure := p.failure(g.scope, failed)
				if !collect || endsPhase(caller, failed) {
					return nil, settled(caller, failure, nil, context.Cause(caller))
				}
				r.Err = failure
			}
		}
	}
	return results, nil
}

// runTogether runs the on hooks of several sources concurrently. Each source has
// its part of the results, so they are in order whatever finishes first.
func (e *Event[In, Out]) runTogether(caller context.Context, groups []group[onHook[In, Out]], n int, in In, collect, watched bool) ([]Result[Out], error) {
	results := make([]Result[Out], n)
	t := newTeam(caller, &e.definition, On, len(groups), watched)
	start := 0
	for i := range groups {
		g := &groups[i]
		part := results[start : start+len(g.hooks)]
		start += len(g.hooks)
		t.start(i, g.scope, func(ctx *hookContext) (failed, collected error) {
			failed = e.runSource(ctx, caller, g.hooks, in, collect, part)
			if watched {
				collected = failuresIn(part)
			}
			return failed, collected
		})
	}
	if err := t.wait(); err != nil {
		return nil, err
	}
	return results, nil
}

// runSource runs the on hooks of one source. The error is the one that ends the phase.
func (e *Event[In, Out]) runSource(ctx *hookContext, caller context.Context, hooks []onHook[In, Out], in In, collect bool, results []Result[Out]) error { //nolint:revive // a hook context comes before its caller's
	began := ctx.phase.began.UnixNano()
	for i, h := range hooks {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		value, err := e.callGuarded(ctx, h, in)
		r := &results[i]
		if err != nil {
			if !collect || endsPhase(caller, err) {
				return err
			}
			r.Err = ctx.phase.failure(ctx.scope, err)
		}
		r.Source, r.Value, r.began = ctx.scope.source, value, began
	}
	return nil
}

// endsPhase tells the errors that CollectErrors does not collect.
func endsPhase(caller context.Context, err error) bool {
	return errors.Is(err, ErrCancelled) || unwinding(caller, err)
}

// callGuarded is call with panics turned into errors.
func (e *Event[In, Out]) callGuarded(ctx context.Context, h onHook[In, Out], in In) (out Out, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
	}()
	return e.call(ctx, h, in)
}

func (e *Event[In, Out]) call(ctx context.Context, h onHook[In, Out], in In) (Out, error) {
	if len(e.around) == 0 {
		return h(ctx, in)
	}
	s := surrounded[In, Out]{around: e.around, hook: h, in: in}
	return s.run(ctx)
}

// runPlain runs before or after hooks, whose only outcome is an error.
func runPlain[H any](caller context.Context, d *definition, at Preposition, groups []group[H], watched bool, invoke func(context.Context, H) error) error {
	if caller.Err() != nil {
		return context.Cause(caller)
	}
	if len(groups) == 1 {
		g := &groups[0]
		p := &phase{ctx: caller, event: d, preposition: at, watched: watched, began: time.Now()}
		ctx := &hookContext{phase: p, scope: g.scope}
		var err error
		if watched {
			err = ctx.watch(func(ctx *hookContext) (failed, collected error) {
				return runPlainSource(ctx, g.hooks, invoke), nil
			})
		} else {
			err = runPlainSource(ctx, g.hooks, invoke)
		}
		if err != nil {
			return settled(caller, p.failure(g.scope, err), nil, context.Cause(caller))
		}
		return nil
	}
	t := newTeam(caller, d, at, len(groups), watched)
	for i := range groups {
		g := &groups[i]
		t.start(i, g.scope, func(ctx *hookContext) (failed, collected error) {
			return runPlainSource(ctx, g.hooks, invoke), nil
		})
	}
	return t.wait()
}

func runPlainSource[H any](ctx *hookContext, hooks []H, invoke func(context.Context, H) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
	}()
	for _, h := range hooks {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := invoke(ctx, h); err != nil {
			return err
		}
	}
	return nil
}
