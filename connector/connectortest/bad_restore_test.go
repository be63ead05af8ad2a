package connectortest_test

import (
	"context"
	"errors"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// badRestores are the bad connectors that answer the event Restore badly.
func badRestores(forever <-chan struct{}) []bad {
	const (
		restored    = "what is restored is in force"
		restoreEnds = "a restore that is cancelled changes nothing"
	)
	restoring := func(name, promise, says string, restore func(*reference, context.Context, connector.RestoreRequest) (types.Description, error)) bad {
		return flawed(name, promise, says, func(r *reference) {
			r.restore = func(ctx context.Context, q connector.RestoreRequest) (types.Description, error) {
				return restore(r, ctx, q)
			}
		})
	}
	return []bad{
		restoring("a restore that does nothing", restored, "the answer to restore has reference.level at 3, and 4 was restored",
			func(r *reference, ctx context.Context, _ connector.RestoreRequest) (types.Description, error) {
				return r.description(), context.Cause(ctx)
			}),
		restoring("a restore that only says so", restored, "components after restore has reference.level at 3, and 4 was restored",
			func(r *reference, ctx context.Context, q connector.RestoreRequest) (types.Description, error) {
				d := r.description()
				for _, a := range q.Adjustments {
					for i, s := range d.Components[0].Settings {
						if a.Component == "reference" && s.Name == a.Setting {
							d.Components[0].Settings[i] = s.With(a.Value)
						}
					}
				}
				return d, context.Cause(ctx)
			}),
		flawed("a startup that forgets what was restored", restored, "describe after restore and startup has reference.level at 3, and 4 was restored", func(r *reference) {
			r.startup = func(ctx context.Context, l connector.Lifecycle) (connector.None, error) {
				r.mu.Lock()
				r.level = r.config.Level
				r.mu.Unlock()
				return r.start(ctx, l)
			}
		}),
		restoring("a restore that minds the settings of others", restored, "restore before startup",
			func(r *reference, ctx context.Context, q connector.RestoreRequest) (types.Description, error) {
				for _, a := range q.Adjustments {
					if a.Component != "reference" {
						return types.Description{}, errors.New("what is " + a.Selector() + "?")
					}
				}
				if ctx.Err() != nil {
					return types.Description{}, context.Cause(ctx)
				}
				return r.apply(ctx, connector.AdjustRequest{Adjustments: q.Adjustments})
			}),
		restoring("a restore that needs a startup", restored, "restore before startup: restore hook of reference: panic: close of nil channel",
			func(r *reference, ctx context.Context, q connector.RestoreRequest) (types.Description, error) {
				if ctx.Err() != nil {
					return types.Description{}, context.Cause(ctx)
				}
				close(r.quit)
				return r.apply(ctx, connector.AdjustRequest{Adjustments: q.Adjustments})
			}),
		restoring("a restore that looks at nothing", restoreEnds, "after a restore with a context that had ended: reference.level is 4 and should be 3",
			func(r *reference, ctx context.Context, q connector.RestoreRequest) (types.Description, error) {
				return r.apply(context.WithoutCancel(ctx), connector.AdjustRequest{Adjustments: q.Adjustments})
			}),
		restoring("a restore that never ends", restoreEnds, "restore did not return within 100ms",
			func(*reference, context.Context, connector.RestoreRequest) (types.Description, error) {
				<-forever
				return types.Description{}, nil
			}),
	}
}
