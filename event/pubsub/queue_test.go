package pubsub_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
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
			}
			ended = time.Now()
		}()
		synctest.Wait()
		require.NoError(t, x.Shutdown(t.Context()))
		assert.Equal(t, time.Now(), ended)
	})
}
