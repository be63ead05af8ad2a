package process_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/process"
)

// FuzzConfig reads stanzas: what is accepted can be built, and what is not says so
// as problems of the file.
func FuzzConfig(f *testing.F) {
	for _, text := range []string{
		"command: [./app]",
		"command: [./app, --port=80]\nsettings: [{name: workers, type: range, min: 1, max: 8, default: 2, env: WORKERS}]",
		"command: [./app]\nsettings: [{name: a-b, type: enum, values: [x, y], default: x}]\nfile: {path: c, template: '{{setting \"a-b\"}}', mode: '0640'}\napply: signal",
		"command: [./app]\nready: {log: '^ready (', interval: 1ms}\nstop: {signal: SIGTERM, grace: 1s}",
		"command: [./app]\nfile: {path: c, template: '{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}'}",
		"command: [./app]\nfile: {path: c, template: '{{printf \"%999999d\" 1}}{{if}}'}",
		"metrics_prefix: app_\nsamples: {app_cpu_cores: {missing: carry}, '*': {zero: fail}}",
		"env: {A: {env: B}, '=': c}\ninherit_env: ~",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		docs, _ := config.Parse("servo.yaml", []byte("process:\n"+indent(text)))
		for _, doc := range docs {
			stanza, ok := doc.Stanza("process")
			if !ok {
				continue
			}
			c, err := config.Decode[process.Config](stanza)
			if err != nil {
				require.NotEmpty(t, err.Error())
				continue
			}
			_, err = process.New(c, connector.Env{Name: "process"})
			require.NoError(t, err, "what Decode accepts can be built")
		}
	})
}

func indent(text string) string {
	out := []byte("  ")
	for i := range len(text) {
		out = append(out, text[i])
		if text[i] == '\n' {
			out = append(out, "  "...)
		}
	}
	return string(out)
}
