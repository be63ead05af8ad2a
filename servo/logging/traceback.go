package logging

import (
	"log/slog"
	"runtime"
	"strconv"
	"strings"
)

const tracebackKey = "traceback"

// Traceback returns an attribute with the calls that have led here, innermost
// first: names and places, never values. The text handler prints it below the
// line, the JSON handler as one text.
func Traceback() slog.Attr {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var text strings.Builder
	for {
		frame, more := frames.Next()
		if frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") {
			text.WriteString(frame.Function + "\n\t" + frame.File + ":" + strconv.Itoa(frame.Line) + "\n")
		}
		if !more {
			break
		}
	}
	return slog.String(tracebackKey, text.String())
}
