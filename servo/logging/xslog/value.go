package xslog

import (
	"log/slog"

	exp "golang.org/x/exp/slog"
)

// Lazily asked values. Back in the package it came from, the original value
// takes the place of the wrapper.
type (
	expValuer struct{ v slog.LogValuer }
	stdValuer struct{ v exp.LogValuer }
)

func (l expValuer) LogValue() exp.Value  { return expValue(l.v.LogValue()) }
func (l stdValuer) LogValue() slog.Value { return stdValue(l.v.LogValue()) }

func expAttr(a slog.Attr) exp.Attr { return exp.Attr{Key: a.Key, Value: expValue(a.Value)} }

func expAttrs(attrs []slog.Attr) []exp.Attr {
	out := make([]exp.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = expAttr(a)
	}
	return out
}

func expValue(v slog.Value) exp.Value {
	switch v.Kind() {
	case slog.KindBool:
		return exp.BoolValue(v.Bool())
	case slog.KindDuration:
		return exp.DurationValue(v.Duration())
	case slog.KindFloat64:
		return exp.Float64Value(v.Float64())
	case slog.KindInt64:
		return exp.Int64Value(v.Int64())
	case slog.KindString:
		return exp.StringValue(v.String())
	case slog.KindTime:
		return exp.TimeValue(v.Time())
	case slog.KindUint64:
		return exp.Uint64Value(v.Uint64())
	case slog.KindGroup:
		return exp.GroupValue(expAttrs(v.Group())...)
	case slog.KindLogValuer:
		if l, ok := v.LogValuer().(stdValuer); ok {
			return exp.AnyValue(l.v)
		}
		return exp.AnyValue(expValuer{v.LogValuer()})
	}
	if level, ok := v.Any().(slog.Level); ok {
		return exp.AnyValue(exp.Level(level))
	}
	return exp.AnyValue(v.Any())
}

func stdAttr(a exp.Attr) slog.Attr { return slog.Attr{Key: a.Key, Value: stdValue(a.Value)} }

func stdAttrs(attrs []exp.Attr) []slog.Attr {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = stdAttr(a)
	}
	return out
}

func stdValue(v exp.Value) slog.Value {
	switch v.Kind() {
	case exp.KindBool:
		return slog.BoolValue(v.Bool())
	case exp.KindDuration:
		return slog.DurationValue(v.Duration())
	case exp.KindFloat64:
		return slog.Float64Value(v.Float64())
	case exp.KindInt64:
		return slog.Int64Value(v.Int64())
	case exp.KindString:
		return slog.StringValue(v.String())
	case exp.KindTime:
		return slog.TimeValue(v.Time())
	case exp.KindUint64:
		return slog.Uint64Value(v.Uint64())
	case exp.KindGroup:
		return slog.GroupValue(stdAttrs(v.Group())...)
	case exp.KindLogValuer:
		if l, ok := v.LogValuer().(expValuer); ok {
			return slog.AnyValue(l.v)
		}
		return slog.AnyValue(stdValuer{v.LogValuer()})
	}
	if level, ok := v.Any().(exp.Level); ok {
		return slog.AnyValue(slog.Level(level))
	}
	return slog.AnyValue(v.Any())
}
