package types

import (
	"math"
	"strconv"
)

// SampleState tells what is known about a sample. Missing, zero and NaN are
// three different facts and are never folded into one another.
type SampleState uint8

// The states of a [Sample].
const (
	// SampleMissing says that nothing was observed. It is the state of the
	// zero Sample.
	SampleMissing SampleState = iota
	// SamplePresent is an observed finite number other than zero.
	SamplePresent
	// SampleZero is an observed zero.
	SampleZero
	// SampleNaN is an observation that is not a number, such as 0/0 of a
	// ratio without traffic.
	SampleNaN
	// SampleInfinite is an observed positive or negative infinity.
	SampleInfinite
	// SampleStale is a value that was once observed and that its source has
	// since declared gone.
	SampleStale
)

// String returns "missing", "present", "zero", "NaN", "infinite" or "stale".
func (s SampleState) String() string {
	switch s {
	case SamplePresent:
		return "present"
	case SampleZero:
		return "zero"
	case SampleNaN:
		return "NaN"
	case SampleInfinite:
		return "infinite"
	case SampleStale:
		return "stale"
	default:
		return "missing"
	}
}

// Sample is one observation of a metric together with what is known about it.
// The zero Sample is missing, so forgetting to set one can never read as a
// measured zero. Only finite samples have a number; see [Sample.Float64].
type Sample struct {
	state SampleState
	value float64
}

// Observe returns the sample of an observed value. NaN and the infinities keep
// a state of their own.
func Observe(value float64) Sample {
	switch {
	case math.IsNaN(value):
		return Sample{state: SampleNaN}
	case math.IsInf(value, 0):
		return Sample{state: SampleInfinite, value: value}
	case value == 0:
		return Sample{state: SampleZero}
	default:
		return Sample{state: SamplePresent, value: value}
	}
}

// Stale returns the sample of a value that its source has declared gone.
func Stale() Sample { return Sample{state: SampleStale} }

// State tells what is known about the sample.
func (s Sample) State() SampleState { return s.state }

// Float64 returns the observed number. It is false for a sample that is
// missing, NaN, infinite or stale: such a sample must never enter a
// calculation or go on the wire as a number.
func (s Sample) Float64() (float64, bool) {
	return s.value, s.state == SamplePresent || s.state == SampleZero
}

// String returns the number, or the name of the state when there is none.
func (s Sample) String() string {
	if v, ok := s.Float64(); ok {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return s.state.String()
}

// Summary condenses samples into the figures a decision needs. A Summary whose
// Count is 0 is "no data": its figures mean nothing, however many samples were
// skipped.
type Summary struct {
	// Count is the number of finite samples.
	Count int
	// Skipped is the number of samples that had no finite number.
	Skipped int
	// Mean, Min and Max are over the finite samples.
	Mean, Min, Max float64
}

// Summarize reduces samples. Samples without a finite number are skipped and
// counted, never taken as zero.
func Summarize(samples ...Sample) Summary {
	var s Summary
	for _, sample := range samples {
		v, ok := sample.Float64()
		if !ok {
			s.Skipped++
			continue
		}
		s.Count++
		if s.Count == 1 {
			s.Mean, s.Min, s.Max = v, v, v
			continue
		}
		// The running form cannot overflow where the sum would.
		s.Mean += v/float64(s.Count) - s.Mean/float64(s.Count)
		s.Min, s.Max = min(s.Min, v), max(s.Max, v)
	}
	return s
}

// Sample returns the mean as a sample, missing when there was no data.
func (s Summary) Sample() Sample {
	if s.Count == 0 {
		return Sample{}
	}
	return Observe(s.Mean)
}
