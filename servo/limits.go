package servo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// limitError is a part of a request that took too long.
type limitError struct {
	part  string
	limit time.Duration
}

func (e *limitError) Error() string {
	return fmt.Sprintf("%s took longer than %s", e.part, e.limit)
}

// Timeout makes it one in the eyes of package net.
func (*limitError) Timeout() bool   { return true }
func (*limitError) Temporary() bool { return true }

// limits bounds those parts of a request that [http.Transport] has no bound for.
// 0 is no bound.
type limits struct {
	*http.Transport
	pool, write time.Duration
}

// RoundTrip implements [http.RoundTripper].
func (l *limits) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	s := &stopwatch{cancel: cancel}
	response, err := l.Transport.RoundTrip(r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { s.start("waiting for a free connection", l.pool) },
		// Who makes a connection does not wait for one.
		DNSStart:     func(httptrace.DNSStartInfo) { s.stop() },
		ConnectStart: func(_, _ string) { s.stop() },
		GotConn:      func(httptrace.GotConnInfo) { s.start("sending the request", l.write) },
		WroteRequest: func(httptrace.WroteRequestInfo) { s.stop() },
	})))
	s.stop()
	if err != nil {
		var limit *limitError
		if errors.As(context.Cause(ctx), &limit) {
			err = limit
		}
		cancel(nil)
		return nil, err
	}
	response.Body = &lastingBody{response.Body, cancel}
	return response, nil
}

// stopwatch cancels when the part that was started last takes too long.
type stopwatch struct {
	cancel context.CancelCauseFunc
	mu     sync.Mutex
	timer  *time.Timer
}

func (s *stopwatch) start(part string, limit time.Duration) {
	s.stop()
	if limit <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(limit, func() { s.cancel(&limitError{part, limit}) })
}

func (s *stopwatch) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
}

// lastingBody keeps the context of its request until it is closed.
type lastingBody struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

func (b *lastingBody) Close() error {
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}
