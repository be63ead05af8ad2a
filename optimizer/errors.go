package optimizer

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// StatusError is an answer of an optimizer other than "ok". It unwraps to
// [ErrUnexpectedEvent], [ErrCancelRequested], [ErrUnexpectedCommand] or
// [ErrInvalid] where the status means one of them. A [Backend] may return one,
// or any error that wraps one of those four.
type StatusError struct {
	// Status is the word on the wire: "unexpected-event", "cancel", "invalid".
	Status string
	// Reason and Message are what the optimizer said about it; either may be
	// empty.
	Reason  string
	Message string
}

// Error says what the status means and, if known, why.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("the optimizer answered %q", e.Status)
	if err := e.Unwrap(); err != nil {
		text = err.Error()
	}
	if e.Reason != "" {
		text += ": " + clip(e.Reason)
	}
	if e.Message != "" {
		text += ": " + clip(e.Message)
	}
	return text
}

// Unwrap returns the sentinel error that the status stands for, or nil.
func (e *StatusError) Unwrap() error {
	switch {
	case e.Status == statusUnexpected:
		return ErrUnexpectedEvent
	case e.Status == statusCancel:
		return ErrCancelRequested
	case e.Status == statusInvalid && e.Reason == reasonUnexpectedUID:
		return ErrUnexpectedCommand
	case e.Status == statusInvalid:
		return ErrInvalid
	default:
		return nil
	}
}

// HTTPError is an answer that is no success at the level of HTTP, redirects
// included. It unwraps to [ErrSuperseded] when it means that.
type HTTPError struct {
	// StatusCode is the code of the response.
	StatusCode int
	// Detail is what the body gives as the reason, empty when it does not say.
	Detail string
	// Body is the beginning of the body, at most 200 bytes, with the token of
	// the client blotted out.
	Body string

	superseded bool
}

// Error gives the code, its usual text and what the body said.
func (e *HTTPError) Error() string {
	text := fmt.Sprintf("HTTP status %d", e.StatusCode)
	if name := http.StatusText(e.StatusCode); name != "" {
		text += " " + name
	}
	if e.superseded {
		text = ErrSuperseded.Error() + ": " + text
	}
	switch {
	case e.Detail != "":
		text += ": " + e.Detail
	case e.Body != "":
		text += fmt.Sprintf(": %q", e.Body)
	}
	return text
}

// Unwrap returns [ErrSuperseded] or nil.
func (e *HTTPError) Unwrap() error {
	if e.superseded {
		return ErrSuperseded
	}
	return nil
}

// newHTTPError reads the detail of a body. A 410 means superseded when the
// detail says so, and to a progress report also with any other detail.
func newHTTPError(code int, body []byte, progress bool, redact func(string) string) *HTTPError {
	var w struct {
		Detail any `json:"detail"`
	}
	_ = json.Unmarshal(body, &w) // a body of any other form has no detail
	detail, _ := w.Detail.(string)
	return &HTTPError{
		StatusCode: code,
		Detail:     clip(redact(detail)),
		Body:       clip(redact(string(body))),
		superseded: code == http.StatusGone && (detail == detailSuperseded || progress && detail != ""),
	}
}

// answerError is a success at the level of HTTP that cannot be understood.
type answerError struct{ err error }

func (e *answerError) Error() string { return e.err.Error() }
func (e *answerError) Unwrap() error { return e.err }
