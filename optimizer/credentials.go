package optimizer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
)

// Access is what a request needs: where it goes and what opens the door. It
// never prints its token.
type Access struct {
	// URL is the address of the optimizer, as in [Options]. Empty means the
	// one that the options give.
	URL string
	// Token is sent in any of the forms that [Options] describes. Empty sends
	// none.
	Token string `json:"-" yaml:"-"`

	_ struct{}
}

// Format writes the access without the token for every verb.
func (a Access) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "optimizer.Access{URL: %q, Token: %q}", safeURL(a.URL), mask(a.Token))
}

// LogValue returns the access without the token.
func (a Access) LogValue() slog.Value {
	return slog.GroupValue(slog.String("url", safeURL(a.URL)), slog.String("token", mask(a.Token)))
}

// Credentials give a [Client] the token of its requests, and the address when
// that can change as well. Implement it for a source of tokens of your own, such
// as a vault; [TokenFile] and [OAuth2] are there already.
type Credentials interface {
	// Access is called before each try of each request, so it should hand out
	// what it has. It may wait for a new token, but no longer than ctx. Several
	// goroutines may call it at once.
	//
	// refused is empty, or the token that the optimizer has just answered with
	// status 401: then Access should get another one. The client repeats a
	// refused request once at once, with whatever Access returns.
	//
	// An error ends the call, unless it wraps an [*HTTPError] with a status
	// that is worth a retry, or an error of the network: those follow the rules
	// for retries. It must not contain a secret. A value of key
	// golang.org/x/oauth2.HTTPClient in ctx is the [http.Client] to ask for
	// tokens with: it has the proxies and certificates of the optimizer's own.
	Access(ctx context.Context, refused string) (Access, error)
}

// keeper is implemented by those Credentials that know of more secrets than the
// token in force.
type keeper interface{ secrets() []string }

// TokenFile reads the token from a file: at the first request, and again
// whenever the optimizer answers 401. Use it for a mounted secret, which is
// replaced under a running servo. Blanks around the token are dropped. A file
// that cannot be read or is empty fails the request; when it was read before,
// the old token is sent again instead.
func TokenFile(path string) Credentials {
	t := &tokenFile{path: path}
	return sealed{access: t.access, known: func() []string { return nil }}
}

// sealed are credentials that cannot be printed by any means, since there are
// only functions to print.
type sealed struct {
	opaque
	access func(ctx context.Context, refused string) (Access, error)
	known  func() []string
}

func (s sealed) Access(ctx context.Context, refused string) (Access, error) {
	return s.access(ctx, refused)
}

func (s sealed) secrets() []string { return s.known() }

type tokenFile struct {
	path string

	mu    sync.Mutex
	token string
}

// maxToken is the most that is read of a file that should hold a token.
const maxToken = 64 << 10

func (t *tokenFile) access(_ context.Context, refused string) (Access, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != "" && refused != t.token {
		return Access{Token: t.token}, nil
	}
	token, err := readToken(t.path)
	if err == nil {
		t.token = token
	} else if t.token == "" {
		return Access{}, fmt.Errorf("reading the token: %w", err)
	}
	return Access{Token: t.token}, nil
}

func readToken(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	token := strings.TrimSpace(string(data))
	switch {
	case err != nil:
		return "", err
	case token == "":
		return "", fmt.Errorf("%s is empty", path)
	case len(data) > maxToken:
		return "", fmt.Errorf("%s is longer than %d bytes", path, maxToken)
	}
	return token, nil
}

// door is an [Access] made ready for use.
type door struct {
	access       Access
	base, events *url.URL
	header       string
	values       []string
}

// unknown is the address of a request that has none and is not made.
var unknown = &url.URL{Scheme: "https", Host: "unknown.invalid"}

// entrance turns what credentials say into doors, and remembers the last one.
type entrance struct {
	url         string // of the options
	credentials Credentials
	static      bool // credentials always say the same
	redactor    *redactor

	mu   sync.Mutex
	last *door
}

func newEntrance(o Options) (*entrance, error) {
	e := &entrance{url: o.URL, credentials: o.Credentials, static: o.Credentials == nil, redactor: new(redactor)}
	if e.static {
		d, err := e.use(Access{Token: o.Token})
		e.last = d
		return e, err
	}
	if o.URL != "" {
		_, err := endpoint(o.URL)
		return e, err
	}
	return e, nil // the credentials have to know it
}

// open returns the door for the next try.
func (e *entrance) open(ctx context.Context, refused string) (*door, error) {
	if e.static {
		return e.last, nil
	}
	access, err := e.credentials.Access(ctx, refused)
	e.learn() // also of what has failed
	if err != nil {
		return nil, &accessError{err}
	}
	d, err := e.use(access)
	if err != nil {
		return nil, &accessError{err}
	}
	return d, nil
}

func (e *entrance) learn() {
	if k, ok := e.credentials.(keeper); ok {
		e.redactor.add(k.secrets()...)
	}
}

func (e *entrance) use(access Access) (*door, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last != nil && e.last.access == access {
		return e.last, nil
	}
	address := access.URL
	if address == "" {
		address = e.url
	}
	base, urlErr := endpoint(address)
	name, value, secret, tokenErr := tokenHeader(access.Token)
	if err := errors.Join(urlErr, tokenErr); err != nil {
		return nil, err
	}
	e.redactor.add(secret)
	e.last = &door{access: access, base: base, events: base.JoinPath("servo"), header: http.CanonicalHeaderKey(name), values: []string{value}}
	return e.last, nil
}

// accessError is a failure to get at credentials: the request has not been made.
type accessError struct{ err error }

func (e *accessError) Error() string { return "authenticating: " + e.err.Error() }
func (e *accessError) Unwrap() error { return e.err }

// lasting reports whether trying again is of no use.
func (e *accessError) lasting() bool {
	var status *HTTPError
	var network *url.Error
	var oauth *OAuthError
	return !errors.As(e.err, &status) && !errors.As(e.err, &network) && !errors.As(e.err, &oauth)
}

// gate is the way of the requests of a client whose credentials can fail: what
// cannot be authenticated does not get through.
type gate struct{ next http.RoundTripper }

func (g gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if x, ok := r.Context().Value(exchangeKey{}).(*exchange); ok && x.denied != nil {
		if r.Body != nil {
			_ = r.Body.Close() // it was never read
		}
		return nil, x.denied
	}
	return g.next.RoundTrip(r)
}

// opaque keeps values that hold secrets from being printed, by whatever means.
type opaque struct{}

func (opaque) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, redacted) }
func (opaque) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (opaque) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (opaque) MarshalYAML() (any, error)    { return redacted, nil }
