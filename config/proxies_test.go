package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/config"
)

// shown is v in every way in which it may reach a log or a dump.
func shown(t *testing.T, v any) map[string]string {
	t.Helper()
	var text, lines bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&lines, nil)).Info("m", "v", v)
	out := map[string]string{"slog text": text.String(), "slog json": lines.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		out[verb] = fmt.Sprintf(verb, v)
	}
	data, err := json.Marshal(v)
	require.NoError(t, err)
	out["json"] = string(data)
	return out
}

func TestProxiesNeverShowPasswords(t *testing.T) {
	docs, err := config.Sources{Text: []byte("optimizer: {id: dev.example.com/app, token: t}\nsettings: {proxies: {'all://': 'http://u:hunter2@proxy:3128'}}")}.Load()
	require.NoError(t, err)
	odd := config.Proxies{
		"all://":         "http://u:it's-hunter2@proxy:3128",
		"http://a.test":  "u:hunter2@proxy:3128",
		"http://b.test":  "http://u:hunter2@pro xy",
		"https://c.test": "http://proxy:3128/?token=hunter2",
	}
	for name, v := range map[string]any{
		"proxies": docs[0].Settings.Proxies, "pointer": &docs[0].Settings.Proxies, "common": docs[0].Settings,
		"document": docs[0], "list": []config.Common{docs[0].Settings}, "odd": odd,
	} {
		t.Run(name, func(t *testing.T) {
			for way, text := range shown(t, v) {
				assert.NotContains(t, text, "hunter2", way)
			}
		})
	}
	text, err := yaml.Marshal(odd)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "hunter2")
}

func TestProxiesAreShownOtherwise(t *testing.T) {
	p := config.Proxies{"all://": "http://u:hunter2@proxy:3128", "http://a": "", "http://b": "http://plain:80"}
	for format, want := range map[string]string{
		"%v":  "map[all://:http://**********@proxy:3128 http://a: http://b:http://plain:80]",
		"%#v": `config.Proxies{"all://":"http://**********@proxy:3128", "http://a":"", "http://b":"http://plain:80"}`,
	} {
		assert.Equal(t, want, fmt.Sprintf(format, p), format)
	}
	data, err := json.Marshal(p)
	require.NoError(t, err)
	assert.JSONEq(t, `{"all://": "http://**********@proxy:3128", "http://a": "", "http://b": "http://plain:80"}`, string(data))
	data, err = json.Marshal(config.Proxies(nil))
	require.NoError(t, err)
	assert.Equal(t, "null", string(data))
	assert.Equal(t, "config.Proxies(nil)", fmt.Sprintf("%#v", config.Proxies(nil)))
	assert.Equal(t, "http://u:hunter2@proxy:3128", p["all://"], "nothing changes")
}
