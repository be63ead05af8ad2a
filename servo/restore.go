package servo

import (
	"context"
	"errors"
	"fmt"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/record"
	"github.com/servokit/servokit/types"
)

// Recovery says which state of the application a servo with a journal brings
// back before it greets its optimizer; see [Options].
type Recovery int

const (
	// RecoverCommitted brings back what was last verified: the optimizer
	// remembers what it has adjusted, and goes on where it was.
	RecoverCommitted Recovery = iota
	// RecoverBaseline brings back what was in force before the first
	// adjustment in the journal. It is for an optimizer that begins anew when
	// the servo does, which would otherwise take some trial for the original.
	RecoverBaseline
)

// restoreTries is how often a servo tries to restore an application at its start.
const restoreTries = 10

// restore brings the application into a known state, before anybody is told
// anything about it.
func (s *Servo) restore(ctx context.Context) error {
	if err := s.ledger.load(ctx); err != nil {
		return fmt.Errorf("reading the journal: %w", err)
	}
	pause := backoff{jitter: s.rand.Float64}
	for try := 1; ; try++ {
		err := s.restoreOnce(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if try == restoreTries {
			return fmt.Errorf("restoring what an earlier run has left: giving up after %d tries: %w", try, err)
		}
		wait := pause.next()
		s.log.WarnContext(ctx, "what an earlier run has left cannot be restored yet", "try", try, "pause", wait, "error", err)
		s.record.Add(ctx, record.Entry{Kind: record.Decision, Subject: "restore", Why: "to be tried again", Error: err.Error(), Try: try, Wait: wait})
		if !sleep(ctx, wait) {
			return context.Cause(ctx)
		}
	}
}

func (s *Servo) restoreOnce(ctx context.Context) error {
	if err := errors.Join(s.takeHint(ctx), s.intendBaseline(ctx)); err != nil {
		return err
	}
	target := s.ledger.state.Committed
	var interrupted types.Adjustments
	if open := s.ledger.state.Open; open != nil {
		interrupted = open.Adjustments
		target = overlay(target, open.Previous)
	}
	if s.o.Recovery == RecoverBaseline {
		target = overlay(target, s.ledger.state.Baseline)
	}
	if len(target) == 0 && len(interrupted) == 0 {
		return nil
	}
	found, err := s.components(ctx)
	if err != nil {
		return fmt.Errorf("looking at the application: %w", err)
	}
	target, gone := owned(found, target)
	for _, a := range gone {
		s.log.WarnContext(ctx, "a setting in the journal belongs to no connector any more", "setting", a.Selector())
		s.record.Add(ctx, record.Entry{Kind: record.Decision, Subject: "restore", Why: a.Selector() + " is left alone: it belongs to no connector any more"})
	}
	s.log.InfoContext(ctx, "restoring what an earlier run has left", "settings", selectors(target), "interrupted", selectors(interrupted))
	request := connector.RestoreRequest{Adjustments: target, Interrupted: interrupted}
	if _, err := connector.Restore.Dispatch(ctx, &s.bus, request); err != nil {
		return err
	}
	if err := s.putBack(ctx, target, interrupted); err != nil {
		return err
	}
	return s.restored(ctx, target)
}

// putBack adjusts what is not in force after the connectors have restored what
// they can: settings that an adjustment was changing, and all of them when the
// baseline is wanted. Others have been changed by somebody else meanwhile, who
// will have had a reason.
func (s *Servo) putBack(ctx context.Context, target, interrupted types.Adjustments) error {
	found, err := s.components(ctx)
	if err != nil {
		return fmt.Errorf("looking at the application: %w", err)
	}
	ours := target
	if s.o.Recovery != RecoverBaseline {
		ours = shared(target, interrupted)
	}
	if wrong := differing(found, ours); len(wrong) > 0 {
		s.record.Add(ctx, record.Entry{Kind: record.Decision, Subject: "restore", Why: "adjusting what no connector has restored", In: wrong})
		if err := s.put(ctx, found, wrong); err != nil {
			return err
		}
		if found, err = s.components(ctx); err != nil {
			return fmt.Errorf("looking at the application: %w", err)
		}
		if wrong = differing(found, ours); len(wrong) > 0 {
			return fmt.Errorf("restored settings do not have their values: %w", mismatch(found, wrong))
		}
	}
	if drifted := differing(found, target); len(drifted) > 0 {
		err := mismatch(found, drifted)
		s.log.WarnContext(ctx, "settings were changed while the servo was away and are left as they are", "error", err)
		s.record.Add(ctx, record.Entry{Kind: record.Decision, Subject: "restore", Why: "changed while the servo was away, and left as it is", Error: err.Error()})
	}
	return nil
}

// takeHint looks at the adjustment that a lost journal may have had open. When
// the application has neither all of what was wanted nor all of what was before,
// it was cut short, and is opened again to be taken back.
func (s *Servo) takeHint(ctx context.Context) error {
	hint := s.ledger.hint
	if hint == nil {
		return nil
	}
	found, err := s.components(ctx)
	if err != nil {
		return fmt.Errorf("looking at the application: %w", err)
	}
	if len(differing(found, hint.Adjustments)) > 0 && len(differing(found, hint.Previous)) > 0 {
		s.decided(ctx, "restore", "the journal was lost, and an adjustment seems to have been cut short: it is taken back", nil)
		if err := s.ledger.append(ctx, *hint); err != nil {
			return fmt.Errorf("noting in the journal what is taken back: %w", err)
		}
	}
	s.ledger.hint = nil
	return nil
}

// intendBaseline turns the wish for the baseline into an open adjustment, so
// that being killed in the middle of it is like being killed in any other.
func (s *Servo) intendBaseline(ctx context.Context) error {
	state := s.ledger.state
	if s.o.Recovery != RecoverBaseline {
		return nil
	}
	var errs []error
	if p := state.Pending; p != nil {
		errs = append(errs, s.ledger.append(ctx, journal.Entry{
			Kind: journal.Ack, Verb: p.Verb, UID: p.UID, Why: "dropped: the baseline is restored",
		}))
	}
	if state.Open == nil && !sameValues(state.Committed, state.Baseline) {
		errs = append(errs, s.ledger.append(ctx, journal.Entry{
			Kind: journal.Intent, Verb: optimizer.Adjust, Adjustments: state.Baseline, Previous: state.Committed, Why: "the baseline is restored",
		}))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("noting in the journal that the baseline is restored: %w", err)
	}
	return nil
}

// restored notes in the journal that the application is in a known state.
func (s *Servo) restored(ctx context.Context, target types.Adjustments) error {
	open := s.ledger.state.Open
	if open == nil {
		return nil
	}
	err := s.ledger.append(ctx, journal.Entry{
		Kind: journal.Rollback, Verb: open.Verb, UID: open.UID, Adjustments: target, Why: "restored at the start",
	})
	if err != nil {
		return fmt.Errorf("noting in the journal what was restored: %w", err)
	}
	return nil
}

// overlay returns the settings of both lists, with the values of over where
// both have one.
func overlay(under, over types.Adjustments) types.Adjustments {
	var all types.Adjustments
	for _, a := range under {
		if !covers(over, types.Adjustments{a}) {
			all = append(all, a)
		}
	}
	return append(all, over...)
}

// shared returns the settings of as that others has as well.
func shared(as, others types.Adjustments) types.Adjustments {
	var both types.Adjustments
	for _, a := range as {
		if covers(others, types.Adjustments{a}) {
			both = append(both, a)
		}
	}
	return both
}

// owned splits as into the settings that some connector has and the others.
func owned(found inventory, as types.Adjustments) (ours, gone types.Adjustments) {
	for _, a := range as {
		if _, ok := find(found, a); ok {
			ours = append(ours, a)
		} else {
			gone = append(gone, a)
		}
	}
	return ours, gone
}

// sameValues reports whether each setting of as has the same value in others.
func sameValues(as, others types.Adjustments) bool {
	for _, a := range as {
		agrees := false
		for _, b := range others {
			agrees = agrees || a.Component == b.Component && a.Setting == b.Setting && a.Value.Equal(b.Value)
		}
		if !agrees {
			return false
		}
	}
	return true
}
