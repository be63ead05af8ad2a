package optimizertest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
)

// Transport carries requests to a handler in memory, on the goroutine of the
// caller: no socket, no port, no goroutine. Set it in an [http.Client]. A
// handler that waits must do so with the context of its request. One that panics
// with [http.ErrAbortHandler] is a connection that broke; any other panic is the
// caller's to see.
func Transport(handler http.Handler) http.RoundTripper { return transport{handler} }

type transport struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := context.Cause(r.Context()); err != nil {
		return nil, errors.Join(err, closeBody(r))
	}
	incoming := r.Clone(r.Context())
	incoming.RequestURI = r.URL.RequestURI()
	if incoming.Body == nil {
		incoming.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	broken := serve(t.handler, recorder, incoming)
	closeErr := closeBody(r)
	if err := context.Cause(r.Context()); err != nil {
		return nil, err
	}
	if broken {
		return nil, io.ErrUnexpectedEOF
	}
	response := recorder.Result()
	response.Request = r
	return response, closeErr
}

func closeBody(r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	return r.Body.Close()
}

func serve(handler http.Handler, w http.ResponseWriter, r *http.Request) (broken bool) {
	defer func() {
		switch cause := recover(); cause {
		case nil:
		case http.ErrAbortHandler:
			broken = true
		default:
			panic(cause)
		}
	}()
	handler.ServeHTTP(w, r)
	return false
}
