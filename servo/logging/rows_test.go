package logging_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/servo/logging"
)

var noon = time.Date(2026, 3, 4, 12, 30, 15, 67e6, time.UTC)

// write has a handler write one record of a fixed time and no place.
func write(ctx context.Context, h slog.Handler, level slog.Level, message string, attrs ...slog.Attr) error {
	r := slog.NewRecord(noon, level, message, 0)
	r.AddAttrs(attrs...)
	return h.Handle(ctx, r)
}

// text returns the line of one record.
func text(t *testing.T, ctx context.Context, o *logging.Options, attrs ...slog.Attr) string { //nolint:revive // t comes first in tests
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, write(ctx, logging.NewTextHandler(&out, o), slog.LevelInfo, "hi", attrs...))
	return out.String()
}

// within runs f in a hook of an event.
func within(t *testing.T, e *event.Event[string, string], source string, f func(context.Context)) {
	t.Helper()
	var bus event.Bus
	e.On(bus.Scope(source), func(ctx context.Context, _ string) (string, error) { f(ctx); return "", nil })
	_, err := e.Dispatch(event.WithServo(t.Context(), "web"), &bus, "")
	require.NoError(t, err)
}

// Each row of what the specification says about levels, lines, attribution,
// sinks and timing is a case.
func TestLoggingRows(t *testing.T) {
	level := func(text string, want slog.Level) func(*testing.T) {
		return func(t *testing.T) {
			got, err := logging.ParseLevel(text)
			require.NoError(t, err)
			assert.Equal(t, want, got)
			assert.Equal(t, text, logging.LevelName(want))
			var out bytes.Buffer
			l := new(slog.LevelVar)
			l.Set(want)
			h := logging.NewTextHandler(&out, &logging.Options{Level: l})
			assert.True(t, h.Enabled(t.Context(), want))
			assert.False(t, h.Enabled(t.Context(), want-1))
			require.NoError(t, write(t.Context(), h, want, "hi"))
			assert.Equal(t, "2026-03-04 12:30:15.067 | "+(text + "        ")[:8]+" | servo - hi\n", out.String())
		}
	}
	describe, none := event.New[string, string]("measure"), context.Background()
	two := &logging.Options{Several: func() bool { return true }}
	rows := []struct {
		name string
		test func(*testing.T)
	}{
		{"B1 TRACE", level("TRACE", logging.LevelTrace)},
		{"B1 DEBUG", level("DEBUG", slog.LevelDebug)},
		{"B1 INFO", level("INFO", slog.LevelInfo)},
		{"B1 SUCCESS", level("SUCCESS", logging.LevelSuccess)},
		{"B1 WARNING", level("WARNING", slog.LevelWarn)},
		{"B1 ERROR", level("ERROR", slog.LevelError)},
		{"B1 CRITICAL", level("CRITICAL", logging.LevelCritical)},
		{"B1 in the order of the original", func(t *testing.T) {
			assert.IsIncreasing(t, []slog.Level{logging.LevelTrace, slog.LevelDebug, slog.LevelInfo, logging.LevelSuccess, slog.LevelWarn, slog.LevelError, logging.LevelCritical})
		}},
		{"B1 the default threshold is INFO", func(t *testing.T) {
			for _, h := range []slog.Handler{logging.NewTextHandler(io.Discard, nil), logging.NewJSONHandler(io.Discard, nil), logging.NewRing(1, 1).Handler(nil)} {
				assert.True(t, h.Enabled(t.Context(), slog.LevelInfo))
				assert.False(t, h.Enabled(t.Context(), slog.LevelInfo-1))
			}
		}},
		{"B1 one threshold for all sinks, at run time", func(t *testing.T) {
			level := new(slog.LevelVar)
			o := &logging.Options{Level: level}
			h := slog.NewMultiHandler(logging.NewTextHandler(io.Discard, o), logging.NewJSONHandler(io.Discard, o))
			assert.False(t, h.Enabled(t.Context(), logging.LevelTrace))
			level.Set(logging.LevelTrace)
			assert.True(t, h.Enabled(t.Context(), logging.LevelTrace))
		}},
		{"B1 records of other libraries in the same pipeline", func(t *testing.T) {
			var out bytes.Buffer
			l := slog.NewLogLogger(logging.NewTextHandler(&out, nil), slog.LevelWarn)
			l.Print("from elsewhere")
			assert.Contains(t, out.String(), "| WARNING  |")
			assert.Contains(t, out.String(), "servo - from elsewhere\n")
		}},
		{"B2 the line", func(t *testing.T) {
			var out bytes.Buffer
			slog.New(logging.NewTextHandler(&out, nil)).Warn("hello", "n", 1)
			assert.Regexp(t, `^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \| WARNING  \| logging_test:TestLoggingRows\.func\d+:\d+ \| servo - hello n=1\n$`, out.String())
		}},
		{"B2 the exception below", func(t *testing.T) {
			got := text(t, none, nil, slog.Any("error", errors.New("one\ntwo\n2026-01-01 | forged")))
			assert.Equal(t, "2026-03-04 12:30:15.067 | INFO     | servo - hi\n  error:\n    one\n    two\n    2026-01-01 | forged\n", got)
		}},
		{"B2 colours", func(t *testing.T) {
			got := text(t, none, &logging.Options{Color: true})
			assert.Equal(t, "\x1b[32m2026-03-04 12:30:15.067\x1b[0m | \x1b[1mINFO    \x1b[0m | \x1b[35mservo\x1b[0m - \x1b[1mhi\x1b[0m\n", got)
			var out bytes.Buffer
			slog.New(logging.NewTextHandler(&out, &logging.Options{Color: true})).Error("x")
			assert.Regexp(t, `\x1b\[36mlogging_test:\S+:\d+\x1b\[0m`, out.String(), "the place is cyan")
		}},
		{"B3.1 explicit component", func(t *testing.T) {
			assert.Contains(t, text(t, none, nil, slog.String("component", "c"), slog.String("connector", "x")), "| c - hi connector=x\n")
		}},
		{"B3.2 explicit connector", func(t *testing.T) {
			within(t, describe, "prom", func(ctx context.Context) {
				assert.Contains(t, text(t, ctx, nil, slog.String("connector", "x")), "| x[measure] - hi\n")
			})
		}},
		{"B3.2 current connector", func(t *testing.T) {
			within(t, describe, "prom", func(ctx context.Context) { assert.Contains(t, text(t, ctx, nil), "| prom[measure] - hi\n") })
		}},
		{"B3.2 none", func(t *testing.T) { assert.Contains(t, text(t, none, nil), "| servo - hi\n") }},
		{"B3.3 before an event", func(t *testing.T) {
			var bus event.Bus
			describe.Before(bus.Scope("x"), func(ctx context.Context, _ string) error {
				assert.Contains(t, text(t, ctx, nil), "| x[before:measure] - hi\n")
				return nil
			})
			_, err := describe.Dispatch(t.Context(), &bus, "")
			require.NoError(t, err)
		}},
		{"B3.4 several servos", func(t *testing.T) {
			within(t, describe, "prom", func(ctx context.Context) {
				assert.Contains(t, text(t, ctx, two), "| web(prom[measure]) - hi\n")
				assert.Contains(t, text(t, ctx, two, slog.String("servo", "api")), "| api(prom[measure]) - hi\n")
			})
			assert.Contains(t, text(t, none, two), "| servo - hi\n", "no current servo")
		}},
		{"B3 loggers of connectors are bound", func(t *testing.T) {
			var out bytes.Buffer
			slog.New(logging.NewTextHandler(&out, nil)).With("connector", "prom", "servo", "web").Info("hi")
			assert.Contains(t, out.String(), "| prom - hi\n")
		}},
		{"B3 an empty value falls back", func(t *testing.T) {
			assert.Contains(t, text(t, none, nil, slog.Any("connector", nil), slog.String("component", "")), "| servo - hi\n")
		}},
		{"B3 with traceback", func(t *testing.T) {
			got := text(t, none, nil, logging.Traceback())
			assert.Contains(t, got, "servo - hi\n  traceback:\n    github.com/servokit/servokit/servo/logging_test.TestLoggingRows.func")
			assert.Contains(t, got, "rows_test.go:")
		}},
		{"B4 standard error and a file", func(t *testing.T) {
			var first, second bytes.Buffer
			broken := logging.NewTextHandler(failing{}, nil)
			h := slog.NewMultiHandler(broken, logging.NewTextHandler(&first, nil), broken, logging.NewJSONHandler(&second, nil))
			err := write(none, h, slog.LevelInfo, "hi")
			require.ErrorIs(t, err, errDisk)
			assert.Equal(t, 2, strings.Count(err.Error(), errDisk.Error()), "all errors are joined")
			assert.Contains(t, first.String(), "servo - hi\n")
			assert.Contains(t, second.String(), `"msg":"hi"`)
		}},
		{"B4 never values in traces", func(t *testing.T) {
			hidden := "hunter2"
			got := func(string) string { return text(t, none, nil, logging.Traceback()) }(hidden)
			assert.NotContains(t, got, hidden)
		}},
		{"B4 diagnostics read the latest lines, by time", func(t *testing.T) {
			ring := logging.NewRing(2, 1000)
			for i, message := range []string{"one", "two", "three"} {
				r := slog.NewRecord(noon.Add(time.Duration(i)*time.Second), slog.LevelInfo, message, 0)
				require.NoError(t, ring.Handler(nil).Handle(none, r))
			}
			entries := ring.Entries(noon.Add(2 * time.Second))
			require.Len(t, entries, 1)
			assert.Equal(t, logging.Entry{Time: noon.Add(2 * time.Second), Level: slog.LevelInfo, Text: "2026-03-04 12:30:17.067 | INFO     | servo - three"}, entries[0])
			assert.Len(t, ring.Entries(time.Time{}), 2)
			assert.EqualValues(t, 1, ring.Dropped())
		}},
		{"B4 --no-color", func(t *testing.T) { assert.False(t, logging.UseColor(os.Stderr, true, nil)) }},
		{"B4 NO_COLOR and SERVO_NO_COLOR", func(t *testing.T) {
			for _, name := range []string{"NO_COLOR", "SERVO_NO_COLOR"} {
				asked := false
				assert.False(t, logging.UseColor(os.Stderr, false, func(key string) string {
					if key == name {
						asked = true
						return "1"
					}
					return ""
				}))
				assert.True(t, asked, name)
			}
		}},
		{"B4 only on a terminal", func(t *testing.T) {
			r, w, err := os.Pipe()
			require.NoError(t, err)
			defer func() { require.NoError(t, errors.Join(r.Close(), w.Close())) }()
			assert.False(t, logging.UseColor(w, false, nil))
			assert.False(t, logging.UseColor(&bytes.Buffer{}, false, os.Getenv))
		}},
		{"B7 entry", func(t *testing.T) {
			assert.Regexp(t, `^DEBUG logging_test:TestLoggingRows\S+ entering function function=measure args.a=1\n$`,
				logged(func(ctx context.Context, l *slog.Logger) {
					logging.Enter(ctx, l, slog.LevelDebug, "measure", slog.Int("a", 1))
				}))
		}},
		{"B7 exit", func(t *testing.T) {
			assert.Regexp(t, `^TRACE logging_test:TestLoggingRows\S+ exiting function function=measure results.ok=true\n$`,
				logged(func(ctx context.Context, l *slog.Logger) {
					logging.Exit(ctx, l, logging.LevelTrace, "measure", slog.Bool("ok", true))
				}))
		}},
		{"B7 time, of the call itself", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				assert.Regexp(t, `^DEBUG logging_test:TestLoggingRows\S+ function executed function=measure took=2s\n$`,
					logged(func(ctx context.Context, l *slog.Logger) {
						defer logging.Timed(ctx, l, "measure")()
						time.Sleep(2 * time.Second)
					}))
			})
		}},
		{"B7 time, at another level", func(t *testing.T) {
			assert.Regexp(t, `^SUCCESS logging_test:TestLoggingRows\S+ function executed function=measure took=\S+ n=3\n$`,
				logged(func(ctx context.Context, l *slog.Logger) {
					logging.TimedAt(ctx, l, logging.LevelSuccess, "measure", slog.Int("n", 3))()
				}))
		}},
	}
	for _, row := range rows {
		t.Run(row.name, row.test)
	}
	assert.Len(t, rows, 33)
}

// logged returns the lines without time, bars and component.
func logged(f func(context.Context, *slog.Logger)) string {
	var out bytes.Buffer
	f(context.Background(), slog.New(logging.NewTextHandler(&out, &logging.Options{Level: logging.LevelTrace})))
	_, rest, _ := strings.Cut(out.String(), " | ")
	level, rest, _ := strings.Cut(rest, "|")
	place, rest, _ := strings.Cut(rest, " | servo - ")
	return strings.TrimSpace(level) + place + " " + rest
}

var errDisk = errors.New("disk full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errDisk }

func TestNilLoggersAreSilent(t *testing.T) {
	logging.Timed(t.Context(), nil, "x")()
	logging.Enter(t.Context(), nil, slog.LevelInfo, "x")
	logging.Exit(t.Context(), nil, slog.LevelInfo, "x")
	assert.Empty(t, logged(func(ctx context.Context, l *slog.Logger) {
		logging.Enter(ctx, l, logging.LevelTrace-1, "below the threshold")
	})[1:])
}
