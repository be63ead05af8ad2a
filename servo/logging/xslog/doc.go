// Package xslog joins log/slog to its predecessor, golang.org/x/exp/slog, for
// teams that still have handlers or loggers of the latter. It is a package of
// its own so that nobody else links golang.org/x/exp.
//
//	servo.Options{Logger: slog.New(xslog.FromExp(teamHandler))}  // their handler under our logger
//	expslog.New(xslog.ToExp(logger.Handler()))                   // our handler under their logger
//
// Levels, time, place in the code, groups and the context are passed on. Values
// keep their kind. A LogValuer of either package stays one: it is asked when a
// handler needs the value, and not at all when the record is not enabled.
package xslog
