package local

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/servokit/servokit/types"
)

// Constraint is a bound that a configuration must keep to be feasible. Make one
// with [ParseConstraint].
type Constraint struct {
	// Metric is the name of a measured metric or of a [Formula].
	Metric string
	// Op is one of <=, <, >= and >.
	Op string
	// Limit is the bound, in Unit.
	Limit float64
	// Unit is the unit of Limit as it was written. Empty means the unit that
	// the metric is described with.
	Unit string
}

// operators in the order in which they are looked for: the longer ones first.
var operators = []string{"<=", ">=", "<", ">"}

// ParseConstraint reads "latency_99th <= 80ms", "error_rate <= 1%" or
// "throughput >= 600 rpm". Known units are us, ms, s; %; bytes, KiB, MiB, GiB;
// cores; rpm and rps. They are converted into the unit of the metric when that
// is known, which is when the servo has described it; a unit that does not fit
// fails the study then. A number without a unit is in the unit of the metric.
func ParseConstraint(text string) (Constraint, error) {
	for _, op := range operators {
		metric, limit, ok := strings.Cut(text, op)
		if !ok {
			continue
		}
		c := Constraint{Metric: strings.TrimSpace(metric), Op: op}
		if err := checkName(c.Metric); err != nil {
			return Constraint{}, fmt.Errorf("constraint %q: %w", text, err)
		}
		limit = strings.TrimSpace(limit)
		number := limit[:numberLength(limit)]
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
			return Constraint{}, fmt.Errorf("constraint %q: %q is not a number with an optional unit", text, limit)
		}
		c.Limit, c.Unit = v, strings.TrimSpace(limit[len(number):])
		if _, known := scales[c.Unit]; !known && c.Unit != "" {
			return Constraint{}, fmt.Errorf("constraint %q: unknown unit %q: accepted are us, ms, s, %%, bytes, KiB, MiB, GiB, cores, rpm and rps", text, c.Unit)
		}
		return c, nil
	}
	return Constraint{}, fmt.Errorf("constraint %q: want \"<metric> <= <limit>\", or with <, >= or >", text)
}

// String returns the form that [ParseConstraint] reads.
func (c Constraint) String() string {
	return c.Metric + " " + c.Op + " " + formatNumber(c.Limit) + c.Unit
}

// validate finds what ParseConstraint would not have let through.
func (c Constraint) validate() error {
	_, err := ParseConstraint(c.String())
	return err
}

// scale is what a unit measures, and how many of the smallest unit of that kind
// it is.
type scale struct {
	kind   string
	factor float64
}

var scales = map[string]scale{
	"us": {"time", 1}, "µs": {"time", 1}, "ms": {"time", 1e3}, "s": {"time", 1e6},
	"%":     {"ratio", 1},
	"bytes": {"size", 1}, "B": {"size", 1}, "KiB": {"size", 1 << 10}, "MiB": {"size", 1 << 20}, "GiB": {"size", 1 << 30},
	"cores": {"cores", 1},
	"rpm":   {"rate", 1}, "rps": {"rate", 60},
}

// in returns the constraint with its limit in the unit of the metric.
func (c Constraint) in(unit types.Unit) (Constraint, error) {
	if c.Unit == "" || c.Unit == string(unit) {
		c.Unit = string(unit)
		return c, nil
	}
	from, to := scales[c.Unit], scales[string(unit)]
	if from.kind != to.kind || to.factor == 0 {
		return c, fmt.Errorf("constraint %q: %s is measured in %s, which %s cannot be converted to", c, c.Metric, describeUnit(unit), c.Unit)
	}
	c.Limit = c.Limit * from.factor / to.factor
	c.Unit = string(unit)
	return c, nil
}

func describeUnit(unit types.Unit) string {
	if unit == types.Unitless {
		return "plain numbers"
	}
	return string(unit)
}

// margin returns how far value is on the good side of the limit, relative to
// the limit where that is not zero, and whether the constraint is kept.
func (c Constraint) margin(value float64) (margin float64, kept bool) {
	switch c.Op {
	case "<=":
		margin, kept = c.Limit-value, value <= c.Limit
	case "<":
		margin, kept = c.Limit-value, value < c.Limit
	case ">=":
		margin, kept = value-c.Limit, value >= c.Limit
	default:
		margin, kept = value-c.Limit, value > c.Limit
	}
	if c.Limit != 0 {
		margin /= math.Abs(c.Limit)
	}
	return math.Max(-1e9, math.Min(1e9, margin)), kept
}

// numberLength counts the bytes at the start of s that look like a decimal
// number, so that a unit may follow without a blank.
func numberLength(s string) int {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.') {
		i++
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '-' || s[j] == '+') {
			j++
		}
		digits := j
		for j < len(s) && s[j] >= '0' && s[j] <= '9' {
			j++
		}
		if j > digits {
			i = j
		}
	}
	return i
}

func formatNumber(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
