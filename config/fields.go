package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// field is one key a struct accepts.
type field struct {
	key   string
	index []int
}

// shape is what a struct type accepts.
type shape struct {
	fields []field // its keys and those of its inline structs
	inline [][]int // its inline structs
	rest   []int   // an inline map, which takes the keys nothing else takes
}

// shapes are the shapes of struct types, each found out once.
var shapes sync.Map // of reflect.Type to shape

// shapeOf returns the shape of a struct type, which must not be changed.
func shapeOf(t reflect.Type) (shape, error) {
	if known, ok := shapes.Load(t); ok {
		s, _ := known.(shape)
		return s, nil
	}
	var s shape
	if err := s.add(t, nil); err != nil {
		return s, err
	}
	shapes.Store(t, s)
	return s, nil
}

// keys lists the keys without those an inline map takes.
func (s *shape) keys() []string {
	keys := make([]string, len(s.fields))
	for i, f := range s.fields {
		keys[i] = f.key
	}
	return keys
}

func (s *shape) add(t reflect.Type, index []int) error {
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		tag, ok := f.Tag.Lookup("yaml")
		if !ok && !strings.Contains(string(f.Tag), ":") {
			tag = string(f.Tag)
		}
		if tag == "-" {
			continue
		}
		key, options, _ := strings.Cut(tag, ",")
		at := append(slices.Clone(index), i)
		if slices.Contains(strings.Split(options, ","), "inline") {
			if err := s.addInline(t, f, at); err != nil {
				return err
			}
			continue
		}
		if !f.IsExported() {
			continue
		}
		if key == "" {
			key = strings.ToLower(f.Name)
		}
		if slices.ContainsFunc(s.fields, func(other field) bool { return other.key == key }) {
			return fmt.Errorf("configuration type %s: two fields have the key %q", t, key)
		}
		s.fields = append(s.fields, field{key, at})
	}
	return nil
}

func (s *shape) addInline(t reflect.Type, f reflect.StructField, at []int) error {
	inner := f.Type
	switch {
	case inner.Kind() == reflect.Map && inner.Key().Kind() == reflect.String && f.IsExported() && s.rest == nil:
		s.rest = at
		return nil
	case inner.Kind() == reflect.Pointer && f.IsExported():
		inner = inner.Elem()
	}
	if inner.Kind() != reflect.Struct || len(at) > maxDepth {
		return fmt.Errorf("configuration type %s: the field %s cannot be inline", t, f.Name)
	}
	s.inline = append(s.inline, at)
	return s.add(inner, at)
}

// fieldAt returns the field at index and allocates inline pointers on the way.
func fieldAt(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			own(v)
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// fieldIfAny is fieldAt for reading: false when an inline pointer is nil.
func fieldIfAny(v reflect.Value, index []int) (reflect.Value, bool) {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// own makes v point to a value that nobody else points to: a new one with its
// defaults, or a copy of the default that SetDefaults gave and may share.
func own(v reflect.Value) {
	fresh := reflect.New(v.Type().Elem())
	if v.IsNil() {
		setDefaults(fresh.Elem())
	} else {
		fresh.Elem().Set(v.Elem())
	}
	v.Set(fresh)
}

func inlinePointer(f reflect.StructField) bool {
	_, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return f.Type.Kind() == reflect.Pointer && slices.Contains(strings.Split(options, ","), "inline")
}

// setDefaults calls SetDefaults on v and the structs in it, inner ones first, so
// that the outer struct has the last word.
func setDefaults(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			switch {
			case inlinePointer(f):
				// Methods promoted from a nil pointer would panic.
				if v.Field(i).CanSet() && v.Field(i).IsNil() {
					own(v.Field(i))
				}
			case f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct:
				setDefaults(v.Field(i))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			setDefaults(v.Index(i))
		}
	}
	if v.CanAddr() && v.Addr().CanInterface() {
		if s, ok := v.Addr().Interface().(interface{ SetDefaults() }); ok {
			s.SetDefaults()
		}
	}
}

var secretType = reflect.TypeFor[Secret]()

// holdsSecret reports whether a value of type t can contain a Secret.
func holdsSecret(t reflect.Type) bool {
	return anySecret(t, map[reflect.Type]bool{})
}

func anySecret(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == secretType {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return anySecret(t.Elem(), seen)
	case reflect.Map:
		return anySecret(t.Key(), seen) || anySecret(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if anySecret(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}
