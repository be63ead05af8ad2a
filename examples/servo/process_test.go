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
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// TestMain lets the test binary be the program itself, as a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_MAIN") != "" {
		connectors = append(connectors, talkative)
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// started is the program while it runs, in a folder of its own.
type started struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout bytes.Buffer
	exited chan struct{}

	mu     sync.Mutex
	stderr bytes.Buffer
	grown  chan struct{} // closed when stderr has grown
}

// start runs the program in a folder with a configuration, which may be empty,
// and with nothing of the environment but what is given.
func start(t *testing.T, dir, config string, environ []string, args ...string) *started {
	t.Helper()
	p := &started{t: t, exited: make(chan struct{}), grown: make(chan struct{})}
	if config != "" {
		write(t, dir, config)
	}
	p.cmd = exec.Command(os.Args[0], args...) //nolint:noctx // ended by the test itself
	p.cmd.Dir = dir
	p.cmd.Env = append([]string{"RUN_MAIN=yes", "PATH=" + os.Getenv("PATH"), "GOCOVERDIR=" + dir}, environ...)
	p.cmd.Stdout = &p.stdout
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.exited)
		reader := bufio.NewReader(stderr)
		buffer := make([]byte, 4096)
		for {
			n, err := reader.Read(buffer)
			p.mu.Lock()
			p.stderr.Write(buffer[:n])
			close(p.grown)
			p.grown = make(chan struct{})
			p.mu.Unlock()
			if err != nil {
				break
			}
		}
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		_ = p.stdin.Close()
	})
	return p
}

func write(t *testing.T, dir, config string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "servo.yaml"), []byte(config), 0o600))
}

func (p *started) errors() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// waitFor waits until standard error has text.
func (p *started) waitFor(text string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	for {
		p.mu.Lock()
		found, grown := strings.Contains(p.stderr.String(), text), p.grown
		p.mu.Unlock()
		if found {
			return
		}
		select {
		case <-grown:
		case <-p.exited:
			if !strings.Contains(p.errors(), text) {
				require.FailNow(p.t, "ended early", "waiting for %q:\n%s", text, p.errors())
			}
			return
		case <-ctx.Done():
			require.FailNow(p.t, "never said", "%q:\n%s", text, p.errors())
		}
	}
}

// code waits for the end and returns the exit code; signals count as in a shell.
func (p *started) code() int {
	p.t.Helper()
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-timer.C:
		require.FailNow(p.t, "still running", p.errors())
		return 0
	}
}

func (p *started) signal(s syscall.Signal) { require.NoError(p.t, p.cmd.Process.Signal(s)) }

func (p *started) say(line string) {
	_, err := io.WriteString(p.stdin, line+"\n")
	require.NoError(p.t, err)
}

// emulated is a document with an emulator that has replicas.
func emulated(name, url string, replicas int) string {
	return fmt.Sprintf(`
name: %s
optimizer: {id: example.com/%s, token: secret-token, url: %q}
emulator:
  components:
    - name: web
      settings: [{name: replicas, min: 1, max: 9, value: %d}]
`, name, name, url, replicas)
}
