package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/servokit/servokit/types"
)

// SamplePolicies say for the metrics of a connector what becomes of samples that
// are missing, zero, NaN, infinite or stale, by the name of the metric; "*" is for
// the metrics that are not named. Give them the key samples in the configuration
// of a connector that measures:
//
//	samples:
//	  "*": {missing: carry}
//	  error_rate: {missing: fail, nan: 0}
//	  throughput: {zero: fail}
//
// An action is keep, skip, carry (the last number), fail (the measurement), or a
// number that the sample is treated as; see [types.SamplePolicy]. A metric without
// a policy keeps its numbers and skips what is none.
type SamplePolicies map[string]types.SamplePolicy

// otherMetrics is the entry for metrics that have none.
const otherMetrics = "*"

// ReasonSampleRefused is the reason of a measurement that failed because the
// policy of a metric refuses a sample.
const ReasonSampleRefused = "sample-refused"

// For returns the policy of a metric: its own, or that of "*", or the zero policy.
// They are not mixed: an action that the policy of a metric leaves open is the
// default, not that of "*".
func (p SamplePolicies) For(metric string) types.SamplePolicy {
	if policy, ok := p[metric]; ok {
		return policy
	}
	return p[otherMetrics]
}

// Check reports policies for metrics that are not among the known ones. Call it
// from the Validate of a configuration, with the path of the policies.
func (p SamplePolicies) Check(path string, known ...string) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if name == otherMetrics || slices.Contains(known, name) {
			continue
		}
		message := "no metric is called " + showText(name)
		if suggestion := closest(name, known); suggestion != "" {
			message += "; did you mean " + showText(suggestion) + "?"
		}
		errs = append(errs, &FieldError{Path: joinPath(path, keyPath("", name)), Message: message + " (known: " + strings.Join(known, ", ") + ", * for all others)"})
	}
	return errors.Join(errs...)
}

// Apply returns m with the policy of its metric applied to each reading, and what
// was done besides keeping in the annotation "samples". A single point of which
// nothing is left is left out, as is a nil reading; a series may become empty. The
// error names every metric whose policy refuses a sample, and is a failed
// [types.OutcomeError] with [ReasonSampleRefused] that wraps each
// [types.SampleError]. M is not changed.
func (p SamplePolicies) Apply(m types.Measurement) (types.Measurement, error) {
	out := types.Measurement{Annotations: maps.Clone(m.Annotations)}
	var notes []string
	var refused []error
	for _, reading := range types.MergeMeasurements(m).Readings { // without nils
		name := reading.Of().Name
		series, single := asSeries(reading)
		if series.ID != "" {
			name += " of " + series.ID
		}
		cleaned, counts, err := p.For(reading.Of().Name).Apply(series)
		if err != nil {
			refused = append(refused, fmt.Errorf("%s: %w", name, err))
			continue
		}
		if note := describeCounts(counts); note != "" {
			notes = append(notes, name+": "+note)
		}
		switch {
		case !single:
			out.Readings = append(out.Readings, cleaned)
		case len(cleaned.Points) > 0:
			out.Readings = append(out.Readings, cleaned.Points[0])
		}
	}
	if len(refused) > 0 {
		return types.Measurement{}, &types.OutcomeError{Outcome: types.Failed, Reason: ReasonSampleRefused, Err: errors.Join(refused...)}
	}
	if len(notes) > 0 {
		if out.Annotations == nil {
			out.Annotations = map[string]string{}
		}
		out.Annotations["samples"] = strings.Join(notes, "; ")
	}
	return out, nil
}

// asSeries also tells whether the reading is a single point.
func asSeries(reading types.Reading) (series types.TimeSeries, single bool) {
	switch r := reading.(type) {
	case types.TimeSeries:
		return r, false
	case *types.TimeSeries:
		return *r, false
	case types.DataPoint:
		return types.TimeSeries{Metric: r.Metric, Points: []types.DataPoint{r}}, true
	case *types.DataPoint:
		return types.TimeSeries{Metric: r.Metric, Points: []types.DataPoint{*r}}, true
	}
	return types.TimeSeries{Metric: reading.Of()}, false // there are no others
}

// describeCounts says what was done besides keeping.
func describeCounts(c types.SampleCounts) string {
	var done []string
	for _, part := range []struct {
		n    int
		what string
	}{{c.Skipped, "skipped"}, {c.Carried, "carried"}, {c.Replaced, "replaced"}} {
		if part.n > 0 {
			done = append(done, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(done) == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %d samples", strings.Join(done, ", "), c.Kept+c.Skipped+c.Carried+c.Replaced)
}
