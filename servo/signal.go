package servo

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
)

// SignalError is the cause of a context that a signal has ended; see
// [SignalContext].
type SignalError struct{ Signal os.Signal }

// Error returns "received SIGTERM".
func (e *SignalError) Error() string { return "received " + e.Name() }

// Name returns the name of the signal, such as "SIGTERM", which is also what the
// optimizer is told.
func (e *SignalError) Name() string {
	for _, end := range endSignals {
		if e.Signal == end.signal {
			return end.name
		}
	}
	return e.Signal.String()
}

// endSignal is a signal that asks for an orderly end.
type endSignal struct {
	signal os.Signal
	name   string
}

// hangups counts those who watch for SIGHUP with [NotifyHangup]: signals belong
// to the process, so both kinds of watchers have to agree.
var hangups atomic.Int32

// SignalContext returns a context that ends with a [SignalError] when the
// process receives SIGINT, SIGTERM, SIGUSR1 (where there is one) or SIGHUP, for
// the main function of a servo. SIGHUP counts only as long as nobody watches for
// it with [NotifyHangup], and not in a process that was started to ignore it, as
// nohup does. A second signal ends the process at once, with the exit code of a
// process that the signal has killed. Stop gives the signals back to their
// default and waits until they are no longer watched.
func SignalContext(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	for _, end := range endSignals {
		if end.signal != syscall.SIGHUP || !signal.Ignored(end.signal) {
			signal.Notify(signals, end.signal)
		}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		received := false
		for {
			select {
			case sig := <-signals:
				if sig == syscall.SIGHUP && hangups.Load() > 0 {
					continue
				}
				if received {
					os.Exit(signalCode(sig))
				}
				received = true
				cancel(&SignalError{Signal: sig})
			case <-quit:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		select {
		case <-quit:
		default:
			close(quit)
		}
		<-done
		cancel(nil)
	}
}

// NotifyHangup calls f, on a goroutine of its own and never twice at a time, for
// each SIGHUP that the process receives: the usual wish that a service reads its
// configuration again. The context of f is ctx. Several signals during one call
// are one more call. Stop gives the signal back to [SignalContext], or to its
// default, which ends the process, and waits for a call that is under way.
func NotifyHangup(ctx context.Context, f func(context.Context)) (stop func()) {
	signals := make(chan os.Signal, 1)
	hangups.Add(1)
	signal.Notify(signals, syscall.SIGHUP)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-signals:
				f(ctx)
			case <-quit:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	var once sync.Once
	return func() {
		once.Do(func() {
			signal.Stop(signals)
			hangups.Add(-1)
			close(quit)
		})
		<-done
	}
}

// ExitCode returns what a program should exit with after [Servo.Run] under ctx
// returned err: 1 for an error, 130 after SIGINT, and 0 otherwise, also after
// SIGTERM and the other signals that ask for an orderly end.
func ExitCode(ctx context.Context, err error) int {
	var sig *SignalError
	if errors.As(context.Cause(ctx), &sig) && sig.Signal == os.Interrupt {
		return signalCode(sig.Signal)
	}
	if err != nil && !errors.As(err, &sig) {
		return 1
	}
	return 0
}

func signalCode(sig os.Signal) int {
	if s, ok := sig.(syscall.Signal); ok {
		return 128 + int(s)
	}
	return 1
}
