package event_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
)

func TestFirst(t *testing.T) {
	e := event.New[string, string]("describe")
	b := new(event.Bus)
	j := new(journal)
	silent, twice, never := b.Scope("silent"), b.Scope("twice"), b.Scope("never")
	e.Before(silent, func(context.Context, string) error { j.add("before silent"); return nil })
	e.On(never, j.answer("never"))
	e.On(twice, j.answer("one"))
	e.On(twice, j.answer("two"))
	e.After(never, func(_ context.Context, _ string, results []event.Result[string]) error {
		j.add(fmt.Sprint("after ", values(results)))
		return nil
	})

	results, err := e.Dispatch(t.Context(), b, "", event.First())
	require.NoError(t, err)
	assert.Equal(t, []string{"one"}, values(results))
	assert.Equal(t, "twice", results[0].Source)
	assert.Equal(t, 1, cap(results))
	assert.Equal(t, []string{"before silent", "one", "two", "after [one two]"}, j.all())

	t.Run("with only", func(t *testing.T) {
		results, err := e.Dispatch(t.Context(), b, "", event.First(), event.Only("never", "silent"))
		require.NoError(t, err)
		assert.Equal(t, []string{"never"}, values(results))
	})
	t.Run("nobody responds", func(t *testing.T) {
		results, err := e.Dispatch(t.Context(), b, "", event.First(), event.Only("silent"))
		require.NoError(t, err)
		assert.Empty(t, results)
	})
	t.Run("cancelled", func(t *testing.T) {
		s := b.Scope("guard")
		defer s.Close()
		e.Before(s, func(context.Context, string) error { return event.Cancel("freeze") })
		_, err := e.Dispatch(t.Context(), b, "", event.First())
		assert.ErrorIs(t, err, event.ErrCancelled)
	})
	t.Run("does not go on after an error", func(t *testing.T) {
		b := new(event.Bus)
		e.On(b.Scope("bad"), fail(errBoom))
		e.On(b.Scope("good"), answer("good"))
		_, err := e.Dispatch(t.Context(), b, "", event.First())
		require.ErrorIs(t, err, errBoom)
		results, err := e.Dispatch(t.Context(), b, "", event.First(), event.CollectErrors())
		require.NoError(t, err)
		require.Len(t, results, 1)
		assert.ErrorIs(t, results[0].Err, errBoom)
	})
}

func TestCollectErrors(t *testing.T) {
	for name, e := range map[string]*event.Event[string, string]{
		"concurrent": event.New[string, string]("check"),
		"sequential": event.NewSequential[string, string]("check"),
	} {
		t.Run(name, func(t *testing.T) {
			b := new(event.Bus)
			j := new(journal)
			bad, good := b.Scope("bad"), b.Scope("good")
			e.On(bad, fail(errBoom))
			e.On(bad, func(context.Context, string) (string, error) { panic("ouch") })
			e.On(bad, answer("later"))
			e.On(good, answer("fine"))
			e.After(good, func(_ context.Context, _ string, results []event.Result[string]) error {
				j.add(fmt.Sprint(len(results)))
				return nil
			})
			results, err := e.Dispatch(t.Context(), b, "", event.CollectErrors())
			require.NoError(t, err)
			assert.Equal(t, []string{"", "", "later", "fine"}, values(results))
			assert.Equal(t, []string{"bad", "bad", "bad", "good"}, sourcesOf(results))
			assert.Equal(t, &event.HookError{Event: "check", Source: "bad", Preposition: event.On, Err: errBoom}, results[0].Err)
			var p *event.PanicError
			require.ErrorAs(t, results[1].Err, &p)
			assert.Equal(t, "ouch", p.Value)
			assert.NoError(t, results[2].Err)
			assert.NoError(t, results[3].Err)
			assert.Equal(t, []string{"4"}, j.all(), "after hooks run")
		})
	}
}

func TestCollectErrorsLeavesOtherPhasesFailFast(t *testing.T) {
	for _, at := range []event.Preposition{event.Before, event.After} {
		t.Run(at.String(), func(t *testing.T) {
			e := event.New[string, string]("check")
			b := new(event.Bus)
			s := b.Scope("a")
			register(e, s, at, func(context.Context) error { return errBoom })
			register(e, s, at, func(context.Context) error { t.Error("ran after a failure"); return nil })
			_, err := e.Dispatch(t.Context(), b, "", event.CollectErrors())
			assert.ErrorIs(t, err, errBoom)
		})
	}
}

func TestOnlyAndSkip(t *testing.T) {
	e := event.New[string, string]("measure")
	b := new(event.Bus)
	for _, name := range []string{"a", "b", "c"} {
		e.On(b.Scope(name), answer(name))
	}
	b.Scope("mute")
	cases := map[string]struct {
		opts []event.DispatchOption
		want []string
	}{
		"bus order, not option order": {[]event.DispatchOption{event.Only("c", "a")}, []string{"a", "c"}},
		"only adds up":                {[]event.DispatchOption{event.Only("c"), event.Only("b")}, []string{"b", "c"}},
		"skip":                        {[]event.DispatchOption{event.Skip("b")}, []string{"a", "c"}},
		"skip wins":                   {[]event.DispatchOption{event.Skip("b"), event.Only("a", "b")}, []string{"a"}},
		"only nobody":                 {[]event.DispatchOption{event.Only()}, nil},
		"skip nobody":                 {[]event.DispatchOption{event.Skip()}, []string{"a", "b", "c"}},
		"known without hooks":         {[]event.DispatchOption{event.Only("mute")}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			results, err := e.Dispatch(t.Context(), b, "", c.opts...)
			require.NoError(t, err)
			assert.Equal(t, c.want, values(results))
		})
	}
}

func TestOnlyAppliesToEveryPhase(t *testing.T) {
	e := event.New[string, string]("measure")
	b := new(event.Bus)
	in, out := new(journal), new(journal)
	witness(e, b.Scope("in"), in)
	witness(e, b.Scope("out"), out)
	_, err := e.Dispatch(t.Context(), b, "", event.Only("in"))
	require.NoError(t, err)
	assert.Equal(t, []string{"before", "on", "after"}, in.all())
	assert.Empty(t, out.all())
}

func TestWrongOptionsAreErrors(t *testing.T) {
	e := event.New[string, string]("measure")
	cases := map[string]struct {
		opts []event.DispatchOption
		want string
	}{
		"only": {[]event.DispatchOption{event.Only("a", "x")},
			`dispatching measure: only: unknown source "x" (sources on this bus: "a", "b")`},
		"skip": {[]event.DispatchOption{event.Skip("y")},
			`dispatching measure: skip: unknown source "y" (sources on this bus: "a", "b")`},
		"no phase": {[]event.DispatchOption{event.Prepositions(0)},
			`dispatching measure: prepositions: Preposition(0) selects no phase or unknown ones (sources on this bus: "a", "b")`},
		"all problems at once": {[]event.DispatchOption{event.Only("x", "a", "z"), event.Skip("y"), event.Prepositions(8)},
			`dispatching measure: only: unknown source "x"; only: unknown source "z"; skip: unknown source "y"; ` +
				`prepositions: Preposition(8) selects no phase or unknown ones (sources on this bus: "a", "b")`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := new(event.Bus)
			e.On(b.Scope("a"), func(context.Context, string) (string, error) { t.Error("ran"); return "", nil })
			b.Scope("b")
			_, err := e.Dispatch(t.Context(), b, "", c.opts...)
			assert.EqualError(t, err, c.want)
		})
	}
	t.Run("empty bus", func(t *testing.T) {
		_, err := e.Dispatch(t.Context(), new(event.Bus), "", event.Only("x"))
		assert.EqualError(t, err, `dispatching measure: only: unknown source "x" (sources on this bus: (none))`)
	})
	t.Run("a closed source is unknown", func(t *testing.T) {
		b := new(event.Bus)
		b.Scope("gone").Close()
		_, err := e.Dispatch(t.Context(), b, "", event.Skip("gone"))
		assert.ErrorContains(t, err, `unknown source "gone"`)
	})
}

func TestPrepositionsMask(t *testing.T) {
	cases := map[event.Preposition][]string{
		event.Before:               {"before"},
		event.On:                   {"on"},
		event.After:                {"after"},
		event.Before | event.After: {"before", "after"},
		event.Before | event.On:    {"before", "on"},
		event.All:                  {"before", "on", "after"},
	}
	for mask, want := range cases {
		t.Run(mask.String(), func(t *testing.T) {
			e := event.New[string, string]("attach")
			b := new(event.Bus)
			j := new(journal)
			witness(e, b.Scope("a"), j)
			_, err := e.Dispatch(t.Context(), b, "", event.Prepositions(event.All), event.Prepositions(mask))
			require.NoError(t, err)
			assert.Equal(t, want, j.all())
		})
	}
}

func TestPrepositionText(t *testing.T) {
	for text, want := range map[string]event.Preposition{"before": 1, "on": 2, "after": 4} {
		p, err := event.ParsePreposition(text)
		require.NoError(t, err)
		assert.Equal(t, want, p)
		written, err := p.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, text, string(written))
		assert.Equal(t, text, p.String())
	}
	for _, text := range []string{"", "On", " on", "all", "before|on", "during", "2"} {
		p := event.After
		require.Error(t, p.UnmarshalText([]byte(text)), text)
		assert.Equal(t, event.After, p, "unchanged")
	}
	_, err := event.ParsePreposition("during")
	require.EqualError(t, err, `unsupported preposition "during": want one of before, on, after`)
	for _, p := range []event.Preposition{0, event.All, event.Before | event.On, 8} {
		_, err := p.MarshalText()
		assert.Error(t, err, p.String())
	}
	assert.Equal(t, "before|on|after", event.All.String())
	assert.Equal(t, "Preposition(9)", event.Preposition(9).String())
}

func TestSkipWinsWhateverTheOrder(t *testing.T) {
	e := event.New[string, string]("adjust")
	b := new(event.Bus)
	for _, source := range []string{"a", "b", "c"} {
		e.On(b.Scope(source), answer(source))
	}
	for name, opts := range map[string][]event.DispatchOption{
		"only, skip": {event.Only("a", "b"), event.Skip("b")},
		"skip, only": {event.Skip("b"), event.Only("a", "b")},
	} {
		t.Run(name, func(t *testing.T) {
			results, err := e.Dispatch(t.Context(), b, "in", opts...)
			require.NoError(t, err)
			assert.Equal(t, []string{"a"}, values(results))
		})
	}
}
