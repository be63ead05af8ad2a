package servo_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

// textLogger logs lines without time and level.
func textLogger(w *bytes.Buffer) slog.Handler {
	return slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return a
	}})
}

func TestLogHandlerAddsWhatTheContextKnows(t *testing.T) {
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
			log := slog.New(servo.NewLogHandler(servo.NewLogHandler(textLogger(&out))))
			if tt.with != nil {
				log = tt.with(log)
			}
			var bus event.Bus
			connector.Describe.On(bus.Scope("prom"), func(ctx context.Context, _ types.Control) (types.Description, error) {
				log.InfoContext(ctx, "hi", tt.args...)
				return types.Description{}, nil
			})
			ctx := event.WithCommand(event.WithServo(t.Context(), "web"), "u1")
			_, err := connector.Describe.Dispatch(ctx, &bus, types.Control{})
			require.NoError(t, err)
			assert.Equal(t, tt.want, out.String())
		})
	}
	t.Run("before hooks are told apart", func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(servo.NewLogHandler(textLogger(&out)))
		var bus event.Bus
		connector.Describe.Before(bus.Scope("prom"), func(ctx context.Context, _ types.Control) error {
			log.InfoContext(ctx, "hi")
			return nil
		})
		_, err := connector.Describe.Dispatch(t.Context(), &bus, types.Control{})
		require.NoError(t, err)
		assert.Equal(t, "msg=hi connector=prom event=before:describe\n", out.String())
	})
}
