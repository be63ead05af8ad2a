package servotest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

// application is one that the simulation brings along. It lives outside of the
// servo and is changed one setting at a time, so a crash leaves it halfway.
type application struct {
	w        *world
	name     string
	settings []types.Setting // with their baselines
	values   []types.Value   // in force
	restores bool            // its connector handles Restore
	metric   types.Metric
}

func newApplications(w *world) []*application {
	r := w.rand("applications")
	web := &application{w: w, name: "web", restores: true, metric: types.Metric{Name: "throughput", Unit: "rps"}, settings: []types.Setting{
		types.Range("cpu", types.Float(0.5), types.Float(4), types.Float(0.25)).With(types.Float(0.5 + 0.25*float64(r.IntN(15)))),
		types.Range("replicas", types.Int(1), types.Int(8), types.Int(1)).With(types.Int(1 + r.Int64N(8))),
		types.Enum("gc", types.Text("serial"), types.Text("parallel"), types.Text("g1")).With(types.Text(pick(r, "serial", "g1"))),
	}}
	store := &application{w: w, name: "store", metric: types.Metric{Name: "latency", Unit: "ms"}, settings: []types.Setting{
		types.Range("cache", types.Int(16), types.Int(1024), types.Int(16)).With(types.Int(16 * (1 + r.Int64N(64)))),
		types.Range("workers", types.Int(1), types.Int(32), types.Int(1)).With(types.Int(1 + r.Int64N(32))),
	}}
	apps := []*application{web, store}
	for _, a := range apps {
		for _, s := range a.settings {
			a.values = append(a.values, s.Value)
		}
	}
	return apps
}

// components describes what is in force; the lock of the world is held.
func (a *application) components() []types.Component {
	c := types.Component{Name: a.name}
	for i, s := range a.settings {
		c.Settings = append(c.Settings, s.With(a.values[i]))
	}
	return []types.Component{c}
}

// operator is the connector to an application for one life of a servo.
type operator struct {
	a     *application
	life  *Life
	calls map[string]int
}

func (o *operator) Bind(h *connector.Host) error {
	for _, e := range []*event.Event[connector.Lifecycle, connector.None]{connector.Attach, connector.Startup, connector.Shutdown, connector.Detach} {
		e.On(h, func(ctx context.Context, _ connector.Lifecycle) (connector.None, error) {
			r := o.chance(e.Name())
			return connector.None{}, errors.Join(o.pause(ctx, r, 300*time.Millisecond), o.trouble(r, o.weather().lifecycle, e.Name()))
		})
	}
	if o.a.restores {
		connector.Restore.On(h, o.restore)
	}
	connector.Components.On(h, o.components)
	connector.Metrics.On(h, func(context.Context, connector.None) ([]types.Metric, error) { return []types.Metric{o.a.metric}, nil })
	connector.Describe.On(h, o.describe)
	connector.Measure.On(h, o.measure)
	connector.Adjust.On(h, o.adjust)
	h.Go(func(ctx context.Context) error {
		r := o.chance("background")
		if !o.a.w.strikes(r, o.weather().background) {
			<-ctx.Done()
			return context.Cause(ctx)
		}
		if err := o.pause(ctx, r, time.Hour); err != nil {
			return err
		}
		o.note("background task fails")
		return errors.New("simulated failure of a background task")
	})
	return nil
}

func (o *operator) weather() *weather { return &o.a.w.weather }

func (o *operator) note(format string, args ...any) { o.life.note(o.a.name, format, args...) }

// chance is the source of one call, whatever runs beside it. The calls of one
// kind come one after the other.
func (o *operator) chance(what string) *rand.Rand {
	o.a.w.mu.Lock()
	defer o.a.w.mu.Unlock()
	o.calls[what]++
	return o.a.w.rand(o.a.name+"/"+what, o.life.n, o.calls[what])
}

// pause takes a while, or until ctx ends.
func (o *operator) pause(ctx context.Context, r *rand.Rand, most time.Duration) error {
	timer := time.NewTimer(between(r, most/20, most))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// trouble may fail, in one of the ways in which a handler can.
func (o *operator) trouble(r *rand.Rand, p float64, doing string) error {
	if o.a.w.strikes(r, o.weather().panics) && p > 0 {
		o.note("%s panics", doing)
		panic("simulated panic while " + doing)
	}
	if !o.a.w.strikes(r, p) {
		return nil
	}
	err := pick(r,
		errors.New("simulated failure"),
		connector.Fail("simulated", errors.New("simulated failure with a reason")),
		connector.Reject(types.ReasonUnstable, errors.New("simulated rejection")),
		connector.Abort(types.ReasonSLOViolation, errors.New("simulated abortion")),
		event.Cancel("simulated cancellation"),
	)
	o.note("%s fails: %v", doing, err)
	return fmt.Errorf("%s %s: %w", doing, o.a.name, err)
}

func (o *operator) components(ctx context.Context, _ connector.None) ([]types.Component, error) {
	r := o.chance("components")
	var found []types.Component
	defer func() { // also of a panic
		if found == nil {
			_ = o.life.Do(func() { o.a.w.truth.hindered = true })
		}
	}()
	if err := o.pause(ctx, r, 50*time.Millisecond); err != nil {
		return nil, err
	}
	if err := o.trouble(r, o.weather().fail/4, "looking at"); err != nil {
		return nil, err
	}
	err := o.life.Do(func() { found = o.a.components() })
	return found, err
}

func (o *operator) describe(ctx context.Context, _ types.Control) (types.Description, error) {
	found, err := o.components(ctx, connector.None{})
	return types.Description{Components: found, Metrics: []types.Metric{o.a.metric}}, err
}

func (o *operator) measure(ctx context.Context, m connector.MeasureRequest) (types.Measurement, error) {
	r := o.chance("measure")
	var before state
	if err := o.life.Do(func() { before = stateOf(o.a.components()); o.life.measuring++ }); err != nil {
		return types.Measurement{}, err
	}
	defer func() { _ = o.life.Do(func() { o.life.measuring-- }) }()
	total := between(r, time.Second, 4*time.Minute)
	began := time.Now()
	failing := o.a.w.strikes(r, o.weather().fail)
	for time.Since(began) < total {
		if err := o.pause(ctx, r, 20*time.Second); err != nil {
			return types.Measurement{}, o.unwind(r, err)
		}
		percent := 100 * float64(time.Since(began)) / float64(total)
		if err := connector.Progress(ctx, types.Progress{Percent: percent, Message: "measuring"}); err != nil {
			return types.Measurement{}, o.unwind(r, err)
		}
		if failing && percent > 50 {
			if err := o.trouble(r, 1, "measuring"); err != nil {
				return types.Measurement{}, err
			}
		}
	}
	err := o.life.Do(func() {
		if odd := stateOf(o.a.components()).unlike(before); odd != "" {
			o.a.w.violate(o.life, MeasuredSettled, "%s has changed while it was measured: %s", o.a.name, odd)
		}
	})
	reading := types.DataPoint{Metric: o.a.metric, Time: time.Now(), Sample: types.Observe(r.Float64())}
	return types.Measurement{Readings: []types.Reading{reading}, Annotations: map[string]string{o.a.name: "simulated"}}, err
}

// unwind takes its time to end after a cancellation, if it is a slow one.
func (o *operator) unwind(r *rand.Rand, err error) error {
	if o.a.w.strikes(r, o.weather().slow) {
		time.Sleep(between(r, 10*time.Millisecond, 2*time.Second))
	}
	return err
}

// adjust changes one setting after the other. It is as bad as a connector can
// be: when it fails it leaves what it has done so far, and it may skip a setting
// and say nothing of it.
func (o *operator) adjust(ctx context.Context, a connector.AdjustRequest) (types.Description, error) {
	r := o.chance("adjust")
	call, err := 0, error(nil)
	_ = o.life.Do(func() {
		o.a.w.truth.calls[o.a.name]++
		call = o.a.w.truth.calls[o.a.name]
	})
	complete := false
	complete, err = o.change(ctx, r, a.Adjustments)
	_ = o.life.Do(func() {
		if call > 1 && (err != nil || !complete) {
			o.a.w.truth.hindered = true
		}
	})
	if err != nil {
		return types.Description{}, err
	}
	var d types.Description
	err = o.life.Do(func() { d.Components, d.Metrics = o.a.components(), []types.Metric{o.a.metric} })
	return d, err
}

func (o *operator) change(ctx context.Context, r *rand.Rand, as types.Adjustments) (complete bool, err error) {
	w := o.weather()
	slow := pick(r, 500*time.Millisecond, 2*time.Second, 10*time.Second)
	half, lie := o.a.w.strikes(r, w.half), o.a.w.strikes(r, w.lie)
	complete = true
	// A panic is no success either.
	defer func() {
		if v := recover(); v != nil {
			_ = o.life.Do(func() { o.a.w.truth.hindered = o.a.w.truth.hindered || o.a.w.truth.calls[o.a.name] > 1 })
			panic(v)
		}
	}()
	// Whatever runs beside it has begun as well before it can fail.
	if err := o.pause(ctx, r, 100*time.Millisecond); err != nil {
		return false, o.unwind(r, err)
	}
	if err := o.trouble(r, w.fail/2, "adjusting"); err != nil {
		return false, err
	}
	for n, a := range as {
		if a.Component != o.a.name {
			continue
		}
		if err := o.pause(ctx, r, slow); err != nil {
			return false, o.unwind(r, err)
		}
		if err := connector.Progress(ctx, types.Progress{Percent: 100 * float64(n+1) / float64(len(as)+1), Message: "adjusting " + a.Setting}); err != nil {
			return false, o.unwind(r, err)
		}
		if lie && chance(r, 0.5) {
			o.note("skips %s", a.Selector())
			complete = false
			continue
		}
		if err := o.life.set(o.a, a); err != nil {
			return false, err
		}
		if half && chance(r, 0.5) {
			if err := o.trouble(r, 1, "adjusting"); err != nil {
				return false, err
			}
		}
	}
	return complete, o.pause(ctx, r, slow)
}

// restore puts back what is not as it should be.
func (o *operator) restore(ctx context.Context, a connector.RestoreRequest) (types.Description, error) {
	r := o.chance("restore")
	var wrong types.Adjustments
	_ = o.life.Do(func() {
		found := stateOf(o.a.components())
		for _, want := range a.Adjustments {
			if value, ok := found[want.Selector()]; ok && value != valueText(want.Value) {
				wrong = append(wrong, want)
			}
		}
	})
	if _, err := o.change(ctx, r, wrong); err != nil {
		return types.Description{}, err
	}
	return o.describe(ctx, types.Control{})
}
