package optimizer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Directive is what an optimizer wants of the diagnostics of a servo.
type Directive string

// The directives of the protocol.
const (
	// Withhold: nothing is wanted now. Ask again later.
	Withhold Directive = "WITHHOLD"
	// Send: upload diagnostics once, then reset.
	Send Directive = "SEND"
	// Stop: do not ask again.
	Stop Directive = "STOP"
)

// Diagnostics are what a servo uploads about itself when it is asked to.
type Diagnostics struct {
	// Config is the configuration in force, in a form that can be written as
	// JSON, without secrets: those that the client knows are blotted out here
	// and in the logs, it cannot know others.
	Config any
	// Logs are the latest entries, the oldest first.
	Logs []LogEntry
}

// LogEntry is one entry of a log, which may have several lines. Of entries with
// the same time only the last is sent.
type LogEntry struct {
	Time string
	Text string
}

// What the protocol has to say about diagnostics.
const (
	checkPath  = "assets/opsani.com/diagnostics-check"
	outputPath = "assets/opsani.com/diagnostics-output"

	diagnosticTries = 20
	maxUpload       = 1<<20 - 1 // what is stored has to be below 1 MiB
)

// diagnosis is the policy of all requests about diagnostics.
func (c *Client) diagnosis() policy {
	return policy{limit: c.retry.MaxTime, tries: diagnosticTries, faults: true}
}

// PollDiagnostics asks whether diagnostics are wanted. An answer that cannot be
// understood, and a status below 500 that is no success, mean [Withhold].
// Statuses from 500 on and failures of the network are retried like those of
// other calls, but 20 times at most; the error then says that polling is of no
// use for now.
func (c *Client) PollDiagnostics(ctx context.Context) (Directive, error) {
	directive := Withhold
	x := &exchange{client: c, event: eventCheck, method: http.MethodGet, path: checkPath, policy: c.diagnosis()}
	x.decode = func(body []byte) error {
		directive = decodeDirective(body)
		return nil
	}
	err := x.do(ctx, []byte(`{"data":null}`))
	var status *HTTPError
	var access *accessError
	if errors.As(err, &status) && status.StatusCode < 500 && !errors.As(err, &access) {
		return Withhold, nil
	}
	return directive, err
}

// UploadDiagnostics sends diagnostics, the answer to [Send]. The whole request
// stays below 1 MiB: as many of the oldest log entries as necessary are left
// out. It is an error, before anything is sent, when the configuration alone is
// too large or cannot be written. Retries are those of [Client.PollDiagnostics];
// any other answer than a success is an [*HTTPError].
func (c *Client) UploadDiagnostics(ctx context.Context, d Diagnostics) error {
	body, err := c.encodeDiagnostics(d)
	if err != nil {
		return fmt.Errorf("diagnostics: %w", err)
	}
	return c.put(ctx, eventOutput, outputPath, body)
}

// ResetDiagnostics takes the request for diagnostics back, so that the next poll
// is answered with [Withhold]. Call it after an upload. Errors are those of
// [Client.UploadDiagnostics].
func (c *Client) ResetDiagnostics(ctx context.Context) error {
	return c.put(ctx, eventReset, checkPath, []byte(`{"data":"WITHHOLD"}`))
}

// put takes any success for one, whatever its body says.
func (c *Client) put(ctx context.Context, event Event, path string, body []byte) error {
	x := &exchange{client: c, event: event, method: http.MethodPut, path: path, policy: c.diagnosis()}
	x.decode = func([]byte) error { return nil }
	return x.do(ctx, body)
}

// decodeDirective reads {"data": directive} or the directive alone.
func decodeDirective(body []byte) Directive {
	var wrapped struct {
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &wrapped) == nil && wrapped.Data != nil {
		body = wrapped.Data
	}
	var directive Directive
	if json.Unmarshal(body, &directive) != nil {
		directive = Directive(bytes.TrimSpace(body)) // bare words are understood as well
	}
	switch directive {
	case Send, Stop:
		return directive
	default:
		return Withhold
	}
}

// encodeDiagnostics writes the body of an upload.
func (c *Client) encodeDiagnostics(d Diagnostics) ([]byte, error) {
	config, err := json.Marshal(d.Config)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	config, err = json.Marshal(c.redactJSON(config))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	head, tail := `{"data":{"configmap":`+string(config)+`,"logs":{`, `}}}`
	left := maxUpload - len(head) - len(tail)
	if left < 0 {
		return nil, fmt.Errorf("configuration: %d bytes are too many for an upload of at most %d", len(config), maxUpload)
	}
	// The newest entries are written first, until there is no room.
	var entries []string
	seen := make(map[string]bool)
	for i := len(d.Logs) - 1; i >= 0; i-- {
		e := d.Logs[i]
		if seen[e.Time] {
			continue
		}
		key, _ := json.Marshal(c.redact(e.Time)) // text can always be written
		value, _ := json.Marshal(c.redact(e.Text))
		if left -= len(key) + len(value) + len(`:,`); left < 0 {
			break
		}
		seen[e.Time] = true
		entries = append(entries, string(key)+":"+string(value))
	}
	var b strings.Builder
	b.Grow(maxUpload - max(left, 0))
	b.WriteString(head)
	for i := len(entries) - 1; i >= 0; i-- {
		b.WriteString(entries[i])
		if i > 0 {
			b.WriteByte(',')
		}
	}
	b.WriteString(tail)
	return []byte(b.String()), nil
}

// redactJSON decodes a value whose texts are free of secrets.
func (c *Client) redactJSON(data []byte) any {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil // cannot be: it has just been written
	}
	return c.redactValue(v)
}

func (c *Client) redactValue(v any) any {
	switch v := v.(type) {
	case string:
		return c.redact(v)
	case []any:
		for i := range v {
			v[i] = c.redactValue(v[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(v))
		for key, value := range v {
			clean[c.redact(key)] = c.redactValue(value)
		}
		return clean
	}
	return v
}
