package config_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func parse(t *testing.T, text string) []*config.Document {
	t.Helper()
	docs, err := config.Parse("servo.yaml", []byte(text))
	require.NoError(t, err)
	return docs
}

func one(t *testing.T, text string) *config.Document {
	t.Helper()
	docs := parse(t, text)
	require.Len(t, docs, 1)
	return docs[0]
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "servo.yaml")
	require.NoError(t, os.WriteFile(file, []byte("name: mine\n"), 0o600))
	docs, err := config.Load(file)
	require.NoError(t, err)
	require.Len(t, docs, 1)
	assert.Equal(t, "mine", docs[0].Name)
	assert.Equal(t, file, docs[0].File)
}

func TestLoadFailures(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "none.yaml")
	_, err := config.Load(missing)
	require.EqualError(t, err, "config file '"+missing+"' does not exist")
	require.ErrorIs(t, err, fs.ErrNotExist)

	_, err = config.Load(dir)
	require.ErrorContains(t, err, "reading the configuration: ")

	large := filepath.Join(dir, "large.yaml")
	require.NoError(t, os.WriteFile(large, []byte("#"+strings.Repeat("x", 3<<20)), 0o600))
	_, err = config.Load(large)
	require.EqualError(t, err, large+": larger than 2097152 bytes")
}

func TestDocumentOfFixedKeys(t *testing.T) {
	doc := one(t, `
name: mine
description: my servo
servo_uid: "42"
optimizer: {id: dev.example.com/app, token: hunter2, base_url: "http://localhost:1//"}
no_diagnostics: off
connectors: [load, other, load]
settings: {progress_interval: 5s}
checks: {halt_on: common}
other: {}
load: {}
`)
	assert.Equal(t, "mine", doc.Name)
	assert.Equal(t, "my servo", doc.Description)
	assert.Equal(t, "42", doc.ServoUID)
	assert.Equal(t, "dev.example.com/app", doc.Optimizer.ID)
	assert.Equal(t, "hunter2", doc.Optimizer.Token.Reveal())
	assert.Equal(t, "http://localhost:1", doc.Optimizer.BaseURL)
	assert.False(t, doc.NoDiagnostics)
	assert.True(t, doc.HasConnectors)
	assert.Equal(t, []config.Mount{{"load", "load"}, {"other", "other"}}, doc.Connectors)
	assert.Equal(t, 5*time.Second, doc.Settings.ProgressInterval.Std())
	assert.Equal(t, "common", doc.Checks.HaltOn)

	require.Len(t, doc.Stanzas(), 2)
	s := doc.Stanzas()[0]
	assert.Equal(t, "other", s.Name())
	assert.Equal(t, "other", s.Path())
	assert.Equal(t, "servo.yaml", s.File())
	assert.Equal(t, 10, s.Line())
	_, ok := doc.Stanza("name")
	assert.False(t, ok, "fixed keys are not stanzas")
}

func TestEmptyDocuments(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "comment": "# nothing\n", "blank": "\n\n", "separator": "---\n", "braces": "{}", "null": "~",
		"null values": "name:\noptimizer:\nconnectors:\nno_diagnostics:\nsettings:\nchecks: ~\n",
		"byte order":  "\ufeff",
	} {
		t.Run(name, func(t *testing.T) {
			doc := one(t, text)
			assert.True(t, doc.Optimizer.IsZero())
			assert.False(t, doc.HasConnectors)
			assert.True(t, doc.NoDiagnostics)
			assert.Equal(t, config.DefaultCommon(), doc.Settings)
			assert.Empty(t, doc.Stanzas())
			assert.Equal(t, "critical", doc.Checks.HaltOn)
		})
	}
}

func TestSeveralDocuments(t *testing.T) {
	docs := parse(t, `---
optimizer: {id: dev.example.com/one, token: a}
load: {rate: 1}
---
optimizer: {id: dev.example.com/two, token: b}
load: {rate: 2}
---
# only a comment
`)
	require.Len(t, docs, 2)
	for i, doc := range docs {
		assert.Equal(t, i, doc.Index)
		s, ok := doc.Stanza("load")
		require.True(t, ok)
		c, err := config.Decode[load](s)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(i+1), c.Rate)
	}
	assert.Equal(t, 6, docs[1].Stanzas()[0].Line())
}

func TestBoundsOfWhatIsRead(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	merges := "a0: &a0 {x: 1}\n"
	for i := 1; i < 10; i++ {
		alias := fmt.Sprintf("*a%d", i-1)
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.Repeat(alias+", ", 9)+alias)
		merges += fmt.Sprintf("a%d: &a%d {<<: [%s], k%d: 1}\n", i, i, strings.Repeat(alias+", ", 9)+alias, i)
	}
	for name, test := range map[string]struct{ text, want string }{
		"aliases of aliases": {bomb, "more than 200000 values once aliases are expanded"},
		"merges of merges":   {merges, "more than 200000 values once aliases are expanded"},
		"deep flow":          {"a: " + strings.Repeat("[", 500) + strings.Repeat("]", 500), "nested deeper than 100 levels"},
		"deep mappings":      {"a: " + strings.Repeat("{a: ", 200) + "1" + strings.Repeat("}", 200), "nested deeper than 100 levels"},
		"very deep flow":     {"a: " + strings.Repeat("[", 100_000), "not valid YAML"},
		"large":              {strings.Repeat("#", 3<<20), "larger than 2097152 bytes"},
		"many values":        {"a: [" + strings.Repeat("1,", 200_000) + "1]", "more than 200000 values"},
	} {
		t.Run(name, func(t *testing.T) {
			docs, err := config.Parse("servo.yaml", []byte(test.text))
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, docs)
			assert.Less(t, len(err.Error()), 2000)
		})
	}
}

func TestProblemsAreBounded(t *testing.T) {
	var text strings.Builder
	text.WriteString("load:\n  rate: 1\n")
	for i := range 2_000 {
		fmt.Fprintf(&text, "  key%d: 1\n", i)
	}
	_, err := readAll("servo.yaml", []byte(text.String()))
	var problems config.FieldErrors
	require.ErrorAs(t, err, &problems)
	assert.Len(t, problems, 100)
}

func TestAnchorsAliasesAndMergeKeys(t *testing.T) {
	doc := one(t, `
other: &base
  rate: 5
  workers: 4
  labels: {team: &team a}
load:
  <<: *base
  workers: 8
  nested: {depth: 3}
  targets:
    - &home {url: http://home}
    - <<: [{method: POST, url: x}, *home]
    - *home
  tokens: [*team]
`)
	s, ok := doc.Stanza("load")
	require.True(t, ok)
	c, err := config.Decode[load](s)
	require.NoError(t, err)
	assert.Equal(t, "5", c.Rate)
	assert.Equal(t, 8, c.Workers, "own keys beat merged ones")
	assert.Equal(t, []target{{"http://home", "GET"}, {"x", "POST"}, {"http://home", "GET"}}, c.Targets, "the first merged wins")
	assert.Equal(t, map[string]string{"team": "a", "env": "dev"}, c.Labels)
	assert.Equal(t, "a", c.Tokens[0].Reveal())

	quoted := one(t, `other: {"<<": {rate: 5}}`)
	m, err := config.Decode[map[string]any](quoted.Stanzas()[0])
	require.NoError(t, err)
	assert.Contains(t, m, "<<", "a quoted << is a key like any other")
}
