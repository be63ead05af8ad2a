package config_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
)

// probe has a key of every kind.
type probe struct {
	Address string            `yaml:"address" description:"Where it listens." example:"localhost:80" jsonschema:"required,pattern=^[a-z.]+:[0-9]+$"`
	Mode    string            `yaml:"mode" description:"How it works." jsonschema:"enum=slow,enum=fast"`
	Count   int               `yaml:"count" description:"How often." jsonschema:"minimum=1,maximum=5"`
	Key     config.Secret     `yaml:"key" description:"Who we are."`
	Every   types.Duration    `yaml:"every"`
	Rest    time.Duration     `yaml:"rest"`
	Limit   *float64          `yaml:"limit"`
	Steps   []step            `yaml:"steps" example:"[{name: one}]"`
	By      map[string]step   `yaml:"by"`
	Raw     any               `yaml:"raw"`
	Plain   yaml.Node         `yaml:"plain"`
	Value   types.Value       `yaml:"value"`
	Labels  map[string]string `yaml:"labels"`
	Shared  shared            `yaml:",inline"`
	Nested  step              `yaml:"nested"`
}

type step struct {
	Name  string `yaml:"name" description:"What it is called." jsonschema:"minLength=2"`
	Twice bool   `yaml:"twice"`
}

type shared struct {
	Tags []string `yaml:"tags" description:"Words."`
}

func (p *probe) SetDefaults() {
	p.Mode, p.Count, p.Every = "slow", 3, types.Duration(time.Minute)
}

func (p *probe) Validate() error {
	if p.Mode == "fast" && p.Count == 5 {
		return config.Invalid("mode", p.Mode, "possible with 5")
	}
	return nil
}

func model() config.Model {
	return config.Model{Version: "1.2.3", Kinds: []config.Kind{
		{Name: "probe", FullName: "Probe Connector", Version: "2.0.0", Description: "Probes <things>", Homepage: "https://probe.test", Config: probe{}},
		{Name: "load_gen", FullName: "Load Connector", Config: &attack{}, Sample: attack{Rate: 5, Token: config.NewSecret("placeholder")}},
		{Name: "words", Config: []string(nil)},
		{Name: "empty"},
	}}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestSchemas(t *testing.T) {
	m := model()
	whole, err := m.Schema()
	require.NoError(t, err)
	golden(t, "schema.golden.json", string(whole))

	mounted, err := m.Schema("one:probe", "two:probe", "probe", "probe")
	require.NoError(t, err)
	golden(t, "schema_mounted.golden.json", string(mounted))
	var root struct {
		Description string
		Required    []string
		Definitions map[string]struct{ Title string }
	}
	require.NoError(t, json.Unmarshal(mounted, &root))
	assert.Equal(t, []string{"one", "two", "probe"}, root.Required)
	assert.Equal(t, "Schema for configuration of Servo v1.2.3 with Probe Connector v2.0.0", root.Description)
	assert.Equal(t, "Probe Connector Settings (named one)", root.Definitions["ProbeConfiguration__one"].Title)
	assert.Contains(t, root.Definitions, "ProbeStep")

	alone, err := m.StanzaSchema("a/b.c:probe")
	require.NoError(t, err)
	golden(t, "schema_stanza.golden.json", string(alone))
	top, err := m.ConnectorSchemas("a/b.c:probe", "probe")
	require.NoError(t, err)
	assert.Contains(t, string(top), `"ProbeConfiguration__a_b.c"`)
	assert.Contains(t, string(top), `"title": "Servo Schema"`)
	assert.NotContains(t, string(top), `"$defs`)

	for name, call := range map[string]func() error{
		"schema":     func() error { _, err := m.Schema("pobe"); return err },
		"stanza":     func() error { _, err := m.StanzaSchema("pobe"); return err },
		"connectors": func() error { _, err := m.ConnectorSchemas("x:pobe"); return err },
		"generate":   func() error { _, err := m.Generate([]string{"pobe"}, config.GenerateOptions{}); return err },
	} {
		assert.EqualError(t, call(), `connectors: no connector is called "pobe"; did you mean "probe"? (known: empty, load_gen, probe, words)`, name)
	}
	_, err = m.Schema("measure:probe", "x:probe")
	assert.ErrorContains(t, err, `the name "measure" is reserved`)
	assert.ErrorContains(t, err, `"x" is not a name of 3 to 128`)
	_, err = config.Model{}.Schema()
	require.NoError(t, err)
}

func TestLimitsOfStructTags(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"fine":     {"{address: 'a:1', mode: fast, count: 5.0, steps: [{name: ab}]}", []string{"probe.mode: \"fast\" is not possible with 5"}},
		"limits":   {"{address: A, mode: medium, count: 9, steps: [{name: a}], by: {x: {name: b}}}", []string{`probe.address: "A" is not a match of the pattern '^[a-z.]+:[0-9]+$'`, `probe.mode: "medium" is not one of "slow", "fast"`, "probe.count: 9 is not at most 5", `probe.steps[0].name: "a": length must be at least 2`, "probe.by.x.name: "}},
		"required": {"{}", []string{"probe.address: required"}},
		"once":     {"{adddress: 'a:1', count: many, mode: [x]}", []string{`probe.adddress: unknown key; did you mean "address"?`, `probe.count: "many" is not an integer`, "probe.mode: a list is not text"}},
		"forms":    {"{address: 'a:1', every: 5, rest: 3, value: 4, raw: {a: [1]}, plain: x, limit: null, labels: {a: 5}}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			err := model().Validate(config.Sources{Text: []byte("optimizer: {id: dev.example.com/app, token: x}\nprobe: " + test.text)})
			if len(test.want) == 0 {
				require.NoError(t, err)
				return
			}
			var problems config.FieldErrors
			require.ErrorAs(t, err, &problems)
			assert.Len(t, problems, len(test.want), "%v", err)
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
			for _, p := range problems {
				assert.Equal(t, 2, p.Line)
			}
		})
	}
}

type badPattern struct {
	A string `yaml:"a" jsonschema:"pattern=("`
}

func TestTagsThatMakeNoSchema(t *testing.T) {
	doc := one(t, "load: {a: x}")
	stanza, _ := doc.Stanza("load")
	_, err := config.Decode[badPattern](stanza)
	assert.ErrorContains(t, err, "its jsonschema tags make no schema")
}

func TestValidate(t *testing.T) {
	const optimizer = "optimizer: {id: dev.example.com/app, token: x}\n"
	for name, test := range map[string]struct{ text, want string }{
		"empty":              {"", "servo.yaml:1: optimizer: required"},
		"valid":              {optimizer + "probe: {address: 'a:1'}\nwords: [a]\n", ""},
		"unknown connector":  {optimizer + "connectors: [prob]\n", `no connector is called "prob"; did you mean "probe"?`},
		"syntax":             {"a: [", "not valid YAML"},
		"its own model":      {"optimizer: {id: dev.example.com/app, token: x}\nconnectors: {one: probe}\none: {address: 'a:1'}\n---\noptimizer: {id: dev.example.com/app, token: x}\nload_gen: {rate: 5}\n", ""},
		"and not another's":  {"optimizer: {id: dev.example.com/app, token: x}\nconnectors: {one: probe}\none: {address: 'a:1'}\n---\noptimizer: {id: dev.example.com/app, token: x}\none: {address: 'a:1'}\n", "servo.yaml:6:1: one: unknown key"},
		"bad optimizer once": {"optimizer: {id: x, token: y}\n", "servo.yaml:1:13: optimizer.id"},
		"missing stanza":     {optimizer + "connectors: [probe]\n", "probe: required because"},
	} {
		t.Run(name, func(t *testing.T) {
			err := model().Validate(config.Sources{Text: []byte(test.text)})
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "problems", "one is enough")
		})
	}
	t.Run("as if others were listed", func(t *testing.T) {
		text := []byte(optimizer + "probe: {}\nload_gen: {}\n")
		require.NoError(t, model().Validate(config.Sources{Text: text, Options: map[string]any{"connectors": []string{"load_gen"}}}))
		require.Error(t, model().Validate(config.Sources{Text: text}))
	})
	t.Run("a missing file", func(t *testing.T) {
		assert.ErrorIs(t, model().Validate(config.Sources{File: "/no/such/file"}), os.ErrNotExist)
	})
}

func TestGenerate(t *testing.T) {
	m := model()
	m.Kinds = m.Kinds[:2]
	for name, test := range map[string]struct {
		connectors []string
		options    config.GenerateOptions
	}{
		"all":        {nil, config.GenerateOptions{}},
		"named":      {[]string{"probe", "load_gen"}, config.GenerateOptions{Name: "my: servo"}},
		"aliased":    {[]string{"one:probe", "load_gen"}, config.GenerateOptions{}},
		"standalone": {[]string{"probe"}, config.GenerateOptions{Standalone: true, Environ: []string{"OPSANI_OPTIMIZER=a/b"}}},
		"defaults":   {[]string{"probe"}, config.GenerateOptions{Defaults: true}},
		"appended":   {[]string{"probe"}, config.GenerateOptions{Existing: []byte("# mine\r\noptimizer:   {id: dev.example.com/app, token: x} # kept")}},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := m.Generate(test.connectors, test.options)
			require.NoError(t, err)
			golden(t, "generated_"+name+".golden.yaml", string(text))
			assert.True(t, strings.HasPrefix(string(text), string(test.options.Existing)))
			environ := []string{"OPSANI_OPTIMIZER=dev.example.com/app", "OPSANI_TOKEN=x"}
			require.NoError(t, m.Validate(config.Sources{Text: text, Environ: environ}), "what is generated can be used")
		})
	}
	empty, err := config.Model{}.Generate(nil, config.GenerateOptions{Environ: []string{"APPD_OPTIMIZER_ID=x"}})
	require.NoError(t, err)
	assert.Equal(t, "{}\n", string(empty))
	_, err = m.Generate(nil, config.GenerateOptions{Existing: []byte("a: [")})
	assert.ErrorContains(t, err, "the existing file:1: not valid YAML")
	nothing, err := config.Model{Kinds: []config.Kind{{Name: "empty"}}}.Generate(nil, config.GenerateOptions{Standalone: true})
	require.NoError(t, err)
	assert.Contains(t, string(nothing), "empty: {}\n")
}

func TestPrint(t *testing.T) {
	text := `
name: one
optimizer: {id: dev.example.com/one, token: hunter2}
connectors: {load_gen: load_gen, prb: probe}
no_diagnostics: true
settings:
  timeouts: 5s
  progress_interval: 60s
  proxies: {'all://': 'http://user:hunter2@proxy.test:3128', 'http://x': null}
  backoff: {connect: {max_time: 2h}}
  ssl_verify: false
load_gen: {token: hunter2, labels: {z: 1, a: 2}, dry: no, timeout: 1m}
prb: {address: 'a:1', mode: slow, key: hunter2, steps: [{name: ab}], by: {x: {twice: true}}, raw: {k: [1, text]}, value: 3, limit: 2.5, tags: [t], plain: hunter2}
words: [parked]
---
optimizer: {optimizer_id: two, base_url: 'https://b.test', tenant_id: t, client_id: c, client_secret: hunter2}
words: [a, b]
`
	docs, err := config.Sources{Text: []byte(text), Environ: []string{"SERVO_PRB_EVERY=5m"}}.Load()
	require.NoError(t, err)
	for name, o := range map[string]config.PrintOptions{
		"explicit.yaml": {},
		"explicit.json": {Format: "json"},
		"defaults.yaml": {Defaults: true},
		"keys.yaml":     {Keys: []string{"prb", "settings"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := model().Print(docs, o)
			require.NoError(t, err)
			golden(t, "printed_"+strings.Replace(name, ".", ".golden.", 1), string(out))
			assert.NotContains(t, string(out), "hunter2")
		})
	}
	revealed, err := model().Print(docs, config.PrintOptions{Reveal: true})
	require.NoError(t, err)
	assert.Equal(t, 5, strings.Count(string(revealed), "hunter2"))
	again, err := config.Sources{Text: revealed}.Load()
	require.NoError(t, err)
	twice, err := model().Print(again, config.PrintOptions{Reveal: true})
	require.NoError(t, err)
	assert.Equal(t, string(revealed), string(twice), "what is printed can be read")

	hidden, err := model().Print([]*config.Document{one(t, "optimizer: {id: dev.example.com/one, token: t, base_url: 'https://user:hunter2@b.test/x'}")}, config.PrintOptions{})
	require.NoError(t, err)
	assert.Contains(t, string(hidden), "base_url: https://**********@b.test/x\n")
	assert.NotContains(t, string(hidden), "hunter2")

	none, err := model().Print(docs[:1], config.PrintOptions{Keys: []string{"nothing"}})
	require.NoError(t, err)
	assert.Equal(t, "{}\n", string(none))
	_, err = model().Print(docs, config.PrintOptions{Format: "xml"})
	assert.EqualError(t, err, `"xml" is not a format: yaml or json`)
	_, err = model().Print([]*config.Document{one(t, "probe: {count: x}\nunknown: {}")}, config.PrintOptions{})
	var problems config.FieldErrors
	require.True(t, errors.As(err, &problems))
	assert.Len(t, problems, 3) // address, count, unknown
}

func TestConfigMap(t *testing.T) {
	doc := one(t, "optimizer: {id: dev.example.com/one, token: hunter2}\nprobe: {address: 'a:1', key: hunter2}\nempty: {}\n")
	at := time.Date(2026, 3, 4, 5, 6, 7, 8000, time.FixedZone("", 3600))
	out, err := model().ConfigMap(doc, at)
	require.NoError(t, err)
	golden(t, "configmap.golden.yaml", string(out))
	assert.NotContains(t, string(out), "hunter2")
	out, err = config.Model{}.ConfigMap(one(t, "optimizer: {id: dev.example.com/one, token: hunter2}"), at)
	require.NoError(t, err)
	assert.Contains(t, string(out), "    {}\n")
	_, err = config.Model{}.ConfigMap(doc, at)
	assert.ErrorContains(t, err, "probe: unknown key")
}

func TestLookup(t *testing.T) {
	tree := map[string]any{
		"a":    map[any]any{"b": []any{1, map[string]any{"String": "c"}}, 5: "five"},
		"x.y":  "dotted",
		"nil":  nil,
		"conf": probe{Count: 3, Shared: shared{Tags: []string{"t"}}, By: map[string]step{"one": {Name: "n"}}},
	}
	for path, want := range map[string]any{
		"a.b[0]": 1, "a.b[1].String": "c", "a.5": "five", `["x.y"]`: "dotted", "nil": nil,
		"conf.count": 3, "conf.tags[0]": "t", "conf.by.one.name": "n", `conf["by"].one.twice`: false,
	} {
		got, err := config.Lookup(tree, path)
		require.NoError(t, err, path)
		assert.Equal(t, want, got, path)
	}
	all, err := config.Lookup(tree, "")
	require.NoError(t, err)
	assert.Len(t, all, 4)
	for path, want := range map[string]string{
		"a.c": `there is no "c" below "a"`, "a.b[2]": `there is no "2" below "a.b"`, "nil.deep.er": `there is no "deep" below "nil"`, "conf.Validate": "there is no",
		"a.b.String": "there is no", "a[0]": "there is no", "conf[0]": "there is no", "a.b[x]": "is not the place in a list", "a.b[0": "is not closed", `["a`: "is not closed", `["a"x`: "is not closed",
		"a..b": "a key is missing", ".a": "a key is missing", "a.": "a key is missing", "a.b[0]x": "a key is missing",
	} {
		_, err := config.Lookup(tree, path)
		assert.ErrorContains(t, err, want, path)
	}
}
