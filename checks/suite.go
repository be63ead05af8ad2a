package checks

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Entry is what a suite is made of: a [Check], the checks of [Each], or another
// [Suite].
type Entry interface {
	records(ctx context.Context, self any) iter.Seq[record]
}

// Suite is an ordered collection of checks. It does not change once it is made,
// and may be run from several goroutines at a time if its checks allow that.
// Run the same suite again rather than a new one of the same checks: it knows
// which of them were abandoned and have not returned yet, see [AbandonedError].
//
// A suite is an [Entry] as well: what several collections share is written once
// and listed first, as [Entry] of each of them. A nil suite has no checks.
type Suite struct {
	self    any
	entries []Entry
	late    stragglers[called]
}

// New returns a suite of entries, which run in the order given. Those that are
// nil are left out.
//
// The names of its checks are templates in which {self.path} is replaced by
// what path leads to from self, usually the configuration: fields by the name
// they have in Go, YAML or JSON, keys, and indices of slices and maps in
// brackets, as in "Connect to {self.hosts[0].base_url}". A doubled brace stands
// for one. A name that cannot be rendered is a failed check.
//
// With a nil self the names of checks are used as they are; a suite in a suite
// then has the self of the outer one.
func New(self any, entries ...Entry) *Suite {
	return &Suite{self: self, entries: slices.DeleteFunc(slices.Clone(entries), absent)}
}

// absent reports whether an entry is nil, or a pointer that is.
func absent(e Entry) bool {
	switch e := e.(type) {
	case nil:
		return true
	case *Suite:
		return e == nil
	case *Check:
		return e == nil
	}
	return false
}

// Request says which checks to run and what ends the run. The zero value runs
// everything until a critical check fails. [Suite.Run] with a Request is a
// handler of the event that asks connectors for their checks.
type Request struct {
	// Filter selects. The zero value selects everything.
	Filter Filter
	// HaltOn says what ends the run early.
	HaltOn HaltOn
	// Observe is called with each result as soon as its check has ended, by
	// the goroutine that runs the checks, with the context of the run. When a
	// request goes to several connectors it is called from several goroutines.
	// Like the results of [Suite.Run] those that it gets have no Connector
	// unless whoever sent the request fills it in. Nil observes nothing.
	Observe func(ctx context.Context, r Result)
}

// Run runs the checks that r asks for one after another, and returns their
// results in order. A result that ends the run is the last one.
//
// With a filter, a critical check that is not selected runs all the same when a
// selected one comes after it, because it is a prerequisite of that;
// [Filter.Exclusive] leaves it out.
//
// A failed check is no error. When ctx ends Run returns what it has and the
// cause, in an [*AbandonedError] if what was running then did not return.
func (s *Suite) Run(ctx context.Context, r Request) ([]Result, error) {
	results := []Result{}
	for result, err := range s.All(ctx, r) {
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	return results, nil
}

// All is [Suite.Run] that yields each result as it comes. The error is nil but
// for a last pair that says why ctx ended.
func (s *Suite) All(ctx context.Context, r Request) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		w := s.walk(s.records(ctx, nil), r)
		if r.Filter.constrains() {
			w.choose(r.Filter.matches)
		}
		w.run(ctx, yield)
	}
}

// records yields those of the entries, made ready one by one.
func (s *Suite) records(ctx context.Context, self any) iter.Seq[record] {
	if s == nil {
		return func(func(record) bool) {}
	}
	if s.self != nil {
		self = s.self
	}
	return func(yield func(record) bool) {
		for _, e := range s.entries {
			for r := range e.records(ctx, self) {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// walk is one run over the records of a suite.
type walk struct {
	suite     *Suite
	records   iter.Seq[record]
	observe   func(context.Context, Result)
	halt      HaltOn
	exclusive bool
	// chosen tells the selected ones of records by position; nil is all.
	chosen map[int]bool
}

func (s *Suite) walk(records iter.Seq[record], r Request) walk {
	return walk{suite: s, records: records, observe: r.Observe, halt: r.HaltOn, exclusive: r.Filter.Exclusive}
}

// choose makes all records ready, to know which of them are asked for.
func (w *walk) choose(matches func(record) bool) {
	all := slices.Collect(w.records)
	w.records = slices.Values(all)
	w.chosen = map[int]bool{}
	for i, r := range all {
		if matches(r) {
			w.chosen[i] = true
		}
	}
}

func (w *walk) run(ctx context.Context, yield func(Result, error) bool) {
	ids := map[string]string{}
	toCome := len(w.chosen)
	at := -1
	for r := range w.records {
		at++
		if ctx.Err() != nil {
			yield(Result{}, endedBy(ctx, r.listing))
			return
		}
		if other, taken := ids[r.check.ID]; taken {
			r.unready = errors.Join(r.unready, fmt.Errorf("the id %q belongs to the check %q: expected one of its own", r.check.ID, other))
		}
		ids[r.check.ID] = r.check.Name
		switch {
		case w.chosen == nil:
		case w.chosen[at]:
			toCome--
		case r.check.Severity == Critical && toCome > 0 && !w.exclusive:
		default:
			continue
		}
		result := r.run(ctx, &w.suite.late)
		if result.Err != nil && ctx.Err() != nil {
			yield(Result{}, endedBy(ctx, result.Err))
			return
		}
		if w.observe != nil {
			w.observe(ctx, result)
		}
		if !yield(result, nil) || w.halt.after(result) {
			return
		}
	}
}

// RunOne runs the check whose id is ref, or whose name is when no id is, and
// returns its result. A name is compared as it was written and as it was
// rendered. Ahead of it run its prerequisites, as with [Suite.Run], unless
// r.Filter is exclusive; r.Filter must not select anything.
//
// When a prerequisite ended the run before the check, the error is a
// [*PrerequisiteError]. It is an error too if there is no such check or several
// have that name. A check that fails is none.
func (s *Suite) RunOne(ctx context.Context, ref string, r Request) (Result, error) {
	if ref == "" {
		return Result{}, errors.New("running one check: expected an id or a name, found neither")
	}
	if r.Filter.constrains() {
		return Result{}, fmt.Errorf("running the check %q: expected a request without a selection, found one", ref)
	}
	all := slices.Collect(s.records(ctx, nil))
	if ctx.Err() != nil {
		var listing error
		for _, r := range all {
			listing = errors.Join(listing, r.listing)
		}
		return Result{}, endedBy(ctx, listing)
	}
	id, err := find(all, ref)
	if err != nil {
		return Result{}, err
	}
	w := s.walk(slices.Values(all), r)
	w.choose(func(r record) bool { return r.check.ID == id })
	var last Result
	var failure error
	w.run(ctx, func(result Result, err error) bool {
		last, failure = result, err
		return err == nil && result.ID != id
	})
	switch {
	case failure != nil:
		return Result{}, failure
	case last.ID != id:
		return Result{}, &PrerequisiteError{Check: ref, Failed: last}
	default:
		return last, nil
	}
}

// find returns the id of the check that ref means.
func find(all []record, ref string) (string, error) {
	var named, known []string
	var unlisted error
	for _, r := range all {
		if r.check.ID == ref {
			return ref, nil
		}
		if (r.check.Name == ref || r.declared == ref) && !slices.Contains(named, r.check.ID) {
			named = append(named, r.check.ID)
		}
		if r.listing != nil {
			unlisted = errors.Join(unlisted, r.listing)
		}
		known = append(known, fmt.Sprintf("%q (%s)", r.check.Name, r.check.ID))
	}
	switch {
	case len(named) == 1:
		return named[0], nil
	case len(named) > 1:
		return "", fmt.Errorf("running the check %q: several have that name: expected one of the ids %s", ref, strings.Join(named, ", "))
	}
	if len(known) > 10 {
		known = append(known[:10], fmt.Sprintf("and %d more", len(known)-10))
	}
	found := "there are no checks"
	if len(known) > 0 {
		found = "there are " + strings.Join(known, ", ")
	}
	err := fmt.Errorf("running the check %q: no check has that id or name: %s", ref, found)
	if unlisted != nil {
		err = fmt.Errorf("%w: it may be among those that are not known: %w", err, unlisted)
	}
	return "", err
}

// PrerequisiteError is why [Suite.RunOne] has not run a check: one before it
// failed. It unwraps to the error of that.
type PrerequisiteError struct {
	// Check is what was to be run, as it was asked for.
	Check string
	// Failed is the result that ended the run.
	Failed Result
}

// Error names both checks.
func (e *PrerequisiteError) Error() string {
	return fmt.Sprintf("running the check %q: it was not run because its prerequisite %q (%s) failed: %s", e.Check, e.Failed.Name, e.Failed.ID, e.Failed.Message)
}

// Unwrap returns the error of the prerequisite.
func (e *PrerequisiteError) Unwrap() error { return e.Failed.Err }
