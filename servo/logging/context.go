package logging

import (
	"context"
	"log/slog"

	"github.com/servokit/servokit/event"
)

// NewContextHandler returns a handler that adds to each record what its context
// knows: the servo, the connector, the event ("measure", "before:adjust") and
// the id of the command, under the keys "servo", "connector", "event" and
// "command". A key that the logger or the record has already is left alone. A
// servo wraps the handler of its logger with it; use it for a logger of your
// own that is called under the same contexts. Wrapping twice is the same as
// once.
func NewContextHandler(next slog.Handler) slog.Handler {
	if h, ok := next.(*contextHandler); ok {
		return h
	}
	return &contextHandler{next: next}
}

type contextHandler struct {
	next slog.Handler
	// has tells which keys WithAttrs has fixed at the top level.
	has keys
	// grouped is set after WithGroup: further attributes would land in the
	// group, where nobody looks for them.
	grouped bool
}

type keys struct{ servo, connector, event, command bool }

func (k *keys) note(a slog.Attr) {
	switch a.Key {
	case "servo":
		k.servo = true
	case "connector":
		k.connector = true
	case "event":
		k.event = true
	case "command":
		k.command = true
	}
}

func (h *contextHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *contextHandler) Handle(ctx context.Context, r slog.Record) error {
	if ctx == nil || h.grouped {
		return h.next.Handle(ctx, r)
	}
	has := h.has
	r.Attrs(func(a slog.Attr) bool {
		has.note(a)
		return true
	})
	var room [4]slog.Attr
	extra := room[:0]
	if name, ok := event.Servo(ctx); ok && !has.servo {
		extra = append(extra, slog.String("servo", name))
	}
	if current, ok := event.Current(ctx); ok {
		if !has.connector {
			extra = append(extra, slog.String("connector", current.Source))
		}
		if !has.event {
			extra = append(extra, slog.String("event", current.String()))
		}
	}
	if uid, ok := event.Command(ctx); ok && uid != "" && !has.command {
		extra = append(extra, slog.String("command", uid))
	}
	if len(extra) > 0 {
		r = r.Clone()
		r.AddAttrs(extra...)
	}
	return h.next.Handle(ctx, r)
}

func (h *contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	if !c.grouped {
		for _, a := range attrs {
			c.has.note(a)
		}
	}
	c.next = h.next.WithAttrs(attrs)
	return &c
}

func (h *contextHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.grouped = true
	c.next = h.next.WithGroup(name)
	return &c
}
