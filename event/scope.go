package event

// Scope is the part of a [Bus] that belongs to one source: its hooks come and go
// with it. Get one from [Bus.Scope]; the zero value is of no use.
type Scope struct {
	bus      *Bus
	source   string
	position int
	refused  *problem // why the bus did not take it in; fixed when it is opened
	closed   bool     // guarded by bus.mu
}

// Registrar is what hooks are registered on: a [*Scope], or a struct that embeds
// one. Registering on a nil scope, or on one that no bus has opened, panics,
// because there is no bus to report the mistake to.
type Registrar interface{ scope() *Scope }

func (s *Scope) scope() *Scope { return s }

// Source returns the name with which the scope was opened.
func (s *Scope) Source() string { return s.source }

// Close removes the hooks of the scope from the bus and frees its name; closing
// again does nothing. Dispatches that are running keep the hooks they started
// with, and Close does not wait for them.
func (s *Scope) Close() { s.bus.close(s) }

func scopeOf(r Registrar) *Scope {
	if r != nil {
		if s := r.scope(); s != nil && s.bus != nil {
			return s
		}
	}
	panic("event: hook registered on a scope that no bus has opened")
}
