package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
)

// What is generated can be loaded, or is not generated.
func TestGenerateStandalone(t *testing.T) {
	m := config.Model{Kinds: []config.Kind{{Name: "described", Config: described{}}, {Name: "other", Config: described{}}}}
	for name, test := range map[string]struct {
		connectors []string
		standalone bool
		want       string // the error
	}{
		"plain":            {[]string{"described"}, true, ""},
		"its own name":     {[]string{"described:described"}, true, ""},
		"an alias, listed": {[]string{"a-b:described", "other"}, false, ""},
		"an alias": {
			[]string{"a-b:described", "other"}, true,
			`connectors: the alias "a-b:described" needs the key connectors, which standalone leaves out; give "described", or do without standalone`,
		},
		"two aliases": {[]string{"a-b:described", "c-d:other"}, true, `the alias "c-d:other" needs`},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := m.Generate(test.connectors, config.GenerateOptions{Standalone: test.standalone})
			if test.want != "" {
				require.ErrorContains(t, err, test.want)
				assert.Empty(t, text)
				return
			}
			require.NoError(t, err)
			require.NoError(t, m.Validate(config.Sources{Text: text}), string(text))
		})
	}
}

// described has the key that every stanza accepts.
type described struct {
	Description string `yaml:"description"`
	Name        string `yaml:"name"`
}

// Lists of what is known name each thing once.
func TestKnownNamesAreListedOnce(t *testing.T) {
	twice := config.Model{Kinds: []config.Kind{{Name: "described", Config: described{}}, {Name: "described", Config: described{}}}}
	for text, want := range map[string]string{
		"described: {xyzzy: 1}":            "described.xyzzy: unknown key (known: description, name)",
		"connectors: [zzzzzz]\nzzzzzz: {}": "(known: described)",
	} {
		err := twice.Validate(config.Sources{Text: []byte("optimizer: {id: dev.example.com/app, token: t}\n" + text)})
		assert.ErrorContains(t, err, want, text)
	}
}
