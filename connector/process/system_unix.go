//go:build unix

package process

import (
	"errors"
	"slices"
	"strings"
	"syscall"
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
	return "one of " + strings.Join(names, ", ")
}

// signalOne sends a signal to one process.
func signalOne(pid int, name string) error {
	s, _ := signalNamed(name)
	return syscall.Kill(pid, s)
}

// signalGroup sends a signal to everything of a run.
func signalGroup(group int, mark, name string) {
	s, _ := signalNamed(name)
	_ = syscall.Kill(-group, s) // gone already is as good
	for _, pid := range outside(group, mark) {
		_ = syscall.Kill(pid, s)
	}
}

// killAll kills the group and what else was found of a run.
func killAll(group int, pids []int) {
	_ = syscall.Kill(-group, syscall.SIGKILL)
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// groupLeft returns the group, as a number that signals all of it, as long as it
// has a member.
func groupLeft(group int) []int {
	if errors.Is(syscall.Kill(-group, 0), syscall.ESRCH) {
		return nil
	}
	return []int{-group}
}

// watchdogAttributes keep the signals of a terminal and of the group away.
func watchdogAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
