package config

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// GenerateOptions say what [Model.Generate] writes beside the samples.
type GenerateOptions struct {
	// Name is the name of the servo. Empty leaves it out.
	Name string
	// Defaults includes values that are defaults, and the stanzas settings and
	// checks.
	Defaults bool
	// Standalone leaves out the key connectors. An alias needs that key, so it is
	// an error with one.
	Standalone bool
	// Environ is the environment the servo will have. When it says which
	// optimizer to use, the file does not.
	Environ []string
	// Existing is the text of a file to which a document is appended. Every byte
	// of it is kept.
	Existing []byte
	_        struct{}
}

// Generate returns the text of a configuration that uses connectors, given as
// "vegeta" or "alias:vegeta"; none means all kinds, and then the key connectors
// is left out. Keys carry their description as a comment. The error names unknown
// connectors and aliases that cannot be used, or lists the problems of a text that
// cannot be appended to.
func (m Model) Generate(connectors []string, o GenerateOptions) ([]byte, error) {
	mounts, err := m.mounts(connectors)
	if err != nil {
		return nil, err
	}
	if o.Standalone {
		if err := standalone(mounts); err != nil {
			return nil, err
		}
	}
	root := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	add := func(key string, value *yaml.Node) {
		if value != nil {
			root.Content = append(root.Content, commented(key, reflect.TypeFor[fixedKeys]()), value)
		}
	}
	if o.Name != "" {
		add("name", textNode(o.Name))
	}
	if env := variables(o.Environ); env["OPSANI_OPTIMIZER"] == "" && env["APPD_OPTIMIZER_ID"] == "" && env["SERVO_OPTIMIZER"] == "" {
		placeholder := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{
			textNode("id"), textNode("generated-id.test/generated"), textNode("token"), textNode("generated-token"),
		}}
		add("optimizer", placeholder)
	}
	if len(connectors) > 0 && !o.Standalone {
		add("connectors", mountsNode(mounts))
	}
	if o.Defaults {
		add("no_diagnostics", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
		for key, t := range map[string]reflect.Type{"settings": reflect.TypeFor[Common](), "checks": reflect.TypeFor[Checks]()} {
			defaults := reflect.New(t).Elem()
			setDefaults(defaults)
			n, err := encoder{}.encode(defaults)
			if err != nil {
				return nil, err
			}
			annotate(n, t)
			add(key, withoutNulls(n, nil))
		}
		order := topLevel()
		sortKeys(root, order)
	}
	for _, mount := range mounts {
		k, err := m.kind(mount.Connector)
		if err != nil {
			return nil, err
		}
		n, err := k.sample(o.Defaults)
		if err != nil {
			return nil, err
		}
		key := textNode(mount.Name)
		key.HeadComment = k.Description
		root.Content = append(root.Content, key, n)
	}
	if len(root.Content) == 0 {
		root.Style = yaml.FlowStyle
	}
	text, err := writeYAML(root)
	if err != nil {
		return nil, err
	}
	return appended(o.Existing, text)
}

// standalone reports each alias: only the key connectors says what it means.
func standalone(mounts []Mount) error {
	var problems FieldErrors
	for _, m := range mounts {
		if m.Name != m.Connector {
			problems = append(problems, &FieldError{Path: "connectors", Message: fmt.Sprintf(
				"the alias %q needs the key connectors, which standalone leaves out; give %q, or do without standalone", m.Name+":"+m.Connector, m.Connector)})
		}
	}
	return problems.asError()
}

// sortKeys puts the keys of a mapping into an order.
func sortKeys(n *yaml.Node, order []string) {
	list := entries(n)
	slices.SortStableFunc(list, func(a, b entry) int {
		return slices.Index(order, a.key.Value) - slices.Index(order, b.key.Value)
	})
	n.Content = nil
	for _, e := range list {
		n.Content = append(n.Content, e.key, e.value)
	}
}

// appended puts text behind what exists, as a document of its own.
func appended(existing, text []byte) ([]byte, error) {
	if len(bytes.TrimSpace(existing)) == 0 {
		return append(slices.Clone(existing), text...), nil
	}
	if _, err := parseNodes("the existing file", existing); err != nil {
		return nil, err
	}
	out := slices.Clone(existing)
	if !bytes.HasSuffix(out, []byte("\n")) {
		out = append(out, '\n')
	}
	out = append(out, "---\n"...)
	return append(out, text...), nil
}

// mountsNode is a list, or a mapping when there is an alias.
func mountsNode(mounts []Mount) *yaml.Node {
	aliased := slices.ContainsFunc(mounts, func(m Mount) bool { return m.Name != m.Connector })
	out := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	if aliased {
		out.Kind, out.Tag = yaml.MappingNode, "!!map"
	}
	for _, m := range mounts {
		out.Content = append(out.Content, textNode(m.Name))
		if aliased {
			out.Content = append(out.Content, textNode(m.Connector))
		}
	}
	return out
}

// sample is the stanza that shows how the connector is configured.
func (k Kind) sample(defaults bool) (*yaml.Node, error) {
	t := reflect.TypeOf(k.Config)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	empty := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: yaml.FlowStyle}
	if t == nil {
		return empty, nil
	}
	usual := reflect.New(t).Elem()
	setDefaults(usual)
	full, err := encoder{}.encode(usual)
	if err != nil {
		return nil, err
	}
	var out *yaml.Node
	if k.Sample != nil {
		if out, err = (encoder{reveal: true}).encode(reflect.ValueOf(k.Sample)); err != nil {
			return nil, err
		}
		if !defaults {
			out = explicit(out, out, full, false)
		}
	} else {
		if out, err = examples(t, 0); err != nil {
			return nil, err
		}
		if defaults {
			out = inOrder(merge(out, full), full)
		}
	}
	if out = withoutNulls(out, nil); out == nil {
		return empty, nil
	}
	annotate(out, t)
	return out, nil
}

// inOrder puts the keys of n into the order of like.
func inOrder(n, like *yaml.Node) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode || like == nil || like.Kind != yaml.MappingNode {
		return n
	}
	out := *n
	var order []string
	for _, e := range entries(like) {
		order = append(order, e.key.Value)
	}
	sortKeys(&out, order)
	return &out
}

// examples collects the struct tags example of t and the structs in it.
func examples(t reflect.Type, depth int) (*yaml.Node, error) {
	if t.Kind() != reflect.Struct || depth > maxDepth {
		return nil, nil //nolint:nilnil // no example
	}
	s, err := shapeOf(t)
	if err != nil {
		return nil, err
	}
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, f := range s.fields {
		field := t.FieldByIndex(f.index)
		var n *yaml.Node
		if text, ok := field.Tag.Lookup("example"); ok {
			n, err = exampleNode(text, field.Type)
		} else if !readsItself(field.Type) {
			n, err = examples(field.Type, depth+1)
		}
		if err != nil {
			return nil, err
		}
		if n != nil {
			out.Content = append(out.Content, textNode(f.key), n)
		}
	}
	if len(out.Content) == 0 {
		return nil, nil //nolint:nilnil // no example
	}
	return out, nil
}

// commented is a key of t with its description above it.
func commented(name string, t reflect.Type) *yaml.Node {
	key := textNode(name)
	if s, err := shapeOf(t); err == nil {
		for _, f := range s.fields {
			if f.key == name {
				key.HeadComment = t.FieldByIndex(f.index).Tag.Get("description")
			}
		}
	}
	return key
}

// annotate puts the descriptions of the fields of t above the keys of n.
func annotate(n *yaml.Node, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n == nil {
		return
	}
	if n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice && n.Style&yaml.FlowStyle == 0 {
		for _, item := range n.Content {
			annotate(item, t.Elem())
		}
		return
	}
	if n.Kind != yaml.MappingNode || t.Kind() != reflect.Struct || n.Style&yaml.FlowStyle != 0 {
		return
	}
	s, err := shapeOf(t)
	if err != nil {
		return
	}
	for _, e := range entries(n) {
		for _, f := range s.fields {
			if field := t.FieldByIndex(f.index); f.key == e.key.Value {
				e.key.HeadComment = strings.ReplaceAll(field.Tag.Get("description"), "\n", " ")
				annotate(e.value, field.Type)
			}
		}
	}
}
