package servo_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// call is one call that a servo made of its optimizer.
type call struct {
	what     string
	result   optimizer.Result
	progress optimizer.Progress
	reason   string
	at       time.Duration
}

// backend is an optimizer that hands out a list of commands and errors, then
// waits until the servo stops, and notes every call.
type backend struct {
	next     []any // optimizer.Command or error
	hello    func(ctx context.Context, n int) error
	progress func(optimizer.Progress) error
	reply    func(optimizer.Result) error
	goodbye  func(ctx context.Context) error
	began    time.Time
	idle     chan struct{} // closed when the list is used up
	once     sync.Once

	mu     sync.Mutex
	calls  []call
	hellos int
}

func (b *backend) note(c call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.at = time.Since(b.began)
	b.calls = append(b.calls, c)
}

func (b *backend) Hello(ctx context.Context, _ optimizer.Hello) error {
	b.note(call{what: "hello"})
	b.mu.Lock()
	b.hellos++
	n := b.hellos
	b.mu.Unlock()
	if b.hello != nil {
		return b.hello(ctx, n)
	}
	return nil
}

func (b *backend) Next(ctx context.Context) (optimizer.Command, error) {
	b.mu.Lock()
	var next any
	if len(b.next) > 0 {
		next, b.next = b.next[0], b.next[1:]
	}
	b.mu.Unlock()
	b.note(call{what: "next"})
	switch next := next.(type) {
	case optimizer.Command:
		return next, nil
	case error:
		return optimizer.Command{}, next
	default:
		b.once.Do(func() { close(b.idle) })
		<-ctx.Done()
		return optimizer.Command{}, context.Cause(ctx)
	}
}

func (b *backend) Reply(_ context.Context, r optimizer.Result) error {
	b.note(call{what: "reply", result: r})
	if b.reply != nil {
		return b.reply(r)
	}
	return nil
}

func (b *backend) Progress(_ context.Context, p optimizer.Progress) error {
	b.note(call{what: "progress", progress: p})
	if b.progress != nil {
		return b.progress(p)
	}
	return nil
}

func (b *backend) Goodbye(ctx context.Context, reason string) error {
	b.note(call{what: "goodbye", reason: reason})
	if b.goodbye != nil {
		return b.goodbye(ctx)
	}
	return nil
}

func (b *backend) all(what string) []call {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []call
	for _, c := range b.calls {
		if c.what == what {
			found = append(found, c)
		}
	}
	return found
}

func (b *backend) trace() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var what []string
	for _, c := range b.calls {
		what = append(what, c.what)
	}
	return what
}

func newBackend(next ...any) *backend {
	return &backend{next: next, idle: make(chan struct{}), began: time.Now()}
}

// bind makes a connector of a function.
type bind func(*connector.Host) error

func (f bind) Bind(h *connector.Host) error { return f(h) }

func newServo(t *testing.T, b servo.Optimizer, connectors map[string]connector.Connector, change ...func(*servo.Options)) *servo.Servo {
	t.Helper()
	o := servo.Options{Name: "test", Optimizer: b, Logger: slog.New(slog.DiscardHandler), Grace: 10 * time.Second, ProgressInterval: time.Second}
	for _, c := range change {
		c(&o)
	}
	s, err := servo.New(o)
	require.NoError(t, err)
	for name, c := range connectors {
		require.NoError(t, s.Use(name, c))
	}
	return s
}

// runUntilIdle runs a servo until its backend has handed out everything, stops
// it and returns the error of Run.
func runUntilIdle(t *testing.T, s *servo.Servo, b *backend) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	select {
	case <-b.idle:
		cancel()
		return <-done
	case err := <-done:
		return err
	}
}
