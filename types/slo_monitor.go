package types

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// SLOResult is what one look at one [SLOCondition] gave.
type SLOResult string

// The results. Only the first two say anything about the objective.
const (
	SLOPassed           SLOResult = "passed"
	SLOFailed           SLOResult = "failed"
	SLOMissingMetric    SLOResult = "missing_metric"
	SLOMissingThreshold SLOResult = "missing_threshold"
	SLOZeroMetric       SLOResult = "zero_metric"
	SLOZeroThreshold    SLOResult = "zero_threshold"
)

// ReasonSLOViolation is the reason of an operation that was aborted because an
// objective was violated.
const ReasonSLOViolation = "slo-violation"

// SLOMonitor watches objectives during an operation and says when to give up.
// Make it with [NewSLOMonitor] for each operation and hand every look at the
// metrics to [SLOMonitor.Judge], from one goroutine.
type SLOMonitor struct {
	zeroIsMissing bool
	watched       []watchedCondition
}

type watchedCondition struct {
	condition SLOCondition // with defaults
	results   []SLOResult
}

// NewSLOMonitor returns a monitor of valid objectives. ZeroIsMissing says that
// a metric or threshold of exactly 0 is no data.
func NewSLOMonitor(slo SLO, zeroIsMissing bool) *SLOMonitor {
	m := &SLOMonitor{zeroIsMissing: zeroIsMissing, watched: make([]watchedCondition, len(slo.Conditions))}
	for i, c := range slo.Conditions {
		m.watched[i].condition = c.WithDefaults()
	}
	return m
}

// Metrics returns the names of the metrics that the conditions need, without
// repeats.
func (m *SLOMonitor) Metrics() []string {
	var names []string
	for _, w := range m.watched {
		names = append(names, w.condition.Metric)
		if w.condition.ThresholdMetric != "" {
			names = append(names, w.condition.ThresholdMetric)
		}
	}
	return dedupe(names, func(name string) string { return name })
}

// Judge looks at what was just measured and returns the result of each
// condition, in order. The value of a metric is the mean over its readings, each
// series reduced to its mean first; samples without a number do not count. The
// error is an aborted [*OutcomeError] when violations among the last results of
// a condition reach its trigger count. No data passes nothing and violates
// nothing, but takes its place among the last results.
func (m *SLOMonitor) Judge(measured Measurement) ([]SLOResult, error) {
	results := make([]SLOResult, len(m.watched))
	var tripped []string
	for i := range m.watched {
		w := &m.watched[i]
		c := w.condition
		results[i] = m.result(c, measured)
		w.results = append(w.results, results[i])
		w.results = w.results[max(0, len(w.results)-c.TriggerWindow):]
		failed := 0
		for _, r := range w.results {
			if r == SLOFailed {
				failed++
			}
		}
		if failed >= c.TriggerCount {
			tripped = append(tripped, fmt.Sprintf("%s%s", c, w.results))
		}
	}
	if len(tripped) == 0 {
		return results, nil
	}
	return results, &OutcomeError{
		Outcome: Aborted, Reason: ReasonSLOViolation, Operation: Measuring,
		Err: errors.New("SLO violation(s) observed: " + strings.Join(tripped, ", ")),
	}
}

func (m *SLOMonitor) result(c SLOCondition, measured Measurement) SLOResult {
	value, ok := m.mean(measured, c.Metric)
	if !ok {
		return SLOMissingMetric
	}
	multiplier := c.ThresholdMultiplier.rat()
	var limit float64
	if c.ThresholdMetric == "" {
		limit, _ = new(big.Rat).Mul(c.Threshold.rat(), multiplier).Float64()
	} else {
		threshold, ok := m.mean(measured, c.ThresholdMetric)
		if !ok {
			return SLOMissingThreshold
		}
		factor, _ := multiplier.Float64()
		limit = threshold * factor
		if least, _ := c.MetricMinimum.Float64(); value >= 0 && value <= least {
			return SLOZeroMetric
		}
		if least, _ := c.ThresholdMinimum.Float64(); limit >= 0 && limit <= least {
			return SLOZeroThreshold
		}
	}
	if c.Keep == KeepAbove && value >= limit || c.Keep == KeepBelow && value <= limit {
		return SLOPassed
	}
	return SLOFailed
}

// mean returns the mean over the readings of a metric that have a number.
func (m *SLOMonitor) mean(measured Measurement, metric string) (float64, bool) {
	var means []Sample
	for _, r := range measured.present() {
		if r.Of().Name == metric {
			means = append(means, Summarize(r.Samples()...).Sample())
		}
	}
	s := Summarize(means...).Sample()
	v, ok := s.Float64()
	return v, ok && (!m.zeroIsMissing || s.State() != SampleZero)
}

// rat returns the exact number, 0 when unset.
func (d Decimal) rat() *big.Rat {
	r, ok := new(big.Rat).SetString(d.text)
	if !ok {
		return new(big.Rat)
	}
	return r
}
