package types_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/servokit/servokit/types"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watched collects when a tracker reported and what.
type watched struct {
	start    time.Time
	at       []time.Duration
	percents []float64
}

func (w *watched) notify(p types.Progress) error {
	w.at = append(w.at, time.Since(w.start))
	w.percents = append(w.percents, p.Percent)
	return nil
}

func TestDurationProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := types.NewDurationProgress(seconds(180))
		_, started := p.StartedAt()
		assert.False(t, started)
		_, started = p.Elapsed()
		assert.False(t, started)
		assert.Zero(t, p.Percent())
		assert.False(t, p.Finished())
		assert.Equal(t, "0.00% complete, 0 elapsed - measuring", p.Annotate("measuring", true))

		require.NoError(t, p.Start())
		require.ErrorIs(t, p.Start(), types.ErrStarted)
		at, _ := p.StartedAt()
		assert.Equal(t, time.Now(), at)
		time.Sleep(60*time.Second + 3*time.Microsecond)
		elapsed, _ := p.Elapsed()
		assert.Equal(t, seconds(60.000003), elapsed)
		assert.Equal(t, "33.33% complete, 1m elapsed - measuring", p.Annotate("measuring", true))
		assert.Equal(t, "measuring (33.33% complete, 1m elapsed)", p.Annotate("measuring", false))
		p.Reset()
		assert.Zero(t, p.Percent())
		time.Sleep(400 * time.Second)
		assert.InDelta(t, 100, p.Percent(), 0)
		assert.True(t, p.Finished())

		nothing := types.NewDurationProgress(0)
		assert.Zero(t, nothing.Percent())
		require.NoError(t, nothing.Start())
		assert.InDelta(t, 100, nothing.Percent(), 0)
	})
}

func TestDurationProgressWatch(t *testing.T) {
	for _, tt := range []struct {
		name     string
		duration types.Duration
		interval time.Duration
		at       []time.Duration
	}{
		{"every minute, and at the end", seconds(150), time.Minute, []time.Duration{time.Minute, 2 * time.Minute, 150 * time.Second}},
		{"five seconds by default", seconds(12), 0, []time.Duration{5 * time.Second, 10 * time.Second, 12 * time.Second}},
		{"shorter than the interval", seconds(1), time.Minute, []time.Duration{time.Second}},
		{"nothing to wait for", 0, time.Minute, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watched{start: time.Now()}
				p := types.NewDurationProgress(tt.duration)
				require.NoError(t, p.Watch(t.Context(), tt.interval, w.notify))
				assert.Equal(t, tt.at, w.at)
				if len(w.percents) > 0 {
					assert.InDelta(t, 100, w.percents[len(w.percents)-1], 0)
				}
			})
		})
	}
}

func TestDurationProgressWaitIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		require.NoError(t, types.NewDurationProgress(seconds(90)).Wait(t.Context()))
		assert.Equal(t, 90*time.Second, time.Since(start))

		stop := errors.New("stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(stop) })
		p := types.NewDurationProgress(seconds(90))
		start = time.Now()
		require.ErrorIs(t, p.Wait(ctx), stop)
		assert.Equal(t, time.Second, time.Since(start), "at once")
		require.ErrorIs(t, p.Watch(ctx, time.Second, func(types.Progress) error { return nil }), stop)

		// What has finished needs no waiting, so there is nothing to cancel.
		require.NoError(t, types.NewDurationProgress(0).Wait(ctx))
	})
}

func TestDurationProgressResetWhileWatching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := types.NewDurationProgress(seconds(10))
		w := watched{start: time.Now()}
		time.AfterFunc(7*time.Second, p.Reset)
		require.NoError(t, p.Watch(t.Context(), 4*time.Second, w.notify))
		assert.Equal(t, []time.Duration{4 * time.Second, 8 * time.Second, 12 * time.Second, 16 * time.Second, 17 * time.Second}, w.at)
	})
}

func TestProgressEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := types.NewDurationProgress(seconds(20))
		var percents []float64
		for progress, err := range p.Every(t.Context(), 8*time.Second) {
			require.NoError(t, err)
			percents = append(percents, progress.Percent)
		}
		assert.Equal(t, []float64{40, 80, 100}, percents)
		for _, err := range p.Every(t.Context(), time.Second) {
			require.ErrorIs(t, err, types.ErrStarted)
		}

		e := types.NewEventProgress(pointer(seconds(100)), nil)
		rounds := 0
		for progress, err := range e.Every(t.Context(), 0) {
			require.NoError(t, err)
			assert.InDelta(t, 60, progress.Percent, 0)
			if rounds++; rounds == 1 {
				break
			}
		}
		assert.Equal(t, 1, rounds)

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		var last error
		for _, err := range types.NewEventProgress(nil, nil).Every(ctx, time.Second) {
			last = err
		}
		require.ErrorIs(t, last, context.DeadlineExceeded)
	})
}

func TestNotifyEndsTheWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enough := errors.New("enough")
		err := types.NewDurationProgress(seconds(60)).Watch(t.Context(), time.Second, func(types.Progress) error { return enough })
		require.Equal(t, enough, err)
		err = types.NewEventProgress(nil, nil).Watch(t.Context(), time.Second, func(types.Progress) error { return enough })
		require.Equal(t, enough, err)
	})
}

func TestEventProgressWithoutSettlement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := types.NewEventProgress(nil, nil)
		assert.False(t, p.Finished())
		require.NoError(t, p.Start())
		require.ErrorIs(t, p.Start(), types.ErrStarted)
		time.Sleep(time.Hour)
		assert.Zero(t, p.Percent(), "without a timeout nobody knows")
		assert.False(t, p.TimedOut())
		p.Trigger()
		assert.True(t, p.Completed())
		assert.False(t, p.Settling())
		assert.InDelta(t, 100, p.Percent(), 0)
		assert.True(t, p.Finished())
		p.Reset()
		assert.False(t, p.Completed())
		assert.False(t, p.Finished())
		p.Complete()
		assert.True(t, p.Completed())
		require.NoError(t, p.Wait(t.Context()))
	})
}

func TestEventProgressSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := types.NewEventProgress(pointer(seconds(100)), pointer(seconds(20)))
		_, settling := p.SettlementRemaining()
		assert.False(t, settling)
		require.NoError(t, p.Start())
		time.Sleep(50 * time.Second)
		assert.InDelta(t, 50, p.Percent(), 0)
		assert.Equal(t, "50.00% complete, 50s elapsed - x", p.Annotate("x", true))

		p.Trigger()
		assert.True(t, p.Settling())
		assert.False(t, p.Completed())
		assert.Zero(t, p.Percent(), "backwards: from now on it is the settlement")
		time.Sleep(15 * time.Second)
		assert.InDelta(t, 75, p.Percent(), 0)
		left, settling := p.SettlementRemaining()
		assert.True(t, settling)
		assert.Equal(t, seconds(5), left)

		p.Trigger() // restarts the settlement
		time.Sleep(15 * time.Second)
		assert.True(t, p.Settling())
		time.Sleep(5 * time.Second)
		assert.True(t, p.Completed())
		assert.False(t, p.Settling())
		assert.False(t, p.TimedOut())
		p.Trigger()
		assert.True(t, p.Completed(), "nothing more to settle")

		p.Reset()
		assert.False(t, p.Completed())
		assert.InDelta(t, 85, p.Percent(), 0, "the timeout goes on")
		p.Trigger()
		p.Reset()
		time.Sleep(20 * time.Second)
		assert.False(t, p.Completed(), "the settlement was cancelled")
		assert.True(t, p.TimedOut())
		assert.True(t, p.Finished())

		p.Trigger()
		p.Complete()
		assert.True(t, p.Completed(), "whatever the settlement says")
		assert.False(t, p.Settling())
	})
}

func TestEventProgressWithoutTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := types.NewEventProgress(pointer(0), pointer(0))
		assert.False(t, p.TimedOut())
		require.ErrorIs(t, p.Wait(t.Context()), types.ErrTimedOut)
		w := watched{start: time.Now()}
		require.NoError(t, p.Watch(t.Context(), 0, w.notify))
		assert.True(t, p.TimedOut())
		assert.Empty(t, w.at)
		p.Trigger()
		assert.True(t, p.Completed())
	})
}

func TestEventProgressWait(t *testing.T) {
	for _, tt := range []struct {
		name                string
		timeout, settlement *types.Duration
		act                 func(*types.EventProgress)
		took                time.Duration
		err                 error
	}{
		{"triggered", nil, nil, (*types.EventProgress).Trigger, 7 * time.Second, nil},
		{"completed", pointer(seconds(60)), pointer(seconds(60)), (*types.EventProgress).Complete, 7 * time.Second, nil},
		{"settled", pointer(seconds(60)), pointer(seconds(3)), (*types.EventProgress).Trigger, 10 * time.Second, nil},
		{"settled too late", pointer(seconds(9)), pointer(seconds(3)), (*types.EventProgress).Trigger, 9 * time.Second, types.ErrTimedOut},
		{"taken back", pointer(seconds(60)), pointer(seconds(3)), func(p *types.EventProgress) { p.Trigger(); p.Reset() }, 60 * time.Second, types.ErrTimedOut},
		{"nothing", pointer(seconds(60)), nil, func(*types.EventProgress) {}, 60 * time.Second, types.ErrTimedOut},
		{"started after the wait", pointer(seconds(60)), nil, func(p *types.EventProgress) { _ = p.Start() }, 60 * time.Second, types.ErrTimedOut},
		{"context ends", nil, nil, func(*types.EventProgress) {}, 2 * time.Minute, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				p := types.NewEventProgress(tt.timeout, tt.settlement)
				start := time.Now()
				time.AfterFunc(7*time.Second, func() { tt.act(p) })
				err := p.Wait(ctx)
				assert.Equal(t, tt.took, time.Since(start))
				if tt.err == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, tt.err)
				}
			})
		})
	}
}

func TestEventProgressWatch(t *testing.T) {
	const s = time.Second
	for _, tt := range []struct {
		name                string
		timeout, settlement *types.Duration
		interval            time.Duration
		act                 func(*types.EventProgress)
		at                  []time.Duration
		last                float64
	}{
		{"a minute by default", nil, nil, 0, (*types.EventProgress).Trigger, []time.Duration{60 * s, 70 * s}, 100},
		{"the timeout when that is shorter", pointer(seconds(30)), nil, 0, func(*types.EventProgress) {}, []time.Duration{30 * s}, 100},
		{"never beyond the timeout", pointer(seconds(100)), nil, 60 * s, func(*types.EventProgress) {}, []time.Duration{60 * s, 100 * s}, 100},
		{"wakes when it fires", pointer(seconds(600)), nil, 45 * s, (*types.EventProgress).Trigger, []time.Duration{45 * s, 70 * s}, 100},
		{"wakes when it has settled", pointer(seconds(600)), pointer(seconds(10)), 60 * s, (*types.EventProgress).Trigger, []time.Duration{60 * s, 80 * s}, 100},
		{"reports while it settles", pointer(seconds(600)), pointer(seconds(70)), 60 * s, (*types.EventProgress).Trigger, []time.Duration{60 * s, 120 * s, 140 * s}, 100},
		{"times out while it settles", pointer(seconds(90)), pointer(seconds(40)), 60 * s, (*types.EventProgress).Trigger, []time.Duration{60 * s, 90 * s}, 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := types.NewEventProgress(tt.timeout, tt.settlement)
				w := watched{start: time.Now()}
				time.AfterFunc(70*time.Second, func() { tt.act(p) })
				require.NoError(t, p.Watch(t.Context(), tt.interval, w.notify))
				assert.Equal(t, tt.at, w.at)
				assert.InDelta(t, tt.last, w.percents[len(w.percents)-1], 0)
				assert.True(t, p.Finished())
				time.Sleep(2 * time.Minute) // let the trigger of the test fire
			})
		})
	}
}

func TestEventProgressIsForManyGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := types.NewEventProgress(pointer(seconds(60)), pointer(seconds(1)))
		for range 8 {
			go func() {
				for range 100 {
					p.Trigger()
					_ = p.Percent() + float64(len(p.Annotate("x", true)))
					p.Reset()
				}
				p.Complete()
			}()
		}
		require.NoError(t, p.Watch(t.Context(), time.Second, func(types.Progress) error { return nil }))
		synctest.Wait()
	})
}
