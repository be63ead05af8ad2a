//go:build unix

package servo

import "syscall"

// endSignals ask for an orderly end; see [SignalContext].
var endSignals = []endSignal{
	{syscall.SIGINT, "SIGINT"}, {syscall.SIGTERM, "SIGTERM"}, {syscall.SIGHUP, "SIGHUP"}, {syscall.SIGUSR1, "SIGUSR1"},
}
