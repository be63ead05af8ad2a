package connectortest

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"go.uber.org/goleak"

	"github.com/servokit/servokit/connector"
)

var (
	nameForm    = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	versionForm = regexp.MustCompile(`^\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$`)
)

func (e *exam) info() {
	info := e.def.Info()
	if !nameForm.MatchString(info.Name) {
		e.broken("the name %q is not in lower case with underscores", info.Name)
	}
	if info.Version != "" && !versionForm.MatchString(info.Version) {
		e.broken("the version %q is not a semantic version such as 1.2.3", info.Version)
	}
	if info.FullName == "" {
		e.broken("there is no full name")
	}
	if info.Description == "" {
		e.broken("there is no description")
	}
}

// binding builds and binds a connector and drops it.
func (e *exam) binding() {
	text, err := stanza(e.def, e.config.YAML)
	if e.brokenBy("reading the stanza of the test", err) {
		return
	}
	before := goleak.IgnoreCurrent()
	s, err := e.build(text)
	if isPanic(err) {
		e.broken("building or binding panicked: %v%s", err, trace(err))
		return
	}
	if e.brokenBy("building the connector", err) {
		return
	}
	if n := s.requests.Load(); n > 0 {
		e.broken("it sent %d HTTP requests before it was attached", n)
	}
	if err := goleak.Find(before); err != nil {
		e.broken("it started a goroutine before it was attached: %v", err)
	}
}

// life takes a connector from its beginning to its end.
func (e *exam) life() {
	s, ok := e.session()
	if !ok {
		return
	}
	if e.brokenBy("attach and startup", s.up()) {
		return
	}
	if _, err := s.describe(); e.brokenBy("describe between startup and shutdown", err) {
		return
	}
	if err := s.down(); isHanging(err) {
		e.blockedBy(err) // so something runs on, which is another promise
	} else {
		e.brokenBy("shutdown and detach", err)
	}
	e.brokenBy("a background task", s.failure())
}

func (e *exam) shutdownTwice() {
	s, ok := e.running()
	if !ok || e.blockedBy(s.stop()) {
		return
	}
	end := connector.Lifecycle{Servo: "connectortest", Reason: "shutdown"}
	if _, err := call(s, context.Background(), connector.Shutdown, end); e.blockedBy(err) {
		return
	}
	_, err := call(s, context.Background(), connector.Shutdown, end)
	e.harmless("the second shutdown", err)
}

func (e *exam) shutdownFirst() {
	for _, attached := range []bool{false, true} {
		s, ok := e.session()
		if !ok {
			return
		}
		doing := "shutdown without startup and attach"
		if attached {
			doing = "shutdown without startup"
			if _, err := call(s, context.Background(), connector.Attach, connector.Lifecycle{Servo: "connectortest"}); e.blockedBy(err) {
				return
			}
		}
		e.harmless("stopping background tasks that never ran", s.stop())
		_, err := call(s, context.Background(), connector.Shutdown, connector.Lifecycle{Servo: "connectortest", Reason: "shutdown"})
		e.harmless(doing, err)
		s.begun.Store(false)
	}
}

func (e *exam) detachFirst() {
	s, ok := e.session()
	if !ok {
		return
	}
	end := connector.Lifecycle{Servo: "connectortest", Reason: "shutdown"}
	_, err := call(s, context.Background(), connector.Detach, end)
	e.harmless("detach without attach", err)
	_, err = call(s, context.Background(), connector.Detach, end)
	e.harmless("the second detach", err)
	s.begun.Store(false)
}

// harmless is for calls that must succeed also out of turn; a panic of one that
// works in turn is about the turn.
func (e *exam) harmless(doing string, err error) {
	if err != nil {
		e.broken("%s: %v%s", doing, err, trace(err))
	}
}

// startupTwice allows a connector to refuse the second startup, and wants to see
// it in service afterwards, and gone after one shutdown.
func (e *exam) startupTwice() {
	s, ok := e.session()
	if !ok {
		return
	}
	before := goleak.IgnoreCurrent()
	if e.blockedBy(s.up()) {
		return
	}
	if _, err := s.describe(); e.blockedBy(err) {
		return
	}
	_, err := call(s, context.Background(), connector.Startup, connector.Lifecycle{Servo: "connectortest"})
	if isPanic(err) || errors.Is(err, errHangs) {
		e.broken("the second startup: %v%s", err, trace(err))
		return
	}
	if _, err := s.describe(); err != nil {
		e.broken("describe after the second startup: %v", err)
	}
	if e.blockedBy(s.down()) {
		return
	}
	s.close()
	if err := goleak.Find(before); err != nil && e.clean() {
		e.broken("after two startups one shutdown leaves something running: %v", err)
	}
}

// clean reports whether nothing is left running by a life with one startup: if
// something is, that has a promise of its own.
func (e *exam) clean() bool {
	plain := &exam{def: e.def, config: e.config}
	plain.leaks()
	if len(plain.problems) > 0 {
		e.blockedBy(fmt.Errorf("something runs on in any case: see the promise %q", "nothing runs after detach"))
	}
	return len(plain.problems) == 0
}

func (e *exam) leaks() {
	s, ok := e.session()
	if !ok {
		return
	}
	before := goleak.IgnoreCurrent() // what runs by now is for another promise
	if e.blockedBy(s.up()) {
		return
	}
	_, err := s.describe()
	if err == nil {
		_, err = s.measure(context.Background())
	}
	if s.exam.panicked.Load() || errors.Is(err, errHangs) {
		e.blockedBy(err)
		return
	}
	if err := s.down(); err != nil && isHanging(err) {
		e.broken("%v", err)
		return
	}
	s.close()
	if err := goleak.Find(before); err != nil {
		e.broken("goroutines are left behind: %v", err)
	}
}

func isHanging(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errHangs)
}
