package checks

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/crypto/blake2b"
)

// Severity says what a failing check means for the rest.
type Severity int

// The severities, mildest first. The zero value is Common.
const (
	// Warning is advice: it is reported and never counts as a failure.
	Warning Severity = iota - 1
	// Common fails by itself without affecting other checks.
	Common
	// Critical makes later checks meaningless when it fails.
	Critical
)

// String returns "warning", "common" or "critical".
func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Critical:
		return "critical"
	default:
		return "common"
	}
}

// MarshalText writes the word of [Severity.String].
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word of [Severity.String]; anything else is an error.
func (s *Severity) UnmarshalText(text []byte) error {
	for _, known := range []Severity{Warning, Common, Critical} {
		if string(text) == known.String() {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("unknown severity %q: accepted are warning, common and critical", text)
}

// Check verifies one thing.
type Check struct {
	// Name is for people.
	Name string
	// ID is for programs. Empty means [ID] of the name.
	ID string
	// Description says more about what is verified. It may be empty.
	Description string
	Severity    Severity
	Tags        []string
	// Run verifies. A nil error is a pass; return an [Error] to add advice.
	// It is called from one goroutine at a time and must return soon after
	// ctx ends. A panic is a failed check.
	Run func(ctx context.Context) error
}

// Error is a failed check with advice for the operator.
type Error struct {
	// Message says what was expected and what was found.
	Message string
	// Hint says what to do next.
	Hint string
	// Err is the cause, if there is one.
	Err error
}

// Error returns the message and the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	if e.Message == "" {
		return e.Err.Error()
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Result is what came of a check.
type Result struct {
	Name     string
	ID       string
	Severity Severity
	Tags     []string
	// Err is nil when the check succeeded.
	Err error
	// Hint says what to do next about Err. It may be empty.
	Hint string
	// RunAt and Runtime say when and for how long the check ran.
	RunAt   time.Time
	Runtime time.Duration
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

// Run runs the checks one after another and returns their results in order. It
// stops after a critical check that failed; that check's result is the last.
// When ctx ends Run returns what it has and the cause.
func Run(ctx context.Context, checks ...Check) ([]Result, error) {
	results := make([]Result, 0, len(checks))
	for _, c := range checks {
		if ctx.Err() != nil {
			return results, context.Cause(ctx)
		}
		r := run(ctx, c)
		if r.Err != nil && ctx.Err() != nil {
			return results, context.Cause(ctx)
		}
		results = append(results, r)
		if r.Failed() && c.Severity == Critical {
			break
		}
	}
	return results, nil
}

func run(ctx context.Context, c Check) (r Result) {
	r = Result{Name: c.Name, ID: c.ID, Severity: c.Severity, Tags: c.Tags, RunAt: time.Now()}
	if r.ID == "" {
		r.ID = ID(c.Name)
	}
	defer func() {
		if v := recover(); v != nil {
			r.Err = fmt.Errorf("check panicked: %v\n%s", v, debug.Stack())
		}
		var advice *Error
		if errors.As(r.Err, &advice) {
			r.Hint = advice.Hint
		}
		r.Runtime = time.Since(r.RunAt)
	}()
	if c.Run == nil {
		r.Err = errors.New("the check has nothing to run")
		return r
	}
	r.Err = c.Run(ctx)
	return r
}
