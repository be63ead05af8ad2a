package event

import (
	"context"
	"slices"
)

type (
	beforeHook[In any]     func(context.Context, In) error
	onHook[In, Out any]    func(context.Context, In) (Out, error)
	afterHook[In, Out any] func(context.Context, In, []Result[Out]) error
)

// table holds the hooks of one event on one bus. It is never changed after it
// was published; with and without return changed copies.
type table[In, Out any] struct {
	before []group[beforeHook[In]]
	on     []group[onHook[In, Out]]
	after  []group[afterHook[In, Out]]
	ons    int // number of on hooks
}

// group holds the hooks of one source in one phase, in order of registration.
type group[H any] struct {
	scope *Scope
	hooks []H
}

// hooks is the private seam where the bus forgets the types of an event. It is
// safe because the bus files a table under the identity of its event, and only that very
// event, whose type parameters are fixed, takes it out again.
type hooks interface {
	without(s *Scope) hooks // nil when no hook is left
	responders() []*Scope   // those with on hooks
	participants() []*Scope // those with any hook
}

func (t *table[In, Out]) counted() *table[In, Out] {
	t.ons = countHooks(t.on)
	return t
}

// restrict leaves what the options of a dispatch leave of the hooks, in a copy of
// a table.
func (t *table[In, Out]) restrict(c choices, opts []DispatchOption) {
	if c.restricted {
		t.before = filterGroups(t.before, opts)
		t.on = filterGroups(t.on, opts)
		t.after = filterGroups(t.after, opts)
	}
	if c.first && len(t.on) > 1 {
		t.on = t.on[:1]
	}
	if c.restricted || c.first {
		t.counted()
	}
}

func (t *table[In, Out]) without(s *Scope) hooks {
	rest := &table[In, Out]{
		before: removeGroup(t.before, s),
		on:     removeGroup(t.on, s),
		after:  removeGroup(t.after, s),
	}
	if len(rest.before)+len(rest.on)+len(rest.after) == 0 {
		return nil
	}
	return rest.counted()
}

func (t *table[In, Out]) responders() []*Scope { return scopesOf(t.on) }

func (t *table[In, Out]) participants() []*Scope {
	return slices.Concat(scopesOf(t.before), scopesOf(t.on), scopesOf(t.after))
}

func scopesOf[H any](groups []group[H]) []*Scope {
	scopes := make([]*Scope, len(groups))
	for i := range groups {
		scopes[i] = groups[i].scope
	}
	return scopes
}

func countHooks[H any](groups []group[H]) int {
	n := 0
	for i := range groups {
		n += len(groups[i].hooks)
	}
	return n
}

// addHook returns a copy of groups with h added, groups in bus order.
func addHook[H any](groups []group[H], s *Scope, h H) []group[H] {
	at := 0
	for at < len(groups) && groups[at].scope.position < s.position {
		at++
	}
	if at < len(groups) && groups[at].scope == s {
		groups = slices.Clone(groups)
		groups[at].hooks = append(slices.Clip(groups[at].hooks), h)
		return groups
	}
	return slices.Insert(slices.Clone(groups), at, group[H]{scope: s, hooks: []H{h}})
}

func removeGroup[H any](groups []group[H], s *Scope) []group[H] {
	return slices.DeleteFunc(slices.Clone(groups), func(g group[H]) bool { return g.scope == s })
}

func filterGroups[H any](groups []group[H], opts []DispatchOption) []group[H] {
	var kept []group[H]
	for _, g := range groups {
		if selected(opts, g.scope.source) {
			kept = append(kept, g)
		}
	}
	return kept
}
