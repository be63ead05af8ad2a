package event_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
)

type next = func(context.Context) error

func pass(ctx context.Context, _ string, next next) error { return next(ctx) }

func TestAroundSurroundsOnHooksOnly(t *testing.T) {
	j := new(journal)
	layer := func(name string) event.Around[string] {
		return func(ctx context.Context, in string, next next) error {
			j.add(name + " in " + in)
			defer j.add(name + " out")
			return next(ctx)
		}
	}
	e := event.NewSequential[string, string]("adjust", layer("outer"), layer("inner"))
	b := new(event.Bus)
	a := b.Scope("a")
	witness(e, a, j)
	e.On(a, j.answer("second"))
	results, err := e.Dispatch(t.Context(), b, "input")
	require.NoError(t, err)
	assert.Equal(t, []string{"", "second"}, values(results))
	assert.Equal(t, []string{
		"before",
		"outer in input", "inner in input", "on", "inner out", "outer out",
		"outer in input", "inner in input", "second", "inner out", "outer out",
		"after",
	}, j.all())
}

func TestAroundOutcomes(t *testing.T) {
	errTeardown := errors.New("teardown")
	cases := map[string]struct {
		around []event.Around[string]
		hook   func(context.Context, string) (string, error)
		value  string
		err    string // of the dispatch; empty for success
	}{
		"passes on": {
			around: []event.Around[string]{pass, pass}, hook: answer("v"), value: "v",
		},
		"hook fails": {
			around: []event.Around[string]{pass}, hook: fail(errBoom), err: "adjust hook of a: boom",
		},
		"teardown fails": {
			around: []event.Around[string]{func(ctx context.Context, _ string, next next) error {
				return errors.Join(next(ctx), errTeardown)
			}},
			hook: answer("v"), err: "adjust hook of a: teardown",
		},
		"swallows the error": {
			around: []event.Around[string]{func(ctx context.Context, _ string, next next) error { _ = next(ctx); return nil }},
			hook:   func(context.Context, string) (string, error) { return "partial", errBoom }, value: "partial",
		},
		"does not call next": {
			around: []event.Around[string]{func(context.Context, string, next) error { return nil }},
			hook:   answer("v"),
			err:    "adjust hook of a: the hook did not run: around function 1 of 1 returned without calling next",
		},
		"inner does not call next": {
			around: []event.Around[string]{pass, func(context.Context, string, next) error { return nil }},
			hook:   answer("v"),
			err:    "adjust hook of a: the hook did not run: around function 2 of 2 returned without calling next",
		},
		"refuses": {
			around: []event.Around[string]{func(context.Context, string, next) error { return errBoom }},
			hook:   answer("v"), err: "adjust hook of a: boom",
		},
		"cancels": {
			around: []event.Around[string]{func(context.Context, string, next) error { return event.Cancel("freeze") }},
			hook:   answer("v"), err: "adjust hook of a: event cancelled: freeze",
		},
		"panics": {
			around: []event.Around[string]{func(context.Context, string, next) error { panic("ouch") }},
			hook:   answer("v"), err: "adjust hook of a: panic: ouch",
		},
		"hook panics": {
			around: []event.Around[string]{pass},
			hook:   func(context.Context, string) (string, error) { panic("ouch") }, err: "adjust hook of a: panic: ouch",
		},
		"recovers the panic of the hook": {
			around: []event.Around[string]{func(ctx context.Context, _ string, next next) (err error) {
				defer func() { _ = recover() }()
				return next(ctx)
			}},
			hook: func(context.Context, string) (string, error) { panic("ouch") },
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e := event.New[string, string]("adjust", c.around...)
			b := new(event.Bus)
			e.On(b.Scope("a"), c.hook)
			results, err := e.Dispatch(t.Context(), b, "")
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, []string{c.value}, values(results))
		})
	}
}

func TestAroundMayRetry(t *testing.T) {
	e := event.New[string, int]("measure", func(ctx context.Context, _ string, next next) error {
		var err error
		for range 3 {
			if err = next(ctx); err == nil {
				break
			}
		}
		return err
	})
	b := new(event.Bus)
	runs := 0
	e.On(b.Scope("a"), func(context.Context, string) (int, error) {
		runs++
		if runs < 3 {
			return -1, errBoom
		}
		return runs, nil
	})
	results, err := e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	assert.Equal(t, 3, results[0].Value)
}

func TestAroundChoosesTheContextOfTheHook(t *testing.T) {
	e := event.New[string, string]("measure", func(ctx context.Context, _ string, next next) error {
		c, ok := event.Current(ctx)
		assert.True(t, ok)
		assert.Equal(t, "a", c.Source)
		return next(event.WithCommand(ctx, "uid"))
	})
	b := new(event.Bus)
	e.On(b.Scope("a"), func(ctx context.Context, _ string) (string, error) {
		uid, _ := event.Command(ctx)
		return uid, nil
	})
	results, err := e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"uid"}, values(results))
}

// A next that outlives its around function must neither run the hook nor touch
// the result.
func TestNextAfterReturn(t *testing.T) {
	var kept next
	e := event.New[string, string]("measure", func(ctx context.Context, _ string, next next) error {
		kept = next
		return next(ctx)
	})
	b := new(event.Bus)
	j := new(journal)
	e.On(b.Scope("a"), j.answer("a"))
	_, err := e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	require.ErrorContains(t, kept(t.Context()), "after its around function had returned")
	assert.Equal(t, []string{"a"}, j.all())
}

func TestNextOnAnotherGoroutineIsNoRace(t *testing.T) {
	var left sync.WaitGroup
	started, release := make(chan struct{}), make(chan struct{})
	e := event.New[string, string]("measure", func(ctx context.Context, _ string, next next) error {
		left.Go(func() { _ = next(ctx) })
		<-started
		return nil
	})
	b := new(event.Bus)
	e.On(b.Scope("a"), func(context.Context, string) (string, error) {
		close(started)
		<-release
		return "too late", nil
	})
	results, err := e.Dispatch(t.Context(), b, "")
	require.NoError(t, err)
	close(release)
	left.Wait()
	assert.Equal(t, []string{""}, values(results))
}

// An around function further in may refuse the second attempt; the hook has run.
func TestARetryThatIsRefusedIsNoHookThatDidNotRun(t *testing.T) {
	attempts := 0
	e := event.New[string, string]("adjust",
		func(ctx context.Context, _ string, next next) error { return errors.Join(next(ctx), next(ctx)) },
		func(ctx context.Context, _ string, next next) error {
			if attempts++; attempts == 2 {
				return nil
			}
			return next(ctx)
		})
	b := new(event.Bus)
	e.On(b.Scope("a"), answer("v"))
	results, err := e.Dispatch(t.Context(), b, "in")
	require.NoError(t, err)
	assert.Equal(t, []string{"v"}, values(results))
}
