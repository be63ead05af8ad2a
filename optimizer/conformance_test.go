package optimizer_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
)

// The files conformance_*_test.go hold one case for each line that the protocol
// has for a client, over loopback. A case is named by the section and the row of
// the tables of the protocol that it stands for.

// row is one case.
type row struct {
	name string
	test func(t *testing.T, w *wire)
}

// conform runs the rows of a section side by side.
func conform(t *testing.T, section string, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(section+"/"+r.name, func(t *testing.T) {
			t.Parallel()
			r.test(t, newWire(t))
		})
	}
}

// seen is a request as it came in.
type seen struct {
	Method, Path string
	Header       http.Header
	Body         string
}

// wire is an optimizer that answers with what it is told to, one answer per
// request and the last again and again, and a client to it.
type wire struct {
	URL string

	mu      sync.Mutex
	answers []http.Handler
	got     []seen
}

func newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{answers: []http.Handler{say(200, `{"status":"ok"}`)}}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.URL = server.URL
	return w
}

func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.mu.Lock()
	w.got = append(w.got, seen{r.Method, r.URL.EscapedPath(), r.Header.Clone(), string(body)})
	answer := w.answers[0]
	if len(w.answers) > 1 {
		w.answers = w.answers[1:]
	}
	w.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer.ServeHTTP(rw, r)
}

// answer sets what is answered next.
func (w *wire) answer(answers ...http.Handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers = answers
}

func (w *wire) requests() []seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]seen{}, w.got...)
}

// only returns the one request there was.
func (w *wire) only(t *testing.T) seen {
	t.Helper()
	got := w.requests()
	require.Len(t, got, 1)
	return got[0]
}

// client returns a client that does not wait long between tries.
func (w *wire) client(t *testing.T, refine ...func(*optimizer.Options)) *optimizer.Client {
	t.Helper()
	o := optimizer.Options{URL: w.URL, Token: "t0k3n", Retry: optimizer.Retry{MaxWait: time.Millisecond, MaxTries: 3}}
	for _, f := range refine {
		f(&o)
	}
	c, err := optimizer.NewClient(o)
	require.NoError(t, err)
	return c
}

// fields is the body of a request, taken apart.
func (s seen) fields(t *testing.T) map[string]any {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(s.Body), &fields), s.Body)
	return fields
}

// param is the param of a request.
func (s seen) param(t *testing.T) map[string]any {
	t.Helper()
	param, ok := s.fields(t)["param"].(map[string]any)
	require.True(t, ok, s.Body)
	return param
}

func say(code int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	})
}

// nextOf returns what a client makes of an answer to WHATS_NEXT.
func nextOf(t *testing.T, w *wire, body string) (optimizer.Command, error) {
	t.Helper()
	w.answer(say(200, body))
	return w.client(t).Next(t.Context())
}

// replies posts a result and returns its param.
func replies(t *testing.T, w *wire, r optimizer.Result) map[string]any {
	t.Helper()
	require.NoError(t, w.client(t).Reply(t.Context(), r))
	return w.only(t).param(t)
}

func keys(m map[string]any) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	return list
}

// tries is a row that counts the requests of WHATS_NEXT under an answer.
func tries(answer http.Handler, want int, check func(*testing.T, error)) func(*testing.T, *wire) {
	return func(t *testing.T, w *wire) {
		w.answer(answer)
		_, err := w.client(t).Next(t.Context())
		require.Error(t, err)
		assert.Len(t, w.requests(), want)
		if check != nil {
			check(t, err)
		}
	}
}
