package servotest_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/servotest"
	"github.com/servokit/servokit/types"
)

// within is the number of seeds that must be enough to find a planted bug.
const within = 100

func TestPlantedBugsAreFound(t *testing.T) {
	tests := []struct {
		name    string
		plant   func() servotest.Options
		breaks  []servotest.Invariant // any of them
		message string
	}{
		{
			name: "commits are not kept", breaks: []servotest.Invariant{servotest.SettledAtTheGreeting}, message: "the servo greets its optimizer: ",
			plant: func() servotest.Options { return withJournal(drops{journal.Commit}) },
		},
		{
			name: "nothing survives a restart", breaks: []servotest.Invariant{servotest.SettledAtTheGreeting}, message: "the servo greets its optimizer: ",
			plant: func() servotest.Options {
				return servotest.Options{Journal: func(journal.Store) journal.Store { return &volatile{} }}
			},
		},
		{
			name: "answers are not kept", breaks: []servotest.Invariant{servotest.KeepsAnswers}, message: "although the journal has its answer",
			plant: func() servotest.Options { return withJournal(drops{journal.Result, journal.Ack}) },
		},
		{
			name: "a result is posted twice", breaks: []servotest.Invariant{servotest.SilentAfterwards}, message: "its answer was taken or refused",
			plant: func() servotest.Options {
				return withBackend(func(b optimizer.Backend) optimizer.Backend { return twice{b} })
			},
		},
		{
			name: "a report follows the acknowledgement of a cancellation", breaks: []servotest.Invariant{servotest.SilentAfterwards}, message: "its answer was taken or refused",
			plant: func() servotest.Options {
				return withBackend(func(b optimizer.Backend) optimizer.Backend { return talkative{b} })
			},
		},
		{
			name: "a cancellation is ignored", breaks: []servotest.Invariant{servotest.SilentAfterwards}, message: "the optimizer has cancelled the command",
			plant: func() servotest.Options {
				return withBackend(func(b optimizer.Backend) optimizer.Backend { return deaf{b} })
			},
		},
		{
			name: "nobody says goodbye", breaks: []servotest.Invariant{servotest.SaysGoodbye}, message: "without a GOODBYE",
			plant: func() servotest.Options {
				return withBackend(func(b optimizer.Backend) optimizer.Backend { return rude{b} })
			},
		},
		{
			name: "nobody greets", breaks: []servotest.Invariant{servotest.GreetsFirst}, message: "before HELLO was answered",
			plant: func() servotest.Options {
				return withBackend(func(b optimizer.Backend) optimizer.Backend { return shy{b} })
			},
		},
		{
			name: "a connector fails although nothing is the matter", breaks: []servotest.Invariant{servotest.WorksInCalm}, message: "nothing stood in the way",
			plant: func() servotest.Options {
				return servotest.Options{Calm: true, Connectors: []servotest.Connector{{Name: "lazy", New: func(*servotest.Life) (connector.Connector, error) { return lazy{}, nil }}}}
			},
		},
		{
			name: "progress goes back", breaks: []servotest.Invariant{servotest.ReportsProgress}, message: "behind",
			plant: func() servotest.Options {
				return withBackend(func(b optimizer.Backend) optimizer.Backend { return &confused{Backend: b} })
			},
		},
		{
			name:   "a connector leaves half of an adjustment and says that it has not",
			breaks: []servotest.Invariant{servotest.MeasuredSettled, servotest.AdjustmentsAgree, servotest.SettledAtTheEnd}, message: "two.",
			plant: func() servotest.Options { return newLiar().options() },
		},
		{
			name: "a connector leaves a goroutine behind", breaks: []servotest.Invariant{servotest.EndsWhole}, message: "goroutines are left",
			plant: func() servotest.Options {
				return servotest.Options{Connectors: []servotest.Connector{{Name: "leak", New: func(*servotest.Life) (connector.Connector, error) { return leak{}, nil }}}}
			},
		},
		{
			name: "a connector does not end when it is told to", breaks: []servotest.Invariant{servotest.EndsInTime, servotest.EndsWhole}, message: "",
			plant: func() servotest.Options {
				return servotest.Options{Connectors: []servotest.Connector{{Name: "slow", New: func(*servotest.Life) (connector.Connector, error) { return slow{}, nil }}}}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(within) {
				o := tt.plant()
				o.Seed = seed
				r := servotest.Run(t, o)
				if len(r.Violations) == 0 {
					continue
				}
				t.Logf("seed %d: %s", seed, r.Violations[0])
				assert.Contains(t, tt.breaks, r.Violations[0].Invariant)
				assert.Contains(t, r.Violations[0].String(), tt.message)
				return
			}
			t.Errorf("not found within %d seeds", within)
		})
	}
}

func withJournal(d drops) servotest.Options {
	return servotest.Options{Journal: func(s journal.Store) journal.Store { return dropping{s, d} }}
}

func withBackend(wrap func(optimizer.Backend) optimizer.Backend) servotest.Options {
	return servotest.Options{Optimizer: wrap}
}

// drops are the kinds of entries that dropping takes and does not keep.
type drops []journal.Kind

type dropping struct {
	journal.Store
	drops drops
}

func (d dropping) Append(ctx context.Context, e journal.Entry) error {
	if slices.Contains(d.drops, e.Kind) {
		return nil
	}
	return d.Store.Append(ctx, e)
}

// volatile is a journal in memory.
type volatile struct{ state journal.State }

func (v *volatile) Load(context.Context) (journal.State, error) { return v.state, nil }
func (v *volatile) Close() error                                { return nil }

func (v *volatile) Append(_ context.Context, e journal.Entry) (err error) {
	v.state, err = v.state.After(e)
	return err
}

type twice struct{ optimizer.Backend }

func (b twice) Reply(ctx context.Context, r optimizer.Result) error {
	if err := b.Backend.Reply(ctx, r); err != nil {
		return err
	}
	return b.Backend.Reply(ctx, r)
}

type talkative struct{ optimizer.Backend }

func (b talkative) Reply(ctx context.Context, r optimizer.Result) error {
	err := b.Backend.Reply(ctx, r)
	if r.Outcome == types.Cancelled && err == nil {
		_ = b.Progress(ctx, optimizer.Progress{Verb: r.Verb, UID: r.UID, Progress: types.Progress{Percent: 99}})
	}
	return err
}

type deaf struct{ optimizer.Backend }

func (b deaf) Progress(ctx context.Context, p optimizer.Progress) error {
	if err := b.Backend.Progress(ctx, p); !errors.Is(err, optimizer.ErrCancelRequested) {
		return err
	}
	return nil
}

type rude struct{ optimizer.Backend }

func (rude) Goodbye(context.Context, string) error { return nil }

type shy struct{ optimizer.Backend }

func (shy) Hello(context.Context, optimizer.Hello) error { return nil }

type confused struct {
	optimizer.Backend
	mu    sync.Mutex
	calls int
}

func (b *confused) Progress(ctx context.Context, p optimizer.Progress) error {
	b.mu.Lock()
	b.calls++
	p.Percent /= float64(b.calls)
	b.mu.Unlock()
	return b.Backend.Progress(ctx, p)
}

// liar is an application of two settings whose connector, every other time,
// changes one of them, fails, and tells the values from before.
type liar struct {
	settings []types.Setting // as they are
	told     []types.Setting
	calls    int
}

func newLiar() *liar {
	l := &liar{}
	for _, name := range []string{"left", "right"} {
		l.settings = append(l.settings, types.Range(name, types.Int(1), types.Int(1000), types.Int(1)).With(types.Int(500)))
	}
	l.told = slices.Clone(l.settings)
	return l
}

func (l *liar) options() servotest.Options {
	return servotest.Options{Connectors: []servotest.Connector{{
		Name:  "liar",
		New:   func(life *servotest.Life) (connector.Connector, error) { return &liarConnector{l, life}, nil },
		State: func() []types.Component { return []types.Component{{Name: "two", Settings: slices.Clone(l.settings)}} },
	}}}
}

type liarConnector struct {
	*liar
	life *servotest.Life
}

func (l *liarConnector) Bind(h *connector.Host) error {
	components := func(context.Context, connector.None) ([]types.Component, error) {
		return []types.Component{{Name: "two", Settings: slices.Clone(l.told)}}, nil
	}
	connector.Components.On(h, components)
	connector.Describe.On(h, func(ctx context.Context, _ types.Control) (types.Description, error) {
		found, err := components(ctx, connector.None{})
		return types.Description{Components: found}, err
	})
	connector.Adjust.On(h, func(ctx context.Context, r connector.AdjustRequest) (types.Description, error) {
		time.Sleep(time.Millisecond) // virtual
		l.calls++
		fail := l.calls%2 == 1
		for i := range l.settings {
			for _, a := range r.Adjustments {
				if a.Component != "two" || a.Setting != l.settings[i].Name {
					continue
				}
				if err := l.life.Do(func() { l.settings[i] = l.settings[i].With(a.Value) }); err != nil {
					return types.Description{}, err
				}
				if fail {
					return types.Description{}, errors.New("half of it")
				}
				l.told[i] = l.settings[i]
			}
		}
		return types.Description{}, context.Cause(ctx)
	})
	return nil
}

type leak struct{}

func (leak) Bind(h *connector.Host) error {
	connector.Startup.On(h, func(context.Context, connector.Lifecycle) (connector.None, error) {
		go time.Sleep(24 * time.Hour) // virtual
		return connector.None{}, nil
	})
	return nil
}

type lazy struct{}

func (lazy) Bind(h *connector.Host) error {
	connector.Measure.On(h, func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
		return types.Measurement{}, errors.New("not today")
	})
	return nil
}

type slow struct{}

func (slow) Bind(h *connector.Host) error {
	connector.Measure.On(h, func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
		time.Sleep(2 * time.Hour) // virtual, and whatever the context says
		return types.Measurement{}, nil
	})
	return nil
}
