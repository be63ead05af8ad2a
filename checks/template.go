package checks

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// values are what the placeholders of a name refer to, by their first word.
type values map[string]any

// render replaces the placeholders of a name by the text of what they refer to.
// What is put in is not looked at again.
func (v values) render(name string) (text string, err error) {
	defer func() {
		if p := recover(); p != nil { // the String method of a value
			err = fmt.Errorf("rendering the name %q: panic: %v", name, p)
		}
	}()
	var b strings.Builder
	for rest := name; rest != ""; {
		at := strings.IndexAny(rest, "{}")
		if at < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:at])
		brace := rest[at : at+1]
		rest = rest[at+1:]
		if strings.HasPrefix(rest, brace) { // doubled: one of itself
			b.WriteString(brace)
			rest = rest[1:]
			continue
		}
		end := strings.IndexAny(rest, "{}")
		if brace == "}" || end < 0 || rest[end] == '{' {
			return "", fmt.Errorf("rendering the name %q: a single %q: double it to get the character", name, brace)
		}
		value, err := v.resolve(rest[:end])
		if err != nil {
			return "", fmt.Errorf("rendering the name %q: %w", name, err)
		}
		b.WriteString(value)
		rest = rest[end+1:]
	}
	return b.String(), nil
}

// resolve returns the text of what a placeholder such as "self.hosts[0].name"
// refers to.
func (v values) resolve(placeholder string) (string, error) {
	root, path := placeholder, ""
	if end := strings.IndexAny(placeholder, ".["); end >= 0 {
		root, path = placeholder[:end], placeholder[end:]
	}
	start, ok := v[root]
	if !ok {
		return "", fmt.Errorf("{%s}: expected it to begin with %s: double the braces if it is no placeholder", placeholder, v.roots())
	}
	at := reflect.ValueOf(start)
	for done := root; path != ""; {
		var step string
		if path[0] == '[' {
			end := strings.IndexByte(path, ']')
			if end < 0 {
				return "", fmt.Errorf("{%s}: expected a ] that closes the index", placeholder)
			}
			step, path = path[1:end], path[end+1:]
			if path != "" && path[0] != '.' && path[0] != '[' {
				return "", fmt.Errorf("{%s}: expected . or [ behind the index, found %q", placeholder, path)
			}
		} else {
			end := strings.IndexAny(path[1:], ".[")
			if end < 0 {
				end = len(path) - 1
			}
			step, path = path[1:end+1], path[end+1:]
		}
		next, err := member(at, step)
		if err != nil {
			return "", fmt.Errorf("{%s}: %s %w", placeholder, done, err)
		}
		at, done = next, done+"."+step
	}
	shown := follow(at)
	if !shown.IsValid() {
		return "", fmt.Errorf("{%s}: it is not set", placeholder)
	}
	if at.CanInterface() { // a pointer may be what has the String method
		switch value := at.Interface().(type) {
		case fmt.Formatter:
			return fmt.Sprint(value), nil
		case error:
			return value.Error(), nil
		case fmt.Stringer:
			return value.String(), nil
		}
	}
	return fmt.Sprint(shown.Interface()), nil
}

func (v values) roots() string {
	_, self := v["self"]
	_, item := v["item"]
	switch {
	case self && item:
		return "self or item"
	case item:
		return "item"
	default:
		return "self"
	}
}

// follow returns what pointers and interfaces lead to; it is invalid for nil.
func follow(v reflect.Value) reflect.Value {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		v = v.Elem()
	}
	return v
}

// member returns the field, key or element of v that step names.
func member(v reflect.Value, step string) (reflect.Value, error) {
	v = follow(v)
	if !v.IsValid() {
		return v, fmt.Errorf("is not set, so it has no %q", step)
	}
	switch v.Kind() {
	case reflect.Struct:
		if f, ok := field(v, step); ok {
			return f, nil
		}
		return v, fmt.Errorf("has no field %q", step)
	case reflect.Map:
		key := reflect.ValueOf(step)
		switch kind := v.Type().Key(); {
		case kind.Kind() == reflect.String:
			key = key.Convert(kind)
		case kind.Kind() == reflect.Interface && key.Type().Implements(kind):
		case reflect.Zero(kind).CanInt():
			n, err := strconv.ParseInt(step, 10, 64)
			if err != nil || reflect.Zero(kind).OverflowInt(n) {
				return v, fmt.Errorf("has no key %q", step)
			}
			key = reflect.ValueOf(n).Convert(kind)
		default:
			return v, fmt.Errorf("has keys of type %s, which a name cannot give", kind)
		}
		if e := v.MapIndex(key); e.IsValid() {
			return e, nil
		}
		return v, fmt.Errorf("has no key %q", step)
	case reflect.Slice, reflect.Array:
		n, err := strconv.Atoi(step)
		if err != nil || n < 0 || n >= v.Len() {
			return v, fmt.Errorf("has no element %q: expected an index below %d", step, v.Len())
		}
		return v.Index(n), nil
	default:
		return v, fmt.Errorf("is a %s, so it has no %q", v.Kind(), step)
	}
}

// field finds an exported field by its Go name, by the name it has in YAML or
// JSON, or by its Go name in snake case, in this order.
func field(v reflect.Value, name string) (reflect.Value, bool) {
	fields := reflect.VisibleFields(v.Type())
	for _, matches := range []func(reflect.StructField) bool{
		func(f reflect.StructField) bool { return f.Name == name },
		func(f reflect.StructField) bool { return tagged(f, "yaml", name) },
		func(f reflect.StructField) bool { return tagged(f, "json", name) },
		func(f reflect.StructField) bool { return strings.EqualFold(f.Name, strings.ReplaceAll(name, "_", "")) },
	} {
		for _, f := range fields {
			if !f.IsExported() || !matches(f) {
				continue
			}
			if found, err := v.FieldByIndexErr(f.Index); err == nil && found.CanInterface() {
				return found, true
			}
		}
	}
	return reflect.Value{}, false
}

func tagged(f reflect.StructField, key, name string) bool {
	tag, _, _ := strings.Cut(f.Tag.Get(key), ",")
	return tag == name && name != "" && name != "-"
}
