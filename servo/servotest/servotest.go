package servotest

import (
	"fmt"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/journal/journaltest"
	"github.com/servokit/servokit/types"
)

// Options say what is simulated. The zero value is a simulation of the servo
// itself, of seed 0.
type Options struct {
	// Seed decides everything that happens. The same seed gives the same trace,
	// as long as nothing else changes.
	Seed uint64
	// Connectors join the two that the simulation brings along.
	Connectors []Connector
	// Commands is how many commands the optimizer gives. Zero leaves it to the
	// seed: 6 to 20.
	Commands int
	// Calm leaves out all faults, crashes and stops.
	Calm bool
	// Limit is the virtual time within which the script of the optimizer must
	// be through. Zero means 72 hours, of which the first 4 have faults.
	Limit time.Duration
	// Journal and Optimizer, if given, put something of yours between the servo
	// and the journal on the simulated disk, or the client of the simulated
	// optimizer. They are called once per life of the servo.
	Journal   func(journal.Store) journal.Store
	Optimizer func(optimizer.Backend) optimizer.Backend

	_ struct{}
}

// Connector is one that is put into the simulation.
type Connector struct {
	// Name is its name in the servo: unique, and none of "web", "store" and
	// "servotest".
	Name string
	// New makes the connector of one life of the servo. What is to survive a
	// crash belongs to the caller, is made anew for each seed, and is changed
	// in [Life.Do]. Whatever the connector starts has to end with the contexts
	// that it is given. An error ends the life.
	New func(life *Life) (connector.Connector, error)
	// State tells what is in force, as seen from outside and without asking the
	// connector. Nil asks it for its components all the same, so that it is
	// believed whatever it says. State must not wait.
	State func() []types.Component
}

// Report is what came of one simulation.
type Report struct {
	Seed uint64
	// Hash identifies the trace.
	Hash string
	// Violations are the invariants that were broken. The simulation ends at
	// the first, so there is hardly ever more than one.
	Violations []Violation
	// Lives counts the lives of the servo, Crashes those that ended in one,
	// Excused the moments at which an adjustment was open because of a fault.
	Lives, Crashes, Excused int
	// Answers counts the results that the optimizer has accepted, Succeeded
	// those that say ok.
	Answers, Succeeded int
	// Elapsed is the virtual time it took.
	Elapsed time.Duration

	lines []line
}

// WriteTrace writes what happened, a line for each event: the virtual time, who
// did it, and what.
func (r Report) WriteTrace(to io.Writer) error {
	for _, l := range r.lines {
		if _, err := fmt.Fprintln(to, l); err != nil {
			return err
		}
	}
	return nil
}

// Violation is an invariant that was broken.
type Violation struct {
	Invariant Invariant
	// Message says what was the matter.
	Message string
	// At is when, in virtual time since the beginning, and Life in which life
	// of the servo, from 1.
	At   time.Duration
	Life int
}

// String returns all of it in a line or a few.
func (v Violation) String() string {
	return fmt.Sprintf("%s (life %d, after %s): %s", v.Invariant, v.Life, v.At, v.Message)
}

// Run simulates one seed and reports what came of it; the test does not fail
// because of that, see [Test]. It must not be called inside of a bubble of
// testing/synctest, since it makes one.
func Run(t *testing.T, o Options) Report {
	t.Helper()
	var report Report
	synctest.Test(t, func(*testing.T) { report = simulate(o) })
	return report
}

func simulate(o Options) Report {
	w := newWorld(o)
	n := 0
	for {
		n++
		through := w.live(n)
		if through || w.broken() {
			break
		}
		if w.elapsed() > w.o.Limit {
			w.violate(nil, Progresses, "the script of the optimizer is not through after %s", w.o.Limit)
			break
		}
		time.Sleep(between(w.rand("downtime", n), time.Second, 2*time.Minute))
	}
	w.await()
	w.mu.Lock()
	defer w.mu.Unlock()
	r := Report{Seed: o.Seed, Lives: n, Violations: w.violations, Elapsed: w.elapsed(), lines: w.ordered()}
	r.Answers, r.Succeeded = w.model.accepted, w.model.succeeded
	r.Crashes, r.Excused = w.crashes, w.excused
	r.Hash = hash(r.lines)
	return r
}

// await waits in virtual time for goroutines that are left, since a bubble cannot
// be left before they are gone. Those that wait for ever end the test program:
// what was found is said before.
func (w *world) await() {
	for range 24 * 31 {
		if leftover(0) == "" {
			return
		}
		time.Sleep(time.Hour)
	}
	w.tracing.Lock()
	defer w.tracing.Unlock()
	for _, v := range w.violations {
		_, _ = fmt.Fprintf(os.Stderr, "servotest: seed %d breaks %s\n", w.o.Seed, v) // there is nobody to tell if not
	}
}

func newWorld(o Options) *world {
	w := &world{
		o: o, began: time.Now(), disk: journaltest.NewDisk(o.Seed),
		token:  fmt.Sprintf("token-of-seed-%d-keep-it-secret", o.Seed),
		failed: make(chan struct{}), done: make(chan struct{}), counts: map[string]int{},
	}
	if w.o.Limit <= 0 {
		w.o.Limit = horizon
	}
	r := w.rand("world")
	w.weather = newWeather(r)
	w.interval = pick(r, time.Second, 5*time.Second, 20*time.Second, time.Minute)
	w.grace = pick(r, servo.DefaultGrace, servo.DefaultGrace, time.Minute)
	if r.IntN(4) == 0 {
		w.recovery = servo.RecoverBaseline
	}
	w.apps = newApplications(w)
	w.model = &model{w: w, rand: w.rand("model"), left: o.Commands}
	if length := 6 + r.IntN(15); o.Commands <= 0 {
		w.model.left = length
	}
	w.truth = truth{calls: map[string]int{}, kept: map[string]bool{}, sent: map[string]string{}, baseline: state{}, committed: state{}}
	for _, a := range w.apps {
		for name, value := range stateOf(a.components()) {
			w.truth.baseline[name], w.truth.committed[name] = value, value
		}
	}
	return w
}
