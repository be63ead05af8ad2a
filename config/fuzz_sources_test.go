package config_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
)

// FuzzEnvironment puts text into variables of every kind.
func FuzzEnvironment(f *testing.F) {
	for _, text := range []string{
		"", "5", "5s", "null", "true", "[]", "{}", "{", `["a", "b"]`, `{"a": {"b": [1, null, "x"]}}`, `{"rate": 1e400}`, `{"<<": {"rate": 5}}`,
		`{"rate": 1, "rate": 2}`, `"text"`, "~", "*a", "&a", "!!int 5", "2020-01-01", "\x00", "\xff", strings.Repeat("[", 200), `{"token": {"file": "/dev/null"}}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"SERVO_LOAD", "SERVO_LOAD_RATE", "SERVO_LOAD_TOKEN", "SERVO_LOAD_LABELS", "SERVO_CONNECTORS", "SERVO_SETTINGS", "SERVO_OPTIMIZER", "COMMON_TIMEOUTS", "CHECKS_TAG"} {
			s := config.Sources{Text: []byte("load: {rate: 5}\n"), Environ: []string{name + "=" + text}, Options: map[string]any{"load.target": text}}
			docs, err := s.Load()
			if err != nil {
				var problems config.FieldErrors
				require.ErrorAs(t, err, &problems)
			}
			for _, doc := range docs {
				_, _ = doc.Resolve([]string{"load"})
				if stanza, ok := doc.Stanza("load"); ok {
					_, _ = config.Decode[attack](stanza)
				}
			}
		}
	})
}

// FuzzDotenv reads text as a file .env.
func FuzzDotenv(f *testing.F) {
	for _, text := range []string{
		"", "A=b", "export A=b\n", "A='b' # c", "A=\"${B}\nC\"", "A", "=b", "A=$A", "A=\"\\", "A: b", "\ufeffA=b", "A=b\r\nC=d\r\n", "\x00", "A=${A:-b}", "#", "A='", strings.Repeat("A=$A$A\n", 50),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, ".env"), []byte(text), 0o600))
		docs, err := config.Sources{Text: []byte{}, Dotenv: folder}.Load()
		if err == nil {
			require.Len(t, docs, 1)
		}
	})
}

// FuzzProxies looks for patterns that are accepted and then cannot be used.
func FuzzProxies(f *testing.F) {
	f.Add("all://", "http://proxy:1", "https://example.com/x")
	f.Add("all://*.example.com:80", "", "http://a.example.com")
	f.Add("https://*example.com", "socks5://p", "https://notexample.com")
	f.Add("http://[::1]:80", "http://u:p@[::2]", "http://[::1]")
	f.Add("all://*", "all://x", "http://")
	f.Add("ftp://x", "%zz", "::")
	f.Fuzz(func(t *testing.T, pattern, proxy, target string) {
		u, err := url.Parse(target)
		if err != nil {
			return
		}
		p := config.Proxies{pattern: proxy, "all://": ""}
		valid := p.Validate() == nil
		got, _, err := p.For(u)
		if valid {
			require.NoError(t, err)
		}
		if got != nil {
			require.Equal(t, proxy, p[pattern])
		}
	})
}

// FuzzSecret reads a secret in every form; whatever is wrong, it is not shown.
func FuzzSecret(f *testing.F) {
	for _, text := range []string{"topsecret", "{file: topsecret}", "{env: topsecret}", "{topsecret: x}", "{file: x, env: topsecret}", "[topsecret]", "!topsecret x", "*topsecret", "{env: {topsecret: 1}}", "'**********'", "{file: /dev/null}", "{file: }"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		docs, _ := config.Sources{Text: []byte("load:\n  token: " + text + "\n"), Environ: []string{"NAME=value"}}.Load()
		for _, doc := range docs {
			if stanza, ok := doc.Stanza("load"); ok {
				c, err := config.Decode[attack](stanza)
				if err != nil {
					require.True(t, c.Token.IsZero())
				} else if !c.Token.IsZero() {
					require.Equal(t, "**********", c.Token.String())
				}
			}
		}
	})
}

// FuzzLookup looks for paths that panic.
func FuzzLookup(f *testing.F) {
	for _, path := range []string{"", "a", "a.b", "a[0]", `["a.b"].c`, "a[", "a..b", "[99999999999999999999]", `["\u00"]`, "[-1]"} {
		f.Add(path)
	}
	f.Fuzz(func(_ *testing.T, path string) {
		_, _ = config.Lookup(map[string]any{"a": []any{map[string]any{"b": 1}}, "a.b": attack{}}, path)
	})
}
