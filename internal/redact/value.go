package redact

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
)

// Value returns a value without the secrets in it, and whether it is another one.
// The original is never changed.
func (r *Redactor) Value(value any) (any, bool) {
	switch x := value.(type) {
	case nil, *slog.Source, slog.Level:
		return value, false
	case http.Header:
		masked, changed := r.lists(x)
		return http.Header(masked), changed
	case url.Values:
		masked, changed := r.lists(x)
		return url.Values(masked), changed
	case map[string][]string:
		return r.lists(x)
	case []byte:
		return r.spelled(value, string(x))
	case error:
		return r.spelled(value, TextOf(x))
	case *url.URL:
		if x == nil {
			return value, false
		}
		return r.spelled(value, x.String())
	}
	switch reflect.TypeOf(value).Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice, reflect.Array, reflect.Pointer, reflect.Interface, reflect.String:
		return r.composite(value)
	default: // numbers and what prints as an address
		return value, false
	}
}

// spelled returns a value as it is unless there is a secret in its text.
func (r *Redactor) spelled(value any, text string) (any, bool) {
	if masked := r.Text(text); masked != text {
		return masked, true
	}
	return value, false
}

// lists redacts what maps names to texts.
func (r *Redactor) lists(values map[string][]string) (map[string][]string, bool) {
	masked := make(map[string][]string, len(values))
	changed := false
	for name, list := range values {
		secret := r.Secret(name)
		copied := make([]string, len(list))
		for i, text := range list {
			if copied[i] = r.Text(text); secret && text != "" {
				copied[i] = Mask
			}
			changed = changed || copied[i] != text
		}
		key := r.Text(name)
		changed = changed || key != name
		masked[key] = copied
	}
	return masked, changed
}

// composite looks at what handlers would make of a value: its text and its JSON.
// If there is a secret in either, the redacted form takes its place.
func (r *Redactor) composite(value any) (any, bool) {
	text := TextOf(value)
	masked := r.Text(text)
	changed := masked != text
	data, err := Marshal(value)
	if err != nil {
		return masked, changed
	}
	clean := r.AppendJSON(nil, data)
	if !changed && bytes.Equal(clean, data) {
		return value, false
	}
	var tree any
	if json.Unmarshal(clean, &tree) != nil {
		return masked, true
	}
	return tree, true
}

// Marshal is [json.Marshal] without the panics of methods, which become errors.
func Marshal(value any) (data []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return json.Marshal(value)
}

// TextOf returns the text of a value: of bytes what they spell, of an error its
// message, of a text marshaler what it marshals, of all else what %+v prints. It
// never panics, whatever the methods of the value do.
func TextOf(value any) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprintf("!PANIC: %v", v)
		}
	}()
	switch x := value.(type) {
	case []byte:
		return string(x)
	case error:
		return fmt.Sprint(x)
	case encoding.TextMarshaler:
		if data, err := x.MarshalText(); err == nil {
			return string(data)
		}
	}
	return fmt.Sprintf("%+v", value)
}
