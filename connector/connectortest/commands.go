package connectortest

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// commands asks for everything that an optimizer may ask for.
func (e *exam) commands() {
	s, ok := e.running()
	if !ok {
		return
	}
	_, err := s.metrics()
	e.brokenBy("metrics", err)
	_, err = s.components()
	e.brokenBy("components", err)
	_, err = call(s, context.Background(), connector.Check, connector.CheckRequest{})
	e.brokenBy("check", err)
	d, err := s.describe()
	e.brokenBy("describe", err)
	_, err = s.measure(context.Background())
	e.brokenBy("measure", err)
	_, err = s.adjust(context.Background())
	e.brokenBy("adjust without an adjustment", err)
	_, err = s.adjust(context.Background(), current(d)...)
	e.brokenBy("adjust to what is in force", err)
	_, err = call(s, context.Background(), connector.Promote, connector.None{})
	e.brokenBy("promote", err)
}

// current are the adjustments that change nothing.
func current(d types.Description) types.Adjustments {
	var as types.Adjustments
	for _, c := range d.Components {
		for _, s := range c.Settings {
			if s.Value.IsSet() {
				as = append(as, types.Adjustment{Component: c.Name, Setting: s.Name, Value: s.Value})
			}
		}
	}
	return as
}

// glance is how long an odd request may run before it is cancelled.
const glance = 50 * time.Millisecond

// panics sends what no optimizer should send, before, in and after the life of
// the connector. Only panics count.
func (e *exam) panics() {
	s, ok := e.session()
	if !ok {
		return
	}
	note := func(doing string, err error) {
		if isPanic(err) {
			e.broken("%s: %v%s", doing, err, trace(err))
		}
	}
	e.odd(s, "before startup", note)
	note("attach and startup", s.up())
	e.odd(s, "after startup", note)
	note("shutdown and detach", s.down())
	e.odd(s, "after shutdown", note)
	note("a background task", s.failure())
}

func (e *exam) odd(s *session, when string, note func(string, error)) {
	briefly := func(f func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(context.Background(), glance)
		defer cancel()
		return f(ctx)
	}
	d, err := s.describe()
	note("describe "+when, err)
	_, err = s.components()
	note("components "+when, err)
	_, err = s.metrics()
	note("metrics "+when, err)
	controls := []types.Control{
		{}, {Duration: -1, Warmup: -1, Delay: -1}, {Duration: math.MaxInt64, Warmup: math.MaxInt64, Delay: math.MaxInt64},
		{Duration: 1, Load: []byte("{"), Userdata: []byte(`[]`), Environment: []byte("null")},
	}
	for _, control := range controls {
		note("describe with an odd control "+when, briefly(func(ctx context.Context) error {
			_, err := call(s, ctx, connector.Describe, control)
			return err
		}))
		for _, names := range [][]string{nil, {""}, {"no_such_metric", "no_such_metric", strings.Repeat("x", 1<<16)}} {
			note("measure with an odd request "+when, briefly(func(ctx context.Context) error {
				_, err := call(s, ctx, connector.Measure, connector.MeasureRequest{Metrics: names, Control: control})
				return err
			}))
		}
	}
	for _, as := range oddAdjustments(d) {
		note("adjust to odd values "+when, briefly(func(ctx context.Context) error {
			_, err := s.adjust(ctx, as...)
			return err
		}))
	}
	note("check of unknown names "+when, briefly(func(ctx context.Context) error {
		_, err := call(s, ctx, connector.Check, connector.CheckRequest{Filter: checks.Filter{Name: checks.AnyOf("", "no such check")}})
		return err
	}))
	note("promote "+when, briefly(func(ctx context.Context) error {
		_, err := call(s, ctx, connector.Promote, connector.None{})
		return err
	}))
}

func oddAdjustments(d types.Description) []types.Adjustments {
	odd := []types.Value{
		{}, types.Text(""), types.Text(strings.Repeat("x", 1<<16)), types.Text("\x00{{.}}"), types.Int(math.MinInt64),
		types.Float(math.NaN()), types.Float(math.Inf(-1)), types.Float(-0.5),
	}
	all := []types.Adjustments{{{}}}
	for _, c := range d.Components {
		for _, s := range c.Settings {
			for _, v := range odd {
				all = append(all, types.Adjustments{{Component: c.Name, Setting: s.Name, Value: v}})
			}
		}
	}
	return all
}

// progress watches the reports of a measurement and of an adjustment.
func (e *exam) progress() {
	s, ok := e.running()
	if !ok {
		return
	}
	d, err := s.describe()
	if e.blockedBy(err) {
		return
	}
	_, err = s.measure(e.watch("measure"))
	if e.blockedBy(err) {
		return
	}
	for _, c := range e.changes(d) {
		if _, err := s.adjust(e.watch("adjust"), c.to); e.blockedBy(err) {
			return
		}
		if _, err := s.adjust(e.watch("adjust"), c.back); e.blockedBy(err) {
			return
		}
	}
}

// watch returns a context that examines the reports of one command.
func (e *exam) watch(command string) context.Context {
	var mu sync.Mutex
	last := 0.0
	return connector.WithProgress(context.Background(), func(_ context.Context, p types.Progress) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case math.IsNaN(p.Percent) || p.Percent < 0 || p.Percent > 100:
			e.broken("%s reported %v percent, which is not between 0 and 100", command, p.Percent)
		case p.Percent < last:
			e.broken("%s reported %v percent after %v percent", command, p.Percent, last)
		default:
			last = p.Percent
		}
	})
}

// measurements compares readings with what was described.
func (e *exam) measurements() {
	s, ok := e.running()
	if !ok {
		return
	}
	described, err := s.known()
	if e.blockedBy(err) {
		return
	}
	if !handles(s, connector.Measure) {
		if len(described) > 0 {
			e.broken("it describes %d metrics and does not answer measure", len(described))
		}
		e.absent = "it does not measure"
		return
	}
	m, err := s.measure(context.Background())
	if e.blockedBy(err) {
		return
	}
	e.compare(described, m)
	if _, err := m.MarshalJSON(); err != nil {
		e.broken("the measurement cannot be sent: %v", err)
	}
	if len(described) == 0 {
		return
	}
	var names []string
	for _, metric := range described {
		names = append(names, metric.Name)
	}
	for _, asked := range [][]string{nil, names, names[:1], names[len(names)-1:]} {
		m, err := s.measure(context.Background(), asked...)
		if e.blockedBy(err) {
			return
		}
		e.compare(described, m)
		if asked == nil {
			asked = names
		}
		for _, name := range asked {
			if !slices.ContainsFunc(m.Readings, func(r types.Reading) bool { return r.Of().Name == name }) {
				e.broken("the metric %q was asked for, and there is no reading of it", name)
			}
		}
	}
}

// known returns the metrics that a connector describes.
func (s *session) known() ([]types.Metric, error) {
	d, err := s.describe()
	if err != nil {
		return nil, err
	}
	if len(d.Metrics) > 0 {
		return d.Metrics, nil
	}
	return s.metrics()
}

func (e *exam) compare(described []types.Metric, m types.Measurement) {
	kinds := map[string]string{}
	for _, r := range m.Readings {
		metric := r.Of()
		i := slices.IndexFunc(described, func(d types.Metric) bool { return d.Name == metric.Name })
		switch {
		case i < 0:
			e.broken("there is a reading of %q, which is not described", metric.Name)
		case described[i].Unit != metric.Unit:
			e.broken("%q is described in the unit %q and measured in %q", metric.Name, described[i].Unit, metric.Unit)
		}
		kinds[kind(r)] = metric.Name
	}
	if len(kinds) > 1 {
		e.broken("the readings are of two kinds: %q is a data point and %q is a time series", kinds["data point"], kinds["time series"])
	}
}

func kind(r types.Reading) string {
	switch r.(type) {
	case types.TimeSeries, *types.TimeSeries:
		return "time series"
	default:
		return "data point"
	}
}

// foreignMetrics asks for what others measure: one command goes to all.
func (e *exam) foreignMetrics() {
	s, ok := e.running()
	if !ok {
		return
	}
	if !handles(s, connector.Measure) {
		e.absent = "it does not measure"
		return
	}
	if _, err := s.measure(context.Background()); e.blockedBy(err) {
		return
	}
	m, err := s.measure(context.Background(), foreign)
	if e.brokenBy("measure for a metric of another connector", err) {
		return
	}
	for _, r := range m.Readings {
		if r.Of().Name == foreign {
			e.broken("it returned a reading of %q, which it does not know", foreign)
		}
	}
}

// foreign is a name that no connector uses.
const foreign = "connectortest_of_another"

// concurrency asks questions while a measurement runs.
func (e *exam) concurrency() {
	s, ok := e.running()
	if !ok {
		return
	}
	if _, err := s.measure(context.Background()); e.blockedBy(err) {
		return
	}
	questions := map[string]func() error{
		"describe":   func() error { _, err := s.describe(); return err },
		"components": func() error { _, err := s.components(); return err },
		"metrics":    func() error { _, err := s.metrics(); return err },
	}
	for name, ask := range questions {
		if e.blockedBy(wrap(name, ask())) {
			return
		}
	}
	const askers, times = 3, 20
	failures := make(chan error, 2+askers*times*len(questions))
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.measure(context.Background()); err != nil {
			failures <- wrap("measure beside other questions", err)
		}
	})
	wg.Go(func() {
		if _, err := call(s, context.Background(), connector.Check, connector.CheckRequest{}); err != nil {
			failures <- wrap("check beside measure", err)
		}
	})
	for name, ask := range questions {
		for range askers {
			wg.Go(func() {
				for range times {
					if err := ask(); err != nil {
						failures <- wrap(name+" beside measure", err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	close(failures)
	for err := range failures {
		e.broken("%v%s", err, trace(err))
	}
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return &doingError{doing, err}
}

// doingError says what was being done.
type doingError struct {
	doing string
	err   error
}

func (d *doingError) Error() string { return d.doing + ": " + d.err.Error() }
func (d *doingError) Unwrap() error { return d.err }
