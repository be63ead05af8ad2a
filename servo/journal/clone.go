package journal

import (
	"maps"
	"slices"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

func (s State) clone() State {
	s.Open, s.Pending = s.Open.clone(), s.Pending.clone()
	s.Committed, s.Baseline = slices.Clone(s.Committed), slices.Clone(s.Baseline)
	return s
}

func (e *Entry) clone() *Entry {
	if e == nil {
		return nil
	}
	c := *e
	c.Adjustments, c.Previous = slices.Clone(e.Adjustments), slices.Clone(e.Previous)
	if e.Answer != nil {
		answer := cloneAnswer(*e.Answer)
		c.Answer = &answer
	}
	return &c
}

func cloneAnswer(r optimizer.Result) optimizer.Result {
	r.Others = slices.Clone(r.Others)
	r.Description.Metrics = slices.Clone(r.Description.Metrics)
	r.Description.Components = slices.Clone(r.Description.Components)
	for i, c := range r.Description.Components {
		c.Settings = slices.Clone(c.Settings)
		for j := range c.Settings {
			c.Settings[j].Values = slices.Clone(c.Settings[j].Values)
		}
		r.Description.Components[i] = c
	}
	r.Measurement.Annotations = maps.Clone(r.Measurement.Annotations)
	r.Measurement.Readings = slices.Clone(r.Measurement.Readings)
	for i, reading := range r.Measurement.Readings {
		r.Measurement.Readings[i] = cloneReading(reading)
	}
	return r
}

// cloneReading knows every kind of reading: no other package can add one.
func cloneReading(r types.Reading) types.Reading {
	switch r := r.(type) {
	case *types.DataPoint:
		if r != nil {
			return *r
		}
	case types.TimeSeries:
		return cloneSeries(r)
	case *types.TimeSeries:
		if r != nil {
			return cloneSeries(*r)
		}
	case types.DataPoint:
		return r
	}
	return nil
}

func cloneSeries(s types.TimeSeries) types.TimeSeries {
	s.Points, s.Metadata = slices.Clone(s.Points), maps.Clone(s.Metadata)
	return s
}
