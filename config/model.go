package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/internal/english"
)

// Kind is what a [Model] knows of one kind of connector. Get it from the
// definition of the connector.
type Kind struct {
	// Name is the key of the stanza unless an alias is given.
	Name string
	// FullName, Version, Description and Homepage are for people.
	FullName, Version, Description, Homepage string
	// Config is the zero value of the configuration type. Its struct tags
	// "description" and "example" become part of the schema and of generated
	// files; "jsonschema" tags such as enum, minimum and pattern are enforced.
	Config any
	// Sample is what [Model.Generate] writes, a value of the same type, whose
	// secrets are placeholders and shown. Nil means that the examples of the
	// fields are written.
	Sample any
}

// Model is the configuration of a whole program: the fixed keys and the kinds of
// connectors that it has. It describes, generates, checks and prints
// configurations. The zero Model has no connectors.
type Model struct {
	// Version of the program. Default 0.0.0.
	Version string
	// Kinds in the order in which they are shown.
	Kinds []Kind
}

func (m Model) kind(name string) (Kind, error) {
	for _, k := range m.Kinds {
		if k.Name == name {
			return k, nil
		}
	}
	return Kind{}, &FieldError{Path: "connectors", Message: unknownConnector(name, m.names())}
}

func (m Model) names() []string {
	names := make([]string, len(m.Kinds))
	for i, k := range m.Kinds {
		names[i] = k.Name
	}
	return names
}

// mounts turns "vegeta" and "alias:vegeta" into mounts. None means all kinds.
func (m Model) mounts(connectors []string) ([]Mount, error) {
	var out []Mount
	var problems FieldErrors
	if len(connectors) == 0 {
		connectors = m.names()
	}
	for _, text := range connectors {
		alias, name, aliased := strings.Cut(text, ":")
		if !aliased {
			name = alias
		}
		if _, err := m.kind(name); err != nil {
			problems = append(problems, flatten(err)...)
			continue
		}
		if message := nameProblem(alias); message != "" {
			problems = append(problems, &FieldError{Path: "connectors", Message: message})
			continue
		}
		if !slices.ContainsFunc(out, func(o Mount) bool { return o.Name == alias }) {
			out = append(out, Mount{Name: alias, Connector: name})
		}
	}
	return out, problems.asError()
}

var unsafeInDefinition = afterPackage

// define adds the definition of a connector's stanza and returns its name.
func (s *schemas) connector(k Kind, mount string) string {
	name := camel(k.Name) + "Configuration"
	if mount != k.Name {
		name += "__" + unsafeInDefinition.ReplaceAllString(mount, "_")
	}
	t := reflect.TypeOf(k.Config)
	if t == nil {
		t = reflect.TypeFor[struct{}]()
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	s.kind, s.home = k.Name, t.PkgPath()
	definition := s.define(name, t, variableOf(mount)+"_")
	s.kind, s.home = "", ""
	definition.Title = fmt.Sprintf("%s Settings (named %s)", cmp.Or(k.FullName, title(k.Name)+" Connector"), mount)
	if definition.Description == "" {
		definition.Description = k.Description
	}
	if definition.Properties != nil {
		if _, ok := definition.Properties.Get("description"); !ok {
			definition.Properties.Set("description", &jsonschema.Schema{
				Title: "Description", Type: "string", Description: "An optional description of the configuration.",
				Extras: map[string]any{"env_names": []string{variableOf(mount) + "_DESCRIPTION"}},
			})
			_ = definition.Properties.MoveToFront("description") // it is there
		}
	}
	return name
}

// Schema returns the JSON Schema (draft 7) of a whole configuration file. With
// connectors, given as "vegeta" or "alias:vegeta", exactly those are described
// and each stanza is required; without, every kind is optional under its name.
// The text is the same on every call. The error names unknown connectors.
func (m Model) Schema(connectors ...string) ([]byte, error) {
	mounts, err := m.mounts(connectors)
	if err != nil {
		return nil, err
	}
	s := newSchemas()
	root := s.define("", reflect.TypeFor[fixedKeys](), "SERVO_")
	delete(s.definitions, "")
	root.Title = "Servo Configuration Schema"
	var labels []string
	for _, mount := range mounts {
		k, err := m.kind(mount.Connector)
		if err != nil {
			return nil, err
		}
		label := cmp.Or(k.FullName, title(k.Name)+" Connector") + " v" + cmp.Or(k.Version, "0.0.0")
		if !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
		property := annotated(ref(s.connector(k, mount.Name)))
		property.Title = title(mount.Name)
		property.Extras = map[string]any{"env_names": []string{variableOf(mount.Name)}}
		root.Properties.Set(mount.Name, property)
		if len(connectors) > 0 {
			root.Required = append(root.Required, mount.Name)
		}
	}
	root.Description = "Schema for configuration of Servo v" + cmp.Or(m.Version, "0.0.0")
	if len(labels) > 0 {
		root.Description += " with " + english.Series(labels, "and", true)
	}
	return s.print(root)
}

// StanzaSchema returns the JSON Schema of the stanza of one connector alone, given
// as for [Model.Schema].
func (m Model) StanzaSchema(connector string) ([]byte, error) {
	mounts, err := m.mounts([]string{connector})
	if err != nil {
		return nil, err
	}
	k, err := m.kind(mounts[0].Connector)
	if err != nil {
		return nil, err
	}
	s := newSchemas()
	name := s.connector(k, mounts[0].Name)
	root := s.definitions[name]
	delete(s.definitions, name)
	root.Title = cmp.Or(strings.TrimSuffix(k.FullName, " Connector"), title(k.Name)) + " Connector Configuration Schema"
	return s.print(root)
}

// ConnectorSchemas returns a schema that consists of the definitions of
// connectors, given as for [Model.Schema].
func (m Model) ConnectorSchemas(connectors ...string) ([]byte, error) {
	mounts, err := m.mounts(connectors)
	if err != nil {
		return nil, err
	}
	s := newSchemas()
	for _, mount := range mounts {
		k, err := m.kind(mount.Connector)
		if err != nil {
			return nil, err
		}
		_ = s.connector(k, mount.Name)
	}
	return s.print(&jsonschema.Schema{Title: "Servo Schema"})
}

// Validate reads sources and checks every document against its own model: the
// keys, the connectors it names, and the stanza of each. The error is a
// [FieldErrors] with all problems of all documents; a document without an
// optimizer has one. To check a file as if other connectors were listed, set the
// option "connectors".
func (m Model) Validate(s Sources) error {
	docs, err := s.Load()
	problems := []error{err}
	for _, doc := range docs {
		if doc.Optimizer.IsZero() && !doc.badOptimizer && len(docs) == 1 {
			problems = append(problems, &FieldError{File: doc.File, Line: max(doc.line, 1), Path: "optimizer", Message: "required: id and token of the optimizer"})
		}
		mounts, err := doc.Resolve(m.names())
		problems = append(problems, err)
		for _, mount := range mounts {
			k, err := m.kind(mount.Connector)
			if err != nil {
				continue // Resolve said so
			}
			if stanza, ok := doc.Stanza(mount.Name); ok {
				_, err := stanza.decode(reflect.TypeOf(k.Config))
				problems = append(problems, err)
			}
		}
	}
	return Join(problems...)
}

// decode is Decode for a type that is known at run time only.
func (s *Stanza) decode(t reflect.Type) (reflect.Value, error) {
	if t == nil {
		t = reflect.TypeFor[map[string]any]()
	}
	out := reflect.New(t).Elem()
	return out, decodeStanza(s, out)
}

// given returns the keys of a document that some source sets.
func (d *Document) given() *yaml.Node {
	if d.root == nil {
		return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	}
	return d.root
}
