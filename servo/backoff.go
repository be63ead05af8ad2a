package servo

import "time"

// The pauses of the loop after something odd: 1 s, doubling to 1 min.
const (
	firstPause = time.Second
	maxPause   = time.Minute
)

// backoff gives growing pauses with jitter: each lies between half and the
// whole of the current step.
type backoff struct {
	step   time.Duration
	jitter func() float64
}

func (b *backoff) next() time.Duration {
	b.step = min(max(2*b.step, firstPause), maxPause)
	return b.step/2 + time.Duration(b.jitter()*float64(b.step/2))
}

func (b *backoff) reset() { b.step = 0 }
