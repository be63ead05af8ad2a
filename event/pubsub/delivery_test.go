package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event/pubsub"
)

// gated subscribes a handler that notes messages and waits at a gate for each.
func gated(t *testing.T, c *pubsub.Client, selector string, options ...pubsub.Option) (*pubsub.Subscription, *inbox, chan struct{}) {
	t.Helper()
	i, gate := newInbox(), make(chan struct{})
	s, err := c.Subscribe(selector, func(ctx context.Context, m pubsub.Message, ch *pubsub.Channel) error {
		_ = i.handle(ctx, m, ch)
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, options...)
	require.NoError(t, err)
	return s, i, gate
}

func TestPolicies(t *testing.T) {
	tests := []struct {
		policy  pubsub.Policy
		got     []string
		dropped uint64
		failed  int // publishers with ErrFull
		blocked bool
	}{
		{pubsub.Block, []string{"ab=1", "ab=2", "ab=3", "ab=4", "ab=5"}, 0, 0, true},
		{pubsub.DropOldest, []string{"ab=1", "ab=4", "ab=5"}, 2, 0, false},
		{pubsub.DropNewest, []string{"ab=1", "ab=2", "ab=3"}, 2, 0, false},
		{pubsub.Fail, []string{"ab=1", "ab=2", "ab=3"}, 0, 2, false},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.policy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, c, log := logged(t)
				require.NoError(t, x.Start(t.Context()))
				s, slow, gate := gated(t, c, "ab", pubsub.Buffer(2, tt.policy))
				_, fast := subscribe(t, c, "ab")
				published := make(chan int)
				go func() {
					failed := 0
					for i := range 5 {
						err := c.Publish(t.Context(), "ab", pubsub.Text(strconv.Itoa(i+1)))
						if errors.Is(err, pubsub.ErrFull) {
							failed++
						} else {
							assert.NoError(t, err)
						}
						synctest.Wait() // the handler takes the first, then the queue fills up
					}
					published <- failed
				}()
				time.Sleep(time.Second)
				synctest.Wait()
				if tt.blocked {
					assert.Len(t, fast.all(), 4, "one with a full queue does not keep it from the others")
					assert.Equal(t, pubsub.Stats{Delivered: 1, Pending: 2}, s.Stats())
				} else {
					assert.Equal(t, pubsub.Stats{Delivered: 1, Pending: 2, Dropped: tt.dropped}, s.Stats())
				}
				close(gate)
				assert.Equal(t, tt.failed, <-published)
				synctest.Wait()
				assert.Equal(t, tt.got, slow.all())
				assert.Len(t, fast.all(), 5)
				assert.Equal(t, uint64(len(tt.got)), s.Stats().Delivered)
				if tt.dropped > 0 {
					assert.Contains(t, log.String(), "too slow")
				}
			})
		})
	}
}

func TestBufferProblems(t *testing.T) {
	_, c := started(t)
	for _, option := range []pubsub.Option{pubsub.Buffer(0, pubsub.Block), pubsub.Buffer(-1, pubsub.Block), pubsub.Buffer(1, 99), pubsub.Buffer(1<<25, pubsub.Block)} {
		_, err := c.Listen("", option)
		assert.ErrorContains(t, err, "buffer:")
		assert.ErrorContains(t, err, "it is empty", "every problem at once")
	}
}

func TestBlockedPublisher(t *testing.T) {
	cause := errors.New("enough")
	tests := []struct {
		name string
		free func(*pubsub.Exchange, *pubsub.Subscription, chan struct{}, context.CancelCauseFunc)
		err  error
	}{
		{"room", func(_ *pubsub.Exchange, _ *pubsub.Subscription, gate chan struct{}, _ context.CancelCauseFunc) {
			gate <- struct{}{}
		}, nil},
		{"its context ends", func(_ *pubsub.Exchange, _ *pubsub.Subscription, _ chan struct{}, cancel context.CancelCauseFunc) {
			cancel(cause)
		}, cause},
		{"the subscription is cancelled", func(_ *pubsub.Exchange, s *pubsub.Subscription, _ chan struct{}, _ context.CancelCauseFunc) {
			s.Cancel()
		}, nil},
		{"the channel is closed", func(x *pubsub.Exchange, _ *pubsub.Subscription, gate chan struct{}, _ context.CancelCauseFunc) {
			_ = x.Remove("ab")
			close(gate)
		}, pubsub.ErrClosed},
		{"the exchange is shut down", func(x *pubsub.Exchange, _ *pubsub.Subscription, _ chan struct{}, _ context.CancelCauseFunc) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			_ = x.Shutdown(ctx)
		}, pubsub.ErrNotRunning},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, c := started(t)
				s, _, gate := gated(t, c, "ab", pubsub.Buffer(1, pubsub.Block))
				publish(t, c, "ab", "1")
				synctest.Wait()
				publish(t, c, "ab", "2")
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				result := make(chan error, 1)
				ch := channel(t, c, "ab")
				go func() { result <- ch.Publish(ctx, pubsub.Text("3")) }()
				synctest.Wait()
				assert.Empty(t, result, "it waits")
				tt.free(x, s, gate, cancel)
				assert.ErrorIs(t, <-result, tt.err)
				s.Cancel()
			})
		})
	}
}

func TestPublishWithAnEndedContext(t *testing.T) {
	_, c := started(t)
	_, got := subscribe(t, c, "ab")
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	assert.ErrorIs(t, c.Publish(ctx, "ab", pubsub.Text("1")), cause)
	assert.Empty(t, got.all())
}

// Several publishers, subscribers with small queues, real goroutines: nothing is
// lost, and each publisher's messages keep their order.
func TestNothingIsLost(t *testing.T) {
	const publishers, subscribers, each = 4, 3, 5000
	x, c := started(t)
	var got [subscribers][publishers]int
	for i := range subscribers {
		_, err := c.Subscribe("load.*", func(_ context.Context, m pubsub.Message, _ *pubsub.Channel) error {
			var from, n int
			if _, err := fmt.Sscan(string(m.Bytes()), &from, &n); err != nil {
				return err
			}
			if got[i][from] != n {
				t.Errorf("subscriber %d: message %d of publisher %d comes after %d", i, n, from, got[i][from])
			}
			got[i][from]++
			return nil
		}, pubsub.Buffer(1+7*i, pubsub.Block))
		require.NoError(t, err)
	}
	l, err := c.Listen("load.*", pubsub.Buffer(5, pubsub.Block))
	require.NoError(t, err)
	listened := 0
	var wg sync.WaitGroup
	wg.Go(func() {
		for range l.All(t.Context()) {
			listened++
		}
	})
	var publishing sync.WaitGroup
	for p := range publishers {
		publishing.Go(func() {
			ch, err := c.Channel("load.x" + strconv.Itoa(p%2))
			assert.NoError(t, err)
			for n := range each {
				assert.NoError(t, ch.Publish(t.Context(), pubsub.Text(fmt.Sprint(p, n))))
			}
		})
	}
	publishing.Wait()
	require.NoError(t, x.Shutdown(t.Context()))
	wg.Wait()
	for i := range got {
		for p := range got[i] {
			assert.Equal(t, each, got[i][p])
		}
	}
	assert.Equal(t, publishers*each, listened)
}

// What is accepted is delivered or counted as dropped, also under load.
func TestDropsAreCounted(t *testing.T) {
	for _, policy := range []pubsub.Policy{pubsub.DropOldest, pubsub.DropNewest} {
		x, c := started(t)
		var handled atomic.Uint64
		s, err := c.Subscribe("ab", func(context.Context, pubsub.Message, *pubsub.Channel) error {
			handled.Add(1)
			return nil
		}, pubsub.Buffer(3, policy))
		require.NoError(t, err)
		const n = 20000
		for range n {
			require.NoError(t, c.Publish(t.Context(), "ab", pubsub.Text("x")))
		}
		require.NoError(t, x.Shutdown(t.Context()))
		assert.Equal(t, handled.Load(), s.Stats().Delivered)
		assert.Equal(t, uint64(n), s.Stats().Delivered+s.Stats().Dropped)
	}
}

func TestFailingSubscribers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c, log := logged(t)
		require.NoError(t, x.Start(t.Context()))
		calls := 0
		bad, err := c.Subscribe("ab", func(context.Context, pubsub.Message, *pubsub.Channel) error {
			switch calls++; calls {
			case 1:
				panic("bang")
			case 2:
				return errors.New("boom")
			}
			return nil
		}, pubsub.Named("bad"))
		require.NoError(t, err)
		gone, err := c.Subscribe("ab", func(context.Context, pubsub.Message, *pubsub.Channel) error {
			runtime.Goexit()
			return nil
		})
		require.NoError(t, err)
		_, good := subscribe(t, c, "ab")
		publish(t, c, "ab", "1", "2", "3")
		<-gone.Done()
		synctest.Wait()
		assert.Equal(t, []string{"ab=1", "ab=2", "ab=3"}, good.all())
		assert.Equal(t, pubsub.Stats{Delivered: 3, Failed: 2}, bad.Stats())
		assert.Contains(t, log.String(), "subscriber panicked")
		assert.Contains(t, log.String(), "client=test subscription=bad channel=ab panic=bang")
		assert.Contains(t, log.String(), "error=boom")
		assert.Len(t, x.Subscriptions(), 2)
	})
}

func TestHandlerThatPublishes(t *testing.T) {
	for _, way := range []string{"straight", "through a transformer"} {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testHandlerThatPublishes(t, way != "straight") })
		})
	}
}

func testHandlerThatPublishes(t *testing.T, split bool) {
	t.Helper()
	x, c := started(t)
	publishes := "ab"
	if split {
		publishes = "cd"
		p, err := c.Publisher("ab")
		require.NoError(t, err)
		_, err = x.Use("cd", pubsub.Split(p, func(ctx context.Context, p *pubsub.Publisher, m pubsub.Message, _ *pubsub.Channel) error {
			return p.Publish(ctx, m)
		}))
		require.NoError(t, err)
	}
	ch := channel(t, c, publishes)
	var results []error
	_, err := c.Subscribe("ab", func(ctx context.Context, m pubsub.Message, _ *pubsub.Channel) error {
		if string(m.Bytes()) == "begin" {
			for range 3 {
				results = append(results, ch.Publish(ctx, pubsub.Text("more")))
			}
		}
		return nil
	}, pubsub.Buffer(2, pubsub.Block))
	require.NoError(t, err)
	publish(t, c, "ab", "begin")
	synctest.Wait()
	require.Len(t, results, 3)
	assert.NoError(t, errors.Join(results[:2]...))
	assert.ErrorIs(t, results[2], pubsub.ErrFull, "instead of waiting for itself")
}

func TestCancelStopsTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := started(t)
		s, got, _ := gated(t, c, "ab")
		publish(t, c, "ab", "1", "2", "3")
		synctest.Wait()
		s.Cancel()
		<-s.Done()
		assert.Equal(t, []string{"ab=1"}, got.all(), "what waited is discarded")
		assert.Equal(t, 0, s.Stats().Pending)
	})
}

func TestLoopEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c := started(t)
		for _, options := range [][]pubsub.Option{nil, {pubsub.Buffer(4, pubsub.DropOldest)}} {
			l, err := c.Listen("ab", options...)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			publish(t, c, "ab", "1", "2", "3")
			n := 0
			for range l.All(ctx) {
				if n++; n == 2 {
					cancel() // ends the loop although there is more
				}
			}
			assert.Equal(t, 2, n)
			l, err = c.Listen("ab", options...)
			require.NoError(t, err)
			ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for range l.All(ctx) {
				t.Error("there is nothing")
			}
		}
		assert.Empty(t, x.Subscriptions())
	})
}

func TestClientClose(t *testing.T) {
	x, c := started(t)
	s, _ := subscribe(t, c, "ab")
	assert.Equal(t, "test", c.Name())
	c.Close()
	c.Close()
	<-s.Done()
	_, err := c.Listen("ab")
	assert.ErrorIs(t, err, pubsub.ErrClosed)
	err = c.Every(0, pubsub.Producer{Channels: []string{"ab"}, Produce: func(context.Context, *pubsub.Publisher) error { return nil }})
	assert.ErrorIs(t, err, pubsub.ErrClosed)
	assert.Contains(t, x.String(), "publisher_count=0")
}

func TestTopic(t *testing.T) {
	type report struct {
		Rate float64 `json:"rate"`
	}
	reports := pubsub.Topic[report]{Name: "loadgen.vegeta"}
	x, c := started(t)
	values := make(chan report, 10)
	s, err := reports.Subscribe(c, func(_ context.Context, r report) error { values <- r; return nil })
	require.NoError(t, err)
	l, err := c.Listen(reports.Name)
	require.NoError(t, err)
	require.NoError(t, reports.Publish(t.Context(), c, report{1.5}))
	publish(t, c, reports.Name, "nonsense")
	require.NoError(t, reports.Publish(t.Context(), c, report{2.5}))
	assert.Equal(t, report{1.5}, <-values)
	assert.Equal(t, report{2.5}, <-values)
	require.NoError(t, x.Remove(reports.Name))
	<-s.Done()
	assert.Equal(t, uint64(1), s.Stats().Failed)
	var got []report
	var failed int
	for r, err := range reports.Values(t.Context(), l) {
		if err != nil {
			assert.ErrorContains(t, err, `topic "loadgen.vegeta"`)
			failed++
			continue
		}
		got = append(got, r)
	}
	assert.Equal(t, []report{{1.5}, {2.5}}, got)
	assert.Equal(t, 1, failed)
	l, err = c.Listen(reports.Name)
	require.NoError(t, err)
	require.NoError(t, reports.Publish(t.Context(), c, report{3.5}))
	for range reports.Values(t.Context(), l) {
		break
	}
	<-l.Done()
	_, err = reports.Subscribe(c, nil)
	assert.ErrorContains(t, err, "nil")
	assert.ErrorContains(t, pubsub.Topic[func()]{Name: "ab"}.Publish(t.Context(), c, func() {}), `publishing to "ab"`)
}
