package config_test

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
)

// write puts a file into a new folder and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// read loads one document from text and an environment.
func read(t *testing.T, text string, environ ...string) (*config.Document, error) {
	t.Helper()
	docs, err := config.Sources{Text: []byte(text), Environ: environ}.Load()
	if len(docs) == 0 {
		return nil, err
	}
	return docs[0], err
}

type attack struct {
	Rate    int               `yaml:"rate"`
	Target  string            `yaml:"target"`
	Token   config.Secret     `yaml:"token"`
	Labels  map[string]string `yaml:"labels"`
	Hosts   []string          `yaml:"hosts"`
	Level   float64           `yaml:"level"`
	Dry     *bool             `yaml:"dry"`
	Timeout time.Duration     `yaml:"timeout"`
}

func TestPrecedence(t *testing.T) {
	folder := t.TempDir()
	deep := filepath.Join(folder, "a", "b")
	require.NoError(t, os.MkdirAll(deep, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, ".env"), []byte("SERVO_LOAD_RATE=3\nSERVO_LOAD_TARGET=dotenv\n"), 0o600))
	all := config.Sources{
		Text:    []byte("load: {rate: 4, target: file, level: 4}\n"),
		Dotenv:  deep,
		Environ: []string{"SERVO_LOAD_RATE=2"},
		Options: map[string]any{"load.rate": 1},
	}
	for name, test := range map[string]struct {
		change func(*config.Sources)
		rate   int
		target string
	}{
		"option first":          {func(*config.Sources) {}, 1, "dotenv"},
		"then environment":      {func(s *config.Sources) { s.Options = nil }, 2, "dotenv"},
		"then .env":             {func(s *config.Sources) { s.Options, s.Environ = nil, nil }, 3, "dotenv"},
		"then the file":         {func(s *config.Sources) { s.Options, s.Environ, s.Dotenv = nil, nil, "" }, 4, "file"},
		"then the default":      {func(s *config.Sources) { *s = config.Sources{Text: []byte("load: {}")} }, 0, ""},
		"file first":            {func(s *config.Sources) { s.FileFirst = true }, 4, "file"},
		"file first, but empty": {func(s *config.Sources) { s.FileFirst, s.Text = true, []byte("load: {}") }, 1, "dotenv"},
	} {
		t.Run(name, func(t *testing.T) {
			sources := all
			test.change(&sources)
			docs, err := sources.Load()
			require.NoError(t, err)
			stanza, ok := docs[0].Stanza("load")
			require.True(t, ok)
			c, err := config.Decode[attack](stanza)
			require.NoError(t, err)
			assert.Equal(t, test.rate, c.Rate)
			assert.Equal(t, test.target, c.Target)
		})
	}
}

func TestVariablesOfStanza(t *testing.T) {
	doc, err := read(t, "load: {labels: {a: file, b: file}, rate: 1}\nother: {}\n",
		`SERVO_LOAD={"rate": 5, "labels": {"b": "env", "c": "env"}, "target": "json"}`,
		"SERVO_LOAD_TARGET=null", "SERVO_LOAD_LEVEL=.5", "SERVO_LOAD_DRY=yes", "SERVO_LOAD_TIMEOUT=90",
		`SERVO_LOAD_HOSTS=["x", "y"]`, "SERVO_LOAD_TOKEN=hunter2", "SERVO_OTHER_RATE=7", "NOISE", "=x",
	)
	require.NoError(t, err)
	stanza, _ := doc.Stanza("load")
	c, err := config.Decode[attack](stanza)
	require.NoError(t, err)
	yes := true
	assert.Equal(t, attack{
		Rate: 5, Target: "null", Token: config.NewSecret("hunter2"), Labels: map[string]string{"a": "file", "b": "env", "c": "env"},
		Hosts: []string{"x", "y"}, Level: .5, Dry: &yes, Timeout: 90 * time.Second,
	}, c)
	other, _ := doc.Stanza("other")
	c, err = config.Decode[attack](other)
	require.NoError(t, err)
	assert.Equal(t, 7, c.Rate)
}

func TestVariablesThatAreWrong(t *testing.T) {
	doc, err := read(t, "load: {rate: x}\n",
		"SERVO_LOAD_RATE=fast", "SERVO_LOAD_HOSTS=a,b", `SERVO_LOAD_LABELS={"a": 1, "a": 2}`, "SERVO_LOAD_LEVEL=",
		`SERVO_LOAD={"tagret": 1}`, "SERVO_LOAD_TOKEN_FILE=/no/such/file")
	require.NoError(t, err)
	stanza, _ := doc.Stanza("load")
	_, err = config.Decode[attack](stanza)
	require.Error(t, err)
	assert.Equal(t, `5 problems in $SERVO_LOAD, $SERVO_LOAD_HOSTS, $SERVO_LOAD_LABELS, $SERVO_LOAD_RATE and $SERVO_LOAD_TOKEN_FILE:
  $SERVO_LOAD: load.tagret: unknown key; did you mean "target"? (known: description, dry, hosts, labels, level, rate, target, timeout, token)
  $SERVO_LOAD_HOSTS: load.hosts: not JSON: write lists and mappings as in ["a", "b"] or {"key": "value"}
  $SERVO_LOAD_LABELS: load.labels.a: duplicate key
  $SERVO_LOAD_RATE: load.rate: "fast" is not an integer
  $SERVO_LOAD_TOKEN_FILE: load.token: reading the secret: stat /no/such/file: no such file or directory`, err.Error())

	_, err = read(t, "", "SERVO_CONNECTORS=[", `SERVO_SETTINGS={"timeouts": "soon"}`, "CHECKS_WAIT=never", "OPSANI_OPTIMIZER=x")
	for _, want := range []string{
		"$SERVO_CONNECTORS: connectors: not JSON", "$SERVO_SETTINGS: settings.timeouts: ", `$CHECKS_WAIT: checks.wait: "never" is not a duration`,
		`$OPSANI_OPTIMIZER: optimizer.id: "x" is not organization/application`, "optimizer.token: required",
	} {
		assert.ErrorContains(t, err, want)
	}
	_, err = config.Sources{Text: []byte{}, Options: map[string]any{"settings.timeouts": make(chan int), "settings.progress_interval": "soon"}}.Load()
	assert.ErrorContains(t, err, "option settings.timeouts: settings.timeouts: the value cannot be read")
	assert.ErrorContains(t, err, `option settings.progress_interval: settings.progress_interval: invalid duration "soon"`)
}

func TestVariablesSelectConnectors(t *testing.T) {
	known := []string{"load", "kube", "kube_metrics"}
	for name, test := range map[string]struct {
		text    string
		environ []string
		want    string
		fails   string
	}{
		"the variable selects":             {"connectors: [load]\nload: {}\nkube: {}\n", []string{`SERVO_CONNECTORS=["kube"]`}, "kube=kube", ""},
		"a mapping too":                    {"one: {}\n", []string{`SERVO_CONNECTORS={"one": "load"}`}, "one=load", ""},
		"a field makes a required stanza":  {"connectors: [load]\n", []string{"SERVO_LOAD_RATE=5"}, "load=load", ""},
		"a field leaves others inactive":   {"", []string{"SERVO_LOAD_RATE=5"}, "", ""},
		"a whole stanza makes one":         {"", []string{`SERVO_LOAD={"rate": 5}`}, "load=load", ""},
		"null does not":                    {"", []string{`SERVO_LOAD=null`}, "", ""},
		"over a null stanza":               {"load:\n", []string{`SERVO_LOAD={}`}, "load=load", ""},
		"no stanza":                        {"connectors: [load]\n", nil, "load=load", "load: required because"},
		"a longer name is another's":       {"connectors: [kube, kube_metrics]\n", []string{"SERVO_KUBE_METRICS_RATE=5"}, "kube=kube kube_metrics=kube_metrics", "kube: required because"},
		"an unknown name in the variable":  {"", []string{`SERVO_CONNECTORS=["laod"]`}, "laod=laod", `$SERVO_CONNECTORS: connectors[0]: no connector is called "laod"; did you mean "load"?`},
		"a reserved variable is no stanza": {"connectors: {log: load}\n", []string{"SERVO_LOG_LEVEL=DEBUG"}, "log=load", "log: required because"},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := read(t, test.text, test.environ...)
			require.NoError(t, err)
			mounts, err := doc.Resolve(known)
			if test.fails == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.fails)
			}
			var got []string
			for _, m := range mounts {
				got = append(got, m.Name+"="+m.Connector)
			}
			assert.Equal(t, test.want, strings.Join(got, " "))
		})
	}
	doc, err := read(t, "", `SERVO_LOAD={"rate": 5}`)
	require.NoError(t, err)
	stanza, ok := doc.Stanza("load")
	require.True(t, ok)
	assert.Equal(t, "$SERVO_LOAD", stanza.File())
	assert.Zero(t, stanza.Line())
}

func TestSeveralServosAndTheEnvironment(t *testing.T) {
	docs, err := config.Sources{
		Text: []byte("name: one\noptimizer: {id: dev.example.com/one, token: a}\n---\noptimizer: {token: b}\n"),
		Environ: []string{"SERVO_NAME=selected", "OPSANI_OPTIMIZER=dev.example.com/env", "OPSANI_TOKEN=env",
			"SERVO_UID=u"},
	}.Load()
	require.NoError(t, err)
	require.Len(t, docs, 2)
	assert.Equal(t, "one", docs[0].Name)
	assert.Empty(t, docs[1].Name, "the variable selects a servo")
	assert.Equal(t, "dev.example.com/one", docs[0].Optimizer.ID, "the variable would make both the same")
	assert.Equal(t, "dev.example.com/env", docs[1].Optimizer.ID)
	assert.Equal(t, "env", docs[0].Optimizer.Token.Reveal())
	assert.Equal(t, "u", docs[0].ServoUID)
}

func TestOptimizerFromEnvironment(t *testing.T) {
	token := write(t, "token", "  from-file\n")
	for name, test := range map[string]struct {
		text    string
		environ []string
		id      string
		token   string
		appd    string
		fails   string
	}{
		"all of it":                  {"", []string{"OPSANI_OPTIMIZER=dev.example.com/app", "OPSANI_TOKEN=a"}, "dev.example.com/app", "a", "", ""},
		"the file of a token wins":   {"", []string{"OPSANI_OPTIMIZER=dev.example.com/app", "OPSANI_TOKEN=a", "OPSANI_TOKEN_FILE=" + token}, "dev.example.com/app", "from-file", "", ""},
		"over the configuration":     {"optimizer: {id: dev.example.com/file, token: b}", []string{"OPSANI_TOKEN_FILE=" + token}, "dev.example.com/file", "from-file", "", ""},
		"as JSON":                    {"", []string{`SERVO_OPTIMIZER={"id": "dev.example.com/app", "token": "c"}`}, "dev.example.com/app", "c", "", ""},
		"the other kind by variable": {"", []string{"APPD_OPTIMIZER_ID=one", "APPD_CONNECTION_FILE=/x", "OPSANI_TOKEN=a"}, "", "", "one", ""},
		"the other kind by key":      {"optimizer: {optimizer_id: two}", []string{"APPD_CONNECTION_FILE=/x", "OPSANI_OPTIMIZER=dev.example.com/app"}, "", "", "two", ""},
		"only a token":               {"", []string{"OPSANI_TOKEN=a"}, "", "", "", "optimizer.id: required"},
		"only a client":              {"", []string{"APPD_CLIENT_ID=a"}, "", "", "", "optimizer.optimizer_id: required"},
		"empty is not set":           {"optimizer: {id: dev.example.com/file, token: b}", []string{"OPSANI_TOKEN=", "OPSANI_TOKEN_FILE="}, "dev.example.com/file", "b", "", ""},
		"none":                       {"", []string{"PATH=/bin"}, "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := read(t, test.text, test.environ...)
			if test.fails != "" {
				require.ErrorContains(t, err, test.fails)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.id, doc.Optimizer.ID)
			assert.Equal(t, test.token, doc.Optimizer.Token.Reveal())
			if test.appd != "" {
				require.NotNil(t, doc.Optimizer.AppDynamics)
				assert.Equal(t, test.appd, doc.Optimizer.AppDynamics.OptimizerID)
			}
		})
	}
}

func TestSettingsFromEnvironment(t *testing.T) {
	doc, err := read(t, "settings: {timeouts: 5s, backoff: {connect: {max_time: 2h}, other: {}}}\n",
		"COMMON_TIMEOUTS=7s", "COMMON_SSL_VERIFY=false", "COMMON_PROXIES=http://proxy:3128", "COMMON_PROGRESS_INTERVAL=5",
		`SERVO_SETTINGS={"backoff": {"third": {"max_tries": 3}}}`, "BACKOFF_SETTINGS_MAX_TIME=1m", "BACKOFF_SETTINGS_MAX_TRIES=9",
		"CHECKS_TAG=[\"a\"]", "CHECKS_QUIET=true", "CHECKS_WAIT=", "CHECKS_DELAY=10",
	)
	require.NoError(t, err)
	s := doc.Settings
	assert.Equal(t, 7*time.Second, s.Timeouts.Pool.Std())
	assert.True(t, s.SSLVerify.Insecure)
	assert.Equal(t, config.Proxies{"all://": "http://proxy:3128"}, s.Proxies)
	assert.Equal(t, 5*time.Second, s.ProgressInterval.Std())
	assert.Equal(t, "2h/9", s.BackoffFor("connect").MaxTime.String()+"/9")
	assert.Equal(t, 9, s.BackoffFor("connect").MaxTries)
	assert.Equal(t, time.Minute, s.BackoffFor("other").MaxTime.Std())
	assert.Equal(t, 3, s.BackoffFor("third").MaxTries)
	assert.Equal(t, time.Minute, s.BackoffFor("third").MaxTime.Std())
	assert.Equal(t, 10*time.Minute, s.BackoffFor("unknown").MaxTime.Std(), "the default says 10m")
	assert.Equal(t, 9, s.BackoffFor("unknown").MaxTries)
	assert.Equal(t, []string{"a"}, doc.Checks.Tag)
	assert.True(t, doc.Checks.Quiet)
	assert.Zero(t, doc.Checks.Limit())
	assert.Equal(t, 10*time.Second, doc.Checks.Pause(3))
}

func TestCheckFlow(t *testing.T) {
	doc := one(t, "checks:\n")
	assert.Equal(t, 30*time.Minute, doc.Checks.Limit())
	for pass, want := range []int{8, 16, 32, 64} {
		assert.Equal(t, time.Duration(want)*time.Second, doc.Checks.Pause(pass))
	}
	_, err := config.Parse("servo.yaml", []byte("checks: {wait: soon, delay: 0s, halt_on: never, name: x, quite: 1}\n"))
	for _, want := range []string{"checks.wait: \"soon\"", "checks.delay: \"0s\"", "checks.halt_on: \"never\" is not warning, common or critical", "checks.name: \"x\" is not a list", `did you mean "quiet"`} {
		assert.ErrorContains(t, err, want)
	}
}

func TestDotenv(t *testing.T) {
	bad := filepath.Dir(write(t, ".env", "this is = hunter2 'not closed\n\"\x00"))
	_, err := config.Sources{Text: []byte{}, Dotenv: bad}.Load()
	require.ErrorContains(t, err, "not lines of the form NAME=value")
	assert.NotContains(t, err.Error(), "hunter2")

	large := filepath.Dir(write(t, ".env", strings.Repeat("A=b\n", 1<<19)))
	_, err = config.Sources{Text: []byte{}, Dotenv: large}.Load()
	assert.ErrorContains(t, err, "larger than")

	wrong := filepath.Dir(write(t, ".env", "SERVO_SETTINGS='{'\n"))
	_, err = config.Sources{Text: []byte{}, Dotenv: wrong}.Load()
	assert.ErrorContains(t, err, "$SERVO_SETTINGS in "+filepath.Join(wrong, ".env")+": settings: not JSON")
}

func TestSourcesReadTheFile(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := config.Sources{}.Load()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "config file 'servo.yaml' does not exist")
	require.NoError(t, os.WriteFile("servo.yaml", []byte("name: here\n"), 0o600))
	docs, err := config.Sources{}.Load()
	require.NoError(t, err)
	assert.Equal(t, "here", docs[0].Name)
}

func TestSecretsFromElsewhere(t *testing.T) {
	file := write(t, "token", "\n hunter2 \n")
	for name, test := range map[string]struct{ text, want, fails string }{
		"file":             {"{file: " + file + "}", "hunter2", ""},
		"variable":         {"{env: TOKEN}", "from-env", ""},
		"both":             {"{env: TOKEN, file: /x}", "", "load.token: a mapping is not text; a secret that stands elsewhere"},
		"neither":          {"{}", "", "load.token: a mapping is not text; a secret that stands elsewhere"},
		"missing file":     {"{file: /no/such/file}", "", "load.token.file: reading the secret: stat /no/such/file"},
		"empty file":       {"{file: " + write(t, "empty", " \n") + "}", "", "is empty"},
		"masked file":      {"{file: " + write(t, "masked", "**********") + "}", "", "holds the mask of a secret"},
		"large file":       {"{file: " + write(t, "large", strings.Repeat("a", 1<<17)) + "}", "", "larger than 65536 bytes"},
		"folder":           {"{file: " + t.TempDir() + "}", "", "not a regular file"},
		"missing variable": {"{env: NOPE}", "", `load.token.env: the variable "NOPE" is not set`},
		"unknown key":      {"{fiel: /x}", "", `load.token: a mapping is not text`},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := read(t, "load: {token: "+test.text+"}", "TOKEN=from-env")
			require.NoError(t, err)
			stanza, _ := doc.Stanza("load")
			c, err := config.Decode[attack](stanza)
			if test.fails != "" {
				require.ErrorContains(t, err, test.fails)
				assert.NotContains(t, err.Error(), "hunter2")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, c.Token.Reveal())
		})
	}
	_, err := config.Parse("servo.yaml", []byte("optimizer: {id: dev.example.com/app, token: {env: HOME}}"))
	assert.ErrorContains(t, err, `the variable "HOME" is not set`, "Parse knows no environment")
}

func TestProxies(t *testing.T) {
	proxies := config.Proxies{
		"all://": "http://all:1", "http://": "http://plain:1", "https://": "http://tls:1",
		"all://example.com": "http://exact:1", "all://*example.com": "http://both:1", "all://*.example.com": "http://below:1",
		"http://example.com:8080": "http://port:1", "all://*:9090": "http://anyport:1", "https://direct.test": "", "all://*.a.example.com": "socks5://long:1",
	}
	require.NoError(t, proxies.Validate())
	for target, want := range map[string]string{
		"ftp://x":                    "all",
		"http://x":                   "plain",
		"https://x":                  "tls",
		"https://EXAMPLE.com/path":   "exact",
		"https://www.example.com":    "below",
		"https://b.a.example.com":    "long",
		"https://notexample.com":     "tls",
		"http://example.com:8080":    "port",
		"https://example.com:8080":   "exact",
		"https://other:9090":         "anyport",
		"https://direct.test":        "",
		"https://direct.test:443/ok": "",
	} {
		t.Run(target, func(t *testing.T) {
			u, err := url.Parse(target)
			require.NoError(t, err)
			proxy, ok, err := proxies.For(u)
			require.NoError(t, err)
			require.True(t, ok)
			if want == "" {
				assert.Nil(t, proxy)
				return
			}
			require.NotNil(t, proxy)
			assert.Equal(t, want, proxy.Hostname())
		})
	}
	u, _ := url.Parse("https://x")
	_, ok, err := config.Proxies{"http://": "http://a"}.For(u)
	require.NoError(t, err)
	assert.False(t, ok, "no pattern matches")
	_, _, err = config.Proxies{"all://": "ftp://user:hunter2@a"}.For(u)
	require.ErrorContains(t, err, "is not the URL of a proxy")
	assert.NotContains(t, err.Error(), "hunter2")

	for text, want := range map[string]string{
		"[]": "", "null": "", "http://p:1": "",
		"{all://: null}": "", "{'all://*.x.test:80': http://p}": "",
		"[a]":                   "settings.proxies: the value is not the URL of a proxy or a mapping",
		"proxy:3128":            "settings.proxies: the value (hidden) is not the URL of a proxy",
		"all://p":               "settings.proxies: the value (hidden) is not the URL of a proxy",
		"{ftp://: http://p}":    `settings.proxies.ftp://: "ftp://" is not a pattern`,
		"{all://a/b: http://p}": `settings.proxies.all://a/b: "all://a/b" is not a pattern`,
		"{all://a: [x]}":        "settings.proxies.all://a: the value is not the URL of a proxy or null",
		"{all://a: ftp://x}":    "settings.proxies.all://a: the value (hidden) is not the URL of a proxy",
	} {
		_, err := config.Parse("servo.yaml", []byte("settings: {proxies: "+text+"}"))
		if want == "" {
			assert.NoError(t, err, text)
		} else {
			assert.ErrorContains(t, err, want, text)
		}
	}
}
