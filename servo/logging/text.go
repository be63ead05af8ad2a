package logging

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/servokit/servokit/event"
)

// Options configure the handlers of this package. The zero value, and nil where
// a pointer is taken, write records from INFO on, without colours.
type Options struct {
	// Level is the lowest level written; nil means INFO. Give all handlers the
	// same [slog.LevelVar] to change them together while the program runs.
	Level slog.Leveler
	// Color writes ANSI colours; see [UseColor]. JSON never has any.
	Color bool
	// Several tells whether more than one servo runs, in which case lines name
	// the servo as well; nil means never. It is called for every line, from any
	// goroutine.
	Several func() bool

	_ struct{}
}

func (o *Options) orDefault() Options {
	if o == nil {
		return Options{}
	}
	return *o
}

func (o Options) enabled(level slog.Level) bool {
	lowest := slog.LevelInfo
	if o.Level != nil {
		lowest = o.Level.Level()
	}
	return level >= lowest
}

// NewTextHandler returns a handler that writes each record as a line for people:
//
//	2006-01-02 15:04:05.000 | LEVEL    | module:function:line | component - message key=value …
//
// The component is the attribute "component"; else the connector, from the
// attribute "connector" or the context, or "servo" without one. The event is
// added in brackets, as in "prometheus[before:measure]", and when several servos
// run the name of the servo goes around it: "web(prometheus[measure])".
//
// The other attributes follow the message. Values with blanks or control
// characters are quoted, so that a value never looks like a line of its own; the
// text of an error or a [Traceback] that has several lines follows below,
// indented. Each record is one Write to w, one at a time; its error is what
// Handle returns.
func NewTextHandler(w io.Writer, o *Options) slog.Handler {
	return newTextHandler(&writerSink{w: w}, o.orDefault())
}

// sink takes finished lines, which end with a newline and are not kept.
type sink interface {
	put(at time.Time, level slog.Level, line []byte) error
}

type writerSink struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *writerSink) put(_ time.Time, _ slog.Level, line []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.w.Write(line)
	return err
}

func newTextHandler(to sink, o Options) *textHandler {
	return &textHandler{to: to, o: o, sites: new(sites)}
}

type textHandler struct {
	to     sink
	o      Options
	sites  *sites
	who    who
	prefix string // the open groups, each followed by a dot
	line   []byte // attributes of WithAttrs
	block  []byte // their texts of several lines
}

// who is what a record is about.
type who struct{ component, connector, event, servo string }

// take notes a top-level attribute that says what the record is about.
func (w *who) take(a slog.Attr) bool {
	var field *string
	switch a.Key {
	case "component":
		field = &w.component
	case "connector":
		field = &w.connector
	case "event":
		field = &w.event
	case "servo":
		field = &w.servo
	default:
		return false
	}
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		return false
	}
	if text := v.String(); text != "" && (v.Kind() != slog.KindAny || v.Any() != nil) {
		*field = text
	}
	return true
}

// complete fills in what the context knows.
func (w *who) complete(ctx context.Context) {
	if ctx == nil {
		return
	}
	if current, ok := event.Current(ctx); ok {
		if w.connector == "" {
			w.connector = current.Source
		}
		if w.event == "" {
			w.event = current.String()
		}
	}
	if w.servo == "" {
		w.servo, _ = event.Servo(ctx)
	}
}

func (h *textHandler) Enabled(_ context.Context, level slog.Level) bool { return h.o.enabled(level) }

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	p := getPrinter()
	defer p.free()
	p.line, p.block = append(p.line, h.line...), append(p.block, h.block...)
	p.prefix = append(p.prefix, h.prefix...)
	for _, a := range attrs {
		if h.prefix == "" && c.who.take(a) {
			continue
		}
		p.attr(a)
	}
	c.line, c.block = append([]byte(nil), p.line...), append([]byte(nil), p.block...)
	return &c
}

func (h *textHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.prefix += name + "."
	return &c
}

func (h *textHandler) Handle(ctx context.Context, r slog.Record) error {
	about := h.who
	if h.prefix == "" {
		r.Attrs(func(a slog.Attr) bool {
			about.take(a)
			return true
		})
	}
	explicit := about.connector
	about.complete(ctx)

	p := getPrinter()
	defer p.free()
	p.color = h.o.Color
	if !r.Time.IsZero() {
		p.on(colorGreen)
		p.line = r.Time.Round(0).AppendFormat(p.line, "2006-01-02 15:04:05.000")
		p.off()
		p.separator()
	}
	p.on(levelColor(r.Level))
	name := LevelName(r.Level)
	p.line = append(p.line, name...)
	for n := len(name); n < 8; n++ {
		p.line = append(p.line, ' ')
	}
	p.off()
	p.separator()
	if site := h.sites.text(r.PC); site != "" {
		p.on(colorCyan)
		p.line = append(p.line, site...)
		p.off()
		p.separator()
	}
	p.on(colorMagenta)
	p.component(about, h.o.Several != nil && h.o.Several())
	p.off()
	p.line = append(p.line, " - "...)
	p.on(levelColor(r.Level))
	p.safe(r.Message)
	p.off()

	if about.component != "" && explicit != "" { // the component does not say it
		p.attr(slog.String("connector", explicit))
	}
	p.line, p.block = append(p.line, h.line...), append(p.block, h.block...)
	p.prefix = append(p.prefix, h.prefix...)
	r.Attrs(func(a slog.Attr) bool {
		var unused who
		if h.prefix != "" || !unused.take(a) {
			p.attr(a)
		}
		return true
	})
	p.line = append(p.line, '\n')
	p.line = append(p.line, p.block...)
	return h.to.put(r.Time, r.Level, p.line)
}
