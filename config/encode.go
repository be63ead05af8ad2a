package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/types"
)

// encoder writes values of configuration types as nodes, in the order of their
// fields.
type encoder struct {
	reveal bool
	layers *layers // to refer to variables that give secrets
}

func nullNode() *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"} }

// meantNull reports whether a null is a value, as for a pattern of [Proxies], and
// not only the absence of one.
func meantNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && isNull(n) && n.Value == "~" }

// mapMark is the value of a node that a map of Go became. Its keys are there
// because they are given, whatever their values; the keys of a struct always are.
const mapMark = "map"

func isMap(n *yaml.Node) bool { return n.Kind == yaml.MappingNode && n.Value == mapMark }

// absent reports whether a node says nothing: as the default of what is empty,
// it need not be replaced.
func absent(n *yaml.Node) bool {
	return n == nil || isNull(n) || n.Kind == yaml.ScalarNode && n.Value == "" || n.Kind != yaml.ScalarNode && len(n.Content) == 0
}

func emptyMapping() *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: yaml.FlowStyle}
}

func textNode(text string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(text)
	return n
}

// encode writes v, unless e reveals them without its secrets.
func (e encoder) encode(v reflect.Value) (*yaml.Node, error) { return e.encodeGiven(v, nil) }

// encodeGiven is encode for what the sources together give.
func (e encoder) encodeGiven(v reflect.Value, given *yaml.Node) (*yaml.Node, error) {
	n, err := e.tree(v)
	if err != nil || e.reveal {
		return n, err
	}
	return concealer{e.layers}.conceal(n, given, false), nil
}

// tree writes v; of secrets only each [Secret] is masked.
func (e encoder) tree(v reflect.Value) (*yaml.Node, error) {
	if !v.IsValid() {
		return nullNode(), nil
	}
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nullNode(), nil
		}
		return e.tree(v.Elem())
	}
	if !v.CanAddr() {
		fresh := reflect.New(v.Type()).Elem()
		fresh.Set(v)
		v = fresh
	}
	if n, ok, err := e.itself(v); ok {
		return n, err
	}
	switch v.Kind() {
	case reflect.Struct:
		return e.fields(v)
	case reflect.Map:
		return e.entries(v)
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			return nullNode(), nil
		}
		out := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for i := range v.Len() {
			n, err := e.tree(v.Index(i))
			if err != nil {
				return nil, err
			}
			out.Content = append(out.Content, n)
		}
		return out, nil
	}
	return plainNode(v.Interface())
}

func plainNode(value any) (*yaml.Node, error) {
	if n := scalarNode(value); n != nil {
		return n, nil
	}
	n := &yaml.Node{}
	if err := n.Encode(value); err != nil {
		return nil, fmt.Errorf("writing a %T: %w", value, err)
	}
	return n, nil
}

// scalarNode writes what has no form of its own as [yaml.Node.Encode] does, which
// would make a printer and a parser for each value. It is nil for all else.
func scalarNode(value any) *yaml.Node {
	switch value := value.(type) {
	case yaml.Marshaler, time.Time, *time.Time, time.Duration:
		return nil
	case encoding.TextMarshaler:
		if text, err := value.MarshalText(); err == nil {
			return textNode(string(text))
		}
		return nil // for the error
	}
	scalar := func(tag, text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text} }
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.String:
		return textNode(v.String())
	case reflect.Bool:
		return scalar("!!bool", strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return scalar("!!int", strconv.FormatInt(v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return scalar("!!int", strconv.FormatUint(v.Uint(), 10))
	case reflect.Float64:
		text := strconv.FormatFloat(v.Float(), 'g', -1, 64)
		if strings.ContainsAny(text, "IN") { // infinite or no number
			return nil
		}
		if strings.ContainsAny(text, ".e") {
			return scalar("!!float", text)
		}
		return scalar("!!int", text) // as which it is read again
	default:
		return nil
	}
}

// itself writes values that know their own form.
func (e encoder) itself(v reflect.Value) (n *yaml.Node, ok bool, err error) {
	switch value := v.Addr().Interface().(type) {
	case *Secret:
		switch {
		case value.IsZero():
			return nullNode(), true, nil
		case e.reveal:
			return textNode(value.Reveal()), true, nil
		}
		return textNode(value.String()), true, nil
	case *Proxies:
		if n, err = plainNode(value.plain(true)); err == nil {
			for _, entry := range entries(n) {
				if isNull(entry.value) {
					entry.value.Value = "~"
				}
			}
		}
	case *Optimizer:
		n, err = e.optimizer(*value)
	case *time.Duration:
		n = textNode(types.Duration(*value).String())
	case *yaml.Node:
		n = nullNode() // what stands there may be secret
	case yaml.Marshaler:
		var plain any
		if plain, err = value.MarshalYAML(); err == nil {
			n, err = plainNode(plain)
		}
	case encoding.TextMarshaler:
		var text []byte
		if text, err = value.MarshalText(); err == nil {
			n = textNode(string(text))
		}
	case json.Marshaler:
		var data []byte
		if data, err = value.MarshalJSON(); err == nil {
			n, err = fromJSON(data, 0)
		}
	default:
		return nil, false, nil
	}
	return n, true, err
}

func (e encoder) optimizer(o Optimizer) (*yaml.Node, error) {
	if o.IsZero() {
		return nullNode(), nil
	}
	if a := o.AppDynamics; a != nil {
		derived := a.derived()
		return e.fields(reflect.ValueOf(&derived).Elem())
	}
	o.URL = o.Endpoint()
	return e.fields(reflect.ValueOf(&o).Elem())
}

func (e encoder) fields(v reflect.Value) (*yaml.Node, error) {
	s, err := shapeOf(v.Type())
	if err != nil {
		return nil, err
	}
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, f := range s.fields {
		value, ok := fieldIfAny(v, f.index)
		if !ok {
			continue
		}
		n, err := e.tree(value)
		if err != nil {
			return nil, err
		}
		out.Content = append(out.Content, textNode(f.key), n)
	}
	if s.rest != nil {
		if value, ok := fieldIfAny(v, s.rest); ok && !value.IsNil() {
			rest, err := e.entries(value)
			if err != nil {
				return nil, err
			}
			out.Content = append(out.Content, rest.Content...)
		}
	}
	return out, nil
}

func (e encoder) entries(v reflect.Value) (*yaml.Node, error) {
	if v.IsNil() {
		return nullNode(), nil
	}
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Value: mapMark}
	for _, key := range sortedKeys(v) {
		n, err := e.tree(v.MapIndex(key))
		if err != nil {
			return nil, err
		}
		out.Content = append(out.Content, textNode(keyText(key)), n)
	}
	return out, nil
}

// explicit keeps what given sets and what differs from defaults. It is nil when
// nothing is left. A value that is given in another form than it is printed in
// is kept whole, unless unknown keys are to be ignored.
func explicit(full, given, defaults *yaml.Node, ignore bool) *yaml.Node {
	switch {
	case full == nil || given == nil || sameNode(full, defaults):
		return nil
	case meantNull(full):
		return full
	case isNull(full) && !absent(defaults):
		return full // a pointer that is nil on purpose
	case isNull(given) || isNull(full):
		return nil
	case full.Kind == yaml.SequenceNode && resolve(given).Kind == yaml.SequenceNode:
		return explicitItems(full, resolve(given), ignore)
	case full.Kind != yaml.MappingNode || resolve(given).Kind != yaml.MappingNode:
		return full
	}
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: full.Style}
	set, all, usual := byKey(given), byKey(full), byKey(defaults)
	for key := range set {
		if _, ok := all[key]; !ignore && !ok {
			return full // another form of the same value
		}
	}
	for _, e := range entries(full) {
		at, ok := set[e.key.Value]
		if !ok {
			continue
		}
		before := usual[e.key.Value].value
		if isMap(full) {
			if sameNode(e.value, before) {
				continue
			}
			before = nil // an entry replaces that of the default
		}
		value := explicit(e.value, at.value, before, ignore)
		if value == nil && isMap(full) {
			value = emptyEntry(e.value)
		}
		if value != nil {
			out.Content = append(out.Content, e.key, value)
		}
	}
	switch {
	case len(out.Content) > 0:
		return out
	case defaults != nil && isNull(defaults) && !isMap(full):
		return emptyMapping() // a pointer that is set
	}
	return nil
}

// emptyEntry is what stands for the value of an entry of which nothing is left.
func emptyEntry(value *yaml.Node) *yaml.Node {
	if value.Kind == yaml.MappingNode {
		return emptyMapping()
	}
	return value
}

// explicitItems keeps all items of a list, and of each what is given.
func explicitItems(full, given *yaml.Node, ignore bool) *yaml.Node {
	if len(full.Content) != len(given.Content) {
		return full
	}
	out := *full
	out.Content = nil
	for i, item := range full.Content {
		shown := explicit(item, given.Content[i], nil, ignore)
		switch {
		case shown != nil:
		case item.Kind == yaml.MappingNode:
			shown = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: yaml.FlowStyle}
		default:
			shown = item
		}
		out.Content = append(out.Content, shown)
	}
	return &out
}

func sameNode(a, b *yaml.Node) bool {
	if a == nil || b == nil || a.Kind != b.Kind || a.Value != b.Value || len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !sameNode(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return a.Kind != yaml.ScalarNode || a.ShortTag() == b.ShortTag()
}

// withoutNulls drops keys without a value, and lists and mappings without any,
// unless usual, the default, has something there. The entries of a map stay.
func withoutNulls(n, usual *yaml.Node) *yaml.Node {
	switch {
	case n == nil:
		return nil
	case n.Kind != yaml.MappingNode && absent(n) && !meantNull(n):
		if absent(usual) {
			return nil
		}
		return n
	}
	out := *n
	if n.Kind != yaml.MappingNode {
		out.Content = slices.Clone(n.Content)
		for i, item := range out.Content {
			if cleaned := withoutNulls(item, nil); item.Kind == yaml.MappingNode && cleaned != nil {
				out.Content[i] = cleaned
			}
		}
		return &out
	}
	out.Content = nil
	before := byKey(usual)
	for _, e := range entries(n) {
		var value *yaml.Node
		if isMap(n) {
			if value = withoutNulls(e.value, nil); value == nil {
				value = emptyEntry(e.value)
			}
		} else {
			value = withoutNulls(e.value, before[e.key.Value].value)
		}
		if value != nil {
			out.Content = append(out.Content, e.key, value)
		}
	}
	switch {
	case len(out.Content) > 0:
		return &out
	case usual != nil && isNull(usual) && !isMap(n):
		return emptyMapping() // a pointer that is set
	}
	return nil
}

// sorted orders the keys of all mappings.
func sorted(n *yaml.Node) *yaml.Node {
	out := *n
	out.Content = nil
	if n.Kind != yaml.MappingNode {
		for _, item := range n.Content {
			out.Content = append(out.Content, sorted(item))
		}
		return &out
	}
	list := entries(n)
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.key.Value, b.key.Value) })
	for _, e := range list {
		out.Content = append(out.Content, e.key, sorted(e.value))
	}
	return &out
}

// writeYAML prints a node with an indent of two.
func writeYAML(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	w := yaml.NewEncoder(&b)
	w.SetIndent(2)
	if err := w.Encode(n); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return b.Bytes(), w.Close()
}

// writeJSON prints a node as compact JSON and keeps the order of keys.
func writeJSON(b *bytes.Buffer, n *yaml.Node) error {
	n = resolve(n)
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i, e := range entries(n) {
			if i > 0 {
				b.WriteByte(',')
			}
			key, err := json.Marshal(resolve(e.key).Value)
			if err != nil {
				return err
			}
			b.Write(key)
			b.WriteByte(':')
			if err := writeJSON(b, e.value); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSON(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	}
	var value any
	if err := n.Decode(&value); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	if n.ShortTag() == "!!timestamp" {
		value = n.Value
	}
	var scalar bytes.Buffer
	w := json.NewEncoder(&scalar)
	w.SetEscapeHTML(false)
	if err := w.Encode(value); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	b.Write(bytes.TrimSuffix(scalar.Bytes(), []byte("\n")))
	return nil
}

// rawJSON is a node as it stands in a schema.
func rawJSON(n *yaml.Node) (json.RawMessage, error) {
	var b bytes.Buffer
	err := writeJSON(&b, n)
	return b.Bytes(), err
}
