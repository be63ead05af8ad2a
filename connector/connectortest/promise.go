package connectortest

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
)

// promise is something that connectors promise and how it is examined.
type promise struct {
	Name    string
	examine func(*exam)
}

// promises are in the order in which they are examined: the first broken one is
// where to begin mending.
var promises = []promise{
	{"the info names the connector", (*exam).info},
	{"the defaults are valid or say what is missing", (*exam).defaults},
	{"the configuration survives a round trip", (*exam).roundTrip},
	{"the schema and the sample fit", (*exam).schema},
	{"unknown keys are refused with a suggestion", (*exam).unknownKeys},
	{"wrong types are refused by name", (*exam).wrongTypes},
	{"hostile configuration is survived", (*exam).hostileConfig},
	{"errors of the configuration keep secrets", (*exam).configSecrets},
	{"building and binding do nothing yet", (*exam).binding},
	{"a life runs from attach to detach", (*exam).life},
	{"shutdown is safe twice", (*exam).shutdownTwice},
	{"shutdown is safe without startup", (*exam).shutdownFirst},
	{"detach is safe without attach", (*exam).detachFirst},
	{"a second startup is harmless", (*exam).startupTwice},
	{"nothing runs after detach", (*exam).leaks},
	{"what is restored is in force", (*exam).restored},
	{"a restore that is cancelled changes nothing", (*exam).restoreEnds},
	{"every command is answered", (*exam).commands},
	{"handlers never panic", (*exam).panics},
	{"handlers end promptly when cancelled", (*exam).cancellation},
	{"an ended context changes nothing", (*exam).ended},
	{"descriptions are valid and agree", (*exam).descriptions},
	{"asking changes nothing", (*exam).asking},
	{"an adjustment shows in the description", (*exam).adjustments},
	{"unknown components and settings change nothing", (*exam).unknownSettings},
	{"an adjustment takes effect or changes nothing", (*exam).refusals},
	{"progress never runs backwards", (*exam).progress},
	{"measurements hold what was described", (*exam).measurements},
	{"metrics of others are left alone", (*exam).foreignMetrics},
	{"secrets never show", (*exam).secrets},
	{"handlers can be used concurrently", (*exam).concurrency},
}

// exam is the examination of one promise.
type exam struct {
	def    connector.Definition
	config Config

	problems []string
	absent   string
	blocked  string
	panicked atomic.Bool // in a handler
	sessions []*session
}

func examine(p promise, d connector.Definition, c Config) Result {
	r := Result{Promise: p.Name, State: Kept}
	if reason, ok := c.Skip[p.Name]; ok {
		r.State, r.Note = Skipped, reason
		return r
	}
	e := &exam{def: d, config: c}
	p.examine(e)
	for _, s := range e.sessions {
		s.close()
	}
	switch {
	case len(e.problems) > 0:
		r.State, r.Problems = Broken, e.problems
	case e.blocked != "":
		r.State, r.Note = Blocked, e.blocked
	case e.absent != "":
		r.State, r.Note = Absent, e.absent
	}
	return r
}

// maxProblems keeps a thoroughly broken connector from filling the screen.
const maxProblems = 10

// broken notes how the promise is broken.
func (e *exam) broken(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, known := range e.problems {
		if known == text {
			return
		}
	}
	if len(e.problems) < maxProblems {
		e.problems = append(e.problems, text)
	}
}

// blockedBy notes that err, which is for another promise to complain about,
// stands in the way, and reports whether there is such an error.
func (e *exam) blockedBy(err error) bool {
	if err == nil {
		return false
	}
	if e.blocked == "" {
		e.blocked, _, _ = strings.Cut(err.Error(), "\n") // it stands in full where it is complained about
	}
	return true
}

// brokenBy notes an error as breaking the promise, unless it is a panic, which
// has a promise of its own, and reports whether there was an error.
func (e *exam) brokenBy(doing string, err error) bool {
	if isPanic(err) {
		return e.blockedBy(err)
	}
	if err != nil {
		e.broken("%s: %v", doing, err)
	}
	return err != nil
}

func isPanic(err error) bool {
	var p *event.PanicError
	return errors.As(err, &p)
}

// trace shortens a stack to what points at the mistake.
func trace(err error) string {
	var p *event.PanicError
	if !errors.As(err, &p) {
		return ""
	}
	lines := strings.Split(string(p.Stack), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "panic(") && i+3 < len(lines) {
			return " at " + strings.TrimSpace(lines[i+3])
		}
	}
	return ""
}
