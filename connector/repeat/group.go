package repeat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/servokit/servokit/event"
)

// Options says whose tasks a group has; every field may be left out.
type Options struct {
	// Owner is whose tasks they are, for labels and logs.
	Owner string
	// Logger receives the failures. Nil is silent.
	Logger *slog.Logger
	_      struct{}
}

// Group holds the tasks of one owner. Make one with [New]. Its methods may be
// called from any goroutine.
type Group struct {
	owner string
	log   *slog.Logger

	mu     sync.Mutex
	phase  phase
	ctx    context.Context //nolint:containedctx // the life of the tasks, while it runs
	cancel context.CancelCauseFunc
	tasks  []*task
	serial int
	failed error // what ended the group
	wg     sync.WaitGroup
}

type phase uint8

const (
	idle phase = iota
	running
	over
)

// task is one in a group. What can change is guarded by Group.mu.
type task struct {
	Task
	group   *Group
	ctx     context.Context //nolint:containedctx // the life of the task; nil before it begins
	cancel  context.CancelCauseFunc
	stopped bool
	done    chan struct{}
	status  Status
}

// New returns a group without tasks that does not run.
func New(o Options) *Group {
	g := &Group{owner: o.Owner, log: o.Logger}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	return g
}

// Start adds a task, which begins at once if the group runs and otherwise when
// it does. The error tells everything that is wrong with the task, that another
// one of its name has not ended, or that the group has.
func (g *Group) Start(t Task) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := t.validate(); err != nil {
		return fmt.Errorf("starting the task %q: %w", t.Name, err)
	}
	if g.phase == over {
		return fmt.Errorf("starting the task %q: the tasks of %q have ended", t.Name, g.owner)
	}
	for t.Name == "" {
		g.serial++
		if made := fmt.Sprintf("task-%d", g.serial); g.find(made) == nil {
			t.Name = made
		}
	}
	if old := g.find(t.Name); old != nil {
		if old.status.State != Ended {
			return fmt.Errorf("starting the task %q: a task of that name is %s", t.Name, old.status.State)
		}
		g.tasks = slices.DeleteFunc(g.tasks, func(o *task) bool { return o == old })
	}
	added := &task{Task: t, group: g, done: make(chan struct{})}
	added.status = Status{Name: t.Name, Every: t.Every, Label: g.owner + ":" + t.Name + " (repeating every " + t.Every.String() + ")"}
	g.tasks = append(g.tasks, added)
	if g.phase == running {
		g.launch(added)
	}
	return nil
}

// find needs g.mu.
func (g *Group) find(name string) *task {
	for _, t := range g.tasks {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Tasks returns how the tasks stand, in the order in which they were started.
// One that has ended stays in the list until another takes its name.
func (g *Group) Tasks() []Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]Status, len(g.tasks))
	for i, t := range g.tasks {
		list[i] = t.status
	}
	return list
}

// Stop ends the tasks of these names, or all without any, and waits until their
// calls have returned, or until ctx ends, which is then the error. A task that
// stops itself is not waited for. Names that do not exist are an error that
// lists those that do; the others are stopped nevertheless. One that has ended
// already is none.
func (g *Group) Stop(ctx context.Context, names ...string) error {
	g.mu.Lock()
	stop := slices.Clone(g.tasks)
	var unknown, known []string
	if len(names) > 0 {
		stop = stop[:0]
		for _, name := range names {
			if t := g.find(name); t != nil {
				stop = append(stop, t)
			} else {
				unknown = append(unknown, fmt.Sprintf("%q", name))
			}
		}
		for _, t := range g.tasks {
			known = append(known, fmt.Sprintf("%q", t.Name))
		}
	}
	for _, t := range stop {
		t.stop()
	}
	g.mu.Unlock()
	var errs []error
	if len(unknown) > 0 {
		if known == nil {
			known = []string{"(none)"}
		}
		errs = append(errs, fmt.Errorf("stopping: no task named %s, there are %s", strings.Join(unknown, ", "), strings.Join(known, ", ")))
	}
	self, _ := ctx.Value(selfKey{}).(*task)
	for _, t := range stop {
		if t == self {
			continue
		}
		select {
		case <-t.done:
			continue
		default:
		}
		select {
		case <-t.done:
		case <-ctx.Done():
			errs = append(errs, fmt.Errorf("stopping the task %q: it has not ended: %w", t.Name, context.Cause(ctx)))
		}
	}
	return errors.Join(errs...)
}

// stop needs Group.mu.
func (t *task) stop() {
	switch {
	case t.status.State == Ended:
	case t.ctx == nil:
		t.status.State = Ended
		close(t.done)
	default:
		t.stopped = true
		t.status.State = Stopping
		t.cancel(ErrStopped)
	}
}

// Run begins the tasks and returns when ctx has ended, and with it all of them,
// which is no error, or when one has failed that ends them all. It waits for
// their calls. A group runs once.
func (g *Group) Run(ctx context.Context) error {
	g.mu.Lock()
	if g.phase != idle {
		g.mu.Unlock()
		return fmt.Errorf("running the tasks of %q: they have been run already", g.owner)
	}
	g.phase = running
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	for _, t := range g.tasks {
		if t.status.State != Ended {
			g.launch(t)
		}
	}
	g.mu.Unlock()
	<-g.ctx.Done()
	g.mu.Lock()
	g.phase = over
	g.mu.Unlock()
	g.wg.Wait() // nothing is launched any more
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failed
}

// launch needs g.mu.
func (g *Group) launch(t *task) {
	ctx, cancel := context.WithCancelCause(context.WithValue(g.ctx, selfKey{}, t))
	t.ctx, t.cancel = ctx, cancel
	g.wg.Go(func() {
		defer cancel(nil)
		quit := true
		defer func() {
			t.update(func(s *Status) {
				if quit { // only when Run has ended its goroutine
					s.Failures++
					s.Err = errQuit
					t.group.log.ErrorContext(ctx, "repeated task failed, it has ended", "task", t.Name, "every", t.Every, "error", errQuit)
				}
				s.State = Ended
				close(t.done)
			})
		}()
		t.loop(ctx)
		quit = false
	})
}

var errQuit = errors.New("it ended its goroutine instead of returning")

// selfKey leads from a context to the task that is called with it.
type selfKey struct{}

func (t *task) update(change func(*Status)) {
	t.group.mu.Lock()
	defer t.group.mu.Unlock()
	change(&t.status)
}

// enter changes the state unless the task is being stopped.
func (t *task) enter(s State) {
	t.update(func(status *Status) {
		if !t.stopped {
			status.State = s
		}
	})
}

// loop calls the task until ctx ends or an error ends it.
func (t *task) loop(ctx context.Context) {
	failures := 0 // in a row
	due := time.Now()
	timer := time.NewTimer(t.Every)
	defer timer.Stop()
	for ctx.Err() == nil {
		t.enter(Running)
		t.update(func(s *Status) { s.Calls++; s.Began = time.Now() })
		err := t.call(ctx)
		if ctx.Err() != nil {
			return // what it says then is the end of its context
		}
		next, overrun := t.next(due, time.Now())
		if overrun != nil {
			err = errors.Join(err, overrun)
		}
		t.update(func(s *Status) { s.Err = err })
		if err == nil {
			failures = 0
		} else {
			failures++
			if t.fails(ctx, err) {
				return
			}
			if t.OnError == BackOff {
				next = time.Now().Add(t.backOff(failures))
			}
		}
		due = next
		t.enter(Pausing)
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
}

// next returns when the next call is due, after one that was due then and has
// ended now.
func (t *task) next(then, now time.Time) (next time.Time, overrun error) {
	if !t.Beat {
		return now.Add(t.Every), nil
	}
	next = then.Add(t.Every)
	if !now.After(next) {
		return next, nil
	}
	missed := int(now.Sub(then) / t.Every)
	if t.Overrun == Skip {
		if next = then.Add(time.Duration(missed) * t.Every); next.Equal(now) {
			missed-- // this one is kept
		} else {
			next = next.Add(t.Every)
		}
		t.update(func(s *Status) { s.Missed += missed })
		return next, nil
	}
	t.update(func(s *Status) { s.Missed += missed })
	if t.Overrun == Fail {
		overrun = fmt.Errorf("%w: %s instead of %s", ErrOverrun, now.Sub(then), t.Every)
	}
	return now, overrun
}

// call calls Run once.
func (t *task) call(ctx context.Context) (err error) {
	if t.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, t.Timeout)
		defer cancel()
		ctx = limited
	}
	defer func() {
		if v := recover(); v != nil {
			err = &event.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return t.Run(ctx)
}

// fails logs a failure, and reports whether it ends the task.
func (t *task) fails(ctx context.Context, err error) bool {
	t.update(func(s *Status) { s.Failures++ })
	log := t.group.log.With("task", t.Name, "every", t.Every)
	var p *event.PanicError
	if errors.As(err, &p) {
		log = log.With("stack", string(p.Stack))
	}
	switch t.OnError {
	case End:
		log.ErrorContext(ctx, "repeated task failed, it has ended", "error", err)
		return true
	case EndAll:
		t.group.mu.Lock()
		defer t.group.mu.Unlock()
		if t.group.failed == nil {
			t.group.failed = fmt.Errorf("the task %q: %w", t.Name, err)
		}
		t.group.cancel(t.group.failed)
		return true
	default:
		log.WarnContext(ctx, "repeated task failed", "error", err)
		return false
	}
}
