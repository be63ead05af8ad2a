package process

import (
	"context"
	"time"
)

// supervise starts the command again when it has died on its own, until ctx
// ends.
func (p *process) supervise(ctx context.Context) error {
	first, most := p.config.Restart.Backoff.Std(), p.config.Restart.MaxBackoff.Std()
	for backoff := first; ; {
		c, err := p.awaitDeath(ctx)
		if err != nil {
			return nil //nolint:nilerr // the servo stops
		}
		if c != nil && c.ended.Sub(c.started) > most {
			backoff = first
		}
		if err := pause(ctx, backoff); err != nil {
			return nil //nolint:nilerr // the servo stops
		}
		if p.revive(ctx) {
			backoff = min(2*backoff, most)
		} else {
			backoff = first
		}
	}
}

// awaitDeath returns when the command should be running and is not, with the
// process that ended, if there is one. An adjustment may be about to start it.
func (p *process) awaitDeath(ctx context.Context) (*child, error) {
	for {
		p.mu.Lock()
		c, wanted, changed := p.child, p.wanted, p.changed
		p.mu.Unlock()
		var exited <-chan struct{}
		if c != nil {
			exited = c.exited
		}
		if wanted && !c.alive() {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-changed:
		case <-exited:
		}
	}
}

// revive starts the command with the values in force, and reports false if
// there was no need: somebody else has done so meanwhile.
func (p *process) revive(ctx context.Context) bool {
	ctx, done := p.untilShutdown(ctx)
	defer done()
	if p.acquire(ctx) != nil {
		return false
	}
	defer p.release()
	p.mu.Lock()
	wanted, current, v := p.wanted, p.child, p.values
	p.mu.Unlock()
	if !wanted || current.alive() {
		return false
	}
	if current != nil { // not after an attempt that failed
		p.log.WarnContext(ctx, "process ended on its own", "pid", current.pid, "state", current.state)
	}
	p.update(func() { p.restarts++ })
	began := time.Now()
	switch err := p.launch(ctx, v); {
	case err == nil:
		p.log.InfoContext(ctx, "process started again", "took", time.Since(began))
	case ctx.Err() == nil:
		p.log.ErrorContext(ctx, "process does not start again", "error", err)
	}
	return true
}
