package optimizer_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
)

func TestConformanceHeaders(t *testing.T) {
	header := func(token, authorization, sf string) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			require.NoError(t, w.client(t, func(o *optimizer.Options) { o.Token = token }).Goodbye(t.Context(), ""))
			h := w.only(t).Header
			assert.Equal(t, authorization, h.Get("Authorization"))
			assert.Equal(t, sf, h.Get("X-SF-Token"))
			if sf != "" {
				assert.NotContains(t, h, "Authorization")
			}
		}
	}
	conform(t, "2", []row{
		{"X-SF-Token and a blank", header("X-SF-Token abc", "", "abc")},
		{"X-SF-Token and another separator", header("X-SF-Token:abc", "", "abc")},
		{"Bearer", header("Bearer abc", "Bearer abc", "")},
		{"bearer in any case", header("bearer abc", "bearer abc", "")},
		{"Bearer inside is no prefix", header("myBearer abc", "Bearer myBearer abc", "")},
		{"anything else", header("abc", "Bearer abc", "")},
	})
	one := func(name, want string) row {
		return row{name, func(t *testing.T, w *wire) {
			require.NoError(t, w.client(t).Goodbye(t.Context(), ""))
			assert.Regexp(t, want, w.only(t).Header.Get(name))
		}}
	}
	success := func(code int) row {
		return row{fmt.Sprint(code, " is success"), func(t *testing.T, w *wire) {
			w.answer(say(code, `{"status":"ok"}`))
			assert.NoError(t, w.client(t).Goodbye(t.Context(), ""))
		}}
	}
	conform(t, "3", []row{
		one("User-Agent", `^github\.com/servokit/servokit v\d`), one("Content-Type", `^application/json$`), one("Accept", `^\*/\*$`),
		success(200), success(201), success(202), success(299),
		{"the connection is kept", func(t *testing.T, w *wire) {
			var made atomic.Int64
			server := httptest.NewUnstartedServer(w)
			server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
				if s == http.StateNew {
					made.Add(1)
				}
			}
			server.Start()
			defer server.Close()
			c := w.client(t, func(o *optimizer.Options) { o.URL = server.URL })
			for range 5 {
				require.NoError(t, c.Hello(t.Context(), optimizer.Hello{}))
			}
			assert.EqualValues(t, 1, made.Load())
			for _, r := range w.requests() {
				assert.Equal(t, "POST", r.Method)
			}
		}},
		{"redirects are not followed", func(t *testing.T, w *wire) {
			elsewhere := newWire(t)
			w.answer(optimizertest.Redirect(elsewhere.URL + "/servo"))
			isHTTP(307)(t, w.client(t).Goodbye(t.Context(), ""))
			assert.Empty(t, elsewhere.requests())
		}},
		{"certificates are verified", func(t *testing.T, w *wire) {
			server := httptest.NewUnstartedServer(w)
			server.Config.ErrorLog = discarded
			server.StartTLS()
			defer server.Close()
			c := w.client(t, func(o *optimizer.Options) { o.URL = server.URL })
			assert.ErrorContains(t, c.Goodbye(t.Context(), ""), "certificate")
			assert.Empty(t, w.requests())
		}},
		{"a server that says nothing is given up", func(t *testing.T, w *wire) {
			w.answer(optimizertest.Hang(nil))
			c := w.client(t, func(o *optimizer.Options) {
				o.HTTP = &http.Client{Timeout: 50 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
			})
			_, err := c.Next(t.Context())
			assert.ErrorContains(t, err, "giving up after 3 tries")
		}},
		{"an answer is bounded", tries(say(200, strings.Repeat(" ", 5<<20)), 1, func(t *testing.T, err error) {
			assert.ErrorContains(t, err, "longer than 4194304 bytes")
		})},
	})
}

func TestConformanceURL(t *testing.T) {
	posts := func(suffix, want string) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			require.NoError(t, w.client(t, func(o *optimizer.Options) { o.URL += suffix }).Goodbye(t.Context(), ""))
			assert.Equal(t, want, w.only(t).Path)
			assert.Equal(t, "POST", w.only(t).Method)
		}
	}
	conform(t, "1", []row{
		{"no path", posts("", "/servo")},
		{"a slash is optional", posts("/", "/servo")},
		{"the base path is kept", posts("/base/path", "/base/path/servo")},
		{"the base path is kept, with a slash", posts("/base/path/", "/base/path/servo")},
		{"accounts", posts("/accounts/newco.com/applications/web/", "/accounts/newco.com/applications/web/servo")},
		{"optimizers", posts("/rest/optimize/co/v1/optimizers/b3B0=/", "/rest/optimize/co/v1/optimizers/b3B0=/servo")},
		{"diagnostics are beside", func(t *testing.T, w *wire) {
			_, err := w.client(t, func(o *optimizer.Options) { o.URL += "/base/" }).PollDiagnostics(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "/base/assets/opsani.com/diagnostics-check", w.only(t).Path)
		}},
	})
}

func TestConformanceRetries(t *testing.T) {
	code := func(code, want int) row {
		return row{fmt.Sprint("HTTP ", code), tries(say(code, ""), want, isHTTP(code))}
	}
	fails := func(answer http.Handler) func(*testing.T, *wire) { return tries(answer, 3, nil) }
	// unreachable is a row whose requests never arrive.
	unreachable := func(refine func(*testing.T, *optimizer.Options)) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			var n int
			c := w.client(t, func(o *optimizer.Options) {
				refine(t, o)
				o.Observe = func(_ context.Context, try optimizer.Try) {
					n++
					assert.Error(t, try.Err)
				}
			})
			_, err := c.Next(t.Context())
			assert.ErrorContains(t, err, "giving up after 3 tries")
			assert.Equal(t, 3, n)
			assert.Empty(t, w.requests())
		}
	}
	hello := func(answer http.Handler, want int) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			w.answer(answer)
			assert.Error(t, w.client(t).Hello(t.Context(), optimizer.Hello{}))
			assert.Len(t, w.requests(), want)
		}
	}
	superseded := `{"detail":"unexpected servo_uid"}`
	conform(t, "8", []row{
		{"DNS", unreachable(func(_ *testing.T, o *optimizer.Options) {
			o.HTTP = &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.DNSError{Err: "no such host", Name: "optimizer.invalid", IsNotFound: true}
			}}}).DialContext}}
			o.URL = "http://optimizer.invalid"
		})},
		{"connect", unreachable(func(t *testing.T, o *optimizer.Options) {
			l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			o.URL = "http://" + l.Addr().String()
			require.NoError(t, l.Close())
		})},
		{"proxy", unreachable(func(t *testing.T, o *optimizer.Options) {
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
			t.Cleanup(proxy.Close)
			address, err := url.Parse(proxy.URL)
			require.NoError(t, err)
			o.HTTP = &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(address), DisableKeepAlives: true}}
			o.URL = "https://optimizer.invalid"
		})},
		{"TLS", func(t *testing.T, _ *wire) {
			fake := optimizertest.New(optimizertest.Describe())
			address, l, trust := fake.ListenTLS(t)
			l.FailTLS(2)
			c, err := optimizer.NewClient(optimizer.Options{URL: address, Retry: optimizer.Retry{MaxWait: time.Millisecond},
				HTTP: &http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}}})
			require.NoError(t, err)
			_, err = c.Next(t.Context())
			assert.NoError(t, err, "the third handshake is in order")
		}},
		{"reset", fails(optimizertest.Reset())},
		{"connection closed", fails(optimizertest.Disconnect())},
		{"half closed", fails(optimizertest.HalfClose())},
		{"protocol", fails(optimizertest.Noise())},
		{"answer cut off", fails(optimizertest.Truncate(say(200, `{"status":"ok"}`)))},
		{"timeout", func(t *testing.T, w *wire) {
			w.answer(optimizertest.Slow(time.Second, say(200, `{"status":"ok"}`)))
			_, err := w.client(t, func(o *optimizer.Options) {
				o.HTTP = &http.Client{Timeout: 30 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
			}).Next(t.Context())
			assert.ErrorContains(t, err, "giving up after 3 tries")
			assert.Len(t, w.requests(), 3)
		}},
		code(404, 3), code(500, 3), code(501, 3), code(502, 3), code(503, 3), code(504, 3), code(599, 3), code(429, 3),
		code(300, 1), code(301, 1), code(304, 1), code(307, 1),
		code(400, 1), code(401, 1), code(403, 1), code(405, 1), code(408, 1), code(409, 1), code(410, 1), code(413, 1), code(422, 1),
		{"HTTP 101", tries(optimizertest.Raw("HTTP/1.1 101 Switching Protocols\r\n\r\n"), 1, isHTTP(101))},
		{"2xx with bad JSON", tries(say(200, `{"status"`), 1, nil)},
		{"2xx of unknown shape", tries(say(200, `{"verdict":"ok"}`), 1, nil)},
		{"2xx of no content", tries(say(204, ""), 1, nil)},
		{"2xx longer than it says", tries(optimizertest.WrongLength(`{"status":"ok"}`), 1, nil)},
		{"Retry-After of 429", func(t *testing.T, w *wire) {
			w.answer(optimizertest.RetryAfter(429, "1"), say(200, `{"cmd":"DESCRIBE"}`))
			start := time.Now()
			_, err := w.client(t, func(o *optimizer.Options) { o.Retry.MaxWait = time.Minute }).Next(t.Context())
			require.NoError(t, err)
			assert.GreaterOrEqual(t, time.Since(start), time.Second)
		}},
		{"a single wait is capped", func(t *testing.T, w *wire) {
			w.answer(optimizertest.RetryAfter(429, "3600"), say(200, `{"cmd":"DESCRIBE"}`))
			var waits []time.Duration
			_, err := w.client(t, func(o *optimizer.Options) {
				o.Observe = func(_ context.Context, try optimizer.Try) { waits = append(waits, try.Wait) }
			}).Next(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []time.Duration{time.Millisecond, 0}, waits)
		}},
		{"max_time", func(t *testing.T, w *wire) {
			w.answer(say(500, ""))
			_, err := w.client(t, func(o *optimizer.Options) { o.Retry = optimizer.Retry{MaxTime: 100 * time.Millisecond} }).Next(t.Context())
			isHTTP(500)(t, err)
			assert.Greater(t, len(w.requests()), 1)
		}},
		{"max_tries", tries(say(500, ""), 3, nil)},
		{"HELLO retries 401", hello(say(401, ""), 3)},
		{"HELLO retries a redirect", hello(optimizertest.Redirect("http://elsewhere.invalid"), 3)},
		{"HELLO retries bad JSON", hello(say(200, "<html>"), 3)},
		{"HELLO has one layer", hello(say(500, ""), 3)},
		{"HELLO does not retry 410", hello(say(410, superseded), 1)},
		{"410 unexpected servo_uid", tries(say(410, superseded), 1, func(t *testing.T, err error) { assert.ErrorIs(t, err, optimizer.ErrSuperseded) })},
		{"410 of another reason", tries(say(410, `{"detail":"x"}`), 1, func(t *testing.T, err error) { assert.NotErrorIs(t, err, optimizer.ErrSuperseded) })},
		{"410 without JSON", tries(say(410, "gone"), 1, func(t *testing.T, err error) { assert.NotErrorIs(t, err, optimizer.ErrSuperseded) })},
	})
}

func TestConformanceOAuth2(t *testing.T) {
	with := func(tokens *optimizertest.Tokens, test func(*testing.T, *optimizertest.Optimizer, *optimizer.Client)) func(*testing.T, *wire) {
		return func(t *testing.T, _ *wire) {
			credentials, err := optimizer.OAuth2(optimizer.OAuth2Options{TokenURL: tokens.Start(t), ClientID: "id=", ClientSecret: "s3:cr3t"})
			require.NoError(t, err)
			fake := optimizertest.New(optimizertest.Describe()).RequireTokenFrom(tokens)
			c, err := optimizer.NewClient(optimizer.Options{URL: fake.Start(t), Credentials: credentials, Retry: optimizer.Retry{MaxWait: time.Millisecond, MaxTries: 3}})
			require.NoError(t, err)
			test(t, fake, c)
		}
	}
	fresh := func() *optimizertest.Tokens { return optimizertest.NewTokens("id=", "s3:cr3t") }
	request := func(check func(*testing.T, optimizertest.TokenRequest)) func(*testing.T, *wire) {
		tokens := fresh()
		return with(tokens, func(t *testing.T, _ *optimizertest.Optimizer, c *optimizer.Client) {
			require.NoError(t, c.Goodbye(t.Context(), ""))
			require.Len(t, tokens.Requests(), 1)
			check(t, tokens.Requests()[0])
		})
	}
	fails := func(fault http.Handler, n int, check func(*testing.T, error)) func(*testing.T, *wire) {
		tokens := fresh()
		tokens.Inject(99, fault)
		return with(tokens, func(t *testing.T, fake *optimizertest.Optimizer, c *optimizer.Client) {
			_, err := c.Next(t.Context())
			require.Error(t, err)
			assert.Len(t, tokens.Requests(), n)
			assert.Empty(t, fake.Requests())
			if check != nil {
				check(t, err)
			}
		})
	}
	renews := func(tokens *optimizertest.Tokens, want ...string) func(*testing.T, *wire) {
		return with(tokens, func(t *testing.T, _ *optimizertest.Optimizer, c *optimizer.Client) {
			require.NoError(t, c.Hello(t.Context(), optimizer.Hello{}))
			require.NoError(t, c.Hello(t.Context(), optimizer.Hello{}))
			var grants []string
			for _, r := range tokens.Requests() {
				grants = append(grants, r.Grant)
			}
			assert.Equal(t, want, grants)
		})
	}
	cc := "client_credentials"
	conform(t, "2", []row{
		{"OAuth2 grant", request(func(t *testing.T, r optimizertest.TokenRequest) { assert.Equal(t, cc, r.Grant) })},
		{"OAuth2 content type", request(func(t *testing.T, r optimizertest.TokenRequest) {
			assert.Equal(t, "application/x-www-form-urlencoded;charset=UTF-8", r.Header.Get("Content-Type"))
		})},
		{"OAuth2 accept", request(func(t *testing.T, r optimizertest.TokenRequest) {
			assert.Equal(t, "application/json", r.Header.Get("Accept"))
		})},
		{"OAuth2 basic authentication as it is", request(func(t *testing.T, r optimizertest.TokenRequest) {
			assert.Equal(t, "id=", r.ID)
			assert.Equal(t, "s3:cr3t", r.Secret)
		})},
		{"OAuth2 status 500 is retried", fails(say(500, ""), 3, isHTTP(500))},
		{"OAuth2 status 404 is retried", fails(say(404, ""), 3, isHTTP(404))},
		{"OAuth2 status 401 is not", fails(say(401, ""), 1, isHTTP(401))},
		{"OAuth2 transport errors are retried", fails(optimizertest.Reset(), 3, nil)},
		{"OAuth2 error in a 2xx body", fails(say(200, `{"error":"invalid_scope","error_description":"d"}`), 1, isOAuth("invalid_scope", "d"))},
		{"OAuth2 bearer", with(fresh(), func(t *testing.T, fake *optimizertest.Optimizer, c *optimizer.Client) {
			require.NoError(t, c.Goodbye(t.Context(), ""))
			assert.Equal(t, "Bearer token-1", fake.Requests()[0].Header.Get("Authorization"))
		})},
		{"OAuth2 is kept while it is good", renews(fresh(), cc)},
		{"OAuth2 is renewed 60 s early", renews(fresh().Expire(30*time.Second), cc, cc)},
		{"OAuth2 without expiry is never renewed", renews(fresh().Expire(0), cc)},
		{"OAuth2 refresh grant", renews(fresh().Expire(30*time.Second).GiveRefreshTokens(), cc, "refresh_token")},
		{"OAuth2 is renewed once after 401", func(t *testing.T, w *wire) {
			tokens := fresh()
			with(tokens, func(t *testing.T, fake *optimizertest.Optimizer, c *optimizer.Client) {
				fake.Inject(99, say(401, ""))
				_, err := c.Next(t.Context())
				isHTTP(401)(t, err)
				assert.Len(t, fake.Requests(), 2)
				assert.Len(t, tokens.Requests(), 2)
			})(t, w)
		}},
	})
}

func TestConformanceDiagnostics(t *testing.T) {
	poll := func(want optimizer.Directive, n int, answers ...http.Handler) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			w.answer(answers...)
			directive, err := w.client(t).PollDiagnostics(t.Context())
			require.NoError(t, err)
			assert.Equal(t, want, directive)
			assert.Len(t, w.requests(), n)
		}
	}
	sends := func(call func(context.Context, *optimizer.Client) error, method, path, body string) func(*testing.T, *wire) {
		return func(t *testing.T, w *wire) {
			require.NoError(t, call(t.Context(), w.client(t, func(o *optimizer.Options) { o.Token = "X-SF-Token abc" })))
			r := w.only(t)
			assert.Equal(t, method, r.Method)
			assert.Equal(t, path, r.Path)
			assert.JSONEq(t, body, r.Body)
			assert.Equal(t, "abc", r.Header.Get("X-SF-Token"))
		}
	}
	const check, output = "/assets/opsani.com/diagnostics-check", "/assets/opsani.com/diagnostics-output"
	conform(t, "13", []row{
		{"poll", sends(func(ctx context.Context, c *optimizer.Client) error { _, err := c.PollDiagnostics(ctx); return err }, "GET", check, `{"data":null}`)},
		{"upload", sends(func(ctx context.Context, c *optimizer.Client) error {
			return c.UploadDiagnostics(ctx, optimizer.Diagnostics{Config: map[string]int{"a": 1}, Logs: []optimizer.LogEntry{{Time: "t", Text: "x"}}})
		}, "PUT", output, `{"data":{"configmap":{"a":1},"logs":{"t":"x"}}}`)},
		{"reset", sends(func(ctx context.Context, c *optimizer.Client) error { return c.ResetDiagnostics(ctx) }, "PUT", check, `{"data":"WITHHOLD"}`)},
		{"WITHHOLD", poll(optimizer.Withhold, 1, say(200, `{"data":"WITHHOLD"}`))},
		{"SEND", poll(optimizer.Send, 1, say(200, `{"data":"SEND"}`))},
		{"STOP", poll(optimizer.Stop, 1, say(200, `{"data":"STOP"}`))},
		{"without data", poll(optimizer.Send, 1, say(200, `"SEND"`))},
		{"unparseable", poll(optimizer.Withhold, 1, say(200, `<html>`))},
		{"status below 500", poll(optimizer.Withhold, 1, say(404, ""))},
		{"status 500 is retried", poll(optimizer.Send, 3, say(500, ""), say(500, ""), say(200, `{"data":"SEND"}`))},
		{"transport errors are retried", poll(optimizer.Send, 3, optimizertest.Reset(), optimizertest.Noise(), say(200, `{"data":"SEND"}`))},
		{"20 tries", func(t *testing.T, w *wire) {
			w.answer(say(500, ""))
			_, err := w.client(t, func(o *optimizer.Options) { o.Retry.MaxTries = 0 }).PollDiagnostics(t.Context())
			isHTTP(500)(t, err)
			assert.Len(t, w.requests(), 20)
		}},
		{"below 1 MiB", func(t *testing.T, w *wire) {
			var logs []optimizer.LogEntry
			for i := range 3000 {
				logs = append(logs, optimizer.LogEntry{Time: fmt.Sprint(i), Text: strings.Repeat("x", 500)})
			}
			require.NoError(t, w.client(t).UploadDiagnostics(t.Context(), optimizer.Diagnostics{Logs: logs}))
			assert.Less(t, len(w.only(t).Body), 1<<20)
			assert.Contains(t, w.only(t).Body, `"2999":`)
			assert.NotContains(t, w.only(t).Body, `"0":`)
		}},
		{"no secret", func(t *testing.T, w *wire) {
			require.NoError(t, w.client(t).UploadDiagnostics(t.Context(), optimizer.Diagnostics{Config: map[string]string{"token": "t0k3n"}, Logs: []optimizer.LogEntry{{Time: "t", Text: "t0k3n"}}}))
			assert.NotContains(t, w.only(t).Body, "t0k3n")
		}},
	})
}
