package local

import (
	"errors"
	"fmt"
	"strings"
)

// Objective is what a study makes as small or as large as it can. Metric is the
// name of a measured metric or of a [Formula]. The zero value is not usable.
type Objective struct {
	Metric   string
	Maximize bool
}

// ParseObjective reads "minimize: cost" or "maximize: throughput"; the colon
// may be left out and the British spelling is accepted. The error quotes the
// text and says what would be accepted.
func ParseObjective(text string) (Objective, error) {
	verb, metric, ok := strings.Cut(text, ":")
	if !ok {
		verb, metric, _ = strings.Cut(strings.TrimSpace(text), " ")
	}
	o := Objective{Metric: strings.TrimSpace(metric)}
	switch strings.ToLower(strings.TrimSpace(verb)) {
	case "minimize", "minimise":
	case "maximize", "maximise":
		o.Maximize = true
	default:
		return Objective{}, fmt.Errorf("objective %q: want \"minimize: <metric>\" or \"maximize: <metric>\"", text)
	}
	if err := checkName(o.Metric); err != nil {
		return Objective{}, fmt.Errorf("objective %q: %w", text, err)
	}
	return o, nil
}

// String returns the form that [ParseObjective] reads.
func (o Objective) String() string {
	if o.Maximize {
		return "maximize: " + o.Metric
	}
	return "minimize: " + o.Metric
}

// loss turns a value of the objective into a number of which less is better.
func (o Objective) loss(value float64) float64 {
	if o.Maximize {
		return -value
	}
	return value
}

// checkName says whether name can be the name of a metric or a formula.
func checkName(name string) error {
	if name == "" {
		return errors.New("the name of a metric is required")
	}
	if n := nameLength(name); n != len(name) {
		return fmt.Errorf("%q is not the name of a metric: it has letters, digits and _ . : and begins with no digit", name)
	}
	return nil
}

// nameLength counts the bytes at the start of s that form a name.
func nameLength(s string) int {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':'
		if !letter && (i == 0 || c != '.' && (c < '0' || c > '9')) {
			return i
		}
	}
	return len(s)
}
