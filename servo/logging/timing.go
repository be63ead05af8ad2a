package logging

import (
	"context"
	"log/slog"
	"runtime"
	"time"
)

// Timed measures a call: defer what it returns,
//
//	defer logging.Timed(ctx, log, "measure")()
//
// and the record "function executed" says at DEBUG how long the call took,
// whichever way it ended. The attributes are those given, "function" and "took";
// the place is that of the defer statement. A nil logger measures nothing.
func Timed(ctx context.Context, log *slog.Logger, name string, attrs ...slog.Attr) func() {
	return timed(ctx, log, slog.LevelDebug, name, attrs)
}

// TimedAt is [Timed] at another level.
func TimedAt(ctx context.Context, log *slog.Logger, level slog.Level, name string, attrs ...slog.Attr) func() {
	return timed(ctx, log, level, name, attrs)
}

func timed(ctx context.Context, log *slog.Logger, level slog.Level, name string, attrs []slog.Attr) func() {
	if log == nil {
		return func() {}
	}
	pc, began := caller(2), time.Now()
	return func() {
		took := time.Since(began)
		emit(ctx, log, level, pc, "function executed",
			append([]slog.Attr{slog.String("function", name), slog.Duration("took", took)}, attrs...))
	}
}

// Enter logs "entering function" with the arguments of a call as a group "args".
// [Exit] is its counterpart; each can be used without the other. Levels are
// usually DEBUG or [LevelTrace]. A nil logger is silent.
func Enter(ctx context.Context, log *slog.Logger, level slog.Level, name string, args ...slog.Attr) {
	if log != nil {
		emit(ctx, log, level, caller(1), "entering function", call(name, "args", args))
	}
}

// Exit logs "exiting function" with the results of a call as a group "results".
// To defer it, wrap it into a function literal, or the results are those of the
// beginning.
func Exit(ctx context.Context, log *slog.Logger, level slog.Level, name string, results ...slog.Attr) {
	if log != nil {
		emit(ctx, log, level, caller(1), "exiting function", call(name, "results", results))
	}
}

func call(name, key string, values []slog.Attr) []slog.Attr {
	return []slog.Attr{slog.String("function", name), {Key: key, Value: slog.GroupValue(values...)}}
}

// caller returns the place that many calls above the function that asks, in the
// form that a record wants.
func caller(above int) uintptr {
	var pcs [1]uintptr
	runtime.Callers(above+2, pcs[:])
	return pcs[0]
}

func emit(ctx context.Context, log *slog.Logger, level slog.Level, pc uintptr, message string, attrs []slog.Attr) {
	if !log.Enabled(ctx, level) {
		return
	}
	r := slog.NewRecord(time.Now(), level, message, pc)
	r.AddAttrs(attrs...)
	_ = log.Handler().Handle(ctx, r) // as every method of a logger does
}
