package servotest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// network is the way from the servo of one life to the optimizer, with whatever
// can happen to a request on it.
type network struct {
	life *Life
	mu   sync.Mutex
	rand *rand.Rand
}

// fate is what becomes of one request.
type fate struct {
	there, back      time.Duration
	reset, lost, dup bool
	dupAfter         time.Duration
	status           int
	retryAfter       string
	garbage, cut     bool
	arrives          bool // although the servo died or gave up meanwhile
}

func (n *network) draw() fate {
	n.mu.Lock()
	defer n.mu.Unlock()
	r, w := n.rand, n.life.w
	f := fate{there: between(r, time.Millisecond, 100*time.Millisecond), back: between(r, time.Millisecond, 100*time.Millisecond)}
	if w.strikes(r, w.weather.delay) {
		f.there, f.back = between(r, 0, 15*time.Second), between(r, 0, 15*time.Second)
	}
	f.reset = w.strikes(r, w.weather.reset)
	f.lost = w.strikes(r, w.weather.lost)
	f.dup, f.dupAfter = w.strikes(r, w.weather.duplicate), between(r, time.Millisecond, time.Minute)
	f.garbage = w.strikes(r, w.weather.garbage)
	f.cut = w.strikes(r, w.weather.truncate)
	f.arrives = r.IntN(2) == 0
	code := pick(r, 404, 500, 502, 503, 503, 403, 422)
	if w.strikes(r, w.weather.status) {
		f.status = code
	}
	if w.strikes(r, w.weather.limited) {
		f.status, f.retryAfter = http.StatusTooManyRequests, fmt.Sprint(1+r.IntN(30))
	}
	if w.strikes(r, w.weather.replaced) {
		f.status = http.StatusGone
	}
	if at := w.elapsed(); at >= w.weather.outage && at < w.weather.outageEnd && !w.clear() {
		f.status = http.StatusServiceUnavailable
	}
	return f
}

// RoundTrip carries one request.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return nil, err
	}
	e, err := readEnvelope(body)
	if err != nil {
		n.life.w.violate(n.life, KeepsToProtocol, "a request cannot be read: %v: %s", err, body)
		return nil, err
	}
	n.life.looks(e)
	number, err := n.life.says(e)
	if err != nil {
		return nil, err
	}
	return n.carry(r, e, number)
}

func (n *network) carry(r *http.Request, e *envelope, number int) (*http.Response, error) {
	l, ctx, f := n.life, r.Context(), n.draw()
	at := number == l.plan.request
	if at && !l.plan.late {
		l.strike("before a request arrives")
	}
	waited := wait(ctx, f.there)
	if waited != nil || l.gone() {
		if f.arrives && !f.reset && f.status == 0 {
			l.w.arrive(e, "although the servo has left")
		}
		return nil, errors.Join(waited, l.err())
	}
	switch {
	case f.reset:
		l.w.note("network", "resets %s", e)
		return nil, syscall.ECONNRESET
	case f.status != 0:
		l.w.note("network", "answers %s with %d", e, f.status)
		return l.respond(ctx, r, f.back, f.status, f.retryAfter, n.faultBody(f.status))
	}
	answer, given := l.w.arrive(e, "")
	if f.dup && repeatable(e) {
		time.AfterFunc(f.dupAfter, func() { l.w.arrive(e, "a second time") })
	}
	if at && l.plan.late {
		l.strike("behind a request")
	}
	switch {
	case f.lost:
		l.w.note("network", "loses the reply to %s", e)
		if err := wait(ctx, f.back); err != nil {
			return nil, err
		}
		return nil, syscall.ECONNRESET
	case f.garbage:
		l.w.note("network", "garbles the reply to %s", e)
		return l.respond(ctx, r, f.back, http.StatusOK, "", "<html>\x00 "+l.w.token)
	case f.cut:
		l.w.note("network", "cuts the reply to %s", e)
		response, err := l.respond(ctx, r, f.back, http.StatusOK, "", "")
		if err == nil {
			response.Body = io.NopCloser(io.MultiReader(strings.NewReader(answer[:len(answer)/2]), broken{}))
		}
		return response, err
	}
	response, err := l.respond(ctx, r, f.back, http.StatusOK, "", answer)
	if err == nil {
		l.hears(e, answer, given)
	}
	return response, err
}

// repeatable tells what a network may deliver twice without harm to the optimizer:
// a late question for a command would count as asking again.
func repeatable(e *envelope) bool { return e.answer() || e.event == "HELLO" }

// faultBody is a body that repeats the token, as careless proxies do.
func (n *network) faultBody(code int) string {
	if code == http.StatusGone {
		return `{"detail":"unexpected servo_uid"}`
	}
	return fmt.Sprintf(`{"detail":"simulated status %d for Bearer %s"}`, code, n.life.w.token)
}

// arrive hands a request to the optimizer.
func (w *world) arrive(e *envelope, how string) (string, *command) {
	w.mu.Lock()
	defer w.mu.Unlock()
	answer, given := w.model.handle(e)
	w.note("network", "%s %s → %s", e, how, answer)
	return answer, given
}

// respond brings an answer back, if anybody is still there to take it.
func (l *Life) respond(ctx context.Context, r *http.Request, after time.Duration, code int, retryAfter, body string) (*http.Response, error) {
	if err := errors.Join(wait(ctx, after), l.err()); err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if retryAfter != "" {
		header.Set("Retry-After", retryAfter)
	}
	return &http.Response{
		Status: http.StatusText(code), StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: r,
	}, nil
}

func (l *Life) gone() bool { return l.err() != nil }

func (l *Life) err() error {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if l.dead {
		return ErrCrashed
	}
	return nil
}

// strike does what the plan says, at the place that it says.
func (l *Life) strike(where string) {
	if l.plan.crash {
		l.crash(where)
	} else if l.plan.stop {
		l.stop(where)
	}
}

// broken is a body that ends in the middle.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
