package main

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/servokit/servokit/optimizer/local"
)

//go:embed report.html.tmpl
var reportText string

var reportTemplate = template.Must(template.New("report").Parse(reportText))

// reportData is what the template shows.
type reportData struct {
	Verdict    string
	Better     bool
	Kept       string
	Rows       []row
	Objective  chart
	Settings   []chart
	Latency    chart
	Trials     []reportTrial
	Validation []reportTrial
	Facts      []string
}

type reportTrial struct{ Label, Settings, Cost, P99, Note string }

// writeReport writes one HTML file that needs nothing else: no scripts, no
// fonts, no network. The file is replaced in one step.
func writeReport(path string, r local.Result, o options) error {
	data := reportData{Rows: compare(r), Kept: r.Kept, Verdict: "Nothing was validated."}
	if v := r.Validation; v != nil {
		data.Verdict, data.Better = v.Verdict, v.Better
		for i := range max(len(v.Baseline), len(v.Best)) {
			if i < len(v.Baseline) {
				data.Validation = append(data.Validation, trialRow(fmt.Sprintf("baseline %d", i+1), v.Baseline[i]))
			}
			if i < len(v.Best) {
				data.Validation = append(data.Validation, trialRow(fmt.Sprintf("best %d", i+1), v.Best[i]))
			}
		}
	}
	if r.Baseline != nil {
		data.Trials = append(data.Trials, trialRow("baseline", *r.Baseline))
	}
	for _, t := range r.Trials {
		data.Trials = append(data.Trials, trialRow(fmt.Sprintf("trial %d", t.Number), t))
	}
	data.Objective = objectiveChart(r)
	data.Settings = settingCharts(r)
	data.Latency = latencyChart(r)
	data.Facts = []string{
		fmt.Sprintf("%d requests per second, %s per measurement after %s of warm-up, seed %d", o.rate, o.duration, warmup, o.seed),
		"minimize " + costFormula + " (US dollars per month), keep latency p99 at or below 150 ms and errors at or below 1 %",
		"written " + time.Now().Format(time.RFC1123),
	}

	var b strings.Builder
	if err := reportTemplate.Execute(&b, data); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // gone after the rename
	_, err = temp.WriteString(b.String())
	if err == nil {
		err = temp.Chmod(0o644)
	}
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

// checkReport finds out before the work whether the report can be written after
// it.
func checkReport(path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("--report: %s is a folder: name a file in it", path)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		return fmt.Errorf("--report: %s cannot be written: %w", path, err)
	}
	return errors.Join(temp.Close(), os.Remove(temp.Name()))
}

func trialRow(label string, t local.Trial) reportTrial {
	r := reportTrial{Label: label, Settings: settingsText(t.Settings), Cost: objectiveText(&t)}
	if p99, ok := t.Metrics["latency_99th"]; ok {
		r.P99 = fmt.Sprintf("%.1f ms", p99)
	}
	if !t.Feasible {
		r.Note = problem(&t)
	}
	return r
}

// objectiveChart shows the cost of each trial and the best so far.
func objectiveChart(r local.Result) chart {
	c := newChart("Cost of each trial", "trial", "$/month")
	best := math.Inf(1)
	var line []point
	for i, t := range append(baselineOf(r), r.Trials...) {
		cost, ok := t.Objective.Float64()
		if !ok {
			continue
		}
		x := float64(i)
		name := fmt.Sprintf("trial %d: %s, %s", i, objectiveText(&t), settingsText(t.Settings))
		if i == 0 {
			name = "baseline: " + objectiveText(&t)
		}
		switch {
		case i == 0:
			c.add(point{x, cost, name, "baseline"})
		case t.Feasible:
			c.add(point{x, cost, name, "feasible"})
		default:
			c.add(point{x, cost, name + ", " + problem(&t), "infeasible"})
		}
		if t.Feasible {
			best = min(best, cost)
		}
		if !math.IsInf(best, 1) {
			line = append(line, point{X: x, Y: best})
		}
	}
	c.line(line)
	return c.layout()
}

// settingCharts show the cost against the values of each setting.
func settingCharts(r local.Result) []chart {
	if r.Baseline == nil {
		return nil
	}
	var charts []chart
	for _, s := range r.Baseline.Settings {
		c := newChart(s.Setting, s.Setting, "$/month")
		c.small = true
		for i, t := range append(baselineOf(r), r.Trials...) {
			cost, ok := t.Objective.Float64()
			if !ok {
				continue
			}
			class := "infeasible"
			switch {
			case i == 0:
				class = "baseline"
			case t.Feasible:
				class = "feasible"
			}
			for _, a := range t.Settings {
				if x, ok := a.Value.Float64(); ok && a.Selector() == s.Selector() {
					c.add(point{x, cost, fmt.Sprintf("%s, %s", settingsText(t.Settings), objectiveText(&t)), class})
				}
			}
		}
		charts = append(charts, c.layout())
	}
	return charts
}

func baselineOf(r local.Result) []local.Trial {
	if r.Baseline == nil {
		return nil
	}
	return []local.Trial{*r.Baseline}
}

// latencyChart sets the percentiles of baseline and best side by side.
func latencyChart(r local.Result) chart {
	c := newChart("Latency of baseline and best", "", "ms")
	baseline, best := measured(r)
	for _, m := range shown {
		if !strings.HasPrefix(m.name, "latency_") {
			continue
		}
		c.groups = append(c.groups, strings.TrimPrefix(m.label, "latency "))
		for _, side := range []struct {
			class  string
			trials []local.Trial
		}{{"baseline", baseline}, {"best", best}} {
			if v, ok := median(side.trials, m.name); ok {
				c.bars = append(c.bars, bar{Group: len(c.groups) - 1, Value: v, Class: side.class, Name: fmt.Sprintf("%s, %s: %.1f ms", side.class, m.label, v)})
			}
		}
	}
	return c.layout()
}
