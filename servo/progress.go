package servo

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

// reporter sends the progress of one command, one report at a time. Only the
// newest unsent report is kept, so that an outage piles nothing up.
type reporter struct {
	servo  *Servo
	cmd    optimizer.Command
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	sources  map[string]types.Progress // the newest of each connector
	latest   string                    // the source that reported last
	fresh    bool                      // something has been noted since the last report
	lastSent float64
}

// startReporter starts sending what is noted, at the interval of the servo.
// Answered is called with each error of the optimizer's reply.
func (s *Servo) startReporter(ctx context.Context, cmd optimizer.Command, answered func(error)) *reporter {
	ctx, cancel := context.WithCancel(ctx)
	r := &reporter{
		servo: s, cmd: cmd, began: time.Now(), cancel: cancel,
		done: make(chan struct{}), sources: map[string]types.Progress{},
	}
	go r.run(ctx, answered)
	return r
}

// stop ends the reporter, drops what has not been sent and waits until nothing
// is under way.
func (r *reporter) stop() {
	r.cancel()
	<-r.done
}

// note takes a report of a connector; see [connector.Progress].
func (r *reporter) note(ctx context.Context, p types.Progress) {
	if math.IsNaN(p.Percent) {
		return
	}
	current, _ := event.Current(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sources[current.Source] = p
	r.latest = current.Source
	r.fresh = true
}

func (r *reporter) run(ctx context.Context, answered func(error)) {
	defer close(r.done)
	ticker := time.NewTicker(r.servo.o.ProgressInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if ctx.Err() != nil {
			return // a tick that was due during the last report counts no more
		}
		p, ok := r.take()
		if !ok {
			continue
		}
		err := r.servo.o.Optimizer.Progress(ctx, p)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			r.servo.log.DebugContext(ctx, "progress reported", "percent", p.Percent, "message", p.Message)
			continue
		}
		r.servo.log.WarnContext(ctx, "the optimizer did not accept a progress report", "percent", p.Percent, "error", err)
		answered(err)
	}
}

// take returns the report that is due. A command is as far as the slowest of
// its connectors, and never goes back; its beginning and its end are not
// reported.
func (r *reporter) take() (optimizer.Progress, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.fresh {
		return optimizer.Progress{}, false
	}
	slowest := math.Inf(1)
	for _, p := range r.sources {
		slowest = min(slowest, p.Percent)
	}
	percent := max(slowest, r.lastSent)
	if percent <= 0 || percent >= 100 {
		return optimizer.Progress{}, false
	}
	r.fresh = false
	r.lastSent = percent
	return optimizer.Progress{
		Verb: r.cmd.Verb, UID: r.cmd.UID,
		Progress: types.Progress{Percent: percent, Message: r.sources[r.latest].Message},
		Runtime:  time.Since(r.began),
	}, true
}
