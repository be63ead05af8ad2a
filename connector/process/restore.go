package process

import (
	"context"
	"maps"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// restore makes Startup begin with the values that an earlier run of the servo
// has left. The command of that run has ended with it, so there is nothing to
// take back. A value that the configuration no longer accepts gives way to the
// configured default.
func (p *process) restore(ctx context.Context, r connector.RestoreRequest) (types.Description, error) {
	if ctx.Err() != nil {
		return types.Description{}, context.Cause(ctx)
	}
	if err := p.acquire(ctx); err != nil {
		return types.Description{}, err
	}
	defer p.release()
	p.mu.Lock()
	running := p.wanted
	p.mu.Unlock()
	if running {
		return p.describe(), nil
	}
	restored := maps.Clone(p.initial)
	component := p.component()
	for _, a := range r.Adjustments {
		if a.Component != p.name {
			continue
		}
		s, ok := component.Setting(a.Setting)
		if !ok {
			p.log.WarnContext(ctx, "a restored setting does not exist any more", "setting", a.Selector())
			continue
		}
		value, err := s.Accept(a.Value)
		switch {
		case err != nil:
			p.log.WarnContext(ctx, "a restored value is not accepted any more", "setting", a.Selector(), "default", restored[s.Name], "error", err)
		case s.Pinned && !value.Equal(restored[s.Name]):
			p.log.WarnContext(ctx, "a restored setting is pinned now", "setting", a.Selector(), "value", value, "pinned", restored[s.Name])
		default:
			restored[s.Name] = value
		}
	}
	p.initial = restored
	p.update(func() { p.values = restored })
	return p.describe(), nil
}
