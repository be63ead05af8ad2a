package optimizer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
)

const module = "github.com/servokit/servokit"

// redacted stands where a secret would be.
const redacted = "[REDACTED]"

// Options say how a [Client] reaches its optimizer. Only URL is required.
// Options never print their token, whatever verb or logger is used.
type Options struct {
	// URL is the address of the optimizer, http or https, without user, query
	// and fragment. Events are posted to URL + "/servo".
	URL string
	// Token authenticates the servo. It is sent as a bearer token, unless it
	// starts with "X-SF-Token " and is then sent in the header of that name,
	// or brings its own "Bearer " along. Empty sends none.
	Token string `json:"-" yaml:"-"`
	// Credentials give the token of each request when it can change, and so
	// take the place of Token: see [TokenFile] and [OAuth2]. When the optimizer
	// answers 401 they are asked for another token and the request is repeated
	// once at once.
	Credentials Credentials `json:"-" yaml:"-"`
	// ServoUID identifies this deployment of the servo. Empty is sent as null.
	ServoUID string
	// Agent is sent as User-Agent and as the agent of HELLO. Empty means
	// "github.com/servokit/servokit v<version>".
	Agent string
	// HTTP makes the requests; its timeout is that of one try. Redirects are
	// never followed. Nil means a client of its own that verifies
	// certificates, honours the proxy variables of the environment, takes at
	// most 10 s to connect and at most 60 s for a whole response.
	HTTP *http.Client
	// Logger receives each try (debug) and each retry (warn). Nil is silent.
	Logger *slog.Logger
	// Retry bounds the retries.
	Retry Retry
	// Observe is called after every try of a request over HTTP, before the
	// client waits for the next one and before the call returns. It is called
	// on the goroutine of the call, so it must be cheap and must not wait; calls
	// of the client that run at once call it at once. Nil costs nothing.
	Observe func(ctx context.Context, t Try) `json:"-" yaml:"-"`
	// Rand spreads the waits between tries. Nil means random numbers of the
	// runtime. A client does not call it concurrently.
	Rand rand.Source

	_ struct{}
}

// Retry bounds the retries of a [Client]. The zero value means the defaults; a
// negative duration means no limit.
//
// Before retry n (0, 1, 2 …) a client waits a random time between 0 and 2ⁿ
// seconds, at most MaxWait.
type Retry struct {
	// MaxTime ends the retries of one call: a try that began later than this
	// after the first one is the last. Default 10 m.
	MaxTime time.Duration
	// ConnectMaxTime is MaxTime for Hello. Default 1 h.
	ConnectMaxTime time.Duration
	// MaxTries is the most tries of one call, 0 for no limit.
	MaxTries int
	// ConnectMaxTries is MaxTries for Hello: 0 for the same, negative for no
	// limit.
	ConnectMaxTries int
	// MaxWait is the most to wait between two tries, also when the optimizer
	// asks for more with Retry-After. Default 60 s.
	MaxWait time.Duration
}

func (r Retry) withDefaults() Retry {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&r.MaxTime, 10*time.Minute)
	set(&r.ConnectMaxTime, time.Hour)
	set(&r.MaxWait, time.Minute)
	if r.ConnectMaxTries == 0 {
		r.ConnectMaxTries = r.MaxTries
	}
	return r
}

// Format writes the options without the token for every verb.
func (o Options) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, o.String())
}

// String returns the options without the token.
func (o Options) String() string {
	return fmt.Sprintf("optimizer.Options{URL: %q, Token: %q, ServoUID: %q, Agent: %q}", safeURL(o.URL), mask(o.Token), o.ServoUID, o.Agent)
}

// GoString is String: also %#v keeps the token to itself.
func (o Options) GoString() string { return o.String() }

// LogValue returns the options without the token.
func (o Options) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("url", safeURL(o.URL)), slog.String("token", mask(o.Token)),
		slog.String("servo_uid", o.ServoUID), slog.String("agent", o.Agent),
	)
}

func mask(secret string) string {
	if secret == "" {
		return ""
	}
	return redacted
}

func safeURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.RawQuery != "" {
		return redacted
	}
	return text
}

// endpoint reads the address of an optimizer. Its errors do not repeat the
// text, which may hold what it should not.
func endpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return nil, fmt.Errorf("URL: cannot be read: %w", err)
	}
	var errs []error
	if u.Scheme != "http" && u.Scheme != "https" {
		errs = append(errs, fmt.Errorf("URL: scheme %q is not accepted: use http or https", u.Scheme))
	}
	if u.Host == "" {
		errs = append(errs, errors.New("URL: a host is required, such as https://optimizer.example.com"))
	}
	if u.User != nil {
		errs = append(errs, errors.New("URL: user and password are not accepted: use the token"))
	}
	if u.RawQuery != "" || u.Fragment != "" {
		errs = append(errs, errors.New("URL: query and fragment are not accepted"))
	}
	if u.Path == "" {
		u.Path = "/" // what is joined to no path would be relative
	}
	return u, errors.Join(errs...)
}

// tokenPrefix marks a token that is sent in a header of the same name. One
// separator follows it.
const tokenPrefix = "X-SF-Token" //nolint:gosec // the name of a header

// tokenHeader returns the header that carries the token, and the bare secret.
func tokenHeader(token string) (name, value, secret string, err error) {
	token = strings.TrimSpace(token)
	const bearer = "bearer "
	switch {
	case token == "":
		return "", "", "", nil
	case strings.ContainsFunc(token, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", "", "", errors.New("token: has characters that cannot be sent in a header")
	case strings.HasPrefix(token, tokenPrefix):
		if len(token) <= len(tokenPrefix)+1 {
			return "", "", "", fmt.Errorf("token: nothing follows %s", tokenPrefix)
		}
		secret = token[len(tokenPrefix)+1:]
		return tokenPrefix, secret, secret, nil
	case len(token) >= len(bearer) && strings.EqualFold(token[:len(bearer)], bearer):
		return "Authorization", token, strings.TrimSpace(token[len(bearer):]), nil
	default:
		return "Authorization", "Bearer " + token, token, nil
	}
}

// defaultAgent names this software as it was built.
func defaultAgent() string {
	version := "0.0.0"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == module && strings.HasPrefix(m.Version, "v") {
				version = m.Version[1:]
			}
		}
	}
	return module + " v" + version
}

// defaultHTTP returns a client whose idle connections nobody else uses.
func defaultHTTP() *http.Client {
	const connect = 10 * time.Second
	return &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout: connect,
			ForceAttemptHTTP2:   true,
			MaxIdleConns:        4,
			IdleConnTimeout:     90 * time.Second,
		},
	}
}
