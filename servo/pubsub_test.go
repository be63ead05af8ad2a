package servo_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
)

// talker publishes in each step of its life, and says so to whoever listens.
func talker(name string) bind {
	return func(h *connector.Host) error {
		say := func(step string) func(context.Context, connector.Lifecycle) (connector.None, error) {
			return func(ctx context.Context, _ connector.Lifecycle) (connector.None, error) {
				return connector.None{}, h.PubSub().Publish(ctx, "life."+name, pubsub.Text(step))
			}
		}
		connector.Attach.On(h, say("attach"))
		connector.Startup.On(h, say("startup"))
		connector.Shutdown.On(h, say("shutdown"))
		return nil
	}
}

func TestExchangeOfTheServo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []string
		listener := bind(func(h *connector.Host) error {
			_, err := h.PubSub().Subscribe("life.*", func(ctx context.Context, m pubsub.Message, c *pubsub.Channel) error {
				name, _ := event.Servo(ctx)
				heard = append(heard, name+" "+c.Name()+" "+string(m.Bytes()))
				return nil
			})
			return err
		})
		opt := newBackend()
		s := newServo(t, opt, nil)
		require.NoError(t, s.Use("talker", talker("talker")))
		require.NoError(t, s.Use("listener", listener))
		assert.False(t, s.Exchange().Running())
		require.NoError(t, runUntilIdle(t, s, opt))
		assert.Equal(t, []string{s.Name() + " life.talker attach", s.Name() + " life.talker startup", s.Name() + " life.talker shutdown"}, heard)
		assert.False(t, s.Exchange().Running())
		assert.Empty(t, s.Exchange().Channels())
	})
}

func TestExchangeLosesRemovedConnectors(t *testing.T) {
	s := newServo(t, newBackend(), nil)
	require.NoError(t, s.Use("talker", bind(func(h *connector.Host) error {
		_, err := h.PubSub().Listen("*")
		return err
	})))
	assert.Len(t, s.Exchange().Subscriptions(), 1)
	require.NoError(t, s.Remove(t.Context(), "talker", "test"))
	assert.Empty(t, s.Exchange().Subscriptions())
	assert.Error(t, s.Use("bad", bind(func(h *connector.Host) error {
		_, err := h.PubSub().Listen("*")
		require.NoError(t, err)
		return assert.AnError
	})))
	assert.Empty(t, s.Exchange().Subscriptions(), "a failed bind leaves nothing behind")
}

// A subscriber that does not end costs the shutdown a bounded time, and is an
// error of the run.
func TestExchangeThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := newBackend()
		s := newServo(t, opt, nil)
		require.NoError(t, s.Use("talker", talker("talker")))
		_, err := s.Exchange().Client("slow").Subscribe("*", func(ctx context.Context, _ pubsub.Message, _ *pubsub.Channel) error {
			<-ctx.Done()
			return nil
		})
		require.NoError(t, err)
		err = runUntilIdle(t, s, opt)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "2 messages were discarded")
		trace := opt.trace()
		assert.Equal(t, "goodbye", trace[len(trace)-1], "the rest of the end still happens")
	})
}
