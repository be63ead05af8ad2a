package pubsub_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event/pubsub"
)

// A queue grows while it is filled behind a part that was taken already, for
// each policy and from each position.
func TestQueueKeepsTheOrderWhenItGrows(t *testing.T) {
	for policy, name := range map[pubsub.Policy]string{pubsub.Block: "block", pubsub.DropOldest: "drop oldest", pubsub.DropNewest: "drop newest", pubsub.Fail: "fail"} {
		t.Run(name, func(t *testing.T) {
			for taken := range 20 {
				synctest.Test(t, func(t *testing.T) {
					_, c := started(t)
					_, box, gate := gated(t, c, "ab", pubsub.Buffer(100, policy))
					var want []string
					send := func(n int) {
						for range n {
							text := fmt.Sprint(len(want))
							want = append(want, "ab="+text)
							publish(t, c, "ab", text)
							synctest.Wait()
						}
					}
					send(1) // is being handled
					send(taken)
					for range taken {
						gate <- struct{}{}
						synctest.Wait()
					}
					send(70)
					close(gate)
					synctest.Wait()
					assert.Equal(t, want, box.all())
				})
			}
		})
	}
}

// heap returns how many MiB are in use.
func heap() int {
	runtime.GC()
	runtime.GC() // what the first one has made free
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc >> 20)
}

// Messages are let go once they are handled, or will not be.
func TestMessagesAreLetGo(t *testing.T) {
	const size, n = 4, 10 // MiB each
	large := func(t *testing.T) pubsub.Message {
		m, err := pubsub.Bytes(bytes.Repeat([]byte("x"), size<<20), "text/plain")
		require.NoError(t, err)
		return m
	}
	for name, policy := range map[string]pubsub.Policy{"a handful at a time": pubsub.Block, "one at a time": pubsub.DropOldest} {
		t.Run("handled "+name, func(t *testing.T) {
			_, c := started(t)
			came := make(chan struct{})
			_, err := c.Subscribe("ab", func(context.Context, pubsub.Message, *pubsub.Channel) error { came <- struct{}{}; return nil }, pubsub.Buffer(100, policy))
			require.NoError(t, err)
			before := heap()
			for range n {
				require.NoError(t, c.Publish(t.Context(), "ab", large(t)))
			}
			for range n {
				<-came
			}
			// The last one may be in the hands of the handler still.
			assert.Eventually(t, func() bool { return heap() < before+2*size }, 10*time.Second, time.Millisecond)
		})
	}
	t.Run("looped over", func(t *testing.T) {
		_, c := started(t)
		l, err := c.Listen("ab")
		require.NoError(t, err)
		before := heap()
		for range n {
			require.NoError(t, c.Publish(t.Context(), "ab", large(t)))
		}
		assert.Greater(t, heap(), before+(n-1)*size, "they wait")
		seen := 0
		for range l.All(t.Context()) {
			if seen++; seen == n {
				assert.Less(t, heap(), before+2*size, "all but the last one")
				break
			}
		}
	})
	t.Run("discarded", func(t *testing.T) {
		_, c := started(t)
		l, err := c.Listen("ab")
		require.NoError(t, err)
		before := heap()
		for range n {
			require.NoError(t, c.Publish(t.Context(), "ab", large(t)))
		}
		l.Cancel()
		assert.Less(t, heap(), before+2*size)
		assert.Zero(t, l.Stats().Pending)
	})
}

func TestShutdownWaitsForLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c := started(t)
		l, err := c.Listen("ab")
		require.NoError(t, err)
		publish(t, c, "ab", "1", "2")
		var ended time.Time
		go func() {
			for range l.All(context.Background()) {
				time.Sleep(10 * time.Second)
				ended = time.Now()
			}
		}()
		synctest.Wait()
		require.NoError(t, x.Shutdown(t.Context()))
		assert.Equal(t, time.Now(), ended)
	})
}

// bond is a context that never ends and knows who waits for that.
type bond struct {
	context.Context
	done    chan struct{}
	waiting atomic.Int32
}

func (b *bond) Done() <-chan struct{} { return b.done }

func (b *bond) AfterFunc(func()) (stop func() bool) {
	b.waiting.Add(1)
	return func() bool {
		b.waiting.Add(-1)
		return true
	}
}

// A context that outlives the subscription does not hold on to it.
func TestUntilIsReleased(t *testing.T) {
	for name, end := range map[string]func(x *pubsub.Exchange, s *pubsub.Subscription){
		"cancelled":       func(_ *pubsub.Exchange, s *pubsub.Subscription) { s.Cancel() },
		"shut down":       func(x *pubsub.Exchange, _ *pubsub.Subscription) { _ = x.Shutdown(context.Background()) },
		"cancelled twice": func(x *pubsub.Exchange, s *pubsub.Subscription) { s.Cancel(); s.Cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			x, c := started(t)
			until := &bond{Context: context.Background(), done: make(chan struct{})}
			s, _ := subscribe(t, c, "ab", pubsub.Until(until))
			assert.EqualValues(t, 1, until.waiting.Load())
			end(x, s)
			<-s.Done()
			assert.Zero(t, until.waiting.Load())
		})
	}
}

func TestAListenerThatNobodyLoopsOverEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		texts []string
		ended bool
	}{
		"with nothing to see":  {nil, true},
		"what waits is to see": {[]string{"1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, c := started(t)
			l, err := c.Listen("ab")
			require.NoError(t, err)
			publish(t, c, "ab", tt.texts...)
			require.NoError(t, channel(t, c, "ab").Close())
			select {
			case <-l.Done():
				assert.True(t, tt.ended)
			default:
				assert.False(t, tt.ended)
			}
			assert.Len(t, texts(t, l), len(tt.texts))
			<-l.Done()
		})
	}
}

// A shutdown gives nothing more to a subscription that was cancelled before,
// though its handler is still busy.
func TestShutdownDoesNotReviveTheCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c := started(t)
		box, gate := newInbox(), make(chan struct{})
		s, err := c.Subscribe("ab", func(ctx context.Context, m pubsub.Message, ch *pubsub.Channel) error {
			_ = box.handle(ctx, m, ch)
			<-gate // whatever ctx says
			return nil
		})
		require.NoError(t, err)
		publish(t, c, "ab", "1")
		synctest.Wait()
		publish(t, c, "ab", "2", "3", "4", "5")
		gate <- struct{}{} // the others are taken together
		synctest.Wait()
		s.Cancel()
		ended := make(chan error)
		go func() { ended <- x.Shutdown(t.Context()) }()
		synctest.Wait()
		close(gate)
		require.NoError(t, <-ended)
		assert.Equal(t, []string{"ab=1", "ab=2"}, box.all())
	})
}
