//go:build unix

package subprocess_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/internal/subprocess"
)

// over tells whether a process runs no more.
func over(pid int) bool {
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		return strings.Contains(string(stat), ") Z ")
	}
	return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// pids reads the numbers that a script has printed.
func pids(t *testing.T, lines []string) []int {
	t.Helper()
	var found []int
	for _, line := range lines {
		pid, err := strconv.Atoi(line)
		require.NoError(t, err)
		found = append(found, pid)
	}
	return found
}

// cLogger logs lines without time.
func cLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "took" || a.Key == "pid" {
			return slog.Attr{}
		}
		return a
	}}))
}

// Each row of what the specification says about subprocesses is a case.
func TestSubprocessRows(t *testing.T) {
	rows := []struct {
		name string
		test func(*testing.T)
	}{
		{"stream-exec: direct, lines to callbacks, exit status", func(t *testing.T) {
			got := map[subprocess.Stream][]string{}
			code, err := subprocess.Command{Args: []string{"sh", "-c", "echo a; echo b >&2; echo c; exit 3"}}.Stream(t.Context(), func(l subprocess.Line) error {
				got[l.Stream] = append(got[l.Stream], l.Text)
				return nil
			})
			require.NoError(t, err)
			assert.Equal(t, 3, code)
			assert.Equal(t, map[subprocess.Stream][]string{subprocess.Stdout: {"a", "c"}, subprocess.Stderr: {"b"}}, got)
		}},
		{"run-exec: code and lines", func(t *testing.T) {
			r, err := subprocess.Command{Args: []string{"printf", `%s\n`, "$HOME", "b c"}}.Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, subprocess.Result{Stdout: []string{"$HOME", "b c"}, Stderr: []string{}}, r)
		}},
		{"stream-shell: a line for the shell", func(t *testing.T) {
			var got []string
			code, err := subprocess.Shell("for i in 1 2; do echo $((i * 2)); done").Stream(t.Context(), func(l subprocess.Line) error {
				got = append(got, l.Text)
				return nil
			})
			require.NoError(t, err)
			assert.Zero(t, code)
			assert.Equal(t, []string{"2", "4"}, got)
		}},
		{"run-shell: code and lines", func(t *testing.T) {
			r, err := subprocess.Shell("echo out | tr o O; echo err >&2; false").Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, subprocess.Result{Code: 1, Stdout: []string{"Out"}, Stderr: []string{"err"}}, r)
		}},
		{"stream-output: the lines of a process started elsewhere", func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "echo", "hello")
			r, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			var got []string
			require.NoError(t, subprocess.LineFormat{}.Read(r, func(line string) error { got = append(got, line); return nil }))
			require.NoError(t, cmd.Wait())
			assert.Equal(t, []string{"hello"}, got)
		}},
		{"working directory: given", func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "hi"), []byte("#!/bin/sh\npwd -P\n"), 0o700))
			r, err := subprocess.Command{Args: []string{"./hi"}, Dir: dir}.Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []string{dir}, r.Stdout)
		}},
		{"working directory: default at call time", func(t *testing.T) {
			c := subprocess.Shell("pwd -P")
			dir, err := filepath.EvalSymlinks(t.TempDir())
			require.NoError(t, err)
			t.Chdir(dir)
			r, err := c.Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []string{dir}, r.Stdout)
		}},
		{"environment: inherited", func(t *testing.T) {
			t.Setenv("SUBPROCESS_TEST", "seen")
			r, err := subprocess.Shell("echo $SUBPROCESS_TEST").Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []string{"seen"}, r.Stdout)
		}},
		{"environment: replaced", func(t *testing.T) {
			t.Setenv("SUBPROCESS_TEST", "seen")
			r, err := subprocess.Command{Args: []string{"/bin/sh", "-c", "echo \"$SUBPROCESS_TEST$OTHER\""}, Env: []string{"OTHER=yes"}}.Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []string{"yes"}, r.Stdout)
		}},
		{"timeout: none", func(t *testing.T) {
			_, err := subprocess.Shell("sleep 0.1").Run(t.Context())
			require.NoError(t, err)
		}},
		{"timeout: over, after the lines so far", func(t *testing.T) {
			c := subprocess.Shell("echo first; exec sleep 100")
			c.Timeout = 300 * time.Millisecond
			r, err := c.Run(t.Context())
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorContains(t, err, "running echo first; exec sleep 100: no end after 300ms")
			assert.Equal(t, []string{"first"}, r.Stdout)
			assert.Equal(t, -1, r.Code)
		}},
		{"stdin: given", func(t *testing.T) {
			r, err := subprocess.Command{Args: []string{"cat"}, Stdin: strings.NewReader("one\ntwo\n")}.Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []string{"one", "two"}, r.Stdout)
		}},
		{"stdin: none", func(t *testing.T) {
			r, err := subprocess.Command{Args: []string{"cat"}}.Run(t.Context())
			require.NoError(t, err)
			assert.Empty(t, r.Stdout)
		}},
		{"stdout and stderr: elsewhere, and empty lists", func(t *testing.T) {
			var out, errs bytes.Buffer
			c := subprocess.Shell("echo a; echo b >&2")
			c.Stdout, c.Stderr = &out, &errs
			r, err := c.Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, subprocess.Result{Stdout: []string{}, Stderr: []string{}}, r)
			assert.Equal(t, "a\n|b\n", out.String()+"|"+errs.String())
		}},
		{"line limit: larger than 64 KiB by default", func(t *testing.T) {
			r, err := subprocess.Shell("head -c 200000 /dev/zero | tr '\\0' x").Run(t.Context())
			require.NoError(t, err)
			require.Len(t, r.Stdout, 1)
			assert.Len(t, r.Stdout[0], 200000)
		}},
		{"line limit: typed error, the command is ended", func(t *testing.T) {
			c := subprocess.Shell("echo $$; echo 12345678901234567890; exec sleep 100")
			c.Lines.Max = 16
			r, err := c.Run(t.Context())
			var long *subprocess.LineTooLongError
			require.ErrorAs(t, err, &long)
			require.ErrorContains(t, err, "stdout: the line is longer than 16 bytes")
			assert.True(t, over(pids(t, r.Stdout)[0]))
		}},
		{"line limit: split", func(t *testing.T) {
			c := subprocess.Shell("echo 1234567890")
			c.Lines = subprocess.LineFormat{Max: 6, Long: subprocess.SplitLong}
			r, err := c.Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []string{"123456", "7890"}, r.Stdout)
		}},
		{"lines: strict UTF-8, no white space at the end, blank ones too", func(t *testing.T) {
			r, err := subprocess.Command{Args: []string{"printf", `a \t\r\n\nb\n`}}.Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []string{"a", "", "b"}, r.Stdout)
			_, err = subprocess.Command{Args: []string{"printf", `\377\n`}}.Run(t.Context())
			require.ErrorIs(t, err, subprocess.ErrNotUTF8)
		}},
		{"lines: as they arrive", func(t *testing.T) {
			in, out, err := os.Pipe()
			require.NoError(t, err)
			defer func() { require.NoError(t, in.Close()) }()
			var got []string
			_, err = subprocess.Command{Args: []string{"sh", "-c", "echo ready; read answer; echo $answer"}, Stdin: in}.Stream(t.Context(), func(l subprocess.Line) error {
				got = append(got, l.Text)
				if l.Text == "ready" { // else the command would wait forever
					_, err := io.WriteString(out, "go\n")
					return errors.Join(err, out.Close())
				}
				return nil
			})
			require.NoError(t, err)
			assert.Equal(t, []string{"ready", "go"}, got)
		}},
		{"status: killed by signal N is -N", func(t *testing.T) {
			r, err := subprocess.Shell("kill -9 $$").Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, -9, r.Code)
		}},
		{"missing program is an error of the system", func(t *testing.T) {
			_, err := subprocess.Command{Args: []string{"no-such-program-here"}}.Run(t.Context())
			require.ErrorIs(t, err, exec.ErrNotFound)
			_, err = subprocess.Command{Args: []string{"/no/such/program"}}.Run(t.Context())
			require.ErrorIs(t, err, os.ErrNotExist)
		}},
		{"end: SIGTERM first", func(t *testing.T) {
			c := subprocess.Shell("trap 'echo bye; exit 0' TERM; echo $$; while :; do sleep 0.02; done")
			c.Timeout = 300 * time.Millisecond
			r, err := c.Run(t.Context())
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Len(t, r.Stdout, 2)
			assert.Equal(t, "bye", r.Stdout[1])
		}},
		{"end: SIGKILL after the grace, with a warning", func(t *testing.T) {
			var log bytes.Buffer
			c := subprocess.Shell("trap '' TERM; echo $$; while :; do sleep 0.02; done")
			c.Timeout, c.Grace, c.Label, c.Logger = 200*time.Millisecond, 100*time.Millisecond, "stubborn", cLogger(&log)
			r, err := c.Run(t.Context())
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.True(t, over(pids(t, r.Stdout)[0]))
			assert.Contains(t, log.String(), "level=WARN msg=\"subprocess does not end, killing it\" command=stubborn waited=100ms\n")
		}},
		{"end: cancellation, with its cause", func(t *testing.T) {
			stop := errors.New("superseded")
			ctx, cancel := context.WithCancelCause(t.Context())
			_, err := subprocess.Shell("echo up; exec sleep 100").Stream(ctx, func(subprocess.Line) error {
				cancel(stop)
				return nil
			})
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, stop)
		}},
		{"log: start and success", func(t *testing.T) {
			var log bytes.Buffer
			c := subprocess.Shell("true")
			c.Logger, c.Timeout = cLogger(&log), time.Minute
			_, err := c.Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "level=INFO msg=\"running subprocess\" command=true timeout=1m0s\nlevel=INFO+2 msg=\"subprocess succeeded\" command=true\n", log.String())
		}},
		{"log: failure", func(t *testing.T) {
			var log bytes.Buffer
			c := subprocess.Shell("exit 7")
			c.Logger = cLogger(&log)
			_, err := c.Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "level=INFO msg=\"running subprocess\" command=\"exit 7\"\nlevel=ERROR msg=\"subprocess failed\" command=\"exit 7\" code=7\n", log.String())
		}},
		{"log: a label hides secrets, and so does the direct form", func(t *testing.T) {
			var log bytes.Buffer
			c := subprocess.Shell("echo hunter2 >/dev/null; exit 1")
			c.Label, c.Logger = "log in", cLogger(&log)
			_, err := c.Run(t.Context())
			require.NoError(t, err)
			_, err = subprocess.Command{Args: []string{"sleep", "hunter2"}, Logger: cLogger(&log), Lines: subprocess.LineFormat{Max: -1}}.Run(t.Context())
			require.Error(t, err)
			_, err = subprocess.Command{Args: []string{"/nowhere", "hunter2"}, Logger: cLogger(&log)}.Run(t.Context())
			require.Error(t, err)
			assert.NotContains(t, log.String()+err.Error(), "hunter2")
		}},
		{"whole tree: children, and those that left the group, are ended", func(t *testing.T) {
			c := subprocess.Shell("sleep 100 & echo $!; (sleep 100 & echo $!; wait) & command -v setsid >/dev/null && setsid sh -c 'echo $$; exec sleep 100' & wait")
			c.Timeout = 500 * time.Millisecond
			r, err := c.Run(t.Context())
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.GreaterOrEqual(t, len(r.Stdout), 2)
			for _, pid := range pids(t, r.Stdout) {
				assert.True(t, over(pid), "process %d", pid)
			}
		}},
		{"callback error ends the process", func(t *testing.T) {
			enough := errors.New("enough")
			var pid int
			calls := 0
			code, err := subprocess.Shell("echo $$; while :; do echo more; sleep 0.01; done").Stream(t.Context(), func(l subprocess.Line) error {
				calls++
				pid, _ = strconv.Atoi(l.Text)
				return enough
			})
			require.ErrorIs(t, err, enough)
			assert.Equal(t, -1, code)
			assert.Equal(t, 1, calls)
			assert.True(t, over(pid))
		}},
		{"iterator", func(t *testing.T) {
			var got []string
			for line, err := range subprocess.Shell("echo a; echo b").All(t.Context()) {
				require.NoError(t, err)
				got = append(got, line.Stream.String()+" "+line.Text)
			}
			assert.Equal(t, []string{"stdout a", "stdout b"}, got)
		}},
	}
	for _, row := range rows {
		t.Run(row.name, row.test)
	}
	assert.Len(t, rows, 30)
}

func TestInheritedPipesDoNotHang(t *testing.T) {
	t.Run("what is left is ended after the delay", func(t *testing.T) {
		c := subprocess.Shell("sleep 100 & echo $!")
		c.WaitDelay = 50 * time.Millisecond
		r, err := c.Run(t.Context())
		require.NoError(t, err)
		assert.True(t, over(pids(t, r.Stdout)[0]))
	})
	t.Run("within the delay its output counts", func(t *testing.T) {
		r, err := subprocess.Shell("(sleep 0.1; echo late) & echo early").Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"early", "late"}, r.Stdout)
	})
	t.Run("no delay", func(t *testing.T) {
		c := subprocess.Shell("exec sleep 100 >&2 & echo $!")
		c.WaitDelay = -1
		_, err := c.Run(t.Context())
		require.NoError(t, err)
	})
	t.Run("silent leftovers are ended", func(t *testing.T) {
		r, err := subprocess.Shell("sleep 100 >/dev/null 2>&1 & echo $!").Run(t.Context())
		require.NoError(t, err)
		assert.True(t, over(pids(t, r.Stdout)[0]))
	})
	t.Run("or kept on request", func(t *testing.T) {
		c := subprocess.Shell("sleep 100 & echo $!")
		c.WaitDelay, c.KeepBackground = 50*time.Millisecond, true
		r, err := c.Run(t.Context())
		require.NoError(t, err)
		pid := pids(t, r.Stdout)[0]
		assert.False(t, over(pid))
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	})
	t.Run("cancelled during the delay", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := subprocess.Shell("sleep 100 & echo $$").Stream(ctx, func(l subprocess.Line) error {
			go func() { // once the command itself has ended
				pid, _ := strconv.Atoi(l.Text)
				for !over(pid) {
					time.Sleep(time.Millisecond)
				}
				cancel()
			}()
			return nil
		})
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("a slow callback gets everything", func(t *testing.T) {
		c := subprocess.Shell("echo a; echo b; echo c")
		c.WaitDelay = time.Millisecond
		var got []string
		_, err := c.Stream(t.Context(), func(l subprocess.Line) error {
			got = append(got, l.Text)
			time.Sleep(20 * time.Millisecond) // what makes it slow
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b", "c"}, got)
	})
	t.Run("input that never comes", func(t *testing.T) {
		in, out := io.Pipe()
		defer func() { require.NoError(t, out.Close()) }()
		_, err := subprocess.Command{Args: []string{"true"}, Stdin: in}.Run(t.Context())
		require.NoError(t, err)
	})
}

func TestStreamFailures(t *testing.T) {
	t.Run("all problems at once", func(t *testing.T) {
		_, err := subprocess.Command{Timeout: -1, Lines: subprocess.LineFormat{Max: -2}}.Run(t.Context())
		require.EqualError(t, err, "subprocess: args: a program is required\ntimeout: -1ns is negative\nlines: the limit -2 is negative")
	})
	t.Run("already cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := subprocess.Shell("echo never").Stream(ctx, func(subprocess.Line) error { return errors.New("was run") })
		require.ErrorIs(t, err, context.Canceled)
		assert.NotContains(t, err.Error(), "was run")
	})
	t.Run("no such directory", func(t *testing.T) {
		_, err := subprocess.Command{Args: []string{"true"}, Dir: "/no/such"}.Run(t.Context())
		require.ErrorIs(t, err, os.ErrNotExist)
		require.ErrorContains(t, err, "the working directory")
	})
	t.Run("a callback that panics", func(t *testing.T) {
		_, err := subprocess.Shell("echo a; exec sleep 100").Stream(t.Context(), func(subprocess.Line) error { panic("oops") })
		require.EqualError(t, err, "running echo a; exec sleep 100: panic: oops")
	})
	t.Run("a writer that fails", func(t *testing.T) {
		c := subprocess.Shell("echo a; exec sleep 100")
		c.Stdout = writer(func([]byte) (int, error) { return 0, io.ErrShortBuffer })
		_, err := c.Run(t.Context())
		require.ErrorIs(t, err, io.ErrShortBuffer)
		c.Stdout = writer(func([]byte) (int, error) { panic("oops") })
		_, err = c.Run(t.Context())
		require.ErrorContains(t, err, "stdout: panic: oops")
	})
	t.Run("no grace", func(t *testing.T) {
		c := subprocess.Shell("trap 'echo bye; exit 0' TERM; echo $$; while :; do sleep 0.02; done")
		c.Timeout, c.Grace = 200*time.Millisecond, -1
		r, err := c.Run(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Len(t, r.Stdout, 1)
	})
	t.Run("no callback", func(t *testing.T) {
		code, err := subprocess.Shell("echo a; exit 4").Stream(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, 4, code)
	})
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestIterator(t *testing.T) {
	t.Run("leaving ends a command that prints nothing more", func(t *testing.T) {
		var pid int
		for line, err := range subprocess.Shell("echo $$; exec sleep 100").All(t.Context()) {
			require.NoError(t, err)
			pid, _ = strconv.Atoi(line.Text)
			break
		}
		assert.True(t, over(pid))
	})
	t.Run("a status is the last error", func(t *testing.T) {
		for _, tt := range []struct{ line, want string }{{"exit 3", "exit 3: exit status 3"}, {"kill -15 $$", "kill -15 $$: killed by signal 15"}} {
			var last error
			for _, err := range subprocess.Shell(tt.line).All(t.Context()) {
				last = err
			}
			var exit *subprocess.ExitError
			require.ErrorAs(t, last, &exit)
			assert.EqualError(t, last, tt.want)
		}
	})
	t.Run("an error is the last", func(t *testing.T) {
		var last error
		for _, err := range (subprocess.Command{Args: []string{"/no/such"}}).All(t.Context()) {
			last = err
		}
		require.ErrorIs(t, last, os.ErrNotExist)
	})
	t.Run("a body that panics ends the command", func(t *testing.T) {
		var pid int
		assert.PanicsWithValue(t, "oops", func() {
			for line := range subprocess.Shell("echo $$; exec sleep 100").All(t.Context()) {
				pid, _ = strconv.Atoi(line.Text)
				panic("oops")
			}
		})
		assert.True(t, over(pid))
	})
	t.Run("names of streams", func(t *testing.T) {
		assert.Equal(t, "stderr", subprocess.Stderr.String())
		assert.Equal(t, "Stream(9)", subprocess.Stream(9).String())
	})
}

func TestTree(t *testing.T) {
	mark := subprocess.NewMark()
	assert.NotEqual(t, mark, subprocess.NewMark())
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.02; done")
	cmd.Env = append(os.Environ(), subprocess.MarkVariable+"="+mark)
	cmd.SysProcAttr = subprocess.Attributes()
	r, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = io.ReadFull(r, make([]byte, 3))
	require.NoError(t, err)
	tree := subprocess.Tree{Group: cmd.Process.Pid, Mark: mark}
	assert.NotEmpty(t, tree.Left())
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		_ = cmd.Wait()
	}()
	require.NoError(t, tree.End(10*time.Millisecond, nil))
	<-waited
	assert.Empty(t, tree.Left())
	require.NoError(t, tree.End(0, nil), "ending again")
}

func TestInDir(t *testing.T) {
	dir := t.TempDir()
	assert.Equal(t, filepath.Join(dir, "bin/x"), subprocess.InDir("./bin/x", dir))
	assert.Equal(t, "x", subprocess.InDir("x", dir))
	assert.Equal(t, "/bin/x", subprocess.InDir("/bin/x", dir))
	assert.Equal(t, "./x", subprocess.InDir("./x", ""))
}
