package logging_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/servo/logging"
)

// One record with four attributes through each handler. The lines with std are
// those of the standard library, to compare with.
func BenchmarkHandlers(b *testing.B) {
	text := func() slog.Handler { return logging.NewTextHandler(io.Discard, nil) }
	ring := logging.NewRing(0, 0)
	sink := io.Discard
	for _, bb := range []struct {
		name    string
		handler slog.Handler
	}{
		{"std-text", slog.NewTextHandler(sink, &slog.HandlerOptions{AddSource: true})},
		{"std-json", slog.NewJSONHandler(sink, &slog.HandlerOptions{AddSource: true})},
		{"text", text()},
		{"json", logging.NewJSONHandler(io.Discard, nil)},
		{"ring", ring.Handler(nil)},
		{"redact", logging.NewRedactHandler(discard)},
		{"context", logging.NewContextHandler(discard)},
		{"several-two", slog.NewMultiHandler(text(), text())},
		{"all", logging.NewContextHandler(logging.NewRedactHandler(slog.NewMultiHandler(text(), ring.Handler(nil))))},
		{"disabled", logging.NewTextHandler(io.Discard, &logging.Options{Level: slog.LevelError})},
	} {
		b.Run(bb.name, func(b *testing.B) {
			ctx := event.WithCommand(event.WithServo(b.Context(), "web"), "u1")
			l := slog.New(bb.handler).With("connector", "prom")
			b.ReportAllocs()
			for b.Loop() {
				l.LogAttrs(ctx, slog.LevelInfo, "measured", slog.String("metric", "latency"), slog.Int("n", 3), slog.Float64("p95", 1.25), slog.Bool("ok", true))
			}
		})
	}
}

// discard is enabled, which slog.DiscardHandler is not.
var discard = capture(func(slog.Record) {})
