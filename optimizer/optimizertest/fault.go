package optimizertest

import (
	"io"
	"net/http"
	"slices"

	"github.com/servokit/servokit/optimizer"
)

type fault struct {
	left   int
	answer http.Handler
	events []optimizer.Event
}

// Inject answers the next n requests with a fault, or, when events are given,
// the next n requests of those. Faults that are injected later come later. They
// apply to HTTP, not to calls in process.
func (o *Optimizer) Inject(n int, answer http.Handler, events ...optimizer.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults = append(o.faults, &fault{n, answer, events})
}

// due returns the fault for a request of the event, nil when there is none.
func (o *Optimizer) due(event optimizer.Event) http.Handler {
	for _, f := range o.faults {
		if f.left > 0 && (len(f.events) == 0 || slices.Contains(f.events, event)) {
			f.left--
			return f.answer
		}
	}
	return nil
}

// Status is a fault that answers with a status code and a body.
func Status(code int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body) //nolint:gosec // the test says what to answer; a client that is gone needs none
	})
}

// RetryAfter is a fault that answers with a status code and tells when to come
// back: a number of seconds or an HTTP date.
func RetryAfter(code int, value string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", value)
		w.WriteHeader(code)
	})
}

// Garbage is a fault that answers with status 200 and something that is no
// JSON.
func Garbage() http.Handler { return Status(http.StatusOK, "<html>\x00 not an optimizer") }

// Redirect is a fault that sends the client elsewhere.
func Redirect(url string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, url, http.StatusTemporaryRedirect)
	})
}

// Disconnect is a fault that closes the connection without an answer.
func Disconnect() http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

// Hang is a fault that says nothing until released is closed or the client
// gives up, and then closes the connection.
func Hang(released <-chan struct{}) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-released:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	})
}
