//go:build unix

package process

import (
	"slices"
	"strings"
	"syscall"

	"github.com/servokit/servokit/internal/english"
	"github.com/servokit/servokit/internal/subprocess"
)

const supported = true

var signals = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "TERM": syscall.SIGTERM,
	"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "WINCH": syscall.SIGWINCH, "KILL": syscall.SIGKILL,
}

// signalNamed reads "HUP" and "SIGHUP".
func signalNamed(name string) (syscall.Signal, bool) {
	s, ok := signals[strings.TrimPrefix(strings.ToUpper(name), "SIG")]
	return s, ok
}

func acceptedSignals() string {
	names := make([]string, 0, len(signals))
	for name := range signals {
		names = append(names, name)
	}
	slices.Sort(names)
	return "one of " + english.Or(names...)
}

// signalOne sends a signal to one process.
func signalOne(pid int, name string) error {
	s, _ := signalNamed(name)
	return syscall.Kill(pid, s)
}

// signalTree sends a signal to everything of a run.
func signalTree(t subprocess.Tree, name string) {
	s, _ := signalNamed(name)
	t.Signal(s)
}

// watchdogAttributes keep the signals of a terminal and of the group away.
func watchdogAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
