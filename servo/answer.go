package servo

import (
	"context"
	"errors"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/types"
)

// remember notes an answer that took work in the journal before it is given, so
// that it can still be given after a crash. Without that the worst is that the
// work is done again, so a journal that fails is no reason to withhold it.
func (s *Servo) remember(ctx context.Context, result optimizer.Result) {
	if s.ledger.store == nil || result.UID == "" || result.Outcome == types.Cancelled ||
		result.Verb != optimizer.Measure && result.Verb != optimizer.Adjust {
		return
	}
	err := s.ledger.append(ctx, journal.Entry{Kind: journal.Result, Verb: result.Verb, UID: result.UID, Answer: &result})
	if err != nil {
		s.log.WarnContext(ctx, "the journal does not take the answer, which a crash would lose now", "verb", result.Verb, "error", err)
	}
}

// pending returns the answer to a command that is there already: it was computed
// before, and never taken. An answer to another command than the one that the
// optimizer asks for now is dropped, because nobody waits for it any more.
func (s *Servo) pending(ctx context.Context, cmd optimizer.Command) (optimizer.Result, bool) {
	p := s.ledger.state.Pending
	if p == nil {
		return optimizer.Result{}, false
	}
	if p.Verb == cmd.Verb && p.UID == cmd.UID && p.UID != "" {
		s.log.InfoContext(ctx, "delivering the answer that is there already", "verb", cmd.Verb)
		s.decided(ctx, "answer", "the command was carried out before and its answer never taken: it is delivered now", nil)
		return *p.Answer, true
	}
	s.log.WarnContext(ctx, "an answer that was never delivered is dropped", "verb", p.Verb, "cmd_uid", p.UID)
	s.decided(ctx, "answer", "an answer to "+string(p.Verb)+" "+p.UID+" is dropped: the optimizer asks for something else", nil)
	s.acknowledge(ctx, p.Verb, p.UID, "dropped: the optimizer asks for something else")
	return optimizer.Result{}, false
}

// deliver answers a command and notes what became of the answer. A refusal is
// the end of it: the answer has been given, so the command is over either way.
func (s *Servo) deliver(ctx context.Context, result optimizer.Result) error {
	err := s.reply(ctx, result)
	switch {
	case err == nil:
		s.acknowledge(ctx, result.Verb, result.UID, "taken")
	case errors.Is(err, optimizer.ErrInvalid), errors.Is(err, optimizer.ErrUnexpectedCommand):
		s.log.WarnContext(ctx, "the optimizer refused the result", "verb", result.Verb, "error", err)
		s.acknowledge(ctx, result.Verb, result.UID, "refused")
		return nil
	case errors.Is(err, optimizer.ErrUnexpectedEvent):
		s.acknowledge(ctx, result.Verb, result.UID, "refused: out of step")
	}
	return err
}

func (s *Servo) acknowledge(ctx context.Context, verb optimizer.Verb, uid, why string) {
	if p := s.ledger.state.Pending; p == nil || p.Verb != verb || p.UID != uid {
		return
	}
	if err := s.ledger.append(ctx, journal.Entry{Kind: journal.Ack, Verb: verb, UID: uid, Why: why}); err != nil {
		s.log.WarnContext(ctx, "the journal does not take that the answer was delivered", "verb", verb, "error", err)
	}
}
