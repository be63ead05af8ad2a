package types

import (
	"bytes"
	"encoding/json"
	"fmt"
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

// eachField calls f for every field of a JSON object in document order. Null is
// an empty object; anything else is an error.
func eachField(data []byte, f func(name string, raw json.RawMessage) error) error {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || string(data) == "null" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	start, err := d.Token()
	if err != nil {
		return err
	}
	if start != json.Delim('{') {
		return fmt.Errorf("expected an object, found %.40s", data)
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
		if err := f(key.(string), raw); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// dedupe keeps the last item of each key, at the place of the first.
func dedupe[T any](items []T, key func(T) string) []T {
	at := make(map[string]int, len(items))
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
