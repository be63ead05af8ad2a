package connector

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/event"
)

// Connector joins one technology to a servo.
type Connector interface {
	// Bind registers handlers, checks and background work with the host. It is
	// called once, before anything else, and does no I/O and starts no
	// goroutine. An error keeps the servo from starting.
	Bind(h *Host) error
}

// Env is what a connector is built with. The servo fills it; every field has a
// value that can be used.
type Env struct {
	// Name is the name of the instance: the default name or an alias.
	Name string
	// Logger carries the name of servo and connector.
	Logger *slog.Logger
	// HTTP is the client for the connector's own requests, set up from the
	// common settings.
	HTTP *http.Client
	// Common are the settings that all connectors share.
	Common config.Common
	_      struct{}
}

// Definition is a kind of connector: what it is and how to build one. Make it
// with [Define], export it as one value, and list it in main.
type Definition struct {
	info  Info
	build func(*config.Stanza, Env) (Connector, error)
	check func(*config.Stanza) error
	same  func(a, b *config.Stanza) bool
	kind  config.Kind
}

// Define returns the definition of a connector with configuration C, which
// build receives decoded, with defaults and validated. C is a plain struct with
// yaml tags; give it SetDefaults and Validate methods where needed, and struct
// tags "description" and "example", which become part of its schema and of
// generated files. A method Sample() C gives the sample instead of the examples.
// Build must not do I/O.
func Define[C any](info Info, build func(C, Env) (Connector, error)) Definition {
	var zero C
	kind := config.Kind{
		Name: info.Name, FullName: info.FullName, Version: info.Version,
		Description: info.Description, Homepage: info.Homepage, Config: zero,
	}
	if s, ok := any(&zero).(interface{ Sample() C }); ok {
		kind.Sample = s.Sample()
	}
	return Definition{
		info: info,
		kind: kind,
		build: func(s *config.Stanza, env Env) (Connector, error) {
			c, err := config.Decode[C](s)
			if err != nil {
				return nil, err
			}
			return built(build, c, env)
		},
		check: func(s *config.Stanza) error {
			_, err := config.Decode[C](s)
			return err
		},
		same: func(a, b *config.Stanza) bool {
			x, errA := config.Decode[C](a)
			y, errB := config.Decode[C](b)
			return errA == nil && errB == nil && reflect.DeepEqual(x, y)
		},
	}
}

// built calls build; a panic in it is an error with the stack.
func built[C any](build func(C, Env) (Connector, error), c C, env Env) (made Connector, err error) {
	defer func() {
		if v := recover(); v != nil {
			made, err = nil, fmt.Errorf("building it: %w", &event.PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	return build(c, env)
}

// Info says what the connector is.
func (d Definition) Info() Info { return d.info }

// Kind is what the configuration of a whole program needs to know of the
// connector: its configuration type and a sample. Collect the kinds of all
// definitions in a [config.Model] to describe, generate, check and print
// configurations.
func (d Definition) Kind() config.Kind { return d.kind }

// Schema returns the JSON Schema of the connector's stanza, the same text on
// every call. Keep it as a golden file, so that a change of the configuration is
// seen in review.
func (d Definition) Schema() ([]byte, error) {
	if d.check == nil {
		return nil, errors.New("connector: the definition is empty: make it with Define")
	}
	return config.Model{Kinds: []config.Kind{d.kind}}.StanzaSchema(d.info.Name)
}

// Check decodes and validates a stanza without building anything. The error
// lists every problem with its place in the file.
func (d Definition) Check(stanza *config.Stanza) error {
	if d.check == nil {
		return errors.New("connector: the definition is empty: make it with Define")
	}
	return d.check(stanza)
}

// Same reports whether two stanzas give the connector the same configuration,
// with everything that other sources add to them. A program that reloads its
// configuration uses it to leave alone what has not changed. A stanza that is not
// valid is the same as no other.
func (d Definition) Same(a, b *config.Stanza) bool { return d.same != nil && d.same(a, b) }

// New builds a connector from its stanza; a nil stanza means the defaults.
// Missing parts of env are filled with defaults. The error lists every problem
// of the stanza, or says why the connector could not be built; after a panic of
// the build function it wraps an [event.PanicError] with the stack.
func (d Definition) New(stanza *config.Stanza, env Env) (Connector, error) {
	if d.build == nil {
		return nil, errors.New("connector: the definition is empty: make it with Define")
	}
	if env.Name == "" {
		env.Name = d.info.Name
	}
	if env.Logger == nil {
		env.Logger = slog.New(slog.DiscardHandler)
	}
	if env.HTTP == nil {
		env.HTTP = http.DefaultClient
	}
	c, err := d.build(stanza, env)
	if err == nil && c == nil {
		err = errors.New("the definition built nothing")
	}
	if err != nil {
		return nil, fmt.Errorf("connector %s: %w", env.Name, err)
	}
	return c, nil
}
