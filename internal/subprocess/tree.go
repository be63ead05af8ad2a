package subprocess

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// MarkVariable is the environment variable by which the descendants of a command
// are found that have left its process group, where the system shows the
// environment of a process.
const MarkVariable = "SERVOKIT_PROCESS"

// How long and how often to look for what is left. The limit is not reached
// unless the system itself hangs.
const (
	firstPause = 5 * time.Millisecond
	mostPause  = 20 * firstPause
	killLimit  = 5 * time.Second
)

// Tree is a process with everything it has started: the members of its process
// group and the processes that carry its mark. Start the process with the
// attributes of [Attributes] and with "MarkVariable=Mark" in its environment.
type Tree struct {
	Group int    // the process id of the one that was started
	Mark  string // see NewMark
}

// NewMark returns a value of [MarkVariable] that no other process has.
func NewMark() string { return strings.ToLower(rand.Text()) }

// End ends all of the tree and returns when nothing of it is left: with SIGTERM,
// and with SIGKILL when the grace is over, of which reluctant is told, if it is
// not nil. No grace means SIGKILL at once. Processes that even that does not end
// are an error.
func (t Tree) End(grace time.Duration, reluctant func()) error {
	if grace > 0 {
		t.Signal(syscall.SIGTERM)
		if t.vanish(grace, nil) {
			return nil
		}
		if reluctant != nil {
			reluctant()
		}
	}
	if t.vanish(killLimit, t.Kill) {
		return nil
	}
	return fmt.Errorf("processes %v cannot be killed", t.Left())
}

// vanish waits until nothing is left, and handles what is each time it looks.
func (t Tree) vanish(limit time.Duration, handle func(left []int)) bool {
	over := time.NewTimer(limit)
	defer over.Stop()
	again := time.NewTimer(0)
	defer again.Stop()
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		select {
		case <-over.C:
			return len(t.Left()) == 0
		case <-again.C:
		}
		left := t.Left()
		if len(left) == 0 {
			return true
		}
		if handle != nil {
			handle(left)
		}
		again.Reset(pause)
	}
}

// InDir resolves a relative path of a program against the directory that it will
// run in, which os/exec leaves open. A name without a separator is for the PATH.
func InDir(program, dir string) string {
	if dir != "" && strings.ContainsRune(program, filepath.Separator) && !filepath.IsAbs(program) {
		if abs, err := filepath.Abs(filepath.Join(dir, program)); err == nil {
			return abs
		}
	}
	return program
}
