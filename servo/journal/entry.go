package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

// Kind says what an [Entry] records.
type Kind string

// The kinds of an [Entry].
const (
	// Intent: settings are about to be changed. It is in the journal before
	// the first of them is.
	Intent Kind = "intent"
	// Applied: the handlers have returned; what they did is not verified yet.
	Applied Kind = "applied"
	// Commit: the settings were read back and have the values wanted.
	Commit Kind = "commit"
	// Rollback: the previous values are verified to be in force again.
	Rollback Kind = "rollback"
	// Result: an answer is ready and about to be posted.
	Result Kind = "result"
	// Ack: the optimizer has taken the answer, refused it or lost interest;
	// it is not to be posted again.
	Ack Kind = "ack"
)

var kinds = []Kind{Intent, Applied, Commit, Rollback, Result, Ack}

// String returns the kind, "unknown" for any other: what was read from a damaged
// place is not shown.
func (k Kind) String() string {
	if slices.Contains(kinds, k) {
		return string(k)
	}
	return "unknown"
}

// Entry is one line of a journal. Which of the fields count depends on the kind.
type Entry struct {
	Kind Kind
	// Time is when it happened. [File.Append] takes zero as now.
	Time time.Time
	// Verb and UID are those of the command; UID is empty when the optimizer
	// gave none. A Result without them takes those of its answer.
	Verb optimizer.Verb
	UID  string
	// Adjustments are for an Intent the values wanted, for a Commit those
	// verified to be in force, for a Rollback those in force again.
	Adjustments types.Adjustments
	// Previous are the values in force before an Intent. Leave out a setting
	// whose value is not known: nothing can restore it.
	Previous types.Adjustments
	// Answer belongs to a Result. Read back from a store it has what goes on
	// the wire: samples without a number and the roles of settings are gone.
	Answer *optimizer.Result
	// Why is for people: why it was rolled back, how the answer was disposed
	// of. Put nothing confidential in it.
	Why string
}

// String returns kind, verb and UID, which are fit for a log; the values of
// settings are not.
func (e Entry) String() string {
	text := e.Kind.String()
	if e.Verb != "" {
		text += " of " + string(e.Verb)
	}
	if e.UID != "" {
		text += " " + e.UID
	}
	return text
}

// LogValue is that of [Entry.String], so that a log has no values of settings.
func (e Entry) LogValue() slog.Value { return slog.StringValue(e.String()) }

// checked returns the entry as a journal keeps it, which shares no memory with
// e, or an error with everything that is wrong with it. It quotes no values.
func (e Entry) checked() (Entry, error) {
	var errs []error
	problem := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !utf8.ValidString(e.UID) {
		problem("cmd_uid: not valid UTF-8")
	}
	if !slices.Contains(kinds, e.Kind) {
		problem("kind: accepted are intent, applied, commit, rollback, result and ack")
	}
	for _, list := range []struct {
		name  string
		items types.Adjustments
		kinds []Kind
	}{{"adjustments", e.Adjustments, []Kind{Intent, Commit, Rollback}}, {"previous", e.Previous, []Kind{Intent}}} {
		if len(list.items) > 0 && !slices.Contains(list.kinds, e.Kind) {
			problem("%s: not part of this kind", list.name)
		}
		for _, a := range list.items {
			switch {
			case !utf8.ValidString(a.Component) || !utf8.ValidString(a.Setting):
				problem("%s: the name of a setting is not valid UTF-8", list.name)
			case !a.Value.IsSet():
				problem("%s.%s: a value is required", list.name, a.Selector())
			case !utf8.ValidString(a.Value.String()):
				problem("%s.%s: the value is not valid UTF-8", list.name, a.Selector())
			}
		}
	}
	switch {
	case e.Kind != Result:
		if e.Answer != nil {
			problem("answer: not part of this kind")
		}
	case e.Answer == nil:
		problem("answer: required")
	default:
		answer := cloneAnswer(*e.Answer)
		if e.Verb == "" {
			e.Verb = answer.Verb
		}
		if e.UID == "" {
			e.UID = answer.UID
		}
		if answer.Verb != e.Verb || answer.UID != e.UID {
			problem("answer: it is of another command than the entry")
		}
		e.Answer = &answer
	}
	if err := errors.Join(errs...); err != nil {
		return Entry{}, fmt.Errorf("%s entry: %w", e.Kind, err)
	}
	e.Time = e.Time.UTC().Round(0) // without the monotonic clock, like one that was read
	e.Adjustments, e.Previous = merge(e.Adjustments), merge(e.Previous)
	return e, nil
}

// merge returns the settings of all lists, of each the last value, at the place
// of the first and with the settings of a component side by side: the order in
// which the wire form of adjustments keeps them.
func merge(lists ...types.Adjustments) types.Adjustments {
	type target struct{ component, setting string }
	at := make(map[target][2]int)
	group := make(map[string]int)
	var groups []types.Adjustments
	for _, list := range lists {
		for _, a := range list {
			if place, ok := at[target{a.Component, a.Setting}]; ok {
				groups[place[0]][place[1]] = a
				continue
			}
			g, ok := group[a.Component]
			if !ok {
				g = len(groups)
				group[a.Component] = g
				groups = append(groups, nil)
			}
			at[target{a.Component, a.Setting}] = [2]int{g, len(groups[g])}
			groups[g] = append(groups[g], a)
		}
	}
	return slices.Concat(groups...)
}
