package connector_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
)

func TestHostPubSub(t *testing.T) {
	h := connector.NewHost(new(event.Bus), "app", nil)
	own := h.PubSub()
	assert.Same(t, own, h.PubSub())
	assert.Equal(t, "app", own.Name())
	early, err := own.Listen("metrics.*")
	require.NoError(t, err)
	require.NoError(t, own.Publish(t.Context(), "metrics.http", pubsub.Text("waits")), "an exchange of its own")

	x := pubsub.New(pubsub.Options{})
	h.Join(x)
	<-early.Done()
	require.NoError(t, x.Start(t.Context()))
	l, err := h.PubSub().Listen("metrics.*")
	require.NoError(t, err)
	require.NoError(t, x.Client("other").Publish(t.Context(), "metrics.http", pubsub.Text("42 ms")))
	for m, c := range l.All(t.Context()) {
		assert.Equal(t, "42 ms", string(m.Bytes()))
		assert.Equal(t, "metrics.http", c.Name())
		break
	}

	l, err = h.PubSub().Listen("metrics.*")
	require.NoError(t, err)
	h.Close()
	<-l.Done()
	assert.Empty(t, x.Subscriptions())
	h.Close()
	require.NoError(t, x.Shutdown(t.Context()))
	connector.NewHost(new(event.Bus), "unused", nil).Close()
}
