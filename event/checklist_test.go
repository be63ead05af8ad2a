package event_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
)

// checklistBus is a bus with three sources.
type checklistBus struct {
	*event.Bus
	a, b, c *event.Scope
}

// checklistRow is a rule and the test that it is followed.
type checklistRow struct {
	name string
	run  func(*testing.T, *event.Event[string, string], checklistBus, *journal)
}

// TestChecklist has a case for each rule of prepositions, dispatches, their
// options and errors, around functions and contexts. Each case gets an event, a
// bus with the sources a, b and c, and a journal, in a bubble of its own time.
func TestChecklist(t *testing.T) {
	rows := slices.Concat(checklistPhases(), checklistOptions(), checklistQuirks(), checklistAround())
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := new(event.Bus)
				b := checklistBus{bus, bus.Scope("a"), bus.Scope("b"), bus.Scope("c")}
				row.run(t, event.New[string, string]("adjust"), b, new(journal))
				assert.NoError(t, bus.Err())
			})
		})
	}
	assert.Equal(t, 73, len(rows), "rows")
}

func boom(context.Context) error { return errBoom }

func veto(context.Context) error { return event.Cancel("freeze") }

func dispatch(t *testing.T, e *event.Event[string, string], b checklistBus, opts ...event.DispatchOption) []event.Result[string] {
	t.Helper()
	results, err := e.Dispatch(t.Context(), b.Bus, "in", opts...)
	require.NoError(t, err)
	return results
}

func refused(t *testing.T, e *event.Event[string, string], b checklistBus, opts ...event.DispatchOption) error {
	t.Helper()
	results, err := e.Dispatch(t.Context(), b.Bus, "in", opts...)
	require.Error(t, err)
	assert.Nil(t, results)
	return err
}

// together registers hooks of a and b that each take a second.
func together(e *event.Event[string, string], b checklistBus, at event.Preposition) {
	for _, s := range []*event.Scope{b.a, b.b} {
		register(e, s, at, func(context.Context) error { time.Sleep(time.Second); return nil })
	}
}

// unwound registers a hook of b that notes why its context ended.
func unwound(e *event.Event[string, string], b checklistBus, j *journal, at event.Preposition) {
	register(e, b.b, at, func(ctx context.Context) error {
		<-ctx.Done()
		j.add(context.Cause(ctx).Error())
		return ctx.Err()
	})
}

func seconds(began time.Time) float64 { return time.Since(began).Seconds() }

// seen dispatches once and returns what Current says in the hook of a.
func seen(t *testing.T, e *event.Event[string, string], b checklistBus, at event.Preposition) (c event.Context) {
	t.Helper()
	register(e, b.a, at, func(ctx context.Context) error { c, _ = event.Current(ctx); return nil })
	dispatch(t, e, b)
	return c
}

// surrounded is an event with an around function that writes down what it sees.
func surrounded(j *journal) *event.Event[string, int] {
	return event.New[string, int]("around", func(ctx context.Context, in string, next next) error {
		j.add("setup " + in)
		err := next(ctx)
		j.add(fmt.Sprint("teardown ", err))
		return err
	})
}

// count registers a hook whose result is of another type than its input.
func count(e *event.Event[string, int], r event.Registrar, j *journal, line string) {
	e.On(r, func(context.Context, string) (int, error) { j.add(line); return len(line), nil })
}

// inHook checks that a value of the dispatch's context is seen in hooks, also in
// what they start, and nowhere else.
func inHook(t *testing.T, e *event.Event[string, string], b *event.Bus, s *event.Scope, ctx context.Context, get func(context.Context) (string, bool), want string) { //nolint:revive // t goes first
	t.Helper()
	got := make(chan string, 1)
	register(e, s, event.On, func(ctx context.Context) error {
		go func() { name, _ := get(ctx); got <- name }()
		return nil
	})
	_, err := e.Dispatch(ctx, b, "in")
	require.NoError(t, err)
	assert.Equal(t, want, <-got)
	_, ok := get(t.Context())
	assert.False(t, ok)
}
