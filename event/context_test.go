package event_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
)

func TestCurrent(t *testing.T) {
	_, ok := event.Current(t.Context())
	require.False(t, ok, "not in a hook")
	for _, sources := range []string{"", "peer"} {
		for _, at := range []event.Preposition{event.Before, event.On, event.After} {
			t.Run(at.String()+sources, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Hour)
					began := time.Now()
					e := event.New[string, string]("adjust")
					b := new(event.Bus)
					a := b.Scope("a")
					if sources != "" {
						register(e, b.Scope(sources), at, func(context.Context) error { return nil })
					}
					register(e, a, at, func(context.Context) error { time.Sleep(time.Minute); return nil })
					register(e, a, at, func(ctx context.Context) error {
						ctx, cancel := context.WithTimeout(ctx, time.Hour)
						defer cancel()
						c, ok := event.Current(ctx)
						assert.True(t, ok)
						assert.True(t, began.Equal(c.CreatedAt), "the start of the phase")
						c.CreatedAt = time.Time{}
						assert.Equal(t, event.Context{Event: "adjust", Preposition: at, Source: "a"}, c)
						return nil
					})
					_, err := e.Dispatch(t.Context(), b, "")
					require.NoError(t, err)
				})
			})
		}
	}
}

func TestCurrentOfNestedDispatches(t *testing.T) {
	inner, outer := event.New[string, string]("metrics"), event.New[string, string]("measure")
	b := new(event.Bus)
	a, c := b.Scope("a"), b.Scope("c")
	describe := func(ctx context.Context) string {
		current, _ := event.Current(ctx)
		return current.Source + "/" + current.String()
	}
	inner.Before(a, func(ctx context.Context, _ string) error {
		assert.Equal(t, "a/before:metrics", describe(ctx))
		return nil
	})
	inner.On(c, func(ctx context.Context, _ string) (string, error) { return describe(ctx), nil })
	outer.On(a, func(ctx context.Context, _ string) (string, error) {
		results, err := inner.Dispatch(ctx, b, "")
		require.NoError(t, err)
		assert.Equal(t, []string{"c/metrics"}, values(results))
		return describe(ctx), nil
	})
	results, err := outer.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"a/measure"}, values(results))
}

func TestHooksSeeTheContextOfTheCaller(t *testing.T) {
	e := event.New[string, string]("measure")
	for _, sources := range []int{1, 2} {
		b := new(event.Bus)
		for _, name := range []string{"a", "b"}[:sources] {
			e.On(b.Scope(name), func(ctx context.Context, _ string) (string, error) {
				servo, _ := event.Servo(ctx)
				_, bounded := ctx.Deadline()
				assert.True(t, bounded)
				return servo, nil
			})
		}
		ctx, cancel := context.WithTimeout(event.WithServo(t.Context(), "web"), time.Hour)
		results, err := e.Dispatch(ctx, b, "")
		cancel()
		require.NoError(t, err)
		assert.Equal(t, "web", results[0].Value)
	}
}

func TestAccessors(t *testing.T) {
	for name, c := range map[string]struct {
		with func(context.Context, string) context.Context
		get  func(context.Context) (string, bool)
	}{
		"servo":    {event.WithServo, event.Servo},
		"command":  {event.WithCommand, event.Command},
		"assembly": {event.WithAssembly, event.Assembly},
	} {
		t.Run(name, func(t *testing.T) {
			_, ok := c.get(t.Context())
			assert.False(t, ok)
			outer := c.with(t.Context(), "outer")
			inner := c.with(outer, "")
			value, ok := c.get(outer)
			assert.True(t, ok)
			assert.Equal(t, "outer", value)
			value, ok = c.get(inner)
			assert.True(t, ok, "empty is a value, too")
			assert.Empty(t, value)
		})
	}
}

func TestParseContext(t *testing.T) {
	known := []string{"measure", "adjust"}
	for text, c := range map[string]struct {
		want event.Context
		err  string
	}{
		"measure":        {want: event.Context{Event: "measure", Preposition: event.On}},
		"on:measure":     {want: event.Context{Event: "measure", Preposition: event.On}},
		"before:adjust":  {want: event.Context{Event: "adjust", Preposition: event.Before}},
		"after:adjust":   {want: event.Context{Event: "adjust", Preposition: event.After}},
		"unknown":        {err: `invalid event "unknown": unknown event "unknown", known are "measure", "adjust"`},
		"during:adjust":  {err: `invalid event "during:adjust": unsupported preposition "during": want one of before, on, after`},
		"before:":        {err: `invalid event "before:": event name "": must not be empty`},
		"":               {err: `invalid event "": event name "": must not be empty`},
		"before:on:x":    {err: `invalid event "before:on:x": event name "on:x": must contain neither colons nor blanks`},
		" measure":       {err: `invalid event " measure": event name " measure": must contain neither colons nor blanks`},
		"Before:measure": {err: `invalid event "Before:measure": unsupported preposition "Before": want one of before, on, after`},
	} {
		t.Run(text, func(t *testing.T) {
			got, err := event.ParseContext(text, known...)
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
	_, err := event.ParseContext("anything")
	assert.NoError(t, err, "without a list every name will do")
}

func TestContextMatchesExactly(t *testing.T) {
	at := func(text string) event.Context {
		c, err := event.ParseContext(text)
		require.NoError(t, err)
		return c
	}
	running := event.Context{Event: "adjust", Preposition: event.On, Source: "a", CreatedAt: time.Unix(1, 0)}
	assert.True(t, running.Matches(at("adjust")))
	assert.True(t, running.Matches(at("on:adjust")))
	assert.False(t, running.Matches(at("before:adjust")))
	assert.False(t, at("before:adjust").Matches(at("adjust")))
	assert.False(t, running.Matches(at("measure")))
}

func TestContextText(t *testing.T) {
	var c event.Context
	require.NoError(t, c.UnmarshalText([]byte("after:measure")))
	text, err := c.MarshalText()
	require.NoError(t, err)
	assert.Equal(t, "after:measure", string(text))
	require.Error(t, c.UnmarshalText([]byte("x:measure")))
	assert.Equal(t, "after:measure", c.String(), "unchanged")
	_, err = event.Context{Event: "measure"}.MarshalText()
	require.Error(t, err)
	_, err = event.Context{Preposition: event.On}.MarshalText()
	require.Error(t, err)
}

func FuzzParseContext(f *testing.F) {
	for _, seed := range []string{"measure", "before:adjust", "on:x", ":", "after:", "a:b:c", "\t"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := event.ParseContext(text)
		if err != nil {
			return
		}
		written, err := c.MarshalText()
		if err != nil {
			t.Fatalf("%q was read as %+v, which cannot be written: %v", text, c, err)
		}
		again, err := event.ParseContext(string(written))
		if err != nil || again != c {
			t.Fatalf("%q became %+v, then %+v (%v)", text, c, again, err)
		}
	})
}
