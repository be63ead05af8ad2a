package optimizer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/types"
)

var steering = []error{
	optimizer.ErrUnexpectedEvent, optimizer.ErrCancelRequested, optimizer.ErrUnexpectedCommand,
	optimizer.ErrSuperseded, optimizer.ErrInvalid,
}

func TestStatuses(t *testing.T) {
	const (
		ok         = `{"status":"ok","message":"thanks","more":{}}`
		unexpected = `{"status":"unexpected-event","reason":"out of order"}`
		cancel     = `{"status":"cancel","reason":"stop it"}`
		outdated   = `{"status":"invalid","reason":"unexpected cmd_uid"}`
		invalid    = `{"status":"invalid","reason":"bad metrics","message":"no"}`
		odd        = `{"status":"failed","reason":"odd"}`
		command    = `{"cmd":"DESCRIBE"}`
	)
	calls := map[string]func(context.Context, optimizer.Backend) error{
		"hello": func(ctx context.Context, b optimizer.Backend) error { return b.Hello(ctx, optimizer.Hello{}) },
		"next":  func(ctx context.Context, b optimizer.Backend) error { _, err := b.Next(ctx); return err },
		"reply": func(ctx context.Context, b optimizer.Backend) error {
			return b.Reply(ctx, optimizer.Result{Verb: optimizer.Measure})
		},
		"progress": func(ctx context.Context, b optimizer.Backend) error { return b.Progress(ctx, halfway()) },
		"goodbye":  func(ctx context.Context, b optimizer.Backend) error { return b.Goodbye(ctx, "SIGHUP") },
	}
	errStatus := errors.New("a status error without a sentinel")
	for _, tt := range []struct {
		body string
		want map[string]error
	}{
		{ok, map[string]error{"next": errStatus}},
		{unexpected, map[string]error{"next": optimizer.ErrUnexpectedEvent, "reply": optimizer.ErrUnexpectedEvent, "progress": optimizer.ErrUnexpectedEvent, "goodbye": optimizer.ErrUnexpectedEvent}},
		{cancel, map[string]error{"next": optimizer.ErrCancelRequested, "progress": optimizer.ErrCancelRequested}},
		{outdated, map[string]error{"next": optimizer.ErrUnexpectedCommand, "reply": optimizer.ErrUnexpectedCommand, "progress": optimizer.ErrUnexpectedCommand, "goodbye": optimizer.ErrUnexpectedCommand}},
		{invalid, map[string]error{"next": optimizer.ErrInvalid, "reply": optimizer.ErrInvalid, "progress": optimizer.ErrInvalid, "goodbye": optimizer.ErrInvalid}},
		{odd, map[string]error{"next": errStatus}},
		{command, nil},
	} {
		for name, call := range calls {
			t.Run(name+" answered "+tt.body, func(t *testing.T) {
				err := call(t.Context(), answering(t, tt.body))
				want := tt.want[name]
				if want == nil {
					assert.NoError(t, err)
					return
				}
				var status *optimizer.StatusError
				require.ErrorAs(t, err, &status)
				var sent struct{ Status, Reason, Message string }
				require.NoError(t, json.Unmarshal([]byte(tt.body), &sent))
				assert.Equal(t, optimizer.StatusError(sent), *status)
				assert.ErrorContains(t, err, sent.Reason)
				for _, s := range steering {
					assert.Equal(t, s == want, errors.Is(err, s), "%v", s) //nolint:errorlint // which one it is
				}
			})
		}
	}
}

func TestProgressOfASupersededServo(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       bool
	}{
		{"said so", `{"detail":"unexpected servo_uid"}`, true},
		{"any other detail", `{"detail":"gone"}`, true},
		{"no detail", `{"detail":""}`, false},
		{"no JSON", `gone`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := connect(t, optimizertest.Status(http.StatusGone, tt.body)).Progress(t.Context(), halfway())
			isHTTP(http.StatusGone)(t, err)
			assert.Equal(t, tt.want, errors.Is(err, optimizer.ErrSuperseded))
		})
	}
}

func TestProgressIsNotSentAtItsEnds(t *testing.T) {
	fake := optimizertest.New()
	c := connect(t, fake)
	for _, percent := range []float64{-1, 0, 100, 100.5, 250} {
		p := halfway()
		p.Percent = percent
		assert.NoError(t, c.Progress(t.Context(), p))
	}
	assert.Empty(t, fake.Requests())
}

func TestWhatCannotBeSent(t *testing.T) {
	fake := optimizertest.New()
	c := connect(t, fake)
	report := func(verb optimizer.Verb, percent float64) error {
		p := optimizer.Progress{Verb: verb}
		p.Percent = percent
		return c.Progress(t.Context(), p)
	}
	assert.ErrorContains(t, report(optimizer.Measure, math.NaN()), "finite")
	assert.ErrorContains(t, report(optimizer.Measure, math.Inf(1)), "finite")
	assert.ErrorContains(t, report(optimizer.Sleep, 50), "not answered")
	assert.ErrorContains(t, c.Reply(t.Context(), optimizer.Result{Verb: optimizer.Sleep}), "not answered")
	assert.ErrorContains(t, c.Reply(t.Context(), optimizer.Result{Verb: optimizer.Adjust, Outcome: "gone"}), `outcome "gone" is unknown`)
	assert.Empty(t, fake.Requests())
}

func TestHeaders(t *testing.T) {
	for _, tt := range []struct{ name, token, authorization, sf string }{
		{"none", "", "", ""},
		{"bare", "s3cr3t", "Bearer s3cr3t", ""},
		{"bearer", "Bearer s3cr3t", "Bearer s3cr3t", ""},
		{"bearer in any case", "bEARER s3cr3t", "bEARER s3cr3t", ""},
		{"bearer inside", "myBearer s3cr3t", "Bearer myBearer s3cr3t", ""},
		{"sf", "X-SF-Token s3cr3t", "", "s3cr3t"},
		{"sf with another separator", "X-SF-Token:s3cr3t", "", "s3cr3t"},
		{"blanks around", " s3cr3t\n", "Bearer s3cr3t", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fake := optimizertest.New()
			c := connect(t, fake, func(o *optimizer.Options) { o.Token = tt.token })
			require.NoError(t, c.Hello(t.Context(), optimizer.Hello{}))
			h := fake.Requests()[0].Header
			assert.Equal(t, tt.authorization, h.Get("Authorization"))
			assert.Equal(t, tt.sf, h.Get("X-SF-Token"))
			assert.Equal(t, "application/json", h.Get("Content-Type"))
			assert.Equal(t, "*/*", h.Get("Accept"))
			assert.Equal(t, "example.com/servo v1.2.3", h.Get("User-Agent"))
		})
	}
	t.Run("default agent", func(t *testing.T) {
		fake := optimizertest.New()
		c := connect(t, fake, func(o *optimizer.Options) { o.Agent = "" })
		require.NoError(t, c.Hello(t.Context(), optimizer.Hello{}))
		r := fake.Requests()[0]
		assert.Regexp(t, `^github\.com/servokit/servokit v\d+\.\d+\.\d+`, r.Hello.Agent)
		assert.Equal(t, r.Hello.Agent, r.Header.Get("User-Agent"))
	})
}

func TestEndpoint(t *testing.T) {
	for url, want := range map[string]string{
		"http://h.test":              "/servo",
		"http://h.test/":             "/servo",
		"https://h.test:8443/a/b":    "/a/b/servo",
		"http://h.test/a/b/":         "/a/b/servo",
		"http://h.test/v1/o/abc%3D=": "/v1/o/abc%3D=/servo",
	} {
		t.Run(url, func(t *testing.T) {
			var got string
			c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r.URL.EscapedPath()
				_, _ = w.Write([]byte(`{"status":"ok"}`))
			}), func(o *optimizer.Options) { o.URL = url })
			require.NoError(t, c.Hello(t.Context(), optimizer.Hello{}))
			assert.Equal(t, want, got)
		})
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    optimizer.Options
		want []string
	}{
		{"nothing", optimizer.Options{}, []string{`scheme "" is not accepted`, "a host is required"}},
		{"scheme", optimizer.Options{URL: "ftp://h.test"}, []string{`scheme "ftp" is not accepted: use http or https`}},
		{"unreadable", optimizer.Options{URL: "http://u:s3cr3t@h.test:port"}, []string{"cannot be read"}},
		{"user", optimizer.Options{URL: "http://u:s3cr3t@h.test"}, []string{"use the token"}},
		{"query", optimizer.Options{URL: "http://h.test?key=s3cr3t"}, []string{"query and fragment"}},
		{"token", optimizer.Options{URL: "http://h.test", Token: "s3cr3t\r\nX: y"}, []string{"token: has characters"}},
		{"empty sf token", optimizer.Options{URL: "http://h.test", Token: "X-SF-Token "}, []string{"nothing follows X-SF-Token"}},
		{"all at once", optimizer.Options{URL: "h.test", Token: "s3cr3t\x00", Agent: "a\nb"}, []string{"URL: scheme", "URL: a host", "token:", "agent:"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := optimizer.NewClient(tt.o)
			require.Error(t, err)
			assert.Nil(t, c)
			for _, want := range tt.want {
				assert.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), "s3cr3t")
			assert.NotContains(t, fmt.Sprint(tt.o), "s3cr3t")
		})
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	const secret = "s3cr3t-t0k3n"
	for _, token := range []string{secret, "Bearer " + secret, "X-SF-Token " + secret} {
		t.Run(strings.TrimSuffix(token, secret), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				logger := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug - 8}))
				fake := optimizertest.New(optimizertest.Describe()).RequireToken(secret)
				echo := `{"detail":"` + token + `","more":"` + secret + `"}`
				fake.Inject(1, optimizertest.Status(503, echo))
				fake.Inject(1, optimizertest.Status(401, echo))
				fake.Inject(1, optimizertest.Status(200, secret))
				fake.Inject(1, optimizertest.Status(200, `{"status":"invalid","reason":"`+secret+`","message":"`+secret+`"}`))
				fake.Inject(1, optimizertest.Redirect("http://h.test/"+secret))
				fake.Inject(1, optimizertest.Status(400, "no JSON but "+token))
				options := optimizer.Options{URL: "http://h.test", Token: token, Logger: logger}
				c := connect(t, fake, func(o *optimizer.Options) { o.Token, o.Logger = token, logger })
				for range 5 {
					_, err := c.Next(t.Context())
					require.Error(t, err)
					fmt.Fprintf(&out, "%v %+v %#v\n", err, err, err)
					for e := err; e != nil; e = errors.Unwrap(e) {
						fmt.Fprintf(&out, "%v %+v %#v\n", e, e, e)
					}
				}
				require.NoError(t, c.Hello(t.Context(), optimizer.Hello{}))
				handler := optimizer.HandlerOptions{Token: token}
				logger.Info("options", "options", options, "pointer", &options, "handler", handler, "client", c)
				for _, v := range []any{options, &options, handler, &handler, c, *c} {
					for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
						fmt.Fprintf(&out, verb+"\n", v)
					}
				}
				for _, v := range []any{options, handler} {
					data, err := json.Marshal(v)
					require.NoError(t, err)
					out.Write(data)
				}
				fmt.Fprintln(&out, options.String(), options.GoString())
				assert.Contains(t, out.String(), "[REDACTED]")
				assert.NotContains(t, out.String(), secret)
				assert.NotContains(t, out.String(), fmt.Sprintf("%x", secret))
			})
		})
	}
}

// The client with all its defaults against a real server, several calls at once.
func TestDefaultClient(t *testing.T) {
	fake := optimizertest.New(optimizertest.Describe()).RequireToken("s3cr3t")
	c, err := optimizer.NewClient(optimizer.Options{URL: fake.Start(t), Token: "s3cr3t"})
	require.NoError(t, err)
	require.NoError(t, c.Hello(t.Context(), optimizer.Hello{}))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			command, err := c.Next(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, optimizer.Describe, command.Verb)
		})
	}
	wg.Wait()
	require.NoError(t, c.Goodbye(t.Context(), "SIGTERM"))
}

func TestCertificatesAreVerified(t *testing.T) {
	server := httptest.NewTLSServer(optimizertest.New())
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	c, err := optimizer.NewClient(optimizer.Options{URL: server.URL, Retry: optimizer.Retry{MaxTries: 1}})
	require.NoError(t, err)
	assert.ErrorContains(t, c.Hello(t.Context(), optimizer.Hello{}), "certificate")
	c, err = optimizer.NewClient(optimizer.Options{URL: server.URL, HTTP: server.Client()})
	require.NoError(t, err)
	assert.NoError(t, c.Hello(t.Context(), optimizer.Hello{}))
	server.Client().CloseIdleConnections()
}

func TestInjectedClientIsLeftAlone(t *testing.T) {
	mine := &http.Client{Transport: optimizertest.Transport(optimizertest.New())}
	_, err := optimizer.NewClient(optimizer.Options{URL: "http://h.test", HTTP: mine})
	require.NoError(t, err)
	assert.Nil(t, mine.CheckRedirect)
}

func TestErrorsInWords(t *testing.T) {
	for want, err := range map[string]error{
		"unexpected event: out of order":                              &optimizer.StatusError{Status: "unexpected-event", Reason: "out of order"},
		"refused by the optimizer: bad: metrics":                      &optimizer.StatusError{Status: "invalid", Reason: "bad", Message: "metrics"},
		`the optimizer answered "ok"`:                                 &optimizer.StatusError{Status: "ok"},
		"HTTP status 404 Not Found":                                   &optimizer.HTTPError{StatusCode: 404},
		`HTTP status 599: "what"`:                                     &optimizer.HTTPError{StatusCode: 599, Body: "what"},
		"HTTP status 400 Bad Request: no":                             &optimizer.HTTPError{StatusCode: 400, Detail: "no", Body: `{"detail":"no"}`},
		"command ADJUST: state: required":                             &optimizer.CommandError{Command: optimizer.Command{Verb: optimizer.Adjust}, Err: errors.New("state: required")},
		string(types.Failed) + ": " + optimizer.ErrSuperseded.Error(): fmt.Errorf("%s: %w", types.Failed, optimizer.ErrSuperseded),
	} {
		assert.EqualError(t, err, want)
	}
}
