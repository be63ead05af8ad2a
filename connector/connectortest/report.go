package connectortest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/servokit/servokit/connector"
)

// State says what became of a promise.
type State string

// The states of a [Result].
const (
	// Kept: the connector did as promised.
	Kept State = "kept"
	// Broken: it did not; the problems say how.
	Broken State = "broken"
	// Absent: there is nothing to examine, for example no setting to adjust.
	Absent State = "absent"
	// Skipped: left out by [Config.Skip], with its reason.
	Skipped State = "skipped"
	// Blocked: it could not be examined because another promise is broken.
	Blocked State = "blocked"
)

// Result is what the examination of one promise has found.
type Result struct {
	// Promise is its name, such as "shutdown is safe twice". The documentation
	// of the package explains each.
	Promise string
	State   State
	// Problems says how the promise is broken, one line each.
	Problems []string
	// Note says why a promise is absent, skipped or blocked.
	Note string
}

// String returns a line for each problem, or one for the state.
func (r Result) String() string {
	switch {
	case len(r.Problems) > 0:
		return fmt.Sprintf("broken promise: %s: %s", r.Promise, strings.Join(r.Problems, "\n\t"))
	case r.Note != "":
		return fmt.Sprintf("%s: %s: %s", r.State, r.Promise, r.Note)
	default:
		return fmt.Sprintf("%s: %s", r.State, r.Promise)
	}
}

// Run examines a connector as subtests of t, one for each promise, named after
// it:
//
//	func TestConformance(t *testing.T) {
//		connectortest.Run(t, mine.Definition, connectortest.Config{YAML: "address: localhost:9090"})
//	}
//
// Run the test with the race detector, which is what finds most of the mistakes
// in concurrent use, and not in parallel with others, whose goroutines the kit
// would take for leaks. A goroutine of the connector that panics on its own ends
// the test program; nothing can catch that.
func Run(t *testing.T, d connector.Definition, c Config) {
	t.Helper()
	c, err := c.complete()
	if err != nil {
		t.Fatalf("connectortest: %v", err)
	}
	var results []Result
	for _, p := range promises {
		t.Run(p.Name, func(t *testing.T) {
			r := examine(p, d, c)
			results = append(results, r)
			report(t, r)
		})
	}
	for _, problem := range unexplained(results) {
		t.Error(problem)
	}
}

// tester is the part of testing.TB that a result is told to.
type tester interface {
	Helper()
	Error(...any)
	Log(...any)
	Skip(...any)
}

func report(t tester, r Result) {
	t.Helper()
	switch r.State {
	case Broken:
		t.Error(r.String())
	case Skipped:
		t.Skip(r.String())
	case Kept:
	default:
		t.Log(r.String())
	}
}

// unexplained returns the promises that could not be examined although no other
// is broken: nobody may take that for a success.
func unexplained(results []Result) []string {
	var problems []string
	for _, r := range results {
		if r.State == Broken {
			return nil
		}
		if r.State == Blocked {
			problems = append(problems, r.String())
		}
	}
	return problems
}

// Verify examines a connector like [Run] and returns a result for each promise,
// in order. Use it where there can be no subtests, such as in a bubble of
// testing/synctest, or outside of a test. The error is about c.
func Verify(d connector.Definition, c Config) ([]Result, error) {
	c, err := c.complete()
	if err != nil {
		return nil, fmt.Errorf("connectortest: %w", err)
	}
	results := make([]Result, 0, len(promises))
	for _, p := range promises {
		results = append(results, examine(p, d, c))
	}
	if len(unexplained(results)) > 0 {
		for i, r := range results {
			if r.State == Blocked {
				results[i].State, results[i].Problems = Broken, []string{"it could not be examined: " + r.Note}
			}
		}
	}
	return results, nil
}
