package subprocess

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"time"
)

// Defaults of a [Command].
const (
	DefaultGrace     = 10 * time.Second
	DefaultWaitDelay = 10 * time.Second
)

const (
	shell        = "/bin/sh"
	levelSuccess = slog.Level(2) // as servo/logging has it, which connectors do not import
)

// Command says what to run and how. Only Args is required; [Shell] makes one
// from a command line. A value can be run any number of times, also at once if
// its Stdin, Stdout and Stderr allow it.
type Command struct {
	// Args are the program, which is looked up in the PATH if it has no
	// separator, and its arguments.
	Args []string
	// Dir is the working directory; empty means the one at the time of the call.
	Dir string
	// Env replaces the environment; nil means that of this process. The variable
	// [MarkVariable] is added to it.
	Env []string
	// Stdin is what the command reads; nil means nothing. The command has a
	// process group of its own, so give it os.Stdin only when that is not a
	// terminal, or it would be stopped. A Read that blocks does not keep the
	// command from ending, but its goroutine stays until it returns.
	Stdin io.Reader
	// Stdout and Stderr take the output instead of it being read line by line.
	// Writes to them come from one goroutine each.
	Stdout, Stderr io.Writer
	// Timeout ends the command; 0 means that only the context does.
	Timeout time.Duration
	// Grace is the time between SIGTERM and SIGKILL; 0 means DefaultGrace, less
	// than 0 means none.
	Grace time.Duration
	// WaitDelay is how long to wait, after the command itself has ended, for what
	// it left running to close the output; 0 means DefaultWaitDelay, less than 0
	// means not at all.
	WaitDelay time.Duration
	// Lines says how lines are read.
	Lines LineFormat
	// KeepBackground lets processes live on that the command left running when it
	// ended by itself. Otherwise they are ended like the command.
	KeepBackground bool
	// Label stands for the command in errors and logs; empty means the program
	// without its arguments, which may hold secrets.
	Label string
	// Logger is told of start and end, and when force is needed; nil is silent.
	Logger *slog.Logger
}

// Shell returns a command line for /bin/sh. It is its own label: set another if
// it holds a secret.
func Shell(line string) Command {
	return Command{Args: []string{shell, "-c", line}, Label: line}
}

// Stream is one of the two outputs of a command.
type Stream int

// The outputs of a command.
const (
	Stdout Stream = iota + 1
	Stderr
)

// String returns "stdout" or "stderr".
func (s Stream) String() string {
	switch s {
	case Stdout:
		return "stdout"
	case Stderr:
		return "stderr"
	}
	return fmt.Sprintf("Stream(%d)", int(s))
}

// Line is one line of output, without the white space at its end.
type Line struct {
	Stream Stream
	Text   string
}

// Result is how a command ended and what it printed.
type Result struct {
	Code           int // see [Command.Stream]
	Stdout, Stderr []string
}

// ExitError is how [Command.All] reports a status other than zero.
type ExitError struct {
	Label string
	Code  int
}

// Error names the status or the signal.
func (e *ExitError) Error() string {
	if e.Code < 0 {
		return fmt.Sprintf("%s: killed by signal %d", e.Label, -e.Code)
	}
	return fmt.Sprintf("%s: exit status %d", e.Label, e.Code)
}

// Stream runs the command and hands over each line as it arrives. The outputs
// are read concurrently, so that their order relative to one another is not
// known, but each is called by one goroutine at a time; it should return soon,
// because the command waits while its output is not read. A nil each drops the
// lines.
//
// The code is the exit status, or -N if signal N ended the command; neither is
// an error. These are errors, with the code -1: the command cannot be started
// (found by errors.Is as os.ErrNotExist, exec.ErrNotFound and so on); its time
// is over (context.DeadlineExceeded) or the context has ended (also its cause);
// each returned an error or panicked; a line could not be read
// (*LineTooLongError, [ErrNotUTF8]). In all of them everything the command has
// started has been ended before Stream returns, with SIGTERM and, after the
// grace, SIGKILL, and the lines read until then have been handed over.
//
// Systems other than Unix are not supported: errors.ErrUnsupported.
func (c Command) Stream(ctx context.Context, each func(Line) error) (code int, err error) {
	if err := c.validate(); err != nil {
		return -1, err
	}
	log := c.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if c.Timeout > 0 {
		log.InfoContext(ctx, "running subprocess", "command", c.label(), "timeout", c.Timeout)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("no end after %s: %w", c.Timeout, context.DeadlineExceeded))
		defer cancel()
	} else {
		log.InfoContext(ctx, "running subprocess", "command", c.label())
	}
	began := time.Now()
	code, err = c.run(ctx, each, log)
	took := time.Since(began)
	switch {
	case err != nil:
		err = fmt.Errorf("running %s: %w", c.label(), err)
		log.ErrorContext(ctx, "subprocess failed", "command", c.label(), "error", err, "took", took)
	case code != 0:
		log.ErrorContext(ctx, "subprocess failed", "command", c.label(), "code", code, "took", took)
	default:
		log.Log(ctx, levelSuccess, "subprocess succeeded", "command", c.label(), "took", took)
	}
	return code, err
}

// Run runs the command and returns all its lines. Errors are those of
// [Command.Stream]; the result has what was printed until then.
func (c Command) Run(ctx context.Context) (Result, error) {
	result := Result{Stdout: []string{}, Stderr: []string{}}
	var err error
	result.Code, err = c.Stream(ctx, func(line Line) error {
		if line.Stream == Stdout {
			result.Stdout = append(result.Stdout, line.Text)
		} else {
			result.Stderr = append(result.Stderr, line.Text)
		}
		return nil
	})
	return result, err
}

// All runs the command and ranges over its lines. The last pair may be an error
// with no line: one of [Command.Stream], or an *ExitError for a status other
// than zero. Leaving the loop early ends the command and waits for that.
func (c Command) All(ctx context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		lines, left := make(chan Line), make(chan struct{})
		var code int
		var err error
		go func() {
			defer close(lines)
			code, err = c.Stream(ctx, func(line Line) error {
				select {
				case lines <- line:
					return nil
				case <-left:
					return errLeft
				}
			})
		}()
		defer func() { // also when the body of the loop panics
			close(left)
			cancel(errLeft)
			for range lines { // until the command has ended
				continue
			}
		}()
		for line := range lines {
			if !yield(line, nil) {
				return
			}
		}
		switch {
		case err != nil:
			yield(Line{}, err)
		case code != 0:
			yield(Line{}, &ExitError{Label: c.label(), Code: code})
		}
	}
}

var errLeft = errors.New("the loop over the lines was left")

func (c Command) validate() error {
	var errs []error
	if len(c.Args) == 0 || c.Args[0] == "" {
		errs = append(errs, errors.New("args: a program is required"))
	}
	if c.Timeout < 0 {
		errs = append(errs, fmt.Errorf("timeout: %s is negative", c.Timeout))
	}
	if c.Lines.Max < 0 {
		errs = append(errs, fmt.Errorf("lines: the limit %d is negative", c.Lines.Max))
	}
	if !supported {
		errs = append(errs, fmt.Errorf("running commands on this system: %w", errors.ErrUnsupported))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("subprocess: %w", err)
	}
	return nil
}

func (c Command) label() string {
	if c.Label != "" {
		return c.Label
	}
	return c.Args[0]
}

// environ is the environment with the mark.
func (c Command) environ(mark string) []string {
	env := c.Env
	if env == nil {
		env = os.Environ()
	}
	return append(append([]string(nil), env...), MarkVariable+"="+mark)
}

func (c Command) grace() time.Duration {
	if c.Grace == 0 {
		return DefaultGrace
	}
	return max(c.Grace, 0)
}

func (c Command) waitDelay() time.Duration {
	if c.WaitDelay == 0 {
		return DefaultWaitDelay
	}
	return max(c.WaitDelay, 0)
}
