package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/types"
)

func measuredTrial(number int, workers int64, cost, p99 float64, feasible bool) local.Trial {
	t := local.Trial{
		Number:    number,
		Settings:  types.Adjustments{{Component: "app", Setting: "workers", Value: types.Int(workers)}},
		Metrics:   map[string]float64{"cost": cost, "latency_50th": p99 / 4, "latency_90th": p99 / 2, "latency_95th": p99 * 0.75, "latency_99th": p99, "error_rate": 0, "throughput": 3600, "cpu_cores": cost / 25, "resident_memory": 0.05},
		Objective: types.Observe(cost),
		Feasible:  feasible,
	}
	if !feasible {
		t.Violations = []string{"latency_99th <= 150 ms: 200"}
	}
	return t
}

// sample is a study in which trial 1 is better, 2 is too slow and 3 does not
// start.
func sample() local.Result {
	baseline, best := measuredTrial(0, 2, 10, 40, true), measuredTrial(1, 4, 6, 20, true)
	failed := local.Trial{Number: 3, Settings: types.Adjustments{{Component: "app", Setting: "workers", Value: types.Int(8)}}, Outcome: types.Rejected, Message: "no port <left>\nmore output"}
	return local.Result{
		Baseline: &baseline, Best: &best, Kept: "best", Applied: best.Settings,
		Trials: []local.Trial{best, measuredTrial(2, 1, 5, 200, false), failed},
		Validation: &local.Validation{
			Candidate: 1, Better: true, Verdict: "better by 40 ± 5 percent",
			Improvement: types.Observe(40), Spread: types.Observe(5),
			Baseline: []local.Trial{measuredTrial(1, 2, 10, 40, true), measuredTrial(2, 2, 11, 44, true), measuredTrial(3, 2, 9, 36, true)},
			Best:     []local.Trial{measuredTrial(1, 4, 6, 20, true), measuredTrial(2, 4, 7, 24, true), measuredTrial(3, 4, 5, 16, true)},
		},
		Warnings: []string{"something odd"},
	}
}

// The end of a run, for people.
func Example() {
	if err := writeSummary(os.Stdout, sample(), palette{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	//              baseline       best          change
	// workers      2              4             changed
	// cost         10.00 $/month  6.00 $/month  -40.0 %
	// latency p50  10.0 ms        5.0 ms        -50.0 %
	// latency p90  20.0 ms        10.0 ms       -50.0 %
	// latency p95  30.0 ms        15.0 ms       -50.0 %
	// latency p99  40.0 ms        20.0 ms       -50.0 %
	// errors       0.00 %         0.00 %
	// throughput   3600 rpm       3600 rpm      +0.0 %
	// processor    0.400 cores    0.240 cores   -40.0 %
	// memory       0.050 GiB      0.050 GiB     +0.0 %
	//
	// validation: baseline $10.00/month, $11.00/month, $9.00/month; best $6.00/month, $7.00/month, $5.00/month
	// verdict:    better by 40 ± 5 percent
	// kept:       the best (workers=4)
	// warning:    something odd
}

func TestSummaryWithoutABest(t *testing.T) {
	r := sample()
	r.Best, r.Kept, r.Applied = nil, "baseline", r.Baseline.Settings
	r.Validation = &local.Validation{Verdict: "no configuration beat the baseline"}
	var out bytes.Buffer
	require.NoError(t, writeSummary(&out, r, palette{on: true}))
	assert.Contains(t, out.String(), "no configuration beat the baseline")
	assert.Contains(t, out.String(), "best not measured again")
	assert.Regexp(t, `latency p99 +40.0 ms +-\n`, out.String())
	assert.Contains(t, out.String(), "\x1b[1m", "colour is on")
}

func TestMedian(t *testing.T) {
	trials := []local.Trial{measuredTrial(1, 2, 3, 1, true), {}, measuredTrial(2, 2, 1, 1, true)}
	m, ok := median(trials, "cost")
	assert.True(t, ok)
	assert.InDelta(t, 2, m, 1e-9)
	_, ok = median(trials, "unknown")
	assert.False(t, ok, "missing is not zero")
}

func TestReport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.html")
	require.NoError(t, writeReport(path, sample(), options{rate: 60, duration: 3 * time.Second, seed: 7}))
	html, err := os.ReadFile(path)
	require.NoError(t, err)
	text := string(html)
	assert.Equal(t, 3, strings.Count(text, "<svg"), "progress, one setting, latency")
	assert.Equal(t, 2, strings.Count(text, `<circle class="baseline"`), "in both charts with trials")
	assert.Equal(t, 2, strings.Count(text, `<circle class="infeasible"`))
	assert.Equal(t, 4, strings.Count(text, `<rect class="baseline"`))
	assert.Equal(t, 4, strings.Count(text, `<rect class="best"`))
	assert.Contains(t, text, "better by 40 ± 5 percent")
	assert.Contains(t, text, "rejected no port &lt;left&gt;", "output of the application is escaped")
	assert.Contains(t, text, "60 requests per second, 3s per measurement")
	assert.NotContains(t, text, "NaN")
	assert.NotContains(t, text, "ZgotmplZ")
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o644), info.Mode().Perm())
}

func TestReportOfAlmostNothing(t *testing.T) {
	for name, r := range map[string]local.Result{"nothing": {}, "baseline only": {Baseline: sample().Baseline}} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "report.html")
			require.NoError(t, writeReport(path, r, options{}))
			html, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Contains(t, string(html), "Nothing was validated.")
			assert.NotContains(t, string(html), "NaN")
			assert.NotContains(t, string(html), "Inf")
		})
	}
}

func TestNiceStep(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, -1: 1, 0.03: 0.05, 1: 1, 1.1: 2, 3: 5, 7: 10, 1234: 2000} {
		assert.InDelta(t, want, niceStep(v), want*1e-9, "%g", v)
	}
}

func TestViewIsPlainInAPipe(t *testing.T) {
	var out bytes.Buffer
	v := newView(&out)
	r := sample()
	v.note("building")
	v.update(local.Update{Phase: local.PhaseBaseline, Trial: 1, Trials: 1, Percent: 50})
	v.update(local.Update{Phase: local.PhaseBaseline, Trial: 1, Trials: 1, Finished: r.Baseline})
	v.update(local.Update{Phase: local.PhaseSearch, Trial: 1, Trials: 3, Finished: &r.Trials[0], Best: &r.Trials[0]})
	v.update(local.Update{Phase: local.PhaseSearch, Trial: 2, Trials: 3, Finished: &r.Trials[1], Best: &r.Trials[0]})
	v.update(local.Update{Phase: local.PhaseSearch, Trial: 3, Trials: 3, Finished: &r.Trials[2], Best: &r.Trials[0]})
	v.update(local.Update{Phase: local.PhaseValidate, Trial: 1, Trials: 3, Finished: r.Baseline, Baseline: r.Baseline})
	v.update(local.Update{Phase: local.PhaseValidate, Trial: 1, Trials: 3, Finished: &r.Trials[0], Baseline: r.Baseline})
	v.update(local.Update{Phase: local.PhaseDone})
	v.clear()
	assert.Equal(t, strings.Join([]string{
		"building",
		"measuring the application as it is",
		"  baseline 1/1 workers=2  $10.00/month  p99 40.0 ms",
		"trying other settings",
		"  trial 1/3    workers=4  $6.00/month  p99 20.0 ms  best so far",
		"  trial 2/3    workers=1  $5.00/month  p99 200.0 ms  latency_99th <= 150 ms: 200",
		"  trial 3/3    workers=8  rejected no port <left>",
		"measuring the baseline and the best again, in turns",
		"  baseline 1/3 workers=2  $10.00/month  p99 40.0 ms",
		"  best 1/3     workers=4  $6.00/month  p99 20.0 ms",
		"",
	}, "\n"), out.String())
}

func TestViewPraisesOnlyWhatBeatsTheBaseline(t *testing.T) {
	var out bytes.Buffer
	v := newView(&out)
	r := sample()
	worse := measuredTrial(1, 4, 12, 20, true)
	v.update(local.Update{Phase: local.PhaseSearch, Trial: 1, Trials: 3, Finished: &worse, Best: &worse, Baseline: r.Baseline})
	assert.NotContains(t, out.String(), "best so far")
	v.update(local.Update{Phase: local.PhaseSearch, Trial: 2, Trials: 3, Finished: r.Best, Best: r.Best, Baseline: r.Baseline})
	assert.Contains(t, out.String(), "best so far")
}

func TestViewDrawsTheStatusInPlace(t *testing.T) {
	var out bytes.Buffer
	v := newView(&out)
	v.live, v.width = true, 60
	r := sample()
	v.update(local.Update{Phase: local.PhaseSearch, Trial: 2, Trials: 3, Settings: r.Trials[1].Settings, Adjusting: true, Best: &r.Trials[0]})
	assert.Equal(t, "trying other settings\ntrial 2/3 [                    ] adjusting workers=1  best…", out.String())
	out.Reset()
	v.update(local.Update{Phase: local.PhaseSearch, Trial: 2, Trials: 3, Percent: 50})
	assert.Equal(t, "\r\x1b[Ktrial 2/3 [==========          ] measuring", out.String())
	out.Reset()
	_, err := v.Write([]byte("a log line\n"))
	require.NoError(t, err)
	assert.Equal(t, "\r\x1b[Ka log line\ntrial 2/3 [==========          ] measuring", out.String())
	out.Reset()
	v.clear()
	assert.Equal(t, "\r\x1b[K", out.String())
}
