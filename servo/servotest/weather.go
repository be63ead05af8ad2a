package servotest

import (
	"math/rand/v2"
	"time"
)

// weather says how likely each fault is. Chance decides per seed which kinds
// there are at all, since each alone leads to other places than all together.
type weather struct {
	delay, reset, lost, duplicate      float64 // of a request
	status, limited, garbage, truncate float64
	cancel, supersede, unexpected      float64 // by the optimizer
	replaced, malformed                float64
	fail, panics, half, lie, slow      float64 // of a handler
	lifecycle, background              float64
	disk, full                         float64
	small                              bool // the journal is compacted often
	legacy                             bool // the optimizer gives no cmd_uid
	crashes, stops                     int  // how many, at most
	outage, outageEnd                  time.Duration
	calm                               time.Duration // when all faults end
}

func newWeather(r *rand.Rand) weather {
	often := func(most float64) float64 { return pick(r, 0, 0, most/4, most) }
	w := weather{
		delay: often(0.5), reset: often(0.1), lost: often(0.1), duplicate: often(0.1),
		status: often(0.15), limited: often(0.05), garbage: often(0.05), truncate: often(0.05),
		cancel: often(0.1), supersede: often(0.05), unexpected: often(0.05),
		replaced: often(0.01), malformed: often(0.1),
		fail: often(0.15), panics: often(0.05), half: often(0.2), lie: often(0.1), slow: often(0.3),
		lifecycle: often(0.05), background: often(0.2),
		disk: pick(r, 0, 0, 0.005, 0.02, 0.15), full: often(0.01),
		small: r.IntN(3) == 0, legacy: r.IntN(10) == 0,
		crashes: pick(r, 0, 2, 5, 8), stops: pick(r, 0, 1, 3),
		calm: 4 * time.Hour,
	}
	if r.IntN(8) == 0 {
		w.outage = between(r, 0, time.Hour)
		w.outageEnd = w.outage + between(r, time.Minute, 40*time.Minute)
	}
	return w
}

// clear reports whether all faults are over, so that the run can come to its end.
func (w *world) clear() bool { return w.o.Calm || w.elapsed() > w.weather.calm }

// strikes draws whether a fault happens. It draws in any case, so that what
// follows stays the same.
func (w *world) strikes(r *rand.Rand, p float64) bool { return chance(r, p) && !w.clear() }
