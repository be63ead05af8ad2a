//go:build unix && !linux

package subprocess

import "syscall"

// Attributes put a command into a process group of its own, so that a terminal's
// Ctrl-C does not reach it.
func Attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// Left reports the group, as one negative number, as long as it has a member.
func (t Tree) Left() []int { return t.groupLeft() }

// outside would list processes that have left the group, which cannot be found
// here.
func (t Tree) outside() []int { return nil }
