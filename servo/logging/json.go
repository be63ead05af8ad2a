package logging

import (
	"io"
	"log/slog"
)

// NewJSONHandler returns a handler that writes each record as one JSON object,
// for machines: that of [slog.NewJSONHandler] with the names of this package's
// levels and with the place in the code as "source":"module:function:line". It
// never has colours.
func NewJSONHandler(w io.Writer, o *Options) slog.Handler {
	return slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level:       o.orDefault().Level,
		AddSource:   true,
		ReplaceAttr: replaceBuiltIn,
	})
}

func replaceBuiltIn(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		if level, ok := a.Value.Any().(slog.Level); ok {
			a.Value = slog.StringValue(LevelName(level))
		}
	case slog.SourceKey:
		if source, ok := a.Value.Any().(*slog.Source); ok {
			if source.Function == "" {
				return slog.Attr{}
			}
			a.Value = slog.StringValue(place(source.Function, source.Line))
		}
	}
	return a
}
