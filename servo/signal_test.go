package servo_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo"
)

// TestSignals runs this test binary again as a small servo and sends it
// signals.
func TestSignals(t *testing.T) {
	if os.Getenv("SERVO_SIGNAL_CHILD") != "" {
		signalChild()
	}
	tests := []struct {
		name    string
		stuck   string
		signals []syscall.Signal
		code    int
		lines   []string
	}{
		{"SIGTERM is an orderly end", "", []syscall.Signal{syscall.SIGTERM}, 0, []string{"running", "goodbye SIGTERM"}},
		{"SIGINT is 130", "", []syscall.Signal{syscall.SIGINT}, 130, []string{"running", "goodbye SIGINT"}},
		{"SIGHUP is an orderly end", "", []syscall.Signal{syscall.SIGHUP}, 0, []string{"running", "goodbye SIGHUP"}},
		{"SIGHUP while it is watched is none", "watched", []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM}, 0, []string{"running", "hangup", "goodbye SIGTERM"}},
		{"a second signal ends at once", "yes", []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}, 130, []string{"running", "goodbye SIGTERM"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSignals$")
			cmd.Env = append(os.Environ(), "SERVO_SIGNAL_CHILD=yes", "SERVO_SIGNAL_STUCK="+tt.stuck)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			lines := bufio.NewScanner(out)
			var got []string
			for i := 0; lines.Scan(); i++ {
				got = append(got, lines.Text())
				if i < len(tt.signals) {
					require.NoError(t, cmd.Process.Signal(tt.signals[i]))
				}
			}
			err = cmd.Wait()
			if tt.code == 0 {
				require.NoError(t, err)
			} else {
				var exit *exec.ExitError
				require.ErrorAs(t, err, &exit)
				assert.Equal(t, tt.code, exit.ExitCode())
			}
			assert.Equal(t, tt.lines, got)
		})
	}
}

func signalChild() {
	ctx, stop := servo.SignalContext(context.Background())
	opt := newBackend()
	opt.hello = func(context.Context, int) error { println2("running"); return nil }
	opt.goodbye = func(context.Context) error {
		println2("goodbye " + opt.all("goodbye")[0].reason)
		if os.Getenv("SERVO_SIGNAL_STUCK") == "yes" {
			select {}
		}
		return nil
	}
	if os.Getenv("SERVO_SIGNAL_STUCK") == "watched" {
		servo.NotifyHangup(ctx, func(context.Context) { println2("hangup") })
	}
	s, err := servo.New(servo.Options{Optimizer: opt})
	if err == nil {
		err = s.Run(ctx)
	}
	code := servo.ExitCode(ctx, err)
	stop()
	stop() // twice is fine
	os.Exit(code)
}

func println2(line string) { _, _ = os.Stdout.WriteString(line + "\n") }

func TestExitCode(t *testing.T) {
	caused := func(cause error) context.Context {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		return ctx
	}
	boom := errors.New("boom")
	assert.Equal(t, 0, servo.ExitCode(t.Context(), nil))
	assert.Equal(t, 1, servo.ExitCode(t.Context(), boom))
	assert.Equal(t, 0, servo.ExitCode(caused(&servo.SignalError{Signal: syscall.SIGTERM}), nil))
	assert.Equal(t, 1, servo.ExitCode(caused(&servo.SignalError{Signal: syscall.SIGTERM}), boom), "an end that was not orderly")
	assert.Equal(t, 130, servo.ExitCode(caused(&servo.SignalError{Signal: syscall.SIGINT}), nil))
	assert.Equal(t, "received SIGTERM", (&servo.SignalError{Signal: syscall.SIGTERM}).Error())
	assert.Equal(t, "received SIGHUP", (&servo.SignalError{Signal: syscall.SIGHUP}).Error())
	assert.Equal(t, "received quit", (&servo.SignalError{Signal: syscall.SIGQUIT}).Error())
}
