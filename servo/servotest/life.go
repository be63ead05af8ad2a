package servotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"syscall"
	"testing/synctest"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/journal/journaltest"
	"github.com/servokit/servokit/servo/record"
	"github.com/servokit/servokit/types"
)

// ErrCrashed is the error of everything that a servo attempts whose life is over.
var ErrCrashed = errors.New("this life of the servo is over")

// Life is one life of the simulated servo, from its start to its orderly end or
// its crash. A connector of yours asks it before it changes what lives outside
// of the servo, since nothing of a life may do so after its crash.
type Life struct {
	w    *world
	n    int
	plan plan

	servo *servo.Servo
	end   context.CancelCauseFunc

	// The lock of the world is held for these.
	dead      bool // crashed
	over      bool // Run has returned
	greeted   bool // HELLO was answered
	farewell  bool // GOODBYE was said
	measuring int
	turn      *turn
	journal   journal.State // as the servo knows it to be on the disk
	requests  int
	steps     int
	ops       int
	appended  int // entries that the journal has taken
	stopped   time.Time

	record, log sheet
}

// plan says how a life ends before its time, if at all.
type plan struct {
	crash, stop       bool
	after             time.Duration // of virtual time
	request, step, op int           // at the n-th of these; 0 is none
	late              bool          // behind the request rather than before it
	machine           bool          // what is not synced is lost as well
	down              time.Duration // until the next life
}

// sheet is a writer whose bytes are kept. It takes nothing after a crash.
type sheet struct {
	mu     sync.Mutex
	bytes  bytes.Buffer
	closed bool
}

func (s *sheet) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, ErrCrashed
	}
	return s.bytes.Write(p)
}

func (s *sheet) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func (s *sheet) text() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.bytes.Bytes())
}

// Number counts the lives of one simulation from 1.
func (l *Life) Number() int { return l.n }

// Do runs f, which touches what lives outside of the servo, unless this life is
// over; the error is then [ErrCrashed]. A crash comes before or after f, never in
// the middle, so change one thing per call. F must not wait and must not call Do.
func (l *Life) Do(f func()) error {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if l.dead {
		return ErrCrashed
	}
	if l.over {
		l.w.violate(l, EndsWhole, "a connector was active after Run had returned")
		return ErrCrashed
	}
	f()
	return nil
}

func (l *Life) note(actor, format string, args ...any) { l.w.note(actor, format, args...) }

// set changes one setting of an application of the simulation.
func (l *Life) set(a *application, to types.Adjustment) error {
	crash := false
	err := l.Do(func() {
		if l.steps++; l.plan.crash && l.steps == l.plan.step && !l.plan.late {
			crash = true
			return
		}
		if l.journal.Open == nil {
			l.w.violate(l, IntentFirst, "%s was changed without an intent in the journal", to)
		}
		if l.measuring > 0 {
			l.w.violate(l, MeasuredSettled, "%s was changed during a measurement", to)
		}
		for i, s := range a.settings {
			if s.Name == to.Setting {
				a.values[i] = to.Value
			}
		}
		l.w.note(a.name, "%s", to)
		crash = l.plan.crash && l.steps == l.plan.step
	})
	if crash {
		l.crash("at a step of the application")
		return ErrCrashed
	}
	return err
}

// crash ends the life at once: from now on nothing of it reaches the optimizer,
// the applications, the disk, the record.
func (l *Life) crash(where string) {
	l.w.mu.Lock()
	if l.dead || l.over {
		l.w.mu.Unlock()
		return
	}
	l.dead = true
	l.measuring = 0
	l.w.crashes++
	l.w.note("life", "%d crashes %s (machine: %t)", l.n, where, l.plan.machine)
	l.w.mu.Unlock()
	l.record.close()
	if l.plan.machine {
		l.w.disk.Crash()
	} else {
		l.w.disk.Kill()
	}
	l.end(ErrCrashed)
	instant()
}

// instant lets everything come to rest that the end of a context has woken, so
// that nothing depends on who runs first.
func instant() { time.Sleep(time.Nanosecond) }

// stop asks the servo to end in order.
func (l *Life) stop(where string) {
	l.w.mu.Lock()
	first := l.stopped.IsZero() && !l.dead && !l.over
	if first {
		l.stopped = time.Now()
		l.w.note("life", "%d is asked to stop %s", l.n, where)
	}
	l.w.mu.Unlock()
	if first {
		l.end(&servo.SignalError{Signal: syscall.SIGTERM})
		instant()
	}
}

// live runs one life to its end, and reports whether the script is through.
func (w *world) live(n int) bool {
	l := &Life{w: w, n: n, plan: w.planLife(n)}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	l.end = cancel
	w.disk.Restart()
	w.disk.Limit(-1)
	w.disk.Before(l.diskFaults())
	w.note("life", "%d begins", n)
	idle := runtime.NumGoroutine()
	err := l.run(ctx)
	l.examine(idle, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.model.done && !l.dead
}

func (w *world) planLife(n int) plan {
	r := w.rand("plan", n)
	p := plan{after: -1, late: r.IntN(2) == 0, machine: r.IntN(2) == 0, down: between(r, time.Second, 2*time.Minute)}
	kind, after, at := r.IntN(4), between(r, 0, 20*time.Minute), 1+r.IntN(60)
	switch {
	case w.clear():
		return p
	case w.weather.crashes > 0 && r.IntN(4) > 0:
		p.crash = true
		w.weather.crashes--
	case w.weather.stops > 0 && r.IntN(2) > 0:
		p.stop = true
		w.weather.stops--
	default:
		return p
	}
	switch kind {
	case 0:
		p.after = after
	case 1:
		p.request = at
	case 2:
		p.step = 1 + at/3
	default:
		p.op = 1 + at
	}
	if p.stop && kind > 1 {
		p.after, p.step, p.op = after, 0, 0
	}
	return p
}

// run builds the servo of a life, as a program would, and runs it.
func (l *Life) run(ctx context.Context) (err error) {
	w := l.w
	size := int64(0)
	if w.weather.small {
		size = 2 << 10
	}
	logger := slog.New(slog.NewTextHandler(&l.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	file, err := journal.Open(journal.Options{Path: "state/journal", FS: w.disk, MaxSize: size, Logger: logger})
	if err != nil {
		w.note("life", "%d cannot open its journal: %v", l.n, err)
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var store journal.Store = file
	if w.o.Journal != nil {
		store = w.o.Journal(store)
	}
	client, err := optimizer.NewClient(optimizer.Options{
		URL: "http://optimizer.test", Token: w.token, Logger: logger, Rand: w.source("client", l.n),
		HTTP: &http.Client{Timeout: time.Minute, Transport: &network{life: l, rand: w.rand("network", l.n)}},
	})
	if err != nil {
		return err
	}
	var backend optimizer.Backend = client
	if w.o.Optimizer != nil {
		backend = w.o.Optimizer(backend)
	}
	l.servo, err = servo.New(servo.Options{
		Name: "simulated", Optimizer: backend, Logger: logger, ProgressInterval: w.interval, Grace: w.grace,
		Journal: &ledger{next: store, life: l}, Recovery: w.recovery, Rand: w.source("servo", l.n),
		Record: record.New(&l.record, record.Options{Run: fmt.Sprintf("life-%d", l.n)}),
	})
	if err != nil {
		return err
	}
	if err := l.useAll(); err != nil {
		return err
	}
	return l.await(ctx)
}

func (l *Life) useAll() error {
	if err := l.servo.Use("servotest", watch{l}); err != nil {
		return err
	}
	for _, a := range l.w.apps {
		if err := l.servo.Use(a.name, &operator{a: a, life: l, calls: map[string]int{}}); err != nil {
			return err
		}
	}
	for _, c := range l.w.o.Connectors {
		made, err := c.New(l)
		if err == nil {
			err = l.servo.Use(c.Name, made)
		}
		if err != nil {
			return fmt.Errorf("connector %s: %w", c.Name, err)
		}
	}
	return nil
}

// await runs the servo and does with it what the plan says.
func (l *Life) await(ctx context.Context) error {
	w := l.w
	returned := make(chan error, 1)
	go func() { returned <- l.servo.Run(ctx) }()
	after := make(<-chan time.Time)
	if l.plan.after >= 0 {
		timer := time.NewTimer(l.plan.after)
		defer timer.Stop()
		after = timer.C
	}
	over := time.NewTimer(max(w.o.Limit-w.elapsed(), time.Second))
	defer over.Stop()
	failed, done := w.failed, w.done
	var late <-chan time.Time
	for {
		select {
		case err := <-returned:
			w.mu.Lock()
			l.over = true
			w.mu.Unlock()
			return err
		case <-after:
			if l.plan.crash {
				l.crash("out of the blue")
			} else {
				l.stop("out of the blue")
			}
		case <-over.C:
			w.mu.Lock()
			w.violate(l, Progresses, "the script of the optimizer is not through after %s: %d commands are left", w.o.Limit, w.model.left)
			w.mu.Unlock()
		case <-done:
			done = nil
			instant() // what else happens at this moment comes first
			l.stop("because the script is through")
		case <-failed:
			failed = nil
			l.crash("because an invariant is broken")
			late = time.After(time.Hour)
		case <-late:
			return errors.New("a servo whose context has ended does not return")
		}
	}
}

// examine looks at what a life has left behind.
func (l *Life) examine(idle int, err error) {
	w := l.w
	synctest.Wait()
	text := fmt.Sprint(err)
	if err == nil {
		text = "in order"
	}
	w.mu.Lock()
	crashed, stopped := l.dead, l.stopped
	w.note("life", "%d ends: %s", l.n, text)
	w.mu.Unlock()
	if !crashed && !stopped.IsZero() && time.Since(stopped) > w.grace+3*time.Second {
		w.violate(l, EndsInTime, "the servo was asked to stop and took %s, with a grace of %s", time.Since(stopped), w.grace)
	}
	if left := leftover(idle); left != "" {
		w.violate(l, EndsWhole, "goroutines are left:\n%s", left)
	}
	l.keepsSecrets(text)
	if l.servo == nil {
		return
	}
	if odd := unexplained(l.record.text(), crashed, l.appended); odd != "" {
		w.violate(l, Explains, "%s", odd)
	}
	if crashed {
		return
	}
	l.check("the servo has ended", SettledAtTheEnd, false)
	w.mu.Lock()
	if l.greeted && !l.farewell {
		w.violate(l, SaysGoodbye, "the servo has greeted and ended in order without a GOODBYE")
	}
	w.mu.Unlock()
}

// keepsSecrets searches everything that was written for the token.
func (l *Life) keepsSecrets(failure string) {
	places := []struct {
		name string
		text []byte
	}{{"record", l.record.text()}, {"log", l.log.text()}, {"error of Run", []byte(failure)}}
	for _, name := range l.w.disk.Names() {
		if data, err := l.w.disk.ReadFile(name); err == nil {
			places = append(places, struct {
				name string
				text []byte
			}{name, data})
		}
	}
	for _, p := range places {
		if bytes.Contains(p.text, []byte(l.w.token)) {
			l.w.violate(l, KeepsSecrets, "the token of the optimizer stands in the %s", p.name)
		}
	}
}

// watch is a connector that only looks on.
type watch struct{ life *Life }

func (o watch) Bind(h *connector.Host) error {
	connector.Measure.Before(h, func(ctx context.Context, _ connector.MeasureRequest) error {
		o.life.check("a measurement begins", MeasuredSettled, true)
		o.life.begins(ctx)
		return nil
	})
	return nil
}

// diskFaults is the hook of the disk for a life.
func (l *Life) diskFaults() func(journaltest.Op) error {
	r := l.w.rand("disk", l.n)
	return func(op journaltest.Op) error {
		l.w.mu.Lock()
		l.ops++
		crash := l.plan.crash && l.ops == l.plan.op
		full := l.w.strikes(r, l.w.weather.full)
		bad := l.w.strikes(r, l.w.weather.disk)
		relief := chance(r, 0.2)
		l.w.mu.Unlock()
		if crash {
			l.crash(fmt.Sprintf("before a %s of the disk", op.Kind))
			return nil
		}
		if relief || l.w.clear() {
			l.w.disk.Limit(-1)
		}
		if full {
			l.w.note("disk", "is full")
			l.w.disk.Limit(0)
		}
		if bad && (op.Kind == journaltest.OpWrite || op.Kind == journaltest.OpSync || op.Kind == journaltest.OpTruncate || op.Kind == journaltest.OpRename || op.Kind == journaltest.OpOpen) {
			l.w.note("disk", "fails to %s", op.Kind)
			return syscall.EIO
		}
		return nil
	}
}
