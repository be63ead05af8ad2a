package types

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/servokit/servokit/internal/english"
)

// Unit is the unit of a metric, in the form it has on the wire.
type Unit string

// The units a [Metric] may have. Float, int, count and rate of the original all
// share the empty unit.
const (
	Unitless          Unit = ""
	Percentage        Unit = "%"
	Milliseconds      Unit = "ms"
	Bytes             Unit = "bytes"
	Gibibytes         Unit = "GiB"
	Cores             Unit = "cores"
	RequestsPerMinute Unit = "rpm"
	RequestsPerSecond Unit = "rps"
)

var units = []Unit{Unitless, Percentage, Milliseconds, Bytes, Gibibytes, Cores, RequestsPerMinute, RequestsPerSecond}

// Validate returns an error that lists the known units when u is none of them.
// Call it on configuration; what an optimizer sends is taken as it is.
func (u Unit) Validate() error {
	if slices.Contains(units, u) {
		return nil
	}
	return fmt.Errorf("unknown unit %q: use %s", shorten(string(u)), english.Quoted(units...))
}

// Metric names something that can be measured and says in which unit. Metrics
// are comparable: equal name and unit mean the same metric.
type Metric struct {
	Name string
	Unit Unit
}

// String returns the name, with the unit in parentheses when there is one.
func (m Metric) String() string {
	if m.Unit == Unitless {
		return m.Name
	}
	return fmt.Sprintf("%s (%s)", m.Name, string(m.Unit))
}

// Reading is what a connector measured of one metric: a [DataPoint] or a
// [TimeSeries], or a pointer to one.
type Reading interface {
	// Of returns the metric that was read.
	Of() Metric
	// Samples returns the observations in order of time.
	Samples() []Sample
	// wire adds the reading to what is sent of its metric.
	wire(*readingWire)
}

// DataPoint is one observation of a metric at a point in time.
type DataPoint struct {
	Metric Metric
	Time   time.Time
	Sample Sample
}

// Of returns the metric that was read.
func (p DataPoint) Of() Metric { return p.Metric }

// Samples returns the one observation.
func (p DataPoint) Samples() []Sample { return []Sample{p.Sample} }

// String returns a line for a person: "throughput: 31337.00rpm @ 2020-01-21
// 12:00:01", with the state in place of the number when there is none.
func (p DataPoint) String() string {
	text := p.Sample.String()
	if v, ok := p.Sample.Float64(); ok {
		text = fmt.Sprintf("%.2f%s", v, p.Metric.Unit)
	}
	return fmt.Sprintf("%s: %s @ %s", p.Metric.Name, text, p.Time.UTC().Format("2006-01-02 15:04:05"))
}

// TimeSeries is a sequence of observations of one metric from one source.
// Build it with [NewTimeSeries], which sorts the points by time.
type TimeSeries struct {
	Metric Metric
	// ID tells series of the same metric apart: an instance, a pod, an
	// address. Empty when there is only one.
	ID string
	// Annotation is free text for people.
	Annotation string
	// Metadata carries labels of the source.
	Metadata map[string]string
	// Points are in order of time. Their Metric is that of the series.
	Points []DataPoint
}

// NewTimeSeries returns a series of metric with the points in order of time;
// points of equal time keep their order. Every point takes the metric of the
// series.
func NewTimeSeries(metric Metric, points ...DataPoint) TimeSeries {
	sorted := slices.Clone(points)
	for i := range sorted {
		sorted[i].Metric = metric
	}
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Time.Before(sorted[j].Time) })
	return TimeSeries{Metric: metric, Points: sorted}
}

// Of returns the metric that was read.
func (s TimeSeries) Of() Metric { return s.Metric }

// Samples returns the observations in order of time.
func (s TimeSeries) Samples() []Sample {
	samples := make([]Sample, len(s.Points))
	for i, p := range s.Points {
		samples[i] = p.Sample
	}
	return samples
}

// Timespan returns the times of the first and the last point, and false when
// the series is empty.
func (s TimeSeries) Timespan() (first, last time.Time, ok bool) {
	if len(s.Points) == 0 {
		return time.Time{}, time.Time{}, false
	}
	return s.Points[0].Time, s.Points[len(s.Points)-1].Time, true
}

// Duration returns the time between the first and the last point, 0 when there
// are fewer than two.
func (s TimeSeries) Duration() Duration {
	first, last, _ := s.Timespan()
	return Duration(last.Sub(first))
}

// Min returns the first point with the least number, and false when no sample
// of the series has a number.
func (s TimeSeries) Min() (DataPoint, bool) {
	return s.extreme(func(v, best float64) bool { return v < best })
}

// Max returns the first point with the greatest number, and false when no
// sample of the series has a number.
func (s TimeSeries) Max() (DataPoint, bool) {
	return s.extreme(func(v, best float64) bool { return v > best })
}

func (s TimeSeries) extreme(better func(v, best float64) bool) (best DataPoint, found bool) {
	var extreme float64
	for _, p := range s.Points {
		if v, ok := p.Sample.Float64(); ok && (!found || better(v, extreme)) {
			best, extreme, found = p, v, true
		}
	}
	return best, found
}

// Summary reduces the series; see [Summarize].
func (s TimeSeries) Summary() Summary { return Summarize(s.Samples()...) }

type metricWire struct {
	Unit Unit `json:"unit"`
}

func marshalMetrics(metrics []Metric) ([]byte, error) {
	var o objectWriter
	for _, m := range dedupe(metrics, func(m Metric) string { return m.Name }) {
		if err := o.field(m.Name, metricWire{m.Unit}); err != nil {
			return nil, err
		}
	}
	return o.bytes(), nil
}
