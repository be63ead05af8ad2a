package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/servokit/servokit/types"
	"go.yaml.in/yaml/v3"
)

// keyProbe is for types of this package that look at the keys before they choose
// a form.
type keyProbe map[string]yaml.Node

var (
	nodeType     = reflect.TypeFor[yaml.Node]()
	keyProbeType = reflect.TypeFor[keyProbe]()
)

type position struct{ line, column int }

// decoder walks a YAML node and a Go value side by side and notes every problem.
type decoder struct {
	file          string
	layers        *layers
	descriptionAt string // the mapping that accepts "description" in any case
	positions     map[string]position
	problems      FieldErrors
	opaque        *yaml.Node // must not be quoted: a type with a Secret decodes it
	secrets       []string   // to be hidden in messages
	constrained   *yaml.Node // what is given, to be held against the schema
	broken        error      // the Go type is at fault, not the file
	decoded       int        // how many of the problems are not from Validate
}

// report notes a problem at a node.
func (d *decoder) report(n *yaml.Node, path, message string) *FieldError {
	p := &FieldError{Path: path, Message: message, located: true}
	p.File, p.Line, p.Column = d.layers.place(d.file, n.Line, n.Column)
	d.problems = d.problems.with(p)
	return p
}

// mismatch reports that n is not what a value of type t is written as.
func (d *decoder) mismatch(n *yaml.Node, t reflect.Type, path, want string) {
	what := kindName(n)
	if resolve(n).Kind == yaml.ScalarNode && (resolve(n) == d.opaque || holdsSecret(t)) {
		what = "the value (hidden)"
	}
	_ = d.report(n, path, what+" is not "+want)
}

// decode sets v, which must be addressable, from n. key is the node of the key
// that n belongs to, if any.
func (d *decoder) decode(n, key *yaml.Node, v reflect.Value, path string) {
	at := n
	if key != nil && (isNull(n) || n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode) {
		at = key
	}
	if _, ok := d.positions[path]; !ok {
		d.positions[path] = position{at.Line, at.Column}
	}
	if d.masked(n, v.Type(), path) {
		return
	}
	if v.Type() == nodeType {
		v.Set(reflect.ValueOf(*resolve(n)))
		return
	}
	if isNull(n) {
		if v.Kind() == reflect.Pointer {
			v.SetZero()
		}
		return
	}
	if v.Kind() == reflect.Pointer {
		own(v)
		d.decode(n, key, v.Elem(), path)
		return
	}
	if v.Type() == secretType {
		if resolve(n).Kind == yaml.MappingNode {
			d.decodeSecret(n, v, path)
			return
		}
		if resolve(n).Kind == yaml.ScalarNode {
			d.secrets = append(d.secrets, resolve(n).Value, text(resolve(n)))
		}
	}
	if d.decodeItself(n, v, path) {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.decodeStruct(n, v, path)
	case reflect.Map:
		d.decodeMap(n, v, path)
	case reflect.Slice, reflect.Array:
		d.decodeList(n, v, path)
	case reflect.Interface:
		d.decodeAny(n, v, path)
	default:
		d.decodeScalar(n, v, path)
	}
}

// decodeItself hands n to a type that knows how to read itself, and reports
// whether there was one.
func (d *decoder) decodeItself(n *yaml.Node, v reflect.Value, path string) bool {
	node := resolve(n)
	var err error
	switch target := v.Addr().Interface().(type) {
	case yaml.Unmarshaler:
		if holdsSecret(v.Type()) {
			d.hideBelow(node) // what becomes a Secret cannot be seen from here
		}
		err = target.UnmarshalYAML(node)
	case interface{ UnmarshalYAML(func(any) error) error }:
		err = target.UnmarshalYAML(func(into any) error { return d.nested(n, v.Type(), into, path) })
	case *time.Duration:
		// A bare number would be nanoseconds here and seconds everywhere else.
		var span types.Duration
		err = span.UnmarshalYAML(func(into any) error { return d.nested(n, v.Type(), into, path) })
		*target = span.Std()
	case encoding.TextUnmarshaler:
		if node.Kind != yaml.ScalarNode {
			d.mismatch(n, v.Type(), path, "text")
			return true
		}
		err = target.UnmarshalText([]byte(text(node)))
	default:
		return false
	}
	if err != nil {
		if node.Kind == yaml.ScalarNode && holdsSecret(v.Type()) {
			d.secrets = append(d.secrets, node.Value, text(node))
		}
		d.adopt(err, path)
	}
	return true
}

// hideBelow keeps every text below n out of messages.
func (d *decoder) hideBelow(n *yaml.Node) {
	if n = resolve(n); n.Kind == yaml.ScalarNode {
		d.secrets = append(d.secrets, n.Value)
	}
	for i, inner := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue // keys are not secret
		}
		d.hideBelow(inner)
	}
}

// nested decodes n for a type that decodes itself. Its problems are returned, not
// noted: the type may have another form to try.
func (d *decoder) nested(n *yaml.Node, t reflect.Type, into any, path string) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("configuration type %s: UnmarshalYAML asked for a %T, which is not a pointer", t, into)
	}
	inner := &decoder{file: d.file, layers: d.layers, descriptionAt: d.descriptionAt, positions: d.positions, opaque: d.opaque}
	if holdsSecret(t) {
		inner.opaque = resolve(n)
		// The text is about to become a Secret, but by way of another type.
		if into := v.Type().Elem(); into != keyProbeType && !holdsSecret(into) {
			d.hideBelow(n)
		}
	}
	inner.decode(n, nil, v.Elem(), path)
	d.secrets = append(d.secrets, inner.secrets...)
	if inner.broken != nil {
		d.broken = inner.broken
		return inner.broken
	}
	return inner.problems.asError()
}

// adopt notes what a method of a configuration type returned.
func (d *decoder) adopt(err error, path string) {
	for _, p := range flatten(err) {
		d.problems = d.problems.with(d.locate(p, path))
	}
}

// locate completes a problem with a relative path.
func (d *decoder) locate(p *FieldError, base string) *FieldError {
	if p.located {
		return p
	}
	q := &FieldError{Path: joinPath(base, p.Path), Message: p.Message, located: true, cause: p.cause}
	q.File, q.Line, q.Column = d.layers.place(d.file, p.Line, p.Column)
	if p.Line != 0 {
		return q
	}
	for at := q.Path; ; at = parent(at) {
		if pos, ok := d.positions[at]; ok {
			q.File, q.Line, q.Column = d.layers.place(d.file, pos.line, pos.column)
			return q
		}
		if at == "" {
			return q
		}
	}
}

// flatten lists the problems in err; any other error becomes one.
func flatten(err error) []*FieldError {
	switch e := err.(type) { //nolint:errorlint // the tree is walked node by node
	case nil:
		return nil
	case *FieldError:
		return []*FieldError{e}
	case *yaml.TypeError:
		return yamlErrors(e)
	case interface{ Unwrap() []error }:
		var out []*FieldError
		for _, inner := range e.Unwrap() {
			out = append(out, flatten(inner)...)
		}
		return out
	}
	return []*FieldError{{Message: err.Error(), cause: err}}
}

// yamlErrors turns the text of the YAML library, which an Unmarshal method got
// from the node it was given, into problems with lines.
func yamlErrors(err *yaml.TypeError) []*FieldError {
	out := make([]*FieldError, len(err.Errors))
	for i, message := range err.Errors {
		p := &FieldError{Message: message}
		if match := yamlLine.FindStringSubmatch("yaml: " + message); match != nil && match[1] != "" {
			p.Line, _ = strconv.Atoi(match[1])
			p.Message = message[len(match[0])-len("yaml: "):]
		}
		out[i] = p
	}
	return out
}

func (d *decoder) decodeStruct(n *yaml.Node, v reflect.Value, path string) {
	s, err := shapeOf(v.Type())
	if err != nil {
		d.broken = errors.Join(d.broken, err)
		return
	}
	if resolve(n).Kind != yaml.MappingNode {
		d.mismatch(n, v.Type(), path, "a mapping")
		return
	}
	for _, e := range entries(resolve(n)) {
		name := resolve(e.key).Value
		below := keyPath(path, name)
		i := slices.IndexFunc(s.fields, func(f field) bool { return f.key == name })
		switch {
		case i >= 0:
			d.decode(e.value, e.key, fieldAt(v, s.fields[i].index), below)
		case s.rest != nil:
			d.decodeEntry(e, fieldAt(v, s.rest), path)
		case name == "description" && path == d.descriptionAt && path != "":
			var ignored string
			d.decode(e.value, e.key, reflect.ValueOf(&ignored).Elem(), below)
		case len(d.problems) < maxProblems: // looking for what was meant takes time
			d.unknown(e.key, name, path, s.keys())
		}
	}
}

// unknown reports a key that is not among the known ones.
func (d *decoder) unknown(key *yaml.Node, name, path string, known []string) {
	if path == d.descriptionAt && path != "" {
		known = append(known, "description")
	}
	message, suggestion := unknownKey(name, known)
	p := d.report(key, keyPath(path, name), message)
	if suggestion != "" {
		p.instead = keyPath(path, suggestion)
	}
}

func (d *decoder) decodeMap(n *yaml.Node, v reflect.Value, path string) {
	if resolve(n).Kind != yaml.MappingNode {
		d.mismatch(n, v.Type(), path, "a mapping")
		return
	}
	// Never write into a map that SetDefaults gave: it may be shared.
	fresh := reflect.MakeMap(v.Type())
	for iter := v.MapRange(); iter.Next(); {
		fresh.SetMapIndex(iter.Key(), iter.Value())
	}
	v.Set(fresh)
	given := map[any]int{}
	for _, e := range entries(resolve(n)) {
		key, ok := d.decodeEntry(e, v, path)
		if !ok {
			continue
		}
		if line, twice := given[key.Interface()]; twice {
			_ = d.report(e.key, keyPath(path, resolve(e.key).Value), duplicateKey(line))
		}
		given[key.Interface()] = e.key.Line
	}
}

// decodeEntry adds one key to the map m.
func (d *decoder) decodeEntry(e entry, m reflect.Value, path string) (reflect.Value, bool) {
	if m.IsNil() {
		m.Set(reflect.MakeMap(m.Type()))
	}
	below := keyPath(path, resolve(e.key).Value)
	before := len(d.problems)
	key := reflect.New(m.Type().Key()).Elem()
	d.decode(e.key, nil, key, below)
	if len(d.problems) > before || !key.Comparable() {
		return key, false
	}
	d.positions[below] = position{e.key.Line, e.key.Column}
	value := reflect.New(m.Type().Elem()).Elem()
	setDefaults(value)
	d.decode(e.value, e.key, value, below)
	m.SetMapIndex(key, value)
	return key, true
}

func (d *decoder) decodeList(n *yaml.Node, v reflect.Value, path string) {
	node := resolve(n)
	if node.Kind != yaml.SequenceNode {
		d.mismatch(n, v.Type(), path, "a list")
		return
	}
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), len(node.Content), len(node.Content)))
	} else if len(node.Content) != v.Len() {
		_ = d.report(n, path, fmt.Sprintf("a list of %d is not a list of %d", len(node.Content), v.Len()))
		return
	}
	for i, item := range node.Content {
		if v.Kind() == reflect.Slice {
			setDefaults(v.Index(i))
		}
		d.decode(item, nil, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (d *decoder) decodeAny(n *yaml.Node, v reflect.Value, path string) {
	if v.NumMethod() > 0 {
		d.broken = errors.Join(d.broken, fmt.Errorf("configuration type %s cannot be decoded", v.Type()))
		return
	}
	var value any
	if err := resolve(n).Decode(&value); err != nil {
		_ = d.report(n, path, "the value cannot be read")
		return
	}
	if value != nil {
		v.Set(reflect.ValueOf(value))
	}
}

// hideSecrets replaces the secrets that messages quote. Ours never do; this is
// for the messages of Validate and Unmarshal methods.
func (d *decoder) hideSecrets(v reflect.Value) {
	collectSecrets(v, &d.secrets, 0)
	// Longer ones first: one may begin with another.
	slices.SortFunc(d.secrets, func(a, b string) int { return len(b) - len(a) })
	for _, secret := range d.secrets {
		if len(secret) < 4 { // would garble any text
			continue
		}
		quoted := strconv.Quote(secret)
		for _, p := range d.problems {
			message := strings.ReplaceAll(p.Message, quoted[1:len(quoted)-1], mask)
			message = strings.ReplaceAll(message, secret, mask)
			if message != p.Message {
				p.Message, p.cause = message, nil // the cause would tell
			}
		}
	}
}

func collectSecrets(v reflect.Value, secrets *[]string, depth int) {
	if depth > maxDepth || !v.IsValid() || !holdsSecret(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		collectSecrets(v.Elem(), secrets, depth+1)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			collectSecrets(v.Index(i), secrets, depth+1)
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			collectSecrets(iter.Key(), secrets, depth+1)
			collectSecrets(iter.Value(), secrets, depth+1)
		}
	case reflect.Struct:
		if v.Type() == secretType {
			if v.CanInterface() {
				if secret, ok := v.Interface().(Secret); ok {
					*secrets = append(*secrets, secret.Reveal())
				}
			}
			return
		}
		for i := range v.NumField() {
			collectSecrets(v.Field(i), secrets, depth+1)
		}
	}
}
