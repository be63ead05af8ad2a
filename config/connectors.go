package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Mount says that a connector is active under a name. In
//
//	connectors: {staging: prometheus, production: prometheus}
//
// the connector "prometheus" is mounted twice, and the stanzas are called
// "staging" and "production".
type Mount struct {
	// Name is the key of the stanza and the name of the running connector.
	Name string
	// Connector is the name the connector is known by. It is the same as Name
	// unless the file gives another one.
	Connector string
}

var connectorName = regexp.MustCompile(`^[0-9a-zA-Z_/.-]{3,128}$`)

// reservedNames cannot be names of connectors, beside the fixed keys.
var reservedNames = []string{"control", "measure", "adjust", "optimization"}

// place is where a document names something.
type place struct {
	position
	path string
}

// descriptor is the value of the key "connectors".
type descriptor struct {
	mounts []Mount
	at     map[string]place // by mount name
	given  bool
}

// UnmarshalYAML accepts a list of names or a mapping of name to connector.
func (c *descriptor) UnmarshalYAML(n *yaml.Node) error {
	c.given, c.at = true, map[string]place{}
	var problems FieldErrors
	report := func(at *yaml.Node, path, message string) {
		problems = append(problems, &FieldError{Line: at.Line, Column: at.Column, Path: path, Message: message})
	}
	add := func(at *yaml.Node, path, name, connector string) {
		if message := nameProblem(name); message != "" {
			report(at, path, message)
		}
		if _, twice := c.at[name]; !twice {
			c.at[name] = place{position{at.Line, at.Column}, joinPath("connectors", path)}
			c.mounts = append(c.mounts, Mount{Name: name, Connector: connector})
		}
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for i, item := range n.Content {
			path := fmt.Sprintf("[%d]", i)
			if name := resolve(item); name.Kind != yaml.ScalarNode || isNull(name) {
				report(item, path, kindName(item)+" is not the name of a connector")
			} else {
				add(item, path, name.Value, name.Value)
			}
		}
	case yaml.MappingNode:
		for _, e := range entries(n) {
			name := resolve(e.key).Value
			path := keyPath("", name)
			if value := resolve(e.value); value.Kind != yaml.ScalarNode || isNull(value) {
				report(e.value, path, kindName(value)+" is not the name of a connector")
			} else {
				add(e.key, path, name, value.Value)
			}
		}
	default:
		return &FieldError{Message: kindName(n) + " is not a list of connectors or a mapping of names to connectors"}
	}
	return problems.asError()
}

// nameProblem says why no connector can be mounted under a name.
func nameProblem(name string) string {
	switch {
	case slices.Contains(reservedNames, name), slices.Contains(topLevel(), name):
		return fmt.Sprintf("the name %q is reserved", name)
	case !connectorName.MatchString(name):
		return showText(name) + " is not a name of 3 to 128 letters, digits, \"-\", \"_\", \"/\" or \".\""
	}
	return ""
}

// Resolve says which connectors this document makes active, in file order, when
// those called known are available. Without the key "connectors" these are the
// ones with a stanza of their name that is not null; with it, exactly those it
// lists, and each of them must have a stanza that is not null. A stanza may also
// come from [Sources]: for a connector that is listed any of its variables makes
// one, otherwise only the variable of the whole stanza or an option. A stanza named
// like a known connector that is not listed is fine: that is how a connector is
// parked.
//
// The error is a [FieldErrors] that names every connector that is not known, every
// mount name that belongs to another connector, every missing stanza, and every
// top-level key that names nothing at all, each with the name that was probably
// meant.
func (d *Document) Resolve(known []string) ([]Mount, error) {
	var problems FieldErrors
	report := func(line, column int, path, message string) {
		p := &FieldError{Path: path, Message: message, located: true}
		p.File, p.Line, p.Column = d.layers.place(d.File, line, column)
		problems = problems.with(p)
	}
	mounts := slices.Clone(d.Connectors)
	if !d.HasConnectors {
		for _, s := range d.stanzas {
			if slices.Contains(known, s.name) && !s.isNull() {
				mounts = append(mounts, Mount{Name: s.name, Connector: s.name})
			}
		}
		for _, name := range known {
			if _, inFile := d.inFile(name); inFile {
				continue
			}
			if s, ok := d.Stanza(name); ok && !s.isNull() {
				mounts = append(mounts, Mount{Name: name, Connector: name})
			}
		}
	}
	names := slices.Concat(topLevel(), known)
	for _, m := range mounts {
		names = append(names, m.Name)
		at, wrongName := d.mountAt[m.Name], d.HasConnectors && nameProblem(m.Name) != ""
		switch {
		case wrongName && m.Name == m.Connector: // Parse said so
			continue
		case !slices.Contains(known, m.Connector):
			report(at.line, at.column, at.path, unknownConnector(m.Connector, known))
			continue
		case m.Name != m.Connector && slices.Contains(known, m.Name):
			report(at.line, at.column, at.path, fmt.Sprintf("the name %q is reserved for the connector of that name", m.Name))
			continue
		case wrongName:
			continue
		}
		if s, ok := d.Stanza(m.Name); !ok {
			report(at.line, at.column, keyPath("", m.Name), "required because \"connectors\" lists it; {} accepts its defaults")
		} else if s.isNull() {
			report(s.key.Line, s.key.Column, s.Path(), "null is not a configuration; {} accepts its defaults")
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, s := range d.stanzas {
		if !slices.Contains(names, s.name) {
			message, _ := unknownKey(s.name, names)
			report(s.key.Line, s.key.Column, s.Path(), message)
		}
	}
	return mounts, problems.asError()
}

func unknownConnector(name string, known []string) string {
	known = slices.Compact(slices.Sorted(slices.Values(known)))
	message := "no connector is called " + showText(name)
	if suggestion := closest(name, known); suggestion != "" {
		message += fmt.Sprintf("; did you mean %q?", suggestion)
	}
	return message + " (known: " + strings.Join(known, ", ") + ")"
}
