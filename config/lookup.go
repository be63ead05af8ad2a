package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Lookup finds the value at a key path such as "settings.timeouts.connect" or
// "queries[2].name" in maps, lists and configuration structs, to any depth. Use
// it where a user names a value. A key that is not there is an error that says
// how far the path leads; the caller may then use a default.
func Lookup(tree any, path string) (any, error) {
	v, rest, done := reflect.ValueOf(tree), path, ""
	for rest != "" {
		key, index, next, err := splitPath(rest)
		if err != nil {
			return nil, fmt.Errorf("key path %q: %w", path, err)
		}
		step := "." + key
		if index {
			step = "[" + key + "]"
		}
		v = child(v, key, index)
		if !v.IsValid() {
			return nil, fmt.Errorf("unknown key path %q: there is no %q below %q", path, key, done)
		}
		done = strings.TrimPrefix(done+step, ".")
		rest = next
	}
	if !v.IsValid() || !v.CanInterface() {
		return nil, nil //nolint:nilnil // the value is nil
	}
	return v.Interface(), nil
}

// splitPath takes the first step off a path: key, ["quoted key"] or [index].
func splitPath(path string) (key string, index bool, rest string, err error) {
	if strings.HasPrefix(path, `["`) {
		quoted, err := strconv.QuotedPrefix(path[1:])
		if err != nil || !strings.HasPrefix(path[1+len(quoted):], "]") {
			return "", false, "", fmt.Errorf("the bracket in %q is not closed", path)
		}
		if key, err = strconv.Unquote(quoted); err != nil {
			return "", false, "", fmt.Errorf("the key %s: %w", quoted, err)
		}
		rest = path[2+len(quoted):]
	} else if strings.HasPrefix(path, "[") {
		end := strings.IndexByte(path, ']')
		if end < 0 {
			return "", false, "", fmt.Errorf("the bracket in %q is not closed", path)
		}
		if _, err := strconv.Atoi(path[1:end]); err != nil {
			return "", false, "", fmt.Errorf("%q is not the place in a list", path[1:end])
		}
		key, index, rest = path[1:end], true, path[end+1:]
	} else {
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			end = len(path)
		}
		if key, rest = path[:end], path[end:]; key == "" {
			return "", false, "", fmt.Errorf("a key is missing before %q", path)
		}
	}
	switch {
	case strings.HasPrefix(rest, ".") && len(rest) > 1:
		rest = rest[1:]
	case rest != "" && rest[0] != '[':
		return "", false, "", fmt.Errorf("a key is missing at %q", rest)
	}
	return key, index, rest, nil
}

// child takes one step. Methods are never called.
func child(v reflect.Value, key string, index bool) reflect.Value {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		if i, err := strconv.Atoi(key); index && err == nil && i >= 0 && i < v.Len() {
			return v.Index(i)
		}
	case reflect.Map:
		for iter := v.MapRange(); !index && iter.Next(); {
			if keyText(iter.Key()) == key {
				return iter.Value()
			}
		}
	case reflect.Struct:
		s, err := shapeOf(v.Type())
		if err != nil || index {
			break
		}
		for _, f := range s.fields {
			if f.key == key {
				value, _ := fieldIfAny(v, f.index)
				return value
			}
		}
	}
	return reflect.Value{}
}
