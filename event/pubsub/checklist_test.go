package pubsub_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/servokit/servokit/event/pubsub"
)

// checklistRow is a rule and the test that it is followed.
type checklistRow struct {
	name string
	run  func(*testing.T, *pubsub.Exchange, *pubsub.Client)
}

// TestChecklist has a case for each rule that messages, channels, exchanges,
// subscribers, publishers, transformers and the helpers of connectors follow.
// Each case gets an exchange that is running, in a bubble of its own time.
func TestChecklist(t *testing.T) {
	rows := slices.Concat(checklistChannels(), checklistExchange(), checklistSubscribers(), checklistHelpers())
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, c := started(t)
				row.run(t, x, c)
			})
		})
	}
	assert.Equal(t, 59, len(rows), "rows")
}

func never(context.Context, pubsub.Message, *pubsub.Channel) error { return nil }

func join(_ context.Context, a, m pubsub.Message, _ *pubsub.Channel) (pubsub.Message, error) {
	return pubsub.Text(string(a.Bytes()) + string(m.Bytes())), nil
}
