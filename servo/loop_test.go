package servo_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

func adjust(value any) optimizer.Command {
	v, ok := value.(types.Value)
	if !ok {
		v = types.Int(int64(value.(int)))
	}
	return optimizer.Command{Verb: optimizer.Adjust, UID: "adjust", Adjustments: types.Adjustments{{Component: "a", Setting: "workers", Value: v}}}
}

var (
	describeCommand = optimizer.Command{Verb: optimizer.Describe, UID: "describe"}
	measureCommand  = optimizer.Command{Verb: optimizer.Measure, UID: "measure", Metrics: []string{"latency"}}
)

// run runs a servo with connectors over a list of commands and returns the
// results it gave.
func run(t *testing.T, opt *backend, apps ...*app) []optimizer.Result {
	t.Helper()
	s := newServo(t, opt, nil)
	use(t, s, apps...)
	require.NoError(t, runUntilIdle(t, s, opt))
	var results []optimizer.Result
	for _, c := range opt.all("reply") {
		results = append(results, c.result)
	}
	return results
}

func TestCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := newBackend(describeCommand, adjust(types.Float(4)), measureCommand)
		results := run(t, opt, newApp("a", nil), newApp("b", nil))
		require.Len(t, results, 3)
		assert.Equal(t, []string{"hello", "next", "reply", "next", "reply", "next", "reply", "next", "goodbye"}, opt.trace())
		for i, uid := range []string{"describe", "adjust", "measure"} {
			assert.Equal(t, uid, results[i].UID)
			assert.Empty(t, results[i].Outcome)
		}
		assert.Len(t, results[0].Description.Components, 2)
		assert.Len(t, results[0].Description.Metrics, 1)
		workers, _ := results[1].Description.Setting("a.workers")
		assert.Equal(t, types.Int(4), workers.Value, "2.0 is an integer to an integral setting")
		other, _ := results[1].Description.Setting("b.workers")
		assert.Equal(t, types.Int(2), other.Value)
		assert.Equal(t, 2, results[2].Measurement.Summary("latency").Count)
	})
}

func TestAdjustIsAllOrNothing(t *testing.T) {
	both := func(as ...types.Adjustment) optimizer.Command {
		return optimizer.Command{Verb: optimizer.Adjust, UID: "u", Adjustments: append(types.Adjustments{{Component: "a", Setting: "workers", Value: types.Int(4)}}, as...)}
	}
	tests := []struct {
		name string
		cmd  optimizer.Command
		want []string
	}{
		{"unknown component and setting", both(
			types.Adjustment{Component: "web", Setting: "cpu", Value: types.Int(1)},
			types.Adjustment{Component: "a", Setting: "cpu", Value: types.Int(1)},
		), []string{`web.cpu: unknown component "web" (known: a)`, `a.cpu: unknown setting "cpu" (known: workers)`}},
		{"wrong types", both(
			types.Adjustment{Component: "a", Setting: "workers", Value: types.Text("many")},
			types.Adjustment{Component: "a", Setting: "workers", Value: types.Float(2.5)},
		), []string{`a.workers: a number is required, not "many"`, "a.workers: a whole number is required, not 2.5"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newApp("a", nil)
				results := run(t, newBackend(tt.cmd), a)
				require.Len(t, results, 1)
				assert.Equal(t, types.Failed, results[0].Outcome)
				for _, want := range tt.want {
					assert.Contains(t, results[0].Message, want)
				}
				assert.Equal(t, types.Int(2), a.setting.Value, "nothing is changed")
			})
		})
	}
	t.Run("pinned", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := newApp("a", nil)
			a.setting.Pinned = true
			results := run(t, newBackend(adjust(2), adjust(3)), a)
			assert.Empty(t, results[0].Outcome, "the value it has already")
			assert.Equal(t, types.Failed, results[1].Outcome)
			assert.Contains(t, results[1].Message, "assigned value 3 is not equal to existing value 2")
		})
	})
	t.Run("outside the range is applied", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := newApp("a", nil)
			results := run(t, newBackend(adjust(100)), a)
			assert.Empty(t, results[0].Outcome)
			assert.Equal(t, types.Int(100), a.setting.Value)
		})
	})
}

func TestOutcomesBecomeStatusWords(t *testing.T) {
	tests := []struct {
		name    string
		err     error
		outcome types.Outcome
		reason  string
		message string
	}{
		{"plain error", errors.New("boom"), types.Failed, "", "boom"},
		{"rejected", connector.Reject(types.ReasonUnstable, errors.New("boom")), types.Rejected, "unstable", "boom"},
		{"aborted", connector.Abort("slo-violation", errors.New("boom")), types.Aborted, "slo-violation", "boom"},
		{"failed with a reason", connector.Fail("busy", errors.New("boom")), types.Failed, "busy", "boom"},
		{"cancelled by a handler", event.Cancel("maintenance"), types.Cancelled, "", "maintenance"},
		{"the most definite of several", errors.Join(errors.New("x"), connector.Fail("busy", errors.New("y")), connector.Abort("slo-violation", errors.New("boom"))), types.Aborted, "slo-violation", "boom"},
		{"panic", nil, types.Failed, "", "panic"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newApp("a", nil)
				a.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
					if tt.err == nil {
						panic("no")
					}
					return types.Measurement{}, tt.err
				}
				results := run(t, newBackend(measureCommand, measureCommand), a)
				require.Len(t, results, 2, "the servo goes on")
				assert.Equal(t, tt.outcome, results[0].Outcome)
				assert.Equal(t, tt.reason, results[0].Reason)
				assert.Contains(t, results[0].Message, tt.message)
			})
		})
	}
	t.Run("other errors are listed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := newApp("a", nil)
			begun := make(chan struct{})
			a.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
				<-begun
				return types.Measurement{}, connector.Abort("slo-violation", errors.New("too slow"))
			}
			b := newApp("b", nil)
			b.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
				close(begun)
				<-ctx.Done()
				return types.Measurement{}, errors.New("generator broke while stopping")
			}
			results := run(t, newBackend(measureCommand), a, b)
			assert.Equal(t, types.Aborted, results[0].Outcome)
			assert.Equal(t, "too slow", results[0].Message)
			require.Len(t, results[0].Others, 1)
			assert.Contains(t, results[0].Others[0], "generator broke while stopping")
		})
	})
	t.Run("nobody can", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			results := run(t, newBackend(measureCommand, optimizer.Command{Verb: optimizer.Adjust}))
			assert.Equal(t, "no connector can measure", results[0].Message)
			assert.Equal(t, "no connector can adjust", results[1].Message)
		})
	})
}

func TestTheLoopSurvivesTheOptimizer(t *testing.T) {
	malformed := &optimizer.CommandError{Command: optimizer.Command{Verb: optimizer.Adjust, UID: "u9"}, Err: errors.New("state.application: required")}
	tests := []struct {
		name  string
		next  []any
		calls []string
		least time.Duration // how long it takes at least
		most  time.Duration
	}{
		{"an odd answer", []any{errors.New("not JSON")}, []string{"hello", "next", "next", "goodbye"}, 500 * time.Millisecond, time.Second},
		{"pauses grow", []any{errors.New("1"), errors.New("2"), errors.New("3"), errors.New("4")}, []string{"hello", "next", "next", "next", "next", "next", "goodbye"}, 7500 * time.Millisecond, 15 * time.Second},
		{"pauses are bounded", []any{errors.New("1"), errors.New("2"), errors.New("3"), errors.New("4"), errors.New("5"), errors.New("6"), errors.New("7"), errors.New("8")}, []string{"hello", "next", "next", "next", "next", "next", "next", "next", "next", "next", "goodbye"}, 91 * time.Second, 183 * time.Second},
		{"out of step", []any{fmt.Errorf("next: %w", optimizer.ErrUnexpectedEvent)}, []string{"hello", "next", "hello", "next", "goodbye"}, 500 * time.Millisecond, time.Second},
		{"superseded", []any{fmt.Errorf("next: %w", optimizer.ErrSuperseded)}, []string{"hello", "next", "hello", "next", "goodbye"}, time.Hour, time.Hour},
		{"a command that cannot be understood", []any{malformed}, []string{"hello", "next", "reply", "next", "goodbye"}, 0, 0},
		{"sleep", []any{optimizer.Command{Verb: optimizer.Sleep, SleepFor: time.Minute}}, []string{"hello", "next", "next", "goodbye"}, time.Minute, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opt := newBackend(tt.next...)
				results := run(t, opt, newApp("a", nil))
				assert.Equal(t, tt.calls, opt.trace())
				goodbye := opt.all("goodbye")[0].at
				assert.GreaterOrEqual(t, goodbye, tt.least)
				assert.LessOrEqual(t, goodbye, tt.most)
				for _, r := range results {
					assert.Equal(t, types.Failed, r.Outcome)
					assert.Equal(t, "u9", r.UID)
				}
			})
		})
	}
	t.Run("superseded at the greeting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opt := newBackend()
			opt.hello = func(context.Context, int) error { return optimizer.ErrSuperseded }
			began := time.Now()
			require.ErrorIs(t, newServo(t, opt, nil).Run(t.Context()), optimizer.ErrSuperseded)
			assert.Equal(t, time.Hour, time.Since(began))
		})
	})
	t.Run("a result that is refused", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opt := newBackend(measureCommand, measureCommand)
			opt.reply = func(optimizer.Result) error { return fmt.Errorf("reply: %w", optimizer.ErrInvalid) }
			assert.Len(t, run(t, opt, newApp("a", nil)), 2)
			assert.Zero(t, opt.all("goodbye")[0].at, "no pause")
		})
	})
	t.Run("a result out of step", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opt := newBackend(measureCommand)
			opt.reply = func(optimizer.Result) error { return fmt.Errorf("reply: %w", optimizer.ErrUnexpectedEvent) }
			run(t, opt, newApp("a", nil))
			assert.Equal(t, []string{"hello", "next", "reply", "hello", "next", "goodbye"}, opt.trace())
		})
	})
}

// slow measures for 9.9 s and reports progress each 99 ms.
func slow(percent func(step int) float64, seen *error) func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
	return func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
		for i := range 100 {
			if err := connector.Progress(ctx, types.Progress{Percent: percent(i), Message: fmt.Sprint("step ", i)}); err != nil {
				*seen = err
				return types.Measurement{}, err
			}
			time.Sleep(99 * time.Millisecond)
		}
		return types.Measurement{}, nil
	}
}

func linear(step int) float64 { return float64(step) }

func TestProgressReports(t *testing.T) {
	var cause error
	tests := []struct {
		name    string
		percent func(int) float64
		want    []float64
	}{
		{"one for each interval, the newest", linear, []float64{10, 20, 30, 40, 50, 60, 70, 80, 90}},
		{"never 0", func(int) float64 { return 0 }, nil},
		{"never 100", func(int) float64 { return 100 }, nil},
		{"never back", func(step int) float64 { return 50 - float64(step)/10 }, []float64{49.1, 49.1, 49.1, 49.1, 49.1, 49.1, 49.1, 49.1, 49.1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opt := newBackend(measureCommand)
				a := newApp("a", nil)
				a.measure = slow(tt.percent, &cause)
				run(t, opt, a)
				var got []float64
				for _, c := range opt.all("progress") {
					got = append(got, c.progress.Percent)
					assert.Equal(t, "measure", c.progress.UID)
					assert.Equal(t, optimizer.Measure, c.progress.Verb)
					assert.Contains(t, c.progress.Message, "step ")
				}
				require.Len(t, got, len(tt.want))
				for i := range got {
					assert.InDelta(t, tt.want[i], got[i], 1.01, "report %d", i)
				}
			})
		})
	}
	t.Run("as far as the slowest connector", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opt := newBackend(measureCommand)
			a, b := newApp("a", nil), newApp("b", nil)
			a.measure = slow(linear, &cause)
			b.measure = slow(func(step int) float64 { return float64(step) / 2 }, &cause)
			run(t, opt, a, b)
			reports := opt.all("progress")
			require.NotEmpty(t, reports)
			assert.InDelta(t, 45, reports[len(reports)-1].progress.Percent, 1.01)
			assert.InDelta(t, 9, reports[len(reports)-1].progress.Runtime.Seconds(), 0.2)
		})
	})
	t.Run("nothing after the result", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opt := newBackend(measureCommand)
			opt.progress = func(optimizer.Progress) error { time.Sleep(700 * time.Millisecond); return nil }
			a := newApp("a", nil)
			a.measure = slow(linear, &cause)
			run(t, opt, a)
			trace := opt.trace()
			for i, what := range trace {
				if what == "reply" {
					assert.NotContains(t, trace[i:], "progress")
				}
			}
		})
	})
	t.Run("an optimizer that is away does not stop the command", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opt := newBackend(measureCommand)
			opt.progress = func(optimizer.Progress) error { return errors.New("503") }
			a := newApp("a", nil)
			a.measure = slow(linear, &cause)
			results := run(t, opt, a)
			require.Len(t, results, 1)
			assert.Empty(t, results[0].Outcome)
		})
	})
}

func TestTheReplyToProgressSteers(t *testing.T) {
	tests := []struct {
		name    string
		reply   error
		cause   error // that the handler sees
		calls   []string
		message string
		least   time.Duration
	}{
		{"cancel", &optimizer.StatusError{Status: "cancel", Reason: "no longer needed"}, connector.ErrCancelledByOptimizer, []string{"hello", "next", "progress", "reply", "next", "goodbye"}, "no longer needed", 0},
		{"cancel without a reason", optimizer.ErrCancelRequested, connector.ErrCancelledByOptimizer, []string{"hello", "next", "progress", "reply", "next", "goodbye"}, "Command cancelled", 0},
		{"unexpected command", optimizer.ErrUnexpectedCommand, connector.ErrCommandSuperseded, []string{"hello", "next", "progress", "next", "goodbye"}, "", 0},
		{"unexpected event", optimizer.ErrUnexpectedEvent, optimizer.ErrUnexpectedEvent, []string{"hello", "next", "progress", "hello", "next", "goodbye"}, "", 0},
		{"superseded", optimizer.ErrSuperseded, optimizer.ErrSuperseded, []string{"hello", "next", "progress", "hello", "next", "goodbye"}, "", time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var cause error
				opt := newBackend(measureCommand)
				opt.progress = func(optimizer.Progress) error { return fmt.Errorf("progress: %w", tt.reply) }
				a := newApp("a", nil)
				a.measure = slow(linear, &cause)
				results := run(t, opt, a)
				assert.ErrorIs(t, cause, tt.cause)
				assert.Equal(t, tt.calls, opt.trace())
				assert.GreaterOrEqual(t, opt.all("goodbye")[0].at, tt.least)
				if tt.message == "" {
					assert.Empty(t, results)
					return
				}
				require.Len(t, results, 1)
				assert.Equal(t, types.Cancelled, results[0].Outcome)
				assert.Equal(t, tt.message, results[0].Message)
			})
		})
	}
	t.Run("a report that is due when the answer arrives is not sent", func(t *testing.T) {
		for range 20 { // what a select takes is chance
			synctest.Test(t, func(t *testing.T) {
				var cause error
				opt := newBackend(measureCommand)
				opt.progress = func(optimizer.Progress) error {
					time.Sleep(1500 * time.Millisecond) // the next interval is over
					return optimizer.ErrUnexpectedCommand
				}
				a := newApp("a", nil)
				a.measure = slow(linear, &cause)
				assert.Empty(t, run(t, opt, a))
				assert.Len(t, opt.all("progress"), 1)
			})
		}
	})
	t.Run("success of a command that was given up is not reported", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			opt := newBackend(measureCommand)
			opt.progress = func(optimizer.Progress) error { return optimizer.ErrUnexpectedCommand }
			a := newApp("a", nil)
			a.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
				_ = connector.Progress(ctx, types.Progress{Percent: 50}) // does not look at the answer
				time.Sleep(3 * time.Second)
				return types.Measurement{}, nil
			}
			assert.Empty(t, run(t, opt, a))
		})
	})
}

var _ servo.Optimizer = (*backend)(nil)
