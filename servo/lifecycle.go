package servo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
	"github.com/servokit/servokit/optimizer"
)

// farewell bounds what is still said to the optimizer while stopping, which
// must not eat the grace period of a supervisor when the optimizer is away.
func (s *Servo) farewell() time.Duration { return min(3*time.Second, s.o.Grace/4) }

// supersededPause is how long a servo that another deployment has replaced
// stays quiet before it tries again.
const supersededPause = time.Hour

// Run runs the servo until ctx ends, which is no error (see [Options] for other
// ends that are wanted), or until something
// fails that it cannot recover from: a connector that does not attach or start,
// an optimizer that never answers the greeting, a background task that fails.
// It returns when everything it has started has ended, within the bound of
// [Options.Grace]; a command that does not end is named in the error. A servo
// runs once.
func (s *Servo) Run(ctx context.Context) (err error) {
	s.mu.Lock()
	if s.ran {
		s.mu.Unlock()
		return fmt.Errorf("servo %s: it has been run already", s.o.Name)
	}
	s.ran = true
	s.mu.Unlock()

	// The run has a context of its own, so that whatever ends it, handlers
	// see one cause: that a stop was requested, and why.
	run, cancel := context.WithCancelCause(context.WithoutCancel(event.WithServo(ctx, s.o.Name)))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { cancel(stopCause(context.Cause(ctx))) })()

	s.enter(run, starting, "run")
	greeted := false
	var stopped time.Time // when the stop was asked for; zero until then
	defer func() {
		cancel(stopCause(err))
		if stopped.IsZero() {
			stopped = time.Now()
		}
		err = errors.Join(err, s.end(run, greeted, stopped.Add(s.o.Grace)))
		if s.released != nil {
			s.released()
		}
	}()
	// One goroutine starts and goes on with the loop, while this one only waits,
	// so that an idle servo has one large stack and not two.
	var loopErr error
	up, loop := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(loop)
		err := s.start(run, &greeted)
		if up <- err; err == nil {
			s.log.InfoContext(run, "servo running", "connectors", s.Connectors())
			loopErr = s.loop(run)
		}
	}()
	if err := <-up; err != nil {
		<-loop
		if run.Err() != nil {
			return nil // asked to stop before it was up
		}
		return fmt.Errorf("servo %s: %w", s.o.Name, err)
	}
	if s.examined != nil {
		var examined sync.WaitGroup
		examined.Go(func() { s.diagnose(run, s.examined) })
		defer examined.Wait() // it ends with run
	}
	over := loop
	if s.o.NoPoll {
		s.log.WarnContext(run, "the optimizer is not asked for commands")
		over = nil // the servo stays, although there is nothing to do
	}
	select {
	case err = <-s.failed:
		s.log.ErrorContext(run, "a background task failed", "error", err)
		s.decided(run, "servo", "a background task failed", err)
		cancel(stopCause(err))
	case <-over:
		cancel(stopCause(loopErr))
	case <-run.Done():
	}
	stopped = time.Now()
	s.log.InfoContext(run, "stopping", "reason", stopReason(run))
	s.enter(run, stopping, stopReason(run))
	wait := time.NewTimer(s.o.Grace / 2)
	defer wait.Stop()
	select {
	case <-loop:
		return errors.Join(err, loopErr)
	case <-wait.C:
		return errors.Join(err, fmt.Errorf("servo %s: the running command has not ended within %s", s.o.Name, s.o.Grace/2))
	}
}

// stopCause is the cause of a context that ends because of reason, which may be
// nil.
func stopCause(reason error) error {
	switch {
	case reason == nil:
		return connector.ErrStopRequested
	case errors.Is(reason, connector.ErrStopRequested):
		return reason
	}
	return fmt.Errorf("%w: %w", connector.ErrStopRequested, reason)
}

// start attaches the connectors, greets the optimizer and starts connectors and
// background tasks. What it has begun is recorded, for end to undo.
func (s *Servo) start(ctx context.Context, greeted *bool) error {
	s.life.Lock()
	for _, m := range s.snapshot() {
		if err := s.attach(ctx, m); err != nil {
			s.life.Unlock()
			return fmt.Errorf("attaching: %w", err)
		}
	}
	s.life.Unlock()

	if err := s.restore(ctx); err != nil {
		return err
	}
	if err := s.confirm(ctx, AskConnect); err != nil {
		return err
	}
	if err := s.hello(ctx); err != nil {
		if errors.Is(err, optimizer.ErrSuperseded) {
			s.log.WarnContext(ctx, "another deployment of this servo has taken over", "pause", supersededPause)
			sleep(ctx, supersededPause)
		}
		return fmt.Errorf("greeting the optimizer: %w", err)
	}
	*greeted = true

	s.life.Lock()
	defer s.life.Unlock()
	if err := s.pubsub.Start(ctx); err != nil {
		return fmt.Errorf("starting: %w", err)
	}
	members := s.snapshot()
	for _, m := range members {
		if err := s.bringUp(ctx, m); err != nil {
			return fmt.Errorf("starting: %w", err)
		}
	}
	s.mu.Lock()
	s.tasks = ctx
	s.mu.Unlock()
	s.enter(ctx, running, "connected and started")
	for _, m := range members {
		m.host.Start(ctx, s.taskFailed)
	}
	return nil
}

// end takes everything down in reverse order, under a fresh context.
func (s *Servo) end(run context.Context, greeted bool, deadline time.Time) error {
	s.life.Lock()
	defer s.life.Unlock()
	reason := stopReason(run)
	s.enter(run, stopping, reason)
	members := s.snapshot()

	down, done := context.WithDeadline(context.WithoutCancel(run), deadline)
	defer done()
	var errs []error
	for _, m := range slices.Backward(members) {
		errs = append(errs, s.shutDown(down, m, reason))
	}
	errs = append(errs, s.endExchange(down, deadline))
	if greeted {
		s.goodbye(context.WithoutCancel(run), reason)
	}
	for _, m := range slices.Backward(members) {
		errs = append(errs, s.detach(down, m, reason))
	}
	err := errors.Join(errs...)
	s.enter(down, ended, reason)
	if err != nil {
		return fmt.Errorf("servo %s: stopping: %w", s.o.Name, err)
	}
	s.log.InfoContext(down, "servo stopped", "reason", reason)
	return nil
}

// endExchange delivers what connectors have published and ends it all. It takes
// no more than half of the time that is left, since Detach needs some as well.
func (s *Servo) endExchange(ctx context.Context, deadline time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, time.Until(deadline)/2)
	defer cancel()
	if err := s.pubsub.Shutdown(ctx); !errors.Is(err, pubsub.ErrNotRunning) {
		return err
	}
	return nil // it had not come to that
}

// attach and bringUp record first, so that a connector that fails halfway is
// taken down as well; shutDown and detach do nothing for one that never began.
// s.life is held in all four.

func (s *Servo) attach(ctx context.Context, m *member) error {
	if m.attached {
		return nil
	}
	m.attached = true
	return s.lifecycle(ctx, connector.Attach, m, "")
}

func (s *Servo) bringUp(ctx context.Context, m *member) error {
	if err := s.attach(ctx, m); err != nil {
		return err
	}
	m.started = true
	return s.lifecycle(ctx, connector.Startup, m, "")
}

func (s *Servo) shutDown(ctx context.Context, m *member, reason string) error {
	err := m.host.Stop(ctx)
	if m.started {
		m.started = false
		err = errors.Join(err, s.lifecycle(ctx, connector.Shutdown, m, reason))
	}
	return err
}

func (s *Servo) detach(ctx context.Context, m *member, reason string) error {
	defer m.host.Close()
	if !m.attached {
		return nil
	}
	m.attached = false
	return s.lifecycle(ctx, connector.Detach, m, reason)
}

// lifecycle dispatches one of the lifecycle events to one member.
func (s *Servo) lifecycle(ctx context.Context, e *event.Event[connector.Lifecycle, connector.None], m *member, reason string) error {
	_, err := e.Dispatch(ctx, &s.bus, connector.Lifecycle{Servo: s.o.Name, Reason: reason}, event.Only(m.name))
	return err
}

func (s *Servo) hello(ctx context.Context) error {
	err := s.o.Optimizer.Hello(ctx, optimizer.Hello{Telemetry: s.telemetry()})
	if err == nil {
		s.log.InfoContext(ctx, "connected to the optimizer")
	}
	return err
}

// goodbye says so within its own bound; an optimizer that does not hear it
// resynchronises at the next greeting.
func (s *Servo) goodbye(ctx context.Context, reason string) {
	ctx, cancel := context.WithTimeout(ctx, s.farewell())
	defer cancel()
	if err := s.o.Optimizer.Goodbye(ctx, reason); err != nil {
		s.log.WarnContext(ctx, "the optimizer did not take the goodbye", "reason", reason, "error", err)
	}
}

// reasonError is the cause of a run that ends for a reason that has a word.
type reasonError string

func (e reasonError) Error() string { return string(e) }

// stopReason is the word that Goodbye gives: the name of the signal if one
// ended the run.
func stopReason(run context.Context) string {
	var sig *SignalError
	var reason reasonError
	switch cause := context.Cause(run); {
	case errors.As(cause, &sig):
		return sig.Name()
	case errors.As(cause, &reason):
		return string(reason)
	}
	return "shutdown"
}

// sleep waits for d or the end of ctx, and reports whether it slept in full.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
