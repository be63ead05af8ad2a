package main

import (
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/servokit/servokit/servo/logging"
	"github.com/servokit/servokit/servo/logging/logfile"
)

const logBackups = 3

// logger returns a log to standard error, and to a file if one is wanted. Its
// lines name the servo while several is set.
func (p program) logger(o options, several *atomic.Bool) (log *slog.Logger, closeFile func() error, err error) {
	sinks := []slog.Handler{logging.NewTextHandler(p.stderr, &logging.Options{
		Level: o.level, Several: several.Load, Color: logging.UseColor(p.stderr, o.noColor, os.Getenv),
	})}
	closeFile = func() error { return nil }
	if o.logFile != "" {
		file, err := logfile.Open(logfile.Options{Path: o.logFile, MaxBackups: logBackups})
		if err != nil {
			return nil, nil, usageError{err}
		}
		sinks, closeFile = append(sinks, logging.NewTextHandler(file, &logging.Options{Level: o.level, Several: several.Load})), file.Close
	}
	return slog.New(logging.NewRedactHandler(slog.NewMultiHandler(sinks...))), closeFile, nil
}
