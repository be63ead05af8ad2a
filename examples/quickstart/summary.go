package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/servokit/servokit/optimizer/local"
)

// writeSummary shows the outcome to a person: a table of baseline and best,
// from the medians of the validation, and the verdict.
func writeSummary(w io.Writer, r local.Result, paint palette) error {
	var table, b strings.Builder
	rows := compare(r)
	tw := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\tbaseline\tbest\tchange")
	for _, row := range rows {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", row.Label, row.Baseline, row.Best, row.Change)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	b.WriteString("\n")
	for line := range strings.Lines(table.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	b.WriteString("\n")
	verdict := "nothing was validated"
	if v := r.Validation; v != nil {
		verdict = v.Verdict
		fmt.Fprintf(&b, "validation: %s\n", validationText(v))
		if v.Better {
			verdict = paint.good(verdict)
		}
	}
	fmt.Fprintf(&b, "verdict:    %s\n", paint.strong(verdict))
	if r.Kept != "" {
		fmt.Fprintf(&b, "kept:       the %s (%s)\n", r.Kept, settingsText(r.Applied))
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "warning:    %s\n", warning)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func validationText(v *local.Validation) string {
	list := func(trials []local.Trial) string {
		texts := make([]string, len(trials))
		for i, t := range trials {
			texts[i] = objectiveText(&t)
		}
		if len(texts) == 0 {
			return "not measured again"
		}
		return strings.Join(texts, ", ")
	}
	return fmt.Sprintf("baseline %s; best %s", list(v.Baseline), list(v.Best))
}

// row is a line of the comparison.
type row struct {
	Label, Baseline, Best, Change string
}

// compare sets baseline and best side by side: settings, then metrics.
func compare(r local.Result) []row {
	var rows []row
	if r.Baseline == nil {
		return rows
	}
	for _, a := range r.Baseline.Settings {
		line := row{Label: a.Setting, Baseline: a.Value.String(), Best: "-"}
		if r.Best != nil {
			for _, b := range r.Best.Settings {
				if b.Selector() == a.Selector() {
					line.Best = b.Value.String()
					if !a.Value.Equal(b.Value) {
						line.Change = "changed"
					}
				}
			}
		}
		rows = append(rows, line)
	}
	baseline, best := measured(r)
	for _, m := range shown {
		before, ok1 := median(baseline, m.name)
		after, ok2 := median(best, m.name)
		text := func(v float64, ok bool) string {
			if !ok {
				return "no data"
			}
			return fmt.Sprintf("%.*f %s", m.digits, v, m.unit)
		}
		line := row{Label: m.label, Baseline: text(before, ok1), Best: "-"}
		if len(best) > 0 {
			line.Best = text(after, ok2)
		}
		if ok1 && ok2 && before != 0 {
			line.Change = fmt.Sprintf("%+.1f %%", 100*(after-before)/math.Abs(before))
		}
		rows = append(rows, line)
	}
	return rows
}

// measured returns the measurements to compare: those of the validation where
// there was one.
func measured(r local.Result) (baseline, best []local.Trial) {
	if v := r.Validation; v != nil && len(v.Baseline) > 0 && len(v.Best) > 0 {
		return v.Baseline, v.Best
	}
	if r.Baseline != nil {
		baseline = []local.Trial{*r.Baseline}
	}
	if r.Best != nil {
		best = []local.Trial{*r.Best}
	}
	return baseline, best
}

// median of a metric over the trials that have it; false when none has.
func median(trials []local.Trial, metric string) (float64, bool) {
	var values []float64
	for _, t := range trials {
		if v, ok := t.Metrics[metric]; ok {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return 0, false
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle], true
	}
	return (values[middle-1] + values[middle]) / 2, true
}
