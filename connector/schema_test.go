package connector_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/process"
	"github.com/servokit/servokit/connector/vegeta"
)

var update = flag.Bool("update", false, "write the golden files anew")

// bundled is a program with the connectors that come with the module.
func bundled() config.Model {
	return config.Model{Version: "1.2.3", Kinds: []config.Kind{process.Definition.Kind(), vegeta.Definition.Kind()}}
}

func TestSchemaOfAnAssembly(t *testing.T) {
	golden := filepath.Join("testdata", "assembly.golden.json")
	got, err := bundled().Schema()
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))

	again, err := bundled().Schema()
	require.NoError(t, err)
	assert.Equal(t, string(got), string(again), "the same on every call")
}

// What is generated is valid for the reader and for the schema, which editors
// use, and so is what is printed of it.
func TestGeneratedFilesFitTheSchema(t *testing.T) {
	m := bundled()
	text, err := m.Schema()
	require.NoError(t, err)
	c := validator.NewCompiler()
	c.Draft = validator.Draft2019 // formats describe only
	text = bytes.Replace(text, []byte("http://json-schema.org/draft-07/schema#"), []byte(c.Draft.URL()), 1)
	require.NoError(t, c.AddResource("servo.json", bytes.NewReader(text)))
	schema, err := c.Compile("servo.json")
	require.NoError(t, err)
	for _, o := range []config.GenerateOptions{{}, {Defaults: true, Name: "x"}} {
		generated, err := m.Generate(nil, o)
		require.NoError(t, err)
		require.NoError(t, m.Validate(config.Sources{Text: generated}), string(generated))
		docs, err := config.Sources{Text: generated}.Load()
		require.NoError(t, err)
		for _, p := range []config.PrintOptions{{Format: "json"}, {Format: "json", Defaults: true}} {
			printed, err := m.Print(docs, p)
			require.NoError(t, err)
			var instance any
			require.NoError(t, json.NewDecoder(bytes.NewReader(printed)).Decode(&instance))
			assert.NoError(t, schema.Validate(instance), string(printed))
		}
	}
}

type sampled struct {
	Watts int `yaml:"watts"`
}

func (*sampled) Sample() sampled { return sampled{Watts: 60} }

func TestDefinitionKind(t *testing.T) {
	info := connector.Info{Name: "lamp", FullName: "Lamp Connector", Version: "1.0.0"}
	d := connector.Define(info, func(sampled, connector.Env) (connector.Connector, error) { return nil, nil })
	k := d.Kind()
	assert.Equal(t, config.Kind{Name: "lamp", FullName: "Lamp Connector", Version: "1.0.0", Config: sampled{}, Sample: sampled{60}}, k)
	text, err := config.Model{Kinds: []config.Kind{k}}.Generate(nil, config.GenerateOptions{Environ: []string{"OPSANI_OPTIMIZER=x"}})
	require.NoError(t, err)
	assert.Equal(t, "lamp:\n  watts: 60\n", string(text))
	schema, err := d.Schema()
	require.NoError(t, err)
	assert.Contains(t, string(schema), `"title": "Lamp Connector Configuration Schema"`)
	_, err = connector.Definition{}.Schema()
	assert.ErrorContains(t, err, "make it with Define")
}
