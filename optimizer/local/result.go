package local

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/servokit/servokit/types"
)

// Trial is one configuration that was measured, or that could not be.
type Trial struct {
	// Number counts the trials of the search from 1; the baseline is 0.
	// Measurements of a validation are numbered by repeat, from 1.
	Number int
	// Settings are the searched settings as they were really applied.
	Settings types.Adjustments
	// Metrics has the metrics and formulas that gave data, and no others.
	Metrics map[string]float64
	// Objective is missing when there was no data for it.
	Objective types.Sample
	// Feasible says that there was data for the objective and for every
	// constraint, and that every constraint was kept.
	Feasible bool
	// Violations says which constraints were not kept, for people.
	Violations []string
	// Outcome is empty when the configuration was adjusted and measured.
	Outcome types.Outcome
	// Message says what went wrong or was unusual, for people.
	Message string
}

// usable tells whether the trial has all the numbers that the study needs.
func (t Trial) usable() bool {
	_, ok := t.Objective.Float64()
	return t.Outcome == "" && ok
}

type trialWire struct {
	Number     int                `json:"number"`
	Settings   json.RawMessage    `json:"settings"`
	Metrics    map[string]float64 `json:"metrics"`
	Objective  *float64           `json:"objective"`
	Feasible   bool               `json:"feasible"`
	Violations []string           `json:"violations,omitempty"`
	Outcome    string             `json:"outcome"`
	Message    string             `json:"message,omitempty"`
}

// outcomeOK is how the absence of an [types.Outcome] is written.
const outcomeOK = "ok"

// MarshalJSON writes the trial with its settings by selector,
// {"app.workers": 4}, in the order of the description. An objective without
// data is null; no number is ever NaN or infinite.
func (t Trial) MarshalJSON() ([]byte, error) {
	settings, err := marshalSettings(t.Settings)
	if err != nil {
		return nil, err
	}
	w := trialWire{
		Number: t.Number, Settings: settings, Metrics: map[string]float64{}, Objective: number(t.Objective),
		Feasible: t.Feasible, Violations: t.Violations, Outcome: string(t.Outcome), Message: t.Message,
	}
	if w.Outcome == "" {
		w.Outcome = outcomeOK
	}
	for name, v := range t.Metrics {
		if finite(v) {
			w.Metrics[name] = v
		}
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Trial) UnmarshalJSON(data []byte) error {
	var w trialWire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	settings, err := unmarshalSettings(w.Settings)
	if err != nil {
		return err
	}
	*t = Trial{
		Number: w.Number, Settings: settings, Metrics: w.Metrics, Feasible: w.Feasible,
		Violations: w.Violations, Outcome: types.Outcome(w.Outcome), Message: w.Message,
	}
	if w.Objective != nil {
		t.Objective = types.Observe(*w.Objective)
	}
	if w.Outcome == outcomeOK {
		t.Outcome = ""
	}
	return nil
}

// number returns what a sample is in JSON: a number or null.
func number(s types.Sample) *float64 {
	if v, ok := s.Float64(); ok {
		return &v
	}
	return nil
}

func marshalSettings(config types.Adjustments) ([]byte, error) {
	b := []byte{'{'}
	for i, a := range config {
		name, err := json.Marshal(a.Selector())
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(a.Value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}'), nil
}

// unmarshalSettings reads the settings in the order of the document.
func unmarshalSettings(data []byte) (types.Adjustments, error) {
	var config types.Adjustments
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("settings: want an object, not %.40s", data)
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("settings: %w", err)
		}
		var v types.Value
		if err := d.Decode(&v); err != nil {
			return nil, fmt.Errorf("settings.%v: %w", t, err)
		}
		component, setting, ok := strings.Cut(fmt.Sprint(t), ".")
		if !ok {
			return nil, fmt.Errorf("settings.%v: want <component>.<setting>", t)
		}
		config = append(config, types.Adjustment{Component: component, Setting: setting, Value: v})
	}
	return config, nil
}

// Result is what a study has found. Before the study has ended it is what has
// been found so far.
type Result struct {
	// Trials are the finished trials of the search, in order, without the
	// baseline.
	Trials []Trial
	// Baseline is the configuration as it was found; nil until measured. After
	// several measurements its metrics are their medians.
	Baseline *Trial
	// Best is the trial of the configuration that the validation is about, and
	// before that the feasible trial with the best objective. It is nil when
	// no trial was feasible. Whether it is better is for Validation to say.
	Best *Trial
	// Validation is nil until the search has ended.
	Validation *Validation
	// Applied are the settings in force at the end. Empty when that is not
	// known.
	Applied types.Adjustments
	// Kept says which configuration these are: "best" or "baseline", or ""
	// while the study runs and when it could not be restored.
	Kept string
	// Err says why the study ended without an answer: it was cancelled, it
	// failed, or its last adjustment failed. Nil otherwise.
	Err error
	// Warnings are problems that did not stop the study.
	Warnings []string
}

// The values of [Result.Kept].
const (
	keptBest     = "best"
	keptBaseline = "baseline"
)

// MarshalJSON writes the result as one object with the keys trials, baseline,
// best, validation, applied, kept, and error and warnings where there are any.
func (r Result) MarshalJSON() ([]byte, error) {
	applied, err := marshalSettings(r.Applied)
	if err != nil {
		return nil, err
	}
	w := struct {
		Trials     []Trial         `json:"trials"`
		Baseline   *Trial          `json:"baseline"`
		Best       *Trial          `json:"best"`
		Validation *Validation     `json:"validation"`
		Applied    json.RawMessage `json:"applied"`
		Kept       string          `json:"kept"`
		Error      string          `json:"error,omitempty"`
		Warnings   []string        `json:"warnings,omitempty"`
	}{r.Trials, r.Baseline, r.Best, r.Validation, applied, r.Kept, "", r.Warnings}
	if w.Trials == nil {
		w.Trials = []Trial{}
	}
	if r.Err != nil {
		w.Error = r.Err.Error()
	}
	return json.Marshal(w)
}

// Phase says what a study is doing.
type Phase string

// The phases of a study, in order. The last three are ends.
const (
	PhaseDescribe Phase = "describing"
	PhaseBaseline Phase = "baseline"
	PhaseSearch   Phase = "searching"
	PhaseValidate Phase = "validating"
	PhaseApply    Phase = "applying"

	PhaseDone      Phase = "done"
	PhaseFailed    Phase = "failed"
	PhaseCancelled Phase = "cancelled"
)

// Update is a snapshot of a running study, for a progress display. The engine
// hands one to [Options.Observer] whenever something happens.
type Update struct {
	Phase Phase
	// Trial and Trials number the current trial of the search or the current
	// measurement of baseline or validation: n of N.
	Trial, Trials int
	// Settings are those of the current trial.
	Settings types.Adjustments
	// Adjusting is true while the configuration is changed, false while it is
	// measured.
	Adjusting bool
	// Percent and Message are the last report about the running command.
	Percent float64
	Message string
	// Finished is the trial or measurement whose end this update is about. It
	// is nil in all other updates.
	Finished *Trial
	// Baseline and Best are as in [Result].
	Baseline, Best *Trial
}
