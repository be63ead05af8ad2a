package logging

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// The levels that a servo has beyond those of log/slog. Log with them through
// [slog.Logger.Log]; handlers of this package print their names, others print
// them as a distance, such as "INFO+2".
const (
	LevelTrace    = slog.Level(-8) // below debug: every step
	LevelSuccess  = slog.Level(2)  // above info: something asked for has been achieved
	LevelCritical = slog.Level(12) // above error: the servo cannot go on
)

var levels = []struct {
	name  string
	level slog.Level
}{
	{"TRACE", LevelTrace},
	{"DEBUG", slog.LevelDebug},
	{"INFO", slog.LevelInfo},
	{"SUCCESS", LevelSuccess},
	{"WARNING", slog.LevelWarn},
	{"ERROR", slog.LevelError},
	{"CRITICAL", LevelCritical},
}

// LevelName returns the name of a level as logs show it: one of TRACE, DEBUG,
// INFO, SUCCESS, WARNING, ERROR and CRITICAL, with the distance to the nearest
// one below for a level in between, such as "WARNING+1".
func LevelName(l slog.Level) string {
	base := levels[0]
	for _, known := range levels {
		if known.level == l {
			return known.name
		}
		if known.level < l {
			base = known
		}
	}
	return fmt.Sprintf("%s%+d", base.name, int(l)-int(base.level))
}

// ParseLevel reads what [LevelName] prints, in any case, and "WARN". Use it for
// the text of an option or an environment variable, and put the result into the
// [slog.LevelVar] that all handlers share. The error of any other text lists
// what is accepted.
func ParseLevel(text string) (slog.Level, error) {
	name, offset := text, 0
	if at := strings.IndexAny(text, "+-"); at > 0 {
		n, err := strconv.Atoi(text[at:])
		if err != nil || n < -1000 || n > 1000 {
			return 0, levelError(text)
		}
		name, offset = text[:at], n
	}
	if strings.EqualFold(name, "WARN") {
		name = "WARNING"
	}
	for _, known := range levels {
		if strings.EqualFold(name, known.name) {
			return known.level + slog.Level(offset), nil
		}
	}
	return 0, levelError(text)
}

func levelError(text string) error {
	names := make([]string, len(levels))
	for i, known := range levels {
		names[i] = known.name
	}
	return fmt.Errorf("log level %q: accepted are %s", text, strings.Join(names, ", "))
}
