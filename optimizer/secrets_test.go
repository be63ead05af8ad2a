package optimizer_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
)

// mark is in every secret of the test and in nothing else; what follows it has
// more than one form.
const mark = "M4RK-"

func secretOf(name string) string { return mark + name + `/+<&"\=` }

// echo answers with everything that it was sent, in every form that comes to
// mind.
func echo(code int, wrap string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var plain, encoded []string // as text, and as it looks in JSON by other writers
		for _, name := range []string{"Authorization", "X-SF-Token"} {
			text := r.Header.Get(name)
			bare := strings.TrimPrefix(text, "Bearer ")
			plain = append(plain, text, bare, url.QueryEscape(bare), url.PathEscape(bare))
			escaped := strings.NewReplacer("\\", "\\\\", "\"", "\\\"").Replace(bare)
			encoded = append(encoded, escaped, strings.ReplaceAll(escaped, "/", `\/`))
		}
		quoted, _ := json.Marshal(strings.Join(plain, " "))
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, strings.ReplaceAll(wrap, "%s", "%[1]s"), quoted)
		if wrap == "" {
			_, _ = io.WriteString(w, strings.Join(append(plain, encoded...), "\n")+string(body))
		}
	})
}

// leaky is what a test writes all its output to.
type leaky struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *leaky) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

// dump writes a value in every way there is.
func (l *leaky) dump(v any) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%t"} {
		fmt.Fprintf(l, verb+"\n", v)
	}
	if data, err := json.Marshal(v); err == nil {
		fmt.Fprintf(l, "%s\n", data)
	}
	func() {
		defer func() { _ = recover() }() // of values that YAML has no form for
		if data, err := yaml.Marshal(v); err == nil {
			fmt.Fprintf(l, "%s\n", data)
		}
	}()
	slog.New(slog.NewTextHandler(l, nil)).Info("dump", "value", v)
	slog.New(slog.NewJSONHandler(l, nil)).Info("dump", "value", v)
	if err, ok := v.(error); ok {
		for e := errors.Unwrap(err); e != nil; e = errors.Unwrap(e) {
			fmt.Fprintf(l, "%v %+v %#v\n", e, e, e)
		}
	}
}

// Whatever a client is set up with and whatever happens to it, no byte of a
// secret gets out other than to its peers.
func TestNoSecretGetsOut(t *testing.T) {
	answers := map[string]http.Handler{
		"ok":               echo(200, `{"status":"ok","reason":%s,"message":%s}`),
		"status":           echo(200, `{"status":"invalid","reason":%s,"message":%s}`),
		"unknown status":   echo(200, `{"status":%s}`),
		"unknown command":  echo(200, `{"cmd":%s}`),
		"odd command":      echo(200, `{"cmd":"ADJUST","cmd_uid":[%s],"param":{"state":%s,"control":%s}}`),
		"odd measure":      echo(200, `{"cmd":"MEASURE","param":{"metrics":%s,"control":{"duration":%s}}}`),
		"garbage":          echo(200, ""),
		"detail":           echo(403, `{"detail":%s}`),
		"401":              echo(401, `{"detail":%s}`),
		"410":              echo(410, `{"detail":%s}`),
		"503":              echo(503, ""),
		"reset":            optimizertest.Reset(),
		"noise":            optimizertest.Noise(),
		"truncated":        optimizertest.Truncate(echo(200, `{"status":%s}`)),
		"redirect":         optimizertest.Redirect("http://elsewhere.invalid/"),
		"wrong length":     optimizertest.WrongLength(`{"status":"ok"}`),
		"token error":      nil,
		"token refusal":    nil,
		"token unreadable": nil,
		"token of a type":  nil,
		"token reset":      nil,
	}
	endpoints := map[string]http.Handler{
		"token error":      echo(200, `{"error":%s,"error_description":%s}`),
		"token refusal":    echo(400, `{"error":%s,"error_description":%s}`),
		"token unreadable": echo(200, ""),
		"token of a type":  echo(200, `{"access_token":"x","token_type":%s}`),
		"token reset":      optimizertest.Reset(),
	}
	kinds := map[string]func(t *testing.T, o *optimizer.Options, endpoint string){
		"token":  func(_ *testing.T, o *optimizer.Options, _ string) { o.Token = secretOf("static") },
		"bearer": func(_ *testing.T, o *optimizer.Options, _ string) { o.Token = "Bearer " + secretOf("static") },
		"O11y":   func(_ *testing.T, o *optimizer.Options, _ string) { o.Token = "X-SF-Token " + secretOf("static") },
		"token file": func(t *testing.T, o *optimizer.Options, _ string) {
			path := filepath.Join(t.TempDir(), "token")
			require.NoError(t, os.WriteFile(path, []byte(secretOf("file")), 0o600))
			o.Credentials = optimizer.TokenFile(path)
		},
		"OAuth2": func(t *testing.T, o *optimizer.Options, endpoint string) {
			var err error
			o.Credentials, err = optimizer.OAuth2(optimizer.OAuth2Options{TokenURL: endpoint, ClientID: "id", ClientSecret: secretOf("client")})
			require.NoError(t, err)
		},
		"connection": func(_ *testing.T, o *optimizer.Options, _ string) {
			address := o.URL
			o.URL, o.Credentials = "", &rotating{url: address}
		},
	}
	for kind, refine := range kinds {
		for name, answer := range answers {
			endpoint := endpoints[name]
			if endpoint != nil && kind != "OAuth2" {
				continue
			}
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				if answer == nil {
					answer = say(200, `{"status":"ok"}`)
				}
				if endpoint == nil {
					var n int
					endpoint = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						n++
						token, _ := json.Marshal(secretOf(fmt.Sprint("access", n)))
						refresh, _ := json.Marshal(secretOf(fmt.Sprint("refresh", n)))
						_, _ = fmt.Fprintf(w, `{"access_token":%s,"refresh_token":%s,"expires_in":3600}`, token, refresh)
					})
				}
				opt, tokens := httptest.NewServer(answer), httptest.NewServer(endpoint)
				defer opt.Close()
				defer tokens.Close()
				var out leaky
				o := optimizer.Options{
					URL: opt.URL, Retry: optimizer.Retry{MaxWait: time.Microsecond, MaxTries: 2},
					Logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.Level(-100), AddSource: true})),
					Observe: func(_ context.Context, try optimizer.Try) {
						out.dump(try)
						fmt.Fprintf(&out, "%s %s", try.Request, try.Response)
					},
				}
				refine(t, &o, tokens.URL)
				out.dump(o)
				out.dump(&o)
				out.dump(struct{ Nested, other any }{o.Credentials, o.Credentials})
				c, err := optimizer.NewClient(o)
				require.NoError(t, err)
				ctx := t.Context()
				_, err = c.Next(ctx)
				out.dump(err)
				var telemetry map[string]string
				if o.Token != "" { // the others have never heard of this one
					telemetry = map[string]string{"x": secretOf("static")}
				}
				out.dump(c.Hello(ctx, optimizer.Hello{Telemetry: telemetry}))
				out.dump(c.Progress(ctx, halfway()))
				out.dump(c.Reply(ctx, optimizer.Result{Verb: optimizer.Measure}))
				_, err = c.PollDiagnostics(ctx)
				out.dump(err)
				out.dump(c.UploadDiagnostics(ctx, optimizer.Diagnostics{}))
				out.dump(c.Goodbye(ctx, "x"))
				out.dump(c)
				out.dump(*c)
				text := out.String()
				if i := strings.Index(text, mark); i >= 0 {
					t.Errorf("a secret got out: …%s…", text[max(0, i-300):min(len(text), i+60)])
				}
				basic := base64.StdEncoding.EncodeToString([]byte("id:" + secretOf("client")))
				assert.NotContains(t, text, basic[:20])
				assert.NotContains(t, text, fmt.Sprintf("%x", mark))
				assert.NotEmpty(t, text)
			})
		}
	}
}

// rotating are credentials like those of a connection file.
type rotating struct {
	url string
	mu  sync.Mutex
	n   int
}

func (r *rotating) Access(_ context.Context, refused string) (optimizer.Access, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == 0 || refused != "" {
		r.n++
	}
	return optimizer.Access{URL: r.url, Token: "Bearer " + secretOf(fmt.Sprint("connection", r.n))}, nil
}
