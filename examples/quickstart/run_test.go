package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/servo/record"
	"github.com/servokit/servokit/types"
)

// document is what --output json prints.
type document struct {
	Trials     []trial `json:"trials"`
	Baseline   *trial  `json:"baseline"`
	Best       *trial  `json:"best"`
	Validation *struct {
		Baseline    []trial  `json:"baseline"`
		Best        []trial  `json:"best"`
		Improvement *float64 `json:"improvement_percent"`
		Spread      *float64 `json:"spread_percent"`
		Verdict     string   `json:"verdict"`
	} `json:"validation"`
	Kept string `json:"kept"`
}

type trial struct {
	Number    int                `json:"number"`
	Settings  map[string]int     `json:"settings"`
	Metrics   map[string]float64 `json:"metrics"`
	Objective *float64           `json:"objective"`
	Feasible  bool               `json:"feasible"`
}

// one reads the one document on standard output.
func (p *program) one() document {
	p.t.Helper()
	var d document
	decoder := json.NewDecoder(&p.stdout)
	require.NoError(p.t, decoder.Decode(&d), p.errors())
	_, err := decoder.Token()
	require.ErrorIs(p.t, err, io.EOF, "there must be one document only")
	return d
}

func requireComplete(t *testing.T, d document, trials int) {
	t.Helper()
	require.Len(t, d.Trials, trials)
	for i, tr := range d.Trials {
		assert.Equal(t, i+1, tr.Number)
	}
	require.NotNil(t, d.Baseline)
	assert.Equal(t, map[string]int{"app.workers": 2, "app.cache_mib": 0, "app.gogc": 100, "app.compression": 9, "app.shards": 1}, d.Baseline.Settings)
	require.NotNil(t, d.Baseline.Objective)
	assert.Positive(t, *d.Baseline.Objective)
	for _, m := range shown {
		assert.Contains(t, d.Baseline.Metrics, m.name)
	}
	assert.InDelta(t, 600, d.Baseline.Metrics["throughput"], 60, "10 requests per second")
	require.NotNil(t, d.Validation)
	assert.NotEmpty(t, d.Validation.Verdict)
	if d.Best != nil {
		assert.GreaterOrEqual(t, len(d.Validation.Baseline), 3)
		assert.GreaterOrEqual(t, len(d.Validation.Best), 3)
		assert.NotNil(t, d.Validation.Improvement)
		assert.NotNil(t, d.Validation.Spread)
	}
	assert.Contains(t, []string{"best", "baseline"}, d.Kept)
}

func TestOneDocumentAndAReport(t *testing.T) {
	t.Parallel()
	report := filepath.Join(t.TempDir(), "report.html")
	study := filepath.Join(t.TempDir(), "study.jsonl")
	p := start(t, "--trials", "2", "--report", report, "--study", study)
	require.Equal(t, 0, p.wait(3*time.Minute), p.errors())
	d := p.one()
	requireComplete(t, d, 2)
	p.requireNoOrphans()

	html, err := os.ReadFile(report)
	require.NoError(t, err)
	assert.Contains(t, string(html), d.Validation.Verdict[1:])
	assert.Regexp(t, `<circle class="baseline"`, string(html))
	assert.NotRegexp(t, regexp.MustCompile(`(?i)(src|href)=|@import|<script|url\(`), string(html), "the report must open without a network")
	assert.FileExists(t, study)
	leftovers, err := filepath.Glob(filepath.Join(p.dir, "*"))
	require.NoError(t, err)
	assert.Empty(t, leftovers, "temporary files")
}

func TestCtrlC(t *testing.T) {
	for name, at := range map[string]string{
		"while building":    "building the application",
		"at the baseline":   "measuring the application as it is",
		"during a trial":    "trying other settings",
		"in an adjustment":  "verb=ADJUST",
		"in the validation": "in turns",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, "--trials", "1", "--verbose")
			p.waitFor(at)
			p.signal(syscall.SIGINT)
			require.Equal(t, 130, p.wait(5*time.Second), p.errors())
			p.requireNoOrphans()
			assert.Empty(t, p.stdout.String(), "no document that is not complete")
			assert.Contains(t, p.errors(), "interrupted")
		})
	}
}

// The optimizer is told, and told why.
func TestCtrlCSaysGoodbye(t *testing.T) {
	t.Parallel()
	opt := optimizertest.New(optimizertest.Describe(), optimizertest.Measure(time.Hour, "latency_99th"))
	p := start(t, "--optimizer-url", opt.Start(t), "--verbose")
	_, err := opt.WaitRequest(t.Context(), optimizer.EventMeasurement, 1) // a progress report
	require.NoError(t, err)
	p.signal(syscall.SIGINT)
	require.Equal(t, 130, p.wait(5*time.Second), p.errors())
	p.requireNoOrphans()
	results := opt.Results()
	require.Len(t, results, 2)
	assert.Equal(t, types.Cancelled, results[1].Outcome)
	requests := opt.Requests()
	last := requests[len(requests)-1]
	assert.Equal(t, optimizer.EventGoodbye, last.Event)
	assert.Equal(t, "SIGINT", last.Reason)
}

func TestApplicationKilledDuringAMeasurement(t *testing.T) {
	t.Parallel()
	p := start(t, "--trials", "1", "--verbose")
	p.waitFor("trying other settings")
	p.waitForTimes("generating load", 2) // at the baseline, and at the trial
	require.NoError(t, syscall.Kill(p.application(), syscall.SIGKILL))
	require.Equal(t, 0, p.wait(3*time.Minute), p.errors())
	requireComplete(t, p.one(), 1)
	assert.Contains(t, p.errors(), "killed", "the log names what happened")
	p.requireNoOrphans()
}

func TestServoKilledDuringAnAdjustment(t *testing.T) {
	t.Parallel()
	p := start(t, "--trials", "3", "--verbose")
	p.waitFor("verb=ADJUST")
	p.signal(syscall.SIGKILL)
	<-p.exited
	p.requireNoOrphans()
}

// The embedded optimizer begins anew, and must not take a trial of the run that
// was killed for the original.
func TestKilledStudyBeginsAtTheOriginal(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	p := start(t, "--trials", "3", "--verbose", "--state", dir)
	p.waitFor(`msg="command done" servo=quickstart verb=ADJUST`)
	other := start(t, "--state", dir)
	assert.Equal(t, 1, other.wait(time.Minute))
	assert.Contains(t, other.errors(), "quickstart: --state: ")
	assert.Contains(t, other.errors(), "in use by another process")
	p.signal(syscall.SIGKILL)
	<-p.exited

	again := start(t, "--trials", "3", "--verbose", "--state", dir)
	again.waitFor("generating load")
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", again.application()))
	require.NoError(t, err)
	for _, a := range defaults(application{}) {
		assert.Contains(t, strings.Split(string(environ), "\x00"), "SEARCH_"+strings.ToUpper(a.Setting)+"="+a.Value.String())
	}
	again.signal(syscall.SIGINT)
	require.Equal(t, 130, again.wait(5*time.Second), again.errors())
	p.requireNoOrphans()
	again.requireNoOrphans()

	file, err := os.Open(filepath.Join(dir, "record.jsonl"))
	require.NoError(t, err)
	defer func() { assert.NoError(t, file.Close()) }()
	var said []string
	for e, err := range record.Read(file) {
		if err == nil && e.Kind == record.Journal {
			said = append(said, e.Subject+": "+e.Why)
		}
	}
	assert.Contains(t, said, "intent: the baseline is restored")
	assert.Contains(t, said, "rollback: restored at the start")
}

// Another optimizer is in charge, goes away for a while and answers garbage;
// the outcome is validated all the same.
func TestAnotherOptimizer(t *testing.T) {
	t.Parallel()
	set := func(setting string, value int64) types.Adjustment {
		return types.Adjustment{Component: "app", Setting: setting, Value: types.Int(value)}
	}
	opt := optimizertest.New(
		optimizertest.Describe(),
		optimizertest.Measure(time.Second, "latency_99th", "cpu_cores"),
		optimizertest.Adjust(set("workers", 99)), // more than the application takes
		optimizertest.Adjust(set("compression", 0), set("cache_mib", 16)),
		optimizertest.Measure(time.Second, "latency_99th", "cpu_cores"),
	).RequireToken("secret-token")
	opt.Inject(1, optimizertest.Status(503, "back soon"), optimizer.EventMeasurement)
	opt.Inject(1, optimizertest.Disconnect(), optimizer.EventNext)
	opt.Inject(1, optimizertest.Garbage(), optimizer.EventNext)
	p := start(t, "--trials", "2", "--optimizer-url", opt.Start(t), "--optimizer-token", "secret-token")
	require.Equal(t, 0, p.wait(3*time.Minute), p.errors())
	d := p.one()
	require.Len(t, d.Trials, 2)
	require.NotNil(t, d.Best)
	assert.False(t, d.Trials[0].Feasible)
	assert.Equal(t, 99, d.Trials[0].Settings["app.workers"], "what was asked for")
	assert.Equal(t, 2, d.Baseline.Settings["app.workers"])
	assert.Equal(t, 2, d.Best.Number)
	assert.Nil(t, d.Trials[0].Objective, "a configuration that does not start has no numbers")
	assert.Equal(t, 0, d.Best.Settings["app.compression"])
	require.NotNil(t, d.Validation)
	assert.GreaterOrEqual(t, len(d.Validation.Best), 3)
	assert.Equal(t, []types.Outcome{"", "", types.Rejected, "", ""}, outcomes(opt.Results()))
	assert.Contains(t, opt.Results()[2].Message, "workers", "the output of the application is in the message")
	assert.Empty(t, opt.Violations())
	assert.NotContains(t, p.errors(), "secret-token")
	p.requireNoOrphans()

	kept, err := filepath.Glob(filepath.Join(p.cmd.Dir, "quickstart-state", "127.0.0.1_*", "*"))
	require.NoError(t, err)
	var names []string
	for _, file := range kept {
		names = append(names, filepath.Base(file))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NotContains(t, string(text), "secret-token", file)
	}
	assert.Equal(t, []string{"app", "journal", "journal.lock", "record.jsonl"}, names, "the default of --state")
}

func outcomes(results []optimizer.Result) []types.Outcome {
	var all []types.Outcome
	for _, r := range results {
		all = append(all, r.Outcome)
	}
	return all
}

// An application that builds but does not start ends the run with its output.
func TestApplicationDoesNotStart(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "app")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\necho the corpus is gone >&2\nexit 3\n"), 0o755))
	addr, err := chooseAddress(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	o := options{trials: 1, duration: time.Second, rate: 10}
	_, err = runStudy(t.Context(), o, application{binary: script, addr: addr}, &state{}, newView(io.Discard), slog.New(slog.DiscardHandler), nil)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "the corpus is gone")
	assert.Contains(t, err.Error(), "exit status 3")
}

func TestBadInput(t *testing.T) {
	busy := start(t, "--optimizer-url", optimizertest.New(optimizertest.Sleep(time.Hour)).Start(t), "--listen", "127.0.0.1:20999")
	busy.waitFor("is in charge")
	require.Eventually(t, func() bool { return probe(t.Context(), "127.0.0.1:20999") != nil }, time.Minute, 20*time.Millisecond)

	gone := filepath.Join(t.TempDir(), "gone", "report.html")
	tests := []struct {
		name string
		args []string
		env  string
		code int
		want []string
	}{
		{"every flag at once", []string{"--trials", "0", "--rate", "-1", "--duration", "1ms", "--output", "xml", "--optimizer-token", "x", "--listen", "here", "now"}, "", 2, []string{
			"unexpected arguments: now", "--trials: 0 is not between 1 and 1000", "--rate: -1 is not between", "--duration: 1ms is not between 1s and 1h",
			`--output: "xml" is not text or json`, "--optimizer-token: needs --optimizer-url", `--listen: "here" is not host:port`,
		}},
		{"unknown flag", []string{"--trails", "3"}, "", 2, []string{"-trails", "--help lists the flags"}},
		{"a URL with a password", []string{"--optimizer-url", "ftp://user:hunter2@host"}, "", 2, []string{`--optimizer-url: "ftp://user:xxxxx@host" is not an http or https URL`}},
		{"port taken", []string{"--listen", "127.0.0.1:20999"}, "", 1, []string{"the application cannot listen on 127.0.0.1:20999", "address already in use", "--listen"}},
		{"Go missing", nil, "PATH=/nowhere", 1, []string{"the go command is not in PATH: install Go"}},
		{"application does not build", nil, "GOOS=nowhere", 1, []string{"the application does not build", "nowhere"}},
		{"a study of something else", []string{"--study", os.Args[0]}, "", 1, []string{"study"}},
		{"a folder for the report", []string{"--report", filepath.Dir(os.Args[0])}, "", 1, []string{"is a folder"}},
		{"no port", []string{"--listen", "127.0.0.1:"}, "", 2, []string{`--listen: "127.0.0.1:" is not host:port`}},
		{"nowhere to put the report", []string{"--report", gone}, "", 1, []string{gone}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if key, value, ok := strings.Cut(tt.env, "="); ok {
				t.Setenv(key, value)
			}
			p := start(t, append([]string{"--trials", "1"}, tt.args...)...)
			assert.Equal(t, tt.code, p.wait(3*time.Minute), p.errors())
			for _, want := range tt.want {
				assert.Contains(t, p.errors(), want)
			}
			assert.NotContains(t, p.errors(), "hunter2")
			p.requireNoOrphans()
		})
	}
}
