//go:build linux

package process_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector/process"
	"github.com/servokit/servokit/types"
)

func TestKillingTheServoDuringAnAdjustmentLeavesNoOrphan(t *testing.T) {
	for _, guarded := range []bool{true, false} {
		t.Run(fmt.Sprintf("with watchdog %t", guarded), func(t *testing.T) {
			pids := t.TempDir()
			servo := again("servo")
			servo.Env = append(servo.Env, "APP_ADDRESS="+freeAddress(t), "APP_PIDS="+pids)
			if guarded {
				servo.Env = append(servo.Env, "APP_CHILDREN=yes")
			}
			out, err := servo.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, servo.Start())
			line, err := bufio.NewReader(out).ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "adjusting\n", line)

			// Two runs of the application, and the second is what is killed.
			size := 1
			if guarded {
				size = 3
			}
			var victims []int
			assert.Eventually(t, func() bool {
				victims = nil
				all := pidsIn(t, pids)
				for _, pid := range all {
					if runs(pid) {
						victims = append(victims, pid)
					}
				}
				return len(all) == 2*size && len(victims) == size
			}, patience, glance)
			marks := map[string]bool{}
			for _, pid := range victims {
				marks["SERVOKIT_PROCESS="+variable(t, pid, "SERVOKIT_PROCESS")] = true
			}
			assert.Len(t, marks, 1)
			var watchdogs []int
			for mark := range marks {
				watchdogs = withArgument(t, mark)
			}
			require.Len(t, watchdogs, 1)
			if !guarded { // then it is up to the kernel to end the command
				require.NoError(t, syscall.Kill(watchdogs[0], syscall.SIGKILL))
			}

			require.NoError(t, servo.Process.Kill())
			assert.Error(t, servo.Wait())
			require.Eventually(t, func() bool {
				for _, pid := range append(victims, watchdogs...) {
					if runs(pid) {
						return false
					}
				}
				return true
			}, 5*time.Second, glance, "app %v and watchdog %v must be gone", victims, watchdogs)
		})
	}
}

func variable(t *testing.T, pid int, name string) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	require.NoError(t, err)
	for entry := range strings.SplitSeq(string(data), "\x00") {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	t.Errorf("process %d has no %s", pid, name)
	return ""
}

func withArgument(t *testing.T, argument string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var pids []int
	for _, file := range files {
		data, _ := os.ReadFile(file)
		if strings.Contains(string(data), argument) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			require.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestDescendantsGoWithTheCommand(t *testing.T) {
	withChildren := func(c *process.Config) {
		c.Env["APP_CHILDREN"] = config.NewSecret("yes")
		c.Stop.Grace = types.Duration(200 * time.Millisecond)
	}
	family := func(r *rig) []int {
		require.Eventually(t, func() bool { return len(r.alive()) == 3 }, patience, glance)
		return r.alive()
	}
	t.Run("adjustment", func(t *testing.T) {
		r := started(t, withChildren)
		before := family(r)
		_, err := r.adjust(t.Context(), 0, to("workers", types.Int(5)))
		require.NoError(t, err)
		for _, pid := range before {
			assert.False(t, runs(pid))
		}
	})
	t.Run("crash", func(t *testing.T) {
		r := started(t, func(c *process.Config) {
			withChildren(c)
			c.Restart = process.Restart{Backoff: types.Duration(time.Hour), MaxBackoff: types.Duration(time.Hour)}
		})
		family(r)
		require.NoError(t, syscall.Kill(r.info().PID, syscall.SIGKILL))
		require.Eventually(t, func() bool { return len(r.alive()) == 0 }, patience, glance, "they go at once, not with the next start")
	})
	t.Run("shutdown", func(t *testing.T) {
		r := started(t, withChildren)
		family(r)
		pid := r.info().PID
		group, err := syscall.Getpgid(pid)
		require.NoError(t, err)
		assert.Equal(t, pid, group, "the Ctrl-C of a terminal does not reach it")
		mark := "SERVOKIT_PROCESS=" + variable(t, pid, "SERVOKIT_PROCESS")
		assert.Len(t, withArgument(t, mark), 1, "the watchdog")
		r.stop()
		assert.Empty(t, r.alive())
		assert.Empty(t, withArgument(t, mark))
	})
}
