package vegeta

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/servokit/servokit/types"
)

// rate is a number of requests per span of time. The zero rate has no limit.
type rate struct {
	hits uint64
	per  time.Duration
}

const acceptedRate = `a number of requests per second such as 50, a number per interval such as "50/s" or "300/1m", or "infinity"`

// longestRate leaves room for every number and interval that can be meant.
const longestRate = 100

// parseRate reads "50", "50/s", "50/1s", "300/500ms", "0" and "infinity". More
// than one request per nanosecond is refused.
func parseRate(text string) (rate, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return rate{}, errors.New("the rate is empty")
	}
	if len(text) > longestRate { // and so too long to be quoted
		return rate{}, fmt.Errorf("it has more than %d characters", longestRate)
	}
	if text == "infinity" {
		return rate{}, nil
	}
	hits, interval, divided := strings.Cut(text, "/")
	n, err := strconv.ParseUint(strings.TrimSpace(hits), 10, 64)
	if err != nil {
		return rate{}, fmt.Errorf("%q is not a whole number of requests", hits)
	}
	r := rate{hits: n, per: time.Second}
	if divided {
		interval = strings.TrimSpace(interval)
		if interval != "" && (interval[0] < '0' || interval[0] > '9') && interval[0] != '-' && interval[0] != '+' && interval[0] != '.' {
			interval = "1" + interval
		}
		d, err := types.ParseDuration(interval)
		if err != nil {
			return rate{}, fmt.Errorf("the interval of the rate: %w", err)
		}
		if d <= 0 {
			return rate{}, fmt.Errorf("the interval of the rate, %s, is not positive", d)
		}
		r.per = d.Std()
	}
	if n == 0 {
		return rate{}, nil
	}
	if n > uint64(r.per) {
		return rate{}, errors.New("more than one request per nanosecond")
	}
	return r, nil
}

func (r rate) infinite() bool { return r.hits == 0 }

func (r rate) perSecond() float64 {
	if r.infinite() {
		return math.Inf(1)
	}
	return float64(r.hits) / r.per.Seconds()
}

func (r rate) String() string {
	if r.infinite() {
		return "infinity"
	}
	return fmt.Sprintf("%d/%s", r.hits, types.Duration(r.per))
}

// atMost returns r, or limit requests per second if r is faster.
func (r rate) atMost(limit uint64) rate {
	if r.perSecond() > float64(limit) {
		return rate{hits: limit, per: time.Second}
	}
	return r
}

// at returns when request n, counted from 0, is due after the begin.
func (r rate) at(n uint64) time.Duration {
	hi, lo := bits.Mul64(n, uint64(r.per))
	if hi >= r.hits {
		return math.MaxInt64
	}
	quotient, _ := bits.Div64(hi, lo, r.hits)
	return time.Duration(min(quotient, math.MaxInt64))
}

// before returns how many requests are due before d: those with at(n) < d.
func (r rate) before(d time.Duration) uint64 {
	if d <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(d), r.hits)
	if hi >= uint64(r.per) {
		return math.MaxUint64
	}
	quotient, rest := bits.Div64(hi, lo, uint64(r.per))
	if rest > 0 {
		quotient++
	}
	return quotient
}

// schedule says when requests are due: at a constant rate over the warm-up and
// the part that counts.
type schedule struct {
	rate             rate
	warmup, duration time.Duration
}

func (s schedule) end() time.Duration { return s.warmup + s.duration }

// counted returns how many of the requests due in the part that counts lie
// before d.
func (s schedule) counted(d time.Duration) uint64 {
	if d <= s.warmup {
		return 0
	}
	return s.rate.before(min(d, s.end())) - s.rate.before(s.warmup)
}
