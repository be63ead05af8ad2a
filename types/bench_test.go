package types_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/servokit/servokit/types"
)

// A measurement of three minutes in steps of a second, six metrics of ten
// instances.
func BenchmarkMeasurementMarshal(b *testing.B) {
	var m types.Measurement
	for metric := range 6 {
		for instance := range 10 {
			points := make([]types.DataPoint, 180)
			for i := range points {
				points[i] = types.DataPoint{Time: noon.Add(time.Duration(i) * time.Second), Sample: types.Observe(float64(i) * 1.37)}
			}
			m.Readings = append(m.Readings, series(types.Metric{Name: fmt.Sprint("metric", metric)}, fmt.Sprint("pod-", instance), points...))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		data, err := json.Marshal(m)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(data)))
	}
}

// A description of twenty components with eight settings each.
func BenchmarkDescriptionUnmarshal(b *testing.B) {
	var d types.Description
	for c := range 20 {
		component := types.Component{Name: fmt.Sprint("component", c)}
		for s := range 8 {
			component.Settings = append(component.Settings, types.Range(fmt.Sprint("setting", s), types.Float(0.125), types.Float(4), types.Float(0.125)).With(types.Float(1)))
		}
		d.Components = append(d.Components, component)
	}
	data, err := json.Marshal(d)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var back types.Description
		if err := json.Unmarshal(data, &back); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseDuration(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := types.ParseDuration("10w5d39h9m14.425s"); err != nil {
			b.Fatal(err)
		}
	}
}
