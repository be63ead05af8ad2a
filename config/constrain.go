package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"

	validator "github.com/santhosh-tekuri/jsonschema/v5"
)

// compiled are the schemas of configuration types, each compiled once.
var compiled sync.Map // of reflect.Type to *validator.Schema

func schemaOf(t reflect.Type) (schema *validator.Schema, err error) {
	if known, ok := compiled.Load(t); ok {
		schema, _ = known.(*validator.Schema)
		return schema, nil
	}
	defer func() {
		// The schema library panics on types it does not know.
		if v := recover(); v != nil {
			err = fmt.Errorf("configuration type %s has no schema: %v", t, v)
		}
	}()
	s := newSchemas()
	root := s.define("", t, "")
	delete(s.definitions, "")
	data, err := s.print(root)
	if err != nil {
		return nil, err
	}
	// A later draft than we publish, in which formats only describe: our
	// durations are not those of ISO 8601, and types check their own form.
	c := validator.NewCompiler()
	c.Draft = validator.Draft2019
	data = bytes.Replace(data, []byte(draft7), []byte(c.Draft.URL()), 1)
	if err = c.AddResource("config.json", bytes.NewReader(data)); err == nil {
		schema, err = c.Compile("config.json")
	}
	if err != nil {
		return nil, fmt.Errorf("configuration type %s: its jsonschema tags make no schema: %w", t, err)
	}
	compiled.Store(t, schema)
	return schema, nil
}

// constrain holds v against its schema, where struct tags limit values. The types
// of values and unknown keys are not its business: decoding is stricter and words
// them better. So what is checked is the decoded value, as it would be printed,
// as far as it is given.
func (d *decoder) constrain(v reflect.Value, path string) {
	if d.constrained == nil || v.Kind() != reflect.Struct || d.broken != nil || !limited(v.Type(), map[reflect.Type]bool{}) {
		return
	}
	schema, err := schemaOf(v.Type())
	if err != nil {
		d.problems = d.problems.with(&FieldError{File: d.file, Path: path, Message: err.Error(), located: true})
		return
	}
	full, err := encoder{reveal: true}.encode(v)
	if err != nil {
		return // it is for printing, and says so there
	}
	given := explicit(full, d.constrained, nil, true)
	raw := json.RawMessage("{}")
	if given != nil {
		if raw, err = rawJSON(given); err != nil {
			return
		}
	}
	var instance any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if decoder.Decode(&instance) != nil {
		return
	}
	var failed *validator.ValidationError
	if !errors.As(schema.Validate(instance), &failed) {
		return
	}
	for _, leaf := range leaves(failed) {
		for _, p := range violation(leaf, instance) {
			if strings.HasPrefix(leaf.Message, "additionalProperties") || strings.Contains(leaf.KeywordLocation, "/type") {
				continue
			}
			located := d.locate(p, path)
			if !d.consequence(located) && !d.known(located) {
				d.problems = d.problems.with(located)
			}
		}
	}
}

// known reports whether Validate said something about the same key.
func (d *decoder) known(p *FieldError) bool {
	for _, earlier := range d.problems[d.decoded:] {
		if earlier.Path == p.Path {
			return true
		}
	}
	return false
}

// limited reports whether struct tags limit the values of t.
func limited(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return limited(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.Tag.Get("jsonschema") != "" || f.IsExported() && limited(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

func leaves(e *validator.ValidationError) []*validator.ValidationError {
	if len(e.Causes) == 0 || strings.HasSuffix(e.KeywordLocation, "/anyOf") {
		return []*validator.ValidationError{e}
	}
	var out []*validator.ValidationError
	for _, cause := range e.Causes {
		out = append(out, leaves(cause)...)
	}
	return out
}

// violation words what the validator found. The path is relative.
func violation(e *validator.ValidationError, instance any) []*FieldError {
	path, value := "", instance
	for _, key := range strings.Split(e.InstanceLocation, "/")[1:] {
		key = strings.NewReplacer("~1", "/", "~0", "~").Replace(key)
		switch v := value.(type) {
		case map[string]any:
			path, value = keyPath(path, key), v[key]
		case []any:
			if i, err := strconv.Atoi(key); err == nil && i < len(v) {
				path, value = fmt.Sprintf("%s[%d]", path, i), v[i]
			}
		}
	}
	if missing, ok := strings.CutPrefix(e.Message, "missing properties: "); ok {
		var out []*FieldError
		for _, name := range strings.Split(missing, ", ") {
			out = append(out, &FieldError{Path: keyPath(path, strings.Trim(name, "'")), Message: "required"})
		}
		return out
	}
	shown := "the value"
	switch v := value.(type) {
	case string:
		shown = showText(v)
	case json.Number:
		shown = v.String()
	case []any:
		shown = "the list"
	case map[string]any:
		shown = "the mapping"
	}
	words := strings.NewReplacer("<=", "at most", ">=", "at least", "<", "less than", ">", "more than")
	accepted, _, _ := strings.Cut(e.Message, " but found ")
	accepted, _, _ = strings.Cut(accepted, ", but got ")
	message := shown + ": " + words.Replace(accepted)
	if rest, ok := strings.CutPrefix(accepted, "value must be "); ok {
		message = shown + " is not " + rest
	} else if rest, ok := strings.CutPrefix(accepted, "must be "); ok {
		message = shown + " is not " + words.Replace(rest)
	} else if rest, ok := strings.CutPrefix(accepted, "does not match pattern "); ok {
		message = shown + " is not a match of the pattern " + rest
	}
	return []*FieldError{{Path: path, Message: message}}
}
