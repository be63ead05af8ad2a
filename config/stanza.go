package config

import (
	"reflect"

	"go.yaml.in/yaml/v3"
)

// Stanza is the not yet decoded value of one top-level key: usually the
// configuration of one connector. Get it from [Document.Stanza] and turn it into
// a typed configuration with [Decode]. A Stanza is never changed once read, and
// any number of goroutines may use it.
type Stanza struct {
	file  string
	name  string
	key   *yaml.Node
	value *yaml.Node

	layers *layers
}

// Name returns the key of the stanza: the name the connector is mounted under.
func (s *Stanza) Name() string { return s.name }

// Path returns what the paths of problems in this stanza begin with.
func (s *Stanza) Path() string { return keyPath("", s.name) }

// File returns the name of the file the stanza was read from, or what messages
// call the variable that made it.
func (s *Stanza) File() string {
	file, _, _ := s.layers.place(s.file, s.key.Line, 0)
	return file
}

// Line returns the line of the stanza's key, counted from 1. It is 0 for a stanza
// that is not in the file.
func (s *Stanza) Line() int { return max(s.key.Line, 0) }

// over returns the value of the stanza with all sources merged, for a
// configuration of type t, which may be nil when it is not known.
func (s *Stanza) over(t reflect.Type) (*yaml.Node, FieldErrors) {
	whole := variableOf(s.name)
	return s.layers.over(s.value, t, s.Path(), whole, whole+"_", nil, nil)
}

func (s *Stanza) isNull() bool {
	n, _ := s.over(nil) // problems are reported by Decode
	return n == nil || isNull(n)
}

// Decode turns a stanza into a configuration of type C, usually a struct with
// yaml tags. A nil, empty or null stanza gives the defaults.
//
// Before decoding, SetDefaults() is called on each struct that has it: on nested
// structs first, then on the struct around them, and on every new element of a
// slice or map. After decoding, Validate() error is called on every value that
// has it. Build its errors with [Invalid] and [Required], several with
// [errors.Join]. What struct tags "jsonschema" ask for, such as enum, minimum,
// pattern and required, is checked too, on values that are given.
//
// Decoding is strict. Unknown keys are rejected (only "description" is accepted
// at the top of every stanza), and so are values of another type: a quoted
// number is not a number. A null leaves the default in place, except that it
// makes a pointer nil. Lists replace a default list, entries of a map are added
// to or replace those of a default map. Types that implement UnmarshalText or
// either form of UnmarshalYAML decode themselves; what the function given to
// UnmarshalYAML(func(any) error) decodes is treated as strictly. Types need the
// field tags of go.yaml.in/yaml/v3, "inline" included.
//
// The error is a [FieldErrors] with every problem found, each with its path, line
// and column, and C is then the zero value. Values of a [Secret] do not appear in
// it. A type that cannot be decoded into at all, for instance one with two
// fields of the same key, is a plain error.
func Decode[C any](s *Stanza) (C, error) {
	var out, zero C
	if err := decodeStanza(s, reflect.ValueOf(&out).Elem()); err != nil {
		return zero, err
	}
	return out, nil
}

func decodeStanza(s *Stanza, out reflect.Value) error {
	d := &decoder{positions: map[string]position{}}
	path := ""
	value := (*yaml.Node)(nil)
	if s != nil {
		d.file, d.layers, path = s.file, s.layers, s.Path()
		d.descriptionAt = path
		value, d.problems = s.over(out.Type())
		d.positions[path] = position{s.key.Line, s.key.Column}
	}
	d.constrained = value
	return d.run(value, out, path)
}

// run decodes n into v, validates, and returns everything that was found.
func (d *decoder) run(n *yaml.Node, v reflect.Value, path string) error {
	if v.Kind() == reflect.Pointer { // Decode[*C] gives a pointer, never nil
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if err := checkType(v.Type()); err != nil {
		return err
	}
	setDefaults(v)
	if n != nil {
		d.decode(n, nil, v, path)
	}
	if d.broken != nil {
		return d.broken
	}
	d.decoded = len(d.problems)
	d.validate(v, path, 0)
	d.constrain(v, path)
	d.hideSecrets(v)
	return d.problems.asError()
}
