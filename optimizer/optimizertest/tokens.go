package optimizertest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Tokens is a token endpoint of OAuth 2 for client credentials. It gives out
// "token-1", "token-2" and so on, each for an hour, and remembers what it was
// asked. Use it with [Optimizer.RequireTokenFrom]. Make one with [NewTokens]; it
// is safe for concurrent use.
type Tokens struct {
	id, secret string

	mu       sync.Mutex
	life     time.Duration
	renewals bool
	given    int
	valid    map[string]time.Time // until when, zero for ever
	renews   map[string]bool      // refresh tokens in force
	faults   []*fault
	requests []TokenRequest
}

// TokenRequest is what [Tokens] remembers of one request.
type TokenRequest struct {
	// Grant is the grant_type, Refresh the refresh_token, Scope the scope.
	Grant, Refresh, Scope string
	// ID and Secret are those of the basic authentication.
	ID, Secret string
	Header     http.Header
	// Status is that of the answer.
	Status int
	// Faulty tells that the request was answered with an injected fault.
	Faulty bool
}

// NewTokens returns a token endpoint for one client.
func NewTokens(clientID, clientSecret string) *Tokens {
	return &Tokens{
		id: clientID, secret: clientSecret, life: time.Hour,
		valid: make(map[string]time.Time), renews: make(map[string]bool),
	}
}

// Expire sets how long the tokens that are given from now on are good for; 0
// means for ever, and the answer does not say. It returns t.
func (t *Tokens) Expire(life time.Duration) *Tokens {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.life = life
	return t
}

// GiveRefreshTokens adds a refresh token to each answer. It returns t.
func (t *Tokens) GiveRefreshTokens() *Tokens {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.renewals = true
	return t
}

// Revoke ends all tokens and refresh tokens that were given so far.
func (t *Tokens) Revoke() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.valid)
	clear(t.renews)
}

// Inject answers the next n requests with a fault instead, such as [Status].
func (t *Tokens) Inject(n int, answer http.Handler) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, &fault{left: n, answer: answer})
}

// Requests returns everything received so far, in order.
func (t *Tokens) Requests() []TokenRequest {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.requests)
}

// Start serves the endpoint on a loopback port until the test ends and returns
// its URL.
func (t *Tokens) Start(tb testing.TB) string {
	tb.Helper()
	server := httptest.NewServer(t)
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL + "/oauth2/token"
}

// good reports whether a token is in force.
func (t *Tokens) good(token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	until, ok := t.valid[token]
	return ok && (until.IsZero() || time.Now().Before(until))
}

// ServeHTTP answers POST at any path.
func (t *Tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id, secret, _ := r.BasicAuth()
	record := TokenRequest{
		Grant: r.PostForm.Get("grant_type"), Refresh: r.PostForm.Get("refresh_token"), Scope: r.PostForm.Get("scope"),
		ID: id, Secret: secret, Header: r.Header.Clone(),
	}
	t.mu.Lock()
	var due http.Handler
	for _, f := range t.faults {
		if f.left > 0 {
			f.left--
			due = f.answer
			break
		}
	}
	code, answer := 0, map[string]any(nil)
	if record.Faulty = due != nil; !record.Faulty {
		code, answer = t.answer(r.Method, record)
	}
	record.Status = code
	t.requests = append(t.requests, record)
	t.mu.Unlock()
	if due != nil {
		due.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer) // a client that is gone needs no answer
}

// answer decides about a request; t.mu is held.
func (t *Tokens) answer(method string, r TokenRequest) (int, map[string]any) {
	fail := func(code int, word string) (int, map[string]any) { return code, map[string]any{"error": word} }
	switch {
	case method != http.MethodPost:
		return fail(http.StatusMethodNotAllowed, "invalid_request")
	case r.ID != t.id || r.Secret != t.secret:
		return fail(http.StatusUnauthorized, "invalid_client")
	case r.Grant == "refresh_token":
		if !t.renews[r.Refresh] {
			return fail(http.StatusBadRequest, "invalid_grant")
		}
		delete(t.renews, r.Refresh)
	case r.Grant != "client_credentials":
		return fail(http.StatusBadRequest, "unsupported_grant_type")
	}
	t.given++
	token := fmt.Sprintf("token-%d", t.given)
	answer := map[string]any{"access_token": token, "token_type": "Bearer"}
	t.valid[token] = time.Time{}
	if t.life > 0 {
		t.valid[token] = time.Now().Add(t.life)
		answer["expires_in"] = int(t.life.Seconds())
	}
	if t.renewals {
		refresh := fmt.Sprintf("refresh-%d", t.given)
		t.renews[refresh] = true
		answer["refresh_token"] = refresh
	}
	return http.StatusOK, answer
}

// RequireTokenFrom makes HTTP requests fail with status 401 unless they carry a
// token from the endpoint that is in force. It returns o.
func (o *Optimizer) RequireTokenFrom(t *Tokens) *Optimizer {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tokens = t
	return o
}

// admits reports whether a request carries a token that is in force.
func (t *Tokens) admits(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && t.good(token)
}
