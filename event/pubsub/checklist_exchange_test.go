package pubsub_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event/pubsub"
)

// checklistExchange has the rules of exchanges, and what becomes of a message in one.
func checklistExchange() []checklistRow {
	type (
		T = *testing.T
		X = *pubsub.Exchange
		C = *pubsub.Client
	)
	return []checklistRow{
		{"exchange: start twice", func(t T, x X, c C) {
			assert.ErrorContains(t, x.Start(t.Context()), "already running")
			assert.ErrorContains(t, x.Run(t.Context()), "already running")
		}},
		{"exchange: publishing while stopped queues", func(t T, _ X, _ C) {
			x, c, _ := logged(t)
			publish(t, c, "ab", "1")
			_, got := subscribe(t, c, "ab")
			publish(t, c, "ab", "2")
			synctest.Wait()
			assert.Empty(t, got.all())
			assert.Contains(t, x.String(), "queue_size=2")
			require.NoError(t, x.Start(t.Context()))
			synctest.Wait()
			assert.Equal(t, []string{"ab=1", "ab=2"}, got.all())
		}},
		{"exchange: publish by name", func(t T, x X, c C) {
			_, got := subscribe(t, c, "ab")
			assert.ErrorContains(t, x.Publish(t.Context(), "ab", pubsub.Text("1")), `no such channel: "ab", there are (none)`)
			channel(t, c, "ab")
			require.NoError(t, x.Publish(t.Context(), "ab", pubsub.Text("2")))
			synctest.Wait()
			assert.Equal(t, []string{"ab=2"}, got.all())
			assert.ErrorContains(t, x.Publish(t.Context(), "cd", pubsub.Text("1")), `there are "ab"`)
		}},
		{"exchange: get and remove channels", func(t T, x X, c C) {
			ch := channel(t, c, "ab")
			got, ok := x.Lookup("ab")
			assert.True(t, ok)
			assert.Same(t, ch, got)
			assert.Same(t, ch, channel(t, c, "ab"), "found, not made")
			_, ok = x.Lookup("cd")
			assert.False(t, ok)
			require.NoError(t, x.Remove("ab"))
			assert.ErrorContains(t, x.Remove("ab"), "no such channel")
		}},
		{"exchange: create publisher", func(t T, x X, c C) {
			ch := channel(t, c, "ab")
			p, err := c.Publisher("ab", "cd", "ab")
			require.NoError(t, err)
			assert.Len(t, p.Channels(), 2)
			assert.Same(t, ch, p.Channels()[0])
			_, err = c.Publisher()
			assert.ErrorContains(t, err, "at least one channel")
			_, err = c.Publisher("ef", "-", "+")
			assert.ErrorContains(t, err, `"-"`)
			assert.ErrorContains(t, err, `"+"`)
			assert.Len(t, x.Channels(), 2, "nothing made on the way to an error")
		}},
		{"exchange: remove publisher", func(t T, x X, c C) {
			p, err := c.Publisher("ab")
			require.NoError(t, err)
			assert.Contains(t, x.String(), "publisher_count=1")
			require.NoError(t, p.Close())
			assert.Contains(t, x.String(), "publisher_count=0")
			assert.ErrorIs(t, p.Close(), pubsub.ErrClosed)
		}},
		{"exchange: subscribers", func(t T, x X, c C) {
			s, _ := subscribe(t, c, "ab", pubsub.Named("one"))
			assert.Equal(t, []*pubsub.Subscription{s}, x.Subscriptions())
			assert.Equal(t, "ab", s.Selector().String())
			s.Cancel()
			assert.Empty(t, x.Subscriptions())
			assert.ErrorContains(t, c.CancelSubscriptions("one"), `no subscription named "one"`)
		}},
		{"exchange: transformers in order", func(t T, x X, c C) {
			mark := func(s string) pubsub.Filter {
				return func(_ context.Context, m pubsub.Message, _ *pubsub.Channel) (pubsub.Message, error) {
					return pubsub.Text(string(m.Bytes()) + s), nil
				}
			}
			_, err := x.Use("*", mark("2"))
			require.NoError(t, err)
			remove, err := x.Use("*", mark("3"))
			require.NoError(t, err)
			_, err = x.UseAt(0, "*", mark("1"))
			require.NoError(t, err)
			assert.Len(t, x.Transformers(), 3)
			_, got := subscribe(t, c, "ab")
			publish(t, c, "ab", "0")
			remove()
			remove()
			publish(t, c, "ab", "0")
			synctest.Wait()
			assert.Equal(t, []string{"ab=0123", "ab=012"}, got.all())
			for _, index := range []int{-1, 3} {
				_, err = x.UseAt(index, "*", mark(""))
				assert.ErrorContains(t, err, "index")
			}
			_, err = x.Use("*", nil)
			assert.ErrorContains(t, err, "nil")
			_, err = x.Use("", mark(""))
			assert.ErrorContains(t, err, "invalid selector")
		}},
		{"exchange: iterate every channel", func(t T, x X, c C) {
			l, err := c.Listen("*")
			require.NoError(t, err)
			publish(t, c, "ab", "1")
			publish(t, c, "c.d", "2")
			require.NoError(t, x.Shutdown(t.Context()))
			assert.Equal(t, []string{"ab=1", "c.d=2"}, texts(t, l), "also what was published before the end")
		}},
		{"exchange: shutdown", func(t T, x X, c C) {
			got := newInbox()
			_, err := c.Subscribe("ab", func(ctx context.Context, m pubsub.Message, ch *pubsub.Channel) error {
				time.Sleep(time.Second)
				return got.handle(ctx, m, ch)
			})
			require.NoError(t, err)
			ch := channel(t, c, "ab")
			publish(t, c, "ab", "1", "2", "3")
			require.NoError(t, x.Shutdown(t.Context()))
			assert.Equal(t, []string{"ab=1", "ab=2", "ab=3"}, got.all(), "waits for what is queued")
			assert.ErrorIs(t, x.Shutdown(t.Context()), pubsub.ErrNotRunning)
			assert.Empty(t, x.Channels())
			assert.True(t, ch.Closed())
		}},
		{"exchange: start again", func(t T, x X, c C) {
			require.NoError(t, x.Shutdown(t.Context()))
			_, got := subscribe(t, c, "ab")
			require.NoError(t, x.Start(t.Context()))
			publish(t, c, "ab", "1")
			synctest.Wait()
			assert.Equal(t, []string{"ab=1"}, got.all())
		}},
		{"exchange: debug text", func(t T, x X, c C) {
			channel(t, c, "cd")
			channel(t, c, "ab")
			assert.Equal(t, "Exchange(running=true, channel_names=[ab cd], publisher_count=0, subscriber_count=0, transformer_count=0, queue_size=0)", x.String())
		}},
		{"delivery: all subscriber errors are logged, none returned", func(t T, _ X, _ C) {
			x, c, log := logged(t)
			require.NoError(t, x.Start(t.Context()))
			for _, text := range []string{"first boom", "second boom"} {
				_, err := c.Subscribe("ab", func(context.Context, pubsub.Message, *pubsub.Channel) error { return errors.New(text) })
				require.NoError(t, err)
			}
			publish(t, c, "ab", "1")
			synctest.Wait()
			assert.Contains(t, log.String(), "first boom")
			assert.Contains(t, log.String(), "second boom")
		}},
		{"delivery: a stopped message is warned of", func(t T, _ X, _ C) {
			x, c, log := logged(t)
			require.NoError(t, x.Start(t.Context()))
			_, err := x.Use("*", pubsub.Filter(func(context.Context, pubsub.Message, *pubsub.Channel) (pubsub.Message, error) {
				return pubsub.Message{}, nil
			}))
			require.NoError(t, err)
			_, got := subscribe(t, c, "*")
			publish(t, c, "ab", "1", "2")
			synctest.Wait()
			assert.Empty(t, got.all())
			assert.Equal(t, 1, strings.Count(log.String(), "a transformer stops messages"), "once")
		}},
		{"delivery: order per channel and subscriber", func(t T, x X, c C) {
			got := newInbox()
			_, err := c.Subscribe("ab", func(ctx context.Context, m pubsub.Message, ch *pubsub.Channel) error {
				if string(m.Bytes()) == "1" {
					time.Sleep(time.Minute)
				}
				return got.handle(ctx, m, ch)
			})
			require.NoError(t, err)
			publish(t, c, "ab", "1", "2", "3")
			time.Sleep(time.Hour)
			assert.Equal(t, []string{"ab=1", "ab=2", "ab=3"}, got.all())
		}},
		{"delivery: transformers with a selector", func(t T, x X, c C) {
			_, err := x.Use("a*", pubsub.Filter(func(context.Context, pubsub.Message, *pubsub.Channel) (pubsub.Message, error) {
				return pubsub.Text("changed"), nil
			}))
			require.NoError(t, err)
			_, got := subscribe(t, c, "*")
			publish(t, c, "ab", "1")
			publish(t, c, "cd", "1")
			synctest.Wait()
			assert.Equal(t, []string{"ab=changed", "cd=1"}, got.all())
		}},
		{"delivery: no transformer sees its product", func(t T, x X, c C) {
			p, err := c.Publisher("ab", "cd")
			require.NoError(t, err)
			runs := 0
			_, err = x.Use("*", pubsub.Split(p, func(ctx context.Context, p *pubsub.Publisher, m pubsub.Message, _ *pubsub.Channel) error {
				runs++
				return p.Publish(ctx, m)
			}))
			require.NoError(t, err)
			_, got := subscribe(t, c, "*")
			publish(t, c, "ab", "1")
			synctest.Wait()
			assert.Equal(t, []string{"ab=1", "cd=1", "ab=1"}, got.all())
			assert.Equal(t, 1, runs)
		}},
	}
}
