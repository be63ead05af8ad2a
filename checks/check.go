package checks

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/blake2b"

	"github.com/servokit/servokit/types"
)

// Check verifies one thing. It is a value: give it to a [Suite], to [Run] or to
// the host of a connector. One that cannot be run, because it has no name, a
// bad tag or nothing to run, fails when its turn comes and says why.
type Check struct {
	// Name is for people. In a [Suite] with a self it is a template, see [New].
	Name string
	// ID is for programs. Empty means [ID] of the name as it is written here,
	// so it stays the same whatever a template renders to.
	ID string
	// Description says more about what is verified. It may be empty.
	Description string
	// Severity says what a failure means. The zero value is [Common].
	Severity Severity
	// Tags are for selecting: 1 to 32 of the characters 0-9, a-z, dot and
	// hyphen each. Blanks around a tag are dropped.
	Tags []string

	// Run verifies. A nil error is a pass; return an [Error] to add advice.
	// It is called from one goroutine at a time, in one of its own, and must
	// return soon after ctx ends: a second later it is abandoned, see
	// [AbandonedError], and until it has returned after all the check fails in
	// further runs of its suite without being called. A panic is a failed
	// check.
	Run func(ctx context.Context) error
	// Report is a Run that has something to say when it passes as well, such
	// as the version it found. A check has one of the two.
	Report func(ctx context.Context) (message string, err error)
	// Timeout bounds a run of the check: its context ends then, and it fails
	// unless it succeeds all the same. Zero sets no bound.
	Timeout time.Duration

	// Hint is what to do next about a failure whose error has no advice of
	// its own.
	Hint string
	// Remedy repairs what the check found broken, when its error has no
	// remedy of its own; see [Error.Remedy].
	Remedy func(ctx context.Context) error
}

// Require returns a critical check: when it fails, those behind it are not run.
func Require(name string, run func(ctx context.Context) error) Check {
	return Check{Name: name, Severity: Critical, Run: run}
}

// Warn returns a check whose failure is advice and does not stand in the way.
func Warn(name string, run func(ctx context.Context) error) Check {
	return Check{Name: name, Severity: Warning, Run: run}
}

// Error is a failed check with advice for the operator. A check returns it
// from Run; it is found with [errors.As] also when it is wrapped.
type Error struct {
	// Message says what was expected and what was found.
	Message string
	// Hint says what to do next.
	Hint string
	// Remedy repairs the cause. [Loop] calls it after a pass in which the
	// check failed, each time again, with a context that ends after 10 s. It
	// must return soon after that: a second later it is abandoned, and not
	// called again before it has returned after all.
	Remedy func(ctx context.Context) error
	// Err is the cause, if there is one.
	Err error
}

// Error returns the message and the cause. That of a nil pointer says what it
// is: a check that returns one has failed.
func (e *Error) Error() string {
	if e == nil {
		return "a nil *checks.Error in the place of an error: expected a plain nil for a success, or an error with a value"
	}
	if e.Err == nil {
		return e.Message
	}
	if e.Message == "" {
		return e.Err.Error()
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// Result is what came of a check.
type Result struct {
	// Connector is the name of the connector, or of the servo, that the check
	// belongs to. Whoever puts results of several together fills it in.
	Connector string
	// Name is the name of the check, rendered if it was a template.
	Name        string
	ID          string
	Description string
	Severity    Severity
	// Tags are sorted, each of them once.
	Tags []string
	// Message is what the check reported, or the text of Err.
	Message string
	// Err is nil when the check succeeded.
	Err error
	// Hint says what to do next about Err. It may be empty.
	Hint string
	// Remedy tries to repair what Err is about. It may be nil.
	Remedy func(ctx context.Context) error
	// CreatedAt is when the check was made ready to run, for the checks of
	// [Each] when its items were listed. RunAt and Runtime say when and for how
	// long the check ran.
	CreatedAt time.Time
	RunAt     time.Time
	Runtime   time.Duration
}

// Success reports whether what was verified holds.
func (r Result) Success() bool { return r.Err == nil }

// Failed reports whether the check stands in the way: it did not succeed and
// is more than a warning.
func (r Result) Failed() bool { return r.Err != nil && r.Severity != Warning }

// ID derives the id of a check from its name: the lowercase hex of the BLAKE2b
// hash of the name with a digest of 4 bytes.
func ID(name string) string {
	h, err := blake2b.New(4, nil)
	if err != nil {
		return "" // only for digest sizes out of range
	}
	_, _ = h.Write([]byte(name)) // a hash never fails to write
	return hex.EncodeToString(h.Sum(nil))
}

// Run runs checks one after another and returns their results in order: what
// [Suite.Run] does for a suite without a self and a request that asks for
// nothing special. Use it for a few checks on the spot.
func Run(ctx context.Context, entries ...Entry) ([]Result, error) {
	return New(nil, entries...).Run(ctx, Request{})
}

// record is a check that is ready to run.
type record struct {
	check    Check
	declared string // the name before it was rendered
	unready  error  // why the check fails without being run
	listing  error  // why the items it stands for could not be listed
	created  time.Time
}

// records makes c ready; it is one record.
func (c Check) records(_ context.Context, self any) iter.Seq[record] {
	return func(yield func(record) bool) {
		r := newRecord(c, c.ID)
		if self != nil {
			r.render(values{"self": self})
		}
		yield(r)
	}
}

// newRecord makes a record of c with its own copies of what is normalised.
func newRecord(c Check, id string) record {
	r := record{check: c, declared: c.Name, created: time.Now()}
	r.check.ID = id
	if id == "" {
		r.check.ID = ID(c.Name)
	}
	var errs []error
	if c.Name == "" {
		errs = append(errs, errors.New("the check has no name"))
	}
	r.check.Tags = make([]string, len(c.Tags))
	for i, tag := range c.Tags {
		r.check.Tags[i] = strings.TrimSpace(tag)
		if err := checkTag(r.check.Tags[i]); err != nil {
			errs = append(errs, err)
		}
	}
	slices.Sort(r.check.Tags)
	r.check.Tags = slices.Compact(r.check.Tags)
	switch {
	case c.Run == nil && c.Report == nil:
		errs = append(errs, errors.New("the check has nothing to run"))
	case c.Run != nil && c.Report != nil:
		errs = append(errs, errors.New("the check has both Run and Report: give it one of them"))
	}
	if c.Timeout < 0 {
		errs = append(errs, fmt.Errorf("timeout: expected a time that is not negative, found %s", types.Duration(c.Timeout)))
	}
	r.unready = errors.Join(errs...)
	return r
}

var tagPattern = regexp.MustCompile(`^[0-9a-z.-]{1,32}$`)

func checkTag(tag string) error {
	if tagPattern.MatchString(tag) {
		return nil
	}
	if utf8.RuneCountInString(tag) > 64 {
		tag = string([]rune(tag)[:64]) + "…"
	}
	return fmt.Errorf("tag %q: expected 1 to 32 of the characters 0-9, a-z, dot and hyphen", tag)
}

// render replaces the template in the name.
func (r *record) render(v values) {
	name, err := v.render(r.declared)
	if err != nil {
		r.unready = errors.Join(r.unready, err)
		return
	}
	r.check.Name = name
}

// called tells the calls of a suite apart. The items that an index stands for
// may be others in the next run, hence the name.
type called struct{ id, name string }

func (r *record) run(ctx context.Context, late *stragglers[called]) (result Result) {
	c := r.check
	result = Result{
		Name: c.Name, ID: c.ID, Description: c.Description, Severity: c.Severity, Tags: c.Tags,
		CreatedAt: r.created, RunAt: time.Now(),
	}
	k := called{c.ID, c.Name}
	what := func() string { return fmt.Sprintf("check %q (id %s)", c.Name, c.ID) }
	switch {
	case r.unready != nil:
		result.Err = r.unready
	case r.listing != nil:
		result.Err = r.listing
	case late.busy(k):
		result.Err = &busyError{what()}
	default:
		call := c.Report
		if call == nil {
			call = func(ctx context.Context) (string, error) { return "", c.Run(ctx) }
		}
		result.Message, result.Err = within(ctx, c.Timeout, what, call)
		late.note(k, result.Err)
	}
	result.Runtime = time.Since(result.RunAt)
	if result.Err != nil {
		result.explain(c)
	}
	return result
}

// explain fills in what a failure of c says.
func (r *Result) explain(c Check) {
	r.Message = r.Err.Error()
	if r.Message == "" {
		r.Message = fmt.Sprintf("an error of type %T without a text", r.Err)
	}
	r.Hint, r.Remedy = c.Hint, c.Remedy
	var advice *Error
	if !errors.As(r.Err, &advice) || advice == nil {
		return
	}
	if advice.Hint != "" {
		r.Hint = advice.Hint
	}
	if advice.Remedy != nil {
		r.Remedy = advice.Remedy
	}
}

// panicError is a panic in a check or a remedy. Its stack is for the log.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panicked: %v", e.value) }

func (e *panicError) Unwrap() error {
	err, _ := e.value.(error)
	return err
}

func (e *panicError) LogValue() slog.Value {
	return slog.GroupValue(slog.String("message", e.Error()), slog.String("stack", string(e.stack)))
}
