package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/config"
)

// kept has defaults that a file can take back.
type kept struct {
	Title  string            `yaml:"title"`
	Words  []string          `yaml:"words"`
	Ratio  *float64          `yaml:"ratio"`
	Part   *step             `yaml:"part"`
	Labels map[string]string `yaml:"labels"`
	Steps  map[string]step   `yaml:"steps"`
}

func (k *kept) SetDefaults() {
	half := 0.5
	k.Title, k.Words, k.Ratio = "usual", []string{"a"}, &half
	k.Steps = map[string]step{"one": {Name: "first", Twice: true}}
}

// What is printed is the same configuration when it is loaded again.
func TestPrintedConfigurationIsTheSame(t *testing.T) {
	keeping := config.Model{Kinds: []config.Kind{{Name: "kept", Config: kept{}}}}
	load := func(t *testing.T, text string) (*config.Document, kept) {
		t.Helper()
		docs, err := config.Sources{Text: []byte(text)}.Load()
		require.NoError(t, err, text)
		stanza, ok := docs[0].Stanza("kept")
		require.True(t, ok, text)
		c, err := config.Decode[kept](stanza)
		require.NoError(t, err, text)
		return docs[0], c
	}
	for name, text := range map[string]string{
		"nothing":                   "",
		"no limit of time":          "settings: {backoff: {connect: {max_time: null}}}",
		"empty contexts":            "settings: {backoff: {connect: {}, foo: {}}}",
		"null contexts":             "settings: {backoff: {connect: null, foo: null}}",
		"part of it is the default": "settings: {backoff: {connect: {max_time: 1h, max_tries: 5}}}",
		"the default":               "settings: {backoff: {connect: {max_time: 1h}}}",
		"tries only":                "settings: {backoff: {connect: {max_time: null, max_tries: 5}}}",
		"no waiting":                "checks: {wait: ''}",
		"no proxy":                  "settings: {proxies: {'all://': null}}",
		"no limits":                 "settings: {timeouts: none}",
		"empty text":                "kept: {title: ''}",
		"empty list":                "kept: {words: []}",
		"nil pointer":               "kept: {ratio: null}",
		"zero":                      "kept: {ratio: 0}",
		"set pointer":               "kept: {part: {}}",
		"empty label":               "kept: {labels: {a: '', b: c}}",
		"only empty labels":         "kept: {labels: {a: ''}}",
		"entry of the default":      "kept: {steps: {one: {name: first}}}",
		"emptied entry":             "kept: {steps: {one: {}, two: null}}",
	} {
		if !strings.Contains(text, "kept:") {
			text += "\nkept: {}"
		}
		text = "optimizer: {id: dev.example.com/app, token: t}\n" + text
		for way, o := range map[string]config.PrintOptions{
			"explicit": {Reveal: true}, "defaults": {Reveal: true, Defaults: true}, "json": {Reveal: true, Format: "json"},
		} {
			t.Run(name+" "+way, func(t *testing.T) {
				doc, before := load(t, text)
				out, err := keeping.Print([]*config.Document{doc}, o)
				require.NoError(t, err)
				again, after := load(t, string(out))
				assert.Equal(t, before, after, string(out))
				assert.Equal(t, doc.Settings, again.Settings, string(out))
				assert.Equal(t, doc.Checks.Limit(), again.Checks.Limit(), string(out))
			})
		}
		t.Run(name+" in a ConfigMap", func(t *testing.T) {
			doc, before := load(t, text)
			out, err := keeping.ConfigMap(doc, time.Time{})
			require.NoError(t, err)
			var written struct {
				Data map[string]string `yaml:"data"`
			}
			require.NoError(t, yaml.Unmarshal(out, &written))
			again, after := load(t, written.Data["servo.yaml"])
			assert.Equal(t, before, after, string(out))
			assert.Equal(t, doc.Settings, again.Settings, string(out))
			assert.Equal(t, doc.Checks.Limit(), again.Checks.Limit(), string(out))
		})
	}
}
