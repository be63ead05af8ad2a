package config

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Hash returns a text that changes when the configuration in effect does: 64
// hexadecimal digits. Use it to tell whether a servo must be set up anew, or
// which configuration a measurement belongs to. It does not depend on comments,
// the order of keys, or the source a value comes from; a value that is given and
// equal to its default counts as the default.
//
// Secrets, those of other texts as in [Model.Print] too, cannot be found out from
// it. Without a key they do not go in at all, only whether there is one, so a
// changed secret is not seen. With a key, which should be random, 32 bytes, and
// kept as a secret itself, they go in, and the hash is an HMAC: whoever has it
// cannot try secrets without the key. Hashes of different keys are not comparable.
//
// The digest is SHA-256, of "{", key ":" value "," for each key in order, "}" for
// a mapping, "[", value "," for each, "]" for a list, and for the rest the text,
// "True", "False" or "None". The error lists the problems of stanzas.
func (m Model) Hash(doc *Document, key []byte) (string, error) {
	root, err := m.effective(doc, PrintOptions{Defaults: true, Reveal: len(key) > 0, literal: true})
	if err != nil {
		return "", err
	}
	digest := sha256.New()
	if len(key) > 0 {
		digest = hmac.New(sha256.New, key)
	}
	stream(digest, root)
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// stream writes the canonical form of a node; a hash does not fail.
func stream(w hash.Hash, n *yaml.Node) {
	write := func(text string) { _, _ = io.WriteString(w, text) }
	switch n = resolve(n); n.Kind {
	case yaml.MappingNode:
		write("{")
		list := entries(n)
		slices.SortFunc(list, func(a, b entry) int { return strings.Compare(resolve(a.key).Value, resolve(b.key).Value) })
		for _, e := range list {
			write(resolve(e.key).Value + ":")
			stream(w, e.value)
			write(",")
		}
		write("}")
	case yaml.SequenceNode:
		write("[")
		for _, item := range n.Content {
			stream(w, item)
			write(",")
		}
		write("]")
	default:
		text := n.Value
		switch n.ShortTag() {
		case "!!null":
			text = "None"
		case "!!bool":
			if on, _ := boolean(n); on {
				text = "True"
			} else {
				text = "False"
			}
		}
		write(text)
	}
}
