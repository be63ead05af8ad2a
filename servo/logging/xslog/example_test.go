package xslog_test

import (
	"log/slog"
	"os"

	exp "golang.org/x/exp/slog"

	"github.com/servokit/servokit/servo/logging/xslog"
)

// A team's handler of the older package takes the records of a servo.
func ExampleFromExp() {
	team := exp.NewTextHandler(os.Stdout, expOptions)
	logger := slog.New(xslog.FromExp(team))
	logger.WithGroup("web").Info("adjusted", "replicas", 3)
	// Output: level=INFO msg=adjusted web.replicas=3
}

// A logger of the older package writes to a handler of log/slog.
func ExampleToExp() {
	handler := slog.NewTextHandler(os.Stdout, stdOptions)
	logger := exp.New(xslog.ToExp(handler))
	logger.Warn("slow", "took", "3s")
	// Output: level=WARN msg=slow took=3s
}
