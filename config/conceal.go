package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/internal/redact"
)

// secrets knows what looks like a secret.
var secrets = redact.New(redact.Options{})

// What stands above a masked value in a document. It tells the same as the error
// of a document that is loaded as it is.
const (
	fillSecret = "Masked: give the value, {file: path} or {env: NAME}."
	fillText   = "Masked: put the secret back in place of the asterisks."
)

// concealer masks the secrets in a printed configuration, whose own nodes it
// leaves alone.
type concealer struct{ layers *layers }

// conceal returns n without secrets: those that secrets finds by name or
// shape, beside each [Secret], which is masked already. A Secret that is given
// as a reference, or by a variable of its own, is shown as a reference: given is
// what all sources together say, or nil. Hide says that the name of the value is
// that of a secret.
func (c concealer) conceal(n, given *yaml.Node, hide bool) *yaml.Node {
	out, _ := c.value(n, given, hide)
	return out
}

// value also returns what is to be said about the value, if it is masked.
func (c concealer) value(n, given *yaml.Node, hide bool) (out *yaml.Node, comment string) {
	switch n.Kind {
	case yaml.MappingNode:
		return c.mapping(n, given), ""
	case yaml.SequenceNode:
		return c.sequence(n, given, hide), ""
	case yaml.ScalarNode:
		return c.scalar(n, given, hide)
	}
	return n, ""
}

func (c concealer) mapping(n, given *yaml.Node) *yaml.Node {
	out := *n
	out.Content = make([]*yaml.Node, 0, len(n.Content))
	set := byKey(given)
	named := namesSecret(n)
	for _, e := range entries(n) {
		name := e.key.Value
		hide := secrets.Secret(name) || named && name == "value"
		value, comment := c.value(e.value, set[name].value, hide)
		key := e.key
		if comment != "" {
			commented := *key
			commented.HeadComment = comment
			key = &commented
		}
		out.Content = append(out.Content, key, value)
	}
	return &out
}

// namesSecret reports whether a mapping is of the form {name: Authorization,
// value: …}.
func namesSecret(n *yaml.Node) bool {
	for _, key := range []string{"name", "key"} {
		if v := valueAt(n, key); v != nil && v.Kind == yaml.ScalarNode && secrets.Secret(v.Value) {
			return true
		}
	}
	return false
}

func (c concealer) sequence(n, given *yaml.Node, hide bool) *yaml.Node {
	out := *n
	out.Content = slices.Clone(n.Content)
	var items []*yaml.Node
	if given != nil && resolve(given).Kind == yaml.SequenceNode && len(resolve(given).Content) == len(n.Content) {
		items = resolve(given).Content
	}
	afterFlag := false // of a command line: --password, then the password
	for i, item := range n.Content {
		var from *yaml.Node
		if items != nil {
			from = items[i]
		}
		flag := strings.HasPrefix(item.Value, "-")
		value, comment := c.value(item, from, hide || afterFlag && !flag)
		if comment != "" {
			commented := *value
			commented.HeadComment = comment
			value = &commented
		}
		out.Content[i] = value
		afterFlag = flag && secrets.Secret(item.Value)
	}
	return &out
}

func (c concealer) scalar(n, given *yaml.Node, hide bool) (*yaml.Node, string) {
	switch tag := n.ShortTag(); {
	case n.Value == "" || tag == "!!null" || tag == "!!bool":
		return n, ""
	case n.Value == mask:
		if ref := c.reference(given); ref != nil {
			return ref, ""
		}
		return n, fillSecret
	case hide:
		return textNode(mask), fillText
	case tag != "!!str":
		return n, ""
	}
	text := secrets.Setting(n.Value)
	if text == n.Value {
		return n, ""
	}
	if !secrets.Masked(text) { // it must be found when it is loaded
		text = mask
	}
	return textNode(text), fillText
}

// reference returns how a secret is referred to where it is given, nil when it
// stands there itself.
func (c concealer) reference(given *yaml.Node) *yaml.Node {
	if given == nil {
		return nil
	}
	given = resolve(given)
	if given.Kind == yaml.MappingNode {
		for _, e := range entries(given) {
			return referTo(resolve(e.key).Value, resolve(e.value).Value)
		}
	}
	if given.Line >= 0 || c.layers == nil {
		return nil
	}
	for _, layer := range c.layers.list {
		for name, value := range layer.variables {
			switch {
			case layer.origin[name] != -1-given.Line:
			case value == given.Value:
				return referTo("env", name)
			case strings.HasSuffix(name, "_FILE"):
				return referTo("file", value)
			}
		}
	}
	return nil
}

func referTo(kind, from string) *yaml.Node {
	n := with(nil, kind, textNode(from))
	n.Style = yaml.FlowStyle
	return n
}

// masked reports the masks of secrets that stand in n in place of a value of type
// t, and whether there are any. A type that reads itself has all below it looked
// at, because nobody does later.
func (d *decoder) masked(n *yaml.Node, t reflect.Type, path string) bool {
	n = resolve(n)
	if n.Kind == yaml.ScalarNode {
		return d.maskedText(n, t == secretType, path)
	}
	if t.Kind() == reflect.Pointer || t.Kind() != reflect.Interface && !readsItself(t) {
		return false
	}
	return d.maskedBelow(n, holdsSecret(t), path)
}

func (d *decoder) maskedText(n *yaml.Node, secret bool, path string) bool {
	if !secrets.Masked(n.Value) {
		return false
	}
	message := "a secret in the text is masked: put it back in place of the asterisks"
	switch {
	case secret:
		message = "the secret is masked: give its value, {file: path} or {env: NAME}"
	case n.Value == mask:
		message = "the value is masked: put it back in place of the asterisks"
	}
	_ = d.report(n, path, message)
	return true
}

// maskedBelow does not know which values are Secrets. Where the type has some, it
// goes by the name.
func (d *decoder) maskedBelow(n *yaml.Node, some bool, path string) (found bool) {
	switch n = resolve(n); n.Kind {
	case yaml.ScalarNode:
		return d.maskedText(n, some && secrets.Secret(path), path)
	case yaml.MappingNode:
		for _, e := range entries(n) {
			found = d.maskedBelow(e.value, some, keyPath(path, resolve(e.key).Value)) || found
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			found = d.maskedBelow(item, some, fmt.Sprintf("%s[%d]", path, i)) || found
		}
	}
	return found
}
