package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

func replicas(n int64) types.Adjustment {
	return types.Adjustment{Component: "web", Setting: "replicas", Value: types.Int(n)}
}

func valueOf(t *testing.T, r optimizer.Result) string {
	t.Helper()
	s, ok := r.Description.Setting("web.replicas")
	require.True(t, ok, r)
	return s.Value.String()
}

func lastGoodbye(t *testing.T, opt *optimizertest.Optimizer) string {
	t.Helper()
	requests := opt.Requests()
	last := requests[len(requests)-1]
	require.Equal(t, optimizer.EventGoodbye, last.Event)
	return last.Reason
}

func TestRunUntilASignal(t *testing.T) {
	for _, tt := range []struct {
		signal syscall.Signal
		name   string
		code   int
	}{{syscall.SIGTERM, "SIGTERM", 0}, {syscall.SIGINT, "SIGINT", 130}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			opt := optimizertest.New(
				optimizertest.Describe(), optimizertest.Adjust(replicas(7)),
				optimizertest.Measure(10*time.Millisecond, "throughput"), optimizertest.Measure(time.Hour),
			).RequireToken("secret-token")
			p := start(t, t.TempDir(), emulated("a", opt.Start(t), 2), nil, "run")
			_, err := opt.WaitRequest(t.Context(), optimizer.EventNext, 4)
			require.NoError(t, err)
			p.waitFor("duration=1h") // the emulator says how long the measurement takes
			p.signal(tt.signal)
			assert.Equal(t, tt.code, p.code(), p.errors())
			assert.Equal(t, tt.name, lastGoodbye(t, opt))
			results := opt.Results()
			require.Len(t, results, 4)
			assert.Equal(t, "2", valueOf(t, results[0]))
			assert.Equal(t, "7", valueOf(t, results[1]))
			assert.Len(t, results[2].Measurement.Readings, 1)
			assert.Equal(t, types.Cancelled, results[3].Outcome)
			assert.Empty(t, opt.Violations())
			assert.Empty(t, p.stdout.String())
		})
	}
}

// A command that does not react holds the orderly end up; the second signal does
// not wait for it, and nothing is left behind.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	opt := optimizertest.New(optimizertest.Sleep(time.Hour))
	dir := t.TempDir()
	p := start(t, dir, fmt.Sprintf(`
optimizer: {id: example.com/a, token: t, url: %q}
process:
  component: app
  command: [sh, -c, "trap '' TERM; echo $$ > pid; while :; do sleep 1; done"]
  stop: {grace: 1h}
`, opt.Start(t)), nil, "run")
	p.waitFor("sleeping")
	p.signal(syscall.SIGTERM)
	p.waitFor("stopping")
	p.signal(syscall.SIGTERM)
	assert.Equal(t, 143, p.code(), p.errors())
	pid, err := os.ReadFile(filepath.Join(dir, "pid"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		var n int
		_, err := fmt.Sscan(string(pid), &n)
		return err == nil && syscall.Kill(n, 0) == syscall.ESRCH
	}, 10*time.Second, 20*time.Millisecond, "the command outlives the servo")
}

func TestOnce(t *testing.T) {
	t.Parallel()
	opt := optimizertest.New(optimizertest.Adjust(replicas(5)), optimizertest.Describe())
	dir := t.TempDir()
	url := opt.Start(t)
	for range 2 {
		p := start(t, dir, emulated("a", url, 2), nil, "run", "--once", "--state", "state")
		assert.Equal(t, 0, p.code(), p.errors())
	}
	results := opt.Results()
	require.Len(t, results, 2)
	assert.Equal(t, "5", valueOf(t, results[1]), "the second run begins where the first has ended")
	assert.Equal(t, "shutdown", lastGoodbye(t, opt))
	journalFile, recordFile := servo.StateFiles(filepath.Join(dir, "state"), "a")
	assert.FileExists(t, journalFile)
	assert.FileExists(t, recordFile)
}

func TestNoPoll(t *testing.T) {
	t.Parallel()
	opt := optimizertest.New(optimizertest.Describe())
	p := start(t, t.TempDir(), emulated("a", opt.Start(t), 2), nil, "run", "--no-poll")
	p.waitFor("the optimizer is not asked for commands")
	p.signal(syscall.SIGTERM)
	assert.Equal(t, 0, p.code(), p.errors())
	assert.Equal(t, []optimizer.Event{optimizer.EventHello, optimizer.EventGoodbye}, opt.Events())
}

func TestInteractive(t *testing.T) {
	t.Run("consent", func(t *testing.T) {
		t.Parallel()
		opt := optimizertest.New(optimizertest.Describe())
		p := start(t, t.TempDir(), emulated("a", opt.Start(t), 2), nil, "run", "-i", "--once")
		p.waitFor("a: " + servo.AskConnect)
		p.say("y")
		p.waitFor("a: " + servo.AskPoll)
		assert.Equal(t, []optimizer.Event{optimizer.EventHello}, opt.Events(), "nothing before consent")
		p.say("yes")
		assert.Equal(t, 0, p.code(), p.errors())
		assert.Len(t, opt.Results(), 1)
	})
	t.Run("declined", func(t *testing.T) {
		t.Parallel()
		opt := optimizertest.New(optimizertest.Describe())
		p := start(t, t.TempDir(), emulated("a", opt.Start(t), 2), nil, "run", "--interactive")
		p.waitFor("a: " + servo.AskConnect)
		p.say("no")
		assert.Equal(t, 1, p.code())
		assert.Contains(t, p.errors(), servo.ErrDeclined.Error())
		assert.Empty(t, opt.Events())
	})
	t.Run("nobody is there", func(t *testing.T) {
		t.Parallel()
		opt := optimizertest.New(optimizertest.Describe())
		p := start(t, t.TempDir(), emulated("a", opt.Start(t), 2), nil, "run", "--interactive")
		require.NoError(t, p.stdin.Close())
		assert.Equal(t, 1, p.code())
		assert.Contains(t, p.errors(), errNobody.Error())
		assert.Empty(t, opt.Events())
	})
	t.Run("a signal while it waits", func(t *testing.T) {
		t.Parallel()
		opt := optimizertest.New()
		p := start(t, t.TempDir(), emulated("a", opt.Start(t), 2), nil, "run", "--interactive")
		p.waitFor("a: " + servo.AskConnect)
		p.signal(syscall.SIGINT)
		assert.Equal(t, 130, p.code(), p.errors())
	})
}

func TestSeveralServos(t *testing.T) {
	t.Parallel()
	one, two := optimizertest.New(optimizertest.Describe()), optimizertest.New(optimizertest.Describe())
	both := emulated("one", one.Start(t), 1) + "---" + emulated("two", two.Start(t), 2)
	p := start(t, t.TempDir(), both, nil, "run", "--once")
	assert.Equal(t, 0, p.code(), p.errors())
	assert.Equal(t, "1", valueOf(t, one.Results()[0]))
	assert.Equal(t, "2", valueOf(t, two.Results()[0]))
	for _, name := range []string{"one", "two"} {
		assert.Contains(t, p.errors(), name+"(servo) - servo running", "the log tells them apart")
	}

	other := optimizertest.New(optimizertest.Describe())
	p = start(t, t.TempDir(), emulated("one", one.Start(t), 1)+"---"+emulated("three", other.Start(t), 3), nil, "--name", "three", "run", "--once")
	assert.Equal(t, 0, p.code(), p.errors())
	assert.Len(t, other.Results(), 1)
	assert.Len(t, one.Results(), 1, "only the servo that was named")
}

func TestHangupReloads(t *testing.T) {
	t.Parallel()
	one, two := optimizertest.New(optimizertest.Describe(), optimizertest.Measure(time.Hour)), optimizertest.New(optimizertest.Describe())
	urlOne, urlTwo := one.Start(t), two.Start(t)
	dir := t.TempDir()
	p := start(t, dir, emulated("one", urlOne, 1), nil, "run")
	_, err := one.WaitRequest(t.Context(), optimizer.EventNext, 2)
	require.NoError(t, err)

	write(t, dir, "optimizer: {}\nemulatr: {}\n")
	p.signal(syscall.SIGHUP)
	p.waitFor("the configuration was not reloaded")

	write(t, dir, emulated("one", urlOne, 1)+"---"+emulated("two", urlTwo, 2))
	p.signal(syscall.SIGHUP)
	p.waitFor("the configuration was reloaded")
	_, err = two.WaitDone(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "2", valueOf(t, two.Results()[0]))
	assert.NotContains(t, one.Events(), optimizer.EventGoodbye, "the first servo goes on")

	write(t, dir, emulated("two", urlTwo, 2))
	p.signal(syscall.SIGHUP)
	_, err = one.WaitRequest(t.Context(), optimizer.EventGoodbye, 1)
	require.NoError(t, err)
	assert.Equal(t, "restarting", lastGoodbye(t, one))
	p.signal(syscall.SIGTERM)
	assert.Equal(t, 0, p.code(), p.errors())
}

func TestRunThatCannotStart(t *testing.T) {
	tests := []struct {
		name, config string
		args         []string
		code         int
		says         []string
	}{
		{"no file", "", []string{"run"}, 2, []string{"--config-file: servo.yaml does not exist", "servo --help"}},
		{"a folder", "", []string{"-c", ".", "run"}, 2, []string{"--config-file: . is a folder"}},
		{"every problem", "optimizer: {id: a/b}\nemulatr: {}\nemulator: {failure_rate: 7}\n", []string{"run"}, 1,
			[]string{"servo.yaml:1", "optimizer.token", "servo.yaml:2", "emulatr", "servo.yaml:3", "emulator.failure_rate"}},
		{"no such servo", emulated("a", "http://127.0.0.1:1", 1), []string{"run", "--name", "b"}, 2, []string{`--name: there is no servo "b" (known: a)`}},
		{"no such command", "", []string{"walk"}, 2, []string{`there is no command "walk": use run or validate`}},
		{"no such flag", "", []string{"run", "--fast"}, 2, []string{"flag provided but not defined: -fast"}},
		{"several problems of flags", "", []string{"--log-level", "loud", "run", "--once", "--no-poll", "x"}, 2,
			[]string{"unexpected arguments: x", "--log-level", "loud", "--no-poll and --once"}},
		{"a log file that cannot be", emulated("a", "http://127.0.0.1:1", 1), []string{"--log-file", "servo.yaml/log", "run"}, 2, []string{"servo.yaml/log"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, t.TempDir(), tt.config, nil, tt.args...)
			assert.Equal(t, tt.code, p.code())
			for _, s := range tt.says {
				assert.Contains(t, p.errors(), s)
			}
			assert.Empty(t, p.stdout.String())
		})
	}
}

func TestHelpNeedsNoFile(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"help"}, {"run", "--help"}, {"validate", "-h"}} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			t.Parallel()
			p := start(t, t.TempDir(), "", nil, args...)
			assert.Equal(t, 0, p.code())
			assert.Equal(t, help, p.stdout.String())
			assert.Empty(t, p.errors())
		})
	}
}
