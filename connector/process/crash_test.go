//go:build linux

package process_test

import (
	"bufio"
	"context"
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
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/process"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

// doomedServo runs the application and adjusts it to a configuration that does
// not get ready, until somebody kills it.
func doomedServo() {
	fail := func(err error) {
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	c := appConfig(os.Getenv("APP_ADDRESS"), os.Getenv("APP_PIDS"))
	c.Env["APP_CHILDREN"] = config.NewSecret("yes")
	c.Stop.Grace = types.Duration(200 * time.Millisecond)
	p, err := process.New(c, connector.Env{})
	fail(err)
	var bus event.Bus
	host := connector.NewHost(&bus, "process", nil)
	fail(p.Bind(host))
	ctx := context.Background()
	_, err = connector.Startup.Dispatch(ctx, &bus, connector.Lifecycle{})
	fail(err)
	host.Start(ctx, fail)
	fmt.Println("adjusting")
	_, err = connector.Adjust.Dispatch(ctx, &bus, connector.AdjustRequest{Adjustments: types.Adjustments{to("behaviour", types.Text("never"))}})
	fail(err)
	fmt.Println("adjusted")
}

func TestKillingTheServoDuringAnAdjustmentLeavesNoOrphan(t *testing.T) {
	pids := t.TempDir()
	servo := again("servo")
	servo.Env = append(servo.Env, "APP_ADDRESS="+freeAddress(t), "APP_PIDS="+pids)
	out, err := servo.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, servo.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "adjusting\n", line)

	// Two runs of three processes each, and the second run is what is killed.
	var victims []int
	assert.Eventually(t, func() bool {
		victims = nil
		all := pidsIn(t, pids)
		for _, pid := range all {
			if runs(pid) {
				victims = append(victims, pid)
			}
		}
		return len(all) == 6 && len(victims) == 3
	}, patience, glance)
	marks := map[string]bool{}
	for _, pid := range victims {
		marks[variable(t, pid, "SERVOKIT_PROCESS")] = true
	}
	assert.Len(t, marks, 1)
	var watchdogs []int
	for mark := range marks {
		watchdogs = withArgument(t, "SERVOKIT_PROCESS="+mark)
	}
	assert.Len(t, watchdogs, 1)

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
		r := started(t, withChildren)
		before := family(r)
		require.NoError(t, syscall.Kill(r.info().PID, syscall.SIGKILL))
		require.Eventually(t, func() bool { _, err := r.ask(); return err == nil && len(r.ran()) == 6 }, patience, glance)
		for _, pid := range before {
			assert.False(t, runs(pid))
		}
	})
	t.Run("shutdown", func(t *testing.T) {
		r := started(t, withChildren)
		family(r)
		r.stop()
		assert.Empty(t, r.alive())
		assert.Empty(t, withArgument(t, "servokit-watchdog\x00SERVOKIT_PROCESS="+"none"))
	})
}
