package logging_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/servo/logging"
)

// untimed drops the time of records, which an example cannot show.
type untimed struct{ slog.Handler }

func (u untimed) Handle(ctx context.Context, r slog.Record) error {
	r.Time, r.PC = time.Time{}, 0
	return u.Handler.Handle(ctx, r)
}

func Example() {
	level := new(slog.LevelVar)
	ring := logging.NewRing(0, 0)
	sinks := slog.NewMultiHandler(
		logging.NewTextHandler(os.Stdout, &logging.Options{
			Level: level,
			Color: logging.UseColor(os.Stdout, false, os.Getenv),
		}),
		ring.Handler(&logging.Options{Level: level}),
	)
	logger := slog.New(untimed{logging.NewContextHandler(logging.NewRedactHandler(sinks))})

	ctx := event.WithCommand(event.WithServo(context.Background(), "web"), "u1")
	logger.InfoContext(ctx, "measuring", "duration", time.Minute)
	logger.DebugContext(ctx, "not yet")
	level.Set(slog.LevelDebug)
	logger.DebugContext(ctx, "sending", "headers", http.Header{"Authorization": {"Bearer abc"}})
	logger.Log(ctx, logging.LevelSuccess, "measured")
	fmt.Println(len(ring.Entries(time.Time{})), "records in the ring")
	// Output:
	// INFO     | servo - measuring duration=1m0s command=u1
	// DEBUG    | servo - sending headers=map[Authorization:[**********]] command=u1
	// SUCCESS  | servo - measured command=u1
	// 3 records in the ring
}

func ExampleParseLevel() {
	level, err := logging.ParseLevel("success")
	fmt.Println(logging.LevelName(level), err)
	_, err = logging.ParseLevel("loud")
	fmt.Println(err)
	// Output:
	// SUCCESS <nil>
	// log level "loud": accepted are TRACE, DEBUG, INFO, SUCCESS, WARNING, ERROR, CRITICAL
}

func ExampleTimed() {
	logger := slog.New(untimed{logging.NewTextHandler(os.Stdout, &logging.Options{Level: slog.LevelDebug})})
	measure := func(ctx context.Context) {
		defer logging.Timed(ctx, shortened(logger), "measure")()
	}
	measure(context.Background())
	// Output: DEBUG    | servo - function executed function=measure took=…
}

// shortened hides durations, which an example cannot show.
func shortened(l *slog.Logger) *slog.Logger {
	return slog.New(capture(func(r slog.Record) {
		out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
		r.Attrs(func(a slog.Attr) bool {
			if a.Value.Kind() == slog.KindDuration {
				a = slog.String(a.Key, "…")
			}
			out.AddAttrs(a)
			return true
		})
		_ = l.Handler().Handle(context.Background(), out)
	}))
}

func ExampleRing() {
	ring := logging.NewRing(2, 1<<10)
	logger := slog.New(untimed{ring.Handler(nil)})
	for _, what := range []string{"describe", "measure", "adjust"} {
		logger.Info("done", "event", what)
	}
	for _, e := range ring.Entries(time.Time{}) {
		fmt.Println(strings.TrimSpace(e.Text))
	}
	fmt.Println(ring.Dropped(), "dropped")
	// Output:
	// INFO     | servo[measure] - done
	// INFO     | servo[adjust] - done
	// 1 dropped
}
