package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

// version is that of the JSON of entries and states.
const version = 1

type entryWire struct {
	Version     int             `json:"v"`
	Kind        Kind            `json:"kind"`
	Time        time.Time       `json:"time"`
	Verb        optimizer.Verb  `json:"verb,omitempty"`
	UID         string          `json:"cmd_uid,omitempty"`
	Adjustments json.RawMessage `json:"adjustments,omitempty"`
	Previous    json.RawMessage `json:"previous,omitempty"`
	Answer      json.RawMessage `json:"answer,omitempty"`
	Why         string          `json:"why,omitempty"`
}

type answerWire struct {
	Outcome     types.Outcome   `json:"outcome,omitempty"`
	Reason      string          `json:"reason,omitempty"`
	Message     string          `json:"message,omitempty"`
	Others      []string        `json:"other_messages,omitempty"`
	Description json.RawMessage `json:"description,omitempty"`
	Measurement json.RawMessage `json:"measurement,omitempty"`
}

// MarshalJSON writes the entry in the form that files and other stores keep:
//
//	{"v":1,"kind":"intent","time":"2026-11-28T12:00:00Z","verb":"ADJUST","cmd_uid":"u1",
//	 "adjustments":{"application":{"components":{"web":{"settings":{"cpu":{"value":2.0}}}}}},
//	 "previous":{…},"answer":{"outcome":…,"reason":…,"message":…,"other_messages":[…],
//	 "description":{…},"measurement":{…}},"why":"…"}
//
// What is empty is left out. Adjustments, description and measurement have the
// form of the optimizer protocol; the time is in UTC. An entry that [State.After]
// would refuse in any state is an error.
func (e Entry) MarshalJSON() ([]byte, error) {
	e, err := e.checked()
	if err != nil {
		return nil, err
	}
	w := entryWire{Version: version, Kind: e.Kind, Time: e.Time.UTC(), Verb: e.Verb, UID: e.UID, Why: e.Why}
	if w.Adjustments, err = encodeAdjustments(e.Adjustments); err != nil {
		return nil, err
	}
	if w.Previous, err = encodeAdjustments(e.Previous); err != nil {
		return nil, err
	}
	if e.Answer != nil {
		if w.Answer, err = encodeAnswer(*e.Answer); err != nil {
			return nil, err
		}
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what [Entry.MarshalJSON] writes; unknown keys are skipped.
// Another version and an entry that [State.After] would refuse in any state are
// errors, which quote nothing of the entry and leave e alone.
func (e *Entry) UnmarshalJSON(data []byte) error {
	var w entryWire
	if err := decode(data, &w, &w.Version); err != nil {
		return fmt.Errorf("journal entry: %w", err)
	}
	read := Entry{Kind: w.Kind, Time: w.Time.UTC(), Verb: w.Verb, UID: w.UID, Why: w.Why}
	errs := []error{decodeField("adjustments", w.Adjustments, &read.Adjustments), decodeField("previous", w.Previous, &read.Previous)}
	if given(w.Answer) {
		var a answerWire
		errs = append(errs, decodeField("answer", w.Answer, &a))
		read.Answer = &optimizer.Result{Verb: w.Verb, UID: w.UID, Outcome: a.Outcome, Reason: a.Reason, Message: a.Message, Others: a.Others}
		errs = append(errs, decodeField("answer.description", a.Description, &read.Answer.Description),
			decodeField("answer.measurement", a.Measurement, &read.Answer.Measurement))
	}
	err := errors.Join(errs...)
	if err == nil {
		read, err = read.checked()
	}
	if err != nil {
		return fmt.Errorf("journal entry: %w", err)
	}
	*e = read
	return nil
}

type stateWire struct {
	Version   int             `json:"v"`
	Open      *Entry          `json:"open,omitempty"`
	Applied   bool            `json:"applied,omitempty"`
	Committed json.RawMessage `json:"committed,omitempty"`
	Baseline  json.RawMessage `json:"baseline,omitempty"`
	Pending   *Entry          `json:"pending,omitempty"`
}

// MarshalJSON writes the state in the form in which a store may keep it as a
// whole:
//
//	{"v":1,"open":{…},"applied":true,"committed":{…},"baseline":{…},"pending":{…}}
//
// What is empty is left out; open and pending have the form of an [Entry],
// committed and baseline that of its adjustments.
func (s State) MarshalJSON() ([]byte, error) {
	s, err := s.checked()
	if err != nil {
		return nil, err
	}
	w := stateWire{Version: version, Open: s.Open, Applied: s.Applied, Pending: s.Pending}
	if w.Committed, err = encodeAdjustments(s.Committed); err != nil {
		return nil, err
	}
	if w.Baseline, err = encodeAdjustments(s.Baseline); err != nil {
		return nil, err
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what [State.MarshalJSON] writes; unknown keys are skipped.
// Another version and a state that no journal amounts to are errors, which quote
// nothing of the state and leave s alone.
func (s *State) UnmarshalJSON(data []byte) error {
	var w stateWire
	if err := decode(data, &w, &w.Version); err != nil {
		return fmt.Errorf("journal state: %w", err)
	}
	read := State{Open: w.Open, Applied: w.Applied, Pending: w.Pending}
	err := errors.Join(decodeField("committed", w.Committed, &read.Committed), decodeField("baseline", w.Baseline, &read.Baseline))
	if err == nil {
		read, err = read.checked()
	}
	if err != nil {
		return fmt.Errorf("journal state: %w", err)
	}
	*s = read
	return nil
}

func encodeAdjustments(as types.Adjustments) (json.RawMessage, error) {
	if len(as) == 0 {
		return nil, nil
	}
	return json.Marshal(as)
}

func encodeAnswer(r optimizer.Result) (json.RawMessage, error) {
	w := answerWire{Outcome: r.Outcome, Reason: r.Reason, Message: r.Message, Others: r.Others}
	var err error
	if len(r.Description.Components) > 0 || len(r.Description.Metrics) > 0 {
		if w.Description, err = json.Marshal(r.Description); err != nil {
			return nil, err
		}
	}
	if len(r.Measurement.Readings) > 0 || len(r.Measurement.Annotations) > 0 {
		if w.Measurement, err = json.Marshal(r.Measurement); err != nil {
			return nil, err
		}
	}
	return json.Marshal(w)
}

var errVersion = fmt.Errorf("unknown version: %d is supported", version)

// decode reads an object of ours and looks at its version first.
func decode(data []byte, into any, found *int) error {
	var v struct {
		Version *int `json:"v"`
	}
	if err := json.Unmarshal(data, &v); err != nil || v.Version == nil {
		return errors.New("no object with a version (v)")
	}
	if *v.Version != version {
		return errVersion
	}
	if err := json.Unmarshal(data, into); err != nil {
		return errors.New("a field has the wrong type")
	}
	*found = *v.Version
	return nil
}

// decodeField drops the error of the decoder, which may quote.
func decodeField(name string, raw json.RawMessage, into any) error {
	if !given(raw) {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s: cannot be read", name)
	}
	return nil
}

func given(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }
