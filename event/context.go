package event

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Context tells which hook is running: see [Current]. The name of an event and a
// preposition in configuration has the same type: see [ParseContext].
type Context struct {
	Event       string
	Preposition Preposition
	Source      string    // the source whose hook it is; empty when parsed
	CreatedAt   time.Time // when the phase began; zero when parsed
}

// String returns "<event>" for the on phase and "<preposition>:<event>" for the
// others.
func (c Context) String() string {
	if c.Preposition == On {
		return c.Event
	}
	return c.Preposition.String() + ":" + c.Event
}

// Matches reports whether both name the same event at the same preposition. Who
// was running and since when does not matter; "before:adjust" never matches
// "adjust".
func (c Context) Matches(other Context) bool {
	return c.Event == other.Event && c.Preposition == other.Preposition
}

// MarshalText writes the form that [ParseContext] reads. It is an error when the
// preposition is not a single phase or the event has no name.
func (c Context) MarshalText() ([]byte, error) {
	if _, err := c.Preposition.MarshalText(); err != nil {
		return nil, err
	}
	if err := checkName(c.Event); err != nil {
		return nil, err
	}
	return []byte(c.String()), nil
}

// UnmarshalText reads what [ParseContext] accepts; on an error c is unchanged.
func (c *Context) UnmarshalText(text []byte) error {
	parsed, err := ParseContext(string(text))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

// ParseContext reads "<event>", which means the on phase, or
// "<preposition>:<event>". When the names of the existing events are given, any
// other name is an error that lists them.
func ParseContext(text string, known ...string) (Context, error) {
	c := Context{Event: text, Preposition: On}
	if word, name, found := strings.Cut(text, ":"); found {
		p, err := ParsePreposition(word)
		if err != nil {
			return Context{}, fmt.Errorf("invalid event %q: %w", text, err)
		}
		c.Event, c.Preposition = name, p
	}
	if err := checkName(c.Event); err != nil {
		return Context{}, fmt.Errorf("invalid event %q: %w", text, err)
	}
	if len(known) > 0 && !slices.Contains(known, c.Event) {
		return Context{}, fmt.Errorf("invalid event %q: unknown event %q, known are %s", text, c.Event, quoted(known))
	}
	return c, nil
}

// checkName keeps names apart from the syntax around them.
func checkName(name string) error {
	if name == "" {
		return fmt.Errorf("event name %q: must not be empty", name)
	}
	if strings.ContainsAny(name, ": \t\r\n") {
		return fmt.Errorf("event name %q: must contain neither colons nor blanks", name)
	}
	return nil
}

func quoted(names []string) string {
	if len(names) == 0 {
		return "(none)"
	}
	var text strings.Builder
	for i, name := range names {
		if i > 0 {
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "%q", strings.Clone(name))
	}
	return text.String()
}

// Current returns which hook ctx was handed to: inside a hook, and in everything
// that derives its context from the hook's, the innermost one. ok is false
// outside of hooks.
func Current(ctx context.Context) (c Context, ok bool) {
	h, ok := ctx.Value(currentKey{}).(*hookContext)
	if !ok {
		return Context{}, false
	}
	return Context{
		Event:       h.phase.event.name,
		Preposition: h.phase.preposition,
		Source:      h.scope.source,
		CreatedAt:   h.phase.began,
	}, true
}

type (
	currentKey  struct{}
	servoKey    struct{}
	commandKey  struct{}
	assemblyKey struct{}
)

// WithServo returns a context that says on behalf of which servo things happen.
// Whoever runs a servo sets it; hooks read it with [Servo].
func WithServo(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, servoKey{}, name)
}

// Servo returns the name given to [WithServo]; ok is false when there was none.
func Servo(ctx context.Context) (name string, ok bool) {
	name, ok = ctx.Value(servoKey{}).(string)
	return name, ok
}

// WithCommand returns a context that carries the identifier of the optimizer's
// command being executed.
func WithCommand(ctx context.Context, uid string) context.Context {
	return context.WithValue(ctx, commandKey{}, uid)
}

// Command returns the identifier given to [WithCommand]; ok is false when no
// command is being executed, or when it has no identifier that was passed on.
func Command(ctx context.Context) (uid string, ok bool) {
	uid, ok = ctx.Value(commandKey{}).(string)
	return uid, ok
}

// WithAssembly returns a context that says which assembly of servos is running.
func WithAssembly(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, assemblyKey{}, name)
}

// Assembly returns the name given to [WithAssembly]; ok is false when there was none.
func Assembly(ctx context.Context) (name string, ok bool) {
	name, ok = ctx.Value(assemblyKey{}).(string)
	return name, ok
}

// phase is what the contexts of all hooks of one phase have in common.
type phase struct {
	ctx         context.Context //nolint:containedctx // this is a context: the caller's, or derived from it when sources run concurrently
	event       *definition
	preposition Preposition
	watched     bool // the bus had observers when the dispatch began
	began       time.Time
}

// hookContext is the context of the hooks of one source in one phase. It is a
// context implementation of its own because a context.WithValue for each hook
// would cost two allocations more. It is never changed once a hook has seen it.
type hookContext struct {
	phase *phase
	scope *Scope
}

func (c *hookContext) Deadline() (time.Time, bool) { return c.phase.ctx.Deadline() }
func (c *hookContext) Done() <-chan struct{}       { return c.phase.ctx.Done() }
func (c *hookContext) Err() error                  { return c.phase.ctx.Err() }

func (c *hookContext) Value(key any) any {
	if _, ok := key.(currentKey); ok {
		return c
	}
	return c.phase.ctx.Value(key)
}
