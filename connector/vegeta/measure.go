package vegeta

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
	lib "github.com/tsenart/vegeta/v12/lib"
)

const progressInterval = 500 * time.Millisecond

// measure loads the target for warm-up and duration, then waits the delay.
func (v *vegeta) measure(ctx context.Context, r connector.MeasureRequest) (types.Measurement, error) {
	if ctx.Err() != nil {
		return types.Measurement{}, context.Cause(ctx)
	}
	targets, err := v.config.load()
	if err != nil {
		return types.Measurement{}, fmt.Errorf("loading the targets of the load: %w", err)
	}
	control := r.Control
	s := schedule{rate: v.rate, warmup: control.Warmup.Std(), duration: control.Duration.Std()}
	if err := plausible(s, control.Delay.Std()); err != nil {
		return types.Measurement{}, err
	}
	v.log.InfoContext(ctx, "generating load", "rate", v.rate.String(), "targets", len(targets),
		"warmup", control.Warmup, "duration", control.Duration, "delay", control.Delay)
	a := newAggregate(s, v.config.ReportingInterval.Std(), v.config.MaxLag.Std())
	reports := &publisher{vegeta: v}
	e, err := v.run(ctx, targets, s, a, control.Delay.Std(), reports)
	if err != nil {
		return types.Measurement{}, err
	}
	all := a.finish()
	reports.publish(ctx, a.take())
	m := types.Measurement{Annotations: v.annotations(len(targets), control, a, e, all)}
	if err := saturation(a, e, v.config.MaxWorkers); err != nil {
		return m, connector.Fail(ReasonSaturated, err)
	}
	if len(all) == 0 { // only without a rate, when not even one answer came
		return m, connector.Fail(reasonNoData, fmt.Errorf("measuring for %s: no request was sent", control.Duration))
	}
	if w := m.Annotations["load_generator_warning"]; w != "" {
		v.log.WarnContext(ctx, "the load generator disturbs its own figures", "warning", w)
	}
	for _, f := range all {
		v.log.DebugContext(ctx, "load interval", "from", f.from, "to", f.to, "requests", f.requests, "failures", f.failures,
			"throughput", f.throughput*60, "latency_50th", f.p50, "latency_90th", f.p90, "latency_95th", f.p95, "latency_99th", f.p99)
	}
	m.Readings = readings(r.Metrics, e.start, a, all)
	if m, err = v.config.Samples.Apply(m); err != nil {
		return types.Measurement{}, err
	}
	if err := v.wait(ctx, s, control.Delay.Std()); err != nil {
		return types.Measurement{}, err
	}
	return m, nil
}

// plausible refuses a schedule that cannot give a figure.
func plausible(s schedule, delay time.Duration) error {
	switch {
	case s.duration <= 0 || s.warmup < 0 || delay < 0:
		return fmt.Errorf("measuring for %s after a warm-up of %s, then waiting %s: the duration must be positive and the others not negative",
			types.Duration(s.duration), types.Duration(s.warmup), types.Duration(delay))
	case s.duration > math.MaxInt64/4 || s.warmup > math.MaxInt64/4 || delay > math.MaxInt64/4:
		return fmt.Errorf("measuring for %s after a warm-up of %s, then waiting %s: that is too long",
			types.Duration(s.duration), types.Duration(s.warmup), types.Duration(delay))
	case !s.rate.infinite() && s.counted(s.end()) == 0:
		return connector.Fail(reasonNoData, fmt.Errorf("measuring for %s after a warm-up of %s: at a rate of %s no request is due in that time",
			types.Duration(s.duration), types.Duration(s.warmup), s.rate))
	}
	return nil
}

// run generates the load and reports progress meanwhile. It returns when the
// generator has.
func (v *vegeta) run(ctx context.Context, targets []lib.Target, s schedule, a *aggregate, delay time.Duration, reports *publisher) (effort, error) {
	var e effort
	done := make(chan error, 1)
	started := time.Now()
	go func() {
		var err error
		defer func() {
			if p := recover(); p != nil {
				err = &event.PanicError{Value: p, Stack: debug.Stack()}
			}
			done <- err
		}()
		e = v.generator.run(ctx, targets, s, a.add)
	}()
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return e, err
		case <-ticker.C:
			elapsed := time.Since(started)
			p := types.Progress{Percent: percent(elapsed, s.end()+delay)}
			switch ended, failed := a.ended.Load(), a.failed.Load(); {
			case elapsed < s.warmup:
				p.Message = "warming up at a rate of " + s.rate.String()
			case elapsed < s.end():
				p.Message = fmt.Sprintf("measuring: %d requests answered, %d errors", ended, failed)
			default:
				p.Message = fmt.Sprintf("waiting for the last answers: %d requests answered, %d errors", ended, failed)
			}
			reports.publish(ctx, a.take())
			_ = connector.Progress(ctx, p) // when ctx has ended the generator ends by itself
		}
	}
}

// wait waits the delay of a measurement.
func (v *vegeta) wait(ctx context.Context, s schedule, delay time.Duration) error {
	if delay == 0 {
		return nil
	}
	begin := time.Now()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			return nil
		case <-ticker.C:
			p := types.Progress{Percent: percent(s.end()+time.Since(begin), s.end()+delay), Message: "waiting the delay after the load"}
			if err := connector.Progress(ctx, p); err != nil {
				return err
			}
		}
	}
}

func percent(elapsed, total time.Duration) float64 {
	return min(99, 100*float64(elapsed)/float64(total))
}
