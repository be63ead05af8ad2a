package subprocess

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// drainLimit bounds the wait for output that somebody outside of the tree
	// could still write.
	drainLimit = time.Second
)

// run owns the command from start to end.
func (c Command) run(ctx context.Context, each func(Line) error, log *slog.Logger) (int, error) {
	if err := ended(ctx); err != nil {
		return -1, err
	}
	if c.Dir != "" { // else the program would be what "does not exist"
		if _, err := os.Stat(c.Dir); err != nil {
			return -1, fmt.Errorf("the working directory: %w", err)
		}
	}
	// The signal on the death of the parent is sent when the thread that started
	// the process ends, so the thread has to stay as long.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	tree := Tree{Mark: NewMark()}
	// How it ends is our business, not that of os/exec, which knows no trees.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), InDir(c.Args[0], c.Dir), c.Args[1:]...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = c.Dir, c.environ(tree.Mark), Attributes()
	feed, err := c.stdin(cmd)
	if err != nil {
		return -1, err
	}
	defer feed.close()
	out, err := newOutputs(c, each)
	if err != nil {
		return -1, err
	}
	cmd.Stdout, cmd.Stderr = out.pipes[0].w, out.pipes[1].w
	err = cmd.Start()
	out.started()
	if err != nil {
		out.close()
		return -1, err
	}
	tree.Group = cmd.Process.Pid
	out.read()
	feed.start()
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // the state says it all
	}()

	failure := c.wait(ctx, exited, out)
	if failure != nil || !c.KeepBackground {
		reluctant := func() {
			log.WarnContext(ctx, "subprocess does not end, killing it", "command", c.label(), "pid", tree.Group, "waited", c.grace())
		}
		if err := tree.End(c.grace(), reluctant); err != nil {
			out.abandon()
			return -1, errors.Join(failure, err)
		}
		<-exited
		out.drain()
	} else {
		out.abandon()
	}
	if failure == nil {
		failure = out.failure()
	}
	if failure != nil {
		return -1, failure
	}
	return exitCode(cmd.ProcessState), nil
}

// wait returns when the command has ended and its output, or the delay, too; or
// the reason why it has to be ended.
func (c Command) wait(ctx context.Context, exited <-chan struct{}, out *outputs) error {
	select {
	case <-ctx.Done():
		return ended(ctx)
	case <-out.failed:
		return out.failure()
	case <-exited:
	}
	delay := time.NewTimer(c.waitDelay())
	defer delay.Stop()
	select {
	case <-ctx.Done():
		return ended(ctx)
	case <-out.failed:
		return out.failure()
	case <-out.done:
		return out.failure()
	case <-delay.C:
		return nil
	}
}

// feed writes the input of a command. That of os/exec would have Wait hang in a
// Read that never returns, even with a WaitDelay.
type feed struct {
	from io.Reader
	r, w *os.File
}

// stdin gives the command its input: a file as it is, anything else by a feed.
func (c Command) stdin(cmd *exec.Cmd) (*feed, error) {
	f := &feed{}
	if _, file := c.Stdin.(*os.File); c.Stdin == nil || file {
		cmd.Stdin = c.Stdin
		return f, nil
	}
	var err error
	if f.r, f.w, err = os.Pipe(); err != nil {
		return nil, err
	}
	f.from, cmd.Stdin = c.Stdin, f.r
	return f, nil
}

func (f *feed) start() {
	if f.from == nil {
		return
	}
	_ = f.r.Close()
	go func() {
		defer func() { _ = f.w.Close() }()
		_, _ = io.Copy(f.w, f.from) // a command need not read to the end
	}()
}

// close makes the next write fail. A Read cannot be interrupted, so its
// goroutine ends when the reader returns.
func (f *feed) close() {
	if f.from != nil {
		_, _ = f.r.Close(), f.w.Close()
	}
}

// ended returns why a context has ended, as errors.Is should find it.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if err == nil || errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// outputs reads both outputs of a command.
type outputs struct {
	c     Command
	each  func(Line) error
	pipes [2]pipe

	done     chan struct{} // closed when both have been read
	failed   chan struct{} // closed when one cannot be read on
	draining atomic.Bool   // nobody of the tree is left to write

	mu  sync.Mutex // held while each runs
	err error
}

type pipe struct {
	stream Stream
	to     io.Writer
	r, w   *os.File
}

func newOutputs(c Command, each func(Line) error) (*outputs, error) {
	o := &outputs{c: c, each: each, done: make(chan struct{}), failed: make(chan struct{})}
	o.pipes[0].stream, o.pipes[0].to = Stdout, c.Stdout
	o.pipes[1].stream, o.pipes[1].to = Stderr, c.Stderr
	for i := range o.pipes {
		var err error
		if o.pipes[i].r, o.pipes[i].w, err = os.Pipe(); err != nil {
			o.started()
			o.close()
			return nil, err
		}
	}
	return o, nil
}

// started closes what the command has now.
func (o *outputs) started() {
	for _, p := range o.pipes {
		_ = p.w.Close()
	}
}

func (o *outputs) close() {
	for _, p := range o.pipes {
		_ = p.r.Close()
	}
}

func (o *outputs) read() {
	var readers sync.WaitGroup
	for _, p := range o.pipes {
		readers.Go(func() {
			if err := o.readOne(p); err != nil {
				o.fail(fmt.Errorf("%s: %w", p.stream, err))
			}
		})
	}
	go func() {
		readers.Wait()
		close(o.done)
	}()
}

func (o *outputs) readOne(p pipe) (err error) {
	defer func() {
		if r := recover(); r != nil { // of the writer
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	from := deadlined{p.r, &o.draining}
	if p.to != nil {
		_, err = io.Copy(p.to, from)
	} else {
		err = o.c.Lines.Read(from, func(text string) error { return o.deliver(Line{p.stream, text}) })
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, os.ErrClosed) {
		return nil // somebody outside of the tree holds the pipe, or we have given up
	}
	return err
}

// deliver is called by both readers.
func (o *outputs) deliver(line Line) (err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil || o.each == nil {
		return nil // the command is about to be ended
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
		if err != nil {
			o.failLocked(err)
		}
	}()
	return o.each(line)
}

func (o *outputs) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failLocked(err)
}

func (o *outputs) failLocked(err error) {
	if o.err == nil {
		o.err = err
		close(o.failed)
	}
}

func (o *outputs) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// drain waits for what has been written already. Nobody of the tree is left to
// write more.
func (o *outputs) drain() {
	o.draining.Store(true)
	for _, p := range o.pipes {
		_ = p.r.SetReadDeadline(time.Now().Add(drainLimit))
	}
	<-o.done
	o.close()
}

// abandon reads no further.
func (o *outputs) abandon() {
	o.close()
	<-o.done
}

// deadlined is a pipe that is given up when nothing comes of it, once nobody is
// left who should write. However long the reader takes, what is in the pipe is
// read.
type deadlined struct {
	r        *os.File
	draining *atomic.Bool
}

func (d deadlined) Read(to []byte) (int, error) {
	if d.draining.Load() {
		_ = d.r.SetReadDeadline(time.Now().Add(drainLimit))
	}
	return d.r.Read(to)
}
