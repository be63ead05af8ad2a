package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// TestMain lets the test binary be the quickstart itself, as a process of its
// own that can be interrupted and killed.
func TestMain(m *testing.M) {
	if os.Getenv("QUICKSTART_MAIN") != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// program is a running quickstart. What it starts can be told by its temporary
// folder, which nobody else has.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	dir    string
	stdout bytes.Buffer
	exited chan struct{}
	code   int

	mu     sync.Mutex
	stderr bytes.Buffer
	grown  chan struct{} // closed when stderr has grown
}

// start runs the quickstart with its progress on standard error.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{t: t, dir: t.TempDir(), exited: make(chan struct{}), grown: make(chan struct{})}
	args = append([]string{"--output", "json", "--rate", "10", "--duration", "1s", "--report", ""}, args...)
	p.cmd = exec.Command(os.Args[0], args...) //nolint:noctx // ended by the test itself
	p.cmd.Dir = t.TempDir()                   // for files of its default folders
	p.cmd.Env = append(os.Environ(), "QUICKSTART_MAIN=yes", "TMPDIR="+p.dir, "NO_COLOR=1")
	p.cmd.Stdout = &p.stdout
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.exited)
		reader := bufio.NewReader(stderr)
		for {
			line, err := reader.ReadString('\n')
			p.mu.Lock()
			p.stderr.WriteString(line)
			close(p.grown)
			p.grown = make(chan struct{})
			p.mu.Unlock()
			if err != nil {
				break
			}
		}
		_ = p.cmd.Wait()
		p.code = p.cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
	})
	return p
}

func (p *program) errors() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// waitFor waits until standard error has text.
func (p *program) waitFor(text string) {
	p.t.Helper()
	p.waitForTimes(text, 1)
}

// waitForTimes waits until standard error has text n times.
func (p *program) waitForTimes(text string, n int) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	for {
		p.mu.Lock()
		found, grown := strings.Count(p.stderr.String(), text) >= n, p.grown
		p.mu.Unlock()
		if found {
			return
		}
		select {
		case <-grown:
		case <-p.exited:
			if strings.Count(p.errors(), text) >= n {
				return
			}
			require.FailNow(p.t, "ended early", "waiting for %q:\n%s", text, p.errors())
		case <-ctx.Done():
			require.FailNow(p.t, "never said", "%q:\n%s", text, p.errors())
		}
	}
}

// wait returns the exit code, within a limit.
func (p *program) wait(limit time.Duration) int {
	p.t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.exited:
		return p.code
	case <-timer.C:
		require.FailNow(p.t, "still running", "after %s:\n%s", limit, p.errors())
		return 0
	}
}

func (p *program) signal(s syscall.Signal) { require.NoError(p.t, p.cmd.Process.Signal(s)) }

// descendants lists the processes that p has started, by the name of its
// temporary folder in their command line or environment.
func (p *program) descendants() []string {
	procs, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(p.t, err)
	var found []string
	for _, proc := range procs {
		if filepath.Base(proc) == strconv.Itoa(p.cmd.Process.Pid) || filepath.Base(proc) == strconv.Itoa(os.Getpid()) {
			continue
		}
		for _, file := range []string{"cmdline", "environ"} {
			text, err := os.ReadFile(filepath.Join(proc, file))
			if err == nil && bytes.Contains(text, []byte(p.dir)) && !zombie(proc) {
				cmdline, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
				found = append(found, fmt.Sprintf("%s %s", filepath.Base(proc), bytes.ReplaceAll(cmdline, []byte{0}, []byte{' '})))
				break
			}
		}
	}
	return found
}

func zombie(proc string) bool {
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return true // gone meanwhile
	}
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	return bytes.HasPrefix(rest, []byte("Z"))
}

// application returns the process of the search service.
func (p *program) application() int {
	p.t.Helper()
	for _, line := range p.descendants() {
		pid, cmdline, _ := strings.Cut(line, " ")
		if strings.Contains(cmdline, "/app -listen") {
			n, err := strconv.Atoi(pid)
			require.NoError(p.t, err)
			return n
		}
	}
	require.FailNow(p.t, "the application is not running", p.errors())
	return 0
}

// requireNoOrphans waits a little for killed processes to be gone.
func (p *program) requireNoOrphans() {
	p.t.Helper()
	require.EventuallyWithT(p.t, func(c *assert.CollectT) {
		require.Empty(c, p.descendants())
	}, 5*time.Second, 20*time.Millisecond)
}

var _ io.Writer = (*view)(nil)
