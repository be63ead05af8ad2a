package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/servokit/servokit/internal/subprocess"
)

const shell = "/bin/sh"

// watchdogScript waits for its input to end, which happens when the servo does,
// and then kills the process group and everything that carries the mark, until
// nothing is found any more. "bye" ends it without that.
const watchdogScript = `trap '' HUP INT QUIT TERM PIPE
group=
while read -r word value; do
  case $word in
  group) group=$value ;;
  bye) exit 0 ;;
  esac
done
round=0
while [ $round -lt 10 ]; do
  round=$((round + 1))
  found=
  if [ -n "$group" ]; then kill -s KILL -- "-$group" 2>/dev/null; fi
  for file in /proc/[0-9]*/environ; do
    if grep -q -F -e "$1" "$file" 2>/dev/null; then
      pid=${file#/proc/}
      kill -s KILL "${pid%/environ}" 2>/dev/null && found=yes
    fi
  done
  [ -n "$found" ] || exit 0
done`

// watchdog is a shell in a process group of its own that outlives a servo that
// is killed, just long enough to clean up after it. A nil watchdog does nothing.
type watchdog struct {
	cmd  *exec.Cmd
	line io.WriteCloser
}

func startWatchdog(ctx context.Context, mark string) (*watchdog, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), shell, "-c", watchdogScript, "servokit-watchdog", subprocess.MarkVariable+"="+mark)
	cmd.Stdin = r
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin:" + os.Getenv("PATH")}
	cmd.Dir = "/"
	cmd.SysProcAttr = watchdogAttributes()
	if err := cmd.Start(); err != nil {
		_ = w.Close()
		return nil, err
	}
	return &watchdog{cmd: cmd, line: w}, nil
}

// watch tells which process group to kill.
func (g *watchdog) watch(group int) {
	if g != nil {
		_, _ = fmt.Fprintf(g.line, "group %d\n", group)
	}
}

// dismiss ends the watchdog without a kill, and waits for it.
func (g *watchdog) dismiss() {
	if g == nil {
		return
	}
	_, _ = io.WriteString(g.line, "bye\n")
	timer := time.AfterFunc(drainLimit, func() { _ = g.cmd.Process.Kill() })
	_ = g.cmd.Wait()
	timer.Stop()
	_ = g.line.Close()
}
