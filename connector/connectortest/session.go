package connectortest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

// session is one connector on a bus of its own, and what it said.
type session struct {
	exam      *exam
	bus       event.Bus
	host      *connector.Host
	transport *http.Transport // of the kit, nil when the author gave a client
	requests  atomic.Int64    // sent with the client of the environment
	said      transcript
	begun     atomic.Bool // something that needs to be shut down

	mu       sync.Mutex
	failures []error // of background tasks
}

// transcript collects everything that a connector gives away. It takes writes
// from any goroutine.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// note records a value in the forms in which it may leave the process.
func (t *transcript) note(values ...any) {
	for _, v := range values {
		_, _ = fmt.Fprintf(t, "%+v\n", v)
		if text, err := json.Marshal(v); err == nil {
			_, _ = fmt.Fprintf(t, "%s\n", text)
		}
	}
}

var (
	errHangs   = errors.New("it did not return")
	errNotMade = errors.New("the connector could not be built")
)

// guard turns a panic of the author's code into an error.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &event.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// build makes a connector and binds it. An error is that of building or binding;
// a panic is an error too.
func (e *exam) build(s *config.Stanza) (*session, error) {
	n := &session{exam: e}
	client := e.config.HTTP
	if client == nil {
		n.transport = &http.Transport{Proxy: http.ProxyFromEnvironment}
		client = &http.Client{Transport: n.transport}
	}
	counted := *client
	counted.Transport = counter{&n.requests, counted.Transport}
	log := slog.New(slog.NewJSONHandler(&n.said, &slog.HandlerOptions{Level: slog.LevelDebug - 8}))
	name := e.def.Info().Name
	n.host = connector.NewHost(&n.bus, name, log)
	err := guard(func() error {
		c, err := e.def.New(s, connector.Env{Logger: log, HTTP: &counted, Common: config.DefaultCommon()})
		if err != nil {
			return err
		}
		return wrap("binding", errors.Join(c.Bind(n.host), n.host.Err(), n.bus.Err()))
	})
	if err != nil {
		return nil, err
	}
	e.sessions = append(e.sessions, n)
	return n, nil
}

// counter counts requests.
type counter struct {
	requests *atomic.Int64
	next     http.RoundTripper
}

func (c counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	if c.next == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	return c.next.RoundTrip(r)
}

// session builds and binds the connector of the author's stanza. Without one the
// exam is blocked.
func (e *exam) session() (*session, bool) {
	s, err := stanza(e.def, e.config.YAML)
	if err == nil {
		var n *session
		if n, err = e.build(s); err == nil {
			return n, true
		}
	}
	e.blockedBy(fmt.Errorf("%w: %w", errNotMade, err))
	return nil, false
}

// running returns a session that is attached and started.
func (e *exam) running() (*session, bool) {
	s, ok := e.session()
	if !ok || e.blockedBy(s.up()) {
		return nil, false
	}
	return s, true
}

// up brings the connector into service.
func (s *session) up() error {
	_, err := call(s, context.Background(), connector.Attach, connector.Lifecycle{Servo: "connectortest"})
	if err != nil {
		return err
	}
	if _, err := call(s, context.Background(), connector.Startup, connector.Lifecycle{Servo: "connectortest"}); err != nil {
		return err
	}
	s.start()
	return nil
}

// start starts the background tasks. Their context is ended by stop.
func (s *session) start() {
	s.host.Start(event.WithServo(context.Background(), "connectortest"), func(err error) {
		s.said.note(err)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.failures = append(s.failures, err)
	})
}

// failure is what background tasks have failed with.
func (s *session) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.failures...)
}

// down takes the connector out of service, in full whatever fails.
func (s *session) down() error {
	err := s.stop()
	_, shut := call(s, context.Background(), connector.Shutdown, connector.Lifecycle{Servo: "connectortest", Reason: "shutdown"})
	_, left := call(s, context.Background(), connector.Detach, connector.Lifecycle{Servo: "connectortest", Reason: "shutdown"})
	s.begun.Store(false)
	return errors.Join(err, shut, left)
}

func (s *session) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.exam.config.Limit)
	defer cancel()
	return s.host.Stop(ctx)
}

// close leaves nothing of the session behind, as far as the connector lets it.
func (s *session) close() {
	if s.begun.Load() {
		_ = s.down() // has a promise of its own
	}
	s.host.Close()
	if s.transport != nil {
		s.transport.CloseIdleConnections()
	}
}

// answer is what a dispatch returned.
type answer[Out any] struct {
	values []Out
	err    error
}

// dispatched dispatches an event on a goroutine of its own.
func dispatched[In, Out any](ctx context.Context, s *session, e *event.Event[In, Out], in In, opts ...event.DispatchOption) <-chan answer[Out] {
	s.begun.Store(true)
	done := make(chan answer[Out], 1)
	go func() {
		results, err := e.Dispatch(ctx, &s.bus, in, opts...)
		values := make([]Out, len(results))
		for i, r := range results {
			values[i] = r.Value
		}
		s.said.note(values, err)
		done <- answer[Out]{values, err}
	}()
	return done
}

// call dispatches an event and waits for it, but not for ever: the context is
// bounded by the limit, after which the connector has the time of Prompt.
func call[In, Out any](s *session, ctx context.Context, e *event.Event[In, Out], in In, opts ...event.DispatchOption) ([]Out, error) { //nolint:revive // reads like a method of the session
	limit := s.exam.config.Limit
	ctx, cancel := context.WithTimeoutCause(event.WithServo(ctx, "connectortest"), limit, fmt.Errorf("%s has taken longer than the limit of %s", e, limit))
	defer cancel()
	return await(ctx, s, e, dispatched(ctx, s, e, in, opts...))
}

// callLate calls the on handlers with a context that has ended already.
func callLate[In, Out any](s *session, ctx context.Context, e *event.Event[In, Out], in In) ([]Out, error) { //nolint:revive // like call
	return await(ctx, s, e, dispatched(lateContext{ctx}, s, e, in, event.Prepositions(event.On)))
}

func await[In, Out any](ctx context.Context, s *session, e *event.Event[In, Out], done <-chan answer[Out]) ([]Out, error) {
	select {
	case a := <-done:
		return a.values, s.heard(a.err)
	case <-ctx.Done():
	}
	patience := time.NewTimer(s.exam.config.Prompt)
	defer patience.Stop()
	select {
	case a := <-done:
		return a.values, s.heard(a.err)
	case <-patience.C:
		return nil, fmt.Errorf("%s: %w within %s after the end of its context", e, errHangs, s.exam.config.Prompt)
	}
}

func (s *session) heard(err error) error {
	if isPanic(err) {
		s.exam.panicked.Store(true)
	}
	return err
}

// handles reports whether the connector answers an event.
func handles[In, Out any](s *session, e *event.Event[In, Out]) bool {
	return len(s.bus.Responds(e.Name())) > 0
}

func (s *session) describe() (types.Description, error) {
	all, err := call(s, context.Background(), connector.Describe, s.exam.config.Control)
	return types.MergeDescriptions(all...), err
}

func (s *session) components() ([]types.Component, error) {
	all, err := call(s, context.Background(), connector.Components, connector.None{})
	var merged types.Description
	for _, c := range all {
		merged = types.MergeDescriptions(merged, types.Description{Components: c})
	}
	return merged.Components, err
}

func (s *session) metrics() ([]types.Metric, error) {
	all, err := call(s, context.Background(), connector.Metrics, connector.None{})
	var metrics []types.Metric
	for _, m := range all {
		metrics = append(metrics, m...)
	}
	return metrics, err
}

func (s *session) measure(ctx context.Context, names ...string) (types.Measurement, error) {
	all, err := call(s, ctx, connector.Measure, connector.MeasureRequest{Metrics: names, Control: s.exam.config.Control})
	return types.MergeMeasurements(all...), err
}

func (s *session) adjust(ctx context.Context, as ...types.Adjustment) (types.Description, error) {
	all, err := call(s, ctx, connector.Adjust, connector.AdjustRequest{Adjustments: as, Control: s.exam.config.Control})
	return types.MergeDescriptions(all...), err
}
