//go:build unix

package servo_test

import (
	"bufio"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo"
)

// TestSignalsOfUnix is TestSignals for a signal that only Unix has.
func TestSignalsOfUnix(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSignals$")
	cmd.Env = append(os.Environ(), "SERVO_SIGNAL_CHILD=yes")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	var got []string
	for lines.Scan() {
		got = append(got, lines.Text())
		if len(got) == 1 {
			require.NoError(t, cmd.Process.Signal(syscall.SIGUSR1))
		}
	}
	require.NoError(t, cmd.Wait())
	assert.Equal(t, []string{"running", "goodbye SIGUSR1"}, got)
}

func TestConformanceSignalOfUnix(t *testing.T) {
	conform(t, "11", []row{
		{"signal: SIGUSR1", stopped(&servo.SignalError{Signal: syscall.SIGUSR1}, "SIGUSR1", 0)},
	})
}
