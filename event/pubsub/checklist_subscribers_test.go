package pubsub_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
)

// checklistSubscribers has the rules of those who take part: subscribers, publishers and transformers.
func checklistSubscribers() []checklistRow {
	type (
		T = *testing.T
		X = *pubsub.Exchange
		C = *pubsub.Client
	)
	return []checklistRow{
		{"subscriber: callback", func(t T, x X, c C) {
			_, got := subscribe(t, c, "ab")
			publish(t, c, "ab", "1")
			synctest.Wait()
			assert.Equal(t, []string{"ab=1"}, got.all())
			_, err := c.Subscribe("ab", nil)
			assert.ErrorContains(t, err, "the handler is nil")
		}},
		{"subscriber: every iteration gets every message", func(t T, x X, c C) {
			first, err := c.Listen("ab")
			require.NoError(t, err)
			second, err := c.Listen("ab")
			require.NoError(t, err)
			publish(t, c, "ab", "1", "2")
			require.NoError(t, channel(t, c, "ab").Close())
			assert.Equal(t, []string{"ab=1", "ab=2"}, texts(t, first))
			assert.Equal(t, []string{"ab=1", "ab=2"}, texts(t, second))
			assert.Empty(t, texts(t, first), "a listener serves one loop")
		}},
		{"subscriber: cancel", func(t T, x X, c C) {
			l, err := c.Listen("*")
			require.NoError(t, err)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for range l.All(t.Context()) {
					t.Error("no message was published")
				}
			}()
			synctest.Wait()
			l.Cancel()
			<-ended
			<-l.Done()
			l.Cancel() // again
		}},
		{"subscriber: timeout and until done", func(t T, x X, c C) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			s, got := subscribe(t, c, "ab", pubsub.Until(ctx))
			l, err := c.Listen("ab", pubsub.Until(ctx))
			require.NoError(t, err)
			publish(t, c, "ab", "1")
			time.Sleep(time.Minute)
			<-s.Done()
			<-l.Done()
			publish(t, c, "ab", "2")
			synctest.Wait()
			assert.Equal(t, []string{"ab=1"}, got.all())
			assert.Empty(t, x.Subscriptions())
		}},
		{"subscriber: breaking the loop", func(t T, x X, c C) {
			l, err := c.Listen("ab")
			require.NoError(t, err)
			publish(t, c, "ab", "1", "2", "3")
			for range l.All(t.Context()) {
				break
			}
			<-l.Done()
			assert.Empty(t, x.Subscriptions())
			assert.Empty(t, texts(t, l), "what waited is discarded")
		}},
		{"subscriber: current message", func(t T, x X, c C) {
			_, _, ok := pubsub.Current(t.Context())
			assert.False(t, ok)
			var seen []string
			_, err := c.Subscribe("ab", func(ctx context.Context, m pubsub.Message, ch *pubsub.Channel) error {
				ctx, cancel := context.WithTimeout(ctx, time.Minute) // it is inherited
				defer cancel()
				current, in, ok := pubsub.Current(ctx)
				assert.True(t, ok)
				assert.Same(t, ch, in)
				assert.Equal(t, m, current)
				seen = append(seen, string(current.Bytes()))
				return nil
			})
			require.NoError(t, err)
			publish(t, c, "ab", "1", "2")
			synctest.Wait()
			assert.Equal(t, []string{"1", "2"}, seen)
		}},
		{"publisher: all or some of its channels", func(t T, x X, c C) {
			_, got := subscribe(t, c, "*")
			p, err := c.Publisher("cd", "ab")
			require.NoError(t, err)
			require.NoError(t, p.Publish(t.Context(), pubsub.Text("1")))
			require.NoError(t, p.Publish(t.Context(), pubsub.Text("2"), "ab"))
			err = p.Publish(t.Context(), pubsub.Text("3"), "ab", "ef")
			assert.ErrorContains(t, err, `the publisher is not bound to the channel "ef", only to [cd ab]`)
			synctest.Wait()
			assert.Equal(t, []string{"cd=1", "ab=1", "ab=2"}, got.all())
		}},
		{"transformer: filter", func(t T, x X, c C) {
			_, err := x.Use("ab", pubsub.Filter(func(ctx context.Context, m pubsub.Message, ch *pubsub.Channel) (pubsub.Message, error) {
				current, in, ok := pubsub.Current(ctx)
				assert.True(t, ok && in == ch && current == m)
				switch string(m.Bytes()) {
				case "stop":
					return pubsub.Message{}, nil
				case "change":
					return pubsub.Text("changed"), nil
				case "fail":
					return m, errors.New("boom")
				case "panic":
					panic("bang")
				}
				return m, nil
			}))
			require.NoError(t, err)
			_, got := subscribe(t, c, "ab")
			publish(t, c, "ab", "1", "stop", "change")
			assert.ErrorContains(t, c.Publish(t.Context(), "ab", pubsub.Text("fail")), "transforming the message: boom")
			err = c.Publish(t.Context(), "ab", pubsub.Text("panic"))
			var panicked *event.PanicError
			require.ErrorAs(t, err, &panicked)
			assert.Equal(t, "bang", panicked.Value)
			synctest.Wait()
			assert.Equal(t, []string{"ab=1", "ab=changed"}, got.all())
		}},
		{"transformer: splitter", func(t T, x X, c C) {
			p, err := c.Publisher("low", "high")
			require.NoError(t, err)
			_, err = x.Use("ab", pubsub.Split(p, func(ctx context.Context, p *pubsub.Publisher, m pubsub.Message, _ *pubsub.Channel) error {
				return p.Publish(ctx, pubsub.Text("about "+string(m.Bytes())), "high")
			}))
			require.NoError(t, err)
			_, got := subscribe(t, c, "*")
			publish(t, c, "ab", "1")
			synctest.Wait()
			assert.Equal(t, []string{"high=about 1", "ab=1"}, got.all(), "the original continues")
			_, err = x.Use("ab", pubsub.Split(nil, nil))
			require.NoError(t, err)
			assert.ErrorContains(t, c.Publish(t.Context(), "ab", pubsub.Text("2")), "nil")
		}},
		{"transformer: aggregator", func(t T, x X, c C) {
			a, err := pubsub.Aggregate([]string{"ab", "cd"}, channel(t, c, "sum"), 0, join)
			require.NoError(t, err)
			_, err = x.Use("*", a)
			require.NoError(t, err)
			_, got := subscribe(t, c, "sum")
			publish(t, c, "ab", "1", "2")
			publish(t, c, "ef", "ignored")
			assert.Equal(t, "12", string(a.Message().Bytes()))
			assert.True(t, a.LastPublishedAt().IsZero())
			assert.Equal(t, "Aggregator(from_channels=[ab cd], to_channel='sum', every=0s, message=Message(content_type=text/plain, length=2), last_published_at=never, channel_message_count={ab: 2, cd: 0})", a.String())
			publish(t, c, "cd", "3")
			assert.True(t, a.Message().IsZero(), "afresh")
			assert.True(t, a.LastPublishedAt().Equal(time.Now()))
			publish(t, c, "cd", "4")
			require.NoError(t, a.Publish(t.Context()))
			require.NoError(t, a.Publish(t.Context()), "there is nothing any more")
			synctest.Wait()
			assert.Equal(t, []string{"sum=123", "sum=4"}, got.all())
		}},
		{"transformer: aggregator by the clock", func(t T, x X, c C) {
			a, err := pubsub.Aggregate([]string{"ab", "cd"}, channel(t, c, "sum"), time.Minute, join)
			require.NoError(t, err)
			_, got := subscribe(t, c, "sum")
			publish(t, c, "ab", "0")
			remove, err := x.Use("*", a)
			require.NoError(t, err)
			defer remove()
			synctest.Wait()
			publish(t, c, "ab", "1")
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.Equal(t, []string{"sum=1"}, got.all(), "whoever is missing")
			require.NoError(t, a.Close())
			require.NoError(t, a.Close())
			publish(t, c, "ab", "2")
			time.Sleep(time.Hour)
			assert.Len(t, got.all(), 1, "the timer has stopped")
			publish(t, c, "cd", "3")
			synctest.Wait()
			assert.Equal(t, []string{"sum=1", "sum=23"}, got.all(), "and nothing else")
		}},
		{"transformer: aggregator problems", func(t T, x X, c C) {
			_, err := pubsub.Aggregate([]string{"ab", " ab "}, nil, -1, nil)
			for _, problem := range []string{"at least two", "to: the channel is nil", "every: -1ns is negative", "fold: the function is nil"} {
				assert.ErrorContains(t, err, problem)
			}
			_, err = pubsub.Aggregate([]string{"ab", "-"}, channel(t, c, "sum"), 0, join)
			assert.ErrorContains(t, err, "invalid channel name")
		}},
	}
}
