package connectortest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
)

// check decodes and builds from a text, with panics as errors.
func (e *exam) check(text string) error {
	s, err := stanza(e.def, text)
	if err != nil {
		return err
	}
	return e.checkStanza(s)
}

func (e *exam) checkStanza(s *config.Stanza) error {
	return guard(func() error {
		_, err := e.def.New(s, connector.Env{Common: config.DefaultCommon()})
		return err
	})
}

// fields returns the problems of a configuration in err.
func fields(err error) config.FieldErrors {
	var all config.FieldErrors
	var one *config.FieldError
	switch {
	case errors.As(err, &all):
		return all
	case errors.As(err, &one):
		return config.FieldErrors{one}
	default:
		return nil
	}
}

// defaults decodes nothing and an empty stanza.
func (e *exam) defaults() {
	empty, err := stanza(e.def, "")
	if e.blockedBy(err) {
		return
	}
	for what, s := range map[string]*config.Stanza{"no stanza": nil, "an empty stanza": empty} {
		err := e.checkStanza(s)
		if isPanic(err) {
			e.broken("%s: %v%s", what, err, trace(err))
			continue
		}
		problems := fields(err)
		if err != nil && len(problems) == 0 {
			e.broken("%s is accepted, and then the connector is not built: %v", what, err)
		}
		for _, p := range problems {
			if !e.names(p) {
				e.broken("%s: the problem does not say which key it is about: %v", what, p)
			}
		}
	}
}

// names reports whether a problem names a key, in its path or in its text.
func (e *exam) names(p *config.FieldError) bool {
	if below := strings.TrimPrefix(p.Path, e.def.Info().Name); below != "" {
		return true
	}
	for _, v := range e.values() {
		if strings.Contains(p.Message, v.key) {
			return true
		}
	}
	return false
}

// value is one value of the author's stanza.
type value struct {
	key  string // its own, or that of the list it is in
	top  string // the key at the top of the stanza
	name *yaml.Node
	node *yaml.Node
}

// tree parses the author's stanza anew, to be changed.
func (e *exam) tree() *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(dedent(e.config.YAML)), &doc); err == nil && len(doc.Content) == 1 && doc.Content[0].Kind == yaml.MappingNode {
		return doc.Content[0]
	}
	return &yaml.Node{Kind: yaml.MappingNode}
}

func (e *exam) values() []value { return valuesOf(e.tree(), "", "") }

// valuesOf lists the values below a node, always in the same order.
func valuesOf(n *yaml.Node, key, top string) []value {
	var all []value
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			name, node := n.Content[i], n.Content[i+1]
			first := top
			if first == "" {
				first = name.Value
			}
			all = append(all, value{name.Value, first, name, node})
			all = append(all, valuesOf(node, name.Value, first)...)
		}
	case yaml.SequenceNode:
		for _, node := range n.Content {
			all = append(all, value{key, top, nil, node})
			all = append(all, valuesOf(node, key, top)...)
		}
	}
	return all
}

// variant is the author's stanza with its i-th value changed.
func (e *exam) variant(i int, change func(value)) string {
	root := e.tree()
	change(valuesOf(root, "", "")[i])
	return write(root)
}

// variants calls each with the author's stanza, every value in turn replaced by
// every one of instead, until it returns false.
func (e *exam) variants(instead []*yaml.Node, each func(v value, instead *yaml.Node, text string) bool) {
	root := e.tree()
	for _, v := range valuesOf(root, "", "") {
		own := *v.node
		for _, other := range instead {
			*v.node = *other
			if !each(v, other, write(root)) {
				return
			}
		}
		*v.node = own
	}
}

func write(root *yaml.Node) string {
	if len(root.Content) == 0 {
		return ""
	}
	text, err := yaml.Marshal(root)
	if err != nil {
		return fmt.Sprintf("cannot be written: %v", err)
	}
	return string(text)
}

func scalar(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// works blocks the exam when the author's own stanza is refused.
func (e *exam) works() bool {
	return !e.blockedBy(wrap("the stanza of the test is refused", e.check(e.config.YAML)))
}

const unknownKey = "connectortest_unknown"

func (e *exam) unknownKeys() {
	if !e.works() {
		return
	}
	root := e.tree()
	root.Content = append(root.Content, scalar(unknownKey), scalar("x"))
	if err := e.check(write(root)); err == nil {
		e.broken("the unknown key %q is accepted", unknownKey)
	} else if !e.refuses(err, unknownKey, "") {
		e.broken("the error about the unknown key %q does not name it: %v", unknownKey, err)
	}
	for i, v := range e.values() {
		if v.key != v.top || v.name == nil || len(v.key) < 4 {
			continue
		}
		slip := misspelt(v.key)
		err := e.check(e.variant(i, func(v value) { v.name.Value = slip }))
		switch {
		case err == nil:
			e.broken("the key %q, written %q, is accepted", v.key, slip)
		case !e.refuses(err, slip, v.key):
			e.broken("the error about the key %q does not suggest %q: %v", slip, v.key, err)
		}
	}
}

// misspelt drops the last letter but one, as a hasty hand does.
func misspelt(key string) string { return key[:len(key)-2] + key[len(key)-1:] }

// refuses reports whether one of the problems is about the key and mentions the
// suggestion.
func (e *exam) refuses(err error, key, suggestion string) bool {
	for _, p := range fields(err) {
		if strings.Contains(p.Path, key) && strings.Contains(p.Message, suggestion) {
			return true
		}
	}
	return false
}

// wrongTypes puts a mapping where a scalar belongs, and the like.
func (e *exam) wrongTypes() {
	if !e.works() {
		return
	}
	if len(e.values()) == 0 {
		e.absent = "the stanza of the test has no keys"
		return
	}
	for i, v := range e.values() {
		var instead *yaml.Node
		var kind string
		switch v.node.Kind {
		case yaml.ScalarNode:
			kind = "a mapping"
			instead = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{scalar("connectortest"), {Kind: yaml.SequenceNode}}}
		case yaml.MappingNode:
			kind = "a list"
			instead = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{{Kind: yaml.SequenceNode, Content: []*yaml.Node{scalar("x")}}}}
		case yaml.SequenceNode:
			kind = "a mapping"
			instead = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{scalar("connectortest"), {Kind: yaml.MappingNode}}}
		default:
			continue
		}
		err := e.check(e.variant(i, func(v value) { *v.node = *instead }))
		switch {
		case isPanic(err):
			e.blockedBy(err)
		case err == nil:
			e.broken("%s is accepted as the value of %q", kind, v.key)
		case !e.refuses(err, v.top, ""):
			e.broken("the error about %s as the value of %q does not name the key: %v", kind, v.key, err)
		}
	}
}

// deepest is how deep a hostile value is nested: what package config lets through
// to the connector, with room for where the value stands.
const deepest = 75

// hostileTexts are what nobody means well with.
func hostileTexts() []*yaml.Node {
	var all []*yaml.Node
	for _, text := range []string{"", "\x00", strings.Repeat("x", 1<<14), "{{%!s(", "(((", "-"} {
		all = append(all, scalar(text))
	}
	for _, plain := range []string{"-1", "99999999999999999999999999", "9223372036854775807", "1e999", ".nan", "null", "true"} {
		all = append(all, &yaml.Node{Kind: yaml.ScalarNode, Value: plain})
	}
	deep := scalar("x")
	for range deepest {
		deep = &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle, Content: []*yaml.Node{deep}}
	}
	return append(all, deep)
}

// longestError is how long an error about a configuration may be.
const longestError = 8 << 10

// hostileConfig replaces every value by what nobody means well with. Refusing is
// as good as accepting, as long as it is quick and calm.
func (e *exam) hostileConfig() {
	e.variants(hostileTexts(), func(v value, instead *yaml.Node, text string) bool {
		s, err := stanza(e.def, text)
		if err != nil {
			return true // it does not get as far as the connector
		}
		shown := fmt.Sprintf("%q: %.40q", v.key, instead.Value)
		done := make(chan error, 1)
		go func() { done <- e.checkStanza(s) }()
		patience := time.NewTimer(e.config.Prompt)
		defer patience.Stop()
		select {
		case err = <-done:
		case <-patience.C:
			e.broken("%s: decoding and building took more than %s", shown, e.config.Prompt)
			return false
		}
		if isPanic(err) {
			e.broken("%s: %v%s", shown, err, trace(err))
		}
		if err != nil && len(err.Error()) > longestError {
			e.broken("%s: the error has %d characters", shown, len(err.Error()))
		}
		return true
	})
}

// configSecrets makes mistakes around secrets and searches the errors.
func (e *exam) configSecrets() {
	all := e.secretTexts()
	if len(all) == 0 {
		e.absent = "the configuration has no secret"
		return
	}
	for i, v := range e.values() {
		mistakes := map[string]func(value){
			"a list as the value of": func(v value) {
				secret := *v.node
				*v.node = yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{&secret}}
			},
			"a mapping as the value of": func(v value) {
				secret := *v.node
				*v.node = yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{scalar("value"), &secret}}
			},
			"an unknown key beside": func(value) {},
		}
		if v.name != nil && len(v.key) >= 4 {
			mistakes["another name for"] = func(v value) { v.name.Value = misspelt(v.name.Value) }
		}
		for mistake, change := range mistakes {
			text := e.variant(i, func(v value) {
				change(v)
			}) + unknownKey + ": x\n"
			if err := e.check(text); err != nil && !isPanic(err) {
				e.revealed(fmt.Sprintf("the error about %s %q", mistake, v.key), err.Error(), all)
			}
		}
	}
}
