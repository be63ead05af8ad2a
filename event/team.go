package event

import (
	"context"
	"sync"
	"time"
)

// team runs the hooks of several sources concurrently for one phase. The first
// failure ends the context of all; wait returns when every goroutine has ended.
type team struct {
	phase    phase
	caller   context.Context //nolint:containedctx // a team lives as long as one call
	cancel   context.CancelCauseFunc
	contexts []hookContext
	running  sync.WaitGroup

	mu          sync.Mutex
	failures    []*HookError // by position of the source; nil until one failed
	trigger     *HookError   // the first one in time
	interrupted error        // cause of the caller, if it had ended at that time
}

func newTeam(caller context.Context, d *definition, at Preposition, size int, watched bool) *team {
	ctx, cancel := context.WithCancelCause(caller)
	return &team{
		phase:    phase{ctx: ctx, event: d, preposition: at, watched: watched, began: time.Now()},
		caller:   caller,
		cancel:   cancel,
		contexts: make([]hookContext, size),
	}
}

// start runs the hooks of the source at position i on a goroutine of its own.
// What run has collected is of interest to observers only.
func (t *team) start(i int, s *Scope, run func(*hookContext) (failed, collected error)) {
	ctx := &t.contexts[i]
	ctx.phase, ctx.scope = &t.phase, s
	t.running.Add(1)
	go func() {
		var collected error
		failed := errGoexit // stays when run does not return
		began := t.phase.began
		if t.phase.watched {
			began = time.Now()
		}
		defer func() {
			if failed != nil {
				t.fail(i, t.phase.failure(s, failed))
			}
			if t.phase.watched { // after its peers were told
				ctx.tell(began, failed, collected)
			}
			t.running.Done()
		}()
		failed, collected = run(ctx)
	}()
}

func (t *team) fail(i int, failure *HookError) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.trigger == nil {
		t.trigger = failure
		t.interrupted = context.Cause(t.caller)
		t.failures = make([]*HookError, len(t.contexts))
		t.cancel(ErrPeerFailed)
	}
	t.failures[i] = failure
}

func (t *team) wait() error {
	t.running.Wait()
	defer t.cancel(nil)
	if t.trigger == nil {
		return nil
	}
	return settled(t.phase.ctx, t.trigger, t.failures, t.interrupted)
}

// failure gives the error of a hook its place.
func (p *phase) failure(s *Scope, err error) *HookError {
	return &HookError{Event: p.event.name, Source: s.source, Preposition: p.preposition, Err: err}
}
