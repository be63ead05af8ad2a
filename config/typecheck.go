package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"go.yaml.in/yaml/v3"
)

// checkType reports what makes a Go type impossible to decode into, so that its
// author learns of it whatever the file holds.
func checkType(t reflect.Type) error {
	if _, ok := usable.Load(t); ok {
		return nil
	}
	if err := checkTypes(t, map[reflect.Type]bool{}); err != nil {
		return err
	}
	usable.Store(t, true)
	return nil
}

// usable are the types in which nothing was found.
var usable sync.Map // of reflect.Type to true

func checkTypes(t reflect.Type, seen map[reflect.Type]bool) error {
	if seen[t] || readsItself(t) {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return checkTypes(t.Elem(), seen)
	case reflect.Map:
		return errors.Join(checkTypes(t.Key(), seen), checkTypes(t.Elem(), seen))
	case reflect.Struct:
		s, err := shapeOf(t)
		if err != nil {
			return err
		}
		errs := make([]error, 0, len(s.fields))
		for _, f := range s.fields {
			if err := checkTypes(t.FieldByIndex(f.index).Type, seen); err != nil {
				errs = append(errs, fmt.Errorf("key %q: %w", f.key, err))
			}
		}
		if s.rest != nil {
			errs = append(errs, checkTypes(t.FieldByIndex(s.rest).Type, seen))
		}
		return errors.Join(errs...)
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return nil
		}
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return nil
	}
	return fmt.Errorf("configuration type %s cannot be decoded; a field tagged yaml:\"-\" is left alone", t)
}

// readsItself reports whether values of type t decode themselves.
func readsItself(t reflect.Type) bool {
	if t == nodeType {
		return true
	}
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[yaml.Unmarshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) ||
		p.Implements(reflect.TypeFor[interface{ UnmarshalYAML(func(any) error) error }]())
}
