package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// PrintOptions say what [Model.Print] shows.
type PrintOptions struct {
	// Format is "yaml", the default, with sorted keys, or "json", in the order of
	// declaration.
	Format string
	// Keys limits the output to these top-level keys.
	Keys []string
	// Defaults shows every value, not only those that are set and no default.
	Defaults bool
	// Reveal shows all secrets with their values, also those that are given by a
	// reference.
	Reveal bool

	literal bool // no references in place of masked secrets
	_       struct{}
}

// Print returns the configurations that are in effect, with all sources merged.
// It holds the fixed keys and the stanzas of active connectors; the optimizer is
// always shown with the URL that follows from it. Several documents are divided
// by "---" in YAML and are lines of their own in JSON. The error lists the
// problems of stanzas.
//
// Secrets are masked: each [Secret], and in other texts what has the name or the
// shape of one, such as user and password of a URL, a parameter "token" of its
// query, a header "Authorization" or an argument after --password. A Secret that
// is given by {file: path}, {env: NAME} or a variable of its own is printed as
// such a reference. Connectors get every value as it was given.
//
// What is printed can be loaded again. A comment above each masked value says
// what to fill in, and loading it as it is gives one error for each. A document
// that has only references loads where the files and variables are there.
func (m Model) Print(docs []*Document, o PrintOptions) ([]byte, error) {
	var out bytes.Buffer
	for i, doc := range docs {
		root, err := m.effective(doc, o)
		if err != nil {
			return nil, err
		}
		switch o.Format {
		case "", "yaml":
			if i > 0 {
				out.WriteString("---\n")
			}
			text, err := writeYAML(sorted(root))
			if err != nil {
				return nil, err
			}
			out.Write(text)
		case "json":
			raw, err := rawJSON(root)
			if err != nil {
				return nil, err
			}
			if err := json.Indent(&out, raw, "", "  "); err != nil {
				return nil, fmt.Errorf("writing the configuration: %w", err)
			}
			out.WriteByte('\n')
		default:
			return nil, Invalid("", o.Format, "a format: yaml or json")
		}
	}
	return out.Bytes(), nil
}

// effective puts a document together again.
func (m Model) effective(doc *Document, o PrintOptions) (*yaml.Node, error) {
	k := fixedKeys{
		Name: doc.Name, Description: doc.Description, ServoUID: doc.ServoUID, Optimizer: doc.Optimizer,
		Connectors:    descriptor{mounts: doc.Connectors, given: doc.HasConnectors},
		NoDiagnostics: doc.NoDiagnostics, Settings: doc.Settings, Checks: doc.Checks,
	}
	var usual fixedKeys
	setDefaults(reflect.ValueOf(&usual).Elem())
	root := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	add := func(name string, value, usual reflect.Value, given *yaml.Node) error {
		if len(o.Keys) > 0 && !slices.Contains(o.Keys, name) {
			return nil
		}
		e := encoder{reveal: o.Reveal, layers: doc.layers}
		refers := given
		if o.literal {
			refers = nil
		}
		full, err := e.encodeGiven(value, refers)
		if err != nil {
			return err
		}
		defaults, err := e.encode(usual)
		if err != nil {
			return err
		}
		if !o.Defaults && name != "optimizer" {
			shown := explicit(full, given, defaults, false)
			if shown == nil && slices.Contains(topLevel(), name) {
				return nil
			}
			full = shown
		} else if cleaned := withoutNulls(full, defaults); cleaned != nil || name != "connectors" || !doc.HasConnectors {
			full = cleaned // an empty list of connectors says that none is active
		}
		if full == nil && !slices.Contains(topLevel(), name) {
			full = emptyMapping() // it is active
		}
		if full != nil {
			root.Content = append(root.Content, textNode(name), full)
		}
		return nil
	}
	s, err := shapeOf(reflect.TypeFor[fixedKeys]())
	if err != nil {
		return nil, err
	}
	problems := []error{}
	for _, f := range s.fields {
		value := fieldAt(reflect.ValueOf(&k).Elem(), f.index)
		problems = append(problems, add(f.key, value, fieldAt(reflect.ValueOf(&usual).Elem(), f.index), valueAt(doc.given(), f.key)))
	}
	mounts, err := doc.Resolve(m.names())
	problems = append(problems, err)
	for _, mount := range mounts {
		kind, err := m.kind(mount.Connector)
		if err != nil {
			continue // Resolve said so
		}
		stanza, ok := doc.Stanza(mount.Name)
		if !ok {
			continue
		}
		t := reflect.TypeOf(kind.Config)
		value, err := stanza.decode(t)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		given, _ := stanza.over(value.Type())
		usual := reflect.New(value.Type()).Elem()
		setDefaults(usual)
		problems = append(problems, add(mount.Name, value, usual, given))
	}
	if len(root.Content) == 0 {
		root.Style = yaml.FlowStyle
	}
	return root, Join(problems...)
}

// MarshalYAML writes the form that UnmarshalYAML reads.
func (c descriptor) MarshalYAML() (any, error) {
	if !c.given {
		return nil, nil
	}
	return mountsNode(c.mounts), nil
}

// ConfigMap returns a Kubernetes ConfigMap that holds the configuration of doc
// without its optimizer. At is the time of the annotation configured_at. The
// error is that of [Model.Print], and so is what becomes of secrets: a ConfigMap is
// no place for their values, so give them as {file: path} of a mounted Secret, or
// fill in the masked ones before it is applied.
func (m Model) ConfigMap(doc *Document, at time.Time) ([]byte, error) {
	root, err := m.effective(doc, PrintOptions{})
	if err != nil {
		return nil, err
	}
	text, err := writeYAML(sorted(withoutOptimizer(root)))
	if err != nil {
		return nil, err
	}
	connectors, err := m.describe(doc)
	if err != nil {
		return nil, err
	}
	mapping := func(pairs ...any) *yaml.Node {
		out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for i := 0; i+1 < len(pairs); i += 2 {
			key, _ := pairs[i].(string)
			value, ok := pairs[i+1].(*yaml.Node)
			if !ok {
				plain, _ := pairs[i+1].(string)
				value = textNode(plain)
			}
			out.Content = append(out.Content, textNode(key), value)
		}
		return out
	}
	quoted := func(text string) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Style: yaml.SingleQuotedStyle}
	}
	literal := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: string(text), Style: yaml.LiteralStyle}
	out, err := writeYAML(mapping(
		"apiVersion", "v1",
		"kind", "ConfigMap",
		"metadata", mapping(
			"name", "opsani-servo-config",
			"labels", mapping("app.kubernetes.io/name", "servo", "app.kubernetes.io/version", cmp.Or(m.Version, "0.0.0")),
			"annotations", mapping(
				"servo.opsani.com/configured_at", quoted(at.UTC().Format("2006-01-02T15:04:05.999999-07:00")),
				"servo.opsani.com/connectors", quoted(connectors),
			),
		),
		"data", mapping("servo.yaml", literal),
	))
	return append([]byte("---\n"), out...), err
}

func withoutOptimizer(root *yaml.Node) *yaml.Node {
	out := without(root, "optimizer")
	if len(out.Content) == 0 {
		out.Style = yaml.FlowStyle
	}
	return out
}

// describe lists the active connectors of a document as JSON.
func (m Model) describe(doc *Document) (string, error) {
	type connector struct {
		Name        string `json:"name"`
		Type        string `json:"type"`
		Description string `json:"description"`
		Version     string `json:"version"`
		URL         string `json:"url"`
	}
	mounts, err := doc.Resolve(m.names())
	if err != nil {
		return "", err
	}
	list := []connector{}
	for _, mount := range mounts {
		k, err := m.kind(mount.Connector)
		if err != nil {
			return "", err
		}
		list = append(list, connector{mount.Name, cmp.Or(k.FullName, k.Name), k.Description, cmp.Or(k.Version, "0.0.0"), k.Homepage})
	}
	var out bytes.Buffer
	w := json.NewEncoder(&out)
	w.SetEscapeHTML(false)
	if err := w.Encode(list); err != nil {
		return "", errors.Join(errors.New("describing connectors"), err)
	}
	return string(bytes.TrimSpace(out.Bytes())), nil
}
