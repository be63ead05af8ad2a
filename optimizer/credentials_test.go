package optimizer_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
)

const tokenURL = "http://optimizer.test/auth/tenant/default/oauth2/token"

// both serves an optimizer and a token endpoint.
func both(opt, tokens http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/auth/tenant/default/oauth2/token", tokens)
	mux.Handle("/", opt)
	return mux
}

// authorized is a client to an optimizer that wants tokens of the endpoint.
func authorized(t *testing.T, fake *optimizertest.Optimizer, tokens *optimizertest.Tokens, refine ...func(*optimizer.Options)) *optimizer.Client {
	t.Helper()
	credentials, err := optimizer.OAuth2(optimizer.OAuth2Options{TokenURL: tokenURL, ClientID: "id", ClientSecret: "s3cr3t"})
	require.NoError(t, err)
	fake.RequireTokenFrom(tokens)
	refine = append(refine, func(o *optimizer.Options) { o.Credentials = credentials })
	return connect(t, both(fake, tokens), refine...)
}

// sent lists the credentials of all requests.
func sent(fake *optimizertest.Optimizer) []string {
	var list []string
	for _, r := range fake.Requests() {
		list = append(list, r.Header.Get("Authorization"))
	}
	return list
}

func ask(t *testing.T, c *optimizer.Client) error {
	t.Helper()
	_, err := c.Next(t.Context())
	return err
}

func TestOAuth2Request(t *testing.T) {
	fake, tokens := optimizertest.New(optimizertest.Describe()), optimizertest.NewTokens("id", "s3cr3t")
	c := authorized(t, fake, tokens)
	assert.Empty(t, tokens.Requests(), "nothing is asked for before it is needed")
	require.NoError(t, ask(t, c))
	require.NoError(t, ask(t, c))
	require.Len(t, tokens.Requests(), 1)
	r := tokens.Requests()[0]
	assert.Equal(t, "client_credentials", r.Grant)
	assert.Equal(t, "application/x-www-form-urlencoded;charset=UTF-8", r.Header.Get("Content-Type"))
	assert.Equal(t, "application/json", r.Header.Get("Accept"))
	assert.Equal(t, "Basic aWQ6czNjcjN0", r.Header.Get("Authorization"))
	assert.Empty(t, r.Scope)
	assert.Equal(t, []string{"Bearer token-1", "Bearer token-1"}, sent(fake))
}

func TestOAuth2Renewal(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer string
		wait   time.Duration
		grants []string
	}{
		{"in time", `{"access_token":"a","expires_in":3600}`, 3539 * time.Second, []string{"client_credentials"}},
		{"a minute before the end", `{"access_token":"a","expires_in":3600}`, 3541 * time.Second, []string{"client_credentials", "client_credentials"}},
		{"expires_in as text", `{"access_token":"a","expires_in":"3600"}`, 3541 * time.Second, []string{"client_credentials", "client_credentials"}},
		{"expires_at", `{"access_token":"a","expires_at":946688400}`, 3541 * time.Second, []string{"client_credentials", "client_credentials"}},
		{"expires_at before expires_in", `{"access_token":"a","expires_at":946688400,"expires_in":9}`, 3539 * time.Second, []string{"client_credentials"}},
		{"never", `{"access_token":"a"}`, 10000 * time.Hour, []string{"client_credentials"}},
		{"with a refresh token", `{"access_token":"a","expires_in":3600,"refresh_token":"r"}`, 3541 * time.Second, []string{"client_credentials", "refresh_token"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var grants []string
				endpoint := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					grants = append(grants, r.PostFormValue("grant_type"))
					if r.PostFormValue("grant_type") == "refresh_token" {
						assert.Equal(t, "r", r.PostFormValue("refresh_token"))
					}
					fmt.Fprint(w, tt.answer)
				})
				credentials, err := optimizer.OAuth2(optimizer.OAuth2Options{TokenURL: tokenURL, ClientID: "id", ClientSecret: "s3cr3t"})
				require.NoError(t, err)
				c := connect(t, both(optimizertest.New(optimizertest.Describe()), endpoint), func(o *optimizer.Options) { o.Credentials = credentials })
				require.NoError(t, ask(t, c))
				time.Sleep(tt.wait) // of the bubble
				require.NoError(t, ask(t, c))
				assert.Equal(t, tt.grants, grants)
			})
		})
	}
	t.Run("a refresh token that is no longer good", func(t *testing.T) {
		fake, tokens := optimizertest.New(optimizertest.Describe()), optimizertest.NewTokens("id", "s3cr3t").GiveRefreshTokens()
		c := authorized(t, fake, tokens)
		require.NoError(t, ask(t, c))
		tokens.Revoke()
		require.NoError(t, ask(t, c))
		var grants []string
		for _, r := range tokens.Requests() {
			grants = append(grants, r.Grant)
		}
		assert.Equal(t, []string{"client_credentials", "refresh_token", "client_credentials"}, grants)
	})
}

// The endpoint of tokens follows the rules for retries of the optimizer's own.
func TestOAuth2Failures(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault http.Handler
		tries int // 0 means until the time is up
		check func(*testing.T, error)
	}{
		{"503", optimizertest.Status(503, "down"), 0, isHTTP(503)},
		{"404", optimizertest.Status(404, ""), 0, isHTTP(404)},
		{"429", optimizertest.Status(429, ""), 0, isHTTP(429)},
		{"connection broken", optimizertest.Disconnect(), 0, nil},
		{"401", optimizertest.Status(401, `{"error":"invalid_client","error_description":"who is s3cr3t?"}`), 1, func(t *testing.T, err error) {
			isHTTP(401)(t, err)
			assert.ErrorContains(t, err, "invalid_client: who is [REDACTED]?")
		}},
		{"400", optimizertest.Status(400, `{"error":"invalid_grant"}`), 1, isHTTP(400)},
		{"redirect", optimizertest.Redirect("http://elsewhere.test/"), 1, isHTTP(307)},
		{"410 is not about the servo", optimizertest.Status(410, `{"detail":"unexpected servo_uid"}`), 1, func(t *testing.T, err error) {
			isHTTP(410)(t, err)
			assert.NotErrorIs(t, err, optimizer.ErrSuperseded)
		}},
		{"an error with status 200", optimizertest.Status(200, `{"error":"invalid_client","error_description":"no s3cr3t"}`), 1, isOAuth("invalid_client", "no [REDACTED]")},
		{"no token", optimizertest.Status(200, `{"token_type":"bearer"}`), 1, isOAuth("", "server response missing access_token")},
		{"no JSON", optimizertest.Garbage(), 1, isOAuth("", "")},
		{"another type", optimizertest.Status(200, `{"access_token":"a","token_type":"mac"}`), 1, isOAuth("", `its token is of type "mac", not bearer`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake, tokens := optimizertest.New(optimizertest.Describe()), optimizertest.NewTokens("id", "s3cr3t")
				tokens.Inject(1<<20, tt.fault)
				start := time.Now()
				err := ask(t, authorized(t, fake, tokens))
				require.Error(t, err)
				assert.ErrorContains(t, err, "WHATS_NEXT")
				assert.NotContains(t, err.Error(), "s3cr3t")
				if tt.tries > 0 {
					assert.Len(t, tokens.Requests(), tt.tries)
				} else {
					assert.Equal(t, 10*time.Minute, time.Since(start))
				}
				if tt.check != nil {
					tt.check(t, err)
				}
				assert.Empty(t, fake.Requests(), "nothing is sent without credentials")
			})
		})
	}
	t.Run("HELLO keeps trying", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			fake, tokens := optimizertest.New(), optimizertest.NewTokens("id", "s3cr3t")
			tokens.Inject(3, optimizertest.Status(200, `{"error":"invalid_client"}`))
			tokens.Inject(3, optimizertest.Status(401, ""))
			require.NoError(t, authorized(t, fake, tokens).Hello(t.Context(), optimizer.Hello{}))
			assert.Len(t, tokens.Requests(), 7)
			assert.Len(t, fake.Requests(), 1)
		})
	})
}

func isOAuth(code, description string) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		t.Helper()
		var oauth *optimizer.OAuthError
		require.ErrorAs(t, err, &oauth)
		assert.Equal(t, code, oauth.Code)
		assert.Contains(t, oauth.Description, description)
	}
}

// Requests that need a token at the same time share one exchange, and what
// becomes of it.
func TestOAuth2Sharing(t *testing.T) {
	slow := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(10 * time.Second):
			case <-r.Context().Done():
			}
			h.ServeHTTP(w, r)
		})
	}
	all := func(t *testing.T, c *optimizer.Client, contexts ...context.Context) []error {
		t.Helper()
		errs := make([]error, len(contexts))
		var wg sync.WaitGroup
		for i, ctx := range contexts {
			wg.Go(func() { _, errs[i] = c.Next(ctx) })
			synctest.Wait()
		}
		wg.Wait()
		return errs
	}
	t.Run("success", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			fake, tokens := optimizertest.New(optimizertest.Describe()), optimizertest.NewTokens("id", "s3cr3t")
			tokens.Inject(1, slow(optimizertest.Status(200, `{"access_token":"shared"}`)))
			fake.RequireTokenFrom(tokens)
			c := authorized(t, fake, tokens)
			fake.RequireTokenFrom(nil)
			errs := all(t, c, t.Context(), t.Context(), t.Context())
			assert.NoError(t, errors.Join(errs...))
			assert.Len(t, tokens.Requests(), 1)
			assert.Equal(t, []string{"Bearer shared", "Bearer shared", "Bearer shared"}, sent(fake))
		})
	})
	t.Run("failure", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			fake, tokens := optimizertest.New(optimizertest.Describe()), optimizertest.NewTokens("id", "s3cr3t")
			tokens.Inject(1, slow(optimizertest.Status(403, "no")))
			for _, err := range all(t, authorized(t, fake, tokens), t.Context(), t.Context(), t.Context()) {
				isHTTP(403)(t, err)
			}
			assert.Len(t, tokens.Requests(), 1)
		})
	})
	t.Run("the one who asked goes away", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			fake, tokens := optimizertest.New(optimizertest.Describe()), optimizertest.NewTokens("id", "s3cr3t")
			tokens.Inject(1, slow(optimizertest.Status(500, "")))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			errs := all(t, authorized(t, fake, tokens), ctx, t.Context(), t.Context())
			assert.ErrorIs(t, errs[0], context.DeadlineExceeded)
			assert.NoError(t, errors.Join(errs[1:]...))
			assert.Len(t, tokens.Requests(), 2)
		})
	})
	t.Run("one who waits goes away", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			fake, tokens := optimizertest.New(optimizertest.Describe()), optimizertest.NewTokens("id", "s3cr3t")
			tokens.Inject(1, slow(optimizertest.Status(200, `{"access_token":"shared"}`)))
			c := authorized(t, fake, tokens)
			fake.RequireTokenFrom(nil)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			errs := all(t, c, t.Context(), ctx)
			assert.NoError(t, errs[0])
			assert.ErrorIs(t, errs[1], context.DeadlineExceeded)
		})
	})
}

// A request that is refused is made once more with a new token, whatever the
// limits of retries; if that does not help, the refusal stands.
func TestRenewalAfter401(t *testing.T) {
	t.Run("helps", func(t *testing.T) {
		fake, tokens := optimizertest.New(optimizertest.Describe()), optimizertest.NewTokens("id", "s3cr3t")
		var tries []optimizer.Try
		c := authorized(t, fake, tokens, func(o *optimizer.Options) {
			o.Retry.MaxTries = 1
			o.Observe = func(_ context.Context, try optimizer.Try) { tries = append(tries, try) }
		})
		require.NoError(t, ask(t, c))
		tokens.Revoke()
		require.NoError(t, ask(t, c))
		assert.Equal(t, []string{"Bearer token-1", "Bearer token-1", "Bearer token-2"}, sent(fake))
		var course []string
		for _, try := range tries {
			course = append(course, fmt.Sprint(try.Event, " ", try.Number, " ", try.StatusCode, " ", try.Wait))
		}
		assert.Equal(t, []string{
			"token 1 200 0s", "WHATS_NEXT 1 200 0s",
			"WHATS_NEXT 1 401 0s", "token 2 200 0s", "WHATS_NEXT 2 200 0s",
		}, course)
	})
	t.Run("does not help", func(t *testing.T) {
		fake, tokens := optimizertest.New(optimizertest.Describe()), optimizertest.NewTokens("id", "s3cr3t")
		fake.Inject(9, optimizertest.Status(401, "no"))
		isHTTP(401)(t, ask(t, authorized(t, fake, tokens)))
		assert.Equal(t, []string{"Bearer token-1", "Bearer token-2"}, sent(fake))
	})
	t.Run("a static token is what it is", func(t *testing.T) {
		fake := optimizertest.New()
		fake.Inject(9, optimizertest.Status(401, "no"))
		isHTTP(401)(t, ask(t, connect(t, fake, func(o *optimizer.Options) { o.Token = "t0k3n" })))
		assert.Len(t, fake.Requests(), 1)
	})
}

func TestTokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	file := func(o *optimizer.Options) { o.Credentials = optimizer.TokenFile(path) }
	fake := optimizertest.New(optimizertest.Describe())
	c := connect(t, fake, file)

	err := ask(t, c)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "authenticating: reading the token")
	write(" \n")
	assert.ErrorContains(t, ask(t, c), "is empty")
	write(strings.Repeat("x", 64<<10+1))
	assert.ErrorContains(t, ask(t, c), "is longer than 65536 bytes")
	write("two\nlines")
	assert.ErrorContains(t, ask(t, c), "cannot be sent in a header")
	assert.Empty(t, fake.Requests())

	write("first\n")
	c = connect(t, fake, file)
	fake.RequireToken("first")
	require.NoError(t, ask(t, c))
	fake.RequireToken("second")
	write("X-SF-Token second")
	require.NoError(t, ask(t, c), "the file is read again when the token is refused")
	last := fake.Requests()[len(fake.Requests())-1]
	assert.Equal(t, "second", last.Header.Get("X-SF-Token"))
	assert.Empty(t, last.Header.Get("Authorization"), "there is one credential at a time")

	require.NoError(t, os.Remove(path))
	fake.RequireToken("third")
	isHTTP(401)(t, ask(t, c))
}

// moving are credentials that say something else each time.
type moving struct {
	list    []optimizer.Access
	err     error
	refused []string
}

func (m *moving) Access(ctx context.Context, refused string) (optimizer.Access, error) {
	if _, ok := ctx.Value(oauth2.HTTPClient).(*http.Client); !ok {
		return optimizer.Access{}, errors.New("there is no client to ask with")
	}
	m.refused = append(m.refused, refused)
	if len(m.list) == 0 {
		return optimizer.Access{}, m.err
	}
	a := m.list[0]
	m.list = m.list[1:]
	return a, nil
}

func TestCredentialsOfOnesOwn(t *testing.T) {
	var got []string
	c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.String()+" "+r.Header.Get("Authorization"))
		if r.Header.Get("Authorization") == "Bearer old" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"status":"ok"}`)
	}), func(o *optimizer.Options) {
		o.URL = ""
		o.Credentials = &moving{list: []optimizer.Access{
			{URL: "http://a.test", Token: "one"}, {URL: "http://b.test/x/", Token: "old"}, {URL: "http://b.test/x/", Token: "new"}, {URL: "ftp://c.test"},
		}, err: errors.New("the vault is sealed")}
	})
	require.NoError(t, c.Goodbye(t.Context(), "a"))
	require.NoError(t, c.Goodbye(t.Context(), "b"))
	assert.Equal(t, []string{"http://a.test/servo Bearer one", "http://b.test/x/servo Bearer old", "http://b.test/x/servo Bearer new"}, got)
	assert.ErrorContains(t, c.Goodbye(t.Context(), "c"), `scheme "ftp" is not accepted`)
	assert.EqualError(t, c.Goodbye(t.Context(), "d"), "posting GOODBYE: authenticating: the vault is sealed")
	assert.ErrorContains(t, c.Hello(t.Context(), optimizer.Hello{}), "the vault is sealed", "also Hello gives up at once")
}

func TestCredentialsThatCannotWork(t *testing.T) {
	_, err := optimizer.OAuth2(optimizer.OAuth2Options{TokenURL: "u:s3cr3t@h.test"})
	for _, want := range []string{"token URL: an address", "client id: required", "client secret: required"} {
		assert.ErrorContains(t, err, want)
	}
	assert.NotContains(t, err.Error(), "s3cr3t")
	_, err = optimizer.NewClient(optimizer.Options{URL: "http://h.test", Token: "t", Credentials: optimizer.TokenFile("x")})
	assert.ErrorContains(t, err, "credentials: give either these or a token")
	_, err = optimizer.NewClient(optimizer.Options{URL: "ftp://h.test", Credentials: optimizer.TokenFile("x")})
	assert.ErrorContains(t, err, `scheme "ftp"`)
}
