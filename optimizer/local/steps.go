package local

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

// job is one thing that the engine has a servo do: an adjustment where needed
// and then a measurement, or a single command.
type job struct {
	phase      Phase
	number, of int
	// candidate and ofBaseline belong to a validation.
	candidate  int
	ofBaseline bool
	config     types.Adjustments
	adjusting  bool
	// applied is what the servo says to have applied, and note what was
	// unusual about it.
	applied types.Adjustments
	note    string
	// failures counts results that say failed; cancels those that say
	// cancelled without having been asked to.
	failures, cancels int
}

// How often a job is tried before its trial counts as failed. Something that
// keeps being cancelled by the servo would otherwise be repeated for ever.
const (
	maxFailures = 2
	maxCancels  = 3
)

// issue makes the command of the current job.
func (e *Engine) issue() {
	e.issued++
	c := &optimizer.Command{UID: e.uids + "-" + strconv.Itoa(e.issued), Control: e.options.Control}
	switch {
	case e.job.phase == PhaseDescribe:
		c.Verb = optimizer.Describe
	case e.job.adjusting:
		c.Verb = optimizer.Adjust
		c.Adjustments = e.job.config
		e.adjusted, e.current = true, nil
	default:
		c.Verb = optimizer.Measure
		c.Metrics = e.ask
	}
	e.command, e.percent, e.message = c, 0, ""
	e.log.Debug("command", "verb", string(c.Verb), "uid", c.UID, "phase", string(e.phase))
	e.notify(nil)
}

// begin makes j the current job.
func (e *Engine) begin(j *job) {
	j.adjusting = j.phase == PhaseApply || j.config != nil && (e.current == nil || key(e.current) != key(j.config))
	e.phase, e.job = j.phase, j
}

// drop gives up the current job of a cancelled study.
func (e *Engine) drop() {
	e.job, e.command = nil, nil
	if !e.adjusted {
		e.end(PhaseCancelled)
	}
}

// plan finds the next job from what is recorded, or ends the study.
func (e *Engine) plan() {
	switch {
	case e.ended():
	case e.cancel != "":
		e.begin(&job{phase: PhaseApply, config: e.baseline, ofBaseline: true})
	case !e.described:
		e.begin(&job{phase: PhaseDescribe})
	case len(e.baselineRuns) < e.options.BaselineMeasurements:
		e.begin(&job{phase: PhaseBaseline, config: e.baseline, number: len(e.baselineRuns) + 1, of: e.options.BaselineMeasurements})
	case len(e.trials) < e.options.Trials:
		n := len(e.trials) + 1
		e.begin(&job{phase: PhaseSearch, config: e.suggest(n), number: n, of: e.options.Trials})
	default:
		if j := e.check(); j != nil {
			e.begin(j)
			return
		}
		e.log.Info("validation", "verdict", e.validation.Verdict)
		if e.validation.Better {
			e.begin(&job{phase: PhaseApply, config: e.trials[e.validation.Candidate-1].Settings})
		} else {
			e.begin(&job{phase: PhaseApply, config: e.baseline, ofBaseline: true})
		}
	}
}

func (e *Engine) succeeded(result optimizer.Result) {
	j := e.job
	switch {
	case j.phase == PhaseDescribe:
		e.describedAs(result.Description)
	case j.adjusting:
		e.applied(result.Description)
	default:
		t := e.reduce(j.config, result.Measurement)
		if j.applied != nil {
			t.Settings = j.applied
		}
		t.Number = j.number
		t.Message = joinText(j.note, t.Message)
		if j.phase == PhaseBaseline {
			t.Number = 0
			if !e.complete(t) {
				e.failed(t.Message)
				return
			}
		}
		e.record(t)
	}
}

// applied looks at what the servo says to have adjusted.
func (e *Engine) applied(state types.Description) {
	j := e.job
	j.applied = slices.Clone(j.config)
	var differ []string
	for i, a := range j.applied {
		s, ok := state.Setting(a.Selector())
		if !ok || !s.Value.IsSet() {
			e.log.Debug("the servo did not confirm a setting", "setting", a.Selector())
			continue
		}
		if !same(s.Value, a.Value) {
			differ = append(differ, fmt.Sprintf("%s is %s instead of %s", a.Selector(), s.Value, a.Value))
			j.applied[i].Value = s.Value
		}
	}
	e.current = j.applied
	if len(differ) > 0 {
		note := "applied differently: " + strings.Join(differ, ", ")
		e.log.Warn("adjustment differs from what was asked for", "settings", strings.Join(differ, ", "))
		if j.phase != PhaseSearch {
			e.failed(note)
			return
		}
		j.note = note
	}
	if j.phase == PhaseApply {
		e.finish()
		return
	}
	j.adjusting = false
}

// same compares numbers to the digits that survive the way there and back.
func same(a, b types.Value) bool {
	x, ok1 := a.Float64()
	y, ok2 := b.Float64()
	if ok1 && ok2 {
		return strconv.FormatFloat(x, 'g', 12, 64) == strconv.FormatFloat(y, 'g', 12, 64)
	}
	return a.Equal(b)
}

// interrupted repeats a command that the servo stopped on its own account.
func (e *Engine) interrupted(result optimizer.Result) {
	if e.job.cancels++; e.job.cancels >= maxCancels {
		e.conclude(types.Failed, joinText("cancelled again and again", explain(result)))
		return
	}
	e.log.Debug("command cancelled by the servo; it will be repeated")
	e.repeat()
}

func (e *Engine) failed(message string) {
	if e.job.failures++; e.job.failures >= maxFailures {
		e.conclude(types.Failed, message)
		return
	}
	e.log.Warn("command failed; trying once more", "phase", string(e.phase), "number", e.job.number, "problem", message)
	e.repeat()
}

// repeat begins the job again. After a failure nobody knows what settings are
// in force, except while none were changed.
func (e *Engine) repeat() {
	if e.adjusted {
		e.current = nil
	}
	e.job.note, e.job.applied = "", nil
	e.begin(e.job)
}

// conclude ends the current job without a measurement.
func (e *Engine) conclude(outcome types.Outcome, message string) {
	j := e.job
	if e.adjusted {
		e.current = nil
	}
	switch j.phase {
	case PhaseDescribe:
		e.fail(fmt.Errorf("describing: %s: %s", outcome, message))
	case PhaseBaseline:
		e.fail(fmt.Errorf("measuring the baseline: %s: %s", outcome, message))
	case PhaseApply:
		e.notApplied(outcome, message)
	default:
		e.record(Trial{
			Number: j.number, Settings: j.config, Metrics: map[string]float64{},
			Outcome: outcome, Message: joinText(j.note, message),
		})
	}
}

// record keeps a finished trial and ends the job.
func (e *Engine) record(t Trial) {
	j := e.job
	r := record{Time: time.Now().UTC(), Trial: t}
	switch j.phase {
	case PhaseBaseline:
		r.Kind = kindBaseline
	case PhaseSearch:
		r.Kind = kindTrial
	default:
		r.Kind, r.Candidate, r.Baseline = kindValidation, j.candidate, j.ofBaseline
	}
	e.add(r)
	e.keep(r)
	attrs := []any{"phase", string(j.phase), "number", t.Number, "feasible", t.Feasible, "objective", t.Objective.String(), "settings", key(t.Settings)}
	if t.Outcome != "" {
		attrs = append(attrs, "outcome", string(t.Outcome))
	}
	if t.Message != "" {
		attrs = append(attrs, "message", t.Message)
	}
	e.log.Info("trial finished", attrs...)
	e.notify(&t)
	e.job = nil
}

// keep writes a line of the study file. A study goes on without its file.
func (e *Engine) keep(line any) {
	if err := e.file.append(line); err != nil {
		e.log.Error("the study cannot be resumed from here", "error", err)
		e.warnings = append(e.warnings, "the study cannot be resumed: "+err.Error())
	}
}

// describedAs begins or resumes the study on what the servo described.
func (e *Engine) describedAs(d types.Description) {
	current, fresh, err := e.open(d)
	if err != nil {
		e.fail(err)
		return
	}
	e.job, e.current = nil, current
	e.adjusted = key(current) != key(e.baseline)
	if fresh {
		h, err := headerOf(e.options, d)
		if err != nil {
			e.fail(err)
			return
		}
		e.keep(h)
	}
	for _, name := range e.unmeasured {
		e.log.Warn("metric is not described and will not be recorded", "metric", name)
		e.warnings = append(e.warnings, fmt.Sprintf("the servo does not measure %s, which is not recorded", name))
	}
}

// finish ends the study after its last adjustment.
func (e *Engine) finish() {
	e.inForce = e.job.applied
	e.kept = keptBest
	if e.job.ofBaseline {
		e.kept = keptBaseline
	}
	switch {
	case e.cancel != "":
		e.end(PhaseCancelled)
	case e.err != nil:
		e.end(PhaseFailed)
	default:
		e.end(PhaseDone)
	}
}

// notApplied falls back to the baseline when the best configuration cannot be
// applied, and gives up when the baseline cannot.
func (e *Engine) notApplied(outcome types.Outcome, message string) {
	err := fmt.Errorf("adjusting to the best configuration: %s: %s", outcome, message)
	if e.job.ofBaseline {
		err = fmt.Errorf("adjusting to the baseline: %s: %s", outcome, message)
	}
	if e.err == nil {
		e.err = err
	} else {
		e.err = fmt.Errorf("%w; %w", e.err, err)
	}
	if e.job.ofBaseline {
		e.fail(e.err)
		return
	}
	e.begin(&job{phase: PhaseApply, config: e.baseline, ofBaseline: true})
}

func (e *Engine) fail(err error) {
	e.err = err
	e.log.Error("study failed", "error", err)
	e.end(PhaseFailed)
}

func (e *Engine) end(p Phase) {
	e.phase, e.job, e.command = p, nil, nil
	if p == PhaseCancelled && e.err == nil {
		e.err = fmt.Errorf("%w: %s", optimizer.ErrCancelRequested, e.cancel)
	}
	if e.kept == "" && !e.adjusted && e.current != nil {
		e.kept, e.inForce = keptBaseline, e.current
	}
	e.notify(nil)
	close(e.done)
}

// farewell is the reason to sleep after the study.
func (e *Engine) farewell() string {
	switch {
	case e.phase == PhaseCancelled:
		return string(e.phase) + ": " + e.cancel
	case e.err != nil:
		return string(e.phase) + ": " + e.err.Error()
	case e.validation != nil:
		return string(e.phase) + ": " + e.validation.Verdict
	default:
		return string(e.phase)
	}
}

// explain gathers what a result says about a failure.
func explain(r optimizer.Result) string {
	text := joinText(r.Message, strings.Join(r.Others, "; "))
	if text == "" {
		text = "no message"
	}
	if r.Reason != "" {
		text += " (" + r.Reason + ")"
	}
	return text
}

func joinText(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
