//go:build unix

package subprocess

import (
	"errors"
	"os"
	"syscall"
)

const supported = true

// Signal sends a signal to everything of the tree. What is gone already is as
// good.
func (t Tree) Signal(s syscall.Signal) {
	_ = syscall.Kill(-t.Group, s)
	for _, pid := range t.outside() {
		_ = syscall.Kill(pid, s)
	}
}

// Kill kills the process group and what else [Tree.Left] has found.
func (t Tree) Kill(left []int) {
	_ = syscall.Kill(-t.Group, syscall.SIGKILL)
	for _, pid := range left {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// groupLeft returns the group, as a number that signals all of it, as long as it
// has a member.
func (t Tree) groupLeft() []int {
	if errors.Is(syscall.Kill(-t.Group, 0), syscall.ESRCH) {
		return nil
	}
	return []int{-t.Group}
}

// exitCode is the status, or minus the number of the signal that ended it.
func exitCode(state *os.ProcessState) int {
	if s, ok := state.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return -int(s.Signal())
	}
	return state.ExitCode()
}
