package types

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
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
// two annotations with the same key the later one counts.
func MergeMeasurements(measurements ...Measurement) Measurement {
	merged := Measurement{Annotations: map[string]string{}}
	for _, m := range measurements {
		merged.Readings = append(merged.Readings, m.Readings...)
		maps.Copy(merged.Annotations, m.Annotations)
	}
	return merged
}

// Summary reduces all readings of the named metric to one figure; several
// series of one metric are pooled. A Count of 0 means that there is no data,
// either because the metric was not measured or because no sample was finite.
func (m Measurement) Summary(metric string) Summary {
	var samples []Sample
	for _, r := range m.Readings {
		if r.Of().Name == metric {
			samples = append(samples, r.Samples()...)
		}
	}
	return Summarize(samples...)
}

// Metrics returns the metrics that were read, in order and without repeats.
func (m Measurement) Metrics() []Metric {
	var metrics []Metric
	for _, r := range m.Readings {
		metrics = append(metrics, r.Of())
	}
	return dedupe(metrics, func(m Metric) string { return m.Name })
}

type readingWire struct {
	Unit   Unit         `json:"unit"`
	Value  *float64     `json:"value,omitempty"`
	Values []seriesWire `json:"values,omitempty"`
}

type seriesWire struct {
	ID   string      `json:"id"`
	Data []pointWire `json:"data"`
}

type pointWire [2]float64

// MarshalJSON writes a point as [epoch seconds, value]; the time has no
// fraction and the value always one, as the protocol has it.
func (p pointWire) MarshalJSON() ([]byte, error) {
	b := strconv.AppendInt([]byte{'['}, int64(p[0]), 10)
	b = append(b, ',')
	b = append(b, formatFloat(p[1])...)
	return append(b, ']'), nil
}

type measurementWire struct {
	Metrics     json.RawMessage   `json:"metrics"`
	Annotations map[string]string `json:"annotations"`
}

// MarshalJSON writes the wire form. Samples without a finite number never go on
// the wire: a series keeps its finite points only, and a single reading that
// has none is left out. Several series of one metric become several entries of
// its values, each with its id; a series without an id gets the epoch second of
// its last point. Times are whole epoch seconds.
func (m Measurement) MarshalJSON() ([]byte, error) {
	byMetric := make(map[string]*readingWire)
	var order []string
	for _, r := range m.Readings {
		metric := r.Of()
		w := byMetric[metric.Name]
		if w == nil {
			w = &readingWire{Unit: metric.Unit}
			byMetric[metric.Name] = w
			order = append(order, metric.Name)
		}
		switch r := r.(type) {
		case DataPoint:
			if v, ok := r.Sample.Float64(); ok {
				w.Value = &v
			}
		case TimeSeries:
			w.Values = append(w.Values, r.wire())
		}
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

func (s TimeSeries) wire() seriesWire {
	w := seriesWire{ID: s.ID, Data: []pointWire{}}
	var last time.Time
	for _, p := range s.Points {
		last = p.Time
		if v, ok := p.Sample.Float64(); ok {
			w.Data = append(w.Data, pointWire{float64(p.Time.Unix()), v})
		}
	}
	if w.ID == "" && !last.IsZero() {
		w.ID = strconv.FormatInt(last.Unix(), 10)
	}
	return w
}

// UnmarshalJSON reads the wire form, metrics in document order: a single value
// becomes a [DataPoint] without a time, values become one [TimeSeries] each. A
// null value is a missing sample.
func (m *Measurement) UnmarshalJSON(data []byte) error {
	var w measurementWire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	read := Measurement{Annotations: w.Annotations}
	if read.Annotations == nil {
		read.Annotations = map[string]string{}
	}
	err := eachField(w.Metrics, func(name string, raw json.RawMessage) error {
		var r struct {
			Unit   Unit     `json:"unit"`
			Value  *float64 `json:"value"`
			Values []struct {
				ID   string        `json:"id"`
				Data [][2]*float64 `json:"data"`
			} `json:"values"`
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			return fmt.Errorf("metric %q: %w", name, err)
		}
		metric := Metric{Name: name, Unit: r.Unit}
		for _, series := range r.Values {
			points := make([]DataPoint, 0, len(series.Data))
			for _, p := range series.Data {
				if p[0] == nil {
					return fmt.Errorf("metric %q: a data point has no time", name)
				}
				points = append(points, DataPoint{Time: epoch(*p[0]), Sample: observed(p[1])})
			}
			s := NewTimeSeries(metric, points...)
			s.ID = series.ID
			read.Readings = append(read.Readings, s)
		}
		if r.Values == nil {
			read.Readings = append(read.Readings, DataPoint{Metric: metric, Sample: observed(r.Value)})
		}
		return nil
	})
	if err != nil {
		return err
	}
	*m = read
	return nil
}

func observed(v *float64) Sample {
	if v == nil {
		return Sample{}
	}
	return Observe(*v)
}

func epoch(seconds float64) time.Time {
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC()
}
