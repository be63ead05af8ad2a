package local

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/servokit/servokit/types"
)

// Validation is the check of a configuration that looked best in the search:
// baseline and candidate measured again, in turns, so that whatever drifts
// meanwhile touches both alike. Each measurement follows an adjustment, so that
// none of them profits from what the one before has warmed up.
//
// With B and C the objectives measured for baseline and candidate,
//
//	improvement = 100 · (median B − median C) / |median B|   percent, when minimizing
//	spread      = 100 · (half range B + half range C) / |median B|   percent
//
// where half range is half the distance between the largest and the smallest
// value. When maximizing, the sign of the improvement is the other way round.
//
// The candidate is better when the improvement is larger than the spread: the
// two would still be in that order if each median were wrong by half the range
// that was seen. Two configurations that differ in nothing but normal noise are
// told apart wrongly about once in 15 validations of three repeats, and once in
// 200 of five. The candidate must also keep every constraint with the median of the
// metric, have data in more than half of its repeats and not be rejected or
// aborted in any. A candidate that keeps the constraints beats a baseline that
// does not, whatever the objectives.
type Validation struct {
	// Baseline and Best are the measurements of the two, in order.
	Baseline, Best []Trial
	// Candidate is the number of the trial that was validated, 0 when no trial
	// was feasible and there was nothing to validate.
	Candidate int
	// Improvement and Spread are the figures above, in percent of the baseline.
	// They are missing without enough data, and when the baseline is 0.
	Improvement, Spread types.Sample
	// Better says that the candidate takes the place of the baseline.
	Better bool
	// Verdict says it in words.
	Verdict string
	// Earlier are the validations of better looking candidates that did not
	// stand up.
	Earlier []Validation
}

// MarshalJSON writes the keys baseline, best, candidate, improvement_percent,
// spread_percent, better, verdict and, where there are any, earlier. A figure
// that is missing is null.
func (v Validation) MarshalJSON() ([]byte, error) {
	list := func(trials []Trial) []Trial { return append([]Trial{}, trials...) }
	return json.Marshal(struct {
		Baseline    []Trial      `json:"baseline"`
		Best        []Trial      `json:"best"`
		Candidate   int          `json:"candidate"`
		Improvement *float64     `json:"improvement_percent"`
		Spread      *float64     `json:"spread_percent"`
		Better      bool         `json:"better"`
		Verdict     string       `json:"verdict"`
		Earlier     []Validation `json:"earlier,omitempty"`
	}{list(v.Baseline), list(v.Best), v.Candidate, number(v.Improvement), number(v.Spread), v.Better, v.Verdict, v.Earlier})
}

const noneBetter = "no configuration beat the baseline"

// judge fills in the figures and the verdict. The limits are the constraints in
// the units of the metrics.
func (v *Validation) judge(o Options, limits []Constraint) {
	const candidate = "the candidate"
	no := func(format string, args ...any) {
		v.Better = false
		v.Verdict = noneBetter + ": " + fmt.Sprintf(format, args...)
	}
	for _, t := range v.Best {
		if t.Outcome == types.Rejected || t.Outcome == types.Aborted {
			no("%s was %s when it was measured again", candidate, t.Outcome)
			return
		}
	}
	baseline, enough := summarize(v.Baseline, o.Repeats)
	if !enough {
		no("the baseline gave data in only %d of %d measurements, too few to compare with", len(baseline), o.Repeats)
		return
	}
	best, enough := summarize(v.Best, o.Repeats)
	if !enough {
		no("%s gave data in only %d of %d measurements", candidate, len(best), o.Repeats)
		return
	}
	median, bestMedian := middle(objectives(baseline)), middle(objectives(best))
	gain := o.Objective.loss(median) - o.Objective.loss(bestMedian)
	noise := halfRange(objectives(baseline)) + halfRange(objectives(best))
	if median != 0 {
		v.Improvement = types.Observe(100 * gain / math.Abs(median))
		v.Spread = types.Observe(100 * noise / math.Abs(median))
	}
	figures := fmt.Sprintf("%s %s instead of %s, medians of %d", o.Objective.Metric, short(bestMedian), short(median), o.Repeats)

	if broken := violations(best, limits); len(broken) > 0 {
		no("%s does not keep %s", candidate, strings.Join(broken, " and "))
		return
	}
	if broken := violations(baseline, limits); len(broken) > 0 {
		v.Better = true
		v.Verdict = fmt.Sprintf("better: %s keeps all constraints, the baseline does not keep %s (%s)", candidate, strings.Join(broken, " and "), figures)
		return
	}
	change := v.change(gain, noise)
	switch {
	case gain > noise && gain > 0:
		v.Better = true
		v.Verdict = fmt.Sprintf("better by %s (%s)", change, figures)
	case gain > 0:
		no("%s was better by %s, which is within the noise (%s)", candidate, change, figures)
	case gain == 0:
		no("%s was the same, by %s (%s)", candidate, change, figures)
	default:
		no("%s was worse by %s (%s)", candidate, change, figures)
	}
}

// change says "12.3 ± 1.0 percent", or the plain numbers when the baseline is 0
// and there is no percentage of it.
func (v Validation) change(gain, noise float64) string {
	improvement, ok1 := v.Improvement.Float64()
	spread, ok2 := v.Spread.Float64()
	if ok1 && ok2 {
		return fmt.Sprintf("%.1f ± %.1f percent", math.Abs(improvement), spread)
	}
	return fmt.Sprintf("%s ± %s", short(math.Abs(gain)), short(noise))
}

// summarize returns the measurements with data, and whether they are enough.
func summarize(trials []Trial, repeats int) ([]Trial, bool) {
	var usable []Trial
	for _, t := range trials {
		if t.usable() {
			usable = append(usable, t)
		}
	}
	return usable, 2*len(usable) > repeats
}

func objectives(trials []Trial) []float64 {
	values := make([]float64, len(trials))
	for i, t := range trials {
		values[i], _ = t.Objective.Float64()
	}
	return values
}

// violations lists the constraints that the medians do not keep.
func violations(trials []Trial, limits []Constraint) []string {
	var broken []string
	for _, c := range limits {
		var values []float64
		for _, t := range trials {
			if v, ok := t.Metrics[c.Metric]; ok {
				values = append(values, v)
			}
		}
		if len(values) == 0 {
			broken = append(broken, fmt.Sprintf("%s (no data)", c))
			continue
		}
		if m := middle(values); !kept(c, m) {
			broken = append(broken, fmt.Sprintf("%s (it was %s)", c, short(m)))
		}
	}
	return broken
}

func kept(c Constraint, value float64) bool {
	_, ok := c.margin(value)
	return ok
}

// middle is the median.
func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	return sorted[(n-1)/2]/2 + sorted[n/2]/2
}

func halfRange(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Max(values)/2 - slices.Min(values)/2
}

func short(v float64) string { return fmt.Sprintf("%.4g", v) }
