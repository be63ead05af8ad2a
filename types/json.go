package types

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// objectWriter builds a JSON object whose keys keep the order of the calls; the
// order of components and settings on the wire is the order of the description.
type objectWriter struct{ buf bytes.Buffer }

func (o *objectWriter) field(name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	o.raw(name, data)
	return nil
}

func (o *objectWriter) raw(name string, data []byte) {
	if o.buf.Len() == 0 {
		o.buf.WriteByte('{')
	} else {
		o.buf.WriteByte(',')
	}
	key, _ := json.Marshal(name) // a string always marshals
	o.buf.Write(key)
	o.buf.WriteByte(':')
	o.buf.Write(data)
}

func (o *objectWriter) bytes() []byte {
	if o.buf.Len() == 0 {
		return []byte("{}")
	}
	o.buf.WriteByte('}')
	return o.buf.Bytes()
}

// eachField calls f for every field of a JSON object in document order. Of
// fields with the same name the last counts, at the place of the first, as JSON
// readers have it. Null is an empty object; anything else is an error.
func eachField(data []byte, f func(name string, raw json.RawMessage) error) error {
	data = bytes.TrimSpace(data)
	if missing(data) {
		return nil
	}
	if err := object(data); err != nil {
		return err
	}
	type field struct {
		name string
		raw  json.RawMessage
	}
	var fields []field
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		name, _ := key.(string) // a key of an object is nothing else
		fields = append(fields, field{name, raw})
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	for _, field := range dedupe(fields, func(f field) string { return f.name }) {
		if err := f(field.name, field.raw); err != nil {
			return err
		}
	}
	return nil
}

// missing tells whether a field was absent or null.
func missing(raw []byte) bool { return len(raw) == 0 || string(raw) == "null" }

// object refuses JSON other than an object or null, in words that name no type
// of ours.
func object(data []byte) error {
	data = bytes.TrimSpace(data)
	if missing(data) || data[0] == '{' {
		return nil
	}
	return fmt.Errorf("an object is required, not %s", shorten(string(data)))
}

// decodeObject reads an object into v; null leaves v alone.
func decodeObject(data []byte, v any) error {
	if err := object(data); err != nil {
		return err
	}
	err := json.Unmarshal(data, v)
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return err
	}
	return fmt.Errorf("%s: %s is required, not %s", mismatch.Field, wanted[mismatch.Type.Kind()], shorten(mismatch.Value))
}

// wanted says in words of JSON what a field of ours takes.
var wanted = map[reflect.Kind]string{
	reflect.String: "a string", reflect.Bool: "true or false", reflect.Float64: "a number",
	reflect.Slice: "a list", reflect.Array: "a list", reflect.Map: "an object", reflect.Struct: "an object",
}

// dedupe keeps the last item of each key, at the place of the first.
func dedupe[T any, K comparable](items []T, key func(T) K) []T {
	at := make(map[K]int, len(items))
	var kept []T
	for _, item := range items {
		k := key(item)
		if i, ok := at[k]; ok {
			kept[i] = item
			continue
		}
		at[k] = len(kept)
		kept = append(kept, item)
	}
	return kept
}
