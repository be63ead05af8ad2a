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
		if c != nil {
			p.log.WarnContext(ctx, "process ended on its own", "pid", c.pid, "state", c.state, "again_in", backoff)
			if c.ended.Sub(c.started) > most {
				backoff = first
			}
		}
		if err := pause(ctx, backoff); err != nil {
			return nil //nolint:nilerr // the servo stops
		}
		backoff = min(2*backoff, most)
		if p.revive(ctx, c) != nil {
			continue
		}
	}
}

// awaitDeath returns when the command should be running and is not: with the
// process that ended, or nil if none has been left to start with.
func (p *process) awaitDeath(ctx context.Context) (*child, error) {
	for {
		p.mu.Lock()
		c, wanted, changed := p.child, p.wanted, p.changed
		p.mu.Unlock()
		var exited <-chan struct{}
		if c != nil {
			exited = c.exited
		}
		if wanted && c == nil && len(p.busy) == 0 {
			return nil, nil
		}
		if wanted && c != nil && !c.alive() {
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

// revive starts the command with the values in force, unless somebody else has
// done so meanwhile.
func (p *process) revive(ctx context.Context, dead *child) error {
	if err := p.acquire(ctx); err != nil {
		return err
	}
	defer p.release()
	p.mu.Lock()
	wanted, current, v := p.wanted, p.child, p.values
	p.mu.Unlock()
	if !wanted || current.alive() {
		return nil
	}
	if dead != nil {
		p.update(func() { p.restarts++ })
	}
	began := time.Now()
	if err := p.launch(ctx, v); err != nil {
		if ctx.Err() == nil {
			p.log.ErrorContext(ctx, "process does not start again", "error", err)
		}
		return err
	}
	p.log.InfoContext(ctx, "process started again", "took", time.Since(began))
	return nil
}
