package xslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	exp "golang.org/x/exp/slog"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/servo/logging"
	"github.com/servokit/servokit/servo/logging/xslog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A handler of ours behind both adapters passes the standard library's suite.
func TestRoundTripConforms(t *testing.T) {
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"std":  func(out *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(out, nil) },
		"json": func(out *bytes.Buffer) slog.Handler { return logging.NewJSONHandler(out, nil) },
		"redact": func(out *bytes.Buffer) slog.Handler {
			return logging.NewContextHandler(logging.NewRedactHandler(slog.NewJSONHandler(out, nil)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			slogtest.Run(t, func(*testing.T) slog.Handler {
				out.Reset()
				return xslog.FromExp(xslog.ToExp(handler(&out)))
			}, func(t *testing.T) map[string]any {
				var got map[string]any
				require.NoError(t, json.Unmarshal(out.Bytes(), &got))
				return got
			})
		})
	}
}

// expOptions drop the time.
var expOptions = &exp.HandlerOptions{Level: exp.Level(-100), ReplaceAttr: func(groups []string, a exp.Attr) exp.Attr {
	if len(groups) == 0 && a.Key == exp.TimeKey {
		return exp.Attr{}
	}
	return a
}}

var stdOptions = &slog.HandlerOptions{Level: slog.Level(-100), ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}}

type (
	stdPoint struct{ x int }
	expPoint struct{ x int }
)

func (p stdPoint) LogValue() slog.Value { return slog.GroupValue(slog.Int("x", p.x)) }
func (p expPoint) LogValue() exp.Value  { return exp.GroupValue(exp.Int("x", p.x)) }

func TestFromExp(t *testing.T) {
	tests := []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"kinds", func(l *slog.Logger) {
			l.Info("m", "s", "a b", "i", -1, "u", uint(2), "f", 1.5, "b", true, "d", time.Second, "t", time.Unix(0, 0).UTC(), "e", errors.New("no"))
		}, `level=INFO msg=m s="a b" i=-1 u=2 f=1.5 b=true d=1s t=1970-01-01T00:00:00.000Z e=no`},
		{"levels", func(l *slog.Logger) { l.Log(context.Background(), logging.LevelTrace, "m") }, "level=DEBUG-4 msg=m"},
		{"level as a value", func(l *slog.Logger) { l.Info("m", "at", slog.LevelWarn) }, "level=INFO msg=m at=WARN"},
		{"groups", func(l *slog.Logger) { l.With("a", 1).WithGroup("g").With("b", 2).Info("m", slog.Group("h", "c", 3)) }, "level=INFO msg=m a=1 g.b=2 g.h.c=3"},
		{"group without a name", func(l *slog.Logger) { slog.New(l.Handler().WithGroup("")).Info("m", "a", 1) }, "level=INFO msg=m a=1"},
		{"LogValuer", func(l *slog.Logger) { l.Info("m", "p", stdPoint{4}) }, "level=INFO msg=m p.x=4"},
		{"LogValuer of the other package", func(l *slog.Logger) { l.Info("m", "p", expPoint{4}) }, "level=INFO msg=m p.x=4"},
		{"secret", func(l *slog.Logger) { l.Info("m", "p", config.NewSecret("hunter2")) }, "level=INFO msg=m p=**********"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.log(slog.New(xslog.FromExp(exp.NewTextHandler(&out, expOptions))))
			assert.Equal(t, tt.want+"\n", out.String())
		})
	}
}

func TestToExp(t *testing.T) {
	tests := []struct {
		name string
		log  func(*exp.Logger)
		want string
	}{
		{"kinds", func(l *exp.Logger) {
			l.Info("m", "s", "a b", "i", -1, "u", uint(2), "f", 1.5, "b", true, "d", time.Second, "t", time.Unix(0, 0).UTC(), "e", errors.New("no"))
		}, `level=INFO msg=m s="a b" i=-1 u=2 f=1.5 b=true d=1s t=1970-01-01T00:00:00.000Z e=no`},
		{"levels", func(l *exp.Logger) { l.Log(context.Background(), exp.Level(logging.LevelCritical), "m") }, "level=ERROR+4 msg=m"},
		{"level as a value", func(l *exp.Logger) { l.Info("m", "at", exp.LevelWarn) }, "level=INFO msg=m at=WARN"},
		{"groups", func(l *exp.Logger) { l.With("a", 1).WithGroup("g").With("b", 2).Info("m", exp.Group("h", "c", 3)) }, "level=INFO msg=m a=1 g.b=2 g.h.c=3"},
		{"group without a name", func(l *exp.Logger) { exp.New(l.Handler().WithGroup("")).Info("m", "a", 1) }, "level=INFO msg=m a=1"},
		{"LogValuer", func(l *exp.Logger) { l.Info("m", "p", expPoint{4}) }, "level=INFO msg=m p.x=4"},
		{"LogValuer of the other package", func(l *exp.Logger) { l.Info("m", "p", stdPoint{4}) }, "level=INFO msg=m p.x=4"},
		{"secret", func(l *exp.Logger) { l.Info("m", "p", config.NewSecret("hunter2")) }, "level=INFO msg=m p=**********"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.log(exp.New(xslog.ToExp(slog.NewTextHandler(&out, stdOptions))))
			assert.Equal(t, tt.want+"\n", out.String())
		})
	}
}

type counted struct{ calls *int }

func (c counted) LogValue() slog.Value { *c.calls++; return slog.StringValue("asked") }

func TestValuersAreAskedWhenNeeded(t *testing.T) {
	calls := 0
	var out bytes.Buffer
	l := slog.New(xslog.FromExp(xslog.ToExp(slog.NewTextHandler(&out, nil))))
	l.Debug("below the threshold", "v", counted{&calls})
	assert.Zero(t, calls)
	l.Info("m", "v", counted{&calls})
	assert.Equal(t, 1, calls)
	t.Run("and come back as themselves", func(t *testing.T) {
		var kept slog.Value
		slog.New(xslog.FromExp(xslog.ToExp(keep{&kept, nil, nil}))).Info("m", "v", counted{&calls})
		assert.Equal(t, counted{&calls}, kept.LogValuer())
		var back exp.Value
		exp.New(xslog.ToExp(xslog.FromExp(expKeep{&back}))).Info("m", "v", expPoint{7})
		assert.Equal(t, expPoint{7}, back.LogValuer())
	})
}

// keep keeps the first value, the place and the time of a record.
type keep struct {
	v  *slog.Value
	pc *uintptr
	at *time.Time
}

func (keep) Enabled(context.Context, slog.Level) bool { return true }
func (k keep) WithAttrs([]slog.Attr) slog.Handler     { return k }
func (k keep) WithGroup(string) slog.Handler          { return k }

func (k keep) Handle(ctx context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool { *k.v = a.Value; return false })
	if k.pc != nil {
		*k.pc, *k.at = r.PC, r.Time
	}
	if err, ok := ctx.Value(key{}).(error); ok {
		return err
	}
	return nil
}

type expKeep struct{ v *exp.Value }

func (expKeep) Enabled(context.Context, exp.Level) bool { return true }
func (k expKeep) WithAttrs([]exp.Attr) exp.Handler      { return k }
func (k expKeep) WithGroup(string) exp.Handler          { return k }

func (k expKeep) Handle(_ context.Context, r exp.Record) error {
	r.Attrs(func(a exp.Attr) bool { *k.v = a.Value; return false })
	return nil
}

type key struct{}

func TestPlaceTimeContextAndErrorsPass(t *testing.T) {
	var v slog.Value
	var pc uintptr
	var at time.Time
	h := xslog.FromExp(xslog.ToExp(keep{&v, &pc, &at}))
	slog.New(h).Info("m", "a", 1)
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	assert.True(t, strings.HasSuffix(frame.Function, "TestPlaceTimeContextAndErrorsPass"), frame.Function)
	assert.False(t, at.IsZero())
	exp.New(xslog.ToExp(keep{&v, &pc, &at})).Info("m", "a", 1)
	frame, _ = runtime.CallersFrames([]uintptr{pc}).Next()
	assert.True(t, strings.HasSuffix(frame.Function, "TestPlaceTimeContextAndErrorsPass"), frame.Function)

	full := errors.New("disk full")
	err := h.Handle(context.WithValue(t.Context(), key{}, full), slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0))
	require.ErrorIs(t, err, full)
}

func BenchmarkAdapters(b *testing.B) {
	var v slog.Value
	for name, h := range map[string]slog.Handler{
		"none":       keep{&v, nil, nil},
		"round-trip": xslog.FromExp(xslog.ToExp(keep{&v, nil, nil})),
		"from-exp":   xslog.FromExp(expKeep{new(exp.Value)}),
	} {
		b.Run(name, func(b *testing.B) {
			l := slog.New(h)
			b.ReportAllocs()
			for b.Loop() {
				l.LogAttrs(b.Context(), slog.LevelInfo, "measured", slog.String("metric", "latency"), slog.Int("n", 3), slog.Float64("p95", 1.25), slog.Bool("ok", true))
			}
		})
	}
}
