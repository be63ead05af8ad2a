package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/config"
)

// caller has texts in which secrets hide that are not of type Secret.
type caller struct {
	URL     string              `yaml:"url"`
	Target  string              `yaml:"target"`
	Headers map[string]string   `yaml:"headers"`
	Many    map[string][]string `yaml:"many"`
	Pairs   []header            `yaml:"pairs"`
	Command []string            `yaml:"command"`
	Any     any                 `yaml:"any"`
	Key     config.Secret       `yaml:"key"`
	Keys    []config.Secret     `yaml:"keys"`
	Frame   string              `yaml:"frame"`
}

type header struct {
	Name  string `yaml:"name"`
	Value string `yaml:"value"`
}

var calling = config.Model{Kinds: []config.Kind{{Name: "caller", Config: caller{}}}}

const secretive = `optimizer:
  id: dev.example.com/app
  token: hunter2
caller:
  url: https://u:hunter2@example.com/x
  target: |
    GET http://example.com/?api_key=hunter2&page=1
    Authorization: Digest username="u", response="hunter2"
    Accept: text/html
  headers: {Accept: text/html, X-Api-Key: hunter2}
  many: {Cookie: [hunter2, a=hunter2], Accept: [a]}
  pairs: [{name: Accept, value: a}, {name: Authorization, value: hunter2}]
  command: [./app, --password, hunter2, --token=hunter2, --quiet, hello]
  any: {deep: [{access_token: hunter2, port: 80, secret: true}]}
  key: hunter2
  keys: [hunter2]
  frame: "#**********#"
`

func readCaller(t *testing.T, text string, environ ...string) (*config.Document, caller) {
	t.Helper()
	docs, err := config.Sources{Text: []byte(text), Environ: environ}.Load()
	require.NoError(t, err)
	stanza, ok := docs[0].Stanza("caller")
	require.True(t, ok)
	c, err := config.Decode[caller](stanza)
	require.NoError(t, err)
	return docs[0], c
}

func TestSecretsOfAnyShapeAreMasked(t *testing.T) {
	doc, before := readCaller(t, secretive)
	for name, o := range map[string]config.PrintOptions{"yaml": {}, "json": {Format: "json"}, "everything": {Defaults: true}} {
		t.Run(name, func(t *testing.T) {
			out, err := calling.Print([]*config.Document{doc}, o)
			require.NoError(t, err)
			assert.NotContains(t, string(out), "hunter2")
			for _, kept := range []string{"page=1", "text/html", "./app", "hello", "80", "true", "#**********#"} {
				assert.Contains(t, string(out), kept)
			}
		})
	}
	out, err := calling.ConfigMap(doc, time.Time{})
	require.NoError(t, err)
	assert.NotContains(t, string(out), "hunter2")

	_, after := readCaller(t, secretive)
	assert.Equal(t, before, after)
	stanza, _ := doc.Stanza("caller")
	again, err := config.Decode[caller](stanza)
	require.NoError(t, err)
	assert.Equal(t, before, again, "what connectors get is not touched")
	assert.Contains(t, again.Target, "api_key=hunter2")

	revealed, err := calling.Print([]*config.Document{doc}, config.PrintOptions{Reveal: true})
	require.NoError(t, err)
	_, again = readCaller(t, string(revealed))
	assert.Equal(t, before, again, "all of it is revealed")
}

// servoYAML takes the configuration out of a ConfigMap.
func servoYAML(t *testing.T, configMap []byte) string {
	t.Helper()
	var m struct{ Data map[string]string }
	require.NoError(t, yaml.Unmarshal(configMap, &m))
	return m.Data["servo.yaml"]
}

func TestAMaskedConfigMapSaysWhatToFillIn(t *testing.T) {
	doc, _ := readCaller(t, secretive)
	out, err := calling.ConfigMap(doc, time.Time{})
	require.NoError(t, err)
	text := servoYAML(t, out)
	golden(t, "masked.golden.yaml", text)

	docs, err := config.Sources{Text: []byte(text)}.Load()
	require.NoError(t, err)
	stanza, _ := docs[0].Stanza("caller")
	_, err = config.Decode[caller](stanza)
	require.Error(t, err)
	golden(t, "masked.golden.txt", err.Error()+"\n")
	masked := 0
	for _, line := range strings.Split(text, "\n") {
		if strings.Contains(line, "# Masked: ") {
			masked++
		}
	}
	var problems config.FieldErrors
	require.ErrorAs(t, err, &problems)
	assert.Len(t, problems, masked, "one for each comment")

	filled := strings.ReplaceAll(strings.ReplaceAll(text, "#**********#", "FRAME"), "**********", "hunter3")
	_, c := readCaller(t, strings.ReplaceAll(filled, "FRAME", "#**********#"))
	assert.Equal(t, "hunter3", c.Key.Reveal())
	assert.Equal(t, "https://hunter3@example.com/x", c.URL)
}

func TestReferencesToSecretsArePrintedAndLoadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte("hunter2\n"), 0o600))
	id := []string{"OPSANI_OPTIMIZER=dev.example.com/app", "OPSANI_TOKEN=hunter2", "THE_KEY=hunter2"}
	for name, test := range map[string]struct {
		text    string
		environ []string
		want    string
	}{
		"a file":               {"caller: {key: {file: " + file + "}}", nil, "key: {file: " + file + "}"},
		"a variable":           {"caller: {key: {env: THE_KEY}}", nil, "key: {env: THE_KEY}"},
		"in a list":            {"caller: {key: {env: THE_KEY}, keys: [{env: THE_KEY}]}", nil, "- {env: THE_KEY}"},
		"its own variable":     {"caller: {}", []string{"SERVO_CALLER_KEY=hunter2"}, "key: {env: SERVO_CALLER_KEY}"},
		"a variable of a file": {"caller: {}", []string{"SERVO_CALLER_KEY_FILE=" + file}, "key: {file: " + file + "}"},
		"over a masked one":    {"caller: {key: '**********'}", []string{"SERVO_CALLER_KEY=hunter2"}, "key: {env: SERVO_CALLER_KEY}"},
		"an anchor":            {"caller: {any: &a {env: THE_KEY}, key: *a}", nil, "key: {env: THE_KEY}"},
	} {
		t.Run(name, func(t *testing.T) {
			environ := append(test.environ, id...)
			doc, before := readCaller(t, test.text, environ...)
			require.Equal(t, "hunter2", before.Key.Reveal())
			out, err := calling.ConfigMap(doc, time.Time{})
			require.NoError(t, err)
			text := servoYAML(t, out)
			assert.Contains(t, text, test.want)
			assert.NotContains(t, text, "hunter2")
			_, after := readCaller(t, text, environ...)
			assert.Equal(t, before, after)

			printed, err := calling.Print([]*config.Document{doc}, config.PrintOptions{})
			require.NoError(t, err)
			assert.Contains(t, string(printed), "token: {env: OPSANI_TOKEN}")
			_, after = readCaller(t, string(printed), environ...)
			assert.Equal(t, before, after)
			printed, err = calling.Print([]*config.Document{doc}, config.PrintOptions{Reveal: true})
			require.NoError(t, err)
			_, after = readCaller(t, string(printed))
			assert.Equal(t, before.Key, after.Key, "nothing is left to look up")
		})
	}
	t.Run("the variable of the whole stanza", func(t *testing.T) {
		doc, _ := readCaller(t, "caller: {}", append(id, `SERVO_CALLER={"key": "hunter2"}`)...)
		out, err := calling.ConfigMap(doc, time.Time{})
		require.NoError(t, err)
		assert.Contains(t, string(out), "# Masked: give the value")
	})
}

func TestMasksInEverySource(t *testing.T) {
	for name, test := range map[string]struct {
		s    config.Sources
		want string
	}{
		"a variable":    {config.Sources{Text: []byte("caller: {}"), Environ: []string{"SERVO_CALLER_KEY=**********"}}, "$SERVO_CALLER_KEY: caller.key: the secret is masked: give its value, {file: path} or {env: NAME}"},
		"JSON":          {config.Sources{Text: []byte("caller: {}"), Environ: []string{`SERVO_CALLER={"url": "http://**********@h"}`}}, "$SERVO_CALLER: caller.url: a secret in the text is masked: put it back in place of the asterisks"},
		"an option":     {config.Sources{Text: []byte("caller: {}"), Options: map[string]any{"caller.key": "**********"}}, "option caller.key: caller.key: the secret is masked"},
		"any value":     {config.Sources{Text: []byte("caller:\n  any:\n    a: [x, {b: '**********'}]\n")}, "servo.yaml:3:16: caller.any.a[1].b: the value is masked: put it back in place of the asterisks"},
		"the optimizer": {config.Sources{Text: []byte("optimizer: {id: dev.example.com/app, token: '**********'}\ncaller: {}")}, "servo.yaml:1:45: optimizer.token: the secret is masked"},
		"a proxy":       {config.Sources{Text: []byte("settings: {proxies: {'all://': 'http://**********@p'}}\ncaller: {}")}, "servo.yaml:1:32: settings.proxies.all://: a secret in the text is masked"},
	} {
		t.Run(name, func(t *testing.T) {
			docs, err := test.s.Load()
			require.NotEmpty(t, docs)
			stanza, _ := docs[0].Stanza("caller")
			_, bad := config.Decode[caller](stanza)
			err = config.Join(err, bad)
			require.Error(t, err)
			assert.Contains(t, err.Error(), test.want)
			assert.NotContains(t, err.Error(), "problems", "one for each")
		})
	}
}

func TestErrorsDoNotQuoteSecretsOfAnyShape(t *testing.T) {
	for value, want := range map[any]string{
		"ftp://u:hunter2@h":           `url: "ftp://**********@h" is not an http URL`,
		"http://h?token=hunter2":      `url: "http://h?token=**********" is not an http URL`,
		"Authorization: Basic hunter": `url: "Authorization: **********" is not an http URL`,
		"nowhere":                     `url: "nowhere" is not an http URL`,
	} {
		assert.EqualError(t, config.Invalid("url", value, "an http URL"), want)
	}
	_, err := config.Parse("servo.yaml", []byte("no_diagnostics: http://u:hunter2@h\n"))
	assert.EqualError(t, err, `servo.yaml:1:17: no_diagnostics: "http://**********@h" is not true or false`)
}
