package logging_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/servo/logging"
)

// plainLogger logs lines without time and level.
func plainLogger(w *bytes.Buffer) slog.Handler {
	return slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return a
	}})
}

var describe = event.New[string, string]("describe")

func TestContextHandlerAddsWhatTheContextKnows(t *testing.T) {
	tests := []struct {
		name string
		with func(*slog.Logger) *slog.Logger
		args []any
		want string
	}{
		{"everything", nil, nil, "msg=hi servo=web connector=prom event=describe command=u1\n"},
		{"what the logger has stays", func(l *slog.Logger) *slog.Logger { return l.With("servo", "own", "connector", "other") }, nil, "msg=hi servo=own connector=other event=describe command=u1\n"},
		{"what the record has stays", nil, []any{"event", "mine"}, "msg=hi event=mine servo=web connector=prom command=u1\n"},
		{"not into groups", func(l *slog.Logger) *slog.Logger { return l.WithGroup("g") }, []any{"a", 1}, "msg=hi g.a=1\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			log := slog.New(logging.NewContextHandler(logging.NewContextHandler(plainLogger(&out))))
			if tt.with != nil {
				log = tt.with(log)
			}
			var bus event.Bus
			describe.On(bus.Scope("prom"), func(ctx context.Context, _ string) (string, error) {
				log.InfoContext(ctx, "hi", tt.args...)
				return "", nil
			})
			ctx := event.WithCommand(event.WithServo(t.Context(), "web"), "u1")
			_, err := describe.Dispatch(ctx, &bus, "")
			require.NoError(t, err)
			assert.Equal(t, tt.want, out.String())
		})
	}
	t.Run("before hooks are told apart", func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(logging.NewContextHandler(plainLogger(&out)))
		var bus event.Bus
		describe.Before(bus.Scope("prom"), func(ctx context.Context, _ string) error {
			log.InfoContext(ctx, "hi")
			return nil
		})
		_, err := describe.Dispatch(t.Context(), &bus, "")
		require.NoError(t, err)
		assert.Equal(t, "msg=hi connector=prom event=before:describe\n", out.String())
	})
}
