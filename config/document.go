package config

import (
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Document is the configuration of one servo: the fixed keys decoded and checked,
// and the stanzas of its connectors still to be decoded by those who know their
// types. Get documents from [Load] or [Parse]. Nothing in this package changes a
// Document later.
type Document struct {
	// File is the name of the file and Index the place of the document in it,
	// counted from 0.
	File  string
	Index int

	// Name, Description and ServoUID are free texts, empty when not given. A
	// servo without a name is called by the id of its optimizer.
	Name, Description, ServoUID string
	// Optimizer is the zero value when the stanza is absent or empty.
	Optimizer Optimizer
	// Connectors is what the key "connectors" says, in file order: a list of
	// names or a mapping of mount name to connector. HasConnectors tells an
	// empty one (no connector is active) from an absent or null one (every
	// connector with a stanza is active). [Document.Resolve] applies that.
	Connectors    []Mount
	HasConnectors bool
	// NoDiagnostics turns off polling for requests for diagnostics. True unless
	// the file says otherwise.
	NoDiagnostics bool
	// Settings are common to all connectors, filled with defaults.
	Settings Common
	// Checks is the stanza of the check flow, nil when absent. Decode gives
	// defaults for nil.
	Checks *Stanza

	stanzas      []*Stanza
	mountAt      map[string]place
	line         int
	badOptimizer bool // given, but wrong: do not ask for it as well
}

// fixedKeys is what a document can hold beside stanzas of connectors.
type fixedKeys struct {
	Name          string     `yaml:"name"`
	Description   string     `yaml:"description"`
	ServoUID      string     `yaml:"servo_uid"`
	Optimizer     Optimizer  `yaml:"optimizer"`
	Connectors    descriptor `yaml:"connectors"`
	NoDiagnostics bool       `yaml:"no_diagnostics"`
	Settings      Common     `yaml:"settings"`
	Checks        yaml.Node  `yaml:"checks"`
}

func (k *fixedKeys) SetDefaults() { k.NoDiagnostics = true }

// topLevel lists the keys of fixedKeys.
func topLevel() []string {
	s, _ := shapeOf(reflect.TypeFor[fixedKeys]()) // the type is ours, and fine
	return s.keys()
}

// newDocument reads one document. It reports false when there is nothing to read.
func newDocument(file string, index int, root *yaml.Node) (*Document, FieldErrors, bool) {
	if root.Kind != yaml.MappingNode {
		return nil, FieldErrors{{
			File: file, Line: root.Line, Column: root.Column,
			Message: "the document is " + rootKind(root) + ", not a mapping of keys to values",
		}}, false
	}
	doc := &Document{File: file, Index: index, line: root.Line}
	fixed := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: root.Line, Column: root.Column}
	keys := topLevel()
	for _, e := range entries(root) {
		stanza := &Stanza{file: file, name: resolve(e.key).Value, key: e.key, value: e.value}
		switch {
		case !slices.Contains(keys, stanza.name):
			doc.stanzas = append(doc.stanzas, stanza)
			continue
		case stanza.name == "checks":
			doc.Checks = stanza
		}
		fixed.Content = append(fixed.Content, e.key, e.value)
	}
	var k fixedKeys
	d := &decoder{file: file, positions: map[string]position{}}
	err := d.run(fixed, reflect.ValueOf(&k).Elem(), "")
	doc.Name, doc.Description, doc.ServoUID = k.Name, k.Description, k.ServoUID
	doc.Optimizer, doc.NoDiagnostics, doc.Settings = k.Optimizer, k.NoDiagnostics, k.Settings
	doc.Connectors, doc.HasConnectors = k.Connectors.mounts, k.Connectors.given
	doc.mountAt = k.Connectors.at
	doc.badOptimizer = slices.ContainsFunc(d.problems, func(p *FieldError) bool { return within(p.Path, "optimizer") })
	if err != nil && len(d.problems) == 0 { // cannot be: the type is ours
		return nil, FieldErrors{{File: file, Message: err.Error()}}, false
	}
	return doc, d.problems, true
}

// rootKind names the kind only: a stray line may be a secret.
func rootKind(root *yaml.Node) string {
	if root.Kind == yaml.SequenceNode {
		return "a list"
	}
	return "a single value"
}

// Stanza returns the stanza under a top-level key that is not one of the fixed
// keys, or false when there is none.
func (d *Document) Stanza(name string) (*Stanza, bool) {
	for _, s := range d.stanzas {
		if s.name == name {
			return s, true
		}
	}
	return nil, false
}

// Stanzas returns all stanzas in file order, also those of connectors that are
// not active and those that [Document.Resolve] rejects.
func (d *Document) Stanzas() []*Stanza { return slices.Clone(d.stanzas) }
