package local_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/types"
)

// TestResume interrupts a study after every single command in turn, goes on with
// a new engine and a restarted application, and must come to the same trials.
func TestResume(t *testing.T) {
	o := shopOptions(t)
	whole, err := local.New(o)
	require.NoError(t, err)
	want := shop().run(t, whole)

	for stop := 1; ; stop += 3 {
		o.Study = filepath.Join(t.TempDir(), "study.jsonl")
		a := shop()
		e, err := local.New(o)
		require.NoError(t, err)
		more := true
		for i := 0; i < stop && more; i++ {
			more = a.step(t, e)
		}
		before := len(e.Result().Trials)

		again, err := local.New(o)
		require.NoError(t, err)
		b := shop()
		// The application is left as it was when the optimizer went away.
		b.description = a.description
		assert.Len(t, again.Result().Trials, before)
		got := b.run(t, again)
		require.NoError(t, got.Err)
		require.Equal(t, want.Trials, got.Trials, "stopped after %d commands", stop)
		require.Equal(t, want.Validation, got.Validation)
		require.Equal(t, want.Baseline, got.Baseline)
		require.Equal(t, want.Applied, got.Applied)
		if !more {
			assert.Equal(t, []string{"DESCRIBE", "ADJUST"}, b.log, "of a finished study only the result is applied")
			return
		}
	}
}

func TestResumeWithMoreTrials(t *testing.T) {
	o := shopOptions(t)
	o.Study = filepath.Join(t.TempDir(), "study.jsonl")
	o.Trials = 4
	e, err := local.New(o)
	require.NoError(t, err)
	first := shop().run(t, e)
	o.Trials = 12
	e, err = local.New(o)
	require.NoError(t, err)
	r := shop().run(t, e)
	require.NoError(t, r.Err)
	assert.Len(t, r.Trials, 12)
	assert.Equal(t, first.Trials, r.Trials[:4])
	assert.True(t, r.Validation.Better)
}

// written runs a few steps of a study and returns its options and lines.
func written(t *testing.T) (local.Options, []string) {
	o := shopOptions(t)
	o.Study = filepath.Join(t.TempDir(), "study.jsonl")
	e, err := local.New(o)
	require.NoError(t, err)
	a := shop()
	for range 8 {
		a.step(t, e)
	}
	require.Len(t, e.Result().Trials, 3)
	data, err := os.ReadFile(o.Study)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(data), "\n")
	require.Len(t, lines, 6, "header, baseline, three trials and the end")
	return o, lines[:5]
}

func TestTornLine(t *testing.T) {
	for _, c := range []struct {
		name   string
		cut    func(lines []string) string
		trials int
	}{
		{name: "in a trial", cut: func(l []string) string { return strings.Join(l[:4], "") + l[4][:len(l[4])/2] }, trials: 2},
		{name: "before the end of the line", cut: func(l []string) string { return strings.TrimSuffix(strings.Join(l, ""), "\n") }, trials: 2},
		{name: "in the first line", cut: func(l []string) string { return l[0][:5] }},
		{name: "nothing written", cut: func([]string) string { return "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, lines := written(t)
			text := c.cut(lines)
			require.NoError(t, os.WriteFile(o.Study, []byte(text), 0o600))
			var log bytes.Buffer
			o.Logger = slog.New(slog.NewTextHandler(&log, nil))
			e, err := local.New(o)
			require.NoError(t, err)
			assert.Len(t, e.Result().Trials, c.trials)
			assert.Equal(t, text != "", strings.Contains(log.String(), "removed a torn line"))
			r := shop().run(t, e)
			require.NoError(t, r.Err)
			assert.Len(t, r.Trials, 12)
			again, err := local.New(o)
			require.NoError(t, err, "the file is whole again")
			assert.Len(t, again.Result().Trials, 12)
		})
	}
}

func TestOtherStudy(t *testing.T) {
	o, _ := written(t)
	for _, c := range []struct {
		name   string
		change func(o *local.Options)
		want   string
	}{
		{"objective", func(o *local.Options) { o.Objective.Maximize = true }, "objective: the file has minimize: cost, wanted is maximize: cost"},
		{"constraints", func(o *local.Options) { o.Constraints = nil }, "constraints: the file has [latency <= 0.08s], wanted is []"},
		{"formulas", func(o *local.Options) { o.Formulas = nil }, "formulas: the file has [cost = 0.03*cpu], wanted is []"},
		{"control", func(o *local.Options) { o.Control.Warmup = 1e9 }, `control: the file has {"duration":"1s"}`},
		{"seed", func(o *local.Options) { o.Seed = 2 }, "seed: the file has 1, wanted is 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := o
			c.change(&changed)
			_, err := local.New(changed)
			require.ErrorIs(t, err, local.ErrOtherStudy)
			assert.ErrorContains(t, err, c.want)
		})
	}
	t.Run("settings", func(t *testing.T) {
		e, err := local.New(o)
		require.NoError(t, err)
		a := shop()
		a.description.Components[0].Settings[0].Max = types.Int(16)
		r := a.run(t, e)
		require.ErrorIs(t, r.Err, local.ErrOtherStudy)
		assert.ErrorContains(t, r.Err, "app.workers (range 1-16, 1)")
		assert.Equal(t, []string{"DESCRIBE"}, a.log)
	})
}

func TestBrokenStudyFile(t *testing.T) {
	o, lines := written(t)
	for _, c := range []struct{ name, text, want string }{
		{"another kind of file", "hello\n", "not a study: it begins with \"hello\\n\""},
		{"a torn other file", "hello", "not a study"},
		{"another version", `{"study":99}` + "\n", "version 99 is not known: this program writes 1"},
		{"garbage inside", lines[0] + "garbage\n" + lines[1], ":2: "},
		{"an unknown kind", lines[0] + `{"kind":"guess","trial":{"settings":{}}}` + "\n", `:2: unknown kind "guess"`},
		{"a trial missing", lines[0] + lines[1] + lines[3], "trial 2 follows trial 0"},
		{"a validation of nothing", lines[0] + `{"kind":"validation","candidate":5,"trial":{"settings":{}}}` + "\n", "a validation of trial 5, which is not there"},
		{"a setting without a component", lines[0] + `{"kind":"trial","trial":{"settings":{"x":1}}}` + "\n", "settings.x: want <component>.<setting>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(o.Study, []byte(c.text), 0o600))
			_, err := local.New(o)
			require.ErrorContains(t, err, c.want)
			data, err := os.ReadFile(o.Study)
			require.NoError(t, err)
			assert.Equal(t, c.text, string(data), "the file is not touched")
		})
	}
	t.Run("a directory", func(t *testing.T) {
		o.Study = t.TempDir()
		_, err := local.New(o)
		require.ErrorContains(t, err, "study file: ")
	})
}

func TestStudyFileCannotBeWritten(t *testing.T) {
	o := shopOptions(t)
	o.Study = filepath.Join(t.TempDir(), "missing", "study.jsonl")
	e, err := local.New(o)
	require.NoError(t, err)
	r := shop().run(t, e)
	require.NoError(t, r.Err, "the study goes on")
	require.Len(t, r.Warnings, 1)
	assert.Contains(t, r.Warnings[0], "the study cannot be resumed: ")
	assert.True(t, r.Validation.Better)
}

func FuzzStudyFile(f *testing.F) {
	f.Add([]byte(`{"study":1,"objective":"minimize: cost","constraints":[],"formulas":[],"control":"{\"duration\":\"1s\"}","seed":0,"description":{}}` + "\n" + `{"kind":"trial","trial":{"number":1,"settings":{"app.w":4},"objective":null}}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "study")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		e, err := local.New(local.Options{Objective: local.Objective{Metric: "cost"}, Study: path})
		if err != nil {
			return
		}
		a := shop()
		a.description.Metrics = append(a.description.Metrics, types.Metric{Name: "cost"})
		for range 3 {
			c := next(t, e)
			if c.Verb == optimizer.Sleep {
				break
			}
			require.NoError(t, e.Reply(t.Context(), a.answer(c)))
		}
	})
}

// TestCancelAfterResume has an optimizer that was killed while the application
// ran a trial: the baseline is restored also when the new one does nothing else.
func TestCancelAfterResume(t *testing.T) {
	o, _ := written(t)
	a := shop()
	a.adjust(types.Adjustments{{Component: "app", Setting: "workers", Value: types.Int(2)}})
	e, err := local.New(o)
	require.NoError(t, err)
	a.step(t, e)
	e.Cancel("enough")
	r := a.run(t, e)
	require.ErrorIs(t, r.Err, optimizer.ErrCancelRequested)
	assert.Equal(t, []string{"DESCRIBE", "ADJUST"}, a.log)
	assert.InDelta(t, 8, number(a.settings()["app.workers"]), 0)
}
