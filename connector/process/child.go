package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"github.com/servokit/servokit/internal/subprocess"
)

// Bounds of tidying up. None of them is reached unless the system itself hangs.
const (
	sweepPause  = 5 * time.Millisecond
	sweepLimit  = 5 * time.Second
	drainLimit  = time.Second
	resignLimit = sweepLimit + drainLimit + 2*time.Second
	quickGrace  = 500 * time.Millisecond
)

// child is one run of the command: the process, everything it starts and the
// watchdog. Its goroutine ends when nothing of it is left.
type child struct {
	pid     int
	tree    subprocess.Tree
	started time.Time
	output  *output
	env     []string

	exited chan struct{} // closed when the process itself has ended
	gone   chan struct{} // closed when nothing is left, or after leftover is set
	state  string        // how it ended; read after exited
	ended  time.Time
	left   error // what could not be removed; read after gone

	mu       sync.Mutex
	stopping bool // its end is wanted
	crashed  bool // it ended before that
	killed   bool
	kill     chan struct{} // closed when the grace is over
}

// exitError is the end of a process that was not asked to stop.
type exitError struct {
	state, tail string
}

func (e *exitError) Error() string {
	return fmt.Sprintf("the process ended (%s)%s", e.state, e.tail)
}

// start runs the command. On an error nothing is left behind.
func start(ctx context.Context, args, env []string, dir string, out *output, log *slog.Logger) (*child, error) {
	if dir != "" { // else the program would be what "does not exist"
		if _, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("starting %s: the working directory: %w", args[0], err)
		}
	}
	c := &child{
		output: out, tree: subprocess.Tree{Mark: subprocess.NewMark()},
		exited: make(chan struct{}), gone: make(chan struct{}), kill: make(chan struct{}),
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", args[0], err)
	}
	// The command outlives the operation that starts it, not its values.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), subprocess.InDir(args[0], dir), args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, w, w
	c.env = append(env, subprocess.MarkVariable+"="+c.tree.Mark)
	cmd.Env = c.env
	cmd.SysProcAttr = subprocess.Attributes()
	// The watchdog comes first: from the first moment of the command on, there
	// is somebody who ends it when the servo is gone.
	guard, err := startWatchdog(ctx, c.tree.Mark)
	if err != nil {
		log.WarnContext(ctx, "no watchdog: processes started by the command may survive if the servo is killed", "error", err)
	}
	started := make(chan error)
	go c.run(cmd, r, w, guard, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", args[0], err)
	}
	return c, nil
}

// run owns the process from start to end.
func (c *child) run(cmd *exec.Cmd, r, w *os.File, guard *watchdog, started chan<- error) {
	// The signal on the death of the parent is sent when the thread that
	// started the process ends, so the thread has to stay as long.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		guard.dismiss()
		started <- err
		return
	}
	c.pid, c.started = cmd.Process.Pid, time.Now()
	c.tree.Group = c.pid
	guard.watch(c.pid)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		c.output.read(r)
	}()
	started <- nil

	_ = cmd.Wait() // the state says it all
	c.state, c.ended = cmd.ProcessState.String(), time.Now()
	close(c.exited)
	c.sweep()
	// Nobody is left to write, but a process outside our reach may hold the
	// pipe open.
	_ = r.SetReadDeadline(time.Now().Add(drainLimit))
	<-drained
	_ = r.Close()
	guard.dismiss()
	close(c.gone)
}

// sweep removes what the process has left behind: at once when it died by
// itself, else when the grace is over.
func (c *child) sweep() {
	c.mu.Lock()
	c.crashed = !c.stopping
	if c.crashed && !c.killed {
		c.killed = true
		close(c.kill)
	}
	c.mu.Unlock()
	wait := time.NewTimer(0)
	defer wait.Stop()
	for graceful, again := true, sweepPause; graceful; again = min(2*again, 20*sweepPause) {
		if len(c.tree.Left()) == 0 {
			return
		}
		wait.Reset(again)
		select {
		case <-c.kill:
			graceful = false
		case <-wait.C:
		}
	}
	limit := time.NewTimer(sweepLimit)
	defer limit.Stop()
	for {
		left := c.tree.Left()
		if len(left) == 0 {
			return
		}
		c.tree.Kill(left)
		wait.Reset(sweepPause)
		select {
		case <-limit.C:
			c.left = fmt.Errorf("processes %v of the command cannot be killed", left)
			return
		case <-wait.C:
		}
	}
}

// alive tells whether the process itself has not ended.
func (c *child) alive() bool {
	if c == nil {
		return false
	}
	select {
	case <-c.exited:
		return false
	default:
		return true
	}
}

// stop ends everything of this run: with the signal, and after the grace, or
// when ctx ends, by force. It returns when nothing is left. Stopping again, and
// at the same time, is fine.
func (c *child) stop(ctx context.Context, signal string, grace time.Duration) error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	first := !c.stopping
	c.stopping = true
	c.mu.Unlock()
	if first && ctx.Err() == nil && grace > 0 {
		signalTree(c.tree, signal)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.gone:
		return c.left
	case <-timer.C:
	case <-ctx.Done():
	}
	c.mu.Lock()
	if !c.killed {
		c.killed = true
		close(c.kill)
	}
	c.mu.Unlock()
	if left := c.tree.Left(); len(left) > 0 {
		c.tree.Kill(left)
	}
	resign := time.NewTimer(resignLimit)
	defer resign.Stop()
	select {
	case <-c.gone:
		return c.left
	case <-resign.C:
		return fmt.Errorf("process %d cannot be killed", c.pid)
	}
}

// failure describes the end of the process, once it has ended.
func (c *child) failure() error {
	<-c.exited
	select {
	case <-c.gone: // then all output has been read
	case <-time.After(resignLimit):
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.crashed {
		return errStopped
	}
	return &exitError{state: c.state, tail: c.output.tail()}
}

var errStopped = errors.New("the process was stopped by another operation")

// errExited is the cause of contexts made with during; failure says more.
var errExited = errors.New("the process has ended")

// during returns a context that also ends when the process does, with the cause
// errExited. Call the function when done.
func (c *child) during(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-c.exited:
			cancel(errExited)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-ended
	}
}

// pause waits, or returns the cause when ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
