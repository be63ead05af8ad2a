package event_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
)

// host embeds a scope, as what connectors get does.
type host struct{ *event.Scope }

func TestRegistrarMayEmbedAScope(t *testing.T) {
	e := event.New[string, string]("measure")
	b := new(event.Bus)
	h := host{b.Scope("a")}
	e.On(h, answer("a"))
	results, err := e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, values(results))
	assert.Equal(t, "a", h.Source())
}

func TestRegisteringWithoutABusPanics(t *testing.T) {
	e := event.New[string, string]("measure")
	for name, r := range map[string]event.Registrar{
		"nil": nil, "nil scope": (*event.Scope)(nil), "zero scope": new(event.Scope), "empty host": host{},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Panics(t, func() { e.Before(r, func(context.Context, string) error { return nil }) })
			assert.Panics(t, func() { e.On(r, answer("")) })
			assert.Panics(t, func() { e.After(r, nil) })
		})
	}
}

func TestSourcesAndResponds(t *testing.T) {
	e, other := event.New[string, string]("measure"), event.New[int, int]("adjust")
	b := new(event.Bus)
	assert.Empty(t, b.Sources())
	assert.Empty(t, b.Responds("measure"))
	require.NoError(t, b.Err())

	one, two, three := b.Scope("one"), b.Scope("two"), b.Scope("three")
	e.On(three, answer("3"))
	e.On(one, answer("1"))
	e.Before(two, func(context.Context, string) error { return nil })
	other.On(two, func(context.Context, int) (int, error) { return 0, nil })
	assert.Equal(t, []string{"one", "two", "three"}, b.Sources())
	assert.Equal(t, []string{"one", "three"}, b.Responds("measure"))
	assert.Equal(t, []string{"two"}, b.Responds("adjust"))
	assert.Empty(t, b.Responds("unknown"))

	one.Close()
	assert.Equal(t, []string{"two", "three"}, b.Sources())
	assert.Equal(t, []string{"three"}, b.Responds("measure"))
}

func TestClosingAScope(t *testing.T) {
	e := event.New[string, string]("measure")
	b := new(event.Bus)
	a, keep := b.Scope("a"), b.Scope("keep")
	witness(e, a, new(journal))
	e.On(a, answer("a"))
	e.On(keep, answer("keep"))
	a.Close()
	a.Close()
	results, err := e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"keep"}, values(results))

	again := b.Scope("a")
	e.On(again, answer("again"))
	require.NoError(t, b.Err(), "the name is free again")
	results, err = e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"keep", "again"}, values(results), "the bus order is that of opening")

	again.Close()
	keep.Close()
	results, err = e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	assert.Empty(t, results)
}

func TestAHookMayCloseItsOwnScope(t *testing.T) {
	e := event.New[string, string]("detach")
	b := new(event.Bus)
	s := b.Scope("a")
	e.On(s, func(context.Context, string) (string, error) { s.Close(); return "closed", nil })
	e.On(s, answer("still runs"))
	results, err := e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"closed", "still runs"}, values(results))
	assert.Empty(t, b.Sources())
}

func TestOneEventOnTwoBuses(t *testing.T) {
	e := event.New[string, string]("measure")
	left, right := new(event.Bus), new(event.Bus)
	e.On(left.Scope("a"), answer("left"))
	e.On(right.Scope("a"), answer("right"))
	for bus, want := range map[*event.Bus]string{left: "left", right: "right"} {
		results, err := e.Dispatch(t.Context(), bus, "")
		require.NoError(t, err)
		assert.Equal(t, []string{want}, values(results))
	}
}

func TestRegistrationProblems(t *testing.T) {
	measure, adjust := event.New[string, string]("measure"), event.New[string, string]("adjust")
	cases := map[string]struct {
		do   func(*event.Bus)
		want string
	}{
		"two events of one name": {
			func(b *event.Bus) {
				measure.On(b.Scope("a"), answer(""))
				event.New[string, string]("measure").On(b.Scope("b"), answer(""))
			},
			`2 different events are named "measure" on this bus (hooks of "a", "b")`,
		},
		"two events of one name and other types": {
			func(b *event.Bus) {
				s := b.Scope("a")
				measure.On(s, answer(""))
				event.New[int, int]("measure").Before(s, func(context.Context, int) error { return nil })
			},
			`2 different events are named "measure" on this bus (hooks of "a")`,
		},
		"nil hooks": {
			func(b *event.Bus) {
				s := b.Scope("a")
				measure.On(s, nil)
				measure.On(s, nil)
				measure.Before(s, nil)
				measure.After(s, nil)
			},
			"registering the measure hook of \"a\": the hook is nil\n" +
				"registering the before:measure hook of \"a\": the hook is nil\n" +
				"registering the after:measure hook of \"a\": the hook is nil",
		},
		"closed scope": {
			func(b *event.Bus) {
				s := b.Scope("a")
				s.Close()
				measure.On(s, answer(""))
			},
			`registering the measure hook of "a": its scope is closed`,
		},
		"source twice": {
			func(b *event.Bus) {
				b.Scope("a")
				measure.On(b.Scope("a"), answer(""))
			},
			`opening a scope: there is already a source "a" on this bus`,
		},
		"source without a name": {
			func(b *event.Bus) { measure.On(b.Scope(""), answer("")) },
			`opening a scope: the source has no name`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := new(event.Bus)
			witness(adjust, b.Scope("innocent"), new(journal))
			require.NoError(t, b.Err())
			c.do(b)
			require.EqualError(t, b.Err(), c.want)
			_, err := measure.Dispatch(t.Context(), b, "")
			require.EqualError(t, err, "dispatching measure: "+c.want)
			_, err = adjust.Dispatch(t.Context(), b, "")
			require.NoError(t, err, "other events are not affected")
		})
	}
}

func TestProblemsAreJoined(t *testing.T) {
	b := new(event.Bus)
	s := b.Scope("a")
	b.Scope("a")
	event.New[string, string]("measure").On(s, nil)
	for _, name := range []string{"zeta", "beta"} {
		event.New[string, string](name).On(s, answer(""))
		event.New[string, string](name).On(s, answer(""))
	}
	assert.EqualError(t, b.Err(), `opening a scope: there is already a source "a" on this bus
registering the measure hook of "a": the hook is nil
2 different events are named "beta" on this bus (hooks of "a")
2 different events are named "zeta" on this bus (hooks of "a")`)
}

// A participant that turns out to be wrong can be taken out of a running bus.
func TestClosingAScopeTakesItsProblemsAlong(t *testing.T) {
	e := event.New[string, string]("measure")
	b := new(event.Bus)
	good := b.Scope("good")
	e.On(good, answer("good"))

	twin := b.Scope("good")
	e.On(twin, answer("twin"))
	bad := b.Scope("bad")
	e.On(bad, nil)
	event.New[string, string]("measure").On(bad, answer("impostor"))
	require.Error(t, b.Err())
	_, err := e.Dispatch(t.Context(), b, "")
	require.Error(t, err)
	assert.Equal(t, []string{"good", "bad"}, b.Sources())

	twin.Close()
	bad.Close()
	require.NoError(t, b.Err())
	results, err := e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"good"}, values(results))
}

func TestDispatchingAnImpostor(t *testing.T) {
	b := new(event.Bus)
	event.New[string, string]("measure").On(b.Scope("a"), answer(""))
	_, err := event.New[int, int]("measure").Dispatch(t.Context(), b, 1)
	require.EqualError(t, err, "dispatching measure: the hooks on this bus belong to a different event of that name")
	require.NoError(t, b.Err(), "nothing was registered wrongly")
}

func TestUnusableEvents(t *testing.T) {
	var nothing event.Around[string]
	for name, c := range map[string]struct {
		e    *event.Event[string, string]
		want string
	}{
		"no name":    {event.New[string, string](""), `event name "": must not be empty`},
		"colon":      {event.New[string, string]("before:x"), `event name "before:x": must contain neither colons nor blanks`},
		"blank":      {event.New[string, string]("a b"), `event name "a b": must contain neither colons nor blanks`},
		"nil around": {event.NewSequential[string, string]("x", nothing), `event x: around function 1 is nil`},
		"zero value": {new(event.Event[string, string]), `event name "": must not be empty`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.e.Dispatch(t.Context(), new(event.Bus), "")
			require.ErrorContains(t, err, c.want)
			b := new(event.Bus)
			c.e.On(b.Scope("a"), answer(""))
			require.EqualError(t, b.Err(), c.want)
			_, err = c.e.Dispatch(t.Context(), b, "")
			require.ErrorContains(t, err, c.want)
		})
	}
}
