package xslog

import (
	"context"
	"log/slog"

	exp "golang.org/x/exp/slog"
)

// FromExp returns a handler of log/slog that passes everything to next. Use it
// to give a handler written for golang.org/x/exp/slog to a servo. Errors of next
// are returned as they are.
func FromExp(next exp.Handler) slog.Handler { return fromExp{next} }

type fromExp struct{ next exp.Handler }

func (h fromExp) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, exp.Level(level))
}

func (h fromExp) Handle(ctx context.Context, r slog.Record) error {
	out := exp.NewRecord(r.Time, exp.Level(r.Level), r.Message, r.PC)
	if r.NumAttrs() > 0 {
		attrs := make([]exp.Attr, 0, r.NumAttrs())
		r.Attrs(func(a slog.Attr) bool {
			attrs = append(attrs, expAttr(a))
			return true
		})
		out.AddAttrs(attrs...)
	}
	return h.next.Handle(ctx, out)
}

func (h fromExp) WithAttrs(attrs []slog.Attr) slog.Handler {
	return fromExp{h.next.WithAttrs(expAttrs(attrs))}
}

func (h fromExp) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return fromExp{h.next.WithGroup(name)}
}

// ToExp returns a handler of golang.org/x/exp/slog that passes everything to
// next. Use it where a program still logs through golang.org/x/exp/slog and its
// records shall arrive with those of the servo. Errors of next are returned as
// they are.
func ToExp(next slog.Handler) exp.Handler { return toExp{next} }

type toExp struct{ next slog.Handler }

func (h toExp) Enabled(ctx context.Context, level exp.Level) bool {
	return h.next.Enabled(ctx, slog.Level(level))
}

func (h toExp) Handle(ctx context.Context, r exp.Record) error {
	out := slog.NewRecord(r.Time, slog.Level(r.Level), r.Message, r.PC)
	if r.NumAttrs() > 0 {
		attrs := make([]slog.Attr, 0, r.NumAttrs())
		r.Attrs(func(a exp.Attr) bool {
			attrs = append(attrs, stdAttr(a))
			return true
		})
		out.AddAttrs(attrs...)
	}
	return h.next.Handle(ctx, out)
}

func (h toExp) WithAttrs(attrs []exp.Attr) exp.Handler {
	return toExp{h.next.WithAttrs(stdAttrs(attrs))}
}

func (h toExp) WithGroup(name string) exp.Handler {
	if name == "" {
		return h
	}
	return toExp{h.next.WithGroup(name)}
}
