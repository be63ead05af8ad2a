package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/invopop/jsonschema"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/types"
)

const draft7 = "http://json-schema.org/draft-07/schema#"

// schemas builds the definitions of a schema. Their names follow from the kind
// of connector and the name of the instance, never from what was built before.
type schemas struct {
	kind        string                        // the connector whose types are reflected
	home        string                        // the package of its configuration type
	plain       reflect.Type                  // reflected as the struct it is
	types       map[string]reflect.Type       // by name of the definition
	definitions map[string]*jsonschema.Schema // finished ones
}

func newSchemas() *schemas {
	return &schemas{types: map[string]reflect.Type{}, definitions: map[string]*jsonschema.Schema{}}
}

func ref(name string) *jsonschema.Schema { return &jsonschema.Schema{Ref: "#/$defs/" + name} }

const durationPattern = `([\d\.]+y)?([\d\.]+mm)?(([\d\.]+w)?[\d\.]+d)?([\d\.]+h)?([\d\.]+m)?([\d\.]+s)?([\d\.]+ms)?([\d\.]+us)?([\d\.]+ns)?`

func durationSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Format: "duration", Examples: []any{"300ms", "5m", "2h45m", "72h3m0.5s"}, Pattern: durationPattern}
}

func length(n uint64) *uint64 { return &n }

// mapped gives the schema of types that read themselves.
func (s *schemas) mapped(t reflect.Type) *jsonschema.Schema {
	if t == s.plain {
		return nil
	}
	switch t {
	case secretType:
		if _, ok := s.definitions["Secret"]; !ok {
			s.definitions["Secret"] = secretSchema()
		}
		return ref("Secret")
	case reflect.TypeFor[types.Duration](), reflect.TypeFor[time.Duration]():
		return durationSchema()
	case reflect.TypeFor[types.Value]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "number"}, {Type: "string"}, {Type: "boolean"}}}
	case reflect.TypeFor[Timeouts]():
		s.define("Timeouts", reflect.TypeFor[Timeouts](), "")
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{durationSchema(), {Type: "number"}, ref("Timeouts")}}
	case reflect.TypeFor[types.SampleAction]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string", Enum: []any{"keep", "skip", "carry", "fail"}}, {Type: "number"}}}
	case reflect.TypeFor[FastFail]():
		s.define("FastFail", t, "")
		return ref("FastFail")
	case reflect.TypeFor[SSLVerify]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "boolean"}, {Type: "string", Format: "file-path"}}}
	case reflect.TypeFor[Proxies]():
		return proxiesSchema()
	case reflect.TypeFor[descriptor]():
		return &jsonschema.Schema{
			AnyOf: []*jsonschema.Schema{
				{Type: "array", Items: &jsonschema.Schema{Type: "string"}},
				{Type: "object", AdditionalProperties: &jsonschema.Schema{Type: "string"}},
			},
			Examples: []any{[]string{"kubernetes", "prometheus"}, map[string]string{"staging_prom": "prometheus", "gateway_prom": "prometheus"}},
		}
	case reflect.TypeFor[Optimizer]():
		s.define("AppdynamicsOptimizer", reflect.TypeFor[AppDynamics](), "")
		s.define("OpsaniOptimizer", reflect.TypeFor[Optimizer](), "")
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{ref("AppdynamicsOptimizer"), ref("OpsaniOptimizer")}}
	case reflect.TypeFor[map[string]Backoff]():
		s.define("BackoffSettings", reflect.TypeFor[Backoff](), "")
		s.definitions["BackoffConfigurations"] = &jsonschema.Schema{
			Title: "Backoff Configurations", Type: "object", AdditionalProperties: ref("BackoffSettings"),
			Description: "Bounds of retries by context; __default__ is for contexts without an entry.",
		}
		return ref("BackoffConfigurations")
	case reflect.TypeFor[Common]():
		s.define("CommonConfiguration", t, "COMMON_")
		return ref("CommonConfiguration")
	case reflect.TypeFor[Checks]():
		s.define("ChecksConfiguration", t, "CHECKS_")
		return ref("ChecksConfiguration")
	}
	switch p := reflect.PointerTo(t); {
	case p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return &jsonschema.Schema{Type: "string"}
	case readsItself(t):
		return &jsonschema.Schema{} // it knows what it accepts
	}
	return nil
}

func secretSchema() *jsonschema.Schema {
	elsewhere := jsonschema.NewProperties()
	elsewhere.Set("file", &jsonschema.Schema{Type: "string", Format: "file-path", Description: "File that holds the secret."})
	elsewhere.Set("env", &jsonschema.Schema{Type: "string", Description: "Environment variable that holds the secret."})
	return &jsonschema.Schema{
		Title: "Secret",
		AnyOf: []*jsonschema.Schema{
			{Type: "string", Format: "password", WriteOnly: true},
			{Type: "object", Properties: elsewhere, AdditionalProperties: jsonschema.FalseSchema, MinProperties: length(1), MaxProperties: length(1)},
		},
	}
}

func proxiesSchema() *jsonschema.Schema {
	address := &jsonschema.Schema{Type: "string", Format: "uri", MinLength: length(1), MaxLength: length(65536)}
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		address,
		{
			Type:                 "object",
			PatternProperties:    map[string]*jsonschema.Schema{"^(https?|all)://": {AnyOf: []*jsonschema.Schema{address, {Type: "null"}}}},
			AdditionalProperties: jsonschema.FalseSchema,
		},
		{Type: "array", MaxItems: length(0)},
	}}
}

var afterPackage = regexp.MustCompile(`[^a-zA-Z0-9.\-_]`)

// name names the definition of a struct type.
func (s *schemas) name(t reflect.Type) string {
	if t.Name() == "" || t.Kind() != reflect.Struct {
		return ""
	}
	name := t.Name()
	if t.PkgPath() == s.home && s.kind != "" {
		name = camel(s.kind) + strings.ToUpper(name[:1]) + name[1:]
	}
	name = afterPackage.ReplaceAllString(name, "_")
	s.types[name] = t
	return name
}

// define adds the definition of a type and of all types below it. Prefix begins
// the variables of its fields.
func (s *schemas) define(name string, t reflect.Type, prefix string) *jsonschema.Schema {
	if known, ok := s.definitions[name]; ok {
		return known
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	s.definitions[name] = &jsonschema.Schema{} // ends recursion
	before := s.plain
	s.plain = t
	r := &jsonschema.Reflector{
		Anonymous: true, ExpandedStruct: true, RequiredFromJSONSchemaTags: true,
		FieldNameTag: "yaml", Mapper: s.mapped, Namer: s.name,
		LookupComment: describe, AdditionalFields: inlined,
	}
	root := r.ReflectFromType(t)
	s.plain = before
	root.Version = ""
	nested := root.Definitions
	root.Definitions = nil
	if root.Title == "" {
		root.Title = title(name)
	}
	s.decorate(root, t, prefix)
	s.definitions[name] = root
	for inner, definition := range nested {
		if _, ok := s.definitions[inner]; ok {
			continue
		}
		definition.Title = title(inner)
		s.decorate(definition, s.types[inner], "")
		s.definitions[inner] = definition
	}
	return root
}

// describe takes descriptions from struct tags: comments are gone at run time.
func describe(t reflect.Type, name string) string {
	if t.Kind() != reflect.Struct {
		return ""
	}
	if name == "" {
		name = "_"
	}
	if f, ok := t.FieldByName(name); ok {
		return f.Tag.Get("description")
	}
	return ""
}

// inlined lists the fields of the structs in t that are inline.
func inlined(t reflect.Type) []reflect.StructField {
	if t.Kind() != reflect.Struct {
		return nil
	}
	s, err := shapeOf(t)
	if err != nil {
		return nil
	}
	var out []reflect.StructField
	for _, f := range s.fields {
		if len(f.index) > 1 {
			out = append(out, t.FieldByIndex(f.index))
		}
	}
	return out
}

// decorate completes the properties of a struct.
func (s *schemas) decorate(schema *jsonschema.Schema, t reflect.Type, prefix string) {
	if t == nil || t.Kind() != reflect.Struct || schema.Properties == nil {
		return
	}
	sh, err := shapeOf(t)
	if err != nil {
		return // reported when it is decoded into
	}
	defaults := reflect.New(t).Elem()
	setDefaults(defaults)
	properties := jsonschema.NewProperties()
	for _, f := range sh.fields {
		field := t.FieldByIndex(f.index)
		property, ok := schema.Properties.Get(f.key)
		if !ok {
			property = &jsonschema.Schema{Description: field.Tag.Get("description")}
		}
		if t == reflect.TypeFor[Checks]() && f.key == "halt_on" {
			s.defineSeverity()
			property = &jsonschema.Schema{Ref: "#/$defs/ErrorSeverity", Description: property.Description}
		}
		if property.Title == "" {
			property.Title = title(f.key)
		}
		if value, ok := fieldIfAny(defaults, f.index); ok && !slices.Contains(schema.Required, f.key) {
			setDefault(property, value)
		}
		if example := field.Tag.Get("example"); example != "" {
			if n, err := exampleNode(example, field.Type); err == nil {
				if raw, err := rawJSON(n); err == nil {
					property.Examples = append(property.Examples, raw)
				}
			}
		}
		variable(property, field, f.key, prefix)
		properties.Set(f.key, annotated(property))
	}
	if t == reflect.TypeFor[Timeouts]() {
		timeout := durationSchema()
		timeout.Title, timeout.Description = "Timeout", "Stands for those of the others that are not given."
		properties.Set("timeout", timeout)
	}
	schema.Properties = properties
	if sh.rest != nil {
		schema.AdditionalProperties = nil
	}
}

func (s *schemas) defineSeverity() {
	values := make([]any, len(severities))
	for i, severity := range severities {
		values[i] = severity
	}
	s.definitions["ErrorSeverity"] = &jsonschema.Schema{Title: "Error Severity", Type: "string", Enum: values}
}

// setDefault notes defaults that say something.
func setDefault(property *jsonschema.Schema, v reflect.Value) {
	n, err := (encoder{}).encode(v)
	if err != nil || isNull(n) || n.Kind == yaml.ScalarNode && n.Value == "" || v.Type() == reflect.TypeFor[types.Value]() && v.IsZero() {
		return
	}
	if n.Kind == yaml.MappingNode && v.Kind() == reflect.Struct {
		if fresh := reflect.New(v.Type()).Elem(); true {
			setDefaults(fresh)
			if reflect.DeepEqual(fresh.Interface(), v.Interface()) {
				return // the definition says it
			}
		}
	}
	if raw, err := rawJSON(n); err == nil {
		property.Default = raw
	}
}

func variable(property *jsonschema.Schema, field reflect.StructField, key, prefix string) {
	name, _ := fieldVariable(field, key, prefix)
	if name == "" {
		return
	}
	names := []string{name}
	if field.Type == secretType {
		names = append(names, name+"_FILE")
	}
	if property.Extras == nil {
		property.Extras = map[string]any{}
	}
	property.Extras["env_names"] = names
	if field.Tag.Get("env") != "" {
		property.Extras["env"] = name
	}
}

// annotated moves a reference below allOf: what stands beside one is ignored.
func annotated(property *jsonschema.Schema) *jsonschema.Schema {
	if property.Ref != "" {
		property.AllOf = []*jsonschema.Schema{{Ref: property.Ref}}
		property.Ref = ""
	}
	return property
}

// exampleNode reads the struct tag example for a field of type t.
func exampleNode(text string, t reflect.Type) (*yaml.Node, error) {
	if t.Kind() == reflect.String || t == secretType {
		return textNode(text), nil
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil || len(document.Content) == 0 {
		return nil, fmt.Errorf("the example %q is not YAML: %w", text, err)
	}
	return document.Content[0], nil
}

// title makes "max_body" and "MaxBody" "Max Body".
func title(key string) string {
	var b strings.Builder
	begin, lower := true, false
	for _, r := range key {
		switch {
		case r == '_' || r == '-':
			begin, lower = true, false
			continue
		case unicode.IsUpper(r) && lower:
			begin = true
		}
		if begin && b.Len() > 0 {
			b.WriteByte(' ')
		}
		if begin {
			r = unicode.ToUpper(r)
		}
		b.WriteRune(r)
		begin, lower = false, unicode.IsLower(r) || unicode.IsDigit(r)
	}
	return b.String()
}

// camel makes "kube_metrics" "KubeMetrics".
func camel(name string) string {
	return strings.ReplaceAll(title(strings.NewReplacer("/", "_", ".", "_").Replace(name)), " ", "")
}

// print writes a schema with its definitions, always the same way.
func (s *schemas) print(root *jsonschema.Schema) ([]byte, error) {
	top := *root
	top.Version = draft7
	if len(s.definitions) > 0 {
		top.Extras = map[string]any{"definitions": s.definitions}
	}
	data, err := json.Marshal(&top)
	if err != nil {
		return nil, fmt.Errorf("writing the schema: %w", err)
	}
	data = bytes.ReplaceAll(data, []byte(`"#/$defs/`), []byte(`"#/definitions/`))
	var out bytes.Buffer
	if err := json.Indent(&out, data, "", "  "); err != nil {
		return nil, fmt.Errorf("writing the schema: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
