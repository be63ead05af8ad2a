package servo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

// The files conformance_*_test.go hold one case for each line that the protocol
// has for a servo: a whole servo, the client, and an optimizer on a loopback
// port. A case is named by the section and the row of the protocol that it
// stands for. Where a rule is about a long time, the case over loopback sees
// that nothing is said and that stopping is prompt, and its twin, which is
// marked so, measures the time in a bubble.

// row is one case.
type row struct {
	name string
	test func(r *rig)
}

// conform runs the rows of a section side by side. Most of what they do is to
// wait, so they are not bound to the number of processors as parallel tests are.
func conform(t *testing.T, section string, rows []row) {
	t.Helper()
	var all sync.WaitGroup
	turns := make(chan struct{}, 12)
	seen := map[string]bool{}
	for _, c := range rows {
		assert.False(t, seen[c.name], "two rows are called %q", c.name)
		seen[c.name] = true
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			t.Run(section+": "+c.name, func(t *testing.T) { c.test(newRig(t)) })
		})
	}
	all.Wait()
	t.Logf("%d rows", len(rows))
}

// patience is how long a case waits for what has to come.
const patience = 20 * time.Second

// calm is a source of randomness that always picks the shortest pause.
type calm struct{}

func (calm) Uint64() uint64 { return 0 }

// rig is a servo with one connector, called "a", a client, and an optimizer that
// notes what it receives. A case completes them before it calls start.
type rig struct {
	*testing.T
	opt     *optimizertest.Optimizer
	a       *app
	more    map[string]connector.Connector
	client  optimizer.Options
	options servo.Options
	log     *lockedBuffer
	release chan struct{} // lets a handler of busy go on
	causes  chan error    // why a handler of busy has ended

	s    *servo.Servo
	stop context.CancelCauseFunc
	done chan error
}

func newRig(t *testing.T) *rig {
	log := new(lockedBuffer)
	r := &rig{
		T: t, opt: optimizertest.New(), a: newApp("a", nil), more: map[string]connector.Connector{}, log: log,
		release: make(chan struct{}), causes: make(chan error, 10), done: make(chan error, 1),
	}
	r.client = optimizer.Options{Token: "t0k3n", Retry: optimizer.Retry{MaxWait: time.Millisecond, MaxTries: 3}}
	r.options = servo.Options{
		Name: "test", Grace: 4 * time.Second, ProgressInterval: 5 * time.Millisecond, Rand: calm{},
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	r.client.Logger = r.options.Logger
	return r
}

// build makes the servo, over loopback unless the case has given it a way to
// the optimizer already.
func (r *rig) build() *servo.Servo {
	r.Helper()
	if r.client.URL == "" {
		r.client.URL = r.opt.Start(r.T)
	}
	client, err := optimizer.NewClient(r.client)
	require.NoError(r, err)
	r.options.Optimizer = client
	r.s, err = servo.New(r.options)
	require.NoError(r, err)
	if r.a != nil {
		require.NoError(r, r.s.Use("a", r.a))
	}
	for name, c := range r.more {
		require.NoError(r, r.s.Use(name, c))
	}
	return r.s
}

// inMemory lets the servo speak to the optimizer without a socket, for cases in
// a bubble of their own time.
func (r *rig) inMemory() {
	r.client.URL = "http://optimizer.test"
	r.client.HTTP = &http.Client{Transport: optimizertest.Transport(r.opt)}
}

// start lets the servo run until the case ends.
func (r *rig) start(script ...optimizer.Command) {
	r.Helper()
	r.opt.Then(script...)
	if r.s == nil {
		r.build()
	}
	ctx, stop := context.WithCancelCause(context.WithoutCancel(r.Context()))
	r.stop = stop
	over := make(chan struct{})
	go func() {
		defer close(over)
		r.done <- r.s.Run(ctx)
	}()
	r.Cleanup(func() { stop(nil); <-over })
}

// end stops the servo, which has to be prompt, and returns what Run did.
func (r *rig) end() error {
	r.Helper()
	r.stop(nil)
	return r.ended()
}

// ended waits until Run returns by itself.
func (r *rig) ended() error {
	r.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(patience):
		require.FailNow(r, "the servo does not end")
		return nil
	}
}

// message is what the optimizer received.
type message struct {
	event optimizer.Event
	body  string
	param map[string]any
}

func (m message) progress() bool { _, ok := m.param["progress"]; return ok }

func messageOf(t *testing.T, request optimizertest.Request) message {
	t.Helper()
	m := message{event: request.Event, body: string(request.Body)}
	var envelope struct{ Param map[string]any } // what is about diagnostics has none
	require.NoError(t, json.Unmarshal(request.Body, &envelope), m.body)
	m.param = envelope.Param
	return m
}

// await waits for request number n of an event.
func (r *rig) await(event optimizer.Event, n int) message {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := r.opt.WaitRequest(ctx, event, n)
	require.NoError(r, err, "the log: %s", r.log)
	return messageOf(r.T, request)
}

// results waits until the script is done with, and returns the answers as they
// were sent.
func (r *rig) results() []message {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := r.opt.WaitDone(ctx)
	require.NoError(r, err, "the log: %s", r.log)
	return r.answers()
}

// result is the one answer to a script of one command.
func (r *rig) result() message {
	r.Helper()
	all := r.results()
	require.Len(r, all, 1)
	return all[0]
}

// answers are the results that were received so far.
func (r *rig) answers() []message {
	var found []message
	for _, m := range r.received() {
		if _, ok := m.param["status"]; ok {
			found = append(found, m)
		}
	}
	return found
}

// reports are the reports of progress that were received so far.
func (r *rig) reports() []message {
	var found []message
	for _, m := range r.received() {
		if m.progress() {
			found = append(found, m)
		}
	}
	return found
}

func (r *rig) received() []message {
	var all []message
	for _, request := range r.opt.Requests() {
		all = append(all, messageOf(r.T, request))
	}
	return all
}

// course is what was received, with progress, in order.
func (r *rig) course() []string {
	var all []string
	for _, m := range r.received() {
		what := string(m.event)
		if m.progress() {
			what = "progress"
		}
		all = append(all, what)
	}
	return all
}

// busy is a measurement that reports ever more progress until it is released or
// cancelled. From the second one on they end at once.
func (r *rig) busy() {
	first := true
	r.a.measure = func(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
		if !first {
			return types.Measurement{}, nil
		}
		first = false
		return types.Measurement{}, r.busily(ctx)
	}
}

// busily is the body of a busy handler.
func (r *rig) busily(ctx context.Context) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for percent := 10.5; ; percent = min(percent+0.01, 99) {
		if err := connector.Progress(ctx, types.Progress{Percent: percent, Message: "at work"}); err != nil {
			r.causes <- err
			return err
		}
		select {
		case <-r.release:
			return nil
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// cause is why a busy handler was ended.
func (r *rig) cause() error {
	r.Helper()
	select {
	case err := <-r.causes:
		return err
	case <-time.After(patience):
		require.FailNow(r, "the handler goes on")
		return nil
	}
}

func say(body string) http.Handler { return optimizertest.Status(http.StatusOK, body) }

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed chan struct{} // closed at the next write; nil when nobody waits
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// next returns what has been written, and a channel that is closed at the next
// write.
func (b *lockedBuffer) next() (string, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.b.String(), b.changed
}

// await waits until a text has been written.
func (b *lockedBuffer) await(t *testing.T, text string) {
	t.Helper()
	late := time.After(patience)
	for {
		log, changed := b.next()
		if strings.Contains(log, text) {
			return
		}
		select {
		case <-changed:
		case <-late:
			require.FailNow(t, "not logged: "+text, log)
		}
	}
}

// logged waits until the servo has logged a text.
func (r *rig) logged(text string) {
	r.Helper()
	r.log.await(r.T, text)
}

// serve serves a handler on a loopback port until the test ends.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}
