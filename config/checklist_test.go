package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
)

// effective prints a configuration with defaults and secrets, as a tree.
func effective(t *testing.T, s config.Sources) map[string]any {
	t.Helper()
	docs, err := s.Load()
	require.NoError(t, err)
	text, err := model().Print(docs, config.PrintOptions{Format: "json", Defaults: true, Reveal: true})
	require.NoError(t, err)
	var tree map[string]any
	require.NoError(t, json.Unmarshal(text, &tree))
	return tree
}

// Every key has its default, can be set in the file and by its variable, and the
// variable goes before the file.
func TestEveryKey(t *testing.T) {
	const opsani = "optimizer: {id: dev.example.com/file, token: file}\n"
	const appd = "optimizer: {optimizer_id: file, base_url: 'https://file.test', client_id: file, client_secret: file, tenant_id: file}\n"
	bundle := write(t, "ca.pem", "x")
	for _, row := range []struct {
		key      string
		base     string // what the document needs besides
		standard any    // default, nil for none
		file     string // YAML under the key
		variable string
		value    string
		want     any
	}{
		{"name", opsani, nil, "", "SERVO_NAME", "env", "env"},
		{"description", opsani, nil, "file", "SERVO_DESCRIPTION", "env", "env"},
		{"servo_uid", opsani, nil, "file", "SERVO_UID", "env", "env"},
		{"optimizer.id", "", nil, "", "SERVO_OPTIMIZER", `{"id": "dev.example.com/env", "token": "x"}`, "dev.example.com/env"},
		{"connectors", opsani + "probe: {address: 'a:1'}\n", nil, "[]", "SERVO_CONNECTORS", `["probe"]`, []any{"probe"}},
		{"no_diagnostics", opsani, true, "true", "SERVO_NO_DIAGNOSTICS", "false", false},
		{"settings.timeouts.read", opsani, "1m", "", "SERVO_SETTINGS", `{"timeouts": "5s"}`, "5s"},
		{"checks.quiet", opsani, false, "", "SERVO_CHECKS", `{"quiet": true}`, true},
		{"probe.count", opsani, nil, "", "SERVO_PROBE", `{"address": "a:1", "count": 2}`, 2.0},
		{"probe.mode", opsani + "probe: {address: 'a:1'}\n", "slow", "", "SERVO_PROBE_MODE", "fast", "fast"},

		{"optimizer.id", opsani, nil, "", "OPSANI_OPTIMIZER", "dev.example.com/env", "dev.example.com/env"},
		{"optimizer.token", opsani, nil, "", "OPSANI_TOKEN", "env", "env"},
		{"optimizer.base_url", opsani, "https://api.opsani.com", "", "OPSANI_BASE_URL", "https://env.test//", "https://env.test"},
		{"optimizer.url", opsani, "https://api.opsani.com/accounts/dev.example.com/applications/file/", "", "OPSANI_URL", "https://env.test/x//", "https://env.test/x//"},

		{"optimizer.optimizer_id", appd, nil, "", "APPD_OPTIMIZER_ID", "env", "env"},
		{"optimizer.tenant_id", appd, nil, "", "APPD_TENANT_ID", "env", "env"},
		{"optimizer.base_url", appd, nil, "", "APPD_BASE_URL", "https://env.test/", "https://env.test"},
		{"optimizer.client_id", appd, nil, "", "APPD_CLIENT_ID", "env", "env"},
		{"optimizer.client_secret", appd, nil, "", "APPD_CLIENT_SECRET", "env", "env"},
		{"optimizer.connection_file", appd, nil, "", "APPD_CONNECTION_FILE", "/env", "/env"},
		{"optimizer.token", appd, nil, "", "APPD_TOKEN", "env", "env"},
		{"optimizer.url", appd, "https://file.test/rest/optimize/co/v1/optimizers/file/", "", "APPD_URL", "https://env.test", "https://env.test"},
		{"optimizer.token_url", appd, "https://file.test/auth/file/default/oauth2/token", "", "APPD_TOKEN_URL", "https://env.test", "https://env.test"},

		{"settings.backoff.connect.max_time", opsani, "1h", "2h", "COMMON_BACKOFF", `{"connect": {"max_time": "3h"}}`, "3h"},
		{"settings.backoff.__default__.max_time", opsani, "10m", "2h", "COMMON_BACKOFF", `{"__default__": {"max_time": null}}`, "0"},
		{"settings.backoff.other.max_time", opsani + "settings: {backoff: {other: {max_tries: 4}}}\n", "0", "", "BACKOFF_SETTINGS_MAX_TIME", "3h", "3h"},
		{"settings.backoff.connect.max_tries", opsani, 0.0, "4", "BACKOFF_SETTINGS_MAX_TRIES", "7", nil},
		{"settings.proxies.all://", opsani, nil, "http://file.test", "COMMON_PROXIES", "http://env.test", "http://env.test"},
		{"settings.timeouts.write", opsani, "0", "5s", "COMMON_TIMEOUTS", "7", "7s"},
		{"settings.timeouts.connect", opsani, "10s", "5s", "COMMON_TIMEOUTS", "none", "0"},
		{"settings.timeouts.pool", opsani, "0", "", "COMMON_TIMEOUTS", `{"timeout": 4, "connect": "1s"}`, "4s"},
		{"settings.ssl_verify", opsani, true, bundle, "COMMON_SSL_VERIFY", "no", false},
		{"settings.progress_interval", opsani, "1m", "5s", "COMMON_PROGRESS_INTERVAL", "7s", "7s"},

		{"checks.connectors", opsani, nil, "[file]", "CHECKS_CONNECTORS", `["env"]`, []any{"env"}},
		{"checks.name", opsani, nil, "[file]", "CHECKS_NAME", `["env"]`, []any{"env"}},
		{"checks.id", opsani, nil, "[file]", "CHECKS_ID", `["env"]`, []any{"env"}},
		{"checks.tag", opsani, nil, "[file]", "CHECKS_TAG", `["env"]`, []any{"env"}},
		{"checks.quiet", opsani, false, "false", "CHECKS_QUIET", "true", true},
		{"checks.verbose", opsani, false, "false", "CHECKS_VERBOSE", "true", true},
		{"checks.progressive", opsani, true, "true", "CHECKS_PROGRESSIVE", "false", false},
		{"checks.wait", opsani, "30m", "5m", "CHECKS_WAIT", "7m", "7m"},
		{"checks.delay", opsani, "expo", "5s", "CHECKS_DELAY", "7s", "7s"},
		{"checks.halt_on", opsani, "critical", "common", "CHECKS_HALT_ON", "warning", "warning"},
		{"checks.remedy", opsani, true, "true", "CHECKS_REMEDY", "false", false},
		{"checks.check_halting", opsani, false, "false", "CHECKS_CHECK_HALTING", "true", true},
	} {
		t.Run(row.key+" "+row.variable, func(t *testing.T) {
			at := func(s config.Sources) any {
				value, err := config.Lookup(effective(t, s), row.key)
				if err != nil {
					return nil
				}
				return value
			}
			if row.base != "" && !strings.Contains(row.base, strings.TrimPrefix(row.key, "optimizer.")+":") {
				assert.Equal(t, row.standard, at(config.Sources{Text: []byte(row.base)}), "default")
			}
			text := row.base
			if row.file != "" {
				keys := strings.Split(row.key, ".")
				text += strings.Join(keys, ": {") + ": " + row.file + strings.Repeat("}", len(keys)-1) + "\n"
				inFile := at(config.Sources{Text: []byte(text)})
				assert.NotNil(t, inFile, "from the file")
				if row.want != nil {
					assert.NotEqual(t, row.want, inFile, "from the file")
				}
			}
			want := row.want
			if want == nil { // fills only what is open
				want = 4.0
			}
			assert.Equal(t, want, at(config.Sources{Text: []byte(text), Environ: []string{row.variable + "=" + row.value}}), "from the environment")
			first := at(config.Sources{Text: []byte(text), FileFirst: true, Environ: []string{row.variable + "=" + row.value}})
			if row.file != "" {
				assert.Equal(t, at(config.Sources{Text: []byte(text)}), first, "file first")
			}
		})
	}
}

// Every row of the list of conditions has its error.
func TestEveryCondition(t *testing.T) {
	const optimizer = "optimizer: {id: dev.example.com/app, token: x}\n"
	for condition, row := range map[string]struct{ text, want string }{
		"not a mapping":                      {"[1]", "the document is a list, not a mapping"},
		"a single value":                     {"hunter2", "the document is a single value, not a mapping"},
		"several documents, no optimizer":    {optimizer + "---\nname: x\n", "servo.yaml:3: optimizer: required: the file has 2 documents"},
		"unknown key":                        {optimizer + "namee: x\n", `servo.yaml:2:1: namee: unknown key; did you mean "name"?`},
		"unknown key of a stanza":            {optimizer + "probe: {address: 'a:1', cuont: 1}\n", `probe.cuont: unknown key; did you mean "count"?`},
		"missing stanza":                     {optimizer + "connectors: [probe]\n", `probe: required because "connectors" lists it`},
		"null stanza":                        {optimizer + "connectors: [probe]\nprobe:\n", "probe: null is not a configuration"},
		"missing field":                      {optimizer + "probe: {}\n", "probe.address: required"},
		"bad optimizer id":                   {"optimizer: {id: -bad/app, token: x}\n", `optimizer.id: "-bad/app" is not organization/application`},
		"null token":                         {"optimizer: {id: dev.example.com/app, token: null}\n", "optimizer.token: required"},
		"only the variant that is meant":     {"optimizer: {optimizer_id: x}\n", "optimizer: give either connection_file, or all of"},
		"no optimizer":                       {"{}", "optimizer: required: id and token"},
		"descriptor: unknown in a list":      {optimizer + "connectors: [probee]\n", `no connector is called "probee"; did you mean "probe"?`},
		"descriptor: unknown in a mapping":   {optimizer + "connectors: {one: probee}\n", `no connector is called "probee"`},
		"descriptor: not text":               {optimizer + "connectors: {one: [probe]}\n", "a list is not the name of a connector"},
		"descriptor: bad name":               {optimizer + "connectors: {'a b': probe}\n", `"a b" is not a name of 3 to 128`},
		"descriptor: reserved":               {optimizer + "connectors: {measure: probe}\n", `the name "measure" is reserved`},
		"descriptor: reserved key":           {optimizer + "connectors: {settings: probe}\n", `the name "settings" is reserved`},
		"descriptor: another's default name": {optimizer + "connectors: {words: probe}\nwords: {}\n", `the name "words" is reserved for the connector`},
		"descriptor: a text":                 {optimizer + "connectors: probe\n", "is not a list of connectors or a mapping"},
		"check list that is none":            {optimizer + "checks: {tag: x}\n", "checks.tag: \"x\" is not a list"},
		"halt_on":                            {optimizer + "checks: {halt_on: fatal}\n", "is not warning, common or critical"},
		"null halt_on keeps the default":     {optimizer + "checks: {halt_on: null}\n", ""},
		"null checks":                        {optimizer + "checks: null\n", ""},
		"null settings":                      {optimizer + "settings: null\n", ""},
		"late wait":                          {optimizer + "checks: {wait: soon}\n", `checks.wait: "soon" is not a duration`},
		"URL without scheme":                 {"optimizer: {id: dev.example.com/app, token: x, base_url: api.test}\n", `optimizer.base_url: "api.test" is not a URL that begins with http:// or https://`},
		"URL that is too long":               {"optimizer: {id: dev.example.com/app, token: x, base_url: 'http://" + strings.Repeat("a", 65536) + "'}\n", "optimizer.base_url: "},
		"duration with garbage":              {optimizer + "settings: {progress_interval: 5s!}\n", "invalid duration"},
		"duration with an unknown unit":      {optimizer + "settings: {progress_interval: 5x}\n", "unknown unit"},
		"duration with blanks":               {optimizer + "settings: {progress_interval: ' 1h 30m '}\n", ""},
		"bundle that is missing":             {optimizer + "settings: {ssl_verify: /no/such}\n", "is not true, false or the path of an existing file"},
		"parked stanza":                      {optimizer + "connectors: []\nprobe: {unknown: 1}\n", ""},
		"empty list of connectors":           {optimizer + "connectors: []\n", ""},
		"repeated connector":                 {optimizer + "connectors: [words, words]\nwords: []\n", ""},
	} {
		t.Run(condition, func(t *testing.T) {
			err := model().Validate(config.Sources{Text: []byte(row.text)})
			if row.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, row.want)
			}
		})
	}
	t.Run("missing file", func(t *testing.T) {
		_, err := config.Sources{File: "none.yaml"}.Load()
		require.EqualError(t, err, "config file 'none.yaml' does not exist")
	})
}

// Every promise about the form of a schema, looked up in the schema itself.
func TestEveryPartOfTheSchema(t *testing.T) {
	text, err := model().Schema("probe", "one:probe")
	require.NoError(t, err)
	var tree map[string]any
	require.NoError(t, json.Unmarshal(text, &tree))
	for path, want := range map[string]any{
		"title":                                     "Servo Configuration Schema",
		"description":                               "Schema for configuration of Servo v1.2.3 with Probe Connector v2.0.0",
		"type":                                      "object",
		"required":                                  []any{"probe", "one"},
		"additionalProperties":                      false,
		"properties.servo_uid.title":                "Servo Uid",
		"properties.servo_uid.env":                  "SERVO_UID",
		"properties.name.env_names[0]":              "SERVO_NAME",
		"properties.probe.allOf[0].$ref":            "#/definitions/ProbeConfiguration",
		"properties.one.allOf[0].$ref":              "#/definitions/ProbeConfiguration__one",
		"properties.optimizer.anyOf[1]":             map[string]any{"$ref": "#/definitions/OpsaniOptimizer"},
		"properties.no_diagnostics":                 map[string]any{"type": "boolean", "default": true, "title": "No Diagnostics", "description": "Do not poll for requests for diagnostics.", "env": "SERVO_NO_DIAGNOSTICS", "env_names": []any{"SERVO_NO_DIAGNOSTICS"}},
		"properties.connectors.examples":            []any{[]any{"kubernetes", "prometheus"}, map[string]any{"staging_prom": "prometheus", "gateway_prom": "prometheus"}},
		"definitions.ProbeConfiguration.title":      "Probe Connector Settings (named probe)",
		"definitions.ProbeConfiguration__one.title": "Probe Connector Settings (named one)",
		"definitions.ProbeConfiguration__one.properties.mode.env_names[0]":                                                  "SERVO_ONE_MODE",
		"definitions.OpsaniOptimizer.properties.id.env":                                                                     "OPSANI_OPTIMIZER",
		"definitions.OpsaniOptimizer.required":                                                                              []any{"id", "token"},
		"definitions.OpsaniOptimizer.properties.url.format":                                                                 "uri",
		"definitions.OpsaniOptimizer.properties.url.minLength":                                                              1.0,
		"definitions.OpsaniOptimizer.properties.url.maxLength":                                                              65536.0,
		"definitions.AppdynamicsOptimizer.properties.client_secret.env":                                                     "APPD_CLIENT_SECRET",
		"definitions.BackoffSettings.title":                                                                                 "Backoff Settings",
		"definitions.BackoffConfigurations.additionalProperties.$ref":                                                       "#/definitions/BackoffSettings",
		"definitions.Timeouts.properties.connect.type":                                                                      "string",
		"definitions.ChecksConfiguration.properties.tag.env_names[0]":                                                       "CHECKS_TAG",
		"definitions.CommonConfiguration.properties.ssl_verify.anyOf[1].format":                                             "file-path",
		"definitions.ErrorSeverity.enum":                                                                                    []any{"warning", "common", "critical"},
		"definitions.CommonConfiguration.properties.progress_interval.format":                                               "duration",
		"definitions.CommonConfiguration.properties.progress_interval.examples":                                             []any{"300ms", "5m", "2h45m", "72h3m0.5s"},
		"definitions.Secret.anyOf[0]":                                                                                       map[string]any{"type": "string", "format": "password", "writeOnly": true},
		`definitions.CommonConfiguration.properties.proxies.anyOf[1].patternProperties["^(https?|all)://"].anyOf[0].format`: "uri",
	} {
		t.Run(path, func(t *testing.T) {
			got, err := config.Lookup(tree, path)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

// The variables of the command line are never read for a connector.
func TestEveryReservedVariable(t *testing.T) {
	for _, name := range []string{"SERVO_CONFIG_FILE", "SERVO_LOG_LEVEL", "SERVO_NO_COLOR", "SERVO_RUN_CHECK", "SERVO_RUN_DEBUG", "SERVO_BANNER_FONT", "SERVO_BANNER_COLOR"} {
		t.Run(name, func(t *testing.T) {
			type clash struct {
				File  string `yaml:"file"`
				Level string `yaml:"level"`
				Color string `yaml:"color"`
				Check string `yaml:"check"`
				Debug string `yaml:"debug"`
				Font  string `yaml:"font"`
			}
			stanza := strings.ToLower(strings.Split(name, "_")[1])
			doc, err := read(t, stanza+"x: {}\n"+stanza+": {}\n", name+"=x")
			require.NoError(t, err)
			s, ok := doc.Stanza(stanza)
			require.True(t, ok)
			c, err := config.Decode[clash](s)
			require.NoError(t, err)
			assert.Zero(t, c)
		})
	}
	t.Run("the folder of .env", func(t *testing.T) {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, ".env"), []byte("OPSANI_OPTIMIZER=dev.example.com/app\nOPSANI_TOKEN=t\nSERVO_LOG_LEVEL=DEBUG\n"), 0o600))
		docs, err := config.Sources{Text: []byte{}, Dotenv: folder}.Load()
		require.NoError(t, err)
		assert.Equal(t, "dev.example.com/app", docs[0].Optimizer.ID)
		_, set := os.LookupEnv("OPSANI_OPTIMIZER")
		assert.False(t, set, "the process environment is left alone")
	})
}
