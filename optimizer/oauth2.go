package optimizer

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
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// renewBefore is how long before its end a token is no longer used.
const renewBefore = time.Minute

// OAuth2Options are for an optimizer whose tokens are given out by a token
// endpoint of OAuth 2 in exchange for client credentials. They never print their
// secret.
type OAuth2Options struct {
	// TokenURL is the token endpoint, http or https. Required.
	TokenURL string
	// ClientID and ClientSecret are sent to it by basic authentication, as they
	// are. Required.
	ClientID     string
	ClientSecret string `json:"-" yaml:"-"`
	// Scopes are asked for; most optimizers want none.
	Scopes []string

	_ struct{}
}

// Format writes the options without the secret for every verb.
func (o OAuth2Options) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "optimizer.OAuth2Options{TokenURL: %q, ClientID: %q, ClientSecret: %q, Scopes: %q}",
		safeURL(o.TokenURL), o.ClientID, mask(o.ClientSecret), o.Scopes)
}

// LogValue returns the options without the secret.
func (o OAuth2Options) LogValue() slog.Value {
	return slog.GroupValue(slog.String("token_url", safeURL(o.TokenURL)), slog.String("client_id", o.ClientID),
		slog.String("client_secret", mask(o.ClientSecret)), slog.Any("scopes", o.Scopes))
}

// OAuthError is the answer of a token endpoint that gave no token although the
// status was a success. A call of a client fails with it at once, except for
// Hello, which keeps trying.
type OAuthError struct {
	// Code is a word such as "invalid_client", empty when the answer simply
	// made no sense.
	Code string
	// Description is for people and may be empty.
	Description string
}

// Error gives the code and the description.
func (e *OAuthError) Error() string {
	text := "the token endpoint gave no token"
	if e.Code != "" {
		text += ": " + e.Code
	}
	if e.Description != "" {
		text += ": " + e.Description
	}
	return text
}

// OAuth2 exchanges client credentials for tokens. A token is asked for before
// the first request, and again 60 s before it expires or when the optimizer
// answers 401; one that does not say when it expires is used until then. When
// the endpoint gave a refresh token, that is used to renew. Requests that need a
// token at the same time share one exchange and its outcome.
//
// Other statuses of the endpoint than success are an [*HTTPError] and retried as
// those of the optimizer; see also [OAuthError]. The error lists everything that
// is wrong with the options. Nothing is asked for yet.
func OAuth2(o OAuth2Options) (Credentials, error) {
	var errs []error
	if u, err := url.Parse(o.TokenURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		errs = append(errs, errors.New("token URL: an address such as https://optimizer.example.com/oauth2/token is required, without user and password"))
	}
	if o.ClientID == "" {
		errs = append(errs, errors.New("client id: required"))
	}
	if o.ClientSecret == "" {
		errs = append(errs, errors.New("client secret: required"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("OAuth 2: %w", err)
	}
	s := &tokens{options: o, redactor: new(redactor)}
	s.learn("")
	return sealed{access: s.access, known: s.secrets}, nil
}

// tokens are the tokens of one token endpoint.
type tokens struct {
	options  OAuth2Options
	redactor *redactor

	mu      sync.Mutex
	token   *oauth2.Token
	expires time.Time // zero for never
	flight  *flight
	known   []string // every secret so far that still matters
}

// flight is an exchange that is under way.
type flight struct {
	done  chan struct{} // closed when the others are set
	token *oauth2.Token
	err   error
	// given up: the one who made it went away, so this says nothing.
	abandoned bool
}

func (s *tokens) access(ctx context.Context, refused string) (Access, error) {
	for {
		s.mu.Lock()
		if t := s.token; t != nil && "Bearer "+t.AccessToken != refused && (s.expires.IsZero() || time.Until(s.expires) >= renewBefore) {
			s.mu.Unlock()
			return Access{Token: "Bearer " + t.AccessToken}, nil
		}
		f := s.flight
		mine := f == nil
		if mine {
			f = &flight{done: make(chan struct{})}
			s.flight = f
		}
		old := s.token
		s.mu.Unlock()
		if mine {
			s.fly(ctx, f, old)
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return Access{}, context.Cause(ctx)
		}
		switch {
		case f.err == nil:
			return Access{Token: "Bearer " + f.token.AccessToken}, nil
		case !f.abandoned || mine:
			return Access{}, f.err
		}
	}
}

// fly makes the exchange and tells everybody who waits.
func (s *tokens) fly(ctx context.Context, f *flight, old *oauth2.Token) {
	defer close(f.done)
	f.token, f.err = s.exchange(ctx, old)
	f.abandoned = f.err != nil && ctx.Err() != nil
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight = nil
	if f.err == nil {
		s.token, s.expires = f.token, expiry(f.token)
	}
}

// exchange asks for a token: with the refresh token of the old one, if it has
// one, and else, or when that is not taken, with the client credentials.
func (s *tokens) exchange(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	if old != nil && old.RefreshToken != "" {
		grant := &oauth2.Config{
			ClientID: s.options.ClientID, ClientSecret: s.options.ClientSecret,
			Endpoint: oauth2.Endpoint{TokenURL: s.options.TokenURL, AuthStyle: oauth2.AuthStyleInHeader},
		}
		token, err := s.ask(ctx, func(ctx context.Context) (*oauth2.Token, error) {
			return grant.TokenSource(ctx, &oauth2.Token{RefreshToken: old.RefreshToken}).Token()
		})
		if !refusedGrant(err) {
			return token, err
		}
	}
	grant := &clientcredentials.Config{
		ClientID: s.options.ClientID, ClientSecret: s.options.ClientSecret, TokenURL: s.options.TokenURL,
		Scopes: s.options.Scopes, AuthStyle: oauth2.AuthStyleInHeader,
	}
	return s.ask(ctx, grant.Token)
}

// refusedGrant reports whether the endpoint answered, and that a refresh token
// is no longer good.
func refusedGrant(err error) bool {
	var status *HTTPError
	var oauth *OAuthError
	return errors.As(err, &oauth) || errors.As(err, &status) && !retryableStatus(status.StatusCode)
}

// ask makes one request through the client in ctx, and reads its outcome. The
// errors of the library hold requests with secrets, so none gets out.
func (s *tokens) ask(ctx context.Context, grant func(context.Context) (*oauth2.Token, error)) (*oauth2.Token, error) {
	client, ok := ctx.Value(oauth2.HTTPClient).(*http.Client)
	if !ok {
		client = defaultHTTP()
		defer client.CloseIdleConnections()
	}
	copied := *client
	copied.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	next := copied.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	copied.Transport = &counter{next: next, options: &s.options}
	token, err := grant(context.WithValue(ctx, oauth2.HTTPClient, &copied))
	var refused *oauth2.RetrieveError
	var network *url.Error
	switch {
	case err == nil && token.TokenType != "" && !strings.EqualFold(token.TokenType, "bearer"):
		return nil, &OAuthError{Description: "its token is of type " + strconv.Quote(clip(s.redactor.text(token.TokenType))) + ", not bearer"}
	case err == nil:
		s.learn(token.AccessToken, token.RefreshToken)
		return token, nil
	case errors.As(err, &network):
		return nil, fmt.Errorf("asking for a token: %w", err)
	case !errors.As(err, &refused):
		return nil, &OAuthError{Description: clip(s.redactor.text(strings.TrimPrefix(err.Error(), "oauth2: ")))}
	}
	code, description := clip(s.redactor.text(refused.ErrorCode)), clip(s.redactor.text(refused.ErrorDescription))
	if status := refused.Response.StatusCode; status < 200 || status > 299 {
		detail := code
		if description != "" {
			detail = strings.TrimPrefix(detail+": "+description, ": ")
		}
		return nil, fmt.Errorf("asking for a token: %w", &HTTPError{StatusCode: status, Detail: detail, Body: clip(s.redactor.text(string(refused.Body)))})
	}
	return nil, &OAuthError{Code: code, Description: description}
}

// learn adds what must not be printed.
func (s *tokens) learn(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	basic := base64.StdEncoding.EncodeToString([]byte(s.options.ClientID + ":" + s.options.ClientSecret))
	s.known = append([]string{s.options.ClientSecret, basic}, secrets...)
	s.redactor.add(s.known...)
}

func (s *tokens) secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

// expiry is when a token ends: as of expires_at, in seconds since 1970, else of
// expires_in. Zero is never.
func expiry(t *oauth2.Token) time.Time {
	switch at := t.Extra("expires_at").(type) {
	case float64:
		return time.Unix(int64(at), 0)
	case string:
		if seconds, err := strconv.ParseInt(at, 10, 64); err == nil {
			return time.Unix(seconds, 0)
		}
	}
	return t.Expiry
}

// counter is the way to a token endpoint. It sends what that expects, takes the
// whole answer, so that one which breaks off is an error of the network, and
// bounds it.
type counter struct {
	next    http.RoundTripper
	options *OAuth2Options
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	const most = 1 << 20
	r = r.Clone(r.Context())
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	r.SetBasicAuth(c.options.ClientID, c.options.ClientSecret)
	response, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, most))
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if json.Valid(body) {
		// The library would take a body that calls itself plain text for a form.
		response.Header.Set("Content-Type", "application/json")
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}
