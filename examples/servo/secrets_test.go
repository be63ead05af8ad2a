package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/types"
)

// The secrets of the tests, which nothing else looks like.
const (
	tokenMark    = "tok-Zq7/marked+1f3e"
	passwordMark = `pass "Zq8" marked&9c2d`
)

// talkative is a connector that shows its configuration in whatever it says.
var talkative = connector.Define(connector.Info{Name: "talkative", Version: "1.0.0", Description: "Shows its configuration"}, newTalkative)

type talk struct {
	Password config.Secret `yaml:"password" description:"A secret."`
	Panics   bool          `yaml:"panics" description:"Panic instead of returning an error."`
}

func newTalkative(c talk, env connector.Env) (connector.Connector, error) {
	return &talker{c, env}, nil
}

type talker struct {
	c   talk
	env connector.Env
}

func (k *talker) Bind(h *connector.Host) error {
	connector.Measure.On(h, func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
		return types.Measurement{}, k.fail(ctx)
	})
	connector.Adjust.On(h, func(ctx context.Context, _ connector.AdjustRequest) (types.Description, error) {
		return types.Description{}, k.fail(ctx)
	})
	return nil
}

// fail has the configuration in its error, its log and its panic.
func (k *talker) fail(ctx context.Context) error {
	text, err := json.Marshal(k.c)
	if err != nil {
		return err
	}
	k.env.Logger.ErrorContext(ctx, fmt.Sprintf("connecting with %v", k.c), "config", k.c, "pointer", &k.c, "password", k.c.Password) //nolint:sloglint // that is what careless authors write
	if k.c.Panics {
		panic(k.c)
	}
	return fmt.Errorf("connecting with %v, %+v, %#v, %s, %q", k.c, k.c, &k.c, text, k.c.Password)
}

// forms are the ways in which a secret may be written.
func forms(secret string) []string {
	quoted, _ := json.Marshal(secret)
	return []string{
		secret, strings.Trim(string(quoted), `"`), strings.Trim(fmt.Sprintf("%q", secret), `"`),
		url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)), fmt.Sprintf("%x", secret),
	}
}

// shown finds a secret in a text, in any form, and returns what is around it.
func shown(text string) (around string, found bool) {
	for _, secret := range []string{tokenMark, passwordMark} {
		for _, form := range forms(secret) {
			if at := strings.Index(text, form); at >= 0 {
				rest := text[at+len(form):]
				return text[max(0, at-200):at] + "<SECRET>" + rest[:min(100, len(rest))], true
			}
		}
	}
	return "", false
}

func assertNoSecret(t *testing.T, where, text string) {
	t.Helper()
	if around, found := shown(text); found {
		assert.Fail(t, "a secret shows in "+where, around)
	}
}

// echo is a fault of an optimizer, or of a proxy before it, that repeats what it
// was sent.
func echo(status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_ = r.Header.Write(w)
		fmt.Fprintf(w, `{"status":"bad","message":"%v"}`, r.Header)
	})
}

// secretive is a run of the program as talkative as it can be.
type secretive struct {
	t   *testing.T
	dir string
	opt *optimizertest.Optimizer
}

func (s *secretive) start(extra string) *started {
	s.t.Helper()
	text := fmt.Sprintf(`
name: secretive
optimizer: {id: example.com/shop, token: {env: THE_TOKEN}, url: %q}
no_diagnostics: false
settings: {progress_interval: 100ms}
emulator:
  components:
    - name: web
      settings: [{name: replicas, min: 1, max: 9, value: 2}]
%s`, s.opt.Start(s.t), extra)
	return start(s.t, s.dir, text, []string{"THE_TOKEN=" + tokenMark, "THE_PASSWORD=" + passwordMark},
		"--verbose", "--log-file", "servo.log", "run", "--state", "state")
}

// search looks at everything that the run has left.
func (s *secretive) search(p *started) {
	s.t.Helper()
	assertNoSecret(s.t, "standard output", p.stdout.String())
	assertNoSecret(s.t, "standard error", p.errors())
	files := 0
	require.NoError(s.t, filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "servo.yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && len(text) > 0 {
			assertNoSecret(s.t, filepath.Base(path), string(text))
			files++
		}
		return err
	}))
	assert.GreaterOrEqual(s.t, files, 3, "log, journal and record")
	sent := false
	for _, r := range s.opt.Requests() {
		assertNoSecret(s.t, "what the optimizer is told", string(r.Body))
		sent = sent || strings.Contains(fmt.Sprint(r.Header), tokenMark)
	}
	assert.True(s.t, sent, "the token must have been used")
	for _, u := range s.opt.Uploads() {
		text, err := json.Marshal(u)
		require.NoError(s.t, err)
		assertNoSecret(s.t, "the diagnostics", string(text))
	}
}

func TestSecretsNeverShow(t *testing.T) {
	short := optimizertest.Measure(50*time.Millisecond, "throughput")
	talk := "talkative: {password: {env: THE_PASSWORD}}\n"
	tests := []struct {
		name     string
		commands []optimizer.Command
		extra    string
		prepare  func(*optimizertest.Optimizer)
		until    string // appears in the log, instead of the end of the commands
	}{
		{name: "success", commands: []optimizer.Command{optimizertest.Describe(), optimizertest.Adjust(replicas(5)), short}},
		{name: "refused adjustments", commands: []optimizer.Command{
			optimizertest.Adjust(types.Adjustment{Component: "db", Setting: "x", Value: types.Int(1)}),
			optimizertest.Adjust(types.Adjustment{Component: "web", Setting: "replicas", Value: types.Text("many")}),
		}},
		{name: "emulated failures", commands: []optimizer.Command{short, optimizertest.Adjust(replicas(5))}, extra: "  failure_rate: 1\n"},
		{name: "errors that quote the configuration", commands: []optimizer.Command{short, optimizertest.Adjust(replicas(5))}, extra: talk},
		{name: "panics with the configuration", commands: []optimizer.Command{short, optimizertest.Adjust(replicas(5))}, extra: "talkative: {password: {env: THE_PASSWORD}, panics: true}\n"},
		{name: "load on a target that is away", commands: []optimizer.Command{optimizertest.Measure(300*time.Millisecond, "error_rate")}, extra: `
vegeta:
  rate: 20/1s
  target: "GET http://user:` + url.QueryEscape(tokenMark) + `@127.0.0.1:9/\nAuthorization: Bearer ` + tokenMark + `"
`},
		{name: "a command with a secret in its environment fails", commands: []optimizer.Command{optimizertest.Describe()}, extra: `
process:
  component: app
  command: [sh, -c, "echo password is $PASSWORD >&2; exit 3"]
  env: {PASSWORD: {env: THE_PASSWORD}}
`, until: "exit status 3"},
		{name: "wrong token", prepare: func(o *optimizertest.Optimizer) { o.RequireToken("another") }, until: "401"},
		{name: "errors of the optimizer", commands: []optimizer.Command{optimizertest.Describe(), short}, prepare: func(o *optimizertest.Optimizer) {
			o.Inject(1, optimizertest.Status(503, "away"), optimizer.EventHello)
			o.Inject(1, optimizertest.Garbage(), optimizer.EventNext)
			o.Inject(1, optimizertest.Disconnect(), optimizer.EventDescription)
			o.Inject(1, optimizertest.Redirect("http://127.0.0.1:9/elsewhere"), optimizer.EventNext)
		}},
		{name: "errors that repeat the request", commands: []optimizer.Command{optimizertest.Describe(), short}, prepare: func(o *optimizertest.Optimizer) {
			o.Inject(1, echo(http.StatusInternalServerError), optimizer.EventHello)
			o.Inject(1, echo(http.StatusBadRequest), optimizer.EventNext)
			o.Inject(1, echo(http.StatusOK), optimizer.EventNext)
		}},
		{name: "cancelled", commands: []optimizer.Command{optimizertest.Measure(time.Hour)}, prepare: func(o *optimizertest.Optimizer) {
			o.AnswerProgress(fmt.Errorf("%w: enough", optimizer.ErrCancelRequested))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &secretive{t: t, dir: t.TempDir(), opt: optimizertest.New(tt.commands...)}
			s.opt.AnswerDiagnostics(optimizer.Send)
			if tt.prepare != nil {
				tt.prepare(s.opt)
			}
			p := s.start(tt.extra)
			if tt.until != "" {
				p.waitFor(tt.until)
			} else {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, err := s.opt.WaitDone(ctx)
				require.NoError(t, err, p.errors())
				_, err = s.opt.WaitRequest(ctx, optimizertest.DiagnosticsOutput, 1)
				require.NoError(t, err, p.errors())
			}
			p.signal(syscall.SIGTERM)
			p.code()
			s.search(p)
			for _, r := range s.opt.Results() {
				t.Log(r.Verb, r.Outcome, r.Message)
			}
		})
	}
	t.Run("a restart after a kill", func(t *testing.T) {
		t.Parallel()
		s := &secretive{t: t, dir: t.TempDir(), opt: optimizertest.New(optimizertest.Adjust(replicas(5)), optimizertest.Measure(time.Hour))}
		p := s.start(talk)
		p.waitFor("command begins verb=ADJUST")
		p.signal(syscall.SIGKILL)
		p.code()
		s.search(p)
		p = s.start(talk)
		p.waitFor("servo running")
		p.signal(syscall.SIGTERM)
		p.code()
		s.search(p)
	})
}

// The search finds what it is for.
func TestShown(t *testing.T) {
	for _, secret := range []string{tokenMark, passwordMark} {
		for _, form := range forms(secret) {
			around, found := shown("it is " + form + ", really")
			assert.True(t, found, form)
			assert.Equal(t, "it is <SECRET>, really", around)
		}
	}
	_, found := shown("it is **********")
	assert.False(t, found)
}
