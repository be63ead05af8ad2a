package logging

import (
	"context"
	"log/slog"

	"github.com/servokit/servokit/internal/redact"
)

// NewRedactHandler returns a handler that replaces secrets by "**********"
// before next sees them. Values that mask themselves, such as a config.Secret,
// need no help; it looks for the others:
//
//   - attributes and groups whose name says so: it is, or ends in,
//     authorization, cookie, token, password, secret, api key, private key and
//     the like, in any case and with any punctuation ("X-SF-Token",
//     "client_secret"), or one of names;
//   - the same names in an http.Header, url.Values or map, and in structures
//     that a handler would print;
//   - "Bearer …", header lines, "password=…" and passwords of URLs within
//     messages, texts and errors.
//
// Truth values are kept: that a token is set is no secret. The record of the
// caller is never changed. An error without a secret is passed on as it is, one
// with a secret as its redacted text.
//
// It is the last line of defence. A secret without a telling name beside it
// cannot be found: use a type that masks itself.
func NewRedactHandler(next slog.Handler, names ...string) slog.Handler {
	return &redactHandler{next: next, secrets: redact.New(redact.Options{Names: names})}
}

type redactHandler struct {
	next    slog.Handler
	secrets *redact.Redactor
	all     bool // within a group with the name of a secret
}

func (h *redactHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *redactHandler) Handle(ctx context.Context, r slog.Record) error {
	message := h.secrets.Text(r.Message)
	changed := message != r.Message
	if !changed {
		r.Attrs(func(a slog.Attr) bool {
			_, changed = h.attr(a)
			return !changed
		})
	}
	if changed {
		masked := slog.NewRecord(r.Time, r.Level, message, r.PC)
		r.Attrs(func(a slog.Attr) bool {
			a, _ = h.attr(a)
			masked.AddAttrs(a)
			return true
		})
		r = masked
	}
	return h.next.Handle(ctx, r)
}

func (h *redactHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	masked := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		masked[i], _ = h.attr(a)
	}
	c := *h
	c.next = h.next.WithAttrs(masked)
	return &c
}

func (h *redactHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.all = h.all || h.secrets.Secret(name)
	c.next = h.next.WithGroup(name)
	return &c
}

// attr returns the attribute without secrets, and whether it is another one.
// What a LogValuer gives is another one: asked again, it might say more.
func (h *redactHandler) attr(a slog.Attr) (slog.Attr, bool) {
	changed := a.Value.Kind() == slog.KindLogValuer
	v := a.Value.Resolve()
	if v.Kind() == slog.KindBool || a.Key == "" && v.Equal(slog.Value{}) {
		return slog.Attr{Key: a.Key, Value: v}, changed
	}
	if h.all || h.secrets.Secret(a.Key) {
		if text := textOf(v); text == "" || text == redact.Mask {
			return slog.Attr{Key: a.Key, Value: v}, changed
		}
		return slog.String(a.Key, redact.Mask), true
	}
	masked, other := h.value(v)
	return slog.Attr{Key: a.Key, Value: masked}, changed || other
}

func (h *redactHandler) value(v slog.Value) (slog.Value, bool) {
	switch v.Kind() {
	case slog.KindString:
		text := h.secrets.Text(v.String())
		if text == v.String() {
			return v, false
		}
		return slog.StringValue(text), true
	case slog.KindGroup:
		members := v.Group()
		var masked []slog.Attr
		for i, member := range members {
			a, changed := h.attr(member)
			if changed && masked == nil {
				masked = append(make([]slog.Attr, 0, len(members)), members[:i]...)
			}
			if masked != nil {
				masked = append(masked, a)
			}
		}
		if masked == nil {
			return v, false
		}
		return slog.GroupValue(masked...), true
	case slog.KindAny:
		if masked, changed := h.secrets.Value(v.Any()); changed {
			return slog.AnyValue(masked), true
		}
	}
	return v, false
}
