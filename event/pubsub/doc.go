// Package pubsub lets connectors exchange messages without knowing each other:
// one publishes on a channel, others subscribe to channels by name or pattern.
//
// # Exchange and clients
//
// An [Exchange] holds the channels; a servo runs one and gives each connector a
// [Client] of it. On its own:
//
//	x := pubsub.New(pubsub.Options{Logger: logger})
//	go x.Run(ctx)
//	c := x.Client("app")
//
// # Messages and channels
//
// A [Message] is immutable: [Bytes], [Text], [JSON] and [YAML] make one. A
// [Channel] is found or created by its name. Publishing returns when the message
// is in the queue of every subscriber that matches:
//
//	err := c.Publish(ctx, "metrics.http", pubsub.Text("42 ms"))
//
// A [Publisher] is bound to several channels, a [Producer] publishes again and
// again, and a [Topic] carries values of one type.
//
// # Subscribers
//
// Subscribe with a handler, or listen with a loop; leaving the loop ends the
// subscription:
//
//	s, err := c.Subscribe("metrics.*", func(ctx context.Context, m pubsub.Message, ch *pubsub.Channel) error { … })
//
//	l, err := c.Listen("/metrics\\.(http|grpc)/")
//	for m, ch := range l.All(ctx) { … }
//
// Each subscription has a queue with a bound. When it is full the publisher
// waits, which loses nothing, unless [Buffer] chooses otherwise; whatever is
// dropped is counted in [Stats]. A subscription gets the messages of a channel
// in the order in which they were published, one at a time. Messages
// are handed over in handfuls when they come faster than they are handled, and
// at once when they do not: nothing ever waits for a handful to fill.
//
// A handler that is slow, fails or panics is its own affair: it is logged,
// counted and shown to nobody else. Only Block makes publishers share the pace of
// a slow one. A handler that publishes on a channel it is itself
// subscribed to gets [ErrFull] instead of waiting for itself; two handlers that
// publish to each other can still wait for each other, so give one of them
// another policy.
//
// # Transformers
//
// A [Transformer] sees messages between publisher and subscribers: a [Filter]
// replaces or stops them, [Split] derives others, an [Aggregator] folds those of
// several channels into one. None sees what it has itself produced.
//
// # Observing a dispatch
//
// [Observe] gives a single dispatch of an event a channel of its own, on which
// hooks [Report] while they run.
//
// # The end
//
// Everything that an exchange starts has ended when [Exchange.Shutdown] or
// [Exchange.Run] returns without an error: what was queued is delivered until a
// deadline, and what could not be is counted in the error.
package pubsub
