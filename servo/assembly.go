package servo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
)

// DefaultMaxConnsPerHost is how many connections to one host all servos of an
// [Assembly] share unless [AssemblyOptions] say otherwise.
const DefaultMaxConnsPerHost = 64

// AssemblyOptions say how the servos of an [Assembly] run. The zero value is
// useful.
type AssemblyOptions struct {
	// Name identifies the assembly in logs. It may be empty.
	Name string
	// Servo is what the options of every servo begin with. Its Optimizer and
	// Name are for assemblies of one document.
	Servo Options
	// Configure, if given, completes the options of the servo of one document
	// before it is built: its optimizer or its logger, for example. An error
	// keeps the whole assembly from being built.
	Configure func(doc *config.Document, o *Options) error
	// StateDir is a folder for the journals and the decision records of the
	// servos, which is made when it does not exist. Empty means that nothing is
	// kept beyond the process.
	StateDir string
	// Concurrency is how many commands run at one time in all servos together;
	// the others wait. Zero is no limit. SLEEP does not count.
	Concurrency int
	// Stagger is the time over which servos begin, each at a random moment, so
	// that an optimizer is not greeted by all of them at once. Zero means 1 ms
	// for every servo after the first, negative none.
	Stagger time.Duration
	// MaxConnsPerHost bounds the connections to one host, which all servos with
	// the same HTTP settings share. Zero means [DefaultMaxConnsPerHost].
	MaxConnsPerHost int
	// Rand is the source of the moments at which servos begin. Nil means one
	// seeded at random.
	Rand rand.Source

	_ struct{}
}

// Assembly runs several servos in one process, each with its own optimizer, bus,
// exchange, log attributes and progress, and with connections and limits shared.
// What happens to one does not touch the others. Make one with [Assemble], or
// with no documents and [Assembly.Add]. Its methods may be called from several
// goroutines.
type Assembly struct {
	o      AssemblyOptions
	log    *slog.Logger
	kinds  kinds
	shared *transports
	slots  chan struct{}

	reload sync.Mutex // held while Reload or Remove is under way

	mu    sync.Mutex
	rand  *rand.Rand
	seats []*seat
	ran   bool
	run   context.Context //nolint:containedctx // the life of the servos while running
	moved chan struct{}   // closed and replaced whenever a servo ends or is added
}

// seat is a servo in its assembly.
type seat struct {
	servo   *Servo
	doc     *config.Document // nil for one that was added by hand
	release func() error     // closes journal and record

	cancel  context.CancelCauseFunc
	done    chan struct{} // closed when Run has returned; nil before it is called
	err     error         // of Run; read after done
	ended   bool          // Run has returned, under mu
	early   bool          // on its own, before the assembly was asked to end
	removed bool
}

// Assemble builds a servo for each document; the definitions are the kinds of
// connectors that the program has. Nothing is contacted. The error lists the
// problems of all documents at once, each with its place in the file: those of
// [FromConfig], and names that two documents share. Journals are opened, so a
// journal that another process uses is an error, too.
func Assemble(docs []*config.Document, o AssemblyOptions, defs ...connector.Definition) (*Assembly, error) {
	var errs []error
	if o.Concurrency < 0 {
		errs = append(errs, fmt.Errorf("concurrency: %d is negative", o.Concurrency))
	}
	if o.MaxConnsPerHost < 0 {
		errs = append(errs, fmt.Errorf("connections per host: %d is negative", o.MaxConnsPerHost))
	}
	k, err := kindsOf(defs)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("assembly: %w", err)
	}
	if o.MaxConnsPerHost == 0 {
		o.MaxConnsPerHost = DefaultMaxConnsPerHost
	}
	if o.Rand == nil {
		o.Rand = rand.NewPCG(rand.Uint64(), rand.Uint64())
	}
	a := &Assembly{
		o: o, log: o.Servo.Logger, kinds: k, rand: rand.New(o.Rand),
		shared: &transports{perHost: o.MaxConnsPerHost}, moved: make(chan struct{}),
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if o.Concurrency > 0 {
		a.slots = make(chan struct{}, o.Concurrency)
	}
	if err := a.check(docs); err != nil {
		return nil, err
	}
	for _, doc := range docs {
		s, err := a.build(doc)
		if err != nil {
			return nil, errors.Join(err, a.discard())
		}
		a.seats = append(a.seats, s)
	}
	return a, nil
}

// check finds what is wrong with documents, all of it, before anything is built.
func (a *Assembly) check(docs []*config.Document) error {
	own := a.o.Servo.Optimizer != nil || a.o.Configure != nil
	var problems []error
	first := map[string]*config.Document{}
	for _, doc := range docs {
		_, err := a.kinds.check(doc, own)
		problems = append(problems, err)
		name := a.nameOf(doc)
		if other := first[name]; other != nil {
			problems = append(problems, &config.FieldError{
				File: doc.File, Path: "name",
				Message: fmt.Sprintf("documents %d and %d are both called %q: give each a name of its own", other.Index+1, doc.Index+1, name),
			})
		}
		first[name] = doc
	}
	return config.Join(problems...)
}

func (a *Assembly) nameOf(doc *config.Document) string {
	if name := nameOf(doc); name != "" {
		return name
	}
	if a.o.Servo.Name != "" {
		return a.o.Servo.Name
	}
	return "servo"
}

// build makes the servo of a document, with its journal and its record.
func (a *Assembly) build(doc *config.Document) (_ *seat, err error) {
	o := a.o.Servo
	o.Name = a.nameOf(doc)
	if a.o.Configure != nil {
		if err := a.o.Configure(doc, &o); err != nil {
			return nil, fmt.Errorf("servo %s: %w", o.Name, err)
		}
	}
	release, err := a.keep(doc, &o)
	if err != nil {
		return nil, fmt.Errorf("servo %s: %w", o.Name, err)
	}
	s, err := fromConfig(doc, o, a.kinds, a.shared)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	s.slots = a.slots
	return &seat{servo: s, doc: doc, release: release}, nil
}

// discard gives back what servos hold that will never run.
func (a *Assembly) discard() error {
	var errs []error
	for _, s := range a.seats {
		errs = append(errs, s.release())
	}
	return errors.Join(errs...)
}

// Add adds a servo that was built by hand, under its own name, which no other
// may have. While the assembly runs, the servo begins at once. It belongs to the
// assembly from then on: do not call its Run.
func (a *Assembly) Add(s *Servo) error {
	if s == nil {
		return errors.New("assembly: the servo is nil")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.slots = a.slots
	return a.add(&seat{servo: s, release: func() error { return nil }}, 0)
}

// add takes a seat and begins with it if the assembly runs; a.mu is held.
func (a *Assembly) add(s *seat, delay time.Duration) error {
	name := s.servo.Name()
	if a.seat(name) != nil {
		return fmt.Errorf("assembly: there is a servo %q already", name)
	}
	if a.ran && a.run.Err() != nil {
		return fmt.Errorf("assembly: cannot add servo %q: the assembly has ended", name)
	}
	a.seats = append(a.seats, s)
	if a.ran {
		a.begin(s, delay)
	}
	a.notify()
	return nil
}

// seat finds a seat by the name of its servo; a.mu is held.
func (a *Assembly) seat(name string) *seat {
	for _, s := range a.seats {
		if s.servo.Name() == name {
			return s
		}
	}
	return nil
}

func (a *Assembly) notify() {
	close(a.moved)
	a.moved = make(chan struct{})
}

// Servo returns the servo of that name.
func (a *Assembly) Servo(name string) (*Servo, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.seat(name); s != nil {
		return s.servo, true
	}
	return nil, false
}

// Servos returns the servos in the order they were added, also those that have
// ended on their own.
func (a *Assembly) Servos() []*Servo {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]*Servo, len(a.seats))
	for i, s := range a.seats {
		all[i] = s.servo
	}
	return all
}

// Remove ends a servo in an orderly way and takes it out. The reason is what
// its optimizer is told, such as "restarting". It is an error if there is none
// of that name, and when ctx ends first: the servo then goes on ending by itself.
func (a *Assembly) Remove(ctx context.Context, name, reason string) error {
	a.reload.Lock()
	defer a.reload.Unlock()
	return a.remove(ctx, name, reason)
}

func (a *Assembly) remove(ctx context.Context, name, reason string) error {
	a.mu.Lock()
	s := a.seat(name)
	if s == nil {
		a.mu.Unlock()
		return fmt.Errorf("assembly: there is no servo %q", name)
	}
	s.removed = true
	if s.done == nil {
		a.seats = slices.DeleteFunc(a.seats, func(o *seat) bool { return o == s })
		a.mu.Unlock()
		return s.release()
	}
	a.mu.Unlock()
	s.cancel(stopCause(reasonError(reason)))
	select {
	case <-s.done:
	case <-ctx.Done():
		return fmt.Errorf("assembly: removing servo %q: %w", name, context.Cause(ctx))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seats = slices.DeleteFunc(a.seats, func(o *seat) bool { return o == s })
	a.notify()
	return s.err
}

// RunChecks runs the checks of every servo that has a document, as it says; see
// [Servo.RunChecks]. The servos are checked one after the other, so that tables
// and logs stay readable. The error joins those of all servos, and is nil when
// all of them may start.
func (a *Assembly) RunChecks(ctx context.Context, table io.Writer) (map[string]checks.Report, error) {
	a.mu.Lock()
	seats := slices.Clone(a.seats)
	a.mu.Unlock()
	reports := map[string]checks.Report{}
	var errs []error
	for _, s := range seats {
		c := config.Checks{}
		if s.doc != nil {
			c = s.doc.Checks
		}
		report, err := s.servo.RunChecks(ctx, c, table)
		reports[s.servo.Name()] = report
		errs = append(errs, err)
	}
	return reports, errors.Join(errs...)
}

// Run runs the servos until ctx ends, which is no error, or until the last of
// them has ended on its own. A servo that fails is logged, and the others go
// on; only when none is left that goes on, the errors of all are returned. What goes
// wrong when the servos are stopped is returned as well. An assembly without
// servos waits for some to be added. It returns when everything has ended, and
// runs once.
func (a *Assembly) Run(ctx context.Context) error {
	run, cancel := context.WithCancelCause(event.WithAssembly(ctx, a.o.Name))
	defer cancel(nil)
	a.mu.Lock()
	if a.ran {
		a.mu.Unlock()
		return errors.New("assembly: it has been run already")
	}
	a.ran, a.run = true, run
	stagger := a.stagger(len(a.seats))
	for _, s := range a.seats {
		a.begin(s, time.Duration(a.rand.Float64()*float64(stagger)))
	}
	a.mu.Unlock()
	defer a.shared.closeIdle()

	a.watch(run)
	cancel(context.Cause(run))
	a.mu.Lock()
	seats := slices.Clone(a.seats)
	a.mu.Unlock()
	var early, late []error
	stayed := false
	for _, s := range seats {
		<-s.done
		if s.early {
			early = append(early, s.err)
		} else {
			stayed = true
			late = append(late, s.err)
		}
	}
	if !stayed {
		return errors.Join(early...)
	}
	return errors.Join(late...) // the others have been logged when they ended
}

// begin runs the servo of a seat; a.mu is held.
func (a *Assembly) begin(s *seat, delay time.Duration) {
	ctx, cancel := context.WithCancelCause(a.run)
	s.cancel, s.done = cancel, make(chan struct{})
	go func() {
		defer close(s.done)
		defer cancel(nil)
		if sleep(ctx, delay) {
			s.err = s.servo.Run(ctx)
		}
		s.err = errors.Join(s.err, s.release())
		a.mu.Lock()
		s.ended, s.early = true, a.run.Err() == nil && !s.removed
		early := s.early
		a.notify()
		a.mu.Unlock()
		if early && s.err != nil { // without the lock: a handler may ask for the servos
			a.log.ErrorContext(ctx, "a servo has ended, the others go on", "servo", s.servo.Name(), "error", s.err)
		}
	}()
}

// watch waits until ctx ends, or until there were servos and all of them have
// ended on their own.
func (a *Assembly) watch(ctx context.Context) {
	for {
		a.mu.Lock()
		moved := a.moved
		over := len(a.seats) > 0
		for _, s := range a.seats {
			over = over && s.ended && !s.removed
		}
		a.mu.Unlock()
		if over {
			return
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}

func (a *Assembly) stagger(servos int) time.Duration {
	switch {
	case a.o.Stagger < 0 || servos < 2:
		return 0
	case a.o.Stagger > 0:
		return a.o.Stagger
	default:
		return time.Duration(servos-1) * time.Millisecond
	}
}
