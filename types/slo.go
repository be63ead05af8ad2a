package types

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Keep says on which side of its threshold a metric must stay.
type Keep string

// The sides.
const (
	KeepBelow Keep = "below"
	KeepAbove Keep = "above"
)

// DefaultSLOMinimum is the value up to which a metric or a threshold that is
// itself measured counts as zero, when a condition gives none.
const DefaultSLOMinimum = 0.25

// SLOCondition is one service level objective: a metric that must stay below
// or above a threshold. The threshold is a number, or another metric times a
// multiplier. Unset fields have defaults; see [SLOCondition.WithDefaults].
type SLOCondition struct {
	// Description is for people.
	Description string
	// Metric is the name of the metric that is judged.
	Metric string
	// Threshold is a fixed limit, ThresholdMetric the name of a metric that is
	// one. Exactly one of them must be given.
	Threshold       Decimal
	ThresholdMetric string
	// ThresholdMultiplier multiplies the limit. Unset means 1.
	ThresholdMultiplier Decimal
	// Keep is the side on which to stay. Empty means [KeepBelow].
	Keep Keep
	// TriggerCount violations among the last TriggerWindow results trip the
	// condition. Zero means 1 for the count, and the count for the window.
	TriggerCount, TriggerWindow int
	// MetricMinimum and ThresholdMinimum are the values up to which metric and
	// threshold count as zero, when the threshold is a metric. Unset means
	// [DefaultSLOMinimum].
	MetricMinimum, ThresholdMinimum Decimal
}

// WithDefaults returns c with every optional field filled in. What cannot be
// right stays as it is; see [SLOCondition.Validate].
func (c SLOCondition) WithDefaults() SLOCondition {
	if c.Keep == "" {
		c.Keep = KeepBelow
	}
	if !c.ThresholdMultiplier.IsSet() {
		c.ThresholdMultiplier = Decimal{text: "1"}
	}
	if c.TriggerCount == 0 {
		c.TriggerCount = 1
	}
	if c.TriggerWindow == 0 {
		c.TriggerWindow = c.TriggerCount
	}
	for _, minimum := range []*Decimal{&c.MetricMinimum, &c.ThresholdMinimum} {
		if !minimum.IsSet() {
			*minimum = Decimal{text: "0.25"}
		}
	}
	return c
}

// String returns the condition for a person: "(latency below 250)", with the
// description when there is one.
func (c SLOCondition) String() string {
	threshold := c.ThresholdMetric
	if c.Threshold.IsSet() {
		threshold = c.Threshold.String()
	}
	text := fmt.Sprintf("(%s %s %s", c.Metric, c.WithDefaults().Keep, threshold)
	if c.Description != "" {
		text += " -> " + c.Description
	}
	return text + ")"
}

// Same reports whether both conditions judge the same: everything but the
// description is equal, defaults filled in.
func (c SLOCondition) Same(o SLOCondition) bool { return c.identity() == o.identity() }

func (c SLOCondition) identity() SLOCondition {
	c = c.WithDefaults()
	c.Description = ""
	return c
}

// Validate reports everything that is wrong, all problems at once: no metric,
// no threshold or two, an unknown side, and counts below 1 or above the window.
func (c SLOCondition) Validate() error { return errors.Join(c.problems(nil)...) }

// problems lists everything that is wrong. Of a field whose text has been
// refused nothing more is said, nor how it goes together with another one.
func (c SLOCondition) problems(refused map[string]bool) []error {
	var errs []error
	problem := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if c.Metric == "" && !refused["metric"] {
		problem("metric: required")
	}
	switch {
	case refused["threshold"] || refused["threshold_metric"]:
	case c.Threshold.IsSet() && c.ThresholdMetric != "":
		problem("threshold: SLO condition cannot specify both threshold and threshold_metric")
	case !c.Threshold.IsSet() && c.ThresholdMetric == "":
		problem("threshold: SLO condition must specify either threshold or threshold_metric")
	}
	d := c.WithDefaults()
	if d.Keep != KeepBelow && d.Keep != KeepAbove && !refused["keep"] {
		problem("keep: %q is not accepted: use above or below", shorten(string(d.Keep)))
	}
	if refused["trigger_count"] || refused["trigger_window"] {
		return errs
	}
	if d.TriggerCount < 1 {
		problem("trigger_count: %d is not accepted: use a number of at least 1", d.TriggerCount)
	}
	if d.TriggerWindow < 1 {
		problem("trigger_window: %d is not accepted: use a number of at least 1", d.TriggerWindow)
	} else if d.TriggerCount > d.TriggerWindow {
		problem("trigger_count: cannot be greater than trigger_window (%d > %d)", d.TriggerCount, d.TriggerWindow)
	}
	return errs
}

// Warnings lists what is odd without being wrong: a minimum for the threshold
// does nothing when the threshold is a number.
func (c SLOCondition) Warnings() []string {
	if c.Threshold.IsSet() && c.ThresholdMinimum.IsSet() {
		return []string{fmt.Sprintf("%s: slo_threshold_minimum has no effect with a fixed threshold", c)}
	}
	return nil
}

// MarshalJSON writes the fields that are set, under the names of the protocol.
func (c SLOCondition) MarshalJSON() ([]byte, error) {
	var o objectWriter
	text := func(name, value string) {
		if value != "" {
			data, _ := json.Marshal(value) // a string always marshals
			o.raw(name, data)
		}
	}
	number := func(name string, value Decimal) {
		if value.IsSet() {
			o.raw(name, []byte(value.text))
		}
	}
	count := func(name string, value int) {
		if value != 0 {
			o.raw(name, strconv.AppendInt(nil, int64(value), 10))
		}
	}
	text("description", c.Description)
	text("metric", c.Metric)
	number("threshold", c.Threshold)
	text("threshold_metric", c.ThresholdMetric)
	number("threshold_multiplier", c.ThresholdMultiplier)
	text("keep", string(c.Keep))
	count("trigger_count", c.TriggerCount)
	count("trigger_window", c.TriggerWindow)
	number("slo_metric_minimum", c.MetricMinimum)
	number("slo_threshold_minimum", c.ThresholdMinimum)
	return o.bytes(), nil
}

// UnmarshalJSON reads a condition and validates it. Thresholds are numbers or
// strings. A key that no condition has is an error. All problems are reported
// at once.
func (c *SLOCondition) UnmarshalJSON(data []byte) error {
	var read SLOCondition
	var errs []error
	refused := make(map[string]bool)
	fields := map[string]any{
		"description": &read.Description, "metric": &read.Metric,
		"threshold": &read.Threshold, "threshold_metric": &read.ThresholdMetric, "threshold_multiplier": &read.ThresholdMultiplier,
		"keep": &read.Keep, "trigger_count": &read.TriggerCount, "trigger_window": &read.TriggerWindow,
		"slo_metric_minimum": &read.MetricMinimum, "slo_threshold_minimum": &read.ThresholdMinimum,
	}
	err := eachField(data, func(name string, raw json.RawMessage) error {
		into, ok := fields[name]
		if !ok {
			errs = append(errs, fmt.Errorf("%s: unknown: a condition has no such key", shorten(name)))
			return nil
		}
		err := readField(raw, into)
		refused[name] = err != nil // of a repeated key the last one counts
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		return nil
	})
	if err != nil {
		return err
	}
	errs = append(errs, read.problems(refused)...)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	*c = read
	return nil
}

// readField reads one field of a condition. Null is the same as absent.
func readField(raw json.RawMessage, into any) error {
	if missing(raw) {
		return nil
	}
	switch into := into.(type) {
	case *Decimal:
		return into.UnmarshalJSON(raw)
	case *int:
		if err := json.Unmarshal(raw, into); err != nil || *into < 1 {
			return fmt.Errorf("a whole number of at least 1 is required, not %s", shorten(string(raw)))
		}
	default:
		if raw[0] != '"' {
			return fmt.Errorf("a string is required, not %s", shorten(string(raw)))
		}
		return json.Unmarshal(raw, into)
	}
	return nil
}

// SLO is the set of objectives that an optimizer sends with a command.
type SLO struct {
	Conditions []SLOCondition
}

// Validate reports everything that is wrong, all problems at once, each with
// its path: bad conditions, and conditions that are the [SLOCondition.Same].
func (s SLO) Validate() error {
	var errs []error
	first := make(map[SLOCondition]int)
	for i, c := range s.Conditions {
		if err := c.Validate(); err != nil {
			errs = append(errs, under(fmt.Sprintf("conditions[%d]", i), err))
		}
		if j, ok := first[c.identity()]; ok {
			errs = append(errs, fmt.Errorf("conditions[%d]: SLO conditions must be unique: %s is the same as conditions[%d]", i, c, j))
			continue
		}
		first[c.identity()] = i
	}
	return errors.Join(errs...)
}

// Warnings lists the warnings of all conditions.
func (s SLO) Warnings() []string {
	var warnings []string
	for _, c := range s.Conditions {
		warnings = append(warnings, c.Warnings()...)
	}
	return warnings
}

// MarshalJSON writes the conditions in their order.
func (s SLO) MarshalJSON() ([]byte, error) {
	conditions := s.Conditions
	if conditions == nil {
		conditions = []SLOCondition{}
	}
	return json.Marshal(map[string][]SLOCondition{"conditions": conditions})
}

// UnmarshalJSON reads and validates conditions, which are required. Any other
// key is an error. All problems are reported at once, each with its path.
func (s *SLO) UnmarshalJSON(data []byte) error {
	var errs []error
	var list json.RawMessage
	err := eachField(data, func(name string, raw json.RawMessage) error {
		if name != "conditions" {
			errs = append(errs, fmt.Errorf("%s: unknown: use conditions", shorten(name)))
			return nil
		}
		list = raw
		return nil
	})
	if err != nil {
		return err
	}
	var raws []json.RawMessage
	var read SLO
	switch {
	case missing(list):
		errs = append(errs, errors.New("conditions: required"))
	case json.Unmarshal(list, &raws) != nil:
		errs = append(errs, fmt.Errorf("conditions: a list is required, not %s", shorten(string(list))))
	}
	for i, raw := range raws {
		var c SLOCondition
		path := fmt.Sprintf("conditions[%d]", i)
		if err := object(raw); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		} else if err := c.UnmarshalJSON(raw); err != nil {
			errs = append(errs, under(path, err))
		}
		read.Conditions = append(read.Conditions, c)
	}
	if len(errs) == 0 {
		errs = append(errs, read.Validate())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	*s = read
	return nil
}

// under puts path before each of the problems that err joins, which begin with
// the rest of it.
func under(path string, err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s.%w", path, err)
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, under(path, e))
	}
	return errors.Join(errs...)
}
