//go:build !unix

package process

import (
	"context"
	"errors"
	"syscall"

	"github.com/servokit/servokit/internal/subprocess"
)

// There are no process groups to rely on here, so New refuses to work.
const supported = false

var errNone = errors.New("not supported on this system")

func signalNamed(string) (syscall.Signal, bool) { return 0, true }
func acceptedSignals() string                   { return "supported" }
func signalOne(int, string) error               { return errNone }
func signalTree(subprocess.Tree, string)        {}
func watchdogAttributes() *syscall.SysProcAttr  { return nil }

func family(context.Context, int, map[identity]usage) ([]usage, error) { return nil, errNone }
