package checks

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Filter selects checks. All of its constraints must hold; one without
// constraints selects everything.
type Filter struct {
	// Name selects by name, as it was written or as it was rendered.
	Name Selector
	// ID selects by id.
	ID Selector
	// Tags selects checks that have at least one of these. Nil is no
	// constraint; a list that is empty but not nil selects nothing.
	Tags []string
	// Exclusive leaves out the prerequisites of what is selected.
	Exclusive bool
}

func (f Filter) constrains() bool {
	return f.Name.constrains() || f.ID.constrains() || f.Tags != nil
}

func (f Filter) matches(r record) bool {
	if f.Tags != nil && !slices.ContainsFunc(f.Tags, func(tag string) bool { return slices.Contains(r.check.Tags, tag) }) {
		return false
	}
	return (f.Name.matches(r.check.Name) || f.Name.matches(r.declared)) && f.ID.matches(r.check.ID)
}

// Selector matches names or ids. The zero value matches all of them; make
// others with [AnyOf], [Pattern] or [ParseSelector].
type Selector struct {
	exact   []string // nil is no constraint
	pattern *regexp.Regexp
}

// AnyOf returns a selector of exactly these texts, case sensitive. Without any
// it matches nothing.
func AnyOf(texts ...string) Selector {
	return Selector{exact: append([]string{}, texts...)}
}

// Pattern returns a selector of texts in which the expression is found, which
// may be anywhere unless it is anchored. A nil expression matches everything.
func Pattern(expression *regexp.Regexp) Selector { return Selector{pattern: expression} }

// ParseSelector reads a selector from the elements of a list, as they are given
// in a configuration or on a command line: a single element between slashes is
// a regular expression of package [regexp], a single one with commas is split
// at them, and everything else is taken literally, also a slash alone. No
// elements match everything. An expression that is empty or cannot be compiled,
// and an empty element, are errors.
func ParseSelector(elements []string) (Selector, error) {
	if len(elements) == 1 && !isExpression(elements[0]) && strings.Contains(elements[0], ",") {
		elements = splitList(elements[0])
	}
	return parseLiteral(elements)
}

// parseLiteral is ParseSelector for texts that may have commas.
func parseLiteral(elements []string) (Selector, error) {
	switch {
	case len(elements) == 0:
		return Selector{}, nil
	case len(elements) == 1 && isExpression(elements[0]):
		text := elements[0][1 : len(elements[0])-1]
		if text == "" {
			return Selector{}, fmt.Errorf("%q: expected an expression between the slashes", elements[0])
		}
		pattern, err := regexp.Compile(text)
		if err != nil {
			return Selector{}, fmt.Errorf("%q: expected a regular expression: %w", elements[0], err)
		}
		return Pattern(pattern), nil
	}
	if slices.Contains(elements, "") {
		return Selector{}, fmt.Errorf("%q: expected no empty element", strings.Join(elements, ","))
	}
	return AnyOf(elements...), nil
}

// ParseFilter reads a filter from lists as a configuration has them: names and
// ids as [ParseSelector] does, but a name may have commas in it, and tags of
// which a single element is split at commas. An empty list is no constraint. The
// error lists everything that is wrong.
func ParseFilter(names, ids, tags []string) (f Filter, err error) {
	var errs [3]error
	f.Name, errs[0] = parseLiteral(names)
	f.ID, errs[1] = ParseSelector(ids)
	f.Tags, errs[2] = parseTags(tags)
	for i, key := range []string{"name", "id", "tag"} {
		if errs[i] != nil {
			errs[i] = fmt.Errorf("%s: %w", key, errs[i])
		}
	}
	return f, errors.Join(errs[:]...)
}

func parseTags(elements []string) ([]string, error) {
	if len(elements) == 0 {
		return nil, nil
	}
	if len(elements) == 1 {
		elements = splitList(elements[0])
	}
	var errs []error
	for _, tag := range elements {
		errs = append(errs, checkTag(tag))
	}
	return elements, errors.Join(errs...)
}

func isExpression(text string) bool {
	return len(text) >= 2 && strings.HasPrefix(text, "/") && strings.HasSuffix(text, "/")
}

func splitList(text string) []string {
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

func (s Selector) constrains() bool { return s.exact != nil || s.pattern != nil }

func (s Selector) matches(text string) bool {
	switch {
	case s.pattern != nil:
		return s.pattern.MatchString(text)
	case s.exact != nil:
		return slices.Contains(s.exact, text)
	default:
		return true
	}
}

// String returns the selector as a configuration has it; it is empty for one
// that matches everything.
func (s Selector) String() string {
	if s.pattern != nil {
		return "/" + s.pattern.String() + "/"
	}
	return strings.Join(s.exact, ",")
}
