//go:build unix

package process_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/process"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

func build(t *testing.T, text string) (connector.Connector, error) {
	t.Helper()
	docs, err := config.Parse("servo.yaml", []byte(text))
	require.NoError(t, err)
	stanza, ok := docs[0].Stanza("process")
	require.True(t, ok)
	return process.Definition.New(stanza, connector.Env{})
}

func TestConfigFromAFile(t *testing.T) {
	p, err := build(t, `
process:
  command: [sleep, 5]
  env: {TOKEN: hush}
  settings:
    - {name: workers, type: range, min: 1, max: 8, default: 2, unit: threads, flag: -w}
    - {name: ratio, type: range, min: 0.5, max: 1.5, step: 0.25, default: 1.0, env: RATIO, pinned: true}
    - {name: level, type: enum, values: [low, 3], default: 3}
  file: {path: app.conf, mode: 0640, template: "{{with .level}}level {{.}}{{end}}"}
  ready: {http: "http://127.0.0.1:1/health", timeout: 3}
  settlement: 1m
`)
	require.NoError(t, err)
	var bus event.Bus
	require.NoError(t, p.Bind(connector.NewHost(&bus, "process", nil)))
	results, err := connector.Components.Dispatch(t.Context(), &bus, connector.None{})
	require.NoError(t, err)
	assert.Equal(t, []types.Component{{Name: "process", Settings: []types.Setting{
		{Name: "workers", Kind: types.RangeKind, Unit: "threads", Value: types.Int(2), Min: types.Int(1), Max: types.Int(8), Step: types.Int(1)},
		{Name: "ratio", Kind: types.RangeKind, Pinned: true, Value: types.Float(1), Min: types.Float(0.5), Max: types.Float(1.5), Step: types.Float(0.25)},
		{Name: "level", Kind: types.EnumKind, Value: types.Int(3), Values: []types.Value{types.Text("low"), types.Int(3)}},
	}}}, results[0].Value)
	metrics, err := connector.Metrics.Dispatch(t.Context(), &bus, connector.None{})
	require.NoError(t, err)
	assert.Equal(t, []types.Metric{{Name: "cpu_cores", Unit: "cores"}, {Name: "cpu_seconds"}, {Name: "resident_memory", Unit: "GiB"}, {Name: "restarts"}}, metrics[0].Value)
}

func TestConfigReportsEverythingAtOnce(t *testing.T) {
	_, err := build(t, `
process:
  component: my app
  env: {"A=B": x}
  settings:
    - {type: range, min: 1, max: 8, default: 2, env: W}
    - {name: a, type: slider, default: 1, env: A}
    - {name: b, type: range, min: 8, max: 1, default: 2, env: B}
    - {name: b, type: range, min: 1, max: 10, step: 4, default: 2, env: "B C"}
    - {name: c, type: range, max: 8, default: 2, env: C}
    - {name: d, type: enum, default: x, env: D}
    - {name: e, type: enum, values: [x, y], default: z, env: E}
    - {name: f, type: range, min: 1, max: 8, default: 9, env: F}
    - {name: g, type: range, min: 1, max: 8, env: G}
    - {name: h, type: range, min: 1, max: 8, default: 1}
    - {name: i, type: range, min: 1, max: 8, default: 1.5, env: I}
  file: {mode: "rw", template: "{{.unknown}}"}
  apply: magic
  signal: POKE
  ready: {http: "localhost:80", tcp: nowhere, log: "(", interval: 0, timeout: -1s}
  stop: {signal: SIGNOTHING, grace: 0}
  restart: {backoff: 2m, max_backoff: 1m}
  output: {tail: 5000}
  settlement: -1s
  sample_interval: 0
  metrics_prefix: app_
  samples: {cpu_cores: {missing: carry}}
`)
	var problems config.FieldErrors
	require.ErrorAs(t, err, &problems)
	for _, text := range []string{
		`process.component: "my app" is not a name without dots and blanks`,
		`process.command: required`,
		`process.env: "A=B" is not the name of an environment variable`,
		`process.settings[0].name: required`,
		`process.settings[1].type: "slider" is not range or enum`,
		`process.settings[2]: min cannot be greater than max`,
		`process.settings[3].name: "b" is not unique`,
		`process.settings[3]: min/max difference is not step aligned: 9 is not a multiple of 4`,
		`process.settings[3].env: "B C" is not the name of an environment variable`,
		`process.settings[4]: min: a number is required`,
		`process.settings[5]: values: at least one is required`,
		`process.settings[6].default: e: "z" is not accepted`,
		`process.settings[7].default: "9" is not between 1 and 8`,
		`process.settings[8].default: required`,
		`process.settings[9]: the value goes nowhere`,
		`process.settings[10].default: i: a whole number is required, not 1.5`,
		`process.file.path: required`,
		`process.file.mode: "rw" is not a permission in octal`,
		`process.file.template: there is no setting "unknown"`,
		`process.apply: "magic" is not restart or signal`,
		`process.signal: "POKE" is not one of HUP, INT, KILL, QUIT, TERM, USR1, USR2 or WINCH`,
		`process.ready.http: "localhost:80" is not a URL`,
		`process.ready.tcp: "nowhere" is not an address`,
		`process.ready.log: "(" is not a regular expression`,
		`process.ready: give only one of http, tcp, command and log`,
		`process.ready.interval: "0" is not a positive duration`,
		`process.ready.timeout: "-1s" is not a positive duration`,
		`process.stop.signal: "SIGNOTHING" is not one of`,
		`process.stop.grace: "0" is not a positive duration`,
		`process.restart.max_backoff: "1m" is not at least restart.backoff, which is 2m`,
		`process.output.tail: 5000 is not a number of lines from 1 to 1000`,
		`process.settlement: "-1s" is not zero or a positive duration`,
		`process.sample_interval: "0" is not a positive duration`,
		`process.samples.cpu_cores: no metric is called "cpu_cores" (known: app_cpu_cores, `,
	} {
		assert.ErrorContains(t, err, text)
	}
}

func TestConfigOfSignals(t *testing.T) {
	_, err := build(t, `
process:
  command: [sleep, 5]
  apply: signal
  settings:
    - {name: a, type: range, min: 1, max: 8, default: 1, env: A}
    - {name: b, type: range, min: 1, max: 8, default: 1, env: B, pinned: true}
`)
	require.ErrorContains(t, err, "process.file: required with apply: signal")
	assert.ErrorContains(t, err, "process.settings[0]: env and flag cannot change without a restart")
	assert.NotContains(t, err.Error(), "settings[1]")
}

func TestNewReportsTheSameInGo(t *testing.T) {
	_, err := process.New(process.Config{}, connector.Env{})
	assert.ErrorContains(t, err, "command: required")
	for _, text := range []string{"{{.a", "{{nothing}}", "{{index .a 1}}"} {
		_, err = process.New(process.Config{
			Command:  []string{"true"},
			Settings: []process.Setting{{Name: "a", Type: types.EnumKind, Values: []types.Value{types.Text("x")}, Default: types.Text("x"), Env: "A"}},
			File:     &process.File{Path: "x", Template: text},
		}, connector.Env{})
		assert.ErrorContains(t, err, "file.template: ", text)
	}
}

func TestConfigKeepsSecrets(t *testing.T) {
	c := process.Config{Env: map[string]config.Secret{"PASSWORD": config.NewSecret("hush-hush")}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.NotContains(t, fmt.Sprintf(verb, c), "hush-hush")
	}
}

func TestChecks(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(plain, nil, 0o600))
	run := func(t *testing.T, change func(*process.Config)) map[string]checks.Result {
		t.Helper()
		r := newRig(t, func(c *process.Config) {
			c.Dir = dir
			c.File = &process.File{Path: "app.conf"}
			change(c)
		})
		byName := map[string]checks.Result{}
		for _, name := range []string{"Command of app", "Watchdog of app", "File of app", "Probe of app"} {
			results, err := connector.Check.Dispatch(t.Context(), &r.bus, connector.CheckRequest{Filter: checks.Filter{Name: checks.AnyOf(name), Exclusive: true}})
			require.NoError(t, err)
			require.Len(t, results, 1)
			for _, result := range results[0].Value {
				byName[result.Name] = result
			}
		}
		return byName
	}
	t.Run("all well", func(t *testing.T) {
		results := run(t, func(*process.Config) {})
		require.Len(t, results, 4)
		for name, r := range results {
			assert.NoError(t, r.Err, name)
		}
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Len(t, entries, 1, "the checks leave nothing behind")
	})
	tests := []struct {
		name, check, says string
		change            func(*process.Config)
	}{
		{"no program", "Command of app", "no-such-program", func(c *process.Config) { c.Command[0] = "no-such-program" }},
		{"not executable", "Command of app", "permission denied", func(c *process.Config) { c.Command[0] = "./plain" }},
		{"no directory", "Command of app", "no such file", func(c *process.Config) { c.Dir = "/no/such/dir" }},
		{"no directory but a file", "Command of app", "is no directory", func(c *process.Config) { c.Dir = plain }},
		{"file in no directory", "File of app", "no such file", func(c *process.Config) { c.File.Path = "/no/such/dir/app.conf" }},
		{"file that is none", "File of app", "something that is no regular file", func(c *process.Config) { c.File.Path = dir }},
		{"unknown host", "Probe of app", "no-such-host.invalid", func(c *process.Config) { c.Ready = process.Ready{TCP: "no-such-host.invalid:80"} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := run(t, tt.change)[tt.check]
			assert.ErrorContains(t, r.Err, tt.says)
			assert.Regexp(t, "^expected .+ found", r.Message)
			assert.NotEmpty(t, r.Hint)
		})
	}
}
