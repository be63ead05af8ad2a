package servo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/record"
	"github.com/servokit/servokit/types"
)

// rollbackLimit bounds bringing the previous configuration back while the servo
// runs. It allows for rolling updates; a servo that stops takes much less.
const rollbackLimit = 15 * time.Minute

// adjust carries out an ADJUST as a transaction: everything is checked before
// anything changes; the intent is in the journal before the first change; what
// the connectors have done is read back; and the result is either committed, or
// the previous values are in force again, verified, and the error says why.
func (s *Servo) adjust(ctx, run context.Context, cmd optimizer.Command) (types.Description, error) {
	known, err := s.components(ctx)
	if err != nil {
		return types.Description{}, fmt.Errorf("looking up what can be adjusted: %w", err)
	}
	wanted, err := s.accept(ctx, known, cmd.Adjustments)
	if err != nil {
		return types.Description{}, err
	}
	if open := s.ledger.state.Open; open != nil && !covers(wanted, open.Adjustments) {
		// What is left of an earlier adjustment would stay halfway.
		if err := s.settle(ctx, run, "an adjustment follows"); err != nil {
			return types.Description{}, fmt.Errorf("nothing was adjusted: %w", err)
		}
		// What was in force halfway is not what to go back to.
		if known, err = s.components(ctx); err != nil {
			return types.Description{}, fmt.Errorf("nothing was adjusted: looking up what is in force: %w", err)
		}
	}
	intent := journal.Entry{Kind: journal.Intent, Verb: cmd.Verb, UID: cmd.UID, Adjustments: wanted, Previous: current(known, wanted)}
	if err := s.ledger.append(ctx, intent); err != nil {
		return types.Description{}, fmt.Errorf("nothing was adjusted: noting the intent in the journal: %w", err)
	}
	results, err := connector.Adjust.Dispatch(ctx, &s.bus, connector.AdjustRequest{Adjustments: wanted, Control: cmd.Control})
	if err == nil && len(results) == 0 {
		err = errors.New("no connector can adjust")
	}
	if err == nil {
		err = s.commit(ctx, run, cmd, wanted)
	}
	if err != nil {
		return types.Description{}, s.rollBack(ctx, run, err)
	}
	return types.MergeDescriptions(values(results)...), nil
}

// commit verifies that what was wanted is in force and notes it.
func (s *Servo) commit(ctx, run context.Context, cmd optimizer.Command, wanted types.Adjustments) error {
	if err := s.ledger.append(ctx, journal.Entry{Kind: journal.Applied, Verb: cmd.Verb, UID: cmd.UID}); err != nil {
		return fmt.Errorf("noting in the journal what was applied: %w", err)
	}
	ctx, done := s.aftermath(ctx, run)
	defer done()
	found, err := s.components(ctx)
	if err != nil {
		return fmt.Errorf("reading back what was adjusted: %w", err)
	}
	if odd := differing(found, wanted); len(odd) > 0 {
		return fmt.Errorf("reading back what was adjusted: %w", mismatch(found, odd))
	}
	if err := s.ledger.append(ctx, journal.Entry{Kind: journal.Commit, Verb: cmd.Verb, UID: cmd.UID, Adjustments: wanted}); err != nil {
		return fmt.Errorf("noting the adjustment in the journal: %w", err)
	}
	return nil
}

// rollBack leads back to the values before an adjustment that has failed, and
// returns the failure. If that does not succeed, the adjustment stays open and
// is settled before the application is measured.
func (s *Servo) rollBack(ctx, run context.Context, failure error) error {
	if err := s.settle(ctx, run, failure.Error()); err != nil {
		s.log.ErrorContext(ctx, "the previous configuration is not back", "error", err)
		return &unsettledError{failure: failure, way: err}
	}
	return failure
}

// unsettledError is the failure of an adjustment that could not be taken back.
// The outcome is that of the failure; what was in the way back is told as well.
type unsettledError struct{ failure, way error }

func (e *unsettledError) Error() string { return e.failure.Error() + "; " + e.way.Error() }
func (e *unsettledError) Unwrap() error { return e.failure }

// settle brings the values from before the open adjustment back into force,
// where they are not, and verifies that.
func (s *Servo) settle(ctx, run context.Context, why string) error {
	ctx, done := s.aftermath(ctx, run)
	defer done()
	open := s.ledger.state.Open
	found, err := s.components(ctx)
	if err != nil {
		return fmt.Errorf("the previous configuration cannot be verified: %w", err)
	}
	if changed := differing(found, open.Previous); len(changed) > 0 {
		if err := s.resolveDoubt(ctx, *open, why); err != nil {
			return err
		}
		s.log.InfoContext(ctx, "bringing the previous configuration back", "settings", selectors(changed))
		s.record.Add(ctx, record.Entry{Kind: record.Decision, Subject: "adjustment", Why: "back to the previous configuration: " + why, In: changed})
		if err := s.put(ctx, found, changed); err != nil {
			return fmt.Errorf("the previous configuration could not be restored: %w", err)
		}
		if found, err = s.components(ctx); err != nil {
			return fmt.Errorf("the restored configuration cannot be verified: %w", err)
		}
		if odd := differing(found, open.Previous); len(odd) > 0 {
			return fmt.Errorf("the previous configuration could not be restored: %w", mismatch(found, odd))
		}
	}
	rollback := journal.Entry{Kind: journal.Rollback, Verb: open.Verb, UID: open.UID, Adjustments: open.Previous, Why: why}
	if err := s.ledger.append(ctx, rollback); err != nil {
		return fmt.Errorf("the previous configuration is back, but the journal does not take it: %w", err)
	}
	return nil
}

// resolveDoubt makes sure that the journal calls an adjustment open before it is
// taken back. If a commit that has failed came to light again later, the next run
// would take an application for adjusted that is not, and restore half of it.
func (s *Servo) resolveDoubt(ctx context.Context, open journal.Entry, why string) error {
	if !s.ledger.inDoubt {
		return nil
	}
	again := journal.Entry{Kind: journal.Intent, Verb: open.Verb, UID: open.UID, Adjustments: open.Adjustments, Previous: open.Previous, Why: why}
	if err := s.ledger.append(ctx, again); err != nil {
		return fmt.Errorf("the adjustment is left in force, since the journal may have it and takes nothing else: %w", err)
	}
	return nil
}

// aftermath returns a context for what must be brought to its end although ctx
// may be over: a command that was cancelled must not leave an application
// halfway. It is bounded, and more tightly once the servo stops.
func (s *Servo) aftermath(ctx, run context.Context) (context.Context, func()) {
	quick := s.o.Grace / 4
	limit := rollbackLimit
	if run.Err() != nil {
		limit = quick
	}
	fresh, expire := context.WithTimeoutCause(context.WithoutCancel(ctx), limit, fmt.Errorf("it took more than %s", limit))
	fresh, cancel := context.WithCancelCause(fresh)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-fresh.Done():
			return
		case <-run.Done():
		}
		timer := time.NewTimer(quick)
		defer timer.Stop()
		select {
		case <-fresh.Done():
		case <-timer.C:
			cancel(context.Cause(run))
		}
	}()
	return fresh, func() {
		cancel(nil)
		<-watched
		expire()
	}
}

// inventory is what all connectors own, with the values in force, and who owns
// what.
type inventory struct {
	types.Description
	owners map[string][]string // the connectors that have a component, by its name
}

func (s *Servo) components(ctx context.Context) (inventory, error) {
	results, err := connector.Components.Dispatch(ctx, &s.bus, connector.None{})
	if err != nil {
		return inventory{}, err
	}
	known := inventory{owners: map[string][]string{}}
	for _, r := range results {
		known.Description = types.MergeDescriptions(known.Description, types.Description{Components: r.Value})
		for _, c := range r.Value {
			known.owners[c.Name] = append(known.owners[c.Name], r.Source)
		}
	}
	return known, nil
}

// put adjusts settings outside of a command. Only their owners are asked:
// somebody else who cannot adjust at present must not be in the way.
func (s *Servo) put(ctx context.Context, known inventory, as types.Adjustments) error {
	able := s.bus.Responds(connector.Adjust.Name())
	var owners []string
	for _, a := range as {
		for _, owner := range known.owners[a.Component] {
			if slices.Contains(able, owner) && !slices.Contains(owners, owner) {
				owners = append(owners, owner)
			}
		}
	}
	var opts []event.DispatchOption
	if len(owners) > 0 { // else whoever adjusts does it for components of others
		opts = append(opts, event.Only(owners...))
	}
	_, err := connector.Adjust.Dispatch(ctx, &s.bus, connector.AdjustRequest{Adjustments: as}, opts...)
	return err
}

func find(d inventory, a types.Adjustment) (types.Setting, bool) {
	c, ok := d.Component(a.Component)
	if !ok {
		return types.Setting{}, false
	}
	return c.Setting(a.Setting)
}

// current returns the values in force of the settings in as, without those
// that are not known.
func current(known inventory, as types.Adjustments) types.Adjustments {
	var now types.Adjustments
	for _, a := range as {
		if s, ok := find(known, a); ok && s.Value.IsSet() {
			now = append(now, types.Adjustment{Component: a.Component, Setting: a.Setting, Value: s.Value})
		}
	}
	return now
}

// differing returns those of the adjustments that are not in force. A setting
// whose connector does not tell its value cannot be verified and counts as in
// force; one that is gone does not.
func differing(found inventory, wanted types.Adjustments) types.Adjustments {
	var odd types.Adjustments
	for _, a := range wanted {
		s, ok := find(found, a)
		if ok && (!s.Value.IsSet() || same(s, s.Value, a.Value)) {
			continue
		}
		odd = append(odd, a)
	}
	return odd
}

// same reports whether a setting takes both values for one.
func same(s types.Setting, x, y types.Value) bool {
	if x.Equal(y) {
		return true
	}
	a, errA := s.Accept(x)
	b, errB := s.Accept(y)
	return errA == nil && errB == nil && a.Equal(b)
}

// mismatch says of each adjustment what is in force in its place.
func mismatch(found inventory, odd types.Adjustments) error {
	var errs []error
	for _, a := range odd {
		s, ok := find(found, a)
		if !ok {
			errs = append(errs, fmt.Errorf("%s should be %s and is gone", a.Selector(), a.Value))
			continue
		}
		errs = append(errs, fmt.Errorf("%s should be %s and is %s", a.Selector(), s.Human(a.Value), s.Human(s.Value)))
	}
	return errors.Join(errs...)
}

// covers reports whether each setting of inner is one of outer.
func covers(outer, inner types.Adjustments) bool {
	for _, a := range inner {
		found := false
		for _, b := range outer {
			found = found || a.Component == b.Component && a.Setting == b.Setting
		}
		if !found {
			return false
		}
	}
	return true
}

func selectors(as types.Adjustments) []string {
	all := make([]string, len(as))
	for i, a := range as {
		all[i] = a.Selector()
	}
	return all
}
