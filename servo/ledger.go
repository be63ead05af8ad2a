package servo

import (
	"context"
	"errors"
	"time"

	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/record"
)

// journalLimit bounds writing one entry. A file takes milliseconds; a store that
// lies across a network must not hold a servo up for longer.
const journalLimit = 10 * time.Second

// ledger is what a servo knows of its own unfinished business: in memory always,
// and in the store if there is one. One goroutine uses it at a time.
type ledger struct {
	store  journal.Store // may be nil
	record *record.Log
	state  journal.State
	lost   bool           // what an earlier run had written is gone
	hint   *journal.Entry // the adjustment that may have been open then
	// inDoubt: the store has failed to take a commit, which may be there all the
	// same when it is read again. Whatever it takes next stands in its place.
	inDoubt bool
}

// journalReporter is a store that can tell what was wrong with what it has loaded.
type journalReporter interface{ Report() journal.Report }

// load reads what an earlier run has left.
func (l *ledger) load(ctx context.Context) error {
	if l.store == nil {
		return nil
	}
	state, err := l.store.Load(ctx)
	if err != nil {
		return err
	}
	l.state = state
	if r, ok := l.store.(journalReporter); ok && r.Report().Lost() {
		report := r.Report()
		l.lost = true
		if report.Untrusted != nil {
			l.hint = report.Untrusted.Open
		}
		l.record.Add(ctx, record.Entry{Kind: record.Decision, Subject: "journal", Why: "lost: " + report.String()})
	}
	l.record.Add(ctx, record.Entry{Kind: record.Journal, Subject: "journal", Why: "found at the start", Out: state})
	return nil
}

// append adds an entry, durably when it returns nil. The end of ctx does not
// interrupt it: half of what a servo does must not go unrecorded because
// somebody has cancelled it.
func (l *ledger) append(ctx context.Context, e journal.Entry) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalLimit)
	defer cancel()
	e.Time = time.Now()
	next, err := l.state.After(e)
	if err == nil && l.store != nil {
		err = l.store.Append(ctx, e)
		l.inDoubt = err != nil && (l.inDoubt || e.Kind == journal.Commit && errors.Is(err, journal.ErrInDoubt))
	}
	line := record.Entry{Kind: record.Journal, Subject: string(e.Kind), Verb: string(e.Verb), UID: e.UID, Why: e.Why}
	if l.record.Enabled() {
		line.In = e
	}
	if err != nil {
		line.Error = err.Error()
	} else {
		l.state = next
	}
	l.record.Add(ctx, line)
	return err
}
