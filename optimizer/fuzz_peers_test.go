package optimizer_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
)

// Whatever is answered to a poll is a directive.
func FuzzDirective(f *testing.F) {
	for _, seed := range []string{`{"data":"SEND"}`, `{"data":"STOP"}`, `"WITHHOLD"`, `SEND`, `{"data":{"data":1}}`, `{"data":null}`, "", "[[[", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		directive, err := connect(t, optimizertest.Status(200, body)).PollDiagnostics(t.Context())
		if len(body) <= 4<<20 {
			require.NoError(t, err)
		}
		assert.Contains(t, []optimizer.Directive{optimizer.Withhold, optimizer.Send, optimizer.Stop}, directive)
		if directive != optimizer.Withhold {
			assert.Contains(t, strings.ToUpper(body), strings.ToUpper(string(directive))[1:])
		}
	})
}

// Whatever a token endpoint answers gives a token or an error, and neither has
// the client secret in it.
func FuzzTokenAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"a","expires_in":3600,"token_type":"bearer"}`, `{"access_token":"a","expires_at":1e300}`, `{"access_token":"a","expires_in":"x"}`,
		`{"error":"invalid_client","error_description":"s3cr3t-0123456789"}`, `access_token=a&expires_in=5`, `{"access_token":"a\n"}`, "null", "", "\xff",
	} {
		f.Add(200, seed)
		f.Add(400, seed)
	}
	f.Fuzz(func(t *testing.T, code int, body string) {
		if code < 200 || code > 499 {
			return
		}
		credentials, err := optimizer.OAuth2(optimizer.OAuth2Options{TokenURL: tokenURL, ClientID: "id", ClientSecret: "s3cr3t-0123456789"})
		require.NoError(t, err)
		var sent []string
		opt := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent = append(sent, r.Header.Get("Authorization"))
			_, _ = w.Write([]byte(`{"cmd":"DESCRIBE"}`))
		})
		c := connect(t, both(opt, optimizertest.Status(code, body)), func(o *optimizer.Options) { o.Credentials, o.Retry.MaxTries = credentials, 1 })
		_, err = c.Next(context.Background())
		if err != nil {
			assert.NotContains(t, err.Error(), "s3cr3t-0123456789")
			assert.Empty(t, sent)
			return
		}
		require.Len(t, sent, 1)
		assert.True(t, strings.HasPrefix(sent[0], "Bearer "))
	})
}

// A token is found wherever it stands, and as JSON writes it.
func FuzzRedaction(f *testing.F) {
	f.Add("s3cr3t-t0k3n", `{"a":"`, `"}`)
	f.Add(`q"uo\te<>&/`, "", "")
	f.Add("aaaaaaaa", "aaa", "aaaa")
	f.Fuzz(func(t *testing.T, token, before, after string) {
		if token = strings.TrimSpace(token); len(token) < 8 || strings.Contains("[REDACTED]", token) {
			return
		}
		quoted, err := json.Marshal(token)
		require.NoError(t, err)
		var got optimizer.Try
		c, err := optimizer.NewClient(optimizer.Options{
			URL: "http://h.test", Token: "Bearer " + token, Retry: optimizer.Retry{MaxTries: 1},
			HTTP:    &http.Client{Transport: optimizertest.Transport(optimizertest.Status(400, before+token+after+string(quoted)))},
			Observe: func(_ context.Context, try optimizer.Try) { got = try },
		})
		if err != nil {
			return // no token
		}
		_, err = c.Next(context.Background())
		require.Error(t, err)
		assert.NotContains(t, string(got.Response), token)
		assert.NotContains(t, string(got.Response), string(quoted[1:len(quoted)-1]))
	})
}
