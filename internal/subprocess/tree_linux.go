package subprocess

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/prometheus/procfs"
)

// Attributes put a command into a process group of its own, so that a terminal's
// Ctrl-C does not reach it, and end it when the thread that started it does: see
// [runtime.LockOSThread].
func Attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// Left lists what runs of the tree. Where /proc cannot be read, it is the group
// as one negative number.
func (t Tree) Left() []int {
	inside, outside, err := t.members()
	if err != nil {
		return t.groupLeft()
	}
	return append(inside, outside...)
}

// outside lists the processes of the tree that have left its group.
func (t Tree) outside() []int {
	_, outside, _ := t.members()
	return outside
}

// members lists what runs in the group, and what carries the mark elsewhere.
func (t Tree) members() (inside, outside []int, err error) {
	procs, err := procfs.AllProcs()
	if err != nil {
		return nil, nil, err
	}
	for _, proc := range procs {
		stat, err := proc.Stat()
		switch {
		case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ESRCH): // it has ended meanwhile
		case err != nil:
			return nil, nil, err
		case stat.State == "Z", stat.State == "X", stat.State == "x": // only its entry is left
		case stat.PGRP == t.Group:
			inside = append(inside, stat.PID)
		case t.marked(stat.PID):
			outside = append(outside, stat.PID)
		}
	}
	return inside, outside, nil
}

// marked looks into the environment of a process. That of another user cannot be
// read, and is none of ours.
func (t Tree) marked(pid int) bool {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && bytes.Contains(environ, []byte(MarkVariable+"="+t.Mark))
}
