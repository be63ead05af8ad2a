package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

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
	// Checks say how checks are run, filled with defaults.
	Checks Checks

	layers       *layers
	root         *yaml.Node // the fixed keys with all sources merged
	stanzas      []*Stanza
	mountAt      map[string]place
	line         int
	badOptimizer bool // given, but wrong: do not ask for it as well
}

// fixedKeys is what a document can hold beside stanzas of connectors.
type fixedKeys struct {
	Name          string     `yaml:"name" env:"SERVO_NAME" description:"Name of the servo. The id of the optimizer when not given."`
	Description   string     `yaml:"description" env:"SERVO_DESCRIPTION" description:"What the servo is for."`
	ServoUID      string     `yaml:"servo_uid" env:"SERVO_UID" description:"Unique id of the deployment, sent with every request."`
	Optimizer     Optimizer  `yaml:"optimizer" env:"SERVO_OPTIMIZER" description:"The optimizer that the servo talks to."`
	Connectors    descriptor `yaml:"connectors" env:"SERVO_CONNECTORS" description:"Connectors that are active: a list of names, or a mapping of names of one's own to connectors. When not given, those with a stanza are active."`
	NoDiagnostics bool       `yaml:"no_diagnostics" env:"SERVO_NO_DIAGNOSTICS" description:"Do not poll for requests for diagnostics."`
	Settings      Common     `yaml:"settings" env:"SERVO_SETTINGS" envprefix:"COMMON_" description:"Settings that all connectors share."`
	Checks        Checks     `yaml:"checks" env:"SERVO_CHECKS" envprefix:"CHECKS_" description:"How checks are run before the servo starts."`
}

func (k *fixedKeys) SetDefaults() { k.NoDiagnostics = true }

// topLevel lists the keys of fixedKeys.
func topLevel() []string {
	s, _ := shapeOf(reflect.TypeFor[fixedKeys]()) // the type is ours, and fine
	return s.keys()
}

// newDocument reads one document of several. It reports false when there is
// nothing to read.
func newDocument(file string, index, of int, root *yaml.Node, order *layers) (*Document, FieldErrors, bool) {
	if root.Kind != yaml.MappingNode {
		return nil, FieldErrors{{
			File: file, Line: root.Line, Column: root.Column,
			Message: "the document is " + rootKind(root) + ", not a mapping of keys to values",
		}}, false
	}
	doc := &Document{File: file, Index: index, line: root.Line, layers: order}
	fixed := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: root.Line, Column: root.Column}
	keys := topLevel()
	for _, e := range entries(root) {
		stanza := &Stanza{file: file, name: resolve(e.key).Value, key: e.key, value: e.value, layers: order}
		if !slices.Contains(keys, stanza.name) {
			doc.stanzas = append(doc.stanzas, stanza)
			continue
		}
		fixed.Content = append(fixed.Content, e.key, e.value)
	}
	var k fixedKeys
	d := &decoder{file: file, layers: order, positions: map[string]position{}}
	fixed, d.problems = order.fixed(fixed, of)
	if err := d.run(fixed, reflect.ValueOf(&k).Elem(), ""); err != nil && len(d.problems) == 0 { // cannot be: the type is ours
		return nil, FieldErrors{{File: file, Message: err.Error()}}, false
	}
	doc.root = fixed
	doc.Name, doc.Description, doc.ServoUID = k.Name, k.Description, k.ServoUID
	doc.Optimizer, doc.NoDiagnostics, doc.Settings, doc.Checks = k.Optimizer, k.NoDiagnostics, k.Settings, k.Checks
	doc.Connectors, doc.HasConnectors = k.Connectors.mounts, k.Connectors.given
	doc.mountAt = k.Connectors.at
	doc.badOptimizer = slices.ContainsFunc(d.problems, func(p *FieldError) bool { return within(p.Path, "optimizer") })
	return doc, d.problems, true
}

// fixed lays the other sources over the fixed keys of one document of several.
func (l *layers) fixed(n *yaml.Node, documents int) (*yaml.Node, FieldErrors) {
	if l == nil {
		return n, nil
	}
	// What identifies a servo cannot be the same for several of them: there a
	// variable only fills what the document leaves open.
	fill := []string{"name"}
	if documents > 1 {
		fill = append(fill, "servo_uid", "optimizer.id", "optimizer.optimizer_id", "optimizer.url")
	}
	t := reflect.TypeFor[fixedKeys]()
	first, _ := l.over(n, t, "", "", "SERVO_", reflect.TypeFor[struct{}](), fill)
	out, problems := l.over(n, t, "", "", "SERVO_", l.optimizerKind(valueAt(first, "optimizer")), fill)
	if documents > 1 && valueAt(n, "name") == nil && valueAt(out, "name") != nil {
		if _, option := l.list[0].options["name"]; !option {
			out = without(out, "name") // SERVO_NAME selects one of them
		}
	}
	return l.fillBackoff(out), problems
}

// rootKind names the kind only: a stray line may be a secret.
func rootKind(root *yaml.Node) string {
	if root.Kind == yaml.SequenceNode {
		return "a list"
	}
	return "a single value"
}

// Stanza returns the stanza under a top-level key that is not one of the fixed
// keys, or false when there is none. It may come from another source than the
// file, see [Document.Resolve].
func (d *Document) Stanza(name string) (*Stanza, bool) {
	if s, ok := d.inFile(name); ok {
		return s, true
	}
	if d.layers == nil || slices.Contains(topLevel(), name) {
		return nil, false
	}
	required := slices.ContainsFunc(d.Connectors, func(m Mount) bool { return m.Name == name })
	line, ok := d.layers.stanzaAt(name, required, d.Connectors)
	if !ok {
		return nil, false
	}
	key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name, Line: line}
	value := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: line}
	return &Stanza{file: d.File, name: name, key: key, value: value, layers: d.layers}, true
}

func (d *Document) inFile(name string) (*Stanza, bool) {
	for _, s := range d.stanzas {
		if s.name == name {
			return s, true
		}
	}
	return nil, false
}

// stanzaAt returns where the stanza of a connector comes from when the file has
// none. Variables of single fields make one only for a required connector.
func (l *layers) stanzaAt(name string, required bool, mounts []Mount) (line int, ok bool) {
	whole := variableOf(name)
	for _, layer := range l.list {
		for _, key := range slices.Sorted(maps.Keys(layer.options)) {
			if within(key, keyPath("", name)) {
				return -1 - layer.origin[key], true
			}
		}
		if layer.variables[whole] != "" {
			return -1 - layer.origin[whole], true
		}
		for _, variable := range slices.Sorted(maps.Keys(layer.variables)) {
			if required && strings.HasPrefix(variable, whole+"_") && !slices.Contains(reservedVariables, variable) &&
				!slices.ContainsFunc(mounts, func(m Mount) bool {
					other := variableOf(m.Name)
					return len(other) > len(whole) && (variable == other || strings.HasPrefix(variable, other+"_"))
				}) {
				return -1 - layer.origin[variable], true
			}
		}
	}
	return 0, false
}

// Stanzas returns all stanzas of the file in their order, also those of connectors that are
// not active and those that [Document.Resolve] rejects.
func (d *Document) Stanzas() []*Stanza { return slices.Clone(d.stanzas) }
