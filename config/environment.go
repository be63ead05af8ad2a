package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/types"
)

// reservedVariables belong to the command line, whatever a connector is called.
var reservedVariables = []string{
	"SERVO_CONFIG_FILE", "SERVO_LOG_LEVEL", "SERVO_NO_COLOR", "SERVO_RUN_CHECK", "SERVO_RUN_DEBUG",
	"SERVO_BANNER_FONT", "SERVO_BANNER_COLOR", "SERVO_NAME", "SERVO_UID",
}

// variableOf returns the variable of a stanza: SERVO_VEGETA.
func variableOf(stanza string) string { return "SERVO_" + strings.ToUpper(stanza) }

// reader turns what one layer says about a stanza into nodes.
type reader struct {
	layer    layer
	optimize reflect.Type // the kind of optimizer whose variables count
	problems *FieldErrors
	origins  []string
}

// over lays everything that other sources say about a value of type t, which
// stands at path, over or under the node n of the file. The type may be nil when
// it is not known yet; then the variables of fields do not count.
func (l *layers) over(n *yaml.Node, t reflect.Type, path, whole, prefix string, optimizer reflect.Type, fill []string) (*yaml.Node, FieldErrors) {
	if l == nil {
		return n, nil
	}
	var problems FieldErrors
	var out *yaml.Node
	for _, layer := range l.list {
		given := n
		if !layer.file {
			r := &reader{layer: layer, optimize: optimizer, problems: &problems, origins: l.origins}
			given = r.read(t, whole, prefix, path)
			given = merge(r.optionsAt(path), given)
			given = withoutGiven(given, n, fill)
		}
		out = merge(out, given)
	}
	return out, problems
}

// withoutGiven drops the keys of given that may only fill what n leaves open.
func withoutGiven(given, n *yaml.Node, fill []string) *yaml.Node {
	if given == nil || n == nil || resolve(given).Kind != yaml.MappingNode || resolve(n).Kind != yaml.MappingNode {
		return given
	}
	for _, path := range fill {
		head, rest, nested := strings.Cut(path, ".")
		for _, e := range entries(resolve(n)) {
			if resolve(e.key).Value != head || isNull(e.value) {
				continue
			}
			inner := valueAt(given, head)
			switch {
			case inner == nil:
			case nested:
				given = with(given, head, withoutGiven(inner, e.value, []string{rest}))
			default:
				given = without(given, head)
			}
		}
	}
	return given
}

func valueAt(n *yaml.Node, key string) *yaml.Node {
	if n == nil || resolve(n).Kind != yaml.MappingNode {
		return nil
	}
	for _, e := range entries(resolve(n)) {
		if resolve(e.key).Value == key {
			return e.value
		}
	}
	return nil
}

func without(n *yaml.Node, key string) *yaml.Node {
	out := *resolve(n)
	out.Content = nil
	for _, e := range entries(resolve(n)) {
		if resolve(e.key).Value != key {
			out.Content = append(out.Content, e.key, e.value)
		}
	}
	return &out
}

func with(n *yaml.Node, key string, value *yaml.Node) *yaml.Node {
	out := yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: value.Line}
	at := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key, Line: value.Line}
	out.Content = []*yaml.Node{at, value}
	if n == nil {
		return &out
	}
	return merge(&out, without(n, key))
}

// read returns what the variables of the layer say about a value of type t: the
// variable for the whole of it, and below that those of its fields.
func (r *reader) read(t reflect.Type, whole, prefix, path string) *yaml.Node {
	if r.layer.variables == nil {
		return nil
	}
	var out *yaml.Node
	if whole != "" {
		out = r.variable(whole, t, path, t == nil || isComposite(t))
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[Optimizer]() && r.optimize != nil {
		t = r.optimize
	}
	if t == nil || t.Kind() != reflect.Struct || out != nil && resolve(out).Kind != yaml.MappingNode {
		return out
	}
	s, err := shapeOf(t)
	if err != nil {
		return out // reported when it is decoded into
	}
	for _, f := range s.fields {
		name, below := fieldVariable(t.FieldByIndex(f.index), f.key, prefix)
		if name == "" {
			continue
		}
		ft := t.FieldByIndex(f.index).Type
		var value *yaml.Node
		switch {
		case below != "" || ft == reflect.TypeFor[Optimizer]():
			value = r.read(ft, name, below, keyPath(path, f.key))
		case ft == secretType:
			value = r.secret(name, keyPath(path, f.key))
		case prefix == "" || !slices.Contains(reservedVariables, name) || t == reflect.TypeFor[fixedKeys]():
			value = r.variable(name, ft, keyPath(path, f.key), isComposite(ft))
		}
		if value != nil {
			if deeper := valueAt(out, f.key); deeper != nil {
				value = merge(value, deeper)
			}
			out = with(out, f.key, value)
		}
	}
	return out
}

// fieldVariable returns the variable of a field and the prefix of those below it.
// The struct tag env replaces the name, envprefix sets the prefix below.
func fieldVariable(f reflect.StructField, key, prefix string) (name, below string) {
	below = f.Tag.Get("envprefix")
	if name, ok := f.Tag.Lookup("env"); ok {
		return strings.TrimSuffix(name, "-"), below
	}
	if prefix == "" {
		return "", below
	}
	return prefix + strings.ToUpper(key), below
}

func (r *reader) line(key string) int { return -1 - r.layer.origin[key] }

func (r *reader) report(key, path, message string) {
	*r.problems = r.problems.with(&FieldError{File: r.origins[r.layer.origin[key]], Path: path, Message: message, located: true})
}

// variable returns the node that a variable stands for. An empty variable is
// empty text where text is wanted, and otherwise as if it was not set.
func (r *reader) variable(name string, t reflect.Type, path string, composite bool) *yaml.Node {
	text, ok := r.layer.variables[name]
	if !ok || text == "" && (t == nil || t.Kind() != reflect.String || composite) {
		return nil
	}
	n, err := fromText(text, composite, t != nil && readsItself(t), r.line(name))
	if err != nil {
		r.report(name, path, err.Error())
		return nil
	}
	return r.checked(n, name, path)
}

// checked applies what is required of the nodes of a file.
func (r *reader) checked(n *yaml.Node, name, path string) *yaml.Node {
	c := newInspector(r.origins[r.layer.origin[name]], path)
	c.visit(n)
	for _, p := range c.problems {
		p.Line, p.Column = 0, 0
		*r.problems = r.problems.with(p)
	}
	if c.fatal {
		return nil
	}
	return n
}

// secret prefers the file that NAME_FILE names to the value of NAME, because
// what is in the environment is seen by more people.
func (r *reader) secret(name, path string) *yaml.Node {
	if file := r.layer.variables[name+"_FILE"]; file != "" {
		value, err := readSecret(file)
		if err != nil {
			r.report(name+"_FILE", path, err.Error())
			return nil
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Style: yaml.DoubleQuotedStyle, Line: r.line(name + "_FILE")}
	}
	if value := r.layer.variables[name]; value != "" {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Style: yaml.DoubleQuotedStyle, Line: r.line(name)}
	}
	return nil
}

// optionsAt returns what the options say below path.
func (r *reader) optionsAt(path string) *yaml.Node {
	var out *yaml.Node
	for _, key := range slices.Sorted(maps.Keys(r.layer.options)) {
		rest := key
		if path != "" {
			if !within(key, path) {
				continue
			}
			rest = strings.TrimPrefix(strings.TrimPrefix(key, path), ".")
		} else if head, _, _ := strings.Cut(key, "."); !slices.Contains(topLevel(), head) {
			continue
		}
		n := r.option(key)
		if n == nil {
			continue
		}
		if rest != "" {
			names := strings.Split(rest, ".")
			for _, name := range slices.Backward(names) {
				n = with(nil, name, n)
			}
		}
		out = merge(n, out)
	}
	return out
}

func (r *reader) option(key string) *yaml.Node {
	value := r.layer.options[key]
	if text, ok := value.(string); ok {
		n, err := fromText(text, strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["), true, r.line(key))
		if err != nil {
			n = scalar(text, r.line(key))
		}
		return r.checked(n, key, key)
	}
	data, err := json.Marshal(value)
	if err != nil {
		r.report(key, key, "the value cannot be read: "+err.Error())
		return nil
	}
	n, err := fromJSON(data, r.line(key))
	if err != nil {
		r.report(key, key, err.Error())
		return nil
	}
	return r.checked(n, key, key)
}

// isComposite reports whether values of type t are written as lists or mappings.
func isComposite(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == secretType || t == reflect.TypeFor[types.Duration]() || t == reflect.TypeFor[time.Duration]() ||
		reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return false
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice, reflect.Array, reflect.Interface:
		return true
	}
	return false
}

// fromText reads the value of a variable. Composite values are JSON; those that
// have a short form besides may also be plain.
func fromText(text string, composite, short bool, line int) (*yaml.Node, error) {
	if !composite {
		return scalar(text, line), nil
	}
	if trimmed := strings.TrimSpace(text); short && !strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "[") {
		return scalar(strings.Trim(trimmed, `"`), line), nil
	}
	return fromJSON([]byte(text), line)
}

// scalar is a value whose type is decided by what it is decoded into, except
// that nothing is null.
func scalar(text string, line int) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: text, Line: line}
	if tag := n.ShortTag(); tag == "!!null" || tag == "!!merge" || tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	return n
}

var errNotJSON = errors.New(`not JSON: write lists and mappings as in ["a", "b"] or {"key": "value"}`)

// fromJSON reads exactly one JSON value. The nodes have no columns and the line
// of their origin.
func fromJSON(data []byte, line int) (*yaml.Node, error) {
	if len(data) > maxBytes {
		return nil, fmt.Errorf("larger than %d bytes", maxBytes)
	}
	if !json.Valid(data) {
		return nil, errNotJSON
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	n, err := nextJSON(d, line, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotJSON
	}
	return n, nil
}

func nextJSON(d *json.Decoder, line, depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return nil, errNotJSON
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: line}
	switch v := token.(type) {
	case json.Delim:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		if v == '[' {
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
		for d.More() {
			child, err := nextJSON(d, line, depth+1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		if _, err := d.Token(); err != nil {
			return nil, errNotJSON
		}
	case string:
		n.Tag, n.Value, n.Style = "!!str", v, yaml.DoubleQuotedStyle
	case json.Number:
		n.Value = v.String()
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(v)
	case nil:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, nil
}
