//go:build !unix

package subprocess

import (
	"os"
	"syscall"
)

// There are no process groups to rely on here, so commands are not started.
const supported = false

// Attributes are none here.
func Attributes() *syscall.SysProcAttr { return nil }

// Left finds nothing here.
func (Tree) Left() []int { return nil }

// Signal does nothing here.
func (Tree) Signal(syscall.Signal) {}

// Kill does nothing here.
func (Tree) Kill([]int) {}

func exitCode(state *os.ProcessState) int { return state.ExitCode() }
