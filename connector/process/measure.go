package process

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// metrics lists what can be measured.
func (c *Config) metrics() []types.Metric {
	return []types.Metric{c.cpuCores(), c.cpuSeconds(), c.memory(), c.restartCount()}
}

func (c *Config) cpuCores() types.Metric {
	return types.Metric{Name: c.MetricsPrefix + "cpu_cores", Unit: types.Cores}
}

func (c *Config) cpuSeconds() types.Metric {
	return types.Metric{Name: c.MetricsPrefix + "cpu_seconds"}
}

func (c *Config) memory() types.Metric {
	return types.Metric{Name: c.MetricsPrefix + "resident_memory", Unit: types.Gibibytes}
}

func (c *Config) restartCount() types.Metric {
	return types.Metric{Name: c.MetricsPrefix + "restarts"}
}

// measure observes the command for the time that the control asks for.
func (p *process) measure(ctx context.Context, r connector.MeasureRequest) (types.Measurement, error) {
	m, err := p.observe(ctx, r)
	switch {
	case err == nil:
		return m, nil
	case ctx.Err() != nil:
		return types.Measurement{}, context.Cause(ctx)
	default:
		err = fmt.Errorf("measuring %s: %w", p.name, err)
		var exit *exitError
		if errors.As(err, &exit) {
			err = connector.Fail(types.ReasonUnstable, err)
		}
		return types.Measurement{}, err
	}
}

func (p *process) observe(ctx context.Context, r connector.MeasureRequest) (types.Measurement, error) {
	c, err := p.current()
	if err != nil {
		return types.Measurement{}, err
	}
	ctx, done := c.during(ctx)
	defer done()
	s, err := p.sample(ctx, c, r.Control)
	if err == nil && !c.alive() {
		err = errExited
	}
	if errors.Is(err, errExited) {
		return types.Measurement{}, fmt.Errorf("during the measurement: %w", c.failure())
	}
	if err != nil {
		return types.Measurement{}, err
	}
	p.mu.Lock()
	restarts := p.restarts
	p.mu.Unlock()
	m := types.Measurement{Annotations: map[string]string{}}
	add := func(metric types.Metric, points ...types.DataPoint) {
		if len(r.Metrics) > 0 && !slices.Contains(r.Metrics, metric.Name) {
			return
		}
		series := types.NewTimeSeries(metric, points...)
		series.ID = p.name
		m.Readings = append(m.Readings, series)
	}
	add(p.config.cpuCores(), s.cores...)
	add(p.config.cpuSeconds(), types.DataPoint{Time: s.end, Sample: s.seconds})
	add(p.config.memory(), s.memory...)
	add(p.config.restartCount(), types.DataPoint{Time: s.end, Sample: types.Observe(float64(restarts))})
	return p.config.Samples.Apply(m)
}

// beforeMeasure goes before a measurement and waits until the process is ready,
// after a crash for its restart, but not longer than a start may take. This is
// no part of the measurement itself, since all connectors begin that together:
// one that generates load would be done before the process is looked at.
func (p *process) beforeMeasure(ctx context.Context, _ connector.MeasureRequest) error {
	limit := p.config.Ready.Timeout.Std() + p.config.Ready.MinUptime.Std()
	var last error
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errDeadline)
	defer cancel()
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		c, err := p.current()
		if err == nil {
			err = p.attempt(ctx, c)
		}
		if err == nil {
			return nil
		}
		if errors.Is(err, errNotStarted) {
			return fmt.Errorf("measuring %s: %w", p.name, err)
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, errDeadline) {
				return cause
			}
			return fmt.Errorf("measuring %s: %w", p.name, connector.Fail(types.ReasonUnstable, fmt.Errorf("the process was not ready within %s: %w", limit, last)))
		case <-changed:
		case <-time.After(p.config.Ready.Interval.Std()):
		}
	}
}

var errNotStarted = errors.New("the command has not been started")

// current returns the process, which must be ready.
func (p *process) current() (*child, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.wanted:
		return nil, errNotStarted
	case !p.ready || !p.child.alive():
		return nil, connector.Fail(types.ReasonUnstable, errors.New("the process is not running"))
	default:
		return p.child, nil
	}
}

// samples is what was seen of one process.
type samples struct {
	cores, memory []types.DataPoint
	seconds       types.Sample
	end           time.Time
}

const gibibyte = 1 << 30

// sample looks at the process in equal intervals, as close to the configured
// one as the duration allows.
func (p *process) sample(ctx context.Context, c *child, control types.Control) (samples, error) {
	var s samples
	whole := control.Warmup.Std() + control.Duration.Std() + control.Delay.Std()
	begin := time.Now()
	rest := func(until time.Duration, message string) error {
		for {
			left := until - time.Since(begin)
			if left <= 0 {
				return nil
			}
			if err := pause(ctx, min(left, p.config.SampleInterval.Std())); err != nil {
				return err
			}
			percent := 100 * min(1, float64(time.Since(begin))/float64(whole))
			if err := connector.Progress(ctx, types.Progress{Percent: percent, Message: message}); err != nil {
				return err
			}
		}
	}
	if err := rest(control.Warmup.Std(), "warming up"); err != nil {
		return s, err
	}
	var l ledger
	first, err := l.look(ctx, c.pid)
	known := err == nil
	last := first
	intervals := max(1, int(math.Round(float64(control.Duration)/float64(p.config.SampleInterval))))
	for i := 1; i <= intervals; i++ {
		if err := rest(control.Warmup.Std()+control.Duration.Std()*time.Duration(i)/time.Duration(intervals), "measuring"); err != nil {
			return s, err
		}
		now, err := l.look(ctx, c.pid)
		if ctx.Err() != nil {
			return s, context.Cause(ctx)
		}
		if err != nil {
			p.log.WarnContext(ctx, "no sample", "error", err)
			at := time.Now()
			s.cores = append(s.cores, types.DataPoint{Time: at})
			s.memory = append(s.memory, types.DataPoint{Time: at})
			continue
		}
		cores := types.Sample{}
		if span := now.at.Sub(last.at); known && span > 0 {
			cores = types.Observe(float64(now.cpu-last.cpu) / float64(span))
			s.seconds = types.Observe((now.cpu - first.cpu).Seconds())
		} else {
			first, known = now, true
		}
		last = now
		s.cores = append(s.cores, types.DataPoint{Time: now.at, Sample: cores})
		s.memory = append(s.memory, types.DataPoint{Time: now.at, Sample: types.Observe(float64(now.memory) / gibibyte)})
	}
	s.end = time.Now()
	return s, rest(whole, "waiting")
}
