package vegeta

import (
	"context"
	"time"

	"github.com/servokit/servokit/connector"
	lib "github.com/tsenart/vegeta/v12/lib"
)

// Shot is a synthetic request: its number, and when it was sent and answered.
type Shot struct {
	Seq        uint64
	Sent, Done time.Duration
	Failed     string
}

// Script plays shots in place of a load generator.
type Script struct {
	Start       time.Time
	Outstanding uint64
	LocalFaults uint64
	LocalFault  string
	Shots       func(yield func(Shot) bool)
	Block       bool // until the context ends, after the shots
	Panic       string
}

func (s Script) run(ctx context.Context, _ []lib.Target, _ schedule, report func(shot) bool) effort {
	if s.Panic != "" {
		panic(s.Panic)
	}
	if s.Shots != nil {
		s.Shots(func(f Shot) bool {
			return report(shot{start: s.Start, seq: f.Seq, sent: f.Sent, done: f.Done, answered: f.Failed == "", ok: f.Failed == "", err: f.Failed})
		})
	}
	if s.Block {
		<-ctx.Done()
	}
	return effort{start: s.Start, outstanding: s.Outstanding, localFaults: s.LocalFaults, localFault: s.LocalFault}
}

// NewScripted returns the connector with a script in place of its generator.
func NewScripted(c Config, env connector.Env, s Script) (connector.Connector, error) {
	return build(c, env, s)
}

// Rate exposes the arithmetic of rates.
type Rate struct{ r rate }

// ParseRate reads a rate.
func ParseRate(text string) (Rate, error) {
	r, err := parseRate(text)
	return Rate{r}, err
}

// At returns when request n is due.
func (r Rate) At(n uint64) time.Duration { return r.r.at(n) }

// Before returns how many requests are due before d.
func (r Rate) Before(d time.Duration) uint64 { return r.r.before(d) }

// Infinite reports whether there is no limit.
func (r Rate) Infinite() bool { return r.r.infinite() }

// String returns the normal form.
func (r Rate) String() string { return r.r.String() }

// CleanError takes out of an error text what differs or is secret.
func CleanError(text string) string { return cleanError(text) }

// Intervals returns how many intervals a duration has.
func Intervals(duration, interval time.Duration) int { return intervals(duration, interval) }

// IsLocal tells faults of this machine.
func IsLocal(err error) bool { return isLocal(err) }

// ParseTargets reads targets and returns what would be sent.
func ParseTargets(format, text string) ([]Target, error) {
	parsed, err := parseTargets(format, []byte(text))
	var targets []Target
	for _, t := range parsed {
		targets = append(targets, Target(t))
	}
	return targets, err
}

// Aggregate feeds shots to an aggregate of its own, for benchmarks.
func Aggregate(perSecond uint64, duration, interval time.Duration, shots []Shot) int {
	a := newAggregate(schedule{rate: rate{perSecond, time.Second}, duration: duration}, interval, time.Second)
	for _, f := range shots {
		a.add(shot{seq: f.Seq, sent: f.Sent, done: f.Done, answered: true, ok: true})
	}
	return len(a.finish())
}
