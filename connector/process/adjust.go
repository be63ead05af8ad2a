package process

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// unstableAfter is how many probes in a row must fail during settlement.
const unstableAfter = 3

// adjust puts new values in force, all or none of them.
func (p *process) adjust(ctx context.Context, r connector.AdjustRequest) (types.Description, error) {
	if err := p.acquire(ctx); err != nil {
		return types.Description{}, err
	}
	defer p.release()
	if ctx.Err() != nil {
		return types.Description{}, context.Cause(ctx) // going back would restart what has not changed
	}
	ctx, done := p.untilShutdown(ctx)
	defer done()
	target, changed, err := p.target(ctx, r.Adjustments)
	if err != nil {
		return types.Description{}, fmt.Errorf("adjusting %s: %w", p.name, err)
	}
	p.mu.Lock()
	wanted, inForce := p.wanted, p.ready && p.child.alive()
	p.mu.Unlock()
	switch {
	case !wanted && changed:
		return types.Description{}, fmt.Errorf("adjusting %s: the command has not been started", p.name)
	case !wanted || !changed && inForce:
		return p.describe(), nil
	}
	settlement := p.config.Settlement.Std()
	if r.Control.Settlement != nil {
		settlement = r.Control.Settlement.Std()
	}
	if err := p.apply(ctx, target, settlement); err != nil {
		return types.Description{}, p.back(ctx, outcome(err))
	}
	p.update(func() { p.values = target })
	return p.describe(), nil
}

// target returns the values after the adjustments for this component.
func (p *process) target(ctx context.Context, adjustments types.Adjustments) (values, bool, error) {
	p.mu.Lock()
	current := p.values
	p.mu.Unlock()
	target := maps.Clone(current)
	component := p.component()
	var errs []error
	for _, a := range adjustments {
		if a.Component != p.name {
			continue
		}
		s, ok := component.Setting(a.Setting)
		if !ok {
			errs = append(errs, fmt.Errorf("there is no setting %q (known: %s)", a.Setting, p.settingNames()))
			continue
		}
		value, err := s.Accept(a.Value)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if s.Pinned && !value.Equal(current[s.Name]) {
			errs = append(errs, fmt.Errorf("%s: it is pinned at %s and cannot become %s", s.Name, current[s.Name], value))
			continue
		}
		for _, warning := range s.With(value).Warnings() {
			p.log.WarnContext(ctx, "odd value adjusted", "setting", a.Selector(), "warning", warning)
		}
		target[s.Name] = value
	}
	changed := false
	for name, value := range target {
		changed = changed || !value.Equal(current[name])
	}
	return target, changed, errors.Join(errs...)
}

func (p *process) settingNames() string {
	names := make([]string, len(p.settings))
	for i, s := range p.settings {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}

// apply brings the values into force and watches the command settle.
func (p *process) apply(ctx context.Context, v values, settlement time.Duration) error {
	message := "restarting"
	if p.config.Apply == applySignal {
		message = "signalling"
	}
	if err := connector.Progress(ctx, types.Progress{Percent: 5, Message: message}); err != nil {
		return err
	}
	if err := p.enforce(ctx, v); err != nil {
		return err
	}
	if err := connector.Progress(ctx, types.Progress{Percent: 50, Message: "ready"}); err != nil {
		return err
	}
	return p.settle(ctx, settlement)
}

// enforce brings the values into force.
func (p *process) enforce(ctx context.Context, v values) error {
	p.mu.Lock()
	c, running := p.child, p.ready && p.child.alive()
	p.mu.Unlock()
	if p.config.Apply != applySignal || !running {
		return p.launch(ctx, v)
	}
	if err := p.render(v); err != nil {
		return err
	}
	c.output.rearm()
	if err := signalOne(c.pid, p.config.Signal); err != nil && c.alive() {
		return fmt.Errorf("sending %s to process %d: %w", p.config.Signal, c.pid, err)
	}
	// It takes a moment until the signal is handled, and nobody says when.
	alive, done := c.during(ctx)
	err := pause(alive, p.config.Ready.MinUptime.Std())
	done()
	if errors.Is(err, errExited) {
		return c.failure()
	}
	if err != nil {
		return err
	}
	return p.awaitReady(ctx, c)
}

// unstableError is what happened to a command that was ready before.
type unstableError struct{ err error }

func (e *unstableError) Error() string { return "during settlement: " + e.err.Error() }
func (e *unstableError) Unwrap() error { return e.err }

// settle watches the command for some time. It must not end, must not fail
// several probes in a row, and must be ready in the end.
func (p *process) settle(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	c := p.child
	p.mu.Unlock()
	if d <= 0 {
		return nil
	}
	ctx, done := c.during(ctx)
	defer done()
	began := time.Now()
	for failures := 0; ; {
		left := d - time.Since(began)
		if err := pause(ctx, min(max(left, 0), p.config.Ready.Interval.Std())); err != nil {
			return p.unsettled(c, err)
		}
		var err error
		if p.probes() {
			err = p.attempt(ctx, c)
		}
		if ctx.Err() != nil {
			return p.unsettled(c, context.Cause(ctx))
		}
		if failures++; err == nil {
			failures = 0
		}
		over := time.Since(began) >= d
		switch {
		case failures >= unstableAfter:
			return &unstableError{fmt.Errorf("%d probes in a row failed: %w%s", failures, err, c.output.tail())}
		case over && failures == 0:
			return nil
		}
		share := min(1, float64(time.Since(began))/float64(d))
		if err := connector.Progress(ctx, types.Progress{Percent: 50 + 49*share, Message: "settling"}); err != nil {
			return p.unsettled(c, err)
		}
	}
}

func (p *process) unsettled(c *child, cause error) error {
	if errors.Is(cause, errExited) {
		return &unstableError{c.failure()}
	}
	return cause
}

// outcome turns what the configuration is to blame for into a rejection.
func outcome(err error) error {
	var unstable *unstableError
	var exit *exitError
	var late *notReadyError
	switch {
	case errors.As(err, &unstable):
		return connector.Reject(types.ReasonUnstable, err)
	case errors.As(err, &exit), errors.As(err, &late):
		return connector.Reject(types.ReasonStartFailed, err)
	default:
		return err
	}
}

// back leads back to the configuration before a failed adjustment, verifies it,
// and returns the failure. When the servo stops it only stops the command. The
// caller holds busy.
func (p *process) back(ctx context.Context, failure error) error {
	if ctx.Err() != nil {
		failure = context.Cause(ctx)
	}
	restoring, done := p.restoring(ctx)
	defer done()
	err := context.Cause(restoring)
	if err == nil {
		p.mu.Lock()
		previous := p.values
		p.mu.Unlock()
		err = p.enforce(restoring, previous)
		if err != nil && restoring.Err() == nil && p.config.Apply == applySignal {
			err = p.launch(restoring, previous)
		}
	}
	switch {
	case err == nil:
		p.log.InfoContext(ctx, "previous configuration restored")
		return fmt.Errorf("adjusting %s: %w", p.name, failure)
	case errors.Is(err, connector.ErrStopRequested):
		return fmt.Errorf("adjusting %s: %w", p.name, errors.Join(failure, p.discard(ctx)))
	default:
		// Start anew rather than trust a process in an unknown state.
		err = errors.Join(err, p.discard(ctx))
		return fmt.Errorf("adjusting %s: %w; restoring the previous configuration: %w (it is tried again in the background)", p.name, failure, err)
	}
}

// restoring returns a fresh context for bringing the previous configuration
// back: bounded, and ended early only when the servo stops.
func (p *process) restoring(ctx context.Context) (context.Context, func()) {
	limit := 2*p.config.Stop.Grace.Std() + p.config.Ready.Timeout.Std() + p.config.Ready.MinUptime.Std() + sweepLimit
	fresh, expire := context.WithTimeoutCause(context.WithoutCancel(ctx), limit, fmt.Errorf("it took more than %s", limit))
	fresh, done := p.untilShutdown(fresh)
	fresh, cancel := context.WithCancelCause(fresh)
	stop := func() {
		if errors.Is(context.Cause(ctx), connector.ErrStopRequested) {
			cancel(connector.ErrStopRequested)
		}
	}
	if ctx.Err() != nil {
		stop()
	}
	forget := context.AfterFunc(ctx, stop)
	return fresh, func() {
		forget()
		cancel(nil)
		done()
		expire()
	}
}
