package journal

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/servokit/servokit/types"
)

// State is what a journal amounts to. The zero State is that of an empty one.
type State struct {
	// Open is the intent of an adjustment that is neither committed nor rolled
	// back, nil when there is none. Its Previous are the last known good values
	// of every setting that may have been changed since.
	Open *Entry
	// Applied says that the handlers of the open adjustment had returned.
	Applied bool
	// Committed is the newest verified value of every setting that was
	// committed or rolled back.
	Committed types.Adjustments
	// Baseline is the value of each setting before its first adjustment, as
	// far as an intent said it. It never changes once it is there.
	Baseline types.Adjustments
	// Pending is a result without its ack, nil when there is none. A newer
	// result takes its place.
	Pending *Entry
}

// String returns what is open and pending and how many settings are known, which
// is fit for a log; the values of settings are not.
func (s State) String() string {
	name := func(e *Entry) string {
		if e == nil {
			return "nothing"
		}
		return e.String()
	}
	return fmt.Sprintf("open: %s, pending: %s, committed settings: %d", name(s.Open), name(s.Pending), len(s.Committed))
}

// LogValue is that of [State.String], so that a log has no values of settings.
func (s State) LogValue() slog.Value { return slog.StringValue(s.String()) }

// After returns the state after one more entry. It changes neither s nor e and
// shares no memory with them, so a servo may keep a state and compare. An entry
// that is wrong in itself (an unknown kind, a setting without a value, a result
// without an answer) and one that makes no sense in this state is an error:
// Applied, Commit and Rollback need an open intent, and the first two have to be
// of the same command.
//
// An intent while another is open (an adjustment after a rollback that failed)
// takes its place. The settings of the older one stay in it: their Previous is
// still the last known good value, whatever the newer intent says was in force,
// and what was wanted of them is kept unless the newer one wants something else.
//
// Commit and Rollback close the open intent as a whole, so name in them every
// setting of it, those of an older intent included: State.Open has them all.
//
// An ack of another command than the pending one changes nothing.
func (s State) After(e Entry) (State, error) {
	return s.clone().after(e)
}

// after is After for an owner of the state, whose memory the result may share.
func (s State) after(e Entry) (State, error) {
	e, err := e.checked()
	if err != nil {
		return State{}, err
	}
	switch e.Kind {
	case Intent:
		s.Baseline = merge(s.Baseline, e.Previous, s.Baseline) // the first value stays
		if s.Open != nil {
			e.Previous = merge(e.Previous, s.Open.Previous)
			e.Adjustments = merge(s.Open.Adjustments, e.Adjustments)
		}
		s.Open, s.Applied = &e, false
	case Applied, Commit, Rollback:
		if s.Open == nil {
			return State{}, fmt.Errorf("%s entry: no intent is open", e.Kind)
		}
		if e.Kind != Rollback && e.UID != s.Open.UID {
			return State{}, fmt.Errorf("%s entry: the open intent is of another command", e.Kind)
		}
		if e.Kind == Applied {
			s.Applied = true
			break
		}
		s.Committed = merge(s.Committed, e.Adjustments)
		s.Open, s.Applied = nil, false
	case Result:
		s.Pending = &e
	case Ack:
		if p := s.Pending; p != nil && p.UID == e.UID && (e.Verb == "" || p.Verb == e.Verb) {
			s.Pending = nil
		}
	}
	return s, nil
}

// checked returns an error when no sequence of entries leads to the state.
func (s State) checked() (State, error) {
	var errs []error
	settle := func(name string, e *Entry, kind Kind) *Entry {
		if e == nil {
			return nil
		}
		c, err := e.checked()
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		case c.Kind != kind:
			errs = append(errs, fmt.Errorf("%s: its kind must be %s", name, kind))
		}
		return &c
	}
	s.Open, s.Pending = settle("open", s.Open, Intent), settle("pending", s.Pending, Result)
	for _, list := range []struct {
		name  string
		items *types.Adjustments
	}{{"committed", &s.Committed}, {"baseline", &s.Baseline}} {
		e, err := Entry{Kind: Commit, Adjustments: *list.items}.checked()
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", list.name, err))
		}
		*list.items = e.Adjustments
	}
	if s.Applied && s.Open == nil {
		errs = append(errs, errors.New("applied: no intent is open"))
	}
	return s, errors.Join(errs...)
}
