package event

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Event is a typed event: hooks for it take an In and, in the on phase, return
// an Out. Make one with [New] or [NewSequential], usually as a package variable,
// and use it on any number of buses. It is safe for concurrent use.
type Event[In, Out any] struct {
	definition
	around []Around[In]
}

// definition is the part of an event that does not depend on its types; its
// address is the identity of the event.
type definition struct {
	name       string
	sequential bool
	mistake    error // found by New, reported when the event is used
}

func (d *definition) unusable() error {
	if d.name == "" { // also that of an event which New has not made
		return checkName(d.name)
	}
	return d.mistake
}

// Result is what one on hook returned.
type Result[Out any] struct {
	Source string // the scope the hook belongs to
	Value  Out    // what the hook returned
	Err    error  // a *HookError; only ever set with [CollectErrors]

	began int64 // in nanoseconds, a third of the size of a time.Time
}

// CreatedAt returns when the on phase of the dispatch began, the same time for
// all of its results. It is the epoch for a Result that no dispatch has made.
func (r Result[Out]) CreatedAt() time.Time { return time.Unix(0, r.began) }

// New returns an event whose sources answer concurrently. The name must be
// neither empty nor contain colons or blanks; [Bus.Err] and Dispatch report a
// wrong one. The around functions surround each on hook, the first one outermost.
func New[In, Out any](name string, around ...Around[In]) *Event[In, Out] {
	e := &Event[In, Out]{definition: definition{name: name, mistake: checkName(name)}, around: slices.Clone(around)}
	if i := slices.IndexFunc(e.around, func(a Around[In]) bool { return a == nil }); i >= 0 && e.mistake == nil {
		e.mistake = fmt.Errorf("event %s: around function %d is nil", name, i+1)
	}
	return e
}

// NewSequential is like [New], but on hooks run one source after another, in bus
// order, on the goroutine that dispatches; the first error ends the phase. Use it
// when the order matters. Before and after hooks still run concurrently.
func NewSequential[In, Out any](name string, around ...Around[In]) *Event[In, Out] {
	e := New[In, Out](name, around...)
	e.sequential = true
	return e
}

// Name returns the name of the event.
func (e *Event[In, Out]) Name() string { return e.name }

// String returns the name of the event.
func (e *Event[In, Out]) String() string { return e.name }

// Before registers a hook that runs ahead of all on hooks. Its error ends the
// dispatch; return [Cancel] to veto on purpose. See [Registrar] for when it panics.
func (e *Event[In, Out]) Before(r Registrar, h func(context.Context, In) error) {
	s := scopeOf(r)
	e.register(s, Before, h == nil, func(t *table[In, Out]) { t.before = addHook(t.before, s, h) })
}

// On registers a hook that handles the event. A source may register several;
// they run in the order of registration, and each gives a result.
// See [Registrar] for when it panics.
func (e *Event[In, Out]) On(r Registrar, h func(context.Context, In) (Out, error)) {
	s := scopeOf(r)
	e.register(s, On, h == nil, func(t *table[In, Out]) { t.on = addHook(t.on, s, h) })
}

// After registers a hook that runs when all on hooks have succeeded, or, with
// [CollectErrors], have ended. It shares the results with other hooks and with the
// caller of Dispatch and must not change them. Its error fails the dispatch,
// but undoes nothing. See [Registrar] for when it panics.
func (e *Event[In, Out]) After(r Registrar, h func(context.Context, In, []Result[Out]) error) {
	s := scopeOf(r)
	e.register(s, After, h == nil, func(t *table[In, Out]) { t.after = addHook(t.after, s, h) })
}

func (e *Event[In, Out]) register(s *Scope, p Preposition, missing bool, add func(*table[In, Out])) {
	s.bus.register(s, &e.definition, p, missing, func(present hooks) hooks {
		var changed table[In, Out]
		if t, ok := present.(*table[In, Out]); ok {
			changed = *t
		}
		add(&changed)
		return changed.counted()
	})
}
