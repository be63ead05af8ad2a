package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/servokit/servokit/internal/subprocess"
)

// Bounds of a single attempt to probe.
const (
	attemptLimit  = 2 * time.Second
	occupiedLimit = 500 * time.Millisecond
)

// notReadyError says that a command was alive at its deadline, but not ready.
type notReadyError struct {
	after time.Duration
	last  error
	tail  string
}

func (e *notReadyError) Error() string {
	text := fmt.Sprintf("the process was not ready within %s", e.after)
	if e.last != nil {
		text += " (" + e.last.Error() + ")"
	}
	return text + e.tail
}

func (e *notReadyError) Unwrap() error { return e.last }

// awaitReady waits until the probe succeeds. It fails when the process ends, at
// the deadline, and with the cause of ctx when that ends.
func (p *process) awaitReady(ctx context.Context, c *child) error {
	began := time.Now()
	timeout := p.config.Ready.Timeout.Std()
	if !p.probes() {
		timeout += p.config.Ready.MinUptime.Std()
	}
	ctx, done := c.during(ctx)
	defer done()
	deadline, cancel := context.WithTimeoutCause(ctx, timeout, errDeadline)
	defer cancel()
	var last error
	for {
		err := p.attempt(deadline, c)
		if err == nil && c.alive() {
			return nil
		}
		// What an attempt says that ran into the deadline is of little use.
		if last == nil || deadline.Err() == nil && !os.IsTimeout(err) {
			last = err
		}
		if deadline.Err() == nil {
			err = pause(deadline, p.config.Ready.Interval.Std())
			if err == nil {
				continue
			}
		}
		switch cause := context.Cause(deadline); {
		case errors.Is(cause, errExited):
			return c.failure()
		case errors.Is(cause, errDeadline):
			return &notReadyError{after: time.Since(began).Round(time.Millisecond), last: last, tail: c.output.tail()}
		default:
			return cause
		}
	}
}

var errDeadline = errors.New("deadline")

// probes tells whether there is a probe, as opposed to a time to stay alive.
func (p *process) probes() bool {
	r := p.config.Ready
	return r.HTTP != "" || r.TCP != "" || len(r.Command) > 0 || r.Log != ""
}

// attempt probes once.
func (p *process) attempt(ctx context.Context, c *child) error {
	ctx, cancel := context.WithTimeoutCause(ctx, attemptLimit, fmt.Errorf("no answer within %s", attemptLimit))
	defer cancel()
	r := p.config.Ready
	switch {
	case r.HTTP != "" || r.TCP != "":
		return p.knock(ctx)
	case len(r.Command) > 0:
		return p.runProbe(ctx, c)
	case r.Log != "":
		select {
		case <-c.output.match():
			return nil
		case <-ctx.Done():
			return fmt.Errorf("no line of output matched %q", r.Log)
		}
	default:
		return pause(ctx, time.Until(c.started.Add(r.MinUptime.Std())))
	}
}

// knock probes what listens on a network address.
func (p *process) knock(ctx context.Context) error {
	if address := p.config.Ready.TCP; address != "" {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.config.Ready.HTTP, nil)
	if err != nil {
		return err
	}
	request.Close = true // a kept connection might lead to the previous process
	response, err := p.http.Do(request)
	if err != nil {
		return err
	}
	_, _ = io.CopyN(io.Discard, response.Body, maxTailBytes)
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		return fmt.Errorf("GET %s: %s", p.config.Ready.HTTP, response.Status)
	}
	return nil
}

// occupied fails when something answers the probe although the command does not
// run: its answers would be taken for those of the command.
func (p *process) occupied(ctx context.Context) error {
	if p.config.Ready.HTTP == "" && p.config.Ready.TCP == "" {
		return nil
	}
	short, cancel := context.WithTimeout(ctx, occupiedLimit)
	defer cancel()
	if p.knock(short) != nil {
		return nil
	}
	return fmt.Errorf("another process already answers at %s%s: stop it or choose another address", p.config.Ready.HTTP, p.config.Ready.TCP)
}

func (p *process) runProbe(ctx context.Context, c *child) error {
	args := p.config.Ready.Command
	cmd := exec.CommandContext(ctx, subprocess.InDir(args[0], p.config.Dir), args[1:]...)
	cmd.Dir, cmd.Env = p.config.Dir, c.env
	cmd.SysProcAttr = watchdogAttributes()
	cmd.Cancel = func() error {
		subprocess.Tree{Group: cmd.Process.Pid}.Kill(nil)
		return nil
	}
	cmd.WaitDelay = drainLimit
	printed, err := cmd.CombinedOutput()
	if err != nil && len(printed) > 0 {
		return fmt.Errorf("%s: %w: %.200s", args[0], err, p.hide.Text(string(printed)))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return nil
}
