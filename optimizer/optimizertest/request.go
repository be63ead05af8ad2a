package optimizertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/servokit/servokit/optimizer"
)

// Request is what an [Optimizer] remembers of one call or HTTP request.
type Request struct {
	Event optimizer.Event
	// Header, Body and ServoUID are those of an HTTP request. Called in
	// process, there are none.
	Header   http.Header
	Body     json.RawMessage
	ServoUID string
	// Hello, Progress or Result is set, and Reason for GOODBYE, when the
	// request was understood.
	Hello    *optimizer.Hello
	Progress *optimizer.Progress
	Result   *optimizer.Result
	Reason   string
	// Faulty tells that the request was answered with an injected fault. It
	// was then not taken for a part of the conversation.
	Faulty bool
}

type recordKey struct{}

// receive reads a request and leaves it as if nobody had.
func receive(r *http.Request) (*Request, *http.Request, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the request: %w", err)
	}
	record := &Request{Header: r.Header.Clone(), Body: body}
	var envelope struct {
		Event    optimizer.Event `json:"event"`
		ServoUID string          `json:"servo_uid"`
	}
	if json.Unmarshal(body, &envelope) == nil { // the handler refuses it otherwise
		record.Event, record.ServoUID = envelope.Event, envelope.ServoUID
	}
	r = r.WithContext(context.WithValue(r.Context(), recordKey{}, record))
	r.Body = io.NopCloser(bytes.NewReader(body))
	return record, r, nil
}

// problems lists the keys that every envelope, result and report must have.
func (r *Request) problems() []string {
	var problems []string
	var envelope map[string]json.RawMessage
	if err := json.Unmarshal(r.Body, &envelope); err != nil {
		return []string{"a request is no JSON object"}
	}
	for _, key := range []string{"event", "param", "servo_uid"} {
		if _, ok := envelope[key]; !ok {
			problems = append(problems, fmt.Sprintf("%s has no key %q", r.Event, key))
		}
	}
	switch r.Event {
	case optimizer.EventDescription, optimizer.EventMeasurement, optimizer.EventAdjustment:
		var param map[string]json.RawMessage
		_ = json.Unmarshal(envelope["param"], &param) // no object has no key
		if _, ok := param["cmd_uid"]; !ok {
			problems = append(problems, fmt.Sprintf("%s has no key \"cmd_uid\"", r.Event))
		}
	}
	return problems
}

// entry returns the record of the HTTP request that a call belongs to, or adds
// one for a call in process.
func (o *Optimizer) entry(ctx context.Context, event optimizer.Event) *Request {
	defer o.notify()
	if record, ok := ctx.Value(recordKey{}).(*Request); ok {
		return record
	}
	record := &Request{Event: event}
	o.requests = append(o.requests, record)
	return record
}

func (o *Optimizer) add(r *Request) {
	o.requests = append(o.requests, r)
	o.notify()
}

// Requests returns everything received so far, in order.
func (o *Optimizer) Requests() []Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	requests := make([]Request, len(o.requests))
	for i, r := range o.requests {
		requests[i] = *r
	}
	return requests
}

// Events returns the events of [Optimizer.Requests], progress reports and
// diagnostics left out:
// the course of the conversation at a glance.
func (o *Optimizer) Events() []optimizer.Event {
	var events []optimizer.Event
	for _, r := range o.Requests() {
		if r.Progress == nil && !strings.HasPrefix(string(r.Event), assetPrefix) {
			events = append(events, r.Event)
		}
	}
	return slices.Clip(events)
}
