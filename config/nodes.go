package config

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Bounds of what a configuration may be. A ConfigMap holds at most 1 MiB, so a
// file beyond these is a mistake or an attack, such as aliases of aliases that
// expand to gigabytes.
const (
	maxBytes = 2 << 20
	// maxDocuments bounds the servos of one file.
	maxDocuments = 1000
	maxNodes     = 200_000 // after aliases are replaced by what they stand for
	maxDepth     = 100
)

// entry is one key of a mapping with its value.
type entry struct{ key, value *yaml.Node }

// entries lists the keys of a mapping: its own in file order, then those it
// merges in with "<<" and does not override. Of duplicates the first counts.
func entries(n *yaml.Node) []entry {
	var out []entry
	seen := map[string]bool{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), n.Content[i+1]
		if isMerge(n.Content[i]) {
			if from := resolve(value); from.Kind == yaml.SequenceNode {
				merged = append(merged, from.Content...)
			} else {
				merged = append(merged, from)
			}
			continue
		}
		if !seen[key.Value] {
			seen[key.Value] = true
			out = append(out, entry{n.Content[i], value})
		}
	}
	for _, from := range merged {
		for _, e := range entries(resolve(from)) {
			if key := resolve(e.key).Value; !seen[key] {
				seen[key] = true
				out = append(out, e)
			}
		}
	}
	return out
}

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge"
}

func isNull(n *yaml.Node) bool {
	n = resolve(n)
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// inspector checks what does not depend on types: bounds, cycles, duplicate keys,
// merges and tags. Whatever passes it can be walked without further care. The
// bounds are checked on the way down, so that what is beyond them costs nothing.
type inspector struct {
	file     string
	base     string // the path of the value that is inspected
	steps    []step // from there to the value that is looked at
	problems FieldErrors
	fatal    bool
	visited  int
	active   map[*yaml.Node]bool
	done     map[*yaml.Node]extent
}

// step is one step of a path: to a key, or to the place in a list if it is nil.
type step struct {
	key   *yaml.Node
	index int
}

// extent is the size of a node with all aliases below it expanded.
type extent struct{ nodes, depth int }

func newInspector(file, base string) *inspector {
	return &inspector{file: file, base: base, active: map[*yaml.Node]bool{}, done: map[*yaml.Node]extent{}}
}

func inspect(file string, n *yaml.Node) (FieldErrors, bool) {
	c := newInspector(file, "")
	c.visit(n)
	return c.problems, !c.fatal
}

// path is put together only when there is something to say: that of every value
// in a deep file would take far more memory than the file.
func (c *inspector) path() string {
	path := c.base
	for _, s := range c.steps {
		if s.key != nil {
			path = keyPath(path, resolve(s.key).Value)
		} else {
			path = fmt.Sprintf("%s[%d]", path, s.index)
		}
	}
	return path
}

func (c *inspector) report(n *yaml.Node, path, format string, args ...any) {
	c.problems = c.problems.with(&FieldError{
		File: c.file, Line: n.Line, Column: n.Column, Path: path,
		Message: fmt.Sprintf(format, args...), located: true,
	})
}

func (c *inspector) abandon(n *yaml.Node, path, format string, args ...any) {
	if !c.fatal {
		c.report(n, path, format, args...)
	}
	c.fatal = true
}

func (c *inspector) tooDeep(n *yaml.Node) {
	c.abandon(n, "", "nested deeper than %d levels", maxDepth)
}

// below visits a value one step further down.
func (c *inspector) below(n *yaml.Node, s step) extent {
	c.steps = append(c.steps, s)
	e := c.visit(n)
	c.steps = c.steps[:len(c.steps)-1]
	return e
}

func (c *inspector) visit(n *yaml.Node) extent {
	if n.Kind == yaml.AliasNode {
		if c.active[n.Alias] {
			c.abandon(n, c.path(), "the alias stands inside of what it refers to")
			return extent{}
		}
		return c.visit(n.Alias)
	}
	if size, ok := c.done[n]; ok {
		return size
	}
	if c.visited++; c.visited > maxNodes {
		c.abandon(n, "", "more than %d values", maxNodes)
	}
	if len(c.steps) >= maxDepth {
		c.tooDeep(n)
	}
	if c.fatal {
		return extent{}
	}
	c.active[n] = true
	c.tag(n)
	size := extent{nodes: 1}
	add := func(e extent) {
		size.nodes += e.nodes
		size.depth = max(size.depth, e.depth)
		if size.nodes > maxNodes {
			c.abandon(n, c.path(), "more than %d values once aliases are expanded", maxNodes)
		}
	}
	switch n.Kind {
	case yaml.MappingNode:
		c.keys(n, add)
	case yaml.SequenceNode:
		for i, item := range n.Content {
			if c.fatal {
				break
			}
			add(c.below(item, step{index: i}))
		}
	}
	size.depth++
	if size.depth > maxDepth {
		c.tooDeep(n)
	}
	delete(c.active, n)
	c.done[n] = size
	return size
}

func (c *inspector) keys(n *yaml.Node, add func(extent)) {
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content) && !c.fatal; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if resolve(key).Kind != yaml.ScalarNode || isNull(key) {
			c.abandon(key, c.path(), "a key must be text, not null, a list or a mapping")
			return
		}
		name := resolve(key).Value
		id := name
		if isMerge(key) {
			id = "\x00merge" // "<<" in quotes is an ordinary key
		}
		if earlier, ok := first[id]; ok {
			c.report(key, keyPath(c.path(), name), "%s", duplicateKey(earlier.Line))
		} else {
			first[id] = key
		}
		add(c.visit(key))
		add(c.below(value, step{key: key}))
		if isMerge(key) && !c.fatal && !mergeable(value) {
			c.abandon(value, keyPath(c.path(), name), "only mappings can be merged, or lists of them")
		}
	}
}

func duplicateKey(line int) string {
	if line <= 0 { // not from a file
		return "duplicate key"
	}
	return fmt.Sprintf("duplicate key: it is already set on line %d", line)
}

func mergeable(value *yaml.Node) bool {
	from := resolve(value)
	if from.Kind != yaml.SequenceNode {
		return from.Kind == yaml.MappingNode
	}
	for _, item := range from.Content {
		if resolve(item).Kind != yaml.MappingNode {
			return false
		}
	}
	return true
}

// tag rejects tags other than the standard ones that fit their node. The text is
// not shown: a password may begin with "!".
func (c *inspector) tag(n *yaml.Node) {
	tag := n.ShortTag()
	switch {
	case n.Kind == yaml.MappingNode && tag == "!!map", n.Kind == yaml.SequenceNode && tag == "!!seq":
		return
	case n.Kind == yaml.ScalarNode:
		switch tag {
		case "!!merge", "!!str", "!!null":
			return
		case "!!int", "!!float", "!!bool", "!!timestamp", "!!binary":
			var value any
			if n.Style&yaml.TaggedStyle == 0 || n.Decode(&value) == nil {
				return
			}
			c.abandon(n, c.path(), "the value does not fit its tag")
			return
		}
	}
	c.abandon(n, c.path(), "tags are not supported; quote a text that begins with \"!\"")
}
