package repeat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector/repeat"
	"github.com/servokit/servokit/event"
)

var errBoom = errors.New("boom")

// run runs a group for so long and returns what Run returned.
func run(t *testing.T, g *repeat.Group, d time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return g.Run(ctx)
}

// call is what a call of a task does: it takes a time and returns an error.
type call struct {
	takes time.Duration
	err   error
}

func TestWhenATaskIsCalled(t *testing.T) {
	const s = time.Second
	ok := func(seconds ...float64) (list []call) {
		for _, n := range seconds {
			list = append(list, call{takes: time.Duration(n * float64(s))})
		}
		return list
	}
	failing := func(n int) (list []call) {
		for range n {
			list = append(list, call{err: errBoom})
		}
		return list
	}
	tests := []struct {
		name   string
		task   repeat.Task
		calls  []call // the first ones; later ones take no time
		at     string // the second of each call, within 20 seconds
		failed int
		missed int
	}{
		{"pauses between calls", repeat.Task{Every: 5 * s}, ok(1, 0, 3), "0 6 11 19", 0, 0},
		{"by the beat", repeat.Task{Every: 5 * s, Beat: true}, ok(1, 0, 3), "0 5 10 15", 0, 0},
		{"a call as long as the beat", repeat.Task{Every: 5 * s, Beat: true}, ok(5, 5), "0 5 10 15", 0, 0},
		{"late, counts on from there", repeat.Task{Every: 5 * s, Beat: true}, ok(7, 0), "0 7 12 17", 0, 1},
		{"late by several beats is one call", repeat.Task{Every: 5 * s, Beat: true}, ok(12), "0 12 17", 0, 2},
		{"skips to the next beat", repeat.Task{Every: 5 * s, Beat: true, Overrun: repeat.Skip}, ok(7, 0), "0 10 15", 0, 1},
		{"skips several", repeat.Task{Every: 5 * s, Beat: true, Overrun: repeat.Skip}, ok(12), "0 15", 0, 2},
		{"ends on a beat, which is kept", repeat.Task{Every: 5 * s, Beat: true, Overrun: repeat.Skip}, ok(10), "0 10 15", 0, 1},
		{"an overrun fails", repeat.Task{Every: 5 * s, Beat: true, Overrun: repeat.Fail}, ok(7, 0), "0 7 12 17", 1, 1},
		{"an overrun ends it", repeat.Task{Every: 5 * s, Beat: true, Overrun: repeat.Fail, OnError: repeat.End}, ok(0, 7), "0 5", 1, 1},
		{"without a beat nothing overruns", repeat.Task{Every: 5 * s, Overrun: repeat.Fail}, ok(7, 0), "0 12 17", 0, 0},
		{"goes on after errors", repeat.Task{Every: 5 * s}, failing(9), "0 5 10 15", 4, 0},
		{"keeps the beat after errors", repeat.Task{Every: 5 * s, Beat: true}, []call{{s, errBoom}}, "0 5 10 15", 1, 0},
		{"backs off", repeat.Task{Every: s, OnError: repeat.BackOff}, failing(9), "0 2 6 14", 4, 0},
		{"backs off to a bound", repeat.Task{Every: s, OnError: repeat.BackOff, MaxPause: 5 * s}, failing(9), "0 2 6 11 16", 5, 0},
		{"a success ends the backing off", repeat.Task{Every: s, OnError: repeat.BackOff}, []call{{0, errBoom}, {0, errBoom}, {}, {0, errBoom}, {0, errBoom}, {0, errBoom}}, "0 2 6 7 9 13", 5, 0},
		{"a bound below the interval", repeat.Task{Every: 5 * s, OnError: repeat.BackOff, MaxPause: s}, failing(2), "0 1 2 7 12 17", 2, 0},
		{"ends", repeat.Task{Every: 5 * s, OnError: repeat.End}, []call{{}, {0, errBoom}}, "0 5", 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := repeat.New(repeat.Options{})
				var at []string
				began := time.Now()
				tt.task.Run = func(context.Context) error {
					at = append(at, fmt.Sprint(time.Since(began).Seconds()))
					if len(at) > len(tt.calls) {
						return nil
					}
					c := tt.calls[len(at)-1]
					time.Sleep(c.takes)
					return c.err
				}
				require.NoError(t, g.Start(tt.task))
				require.NoError(t, run(t, g, 19500*time.Millisecond))
				assert.Equal(t, tt.at, strings.Join(at, " "))
				status := g.Tasks()[0]
				assert.Equal(t, tt.failed, status.Failures, "failures")
				assert.Equal(t, tt.missed, status.Missed, "missed")
				assert.Equal(t, len(at), status.Calls)
				assert.Equal(t, repeat.Ended, status.State)
			})
		})
	}
}

func TestBackOffIsBounded(t *testing.T) {
	for every, last := range map[time.Duration]time.Duration{time.Second: 64 * time.Second, 1 << 60: 1<<63 - 1} {
		synctest.Test(t, func(t *testing.T) {
			g := repeat.New(repeat.Options{})
			var at []time.Time
			require.NoError(t, g.Start(repeat.Task{Every: every, OnError: repeat.BackOff, Run: func(context.Context) error {
				at = append(at, time.Now())
				return errBoom
			}}))
			if every > time.Hour { // a pause of decades: that it is one will do
				require.NoError(t, run(t, g, 1<<59))
				assert.Len(t, at, 1)
				return
			}
			require.NoError(t, run(t, g, time.Hour))
			require.Greater(t, len(at), 9)
			assert.Equal(t, last, at[9].Sub(at[8]))
			assert.Equal(t, last, at[8].Sub(at[7]))
		})
	}
}

func TestTimeoutOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := repeat.New(repeat.Options{})
		require.NoError(t, g.Start(repeat.Task{Every: time.Minute, Timeout: time.Second, Run: func(ctx context.Context) error {
			began := time.Now()
			<-ctx.Done()
			assert.Equal(t, time.Second, time.Since(began))
			return ctx.Err()
		}}))
		require.NoError(t, run(t, g, 90*time.Second))
		status := g.Tasks()[0]
		assert.Equal(t, 2, status.Calls)
		assert.Equal(t, 2, status.Failures)
		assert.ErrorIs(t, status.Err, context.DeadlineExceeded)
	})
}

func TestFailuresAreLogged(t *testing.T) {
	for name, tt := range map[string]struct {
		run     func(context.Context) error
		onError repeat.OnError
		log     []string
		state   func(t *testing.T, s repeat.Status)
	}{
		"an error": {func(context.Context) error { return errBoom }, repeat.Continue,
			[]string{`level=WARN msg="repeated task failed" task=poll every=1m0s error=boom`},
			func(t *testing.T, s repeat.Status) { assert.ErrorIs(t, s.Err, errBoom) }},
		"one that ends the task": {func(context.Context) error { return errBoom }, repeat.End,
			[]string{`level=ERROR msg="repeated task failed, it has ended" task=poll every=1m0s error=boom`},
			func(t *testing.T, s repeat.Status) { assert.Equal(t, 1, s.Calls) }},
		"a panic": {func(context.Context) error { panic("no") }, repeat.Continue,
			[]string{`msg="repeated task failed" task=poll every=1m0s stack="goroutine `, `error="panic: no"`},
			func(t *testing.T, s repeat.Status) {
				var p *event.PanicError
				assert.ErrorAs(t, s.Err, &p)
				assert.Equal(t, 2, s.Calls, "it goes on")
			}},
		"the end of its goroutine": {func(context.Context) error { runtime.Goexit(); return nil }, repeat.Continue,
			[]string{`level=ERROR msg="repeated task failed, it has ended" task=poll every=1m0s error="it ended its goroutine instead of returning"`},
			func(t *testing.T, s repeat.Status) {
				assert.Equal(t, 1, s.Failures)
				assert.EqualError(t, s.Err, "it ended its goroutine instead of returning")
			}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				g := repeat.New(repeat.Options{Owner: "app", Logger: slog.New(slog.NewTextHandler(&out, nil))})
				require.NoError(t, g.Start(repeat.Task{Name: "poll", Every: time.Minute, Run: tt.run, OnError: tt.onError}))
				require.NoError(t, run(t, g, 90*time.Second))
				for _, says := range tt.log {
					assert.Contains(t, out.String(), says)
				}
				tt.state(t, g.Tasks()[0])
			})
		})
	}
}

func TestASuccessClearsTheError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := repeat.New(repeat.Options{})
		errs := []error{errBoom, nil}
		require.NoError(t, g.Start(repeat.Task{Every: time.Minute, Run: func(context.Context) error {
			err := errs[0]
			errs = errs[1:]
			return err
		}}))
		require.NoError(t, run(t, g, 90*time.Second))
		assert.NoError(t, g.Tasks()[0].Err)
		assert.Equal(t, 1, g.Tasks()[0].Failures)
	})
}

func TestOneTaskCanEndThemAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := repeat.New(repeat.Options{Owner: "app"})
		began, ended := time.Now(), false
		require.NoError(t, g.Start(repeat.Task{Name: "other", Every: time.Minute, Run: func(ctx context.Context) error {
			<-ctx.Done()
			assert.ErrorIs(t, context.Cause(ctx), errBoom)
			time.Sleep(time.Second) // Run waits for it
			ended = true
			return ctx.Err()
		}}))
		n := 0
		require.NoError(t, g.Start(repeat.Task{Name: "vital", Every: time.Minute, OnError: repeat.EndAll, Run: func(context.Context) error {
			if n++; n == 2 {
				return errBoom
			}
			return nil
		}}))
		err := g.Run(t.Context())
		assert.ErrorIs(t, err, errBoom)
		assert.EqualError(t, err, `the task "vital": boom`)
		assert.Equal(t, time.Minute+time.Second, time.Since(began))
		assert.True(t, ended)
		assert.Zero(t, g.Tasks()[0].Failures, "its end is no failure")
	})
}
