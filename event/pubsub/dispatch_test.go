package pubsub_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
)

// steps is an event whose only hook reports what it does.
func steps(fail error) (*event.Event[int, int], *event.Bus) {
	e := event.New[int, int]("größe.measure")
	b := new(event.Bus)
	e.On(b.Scope("worker"), func(ctx context.Context, n int) (int, error) {
		for _, step := range []string{"warm up", "measure"} {
			if err := pubsub.Report(ctx, pubsub.Text(step)); err != nil {
				return 0, err
			}
		}
		return 2 * n, fail
	})
	return e, b
}

func TestDispatch(t *testing.T) {
	boom := errors.New("boom")
	for name, fail := range map[string]error{"succeeds": nil, "fails": boom, "is cancelled": event.Cancel("no")} {
		t.Run(name, func(t *testing.T) {
			x, c := started(t)
			e, b := steps(fail)
			d := pubsub.Observe(c, e)
			defer d.Close()
			assert.Same(t, e, d.Event())
			assert.Regexp(t, `^servo\.events\.gr__e\.measure\.[0-9]{6}$`, d.Channel().Name())
			s, got := subscribe(t, c, d.Channel().Name())
			_, err := d.Results()
			assert.ErrorContains(t, err, "has not ended")
			assert.False(t, d.Done())

			results, err := d.Run(t.Context(), b, 21)
			assert.ErrorIs(t, err, fail)
			<-s.Done()
			assert.Len(t, got.all(), 2)
			assert.True(t, d.Done())
			assert.Equal(t, fail == nil, d.Success())
			kept, again := d.Results()
			assert.Equal(t, results, kept)
			assert.Equal(t, err, again)
			assert.True(t, d.Channel().Closed())
			assert.Empty(t, x.Channels(), "removed")

			_, err = d.Run(t.Context(), b, 21)
			assert.ErrorContains(t, err, "already run")
			for range d.All(t.Context(), b, 21) {
				t.Error("no second run")
			}
			assert.Equal(t, kept, first(d.Results()))
		})
	}
}

func first[T any](v T, _ error) T { return v }

func TestDispatchLoop(t *testing.T) {
	x, c := started(t)
	e, b := steps(nil)
	d := pubsub.Observe(c, e)
	var seen []string
	for m := range d.All(t.Context(), b, 21) {
		seen = append(seen, string(m.Bytes()))
	}
	assert.Equal(t, []string{"warm up", "measure"}, seen)
	results, err := d.Results()
	require.NoError(t, err)
	assert.Equal(t, 42, results[0].Value)

	d = pubsub.Observe(c, e)
	for range d.All(t.Context(), b, 4) {
		break
	}
	results, err = d.Results()
	require.NoError(t, err, "the dispatch has gone on")
	assert.Equal(t, 8, results[0].Value)
	assert.Empty(t, x.Channels())
	assert.Empty(t, x.Subscriptions())
}

func TestDispatchWithoutAnExchangeThatRuns(t *testing.T) {
	x, c, _ := logged(t)
	e, b := steps(nil)
	d := pubsub.Observe(c, e)
	for range d.All(t.Context(), b, 21) {
		t.Error("nothing is delivered")
	}
	assert.True(t, d.Success())
	assert.Empty(t, x.Channels())

	d = pubsub.Observe(c, e)
	c.Close()
	for range d.All(t.Context(), b, 21) {
		t.Error("the client is closed")
	}
	_, err := d.Results()
	assert.ErrorIs(t, err, pubsub.ErrClosed)
	d.Close()
}

func TestReportHasNoInfluence(t *testing.T) {
	e, b := steps(nil)
	_, err := e.Dispatch(t.Context(), b, 1)
	require.NoError(t, err, "without an observer")

	x, c := started(t)
	d := pubsub.Observe(c, e)
	require.NoError(t, d.Channel().Close())
	_, err = d.Run(t.Context(), b, 1)
	require.NoError(t, err, "the channel has gone")

	d = pubsub.Observe(c, e)
	require.NoError(t, x.Shutdown(t.Context()))
	_, err = d.Run(t.Context(), b, 1)
	require.NoError(t, err, "the exchange has gone")

	d = pubsub.Observe(c, e)
	d.Close()
	d.Close()
	_, err = d.Run(t.Context(), b, 1)
	assert.ErrorContains(t, err, "was closed")

	x, c, _ = logged(t)
	d = pubsub.Observe(c, event.New[int, int]("size"))
	defer d.Close()
	e = event.New[int, int]("size")
	e.On(b.Scope("full"), func(ctx context.Context, _ int) (int, error) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return 0, pubsub.Report(ctx, pubsub.Text("x"))
	})
	d = pubsub.Observe(c, e)
	_, err = d.Run(t.Context(), b, 1)
	assert.ErrorIs(t, err, context.Canceled, "other errors are the hook's to judge")
	assert.Empty(t, x.Subscriptions())
}

func TestDispatchEndsWithItsHook(t *testing.T) {
	_, c := started(t)
	e := event.New[int, int]("measure")
	b := new(event.Bus)
	e.On(b.Scope("a"), func(context.Context, int) (int, error) { panic("boom") })
	d := pubsub.Observe(c, e)
	_, err := d.Run(t.Context(), b, 1)
	assert.ErrorContains(t, err, "panic: boom")
	assert.True(t, d.Channel().Closed())
}
