package event

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// Bus connects those who dispatch events with those who answer them. A servo has
// one. The zero value is ready to use; a Bus must not be copied. All methods may
// be called from any goroutine, also from within hooks.
type Bus struct {
	current atomic.Pointer[snapshot] // what a dispatch reads, without a lock

	mu        sync.Mutex // guards what follows; it is never held while a hook runs
	opened    int
	scopes    []*Scope // open ones, in bus order
	tables    map[*definition]hooks
	problems  []*problem
	observers []*observer
}

// snapshot is one state of a bus; it is never changed after it was published.
type snapshot struct {
	scopes []*Scope
	events map[*definition]binding
	names  map[string]*definition // any one of the events of that name
	err    error

	observers []*observer
}

type binding struct {
	hooks hooks
	err   error
}

// problem is a mistake made while registering; it lasts until its scope closes.
type problem struct {
	scope   *Scope
	err     error
	affects []*definition
}

// Scope opens the scope of one source, usually a connector, on which it then
// registers its hooks. The order of the calls is the bus order. A name that is
// empty, or that belongs to a scope which is still open, is a registration problem: the
// returned scope takes hooks, but none of them will run, and [Bus.Err] says why.
func (b *Bus) Scope(source string) *Scope {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened++
	s := &Scope{bus: b, source: source, position: b.opened}
	switch {
	case source == "":
		s.refused = &problem{scope: s, err: errors.New("opening a scope: the source has no name")}
	case slices.ContainsFunc(b.scopes, func(other *Scope) bool { return other.source == source }):
		s.refused = &problem{scope: s, err: fmt.Errorf("opening a scope: there is already a source %q on this bus", source)}
	}
	if s.refused != nil {
		b.problems = append(b.problems, s.refused)
	} else {
		b.scopes = append(b.scopes, s)
	}
	b.publish()
	return s
}

// Err returns all registration problems, joined, or nil: two different events of
// one name, a source opened twice, a nil hook, a hook added to a closed scope,
// an event with an unusable name. Check it when everything is bound. The problems
// of a scope go away when the scope is closed, so a participant that was added at
// run time and turned out to be wrong can be taken out again. Only a hook
// added to a closed scope is remembered for good.
func (b *Bus) Err() error {
	if s := b.current.Load(); s != nil {
		return s.err
	}
	return nil
}

// Sources returns the names of the open scopes in bus order.
func (b *Bus) Sources() []string { return b.current.Load().sources() }

// Responds returns the sources that have an on hook for the event of that name,
// in bus order. It is empty for a name nobody knows.
func (b *Bus) Responds(eventName string) []string {
	s := b.current.Load()
	if s == nil {
		return nil
	}
	var names []string
	for _, scope := range s.scopes {
		for d, bound := range s.events {
			if d.name == eventName && slices.Contains(bound.hooks.responders(), scope) {
				names = append(names, scope.source)
				break
			}
		}
	}
	return names
}

// register adds a hook to the table of an event: change gets the present table,
// or nil, and returns the new one.
func (b *Bus) register(s *Scope, d *definition, p Preposition, missing bool, change func(hooks) hooks) {
	b.mu.Lock()
	defer b.mu.Unlock()
	where := Context{Event: d.name, Preposition: p}
	switch {
	case s.closed:
		b.report(s, d, fmt.Errorf("registering the %s hook of %q: its scope is closed", where, s.source))
	case s.refused != nil:
		if !slices.Contains(s.refused.affects, d) {
			s.refused.affects = append(s.refused.affects, d)
		}
	case missing:
		b.report(s, d, fmt.Errorf("registering the %s hook of %q: the hook is nil", where, s.source))
	default:
		if err := d.unusable(); err != nil {
			b.report(s, d, err)
		}
		if b.tables == nil {
			b.tables = map[*definition]hooks{}
		}
		b.tables[d] = change(b.tables[d])
	}
	b.publish()
}

// report keeps a problem once, so that a mistake in a loop does not pile up.
func (b *Bus) report(s *Scope, d *definition, err error) {
	for _, p := range b.problems {
		if p.scope == s && p.err.Error() == err.Error() {
			if !slices.Contains(p.affects, d) {
				p.affects = append(p.affects, d)
			}
			return
		}
	}
	b.problems = append(b.problems, &problem{scope: s, err: err, affects: []*definition{d}})
}

func (b *Bus) close(s *Scope) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	b.scopes = slices.DeleteFunc(slices.Clone(b.scopes), func(other *Scope) bool { return other == s })
	b.problems = slices.DeleteFunc(slices.Clone(b.problems), func(p *problem) bool { return p.scope == s })
	for d, t := range b.tables {
		if rest := t.without(s); rest != nil {
			b.tables[d] = rest
		} else {
			delete(b.tables, d)
		}
	}
	b.publish()
}

// publish makes the present state the one that the next dispatch sees.
func (b *Bus) publish() {
	s := &snapshot{
		scopes: slices.Clone(b.scopes),
		events: make(map[*definition]binding, len(b.tables)),
		names:  make(map[string]*definition, len(b.tables)),

		observers: b.observers,
	}
	affected := map[*definition][]error{}
	var all []error
	for _, p := range b.problems {
		all = append(all, p.err)
		for _, d := range p.affects {
			affected[d] = append(affected[d], p.err)
			s.names[d.name] = d
		}
	}
	for _, group := range namesakes(b.tables) {
		err := conflict(group, b.tables)
		all = append(all, err)
		for _, d := range group {
			affected[d] = append(affected[d], err)
		}
	}
	for d, t := range b.tables {
		s.events[d] = binding{hooks: t, err: errors.Join(affected[d]...)}
		s.names[d.name] = d
	}
	for d, errs := range affected {
		if _, bound := s.events[d]; !bound {
			s.events[d] = binding{hooks: noHooks{}, err: errors.Join(errs...)}
		}
	}
	s.err = errors.Join(all...)
	b.current.Store(s)
}

// namesakes returns the groups of different events that share a name, by name.
func namesakes(tables map[*definition]hooks) [][]*definition {
	byName := map[string][]*definition{}
	for d := range tables {
		byName[d.name] = append(byName[d.name], d)
	}
	var groups [][]*definition
	for _, group := range byName {
		if len(group) > 1 {
			groups = append(groups, group)
		}
	}
	slices.SortFunc(groups, func(x, y []*definition) int {
		if x[0].name < y[0].name {
			return -1
		}
		return 1
	})
	return groups
}

func conflict(group []*definition, tables map[*definition]hooks) error {
	var scopes []*Scope
	for _, d := range group {
		scopes = append(scopes, tables[d].participants()...)
	}
	slices.SortFunc(scopes, func(x, y *Scope) int { return x.position - y.position })
	var sources []string
	for _, s := range slices.Compact(scopes) {
		sources = append(sources, s.source)
	}
	return fmt.Errorf("%d different events are named %q on this bus (hooks of %s)",
		len(group), group[0].name, quoted(sources))
}

// noHooks stands in for the table of an event whose registrations were all wrong.
type noHooks struct{}

func (noHooks) without(*Scope) hooks   { return nil }
func (noHooks) responders() []*Scope   { return nil }
func (noHooks) participants() []*Scope { return nil }

func (s *snapshot) sources() []string {
	if s == nil {
		return nil
	}
	names := make([]string, len(s.scopes))
	for i, scope := range s.scopes {
		names[i] = scope.source
	}
	return names
}

func (s *snapshot) scopeOf(source string) *Scope {
	if s == nil {
		return nil
	}
	for _, scope := range s.scopes {
		if scope.source == source {
			return scope
		}
	}
	return nil
}
