package servo_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
)

type lampConfig struct {
	Watts int `yaml:"watts"`
}

func (c *lampConfig) Validate() error {
	if c.Watts <= 0 {
		return config.Invalid("watts", c.Watts, "a positive number")
	}
	return nil
}

func lamp(built *[]string) connector.Definition {
	return connector.Define(connector.Info{Name: "lamp"}, func(_ lampConfig, env connector.Env) (connector.Connector, error) {
		*built = append(*built, env.Name)
		return bind(func(*connector.Host) error { return nil }), nil
	})
}

func parse(t *testing.T, text string) *config.Document {
	t.Helper()
	docs, err := config.Parse("servo.yaml", []byte(text))
	require.NoError(t, err)
	return docs[0]
}

func TestFromConfig(t *testing.T) {
	t.Run("aliases, in order", func(t *testing.T) {
		var built []string
		doc := parse(t, "name: house\nconnectors: {hall: lamp, attic: lamp}\nhall: {watts: 40}\nattic: {watts: 60}\n")
		s, err := servo.FromConfig(doc, servo.Options{Optimizer: newBackend()}, lamp(&built))
		require.NoError(t, err)
		assert.Equal(t, "house", s.Name())
		assert.Equal(t, []string{"hall", "attic"}, built)
		assert.Equal(t, built, s.Connectors())
	})
	t.Run("a parked stanza is a warning", func(t *testing.T) {
		var built []string
		var out bytes.Buffer
		doc := parse(t, "connectors: []\nlamp: {watts: 40}\n")
		s, err := servo.FromConfig(doc, servo.Options{Optimizer: newBackend(), Logger: slog.New(textLogger(&out))}, lamp(&built))
		require.NoError(t, err)
		assert.Empty(t, s.Connectors())
		assert.Contains(t, out.String(), "connector is not listed and stays inactive")
		assert.Contains(t, out.String(), "connector=lamp")
	})
	t.Run("every problem at once", func(t *testing.T) {
		var built []string
		doc := parse(t, "connectors: {hall: lamp, cellar: lamp}\nhall: {watts: -1}\nlmap: {watts: 60}\ncellar: {wats: 1}\n")
		_, err := servo.FromConfig(doc, servo.Options{}, lamp(&built))
		var problems config.FieldErrors
		require.ErrorAs(t, err, &problems)
		for _, want := range []string{"optimizer: required", "servo.yaml:2", "hall.watts", `did you mean "watts"`, "lmap"} {
			assert.ErrorContains(t, err, want)
		}
		assert.Empty(t, built, "nothing is built")
	})
	t.Run("a definition of the program that is wrong", func(t *testing.T) {
		bad := connector.Define(connector.Info{Name: "lamp", Version: "new"}, func(struct{}, connector.Env) (connector.Connector, error) { return nil, nil })
		_, err := servo.FromConfig(parse(t, ""), servo.Options{Optimizer: newBackend()}, bad)
		assert.ErrorContains(t, err, `definition 1 of the program: connector info: version: invalid version "new"`)
	})
	t.Run("an unusable CA file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "ca.pem")
		require.NoError(t, os.WriteFile(file, []byte("no certificate"), 0o600))
		_, err := servo.FromConfig(parse(t, "settings: {ssl_verify: "+file+"}\n"), servo.Options{Optimizer: newBackend()})
		assert.ErrorContains(t, err, "no PEM certificates found in it")
	})
}

// The servo of a document speaks to the optimizer that the document names, and
// verifies certificates as the document says.
func TestFromConfigReachesTheOptimizer(t *testing.T) {
	opt := newBackend(describeCommand)
	server := httptest.NewTLSServer(http.StripPrefix("/base", optimizer.NewHandler(opt, optimizer.HandlerOptions{Token: "secret-token"})))
	defer server.Close()
	doc := parse(t, "optimizer: {id: dev.example.com/app, token: secret-token, url: '"+server.URL+"/base'}\nsettings: {ssl_verify: false}\n")
	var out bytes.Buffer
	s, err := servo.FromConfig(doc, servo.Options{Logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	require.NoError(t, err)
	assert.Equal(t, "dev.example.com/app", s.Name())
	require.NoError(t, runUntilIdle(t, s, opt))
	assert.Len(t, opt.all("reply"), 1)
	assert.NotContains(t, out.String(), "secret-token")
}
