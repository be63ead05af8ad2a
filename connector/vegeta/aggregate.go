package vegeta

import (
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// aggregate turns shots into figures per reporting interval. A shot belongs to
// the interval in which it was due, so the warm-up is kept out exactly and a
// stall counts where it happened, however late the answers come. Only the
// throughput goes by when answers arrived.
type aggregate struct {
	schedule schedule
	interval time.Duration
	spans    int
	maxLag   time.Duration

	open     map[int]*span
	closed   map[int]figures
	answered map[int]uint64 // successes by the interval in which they ended
	spare    []*span
	errors   samples
	lag      lateness
	shots    uint64 // with the warm-up
	lastSent time.Duration

	ended, failed atomic.Uint64 // read while the load runs

	start time.Time // of the attack, once there was a shot
	next  int       // the first interval that is not over
	mu    sync.Mutex
	ready []figures // intervals that are over and not yet taken, in order
}

// span collects the shots of an interval until it is complete.
type span struct {
	latencies, lags []time.Duration
	failures        uint64
}

// figures are what is known about an interval with at least one request.
type figures struct {
	start              time.Time // of the attack, when this is about to be published
	from, to           time.Duration
	requests, failures uint64
	throughput         float64 // successful answers per second
	total              time.Duration
	min, max           time.Duration
	p50, p90, p95, p99 time.Duration
	lag99              time.Duration
}

// lateness sums up how late the requests that count were sent.
type lateness struct {
	sent, late uint64 // late: by more than the limit
	total, max time.Duration
}

func newAggregate(s schedule, interval, maxLag time.Duration) *aggregate {
	return &aggregate{
		schedule: s, interval: interval, spans: intervals(s.duration, interval), maxLag: maxLag,
		open: map[int]*span{}, closed: map[int]figures{}, answered: map[int]uint64{},
	}
}

// intervals returns how many intervals a duration has. A rest of at least half
// an interval is one of its own; a shorter one belongs to the interval before,
// because a few requests say little about a tail.
func intervals(duration, interval time.Duration) int {
	n := duration / interval
	if rest := duration % interval; rest >= interval-rest {
		n++
	}
	return int(max(n, 1))
}

// bounds returns when interval i begins and ends.
func (a *aggregate) bounds(i int) (from, to time.Duration) {
	from = a.schedule.warmup + time.Duration(i)*a.interval
	if i == a.spans-1 {
		return from, a.schedule.end()
	}
	return from, from + a.interval
}

// index returns the interval that t lies in, and false outside of the part that
// counts.
func (a *aggregate) index(t time.Duration) (int, bool) {
	if t < a.schedule.warmup || t >= a.schedule.end() {
		return 0, false
	}
	return min(int((t-a.schedule.warmup)/a.interval), a.spans-1), true
}

// add takes a shot. It returns false when so many requests were late that the
// outcome is settled.
func (a *aggregate) add(s shot) bool {
	a.start = s.start
	a.shots++
	a.lastSent = max(a.lastSent, s.sent)
	if i, ok := a.index(s.done); ok && s.ok {
		a.answered[i]++
	}
	due := s.sent
	if !a.schedule.rate.infinite() {
		due = a.schedule.rate.at(s.seq)
	}
	i, ok := a.index(due)
	if !ok {
		return true
	}
	a.ended.Add(1)
	lag := max(s.sent-due, 0)
	a.lag.add(lag, a.maxLag)
	current := a.open[i]
	if current == nil {
		current = a.span()
		a.open[i] = current
	}
	current.latencies = append(current.latencies, max(s.done-due, 0))
	current.lags = append(current.lags, lag)
	if !s.ok {
		current.failures++
		a.failed.Add(1)
		a.errors.add(s.err)
	}
	if !a.schedule.rate.infinite() {
		from, to := a.bounds(i)
		if uint64(len(current.latencies)) == a.schedule.counted(to)-a.schedule.counted(from) {
			a.close(i)
		}
	}
	a.advance(s.done)
	return a.lag.late <= a.tolerated()
}

// advance makes the intervals ready that are over at a time, with all requests
// that are due in them answered: no answer can come into them any more. Without
// a rate that is not known before the end.
func (a *aggregate) advance(now time.Duration) {
	if a.schedule.rate.infinite() {
		return
	}
	for ; a.next < a.spans; a.next++ {
		from, to := a.bounds(a.next)
		f, ok := a.closed[a.next]
		empty := a.schedule.counted(to) == a.schedule.counted(from)
		if now < to || !ok && !empty {
			return
		}
		if ok {
			a.hand(a.next, f)
		}
	}
}

func (a *aggregate) hand(i int, f figures) {
	f.start = a.start
	f.throughput = float64(a.answered[i]) / (f.to - f.from).Seconds()
	a.mu.Lock()
	a.ready = append(a.ready, f)
	a.mu.Unlock()
}

// take returns the intervals that have become ready since the last call. Any
// goroutine may call it.
func (a *aggregate) take() []figures {
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := a.ready
	a.ready = nil
	return taken
}

// span returns an empty span, if possible with the memory of an earlier one.
func (a *aggregate) span() *span {
	if n := len(a.spare); n > 0 {
		s := a.spare[n-1]
		a.spare = a.spare[:n-1]
		return s
	}
	return &span{}
}

// close computes the figures of an interval and lets go of its shots.
func (a *aggregate) close(i int) {
	s := a.open[i]
	delete(a.open, i)
	slices.Sort(s.latencies)
	slices.Sort(s.lags)
	f := figures{
		requests: uint64(len(s.latencies)), failures: s.failures,
		min: s.latencies[0], max: s.latencies[len(s.latencies)-1],
		p50: percentile(s.latencies, 0.50), p90: percentile(s.latencies, 0.90),
		p95: percentile(s.latencies, 0.95), p99: percentile(s.latencies, 0.99),
		lag99: percentile(s.lags, 0.99),
	}
	f.from, f.to = a.bounds(i)
	for _, l := range s.latencies {
		f.total += l
	}
	a.closed[i] = f
	*s = span{latencies: s.latencies[:0], lags: s.lags[:0]}
	a.spare = append(a.spare, s)
}

// finish returns the figures of all intervals that had requests, in order.
func (a *aggregate) finish() []figures {
	for _, i := range slices.Collect(maps.Keys(a.open)) {
		a.close(i)
	}
	var all []figures
	for _, i := range slices.Sorted(maps.Keys(a.closed)) {
		f := a.closed[i]
		if i >= a.next {
			a.hand(i, f)
		}
		f.throughput = float64(a.answered[i]) / (f.to - f.from).Seconds()
		all = append(all, f)
	}
	return all
}

// scheduled returns how many requests count.
func (a *aggregate) scheduled() uint64 {
	if a.schedule.rate.infinite() {
		return a.lag.sent
	}
	return a.schedule.counted(a.schedule.end())
}

// tolerated returns how many requests may be late or missing: as many as the
// 99th percentile leaves out.
func (a *aggregate) tolerated() uint64 {
	if a.schedule.rate.infinite() {
		return math.MaxUint64
	}
	return a.scheduled() / 100
}

// achieved returns the rate per second at which requests were really sent.
func (a *aggregate) achieved() float64 {
	if a.lastSent <= 0 {
		return 0
	}
	return float64(a.shots) / a.lastSent.Seconds()
}

func (l *lateness) add(lag, limit time.Duration) {
	l.sent++
	if lag > limit {
		l.late++
	}
	l.total += lag
	l.max = max(l.max, lag)
}

func (l *lateness) mean() time.Duration {
	if l.sent == 0 {
		return 0
	}
	return l.total / time.Duration(l.sent)
}

// percentile returns the exact percentile by nearest rank of sorted values, of
// which there is at least one.
func percentile(sorted []time.Duration, q float64) time.Duration {
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
