package servo

import (
	"context"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo/record"
)

// narrate makes everything that the servo dispatches and says to its optimizer
// a line of the decision record, if there is one.
func (s *Servo) narrate() {
	if !s.record.Enabled() {
		return
	}
	s.o.Optimizer = &narrator{next: s.o.Optimizer, record: s.record}
	s.bus.Observe(func(ctx context.Context, o event.Observation) {
		e := record.Entry{Kind: record.Dispatch, Event: o.Event, Took: o.Took}
		if o.Source != "" {
			e.Kind, e.Phase, e.Source = record.Hook, o.Preposition.String(), o.Source
		}
		if o.Err != nil {
			e.Error = o.Err.Error()
		}
		s.record.Add(ctx, e)
	})
}

// narrator is an optimizer whose conversation is recorded.
type narrator struct {
	next   Optimizer
	record *record.Log
}

func (n *narrator) note(ctx context.Context, e record.Entry, err error) {
	if err != nil {
		e.Error = err.Error()
	}
	n.record.Add(ctx, e)
}

func (n *narrator) Hello(ctx context.Context, h optimizer.Hello) error {
	err := n.next.Hello(ctx, h)
	n.note(ctx, record.Entry{Kind: record.Send, Event: string(optimizer.EventHello), In: map[string]any{"agent": h.Agent, "telemetry": h.Telemetry}}, err)
	return err
}

func (n *narrator) Next(ctx context.Context) (optimizer.Command, error) {
	cmd, err := n.next.Next(ctx)
	e := record.Entry{Kind: record.Command, Event: string(optimizer.EventNext), Verb: string(cmd.Verb), UID: cmd.UID}
	if err != nil {
		e.Kind = record.Send
	} else {
		e.In = commandFacts(cmd)
	}
	n.note(ctx, e, err)
	return cmd, err
}

func commandFacts(cmd optimizer.Command) map[string]any {
	switch cmd.Verb {
	case optimizer.Measure:
		return map[string]any{"control": cmd.Control, "metrics": cmd.Metrics}
	case optimizer.Adjust:
		return map[string]any{"control": cmd.Control, "state": cmd.Adjustments}
	case optimizer.Sleep:
		return map[string]any{"duration": cmd.SleepFor.Seconds(), "reason": cmd.SleepReason}
	default:
		return map[string]any{"control": cmd.Control}
	}
}

func (n *narrator) Reply(ctx context.Context, r optimizer.Result) error {
	err := n.next.Reply(ctx, r)
	n.note(ctx, record.Entry{Kind: record.Send, Event: string(r.Verb.Answer()), Verb: string(r.Verb), UID: r.UID, In: resultFacts(r)}, err)
	return err
}

func resultFacts(r optimizer.Result) map[string]any {
	if r.Outcome != "" {
		return map[string]any{"status": r.Outcome, "reason": r.Reason, "message": r.Message, "other_messages": r.Others}
	}
	if r.Verb == optimizer.Measure {
		return map[string]any{"status": "ok", "measurement": r.Measurement}
	}
	return map[string]any{"status": "ok", "description": r.Description}
}

func (n *narrator) Progress(ctx context.Context, p optimizer.Progress) error {
	err := n.next.Progress(ctx, p)
	n.note(ctx, record.Entry{
		Kind: record.Progress, Event: string(p.Verb.Answer()), Verb: string(p.Verb), UID: p.UID,
		In: map[string]any{"progress": p.Percent, "runtime": p.Runtime.Seconds(), "message": p.Message},
	}, err)
	return err
}

func (n *narrator) Goodbye(ctx context.Context, reason string) error {
	err := n.next.Goodbye(ctx, reason)
	n.note(ctx, record.Entry{Kind: record.Send, Event: string(optimizer.EventGoodbye), Why: reason}, err)
	return err
}

// enter notes that the servo has come into another state.
func (s *Servo) enter(ctx context.Context, to phase, why string) {
	s.mu.Lock()
	from := s.phase
	s.phase = to
	s.mu.Unlock()
	if from != to {
		s.record.Add(ctx, record.Entry{Kind: record.State, Subject: "servo", From: from.String(), To: to.String(), Why: why})
	}
}

// changed notes that something else has come into another state.
func (s *Servo) changed(ctx context.Context, subject, from, to, why string) {
	s.record.Add(ctx, record.Entry{Kind: record.State, Subject: subject, From: from, To: to, Why: why})
}

// decided notes a decision and its reason.
func (s *Servo) decided(ctx context.Context, subject, why string, err error) {
	e := record.Entry{Kind: record.Decision, Subject: subject, Why: why}
	if err != nil {
		e.Error = err.Error()
	}
	s.record.Add(ctx, e)
}

// retries returns an observer that notes each try which is repeated.
func retries(log *record.Log) func(context.Context, optimizer.Try) {
	if !log.Enabled() {
		return nil
	}
	return func(ctx context.Context, t optimizer.Try) {
		if t.Err == nil {
			return
		}
		log.Add(ctx, record.Entry{
			Kind: record.Retry, Event: string(t.Event), Try: t.Number, Status: t.StatusCode,
			Error: t.Err.Error(), Took: t.Took, Wait: t.Wait, Why: "the try failed",
		})
	}
}
