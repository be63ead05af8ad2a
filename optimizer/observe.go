package optimizer

import (
	"context"
	"net/http"
	"time"
)

// Try is one request of a [Client] over HTTP and what came of it, for
// [Options.Observe]. The token and every other credential are blotted out of
// all of it, also where the peer sent one back.
type Try struct {
	// Event says what the request was for: an event of the protocol, "token"
	// when it asked for a token, or "diagnostics-check", "diagnostics-output"
	// and "diagnostics-reset".
	Event Event
	// Number counts the tries of one call, from 1.
	Number int
	// Began and Took say when the try was made and how long it took, reading
	// the answer included.
	Began time.Time
	Took  time.Duration
	// StatusCode is that of the answer, 0 when none came.
	StatusCode int
	// Err is what was wrong with the try, nil when it was answered in a way
	// that makes sense. An answer such as "cancel" is no error here.
	Err error
	// Wait is how long the client now waits before the next try. It is 0 when
	// this was the last one, and may be 0 when the next one follows at once.
	Wait time.Duration
	// Request and Response are the bodies, none for "token". What follows the first 4 MiB of an
	// answer is missing. They belong to the callback and may be kept.
	Request, Response []byte
}

// observe hands a finished try to the observer, if there is one.
func (x *exchange) observe(ctx context.Context, wait time.Duration, err error) {
	if x.client.observer == nil {
		return
	}
	x.client.observer(ctx, Try{
		Event: x.event, Number: x.tries, Began: x.began, Took: x.took, StatusCode: x.code, Err: err, Wait: wait,
		Request: x.clean(x.sent), Response: x.clean(x.received),
	})
}

// clean returns a copy without secrets.
func (x *exchange) clean(body []byte) []byte {
	if len(body) == 0 {
		return nil
	}
	return []byte(x.client.redact(string(body)))
}

// overheard is the way of the requests for tokens. Their bodies are nobody's
// business.
type overheard struct{ next http.RoundTripper }

func (o overheard) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	response, err := o.next.RoundTrip(r)
	x, ok := r.Context().Value(exchangeKey{}).(*exchange)
	if !ok || x.client.observer == nil {
		return response, err
	}
	try := Try{Event: eventToken, Number: x.tries, Began: began, Took: time.Since(began), Err: err}
	if err == nil {
		if try.StatusCode = response.StatusCode; try.StatusCode < 200 || try.StatusCode > 299 {
			try.Err = &HTTPError{StatusCode: try.StatusCode}
		}
	}
	x.client.observer(r.Context(), try)
	return response, err
}
