package optimizertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/servokit/servokit/optimizer"
)

// Optimizer is a scripted optimizer. Make one with [New]. It is safe for
// concurrent use.
type Optimizer struct {
	mu         sync.Mutex
	changed    chan struct{} // closed and replaced whenever anything happens
	script     []optimizer.Command
	uids       bool
	given      int // commands that were numbered
	delivered  bool
	percent    int
	connected  bool
	superseded bool
	token      string
	tokens     *Tokens
	served     http.Handler // nil until it is needed
	answers    []error
	faults     []*fault
	requests   []*Request
	results    []optimizer.Result
	violations []string
	directive  optimizer.Directive
	uploads    []Upload
	legacy     bool

	// What is expected of the commands, by their number from the beginning of
	// the script, of which base are done with.
	base       int
	steps      int
	waiting    map[int]*expectation
	mismatches []string
}

var _ optimizer.Backend = (*Optimizer)(nil)

// New returns an optimizer that asks for the commands in turn. A command
// without a UID gets one: "u1", "u2" and so on; see [Optimizer.OmitUIDs].
func New(commands ...optimizer.Command) *Optimizer {
	o := &Optimizer{changed: make(chan struct{}), uids: true, waiting: make(map[int]*expectation)}
	o.Then(commands...)
	return o
}

// Then adds commands to the end of the script, also while it runs.
func (o *Optimizer) Then(commands ...optimizer.Command) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range commands {
		o.append(c)
	}
}

// append adds a command to the script; o.mu is held.
func (o *Optimizer) append(c optimizer.Command) {
	if o.given++; o.uids && c.UID == "" && c.Verb.Answer() != "" {
		c.UID = "u" + strconv.Itoa(o.given)
	}
	o.script = append(o.script, c)
	o.notify()
}

// OmitUIDs takes the UIDs from all commands, as optimizers did that knew none.
// It returns o.
func (o *Optimizer) OmitUIDs() *Optimizer {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.uids = false
	for i := range o.script {
		o.script[i].UID = ""
	}
	return o
}

// RequireToken makes HTTP requests without this token fail with status 401. It
// returns o.
func (o *Optimizer) RequireToken(token string) *Optimizer {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.token, o.served = token, nil
	return o
}

// AnswerProgress scripts the answers to the next progress reports, in turn: nil
// accepts a report, [optimizer.ErrCancelRequested],
// [optimizer.ErrUnexpectedEvent], [optimizer.ErrUnexpectedCommand] and
// [optimizer.ErrSuperseded] steer the servo, alone or wrapped with a reason.
// With ErrUnexpectedCommand the optimizer also gives the current command up and
// goes on to the next.
func (o *Optimizer) AnswerProgress(answers ...error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers = append(o.answers, answers...)
}

// Supersede answers everything from now on as if another deployment of the
// servo had taken over.
func (o *Optimizer) Supersede() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.superseded = true
}

// Start serves the optimizer on a loopback port until the test ends and returns
// its URL, which is what [optimizer.Options] want.
func (o *Optimizer) Start(tb testing.TB) string {
	tb.Helper()
	server := httptest.NewServer(o)
	tb.Cleanup(func() {
		server.CloseClientConnections() // ends requests that hang
		server.Close()
	})
	return server.URL
}

// ServeHTTP notes the request, applies a fault if one is due, and answers by
// the rules of the protocol.
func (o *Optimizer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if asset, ok := assetOf(r); ok {
		o.serveAsset(w, r, asset)
		return
	}
	record, r, err := receive(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	o.mu.Lock()
	o.add(record)
	if o.legacy {
		modernize(r, record.Body)
	} else {
		for _, p := range record.problems() {
			o.violate(p)
		}
	}
	due := o.due(record.Event)
	record.Faulty = due != nil
	if due == nil && o.tokens != nil && !o.tokens.admits(r) {
		due = unauthorized
	}
	if due == nil {
		due = o.handler()
	}
	o.mu.Unlock()
	due.ServeHTTP(w, r)
}

var unauthorized = Status(http.StatusUnauthorized, `{"detail":"the token is missing or wrong"}`)

// handler is the protocol without faults; o.mu is held.
func (o *Optimizer) handler() http.Handler {
	if o.served == nil {
		o.served = optimizer.NewHandler(o, optimizer.HandlerOptions{Token: o.token})
	}
	return o.served
}

// Hello is answered in any state.
func (o *Optimizer) Hello(ctx context.Context, hello optimizer.Hello) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.entry(ctx, optimizer.EventHello).Hello = &hello
	if o.superseded {
		return optimizer.ErrSuperseded
	}
	o.connected = true
	return nil
}

// Next returns the current command until it is answered, then the next one. A
// SLEEP is done with when it is handed out.
func (o *Optimizer) Next(ctx context.Context) (optimizer.Command, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.entry(ctx, optimizer.EventNext)
	if o.superseded {
		return optimizer.Command{}, optimizer.ErrSuperseded
	}
	if len(o.script) == 0 {
		return optimizer.Command{Verb: optimizer.Sleep, SleepFor: time.Minute, SleepReason: "done: the script is complete"}, nil
	}
	current := o.script[0]
	if current.Verb.Answer() == "" {
		o.advance()
	} else {
		o.delivered = true
	}
	return current, nil
}

// Reply takes the result of the current command and refuses any other.
func (o *Optimizer) Reply(ctx context.Context, result optimizer.Result) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.entry(ctx, result.Verb.Answer()).Result = &result
	if err := o.expect(result.Verb, result.UID); err != nil {
		return err
	}
	o.results = append(o.results, result)
	o.judge(result)
	o.advance()
	return nil
}

// Progress takes reports on the current command and answers as scripted. A
// report whose whole percent is below that of the last one is refused.
func (o *Optimizer) Progress(ctx context.Context, progress optimizer.Progress) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.entry(ctx, progress.Verb.Answer()).Progress = &progress
	if err := o.expect(progress.Verb, progress.UID); err != nil {
		return err
	}
	if e := o.waiting[o.base]; e != nil {
		e.reports++
	}
	percent := int(progress.Percent)
	if percent < o.percent {
		o.violate(fmt.Sprintf("progress of %s went back from %d to %d percent", progress.Verb, o.percent, percent))
		return fmt.Errorf("%w: progress went back from %d to %d", optimizer.ErrInvalid, o.percent, percent)
	}
	o.percent = percent
	if progress.Percent <= 0 || percent >= 100 {
		o.violate(fmt.Sprintf("progress of %v percent was sent for %s", progress.Percent, progress.Verb))
	}
	if len(o.answers) == 0 {
		return nil
	}
	answer := o.answers[0]
	o.answers = o.answers[1:]
	if errors.Is(answer, optimizer.ErrUnexpectedCommand) {
		o.advance()
	}
	return answer
}

// Goodbye is answered in any state.
func (o *Optimizer) Goodbye(ctx context.Context, reason string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.entry(ctx, optimizer.EventGoodbye).Reason = reason
	if o.superseded {
		return optimizer.ErrSuperseded
	}
	if !o.connected {
		o.violate("GOODBYE without a HELLO before it")
	}
	o.connected = false
	return nil
}

// expect checks that an answer belongs to the command that was handed out.
func (o *Optimizer) expect(verb optimizer.Verb, uid string) error {
	if o.superseded {
		return optimizer.ErrSuperseded
	}
	expected := string(optimizer.EventNext)
	if len(o.script) > 0 && o.delivered {
		expected = string(o.script[0].Verb.Answer())
	}
	if event := string(verb.Answer()); event != expected {
		reason := fmt.Sprintf("out of order event %q, expected %q", event, expected)
		o.violate(reason)
		return &optimizer.StatusError{Status: "unexpected-event", Reason: reason}
	}
	if want := o.script[0].UID; uid != want {
		o.violate(fmt.Sprintf("%s carries cmd_uid %q, expected %q", verb.Answer(), uid, want))
		return optimizer.ErrUnexpectedCommand
	}
	return nil
}

func (o *Optimizer) advance() {
	o.script = o.script[1:]
	o.base++
	o.delivered, o.percent = false, 0
	o.notify()
}

func (o *Optimizer) notify() {
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *Optimizer) violate(what string) { o.violations = append(o.violations, what) }

// Results returns the results that were accepted, in order.
func (o *Optimizer) Results() []optimizer.Result {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.results)
}

// Violations returns what broke the rules of the protocol, in order: answers
// out of order, wrong UIDs, progress that went back or was at its ends, keys
// missing from an envelope. A servo that behaves causes none, unless a test
// makes it lose an answer.
func (o *Optimizer) Violations() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.violations)
}

// WaitDone waits until every command of the script is answered and returns the
// results. When the context ends first the error says what was still open.
func (o *Optimizer) WaitDone(ctx context.Context) ([]optimizer.Result, error) {
	err := o.wait(ctx, func() bool { return len(o.script) == 0 })
	results := o.Results()
	if err != nil {
		return results, fmt.Errorf("waiting for the end of the script, open: %s: %w", o.open(), err)
	}
	return results, nil
}

// WaitRequest waits for request number n of the event, counted from 1 and from
// the beginning, and returns it. Faulty requests and progress count, too.
func (o *Optimizer) WaitRequest(ctx context.Context, event optimizer.Event, n int) (Request, error) {
	var found Request
	err := o.wait(ctx, func() bool {
		seen := 0
		for _, r := range o.requests {
			if r.Event == event {
				if seen++; seen == n {
					found = *r
					return true
				}
			}
		}
		return false
	})
	if err != nil {
		return Request{}, fmt.Errorf("waiting for %s number %d: %w", event, n, err)
	}
	return found, nil
}

func (o *Optimizer) wait(ctx context.Context, until func() bool) error {
	for {
		o.mu.Lock()
		done, changed := until(), o.changed
		o.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

func (o *Optimizer) open() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var verbs []string
	for _, c := range o.script {
		verbs = append(verbs, strings.TrimSpace(string(c.Verb)+" "+c.UID))
	}
	return strings.Join(verbs, ", ")
}
