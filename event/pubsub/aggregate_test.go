package pubsub_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event/pubsub"
)

// joined is a fold that puts texts one behind the other.
func joined(_ context.Context, aggregate, m pubsub.Message, _ *pubsub.Channel) (pubsub.Message, error) {
	return pubsub.Text(string(aggregate.Bytes()) + string(m.Bytes())), nil
}

// Whoever has spoken for one aggregate has to speak again for the next.
func TestAggregatorCountsAfresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c := started(t)
		a, err := pubsub.Aggregate([]string{"ab", "cd"}, channel(t, c, "sum"), 0, joined)
		require.NoError(t, err)
		_, err = x.Use("*", a)
		require.NoError(t, err)
		_, got := subscribe(t, c, "sum")
		publish(t, c, "ab", "1")
		publish(t, c, "cd", "2", "3")
		synctest.Wait()
		assert.Equal(t, []string{"sum=12"}, got.all())
		assert.Contains(t, a.String(), "channel_message_count={ab: 0, cd: 1}")
		publish(t, c, "ab", "4")
		synctest.Wait()
		assert.Equal(t, []string{"sum=12", "sum=34"}, got.all())
	})
}

// An aggregator may publish on a channel that it folds: what it publishes does
// not come back to it, neither when it is complete nor by the clock or on request.
func TestAggregatorDoesNotFoldItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c := started(t)
		a, err := pubsub.Aggregate([]string{"ab", "cd"}, channel(t, c, "ab"), time.Minute, joined)
		require.NoError(t, err)
		remove, err := x.Use("*", a)
		require.NoError(t, err)
		defer remove()
		_, got := subscribe(t, c, "ab")
		synctest.Wait()
		publish(t, c, "cd", "1")
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, []string{"ab=1"}, got.all())
		assert.True(t, a.Message().IsZero(), "by the clock")
		publish(t, c, "cd", "2")
		require.NoError(t, a.Publish(t.Context()))
		assert.True(t, a.Message().IsZero(), "on request")
		publish(t, c, "cd", "3")
		publish(t, c, "ab", "4")
		assert.True(t, a.Message().IsZero(), "when complete")
	})
}

func TestARemovedAggregatorHasNoClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, c := started(t)
		a, err := pubsub.Aggregate([]string{"ab", "cd"}, channel(t, c, "sum"), time.Minute, joined)
		require.NoError(t, err)
		remove, err := x.Use("*", a)
		require.NoError(t, err)
		_, got := subscribe(t, c, "sum")
		synctest.Wait()
		publish(t, c, "ab", "1")
		remove()
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Empty(t, got.all())
		assert.Equal(t, "1", string(a.Message().Bytes()), "it keeps what it has")
	})
}
