package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// field is one key a struct accepts.
type field struct {
	key   string
	index []int
}

// structFields lists the keys of t with those of its inline structs. rest is the
// index of an inline map, which takes the keys nothing else takes.
func structFields(t reflect.Type) (fields []field, rest []int, err error) {
	return appendFields(nil, nil, t, nil)
}

func appendFields(fields []field, rest []int, t reflect.Type, index []int) ([]field, []int, error) {
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
			var err error
			if fields, rest, err = appendInline(fields, rest, t, f, at); err != nil {
				return nil, nil, err
			}
			continue
		}
		if !f.IsExported() {
			continue
		}
		if key == "" {
			key = strings.ToLower(f.Name)
		}
		if slices.ContainsFunc(fields, func(other field) bool { return other.key == key }) {
			return nil, nil, fmt.Errorf("configuration type %s: two fields have the key %q", t, key)
		}
		fields = append(fields, field{key, at})
	}
	return fields, rest, nil
}

func appendInline(fields []field, rest []int, t reflect.Type, f reflect.StructField, at []int) ([]field, []int, error) {
	inner := f.Type
	switch {
	case inner.Kind() == reflect.Map && inner.Key().Kind() == reflect.String && f.IsExported() && rest == nil:
		return fields, at, nil
	case inner.Kind() == reflect.Pointer && f.IsExported():
		inner = inner.Elem()
	}
	if inner.Kind() != reflect.Struct || len(at) > maxDepth {
		return nil, nil, fmt.Errorf("configuration type %s: the field %s cannot be inline", t, f.Name)
	}
	return appendFields(fields, rest, inner, at)
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
