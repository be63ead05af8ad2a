package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"sync"
	"text/template"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/internal/redact"
	"github.com/servokit/servokit/types"
)

// Definition is the connector as a program lists it in main. Its stanza in a
// configuration file is a [Config].
var Definition = connector.Define(connector.Info{
	Name:        defaultName,
	FullName:    "Process Connector",
	Version:     "0.1.0",
	Description: "Runs a local command, adjusts it by restart or signal, and measures its CPU and memory",
	License:     types.Apache2,
	Maturity:    types.Experimental,
}, New)

const defaultName = "process"

// New returns a connector that runs the command of c. It sets defaults and
// validates; the error lists every problem. Nothing is started before the event
// Startup. It fails on systems without process groups, such as Windows.
func New(c Config, env connector.Env) (connector.Connector, error) {
	if !supported {
		return nil, errors.New("running commands needs a Unix system")
	}
	c.SetDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := &process{
		config:   c,
		name:     c.Component,
		log:      env.Logger,
		hide:     concealer(c.Env),
		busy:     make(chan struct{}, 1),
		values:   values{},
		changed:  make(chan struct{}),
		stopping: make(chan struct{}),
	}
	if p.name == "" {
		p.name = env.Name
	}
	if p.name == "" {
		p.name = defaultName
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	p.http = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if env.HTTP != nil {
		p.http.Transport = env.HTTP.Transport
	}
	if c.Ready.Log != "" {
		p.expect = regexp.MustCompile(c.Ready.Log) // Validate has compiled it
	}
	if c.File != nil {
		p.file = &savedFile{path: c.filePath()}
		if c.File.Mode != "" {
			p.mode, _ = parseMode(c.File.Mode) // Validate has read it
		}
		p.template, _ = parseTemplate(c.File.Template) // and parsed it
	}
	for _, s := range c.Settings {
		setting := s.describe()
		value, err := setting.Accept(s.Default)
		if err != nil {
			return nil, err
		}
		p.settings = append(p.settings, setting)
		p.values[s.Name] = value
	}
	p.initial = p.values
	return p, nil
}

// process supervises one command.
type process struct {
	config   Config
	name     string // of the component
	log      *slog.Logger
	hide     *redact.Redactor // secrets in what the command prints
	http     *http.Client
	expect   *regexp.Regexp
	template *template.Template
	settings []types.Setting
	initial  values

	// busy is held by whoever starts, stops or changes the command.
	busy chan struct{}
	file *savedFile // with its mode, for the holder of busy
	mode os.FileMode

	mu       sync.Mutex
	wanted   bool // the command should be running
	ready    bool // child has become ready
	child    *child
	values   values // in force, or to be restored; replaced, never changed
	restarts int
	changed  chan struct{} // closed and replaced when any of the above changes
	stopping chan struct{} // closed by Shutdown
}

// Bind registers the handlers.
func (p *process) Bind(h *connector.Host) error {
	connector.Restore.On(h, p.restore)
	connector.Startup.On(h, p.startup)
	connector.Shutdown.On(h, p.shutdown)
	connector.Components.On(h, func(context.Context, connector.None) ([]types.Component, error) {
		return []types.Component{p.component()}, nil
	})
	connector.Metrics.On(h, func(context.Context, connector.None) ([]types.Metric, error) {
		return p.config.metrics(), nil
	})
	connector.Describe.On(h, func(context.Context, types.Control) (types.Description, error) {
		return p.describe(), nil
	})
	connector.Adjust.On(h, p.adjust)
	connector.Measure.Before(h, p.beforeMeasure)
	connector.Measure.On(h, p.measure)
	h.Check(p.checks()...)
	h.Go(p.supervise)
	return nil
}

// update changes the shared state and tells those who wait for it.
func (p *process) update(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *process) acquire(ctx context.Context) error {
	select {
	case p.busy <- struct{}{}:
		return nil
	default:
	}
	select {
	case p.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *process) release() { <-p.busy }

// untilShutdown returns a context that also ends when Shutdown begins, so that
// nothing it waits for keeps it waiting. Call the function when done.
func (p *process) untilShutdown(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	p.mu.Lock()
	stopping := p.stopping
	p.mu.Unlock()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-stopping:
			cancel(connector.ErrStopRequested)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-watched
	}
}

func (p *process) component() types.Component {
	p.mu.Lock()
	current := p.values
	p.mu.Unlock()
	c := types.Component{Name: p.name}
	for _, s := range p.settings {
		c.Settings = append(c.Settings, s.With(current[s.Name]))
	}
	return c
}

func (p *process) describe() types.Description {
	return types.Description{Components: []types.Component{p.component()}, Metrics: p.config.metrics()}
}

func (p *process) startup(ctx context.Context, _ connector.Lifecycle) (connector.None, error) {
	if err := p.acquire(ctx); err != nil {
		return connector.None{}, err
	}
	defer p.release()
	p.mu.Lock()
	running := p.wanted
	p.mu.Unlock()
	if running {
		return connector.None{}, fmt.Errorf("starting %s: it has been started already", p.name)
	}
	p.update(func() {
		p.values, p.restarts = p.initial, 0
		select {
		case <-p.stopping:
			p.stopping = make(chan struct{}) // it was shut down before
		default:
		}
	})
	ctx, done := p.untilShutdown(ctx)
	defer done()
	if err := p.launch(ctx, p.initial); err != nil {
		return connector.None{}, fmt.Errorf("starting %s: %w", p.name, errors.Join(err, p.file.restore()))
	}
	p.update(func() { p.wanted = true })
	return connector.None{}, nil
}

func (p *process) shutdown(ctx context.Context, _ connector.Lifecycle) (connector.None, error) {
	p.update(func() {
		p.wanted = false
		select {
		case <-p.stopping:
		default:
			close(p.stopping)
		}
	})
	if err := p.acquire(ctx); err != nil {
		// Something hangs. The processes go all the same.
		p.mu.Lock()
		c := p.child
		p.mu.Unlock()
		return connector.None{}, fmt.Errorf("stopping %s: %w", p.name, errors.Join(err, c.stop(ctx, p.config.Stop.Signal, 0)))
	}
	defer p.release()
	err := p.halt(ctx, p.config.Stop.Grace.Std())
	if err := errors.Join(err, p.file.restore()); err != nil {
		return connector.None{}, fmt.Errorf("stopping %s: %w", p.name, err)
	}
	return connector.None{}, nil
}

// halt stops what runs. The grace is at most half of the time that ctx leaves,
// so that there is time to do it by force. The caller holds busy.
func (p *process) halt(ctx context.Context, grace time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok {
		grace = min(grace, max(0, time.Until(deadline)/2))
	}
	p.mu.Lock()
	c := p.child
	p.mu.Unlock()
	if err := c.stop(ctx, p.config.Stop.Signal, grace); err != nil {
		return err
	}
	p.update(func() { p.child, p.ready = nil, false })
	return nil
}

// launch makes the command run with the given values: it stops what runs,
// writes the file, starts and waits until it is ready. On an error nothing runs.
// The caller holds busy.
func (p *process) launch(ctx context.Context, v values) error {
	if err := p.halt(ctx, p.config.Stop.Grace.Std()); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := p.render(v); err != nil {
		return err
	}
	if err := p.occupied(ctx); err != nil {
		return err
	}
	out := newOutput(p.config.Output.Tail, p.expect, p.hide, p.log)
	c, err := start(ctx, p.config.arguments(v), p.config.environment(v), p.config.Dir, out, p.log)
	if err != nil {
		return err
	}
	p.update(func() { p.child, p.ready = c, false })
	p.log.DebugContext(ctx, "process started", "pid", c.pid)
	if err := p.awaitReady(ctx, c); err != nil {
		return errors.Join(err, p.discard(ctx))
	}
	p.update(func() { p.ready = true })
	return nil
}

// discard stops a process that is of no use, and does not wait long for it.
func (p *process) discard(ctx context.Context) error {
	return p.halt(context.WithoutCancel(ctx), min(quickGrace, p.config.Stop.Grace.Std()))
}

// render writes the file, if there is one.
func (p *process) render(v values) error {
	if p.file == nil {
		return nil
	}
	data, err := execute(p.template, v)
	if err != nil {
		return fmt.Errorf("rendering %s: %w", p.file.path, err)
	}
	return p.file.write(data, p.mode)
}
