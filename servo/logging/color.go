package logging

import (
	"io"
	"log/slog"

	"golang.org/x/term"
)

// UseColor tells whether lines written to w should have colours: when w is a
// terminal, unless disabled is set (the option --no-color) or one of the
// environment variables NO_COLOR and SERVO_NO_COLOR is not empty. A nil getenv
// stands for an empty environment.
func UseColor(w io.Writer, disabled bool, getenv func(string) string) bool {
	if disabled {
		return false
	}
	if getenv != nil && (getenv("NO_COLOR") != "" || getenv("SERVO_NO_COLOR") != "") {
		return false
	}
	f, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}

const (
	colorOff     = "\x1b[0m"
	colorGreen   = "\x1b[32m"
	colorCyan    = "\x1b[36m"
	colorMagenta = "\x1b[35m"
)

func levelColor(l slog.Level) string {
	switch {
	case l >= LevelCritical:
		return "\x1b[1;41m"
	case l >= slog.LevelError:
		return "\x1b[1;31m"
	case l >= slog.LevelWarn:
		return "\x1b[1;33m"
	case l >= LevelSuccess:
		return "\x1b[1;32m"
	case l >= slog.LevelInfo:
		return "\x1b[1m"
	case l >= slog.LevelDebug:
		return "\x1b[1;34m"
	default:
		return "\x1b[1;36m"
	}
}
