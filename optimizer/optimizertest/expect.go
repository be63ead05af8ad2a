package optimizertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/servokit/servokit/optimizer"
)

// Step is one command of a script together with what the servo has to make of
// it. See [Optimizer.Expect].
type Step struct {
	Command optimizer.Command
	// Want is the answer that is expected, compared as it looks on the wire.
	// Its Verb and UID are those of the command. Nil expects any success.
	Want *optimizer.Result
	// Check examines the answer, in place of Want or beside it. Its error says
	// what is wrong.
	Check func(optimizer.Result) error
	// Reports is how many reports of progress there have to be at least.
	Reports int
}

// expectation is a step that waits for its answer.
type expectation struct {
	step    Step
	number  int
	reports int
}

// Expect adds commands to the end of the script, and what their answers have to
// be. [Optimizer.Verify] tells of those that were different. It returns o.
func (o *Optimizer) Expect(steps ...Step) *Optimizer {
	for _, s := range steps {
		o.mu.Lock()
		place := o.base + len(o.script)
		o.append(s.Command)
		o.steps++
		o.waiting[place] = &expectation{step: s, number: o.steps}
		o.mu.Unlock()
	}
	return o
}

// Mismatches returns how answers differed from what was expected, in order, each
// with a diff where that helps.
func (o *Optimizer) Mismatches() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.mismatches)
}

// Verify waits until every command of the script is answered, and fails the test
// for each answer that was not as expected, for each violation of the protocol,
// and for commands that are still open when ctx ends.
func (o *Optimizer) Verify(ctx context.Context, tb testing.TB) {
	tb.Helper()
	if _, err := o.WaitDone(ctx); err != nil {
		tb.Errorf("%v", err)
	}
	for _, m := range o.Mismatches() {
		tb.Errorf("%s", m)
	}
	for _, v := range o.Violations() {
		tb.Errorf("protocol: %s", v)
	}
}

// judge compares an answer with what the current command expects; o.mu is held.
func (o *Optimizer) judge(result optimizer.Result) {
	e := o.waiting[o.base]
	if e == nil {
		return
	}
	s := e.step
	miss := func(format string, args ...any) {
		o.mismatches = append(o.mismatches, fmt.Sprintf("step %d, %s: ", e.number, s.Command.Verb)+fmt.Sprintf(format, args...))
	}
	if s.Want == nil && s.Check == nil && result.Outcome != "" {
		miss("%s: %s %s", result.Outcome, result.Reason, result.Message)
	}
	if s.Want != nil {
		want := *s.Want
		want.Verb, want.UID = result.Verb, result.UID
		if diff := compare(want, result); diff != "" {
			miss("the answer differs\n%s", diff)
		}
	}
	if s.Check != nil {
		if err := s.Check(result); err != nil {
			miss("%v", err)
		}
	}
	if e.reports < s.Reports {
		miss("%d reports of progress, expected at least %d", e.reports, s.Reports)
	}
}

// compare returns how two results differ on the wire, empty when they do not.
func compare(want, got optimizer.Result) string {
	var diff lines
	if a, b := onTheWire(want), onTheWire(got); a != b {
		assert.Equal(&diff, a, b)
	}
	text := string(diff)
	if _, after, ok := strings.Cut(text, "Diff:"); ok {
		text = after
	}
	var kept []string
	for line := range strings.SplitSeq(text, "\n") {
		// Each line is set off from the left with tabs, which JSON has none of.
		line = line[strings.LastIndexByte(line, '\t')+1:]
		if strings.TrimSpace(line) != "" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// lines collects what testify has to say.
type lines string

func (l *lines) Errorf(format string, args ...any) { *l += lines(fmt.Sprintf(format, args...)) }

// onTheWire is the param of a result as it is sent, indented.
func onTheWire(r optimizer.Result) string {
	var sent struct{ Param json.RawMessage }
	c, err := optimizer.NewClient(optimizer.Options{URL: "http://optimizer.test", HTTP: &http.Client{
		Transport: Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if json.NewDecoder(r.Body).Decode(&sent) != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			_, _ = io.WriteString(w, `{"status":"ok"}`)
		})),
	}})
	if err == nil {
		err = c.Reply(context.Background(), r)
	}
	var pretty bytes.Buffer
	if err == nil {
		err = json.Indent(&pretty, sent.Param, "", "  ")
	}
	if err != nil {
		return "cannot be sent: " + err.Error()
	}
	return pretty.String()
}
