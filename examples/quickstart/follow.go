package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

// followOptimizer lets the optimizer at --optimizer-url drive the servo until
// the trials are used up or the optimizer says that it is done, and keeps
// account of what was tried. Then the embedded optimizer validates the best of
// it, since a measurement of a search alone proves nothing.
func followOptimizer(ctx context.Context, o options, app application, st *state, v *view, log *slog.Logger) (local.Result, error) {
	so, err := studyOptions(o)
	if err != nil {
		return local.Result{}, err
	}
	client, err := optimizer.NewClient(optimizer.Options{
		URL: o.optimizerURL, Token: o.token, Logger: log,
		Retry: optimizer.Retry{ConnectMaxTime: time.Minute, MaxTime: 5 * time.Minute},
	})
	if err != nil {
		return local.Result{}, err
	}
	v.note("the optimizer at " + redactURL(o.optimizerURL) + " is in charge")
	account := &account{Backend: client, options: so, view: v, original: defaults(app), done: make(chan struct{})}
	if account.settings, err = st.left(ctx, account.original); err != nil {
		return local.Result{}, err
	}
	servoOptions := servo.Options{Optimizer: account, Logger: log}
	st.use(&servoOptions, servo.RecoverCommitted)
	if err := runServo(ctx, o, app, servoOptions, account.done); err != nil {
		return local.Result{}, err
	}
	if ctx.Err() != nil {
		return local.Result{}, context.Cause(ctx)
	}
	seen, err := account.result()
	if err != nil {
		return local.Result{}, err
	}
	if seen.Best == nil {
		seen.Validation = &local.Validation{Verdict: "no configuration beat the baseline: none kept the constraints"}
		seen.Kept = "baseline"
		return seen, nil
	}
	v.note("validating the best of what was tried")
	checked, err := runStudy(ctx, o, app, st.withoutJournal(), v, log, []types.Adjustments{seen.Best.Settings})
	if err != nil {
		return local.Result{}, err
	}
	checked.Trials, checked.Best = seen.Trials, seen.Best
	if seen.Baseline != nil {
		checked.Baseline = seen.Baseline
	}
	if checked.Validation != nil {
		checked.Validation.Candidate = seen.Best.Number
	}
	return checked, nil
}

// patience is how long the other optimizer may go without a command that can be
// used.
const patience = 3 * time.Minute

// account passes everything on to an optimizer and notes the trials that come
// by. A measurement of the original settings before the first adjustment is the
// baseline; an optimizer that begins with an adjustment, or goes on with one of
// an earlier run, leaves that to the validation.
type account struct {
	optimizer.Backend
	options local.Options
	view    *view
	done    chan struct{}

	mu       sync.Mutex
	settings types.Adjustments // in force
	original types.Adjustments // without an optimizer
	wanted   types.Adjustments // what the running command asks for
	adjusted bool
	trials   []local.Trial
	baseline *local.Trial
	heard    time.Time // when the last command came
	failed   error
	finished bool
}

// Next notes when the optimizer says that it has no more work, and has the
// metrics measured that the account needs besides those of the optimizer.
func (a *account) Next(ctx context.Context) (optimizer.Command, error) {
	cmd, err := a.Backend.Next(ctx)
	a.mu.Lock()
	if now := time.Now(); err == nil || a.heard.IsZero() {
		a.heard = now
	} else if ctx.Err() == nil && now.Sub(a.heard) > patience {
		a.failed = fmt.Errorf("the optimizer has given no command that can be used for %s: %w", patience, err)
	}
	a.wanted = cmd.Adjustments
	given := a.failed != nil
	a.mu.Unlock()
	switch {
	case given:
		a.finish()
	case err != nil:
	case cmd.Verb == optimizer.Sleep && strings.HasPrefix(cmd.SleepReason, "done"):
		a.finish()
	case cmd.Verb == optimizer.Measure && len(cmd.Metrics) > 0: // none means all
		for _, name := range a.options.Metrics {
			if !slices.Contains(cmd.Metrics, name) {
				cmd.Metrics = append(cmd.Metrics, name)
			}
		}
	}
	return cmd, err
}

// Reply notes what was adjusted and measured.
func (a *account) Reply(ctx context.Context, r optimizer.Result) error {
	if err := a.Backend.Reply(ctx, r); err != nil {
		return err
	}
	a.mu.Lock()
	switch {
	case r.Outcome == types.Cancelled:
	case r.Verb == optimizer.Describe && r.Outcome == "":
		a.settings = settingsOf(r.Description)
	case r.Verb == optimizer.Adjust:
		a.adjusted = true
		if r.Outcome == "" {
			a.settings = settingsOf(r.Description)
		} else {
			a.add(r, overlay(a.settings, a.wanted)) // what was asked for, not what was restored
		}
	case r.Verb == optimizer.Measure:
		a.add(r, a.settings)
	}
	full := len(a.trials) >= a.options.Trials
	a.mu.Unlock()
	if full {
		a.finish()
	}
	return nil
}

// add notes a trial; a.mu is held.
func (a *account) add(r optimizer.Result, settings types.Adjustments) {
	t := local.Trial{Settings: settings, Metrics: map[string]float64{}, Outcome: r.Outcome, Message: r.Message}
	for _, m := range r.Measurement.Metrics() {
		if s := r.Measurement.Summary(m.Name); s.Count > 0 {
			t.Metrics[m.Name] = s.Mean
		}
	}
	for _, f := range a.options.Formulas {
		if value, ok := f.Eval(t.Metrics); ok {
			t.Metrics[f.Name()] = value
		}
	}
	if value, ok := t.Metrics[a.options.Objective.Metric]; ok && r.Outcome == "" {
		t.Objective = types.Observe(value)
	}
	_, t.Feasible = t.Objective.Float64()
	for _, c := range a.options.Constraints {
		value, ok := t.Metrics[c.Metric]
		switch {
		case !ok:
			t.Feasible = false
		case value > c.Limit: // the quickstart has upper bounds only, in the units of the metrics
			t.Feasible = false
			t.Violations = append(t.Violations, fmt.Sprintf("%s: %.4g violates %s", c.Metric, value, c))
		}
	}
	update := local.Update{Phase: local.PhaseSearch, Trials: a.options.Trials, Finished: &t}
	if !a.adjusted && r.Outcome == "" && settingsText(settings) == settingsText(a.original) {
		a.baseline = &t
		update.Phase, update.Trial, update.Trials = local.PhaseBaseline, 1, 1
	} else {
		t.Number = len(a.trials) + 1
		a.trials = append(a.trials, t)
		update.Trial = t.Number
	}
	update.Baseline, update.Best = a.baseline, a.best()
	a.view.update(update)
}

// best is the cheapest feasible trial that differs from the baseline; a.mu is
// held.
func (a *account) best() *local.Trial {
	var best *local.Trial
	for i, t := range a.trials {
		cost, ok := t.Objective.Float64()
		if !ok || !t.Feasible || settingsText(t.Settings) == settingsText(a.original) {
			continue
		}
		if best == nil {
			best = &a.trials[i]
		} else if least, _ := best.Objective.Float64(); cost < least {
			best = &a.trials[i]
		}
	}
	return best
}

func (a *account) finish() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.finished {
		a.finished = true
		close(a.done)
	}
}

func (a *account) result() (local.Result, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed != nil {
		return local.Result{}, a.failed
	}
	if a.baseline == nil && len(a.trials) == 0 {
		return local.Result{}, errors.New("the optimizer has not measured anything")
	}
	return local.Result{Trials: a.trials, Baseline: a.baseline, Best: a.best()}, nil
}

// overlay returns the settings with those that were asked for in their place.
func overlay(settings, wanted types.Adjustments) types.Adjustments {
	all := slices.Clone(settings)
	for i, a := range all {
		for _, w := range wanted {
			if w.Component == a.Component && w.Setting == a.Setting {
				all[i].Value = w.Value
			}
		}
	}
	return all
}

func settingsOf(d types.Description) types.Adjustments {
	var as types.Adjustments
	for _, c := range d.Components {
		for _, s := range c.Settings {
			as = append(as, types.Adjustment{Component: c.Name, Setting: s.Name, Value: s.Value})
		}
	}
	return as
}
