package servo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/logging"
	"github.com/servokit/servokit/servo/record"
)

// Optimizer is what a servo takes its commands from: a client of a remote
// optimizer, an embedded engine, or a fake. See [optimizer.Backend] for what
// the methods promise.
type Optimizer = optimizer.Backend

// The defaults of [Options].
const (
	DefaultProgressInterval = time.Minute
	DefaultGrace            = 20 * time.Second
)

// Options says how a servo runs. Only Optimizer is required.
type Options struct {
	// Name appears in logs. Empty means "servo".
	Name string
	// Optimizer gives the commands.
	Optimizer Optimizer
	// Logger receives the log of the servo and its connectors. Nil is silent.
	Logger *slog.Logger
	// Telemetry are facts that are sent with the greeting, beside those of
	// the connectors.
	Telemetry map[string]string
	// ProgressInterval is the time between two progress reports of a command.
	// Zero means [DefaultProgressInterval].
	ProgressInterval time.Duration
	// Grace bounds a shutdown. Half of it is for the running command to end
	// when it is cancelled, and all of it for that and the Shutdown of the
	// connectors; telling the optimizer may add a quarter, at most 3 s. Zero
	// means [DefaultGrace].
	Grace time.Duration
	// Journal keeps what must survive a crash: the adjustment that is under way
	// and the answer that is not delivered. A servo reads it when it starts and
	// restores what an earlier run has left halfway; see [connector.Restore].
	// Nil means that a crash in an adjustment leaves the application as it
	// happens to be. The caller closes it after Run.
	Journal journal.Store
	// Recovery says what is restored from the journal.
	Recovery Recovery
	// Record receives a line for everything that the servo decides, sends and
	// receives. Nil means none is written.
	Record *record.Log
	// Diagnostics are sent to an optimizer that asks for them, if it is one that
	// can; nil means that it is never asked.
	Diagnostics *Diagnostics
	// NoPoll greets the optimizer and starts the connectors, but asks for no
	// commands; the servo stays until it is asked to stop.
	NoPoll bool
	// Once ends the run, without an error, after the first command that was
	// answered, or when the optimizer has nothing to do but to sleep.
	Once bool
	// Confirm, if given, is asked before the optimizer is greeted and before
	// every poll for a command. Without consent to the first, Run fails with
	// [ErrDeclined]; without consent to a poll the servo waits for a minute and
	// asks again. An error ends the run.
	Confirm func(ctx context.Context, question string) (bool, error)
	// Rand is the source of jitter. Nil means one seeded at random.
	Rand rand.Source
	_    struct{}
}

// ErrDeclined is why a run ends that [Options.Confirm] has not agreed to.
var ErrDeclined = errors.New("declined to connect to the optimizer")

// The questions that [Options.Confirm] is asked.
const (
	AskConnect = "Connect to the optimizer?"
	AskPoll    = "Poll for next command?"
)

// Servo runs connectors under one optimizer. Its methods may be called from
// several goroutines.
type Servo struct {
	o        Options
	log      *slog.Logger
	rand     *rand.Rand
	bus      event.Bus
	pubsub   *pubsub.Exchange
	asked    func() (Optimizer, error) // what the check of the optimizer greets
	examined diagnosable               // what diagnostics go to; nil when there are none
	record   *record.Log
	ledger   ledger        // used by the goroutine of Run, then by that of the loop
	slots    chan struct{} // bounds the commands of an assembly; may be nil
	busy     chan struct{} // held while a command runs or a connector is exchanged
	released func()        // closes idle connections when the run is over; may be nil
	failed   chan error    // a background task that failed; the first is kept

	life sync.Mutex // held while connectors come up or go down

	mu      sync.Mutex
	members []*member // in the order of Use
	phase   phase
	ran     bool            // Run has been called
	tasks   context.Context //nolint:containedctx // the life of the background tasks while running
}

type phase int

const (
	idle phase = iota
	starting
	running
	stopping
	ended
)

// String returns the name that the decision record uses.
func (p phase) String() string {
	return [...]string{"idle", "starting", "running", "stopping", "ended"}[p]
}

// member is a connector with its host and how far its life has come.
type member struct {
	name     string
	host     *connector.Host
	attached bool
	started  bool
}

// New returns a servo without connectors. It is an error to give no optimizer
// or a negative duration.
func New(o Options) (*Servo, error) {
	var errs []error
	if o.Optimizer == nil {
		errs = append(errs, errors.New("an optimizer is required"))
	}
	if o.ProgressInterval < 0 {
		errs = append(errs, fmt.Errorf("progress interval: %s is negative", o.ProgressInterval))
	}
	if o.Grace < 0 {
		errs = append(errs, fmt.Errorf("grace: %s is negative", o.Grace))
	}
	if o.Recovery != RecoverCommitted && o.Recovery != RecoverBaseline {
		errs = append(errs, fmt.Errorf("recovery: %d is unknown: use RecoverCommitted or RecoverBaseline", o.Recovery))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("servo: %w", err)
	}
	if o.Name == "" {
		o.Name = "servo"
	}
	if o.ProgressInterval == 0 {
		o.ProgressInterval = DefaultProgressInterval
	}
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	if o.Rand == nil {
		o.Rand = rand.NewPCG(rand.Uint64(), rand.Uint64())
	}
	handler := slog.DiscardHandler
	if o.Logger != nil {
		handler = logging.NewContextHandler(o.Logger.Handler())
	}
	log := slog.New(handler).With("servo", o.Name)
	s := &Servo{
		o:      o,
		log:    log,
		rand:   rand.New(o.Rand),
		pubsub: pubsub.New(pubsub.Options{Logger: log}),
		asked:  func() (Optimizer, error) { return o.Optimizer, nil },
		record: o.Record,
		ledger: ledger{store: o.Journal, record: o.Record},
		failed: make(chan error, 1),
		busy:   make(chan struct{}, 1),
	}
	if o.Diagnostics != nil {
		s.examined, _ = o.Optimizer.(diagnosable)
	}
	s.narrate()
	return s, nil
}

// Name returns the name of the servo.
func (s *Servo) Name() string { return s.o.Name }

// Logger returns the logger that a connector of that name should use.
func (s *Servo) Logger(connector string) *slog.Logger { return s.log.With("connector", connector) }

// Running reports whether the servo is up: its optimizer was greeted, its
// connectors have started, and it is not stopping. Use it for a probe of
// readiness.
func (s *Servo) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == running
}

// Bus returns the bus on which the servo dispatches its events. Use it to
// dispatch one of your own, or a standard event outside of a command.
func (s *Servo) Bus() *event.Bus { return &s.bus }

// Exchange returns the exchange of messages that the connectors of this servo
// share; see [connector.Host.PubSub]. It runs from before Startup until after
// Shutdown: add transformers and clients of your own, but leave starting and
// shutting down to the servo.
func (s *Servo) Exchange() *pubsub.Exchange { return s.pubsub }

// Use adds a connector under a name that no other has. While the servo runs
// the connector is attached and started before Use returns. An error leaves the
// servo as it was. Do not call it from a handler of a lifecycle event.
func (s *Servo) Use(name string, c connector.Connector) error {
	if c == nil {
		return fmt.Errorf("servo %s: connector %q is nil", s.o.Name, name)
	}
	s.life.Lock()
	defer s.life.Unlock()
	s.mu.Lock()
	phase, run, taken := s.phase, s.tasks, s.member(name) != nil
	s.mu.Unlock()
	if phase >= stopping {
		return fmt.Errorf("servo %s: cannot add connector %q: the servo has ended", s.o.Name, name)
	}
	if name == "" || taken {
		return fmt.Errorf("servo %s: invalid name %q: each connector needs a name of its own", s.o.Name, name)
	}
	m := &member{name: name, host: connector.NewHost(&s.bus, name, s.Logger(name))}
	m.host.Join(s.pubsub)
	err := c.Bind(m.host)
	if err == nil {
		err = errors.Join(m.host.Err(), s.bus.Err())
	}
	if err != nil {
		m.host.Close()
		return fmt.Errorf("servo %s: binding connector %q: %w", s.o.Name, name, err)
	}
	if phase == running {
		if err := s.bringUp(run, m); err != nil {
			down, cancel := context.WithTimeout(context.WithoutCancel(run), s.o.Grace)
			defer cancel()
			err = errors.Join(err, s.shutDown(down, m, "shutdown"), s.detach(down, m, "shutdown"))
			return fmt.Errorf("servo %s: adding connector %q: %w", s.o.Name, name, err)
		}
		m.host.Start(run, s.taskFailed)
	}
	s.mu.Lock()
	s.members = append(s.members, m)
	s.mu.Unlock()
	return nil
}

// Remove takes a connector out: its background tasks are stopped, Shutdown and
// Detach are dispatched to it, its handlers are gone. It is an error if there is
// none of that name. Commands that are running keep the handlers they began
// with.
func (s *Servo) Remove(ctx context.Context, name, reason string) error {
	s.life.Lock()
	defer s.life.Unlock()
	s.mu.Lock()
	m := s.member(name)
	s.members = slices.DeleteFunc(s.members, func(o *member) bool { return o == m })
	s.mu.Unlock()
	if m == nil {
		return fmt.Errorf("servo %s: a connector named %q does not exist", s.o.Name, name)
	}
	ctx = event.WithServo(ctx, s.o.Name)
	if err := errors.Join(s.shutDown(ctx, m, reason), s.detach(ctx, m, reason)); err != nil {
		return fmt.Errorf("servo %s: removing connector %q: %w", s.o.Name, name, err)
	}
	return nil
}

// exchange puts another connector in the place of the one of that name, between
// two commands. When the new one does not come up the old one, built anew, takes
// its place again.
func (s *Servo) exchange(ctx context.Context, name string, fresh, old func() (connector.Connector, error)) error {
	select {
	case s.busy <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("servo %s: exchanging connector %q: %w", s.o.Name, name, context.Cause(ctx))
	}
	defer func() { <-s.busy }()
	c, err := fresh()
	if err != nil {
		return err
	}
	err = s.Remove(ctx, name, "restarting")
	if err == nil {
		err = s.Use(name, c)
	}
	if err == nil {
		return nil
	}
	if previous, again := old(); again == nil {
		again = s.Use(name, previous)
		err = errors.Join(err, again)
	}
	return err
}

// Connectors returns the names of the connectors in the order they were added.
func (s *Servo) Connectors() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, len(s.members))
	for i, m := range s.members {
		names[i] = m.name
	}
	return names
}

// member finds a member by name; s.mu is held.
func (s *Servo) member(name string) *member {
	for _, m := range s.members {
		if m.name == name {
			return m
		}
	}
	return nil
}

func (s *Servo) snapshot() []*member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.members)
}

func (s *Servo) taskFailed(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// telemetry is what the greeting tells: about the servo itself, what the
// options say, and what the connectors have found out, each before the former.
func (s *Servo) telemetry() map[string]string {
	facts := ownFacts()
	if s.ledger.lost {
		facts["servox.journal"] = "lost"
	}
	maps.Copy(facts, s.o.Telemetry)
	for _, m := range s.snapshot() {
		maps.Copy(facts, m.host.Facts())
	}
	return facts
}
