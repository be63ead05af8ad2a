package servotest

import (
	"encoding/json"

	"github.com/servokit/servokit/types"
)

// turn is a command that the optimizer has given to a life, from its arrival to
// that of the next.
type turn struct {
	*command
	percent float64
	result  string // the body of the answer; empty while there is none
	closed  string // why nothing more may be said about the command
	ending  bool   // the optimizer has asked for an end: only a result may come
}

// says judges what the servo sends, before anything can happen to it, and
// numbers it. It is an error when the life is over.
func (l *Life) says(e *envelope) (int, error) {
	w := l.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.dead {
		return 0, ErrCrashed
	}
	w.note("servo", "says %s %s", e, e.param.Message)
	if l.over {
		w.violate(l, EndsWhole, "%s was sent after Run had returned", e)
	}
	l.requests++
	for _, key := range []string{"param", "servo_uid"} {
		if _, ok := e.keys[key]; !ok {
			w.violate(l, KeepsToProtocol, "%s has no %s", e, key)
		}
	}
	switch {
	case e.event == "GOODBYE":
		if !l.greeted {
			w.violate(l, GreetsFirst, "GOODBYE without an answered HELLO")
		}
		l.farewell = true
	case e.event != "HELLO" && !l.greeted:
		w.violate(l, GreetsFirst, "%s before HELLO was answered", e)
	case e.answer():
		l.saysOf(e)
	}
	return l.requests, nil
}

// saysOf judges progress and results.
func (l *Life) saysOf(e *envelope) {
	w, t := l.w, l.turn
	switch {
	case t == nil || t.uid != e.uid() || answers[t.verb] != e.event:
		w.violate(l, AnswersWhatWasAsked, "%s although the optimizer has asked this life for something else", e)
	case t.closed != "":
		w.violate(l, SilentAfterwards, "%s although %s", e, t.closed)
	case e.param.Progress != nil:
		l.reports(t, e)
	case t.result != "" && t.result != e.body:
		w.violate(l, AnswersOnce, "a second answer to %s %s that differs from the first:\n%s\n%s", t.verb, t.uid, t.result, e.body)
	case t.result == "":
		t.result = e.body
		if sent, ok := w.truth.sent[t.uid]; ok && w.truth.kept[t.uid] && sent != e.body {
			w.violate(l, KeepsAnswers, "another answer to %s %s than the one in the journal:\n%s\n%s", t.verb, t.uid, sent, e.body)
		}
		w.truth.sent[t.uid] = e.body
	}
}

func (l *Life) reports(t *turn, e *envelope) {
	percent := *e.param.Progress
	switch {
	case t.result != "":
		l.w.violate(l, SilentAfterwards, "%s behind the result of the command", e)
	case t.ending:
		l.w.violate(l, SilentAfterwards, "%s although the optimizer has cancelled the command", e)
	case percent <= 0 || percent >= 100:
		l.w.violate(l, ReportsProgress, "%s: the ends are not reported", e)
	case percent < t.percent:
		l.w.violate(l, ReportsProgress, "%s behind %.1f%%", e, t.percent)
	}
	t.percent = percent
}

// hears notes what the servo learns from an answer that has reached it.
func (l *Life) hears(e *envelope, answer string, given *command) {
	var reply struct{ Status, Reason string }
	_ = json.Unmarshal([]byte(answer), &reply) // it is one of the model
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	switch {
	case e.event == "HELLO":
		l.greeted = true
	case e.event == "WHATS_NEXT":
		l.turn = nil
		if given != nil {
			l.turn = &turn{command: given}
		}
	case !e.answer() || l.turn == nil || l.turn.uid != e.uid():
	case e.param.Progress == nil:
		l.turn.closed = "its answer was taken or refused: " + answer
	case reply.Status == "cancel":
		l.turn.ending = true
	case reply.Status == "unexpected-event", reply.Reason == "unexpected cmd_uid":
		l.turn.closed = "the optimizer has answered " + answer
	}
}

// looks inspects at the application when the servo tells something about it.
func (l *Life) looks(e *envelope) {
	l.w.mu.Lock()
	greeted, t := l.greeted, l.turn
	first := t != nil && t.result == "" && t.uid == e.uid()
	l.w.mu.Unlock()
	switch {
	case e.event == "HELLO" && !greeted:
		l.settleIn()
	case e.event == "ADJUSTMENT" && e.param.Progress == nil && first:
		l.check("an adjustment is answered", AdjustmentsAgree, false)
		if e.param.Status == "ok" {
			l.agrees(t, e)
		}
	}
}

// agrees holds the answer to an ADJUST against the application.
func (l *Life) agrees(t *turn, e *envelope) {
	var told types.Description
	if err := json.Unmarshal(e.param.State, &told); err != nil {
		l.w.violate(l, KeepsToProtocol, "the state in the answer to ADJUST %s: %v", t.uid, err)
		return
	}
	found := l.found()
	if odd := found.unlike(stateOf(told.Components)); odd != "" {
		l.w.violate(l, AdjustmentsAgree, "the answer to ADJUST %s does not agree with the application: %s", t.uid, odd)
	}
	if odd := found.unlike(state{}.with(t.adjust)); odd != "" {
		l.w.violate(l, AdjustmentsAgree, "ADJUST %s was answered with ok: %s", t.uid, odd)
	}
}
