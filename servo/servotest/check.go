package servotest

import (
	"context"
	"maps"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/servo/journal"
)

// found is what is in force now, as seen from outside. What cannot be seen is
// left out.
func (l *Life) found() state {
	s := state{}
	l.w.mu.Lock()
	for _, a := range l.w.apps {
		maps.Copy(s, stateOf(a.components()))
	}
	l.w.mu.Unlock()
	for _, c := range l.w.o.Connectors {
		if c.State != nil {
			maps.Copy(s, stateOf(c.State()))
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		results, err := connector.Components.Dispatch(ctx, l.servo.Bus(), connector.None{}, event.Only(c.Name))
		cancel()
		if err != nil {
			continue
		}
		for _, r := range results {
			maps.Copy(s, stateOf(r.Value))
		}
	}
	return s
}

// settleIn looks at the application when a life greets: restoring is over.
func (l *Life) settleIn() {
	found := l.found()
	w := l.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.dead {
		return
	}
	t := &w.truth
	// What an earlier life could not see is as it was at first.
	for name, value := range found {
		if _, ok := t.baseline[name]; !ok {
			t.baseline[name], t.committed[name] = value, value
		}
	}
	want := t.committed
	if w.recovery == servo.RecoverBaseline {
		want = t.baseline
	}
	odd := found.unlike(want)
	switch {
	case odd == "":
		t.committed = maps.Clone(want)
	case w.recovery != servo.RecoverBaseline && t.maybe != nil && found.unlike(t.maybe) == "":
		t.committed = t.maybe
	default:
		w.violate(l, SettledAtTheGreeting, "the servo greets its optimizer: %s", odd)
	}
	t.maybe = nil
}

// check holds the application against what should be in force. Where it is not
// strict, an adjustment that is open in the journal is no violation when
// something stood in the way of taking it back.
func (l *Life) check(when string, broken Invariant, strict bool) {
	found := l.found()
	w := l.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.dead || !l.greeted {
		return
	}
	odd := found.unlike(w.truth.committed)
	if odd == "" {
		return
	}
	if !strict && l.journal.Open != nil && (w.truth.hindered || len(w.o.Connectors) > 0) {
		w.excused++
		w.note("invariant", "excused: %s: %s", when, odd)
		return
	}
	w.violate(l, broken, "%s: %s", when, odd)
}

// begins notes that a command is carried out. One whose answer the journal has
// must not be.
func (l *Life) begins(ctx context.Context) {
	uid, _ := event.Command(ctx)
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if !l.dead && l.w.truth.kept[uid] {
		l.w.violate(l, KeepsAnswers, "%s is carried out again although the journal has its answer", uid)
	}
}

// ledger stands between the servo and its journal, and learns from what it is
// told when something became true.
type ledger struct {
	next journal.Store
	life *Life
}

func (j *ledger) Load(ctx context.Context) (journal.State, error) {
	state, err := j.next.Load(ctx)
	j.life.w.mu.Lock()
	defer j.life.w.mu.Unlock()
	if err == nil && !j.life.dead {
		j.life.journal = state
		j.life.w.note("journal", "has %s", state)
	}
	clear(j.life.w.truth.calls)
	if j.life.w.recovery == servo.RecoverBaseline {
		clear(j.life.w.truth.kept) // the servo drops it
	}
	return state, err
}

func (j *ledger) Append(ctx context.Context, e journal.Entry) error {
	l, w := j.life, j.life.w
	w.mu.Lock()
	t := &w.truth
	if e.Kind == journal.Intent && e.UID != "" && t.kept[e.UID] && !l.dead {
		w.violate(l, KeepsAnswers, "ADJUST %s is carried out again although the journal has its answer", e.UID)
	}
	if e.Kind == journal.Ack {
		delete(t.kept, e.UID) // from now on it may be there
	}
	var goal state
	if e.Kind == journal.Commit && !l.dead {
		if l.turn == nil || l.turn.uid != e.UID {
			w.violate(l, IntentFirst, "the journal is told to commit %s, which is not the current command", e.UID)
		} else {
			goal = t.committed.with(l.turn.adjust)
			t.maybe = goal
		}
	}
	w.mu.Unlock()
	err := j.next.Append(ctx, e)
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.dead {
		return err
	}
	w.note("journal", "%s: %v", e, err)
	next, wrong := l.journal.After(e)
	if err != nil || wrong != nil {
		t.hindered = true
		return err
	}
	l.journal = next
	l.appended++
	switch e.Kind {
	case journal.Intent:
		clear(t.calls)
		t.hindered = false
	case journal.Commit:
		t.committed, t.maybe = goal, nil
	case journal.Rollback:
		t.maybe = nil
	case journal.Result:
		if e.UID == "" {
			w.violate(l, KeepsAnswers, "an answer without a cmd_uid is in the journal: nobody can tell later what it is about")
		}
		t.kept[e.UID] = true
		delete(t.sent, e.UID) // of an earlier try of the command
	}
	return nil
}

func (j *ledger) Close() error { return j.next.Close() }
