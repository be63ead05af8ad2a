package servo

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// SignalError is the cause of a context that a signal has ended; see
// [SignalContext].
type SignalError struct{ Signal os.Signal }

// Error returns "received SIGTERM".
func (e *SignalError) Error() string { return "received " + e.Name() }

// Name returns the name of the signal, such as "SIGTERM".
func (e *SignalError) Name() string {
	switch e.Signal {
	case syscall.SIGINT:
		return "SIGINT"
	case syscall.SIGTERM:
		return "SIGTERM"
	default:
		return e.Signal.String()
	}
}

// SignalContext returns a context that ends with a [SignalError] when the
// process receives SIGINT or SIGTERM, for the main function of a servo. A
// second signal ends the process at once, with the exit code of a process that
// the signal has killed. Stop gives the signals back to their default and waits
// until they are no longer watched.
func SignalContext(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for received := false; ; received = true {
			select {
			case sig := <-signals:
				if received {
					os.Exit(signalCode(sig))
				}
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
// are one more call. Stop gives the signal back to its default, which ends the
// process, and waits for a call that is under way.
func NotifyHangup(ctx context.Context, f func(context.Context)) (stop func()) {
	signals := make(chan os.Signal, 1)
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
			close(quit)
		})
		<-done
	}
}

// ExitCode returns what a program should exit with after [Servo.Run] under ctx
// returned err: 1 for an error, 130 after SIGINT, and 0 otherwise, also after
// SIGTERM, which is how a supervisor asks for an orderly end.
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
