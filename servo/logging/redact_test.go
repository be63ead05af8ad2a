package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/servo/logging"
)

const canary = "hunter2SECRETcanary"

type login struct {
	User     string `json:"user"`
	Password string `json:"password"`
	Next     *login `json:"next,omitempty"`
}

type panicking struct{}

func (*panicking) MarshalJSON() ([]byte, error) { panic("no JSON") }
func (*panicking) MarshalText() ([]byte, error) { panic("no text") }

type lazy string

func (l lazy) LogValue() slog.Value { return slog.GroupValue(slog.String("token", string(l))) }

// mustURL parses an address.
func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}

// Every way in which a secret may reach a log.
func TestSecretsDoNotReachTheLog(t *testing.T) {
	tests := []struct {
		name string
		attr slog.Attr
	}{
		{"by type", slog.Any("login", config.NewSecret(canary))},
		{"by type, in a structure", slog.Any("login", struct{ S config.Secret }{config.NewSecret(canary)})},
		{"Authorization", slog.String("Authorization", canary)},
		{"Proxy-Authorization", slog.String("Proxy-Authorization", "Basic "+canary)},
		{"X-SF-Token", slog.String("X-SF-Token", canary)},
		{"Cookie", slog.String("cookie", canary)},
		{"Set-Cookie", slog.Any("Set-Cookie", []string{canary})},
		{"token", slog.String("token", canary)},
		{"opsani_token", slog.String("opsani_token", canary)},
		{"password", slog.Any("password", []byte(canary))},
		{"secret", slog.Any("SECRET", map[string]int{canary: 1})},
		{"client_secret", slog.String("client_secret", canary)},
		{"api key", slog.String("api key", canary)},
		{"apiKey", slog.String("apiKey", canary)},
		{"a name of the user's", slog.String("Launch-Code", canary)},
		{"bearer in a text", slog.String("text", "sent Bearer "+canary+", got 401")},
		{"bearer in an address", slog.String("text", "h=bearer%20"+canary)},
		{"header line in a text", slog.String("text", "GET /\r\nAuthorization: Basic "+canary+"\r\nAccept: */*")},
		{"pair in a text", slog.String("text", "login password="+canary+" ok")},
		{"JSON in a text", slog.String("text", `{"user":"u","client_secret": "`+canary+` x"}`)},
		{"escaped JSON in a text", slog.String("text", `"{\"token\":\"`+canary+`\"}"`)},
		{"query in a text", slog.String("text", "GET http://x/?api_key="+canary+"&a=1")},
		{"password of an address", slog.String("text", "dial https://user:"+canary+"@host/")},
		{"error", slog.Any("error", errors.New("bad header: Bearer "+canary))},
		{"http.Header", slog.Any("headers", http.Header{"X-Sf-Token": {canary}, "Accept": {"a"}})},
		{"text in an http.Header", slog.Any("headers", http.Header{"X-Debug": {"Bearer " + canary}})},
		{"url.Values", slog.Any("form", url.Values{"password": {canary}})},
		{"map of lists", slog.Any("form", map[string][]string{"token": {canary}})},
		{"url.URL", slog.Any("url", mustURL(t, "http://u:"+canary+"@h/"))},
		{"map", slog.Any("m", map[string]string{"access_token": canary})},
		{"nested map", slog.Any("m", map[string]any{"a": []any{map[string]any{"secret": canary}}})},
		{"structure", slog.Any("s", login{User: "u", Password: canary})},
		{"structure behind a pointer", slog.Any("s", &login{Next: &login{Password: canary}})},
		{"bytes", slog.Any("body", []byte(`token=`+canary))},
		{"request", slog.Any("request", &http.Request{Header: http.Header{"Authorization": {canary}}})},
		{"group", slog.Group("g", slog.Int("n", 1), slog.Group("h", slog.String("token", canary)))},
		{"group with the name of a secret", slog.Group("credentials", slog.String("value", canary))},
		{"LogValuer", slog.Any("l", lazy(canary))},
		{"number", slog.String("pin_secret", canary)},
	}
	handlers := map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(out *bytes.Buffer) slog.Handler { return logging.NewTextHandler(out, nil) },
		"json": func(out *bytes.Buffer) slog.Handler { return logging.NewJSONHandler(out, nil) },
	}
	for _, tt := range tests {
		for name, handler := range handlers {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				var out bytes.Buffer
				h := logging.NewRedactHandler(handler(&out), "launch_code")
				require.NoError(t, write(t.Context(), h, slog.LevelInfo, "hi", slog.String("keep", "this"), tt.attr))
				require.NoError(t, write(t.Context(), h.WithAttrs([]slog.Attr{tt.attr}), slog.LevelInfo, "hi"))
				require.NoError(t, write(t.Context(), h.WithGroup("g").WithAttrs([]slog.Attr{tt.attr}), slog.LevelInfo, "hi"))
				assert.NotContains(t, out.String(), canary)
				assert.Contains(t, out.String(), "**********")
				assert.Contains(t, out.String(), "this")
			})
		}
	}
	for name, handler := range handlers {
		t.Run("message/"+name, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, write(t.Context(), logging.NewRedactHandler(handler(&out)), slog.LevelInfo, "Bearer "+canary))
			assert.NotContains(t, out.String(), canary)
		})
		t.Run("everything in an open group of that name/"+name, func(t *testing.T) {
			var out bytes.Buffer
			h := logging.NewRedactHandler(handler(&out)).WithGroup("secret").WithGroup("").WithGroup("deeper")
			require.NoError(t, write(t.Context(), h, slog.LevelInfo, "hi", slog.String("value", canary)))
			assert.NotContains(t, out.String(), canary)
		})
	}
}

func TestWhatIsNoSecretStays(t *testing.T) {
	tests := []struct {
		name string
		attr slog.Attr
		want string
	}{
		{"text", slog.String("a", "the key to the token is here"), `a="the key to the token is here"`},
		{"prose about bearers", slog.String("a", "bearer token rejected"), `a="bearer token rejected"`},
		{"a problem of the configuration", slog.String("a", "opsani.token: required"), `a="opsani.token: required"`},
		{"an address without password", slog.String("a", "http://h:80/x"), `a=http://h:80/x`},
		{"truth", slog.Bool("token", true), "token=true"},
		{"not set", slog.String("token", ""), `token=""`},
		{"masked", slog.String("token", "**********"), "token=**********"},
		{"number", slog.Int("tokens_used", 3), "tokens_used=3"},
		{"structure", slog.Any("a", login{User: "u"}), `a="{User:u Password: Next:<nil>}"`},
		{"header", slog.Any("a", http.Header{"Accept": {"b"}}), "a=map[Accept:[b]]"},
		{"nil", slog.Any("a", nil), "a=<nil>"},
		{"nil URL", slog.Any("a", (*url.URL)(nil)), "a="},
		{"number of a type of its own", slog.Any("a", http.StateIdle), "a=idle"},
		{"what panics", slog.Any("a", &panicking{}), "a="},
		{"members of a group", slog.Group("g", slog.Int("n", 1), slog.String("x", "y")), "g.n=1 g.x=y"},
		{"map with truth", slog.Any("a", map[string]any{"token": true, "secret": ""}), `a="map[secret: token:true]"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, write(t.Context(), logging.NewRedactHandler(logging.NewTextHandler(&out, nil)), slog.LevelInfo, "hi", tt.attr))
			assert.Contains(t, out.String(), "servo - hi "+tt.want)
		})
	}
}

func TestRedactionChangesNothingOfTheCaller(t *testing.T) {
	header := http.Header{"Authorization": {canary}}
	members := []slog.Attr{slog.String("token", canary), slog.Int("n", 1)}
	r := slog.NewRecord(noon, slog.LevelInfo, "password="+canary, 0)
	r.AddAttrs(slog.Any("h", header), slog.Attr{Key: "g", Value: slog.GroupValue(members...)})
	h := logging.NewRedactHandler(slog.DiscardHandler)
	h.WithAttrs(members)
	require.NoError(t, h.Handle(t.Context(), r))
	assert.Equal(t, canary, header.Get("Authorization"))
	assert.Equal(t, canary, members[0].Value.String())
	assert.Equal(t, "password="+canary, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		assert.Contains(t, a.Value.String(), canary)
		return true
	})
	t.Run("an error without a secret keeps its type", func(t *testing.T) {
		var got any
		h := logging.NewRedactHandler(capture(func(r slog.Record) {
			r.Attrs(func(a slog.Attr) bool { got = a.Value.Any(); return true })
		}))
		require.NoError(t, write(t.Context(), h, slog.LevelInfo, "hi", slog.Any("error", context.Canceled)))
		assert.Equal(t, context.Canceled, got)
	})
}

type capture func(slog.Record)

func (capture) Enabled(context.Context, slog.Level) bool        { return true }
func (c capture) Handle(_ context.Context, r slog.Record) error { c(r); return nil }
func (c capture) WithAttrs([]slog.Attr) slog.Handler            { return c }
func (c capture) WithGroup(string) slog.Handler                 { return c }

func FuzzRedact(f *testing.F) {
	for _, seed := range []string{"", "Bearer x", "token=\"", "password: [", "://a:b@", `\"token\":\"x\"`, "Cookie:\r\n", "\xff=secret"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var out bytes.Buffer
		h := logging.NewRedactHandler(logging.NewJSONHandler(&out, nil))
		require.NoError(t, write(t.Context(), h, slog.LevelInfo, text, slog.String("a", text), slog.String("token", text), slog.Any("m", map[string]string{text: text})))
		require.True(t, json.Valid(out.Bytes()), out.String())
	})
}

func FuzzTextHandler(f *testing.F) {
	f.Add("hi", "key", "value")
	f.Add("a\nb", "error", "one\ntwo")
	f.Add("\x1b[31m", "a.b=c \"", "\xff\u2028")
	f.Fuzz(func(t *testing.T, message, key, value string) {
		var out bytes.Buffer
		h := logging.NewTextHandler(&out, nil).WithGroup("g")
		require.NoError(t, write(t.Context(), h, slog.LevelInfo, message, slog.String(key, value)))
		for i, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
			assert.True(t, i == 0 || strings.HasPrefix(line, "  "), "%q looks like a record", line)
			assert.False(t, strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }), "%q", line)
		}
	})
}
