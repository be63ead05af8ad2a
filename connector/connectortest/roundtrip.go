package connectortest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/config"
)

// model is the configuration of a program with this connector only.
func (e *exam) model() config.Model { return config.Model{Kinds: []config.Kind{e.def.Kind()}} }

// printed decodes a stanza and prints it with its defaults, as a servo does.
func (e *exam) printed(text string, reveal bool) (*yaml.Node, error) {
	name := e.def.Info().Name
	docs, err := document(name, text)
	if err != nil {
		return nil, err
	}
	var out []byte
	err = guard(func() (err error) {
		out, err = e.model().Print(docs, config.PrintOptions{Keys: []string{name}, Defaults: true, Reveal: reveal})
		return err
	})
	if err != nil {
		return nil, err
	}
	var file map[string]yaml.Node
	if err := yaml.Unmarshal(out, &file); err != nil {
		return nil, err
	}
	n := file[name]
	return &n, nil
}

// roundTrip prints the configuration and reads what was printed.
func (e *exam) roundTrip() {
	if !e.works() {
		return
	}
	first, err := e.printed(e.config.YAML, true)
	if e.brokenBy("printing the configuration", err) {
		return
	}
	for _, v := range e.values() {
		if v.key == v.top && v.name != nil && v.node.Tag != "!!null" && !slices.ContainsFunc(valuesOf(first, "", ""), func(p value) bool { return p.key == v.key }) {
			e.broken("%s is lost when the configuration is printed", v.key)
		}
	}
	second, err := e.printed(write(first), true)
	if e.brokenBy("reading what was printed", err) {
		return
	}
	before, after := leaves(first, ""), leaves(second, "")
	for _, path := range slices.Sorted(maps.Keys(before)) {
		if before[path] != after[path] {
			e.broken("%s was printed as %q, and after reading that as %q", path, before[path], after[path])
		}
	}
}

// leaves maps the paths of scalars to their texts.
func leaves(n *yaml.Node, path string) map[string]string {
	all := map[string]string{}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			maps.Copy(all, leaves(n.Content[i+1], strings.TrimPrefix(path+"."+n.Content[i].Value, ".")))
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			maps.Copy(all, leaves(item, fmt.Sprintf("%s[%d]", path, i)))
		}
	default:
		all[path] = n.Value
	}
	return all
}

// secretTexts returns the secrets to look for: those the author names and those
// that printing masks. A masked text that stands elsewhere in the stanza too,
// such as an address in a variable of the environment, cannot be told from what
// is no secret.
func (e *exam) secretTexts() []string {
	all := slices.Clone(e.config.Secrets)
	masked, err1 := e.printed(e.config.YAML, false)
	revealed, err2 := e.printed(e.config.YAML, true)
	if errors.Join(err1, err2) == nil {
		shown, held := leaves(masked, ""), map[string]int{}
		for path, text := range leaves(revealed, "") {
			if shown[path] != text {
				held[text]++
			}
		}
		for text, times := range held {
			if strings.Count(e.config.YAML, text) <= times {
				all = append(all, text)
			}
		}
	}
	all = slices.DeleteFunc(all, func(s string) bool { return len(s) < 4 })
	slices.Sort(all)
	return slices.Compact(all)
}

// schema looks at what editors and users see of the configuration.
func (e *exam) schema() {
	if !e.works() {
		return
	}
	var text []byte
	err := guard(func() (err error) {
		text, err = e.def.Schema()
		return err
	})
	if e.brokenBy("the schema", err) {
		return
	}
	if again, err := e.def.Schema(); err != nil || string(again) != string(text) {
		e.broken("the schema is another one on the second call")
	}
	if !json.Valid(text) {
		e.broken("the schema is not JSON")
	}
	for _, v := range e.values() {
		if v.key == v.top && v.name != nil && !strings.Contains(string(text), fmt.Sprintf("%q", v.key)) {
			e.broken("the schema does not know the key %q", v.key)
		}
	}
	var sample []byte
	err = guard(func() (err error) {
		sample, err = e.model().Generate(nil, config.GenerateOptions{})
		return err
	})
	if e.brokenBy("generating a sample", err) {
		return
	}
	e.brokenBy("the generated sample is not valid", guard(func() error { return e.model().Validate(config.Sources{Text: sample}) }))
}
