package types

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// Measurement is what connectors read during one MEASURE command.
type Measurement struct {
	Readings []Reading
	// Annotations are facts about the measurement for people and tools, such
	// as the load profile.
	Annotations map[string]string
}

// MergeMeasurements joins what several connectors measured, in their order. Of
// two annotations with the same key the later one counts. Readings that are nil
// or a nil pointer are left out.
func MergeMeasurements(measurements ...Measurement) Measurement {
	merged := Measurement{Annotations: map[string]string{}}
	for _, m := range measurements {
		merged.Readings = append(merged.Readings, m.present()...)
		maps.Copy(merged.Annotations, m.Annotations)
	}
	return merged
}

// present returns the readings without nils and nil pointers: a connector that
// forgot one must not bring the servo down.
func (m Measurement) present() []Reading {
	if !slices.ContainsFunc(m.Readings, absent) {
		return m.Readings
	}
	return slices.DeleteFunc(slices.Clone(m.Readings), absent)
}

// absent reports whether there is nothing behind r: it is nil, or a nil pointer,
// of which no method can be called.
func absent(r Reading) bool {
	switch r.(type) {
	case nil:
		return true
	case DataPoint, TimeSeries: // the most frequent cases, without reflection
		return false
	}
	v := reflect.ValueOf(r)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// Validate returns an error when the measurement of one connector mixes data
// points and time series. What [MergeMeasurements] joins may be mixed.
func (m Measurement) Validate() error {
	readings := m.present()
	for _, r := range readings {
		if kind, first := readingKind(r), readingKind(readings[0]); kind != first {
			return fmt.Errorf("all readings must be of the same type: expected %s but found %s (%s)", first, kind, r.Of().Name)
		}
	}
	return nil
}

// readingKind tells data points from time series.
func readingKind(r Reading) string {
	var w readingWire
	if r.wire(&w); w.Values != nil {
		return "TimeSeries"
	}
	return "DataPoint"
}

// Summary reduces all readings of the named metric to one figure; several
// series of one metric are pooled. A Count of 0 means that there is no data,
// either because the metric was not measured or because no sample was finite.
func (m Measurement) Summary(metric string) Summary {
	var samples []Sample
	for _, r := range m.present() {
		if r.Of().Name == metric {
			samples = append(samples, r.Samples()...)
		}
	}
	return Summarize(samples...)
}

// Metrics returns the metrics that were read, in order and without repeats.
func (m Measurement) Metrics() []Metric {
	var metrics []Metric
	for _, r := range m.present() {
		metrics = append(metrics, r.Of())
	}
	return dedupe(metrics, func(m Metric) string { return m.Name })
}

// readingWire is what is sent of one metric.
type readingWire struct {
	Unit   Unit         `json:"unit"`
	Value  *Value       `json:"value,omitempty"`
	Values []seriesWire `json:"values,omitempty"`
}

type seriesWire struct {
	ID   string          `json:"id"`
	Data json.RawMessage `json:"data"`
}

func (p DataPoint) wire(w *readingWire) {
	if v, ok := p.Sample.Float64(); ok {
		value := Float(v)
		w.Value = &value
	}
}

func (s TimeSeries) wire(w *readingWire) {
	// A point is [epoch seconds, value]; the time has no fraction and the value
	// always one. There are many, so they are written in one go.
	data := []byte{'['}
	for _, p := range s.Points {
		v, ok := p.Sample.Float64()
		if !ok {
			continue
		}
		if len(data) > 1 {
			data = append(data, ',')
		}
		data = append(data, '[')
		data = strconv.AppendInt(data, p.Time.Unix(), 10)
		data = append(data, ',')
		data = appendFloat(data, v)
		data = append(data, ']')
	}
	series := seriesWire{ID: s.ID, Data: append(data, ']')}
	if _, last, ok := s.Timespan(); ok && series.ID == "" && !last.IsZero() {
		series.ID = strconv.FormatInt(last.Unix(), 10)
	}
	w.Values = append(w.Values, series)
}

type measurementWire struct {
	Metrics     json.RawMessage   `json:"metrics"`
	Annotations map[string]string `json:"annotations"`
}

// MarshalJSON writes the wire form. Samples without a finite number never go on
// the wire: a series keeps its finite points only, and a single reading that
// has none is left out. Several series of one metric become several entries of
// its values, each with its id; a series without an id gets the epoch second of
// its last point. Of several single readings of one metric the last that has a
// number counts. Times are whole epoch seconds.
func (m Measurement) MarshalJSON() ([]byte, error) {
	byMetric := make(map[string]*readingWire)
	var order []string
	for _, r := range m.present() {
		metric := r.Of()
		w := byMetric[metric.Name]
		if w == nil {
			w = &readingWire{Unit: metric.Unit}
			byMetric[metric.Name] = w
			order = append(order, metric.Name)
		}
		r.wire(w)
	}
	var metrics objectWriter
	for _, name := range order {
		if w := byMetric[name]; w.Value != nil || w.Values != nil {
			if err := metrics.field(name, w); err != nil {
				return nil, err
			}
		}
	}
	annotations := m.Annotations
	if annotations == nil {
		annotations = map[string]string{}
	}
	return json.Marshal(measurementWire{metrics.bytes(), annotations})
}

// UnmarshalJSON reads the wire form, metrics in document order: a single value
// becomes a [DataPoint] without a time, values become one [TimeSeries] each,
// and a metric with both gives both. A null value is a missing sample. All
// problems are reported at once, each with its path.
func (m *Measurement) UnmarshalJSON(data []byte) error {
	var w measurementWire
	if err := decodeObject(data, &w); err != nil {
		return err
	}
	read := Measurement{Annotations: w.Annotations}
	if read.Annotations == nil {
		read.Annotations = map[string]string{}
	}
	var errs []error
	err := eachField(w.Metrics, func(name string, raw json.RawMessage) error {
		readings, err := readReadings(name, raw)
		if err != nil {
			errs = append(errs, fmt.Errorf("metrics.%s%w", name, err))
		}
		read.Readings = append(read.Readings, readings...)
		return nil
	})
	if err != nil {
		errs = append(errs, fmt.Errorf("metrics: %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	*m = read
	return nil
}

// readReadings reads what was sent of one metric. Its error begins with the
// rest of the path.
func readReadings(name string, raw json.RawMessage) ([]Reading, error) {
	var r struct {
		Unit   Unit     `json:"unit"`
		Value  *float64 `json:"value"`
		Values []struct {
			ID   string        `json:"id"`
			Data [][2]*float64 `json:"data"`
		} `json:"values"`
	}
	if err := decodeObject(raw, &r); err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	metric := Metric{Name: name, Unit: r.Unit}
	var readings []Reading
	if r.Value != nil || r.Values == nil {
		readings = append(readings, DataPoint{Metric: metric, Sample: observed(r.Value)})
	}
	for i, series := range r.Values {
		var points []DataPoint
		for j, p := range series.Data {
			at, err := epoch(p[0])
			if err != nil {
				return nil, fmt.Errorf(".values[%d].data[%d]: %w", i, j, err)
			}
			points = append(points, DataPoint{Time: at, Sample: observed(p[1])})
		}
		s := NewTimeSeries(metric, points...)
		s.ID = series.ID
		readings = append(readings, s)
	}
	return readings, nil
}

func observed(v *float64) Sample {
	if v == nil {
		return Sample{}
	}
	return Observe(*v)
}

// The years 1 to 9999, as epoch seconds. Milliseconds taken for seconds lie
// beyond.
const (
	earliest = -62135596800
	latest   = 253402300799
)

func epoch(seconds *float64) (time.Time, error) {
	if seconds == nil {
		return time.Time{}, errors.New("a time is required")
	}
	if *seconds < earliest || *seconds > latest {
		return time.Time{}, fmt.Errorf("the time %g is no number of epoch seconds: it must lie within the years 1 to 9999", *seconds)
	}
	whole, fraction := math.Modf(*seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC(), nil
}
