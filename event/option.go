package event

import (
	"fmt"
	"slices"
	"strings"
)

// DispatchOption changes a single dispatch. The zero value changes nothing.
type DispatchOption struct {
	kind  optionKind
	mask  Preposition
	names []string
}

type optionKind uint8

const (
	optionNone optionKind = iota
	optionFirst
	optionCollect
	optionOnly
	optionSkip
	optionPrepositions
)

// First asks for a single answer: the on phase goes through the sources in bus
// order and ends after the first one that has an on hook. Dispatch returns one
// result, that of the source's first on hook, or none, without an error, when
// nobody responds. Before and after hooks run as ever; after hooks see the
// results of all on hooks of that source.
func First() DispatchOption { return DispatchOption{kind: optionFirst} }

// CollectErrors turns the error of an on hook into a [Result] with Err set: it
// stops neither its siblings nor the later hooks of its own source, and after
// hooks run. A cancellation (see [Cancel]) and the end of the caller's context
// still end the dispatch.
func CollectErrors() DispatchOption { return DispatchOption{kind: optionCollect} }

// Only keeps the hooks of the named sources, in bus order, in all phases. Several
// Only options add up; without any name nobody takes part. A name that is not
// on the bus is an error that lists those which are, and nothing runs.
func Only(sources ...string) DispatchOption {
	return DispatchOption{kind: optionOnly, names: sources}
}

// Skip leaves out the hooks of the named sources in all phases, also of those
// named by [Only]. A name that is not on the bus is an error that lists those
// which are, and nothing runs.
func Skip(sources ...string) DispatchOption {
	return DispatchOption{kind: optionSkip, names: sources}
}

// Prepositions restricts the dispatch to the phases in the mask, for example
// Prepositions(On) or Prepositions(Before|On); the last such option wins. A mask
// without a phase, or with unknown bits, is an error and nothing runs.
func Prepositions(mask Preposition) DispatchOption {
	return DispatchOption{kind: optionPrepositions, mask: mask}
}

// choices are the options of one dispatch, taken together.
type choices struct {
	first, collect bool
	restricted     bool // some of the sources may be left out
	watched        bool // the bus has observers
	mask           Preposition
}

func choose(s *snapshot, event string, opts []DispatchOption) (choices, error) {
	c := choices{mask: All}
	var problems []string
	for i := range opts {
		o := &opts[i]
		switch o.kind {
		case optionFirst:
			c.first = true
		case optionCollect:
			c.collect = true
		case optionOnly, optionSkip:
			c.restricted = true
			for _, name := range o.names {
				if s.scopeOf(name) == nil {
					problems = append(problems, fmt.Sprintf("%s: unknown source %q", o.kind, strings.Clone(name)))
				}
			}
		case optionPrepositions:
			c.mask = o.mask
			if !o.mask.valid() {
				problems = append(problems, fmt.Sprintf("prepositions: %s selects no phase or unknown ones", o.mask))
			}
		}
	}
	if len(problems) > 0 {
		return c, fmt.Errorf("dispatching %s: %s (sources on this bus: %s)",
			event, strings.Join(problems, "; "), quoted(s.sources()))
	}
	return c, nil
}

func (k optionKind) String() string {
	if k == optionSkip {
		return "skip"
	}
	return "only"
}

// selected applies Only and Skip to one source.
func selected(opts []DispatchOption, source string) bool {
	restricted, named := false, false
	for i := range opts {
		switch opts[i].kind {
		case optionOnly:
			restricted = true
			named = named || slices.Contains(opts[i].names, source)
		case optionSkip:
			if slices.Contains(opts[i].names, source) {
				return false
			}
		}
	}
	return named || !restricted
}
