package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
)

// PingConfig shows the struct tags that describe a configuration.
type PingConfig struct {
	Host  string         `yaml:"host" description:"Host to ping." example:"example.com" jsonschema:"required"`
	Every types.Duration `yaml:"every" description:"Time between two pings."`
	Mode  string         `yaml:"mode" description:"How to ping." jsonschema:"enum=icmp,enum=tcp"`
	Token config.Secret  `yaml:"token" description:"Who we are."`
}

func (c *PingConfig) SetDefaults() { c.Every, c.Mode = 1e9, "icmp" }

var program = config.Model{Version: "1.0.0", Kinds: []config.Kind{
	{Name: "ping", FullName: "Ping Connector", Version: "0.1.0", Description: "Pings a host.", Config: PingConfig{}},
}}

// The environment goes before the file, and a problem names the variable.
func ExampleSources() {
	docs, err := config.Sources{
		Text:    []byte("ping: {host: from-file, every: 5s}\n"), // instead of a file
		Environ: []string{"SERVO_PING_HOST=from-environment"},   // or os.Environ()
		Options: map[string]any{"ping.every": "1m"},             // from the command line
	}.Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	stanza, _ := docs[0].Stanza("ping")
	c, err := config.Decode[PingConfig](stanza)
	fmt.Println(c.Host, c.Every, c.Mode, err)

	_, err = config.Sources{Text: []byte{}, Environ: []string{"COMMON_TIMEOUTS=soon"}}.Load()
	fmt.Println(err)
	// Output:
	// from-environment 1m icmp <nil>
	// $COMMON_TIMEOUTS: settings.timeouts: invalid duration "soon"
}

// A secret can stand in a file of its own, such as a mounted Kubernetes Secret,
// or in a variable.
func ExampleSecret_elsewhere() {
	folder, err := os.MkdirTemp("", "secrets")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()
	file := filepath.Join(folder, "token")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range []config.Sources{
		{Text: []byte("ping: {host: x, token: {file: " + file + "}}")},
		{Text: []byte("ping: {host: x, token: {env: PING}}"), Environ: []string{"PING=from-variable"}},
		{Text: []byte("ping: {host: x, token: t}"), Environ: []string{"SERVO_PING_TOKEN_FILE=" + file}},
	} {
		docs, err := s.Load()
		if err != nil {
			fmt.Println(err)
			return
		}
		stanza, _ := docs[0].Stanza("ping")
		c, err := config.Decode[PingConfig](stanza)
		fmt.Println(c.Token, c.Token.Reveal(), err)
	}
	// Output:
	// ********** from-file <nil>
	// ********** from-variable <nil>
	// ********** from-file <nil>
}

func ExampleModel_StanzaSchema() {
	schema, err := program.StanzaSchema("ping")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Join(strings.Split(string(schema), "\n")[11:24], "\n"))
	// Output:
	//     "host": {
	//       "type": "string",
	//       "title": "Host",
	//       "description": "Host to ping.",
	//       "examples": [
	//         "example.com"
	//       ],
	//       "env_names": [
	//         "SERVO_PING_HOST"
	//       ]
	//     },
	//     "every": {
	//       "type": "string",
}

func ExampleModel_Generate() {
	text, err := program.Generate([]string{"one:ping"}, config.GenerateOptions{Name: "my-servo"})
	fmt.Print(string(text), err)
	// Output:
	// # Name of the servo. The id of the optimizer when not given.
	// name: my-servo
	// # The optimizer that the servo talks to.
	// optimizer:
	//   id: generated-id.test/generated
	//   token: generated-token
	// # Connectors that are active: a list of names, or a mapping of names of one's own to connectors. When not given, those with a stanza are active.
	// connectors:
	//   one: ping
	// # Pings a host.
	// one:
	//   # Host to ping.
	//   host: example.com
	// <nil>
}

func ExampleModel_Validate() {
	err := program.Validate(config.Sources{Text: []byte(`
connectors: {one: ping}
one:
  mode: udp
  every: often
`)})
	fmt.Println(err)
	// Output:
	// 4 problems in servo.yaml:
	//   servo.yaml:2: optimizer: required: id and token of the optimizer
	//   servo.yaml:3:1: one.host: required
	//   servo.yaml:4:9: one.mode: "udp" is not one of "icmp", "tcp"
	//   servo.yaml:5:10: one.every: invalid duration "often"
}

func ExampleModel_Print() {
	docs, err := config.Sources{
		Text:    []byte("optimizer: {id: dev.example.com/app, token: s3cr3t}\nping: {host: x, every: 1s}\n"),
		Environ: []string{"SERVO_PING_MODE=tcp"},
	}.Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := program.Print(docs, config.PrintOptions{})
	fmt.Print(string(text), err)
	// Output:
	// optimizer:
	//   base_url: https://api.opsani.com
	//   id: dev.example.com/app
	//   # Masked: give the value, {file: path} or {env: NAME}.
	//   token: '**********'
	//   url: https://api.opsani.com/accounts/dev.example.com/applications/app/
	// ping:
	//   host: x
	//   mode: tcp
	// <nil>
}

// References stay in a ConfigMap. A masked secret must be filled in.
func ExampleModel_ConfigMap() {
	secrets := []string{"PING_TOKEN=s3cr3t", "OPSANI_OPTIMIZER=dev.example.com/app", "OPSANI_TOKEN=s3cr3t"}
	docs, err := config.Sources{
		Text:    []byte("ping: {host: 'http://user:s3cr3t@x', token: {env: PING_TOKEN}}\n"),
		Environ: secrets,
	}.Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := program.ConfigMap(docs[0], time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, document, _ := strings.Cut(string(text), "servo.yaml: |\n")
	document = strings.ReplaceAll("\n"+document, "\n    ", "\n") // as it is in the file
	fmt.Println(document)
	fmt.Println(program.Validate(config.Sources{Text: []byte(document), Environ: secrets}))
	// Output:
	// ping:
	//   # Masked: put the secret back in place of the asterisks.
	//   host: http://**********@x
	//   token: {env: PING_TOKEN}
	//
	// servo.yaml:4:9: ping.host: a secret in the text is masked: put it back in place of the asterisks
}

func ExampleLookup() {
	docs, _ := config.Parse("servo.yaml", []byte("settings: {timeouts: 5s}\n"))
	fmt.Println(config.Lookup(docs[0].Settings, "timeouts.connect"))
	fmt.Println(config.Lookup(docs[0].Settings, "timeouts.conect"))
	// Output:
	// 5s <nil>
	// <nil> unknown key path "timeouts.conect": there is no "conect" below "timeouts"
}

// The block is a field of a connector's configuration.
func ExampleFastFail() {
	type Config struct {
		FastFail config.FastFail `yaml:"fast_fail"`
	}
	docs, err := config.Parse("servo.yaml", []byte("metrics: {fast_fail: {period: 30s, skip: 2m}}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	stanza, _ := docs[0].Stanza("metrics")
	c, err := config.Decode[Config](stanza)
	fmt.Println(c.FastFail.Disabled, c.FastFail.Period, c.FastFail.Span, c.FastFail.Skip, err)
	// Output: false 30s 30s 2m <nil>
}
