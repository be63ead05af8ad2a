package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
)

// validate calls Validate on v and everything in it, inner values first.
func (d *decoder) validate(v reflect.Value, path string, depth int) {
	if depth > maxDepth {
		return // a value that refers to itself; YAML cannot make one
	}
	if v.Kind() == reflect.Pointer {
		if !v.IsNil() {
			d.validate(v.Elem(), path, depth+1)
		}
		return
	}
	if !v.CanAddr() {
		fresh := reflect.New(v.Type()).Elem()
		fresh.Set(v)
		v = fresh
	}
	if _, isText := v.Addr().Interface().(encoding.TextUnmarshaler); !isText {
		d.validateBelow(v, path, depth)
	}
	d.validateOne(v, path)
}

// validateOne calls Validate on v itself.
func (d *decoder) validateOne(v reflect.Value, path string) {
	validator, ok := v.Addr().Interface().(interface{ Validate() error })
	if !ok {
		return
	}
	for _, p := range flatten(validator.Validate()) {
		p = d.locate(p, path)
		if !d.consequence(p) {
			d.problems = d.problems.with(p)
		}
	}
}

func (d *decoder) validateBelow(v reflect.Value, path string, depth int) {
	switch v.Kind() {
	case reflect.Struct:
		s, err := shapeOf(v.Type())
		if err != nil {
			return // reported when it is decoded into
		}
		for _, f := range s.fields {
			if value, ok := fieldIfAny(v, f.index); ok {
				d.validate(value, keyPath(path, f.key), depth+1)
			}
		}
		if s.rest != nil {
			if value, ok := fieldIfAny(v, s.rest); ok {
				d.validate(value, path, depth+1)
			}
		}
		for _, index := range s.inline {
			value, ok := fieldIfAny(v, index)
			if ok && value.Kind() == reflect.Pointer {
				value, ok = value.Elem(), !value.IsNil()
			}
			if ok && value.Addr().CanInterface() {
				d.validateOne(value, path)
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			d.validate(v.Index(i), fmt.Sprintf("%s[%d]", path, i), depth+1)
		}
	case reflect.Map:
		for _, key := range sortedKeys(v) {
			d.validate(v.MapIndex(key), keyPath(path, keyText(key)), depth+1)
		}
	}
}

// consequence reports whether p may only be there because the value could not be
// decoded, or because its key is misspelt.
func (d *decoder) consequence(p *FieldError) bool {
	return slices.ContainsFunc(d.problems[:d.decoded], func(earlier *FieldError) bool {
		return within(earlier.Path, p.Path) || within(p.Path, earlier.Path) ||
			earlier.instead != "" && within(p.Path, earlier.instead)
	})
}

func sortedKeys(m reflect.Value) []reflect.Value {
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		switch ta, tb := keyText(a), keyText(b); {
		case ta < tb:
			return -1
		case ta > tb:
			return 1
		}
		return 0
	})
	return keys
}

func keyText(key reflect.Value) string {
	if key.Type() == reflect.TypeFor[string]() {
		return key.String()
	}
	if t, ok := key.Interface().(encoding.TextMarshaler); ok {
		if text, err := t.MarshalText(); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(key.Interface())
}
