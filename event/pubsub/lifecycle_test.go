package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
)

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c, _ := logged(t)
		var servo string
		got := newInbox()
		_, err := c.Subscribe("ab", func(ctx context.Context, m pubsub.Message, ch *pubsub.Channel) error {
			servo, _ = event.Servo(ctx)
			time.Sleep(time.Second)
			return got.handle(ctx, m, ch)
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(event.WithServo(t.Context(), "checkout"))
		ended := make(chan error)
		go func() { ended <- x.Run(ctx) }()
		synctest.Wait()
		assert.True(t, x.Running())
		publish(t, c, "ab", "1", "2")
		cancel()
		require.NoError(t, <-ended)
		assert.Equal(t, []string{"ab=1", "ab=2"}, got.all(), "the end of the context is not that of deliveries")
		assert.Equal(t, "checkout", servo, "handlers see the values of the context")
		assert.False(t, x.Running())
		assert.ErrorIs(t, x.Start(ctx), context.Canceled)

		_, late := subscribe(t, c, "ab")
		publish(t, c, "ab", "3")
		require.NoError(t, x.Run(ctx))
		assert.Equal(t, []string{"ab=3"}, late.all(), "also when it comes too late")
	})
}

func TestShutdownGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := pubsub.New(pubsub.Options{Grace: 3 * time.Second})
		c := x.Client("app")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		began := time.Now()
		go func() { ended <- x.Run(ctx) }()
		synctest.Wait()
		s, _, _ := gated(t, c, "ab", pubsub.Named("slow"))
		publish(t, c, "ab", "1", "2", "3")
		synctest.Wait()
		cancel()
		err := <-ended
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "2 messages were discarded")
		assert.NotContains(t, err.Error(), "busy")
		assert.Equal(t, 3*time.Second, time.Since(began))
		<-s.Done()
	})
}

func TestShutdownNamesWhoDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c := started(t)
		stubborn, forever := make(chan struct{}), make(chan struct{})
		_, err := c.Subscribe("ab", func(context.Context, pubsub.Message, *pubsub.Channel) error { <-stubborn; return nil }, pubsub.Named("stubborn"))
		require.NoError(t, err)
		require.NoError(t, c.Every(0, pubsub.Producer{Name: "forever", Channels: []string{"ab"}, Produce: func(ctx context.Context, p *pubsub.Publisher) error {
			_ = p.Publish(ctx, pubsub.Text("x"))
			<-forever
			return nil
		}}))
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		err = x.Shutdown(ctx)
		require.ErrorIs(t, err, context.Canceled)
		assert.ErrorContains(t, err, `still busy: producer "forever" of "test", subscription "stubborn" of "test"`)
		assert.Equal(t, time.Second, time.Since(began))
		close(stubborn)
		close(forever)
		synctest.Wait()
		assert.Contains(t, x.String(), "running=false")
	})
}

func TestShutdownTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c := started(t)
		_, _, gate := gated(t, c, "ab")
		ch := channel(t, c, "ab")
		publish(t, c, "ab", "1")
		result := make(chan error)
		go func() { result <- x.Shutdown(t.Context()) }()
		synctest.Wait()
		assert.ErrorIs(t, x.Shutdown(t.Context()), pubsub.ErrNotRunning)
		assert.ErrorIs(t, ch.Publish(t.Context(), pubsub.Text("2")), pubsub.ErrNotRunning)
		assert.ErrorIs(t, c.Publish(t.Context(), "new", pubsub.Text("2")), pubsub.ErrNotRunning)
		close(gate)
		assert.NoError(t, <-result)
	})
}

func TestShutdownBeforeTheStart(t *testing.T) {
	x, c, _ := logged(t)
	s, _ := subscribe(t, c, "ab")
	l, err := c.Listen("ab")
	require.NoError(t, err)
	publish(t, c, "ab", "1")
	assert.ErrorIs(t, x.Shutdown(t.Context()), pubsub.ErrNotRunning)
	<-s.Done()
	<-l.Done()
	assert.Contains(t, x.String(), "subscriber_count=0, transformer_count=0, queue_size=0")
}

// An idle listener does not hold the shutdown up, and its loop, when it comes,
// still sees what was published.
func TestShutdownWithAnIdleListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c := started(t)
		l, err := c.Listen("ab")
		require.NoError(t, err)
		publish(t, c, "ab", "1")
		require.NoError(t, x.Shutdown(t.Context()))
		assert.Equal(t, []string{"ab=1"}, texts(t, l))
		<-l.Done()
	})
}

func TestBacklogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := pubsub.New(pubsub.Options{Backlog: 2})
		c := x.Client("app")
		publish(t, c, "ab", "1", "2")
		err := c.Publish(t.Context(), "ab", pubsub.Text("3"))
		require.ErrorIs(t, err, pubsub.ErrFull)
		assert.ErrorContains(t, err, "before the exchange runs: 2 messages wait")
	})
}

func TestBacklogComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := pubsub.New(pubsub.Options{Backlog: 4})
		c := x.Client("app")
		_, got, gate := gated(t, c, "ab", pubsub.Buffer(1, pubsub.Block))
		for i := range 4 {
			publish(t, c, "ab", strconv.Itoa(i))
		}
		require.NoError(t, x.Start(t.Context()))
		synctest.Wait() // one is handled, one waits, one is being delivered, one is in the backlog
		ch := channel(t, c, "ab")
		publish(t, c, "ab", "4", "5", "6") // fills the backlog again
		late, timeout := make(chan error, 1), make(chan error, 1)
		go func() { late <- ch.Publish(t.Context(), pubsub.Text("7")) }()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() { timeout <- ch.Publish(ctx, pubsub.Text("never")) }()
		assert.ErrorIs(t, <-timeout, context.DeadlineExceeded)
		assert.Empty(t, late)
		close(gate)
		require.NoError(t, <-late)
		synctest.Wait()
		want := make([]string, 8)
		for i := range want {
			want[i] = fmt.Sprintf("ab=%d", i)
		}
		assert.Equal(t, want, got.all())
		require.NoError(t, x.Shutdown(t.Context()))
	})
}

func TestBacklogOfAClosedChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c, _ := logged(t)
		s, got := subscribe(t, c, "ab")
		_, all := subscribe(t, c, "*")
		publish(t, c, "ab", "1", "2")
		publish(t, c, "cd", "3")
		require.NoError(t, x.Remove("ab"))
		require.NoError(t, x.Start(t.Context()))
		<-s.Done()
		synctest.Wait()
		assert.Equal(t, []string{"ab=1", "ab=2"}, got.all(), "what was published before the end of the channel")
		assert.Equal(t, []string{"ab=1", "ab=2", "cd=3"}, all.all())
	})
}

func TestBacklogGoesThroughTransformers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c, log := logged(t)
		p, err := c.Publisher("ab")
		require.NoError(t, err)
		runs := 0
		_, err = x.Use("*", pubsub.Split(p, func(ctx context.Context, p *pubsub.Publisher, m pubsub.Message, _ *pubsub.Channel) error {
			if runs++; string(m.Bytes()) == "bad" {
				return errors.New("boom")
			}
			return p.Publish(ctx, pubsub.Text("derived"))
		}))
		require.NoError(t, err)
		_, got := subscribe(t, c, "ab")
		publish(t, c, "ab", "1", "bad")
		require.NoError(t, x.Start(t.Context()))
		synctest.Wait()
		assert.Equal(t, []string{"ab=1", "ab=derived"}, got.all())
		assert.Equal(t, 2, runs, "not on its own product")
		assert.Contains(t, log.String(), "published before the start was not delivered")
	})
}

func TestBacklogIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c, _ := logged(t)
		gated(t, c, "ab", pubsub.Buffer(1, pubsub.Block))
		publish(t, c, "ab", "1", "2", "3", "4", "5")
		require.NoError(t, x.Start(t.Context()))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := x.Shutdown(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "(4 messages were discarded)")
	})
}

func TestAggregatorProblemsWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c, log := logged(t)
		boom := errors.New("boom")
		to := channel(t, c, "sum")
		a, err := pubsub.Aggregate([]string{"ab", "cd"}, to, time.Second, func(_ context.Context, _, m pubsub.Message, _ *pubsub.Channel) (pubsub.Message, error) {
			if string(m.Bytes()) == "bad" {
				return pubsub.Message{}, boom
			}
			return m, nil
		})
		require.NoError(t, err)
		_, err = x.Use("*", a)
		require.NoError(t, err)
		require.NoError(t, x.Start(t.Context()))
		synctest.Wait()
		assert.ErrorIs(t, c.Publish(t.Context(), "ab", pubsub.Text("bad")), boom)
		publish(t, c, "ab", "1")
		require.NoError(t, to.Close())
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Contains(t, log.String(), "an aggregator did not publish")
		assert.Contains(t, a.String(), "last_published_at=20")
		require.NoError(t, a.Close())
		require.NoError(t, x.Shutdown(t.Context()))
		require.NoError(t, x.Start(t.Context()))
		_, err = x.Use("*", a)
		require.NoError(t, err, "one that is closed has no timer")
		synctest.Wait()
	})
}

// Two aggregators that feed each other come to rest.
func TestAggregatorsInACircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c := started(t)
		last := func(_ context.Context, _, m pubsub.Message, _ *pubsub.Channel) (pubsub.Message, error) { return m, nil }
		for _, way := range [][3]string{{"a1", "a2", "b1"}, {"b1", "b2", "a1"}} {
			a, err := pubsub.Aggregate(way[:2], channel(t, c, way[2]), 0, last)
			require.NoError(t, err)
			_, err = x.Use("*", a)
			require.NoError(t, err)
		}
		_, got := subscribe(t, c, "*")
		publish(t, c, "a1", "1")
		publish(t, c, "b2", "2")
		publish(t, c, "a2", "3")
		synctest.Wait()
		assert.NotEmpty(t, got.all())
		assert.Less(t, len(got.all()), 10)
	})
}

// A handler that publishes while the backlog cannot be delivered, because that
// waits for the very handler, is refused instead of waiting for itself.
func TestAHandlerDoesNotWaitForTheBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := pubsub.New(pubsub.Options{Backlog: 4})
		c := x.Client("app")
		other := channel(t, c, "cd")
		gate, refused := make(chan struct{}), make(chan error, 8)
		_, err := c.Subscribe("ab", func(ctx context.Context, _ pubsub.Message, _ *pubsub.Channel) error {
			<-gate
			refused <- other.Publish(ctx, pubsub.Text("x"))
			return nil
		}, pubsub.Buffer(1, pubsub.Block))
		require.NoError(t, err)
		publish(t, c, "ab", "0", "1", "2", "3")
		require.NoError(t, x.Start(t.Context()))
		synctest.Wait()
		publish(t, c, "ab", "4", "5", "6") // fills the backlog again
		gate <- struct{}{}
		assert.ErrorIs(t, <-refused, pubsub.ErrFull)
		close(gate)
		require.NoError(t, x.Shutdown(t.Context()))
	})
}

// Producers that heed their context are no reason to wait.
func TestShutdownStopsProducersFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c := started(t)
		var cause error
		require.NoError(t, c.Every(time.Hour, pubsub.Producer{Channels: []string{"ab"}, Produce: func(ctx context.Context, _ *pubsub.Publisher) error {
			<-ctx.Done()
			cause = context.Cause(ctx)
			return ctx.Err()
		}}))
		require.NoError(t, c.Every(time.Hour, pubsub.Producer{Channels: []string{"ab"}, Produce: func(context.Context, *pubsub.Publisher) error { return nil }}))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		require.NoError(t, x.Shutdown(ctx))
		assert.Zero(t, time.Since(began))
		assert.ErrorIs(t, cause, pubsub.ErrNotRunning)
	})
}
