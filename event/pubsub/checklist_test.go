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

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
)

// TestChecklist has a case for each rule that messages, channels, exchanges,
// subscribers, publishers, transformers and the helpers of connectors follow.
// Each case gets an exchange that is running, in a bubble of its own time.
func TestChecklist(t *testing.T) {
	type (
		T = *testing.T
		X = *pubsub.Exchange
		C = *pubsub.Client
	)
	never := func(context.Context, pubsub.Message, *pubsub.Channel) error { return nil }
	join := func(_ context.Context, a, m pubsub.Message, _ *pubsub.Channel) (pubsub.Message, error) {
		return pubsub.Text(string(a.Bytes()) + string(m.Bytes())), nil
	}
	rows := []struct {
		name string
		run  func(T, X, C)
	}{
		{"message: content", func(t T, x X, c C) {
			m, err := pubsub.Bytes([]byte("x"), "text/csv")
			require.NoError(t, err)
			assert.Equal(t, "x", string(m.Bytes()))
			_, err = pubsub.Bytes(nil, "text/csv")
			assert.Error(t, err, "required")
			assert.ErrorContains(t, c.Publish(t.Context(), "ab", pubsub.Message{}), "the message is empty")
		}},
		{"message: content type", func(t T, x X, c C) {
			_, err := pubsub.Bytes([]byte("x"), "")
			assert.Error(t, err, "bytes have no default")
			m, err := pubsub.Text("x").WithContentType("text/csv")
			require.NoError(t, err)
			assert.Equal(t, "text/csv", m.ContentType(), "overrides the default")
		}},
		{"message: created at", func(t T, x X, c C) {
			assert.True(t, pubsub.Text("x").CreatedAt().Equal(time.Now()))
		}},
		{"message: metadata", func(t T, x X, c C) {
			assert.Equal(t, map[string]string{}, pubsub.Text("x").Metadata())
			assert.Equal(t, map[string]string{"a": "b"}, pubsub.Text("x").With("a", "b").Metadata())
		}},
		{"message: source text", func(t T, x X, c C) {
			assert.Equal(t, "text/plain", pubsub.Text("x").ContentType())
		}},
		{"message: source json", func(t T, x X, c C) {
			m, err := pubsub.JSON(map[string]string{"key": "välue"})
			require.NoError(t, err)
			assert.Equal(t, `{"key": "v\u00e4lue"}`, string(m.Bytes()))
			assert.Equal(t, "application/json", m.ContentType())
		}},
		{"message: source yaml", func(t T, x X, c C) {
			m, err := pubsub.YAML(map[string]string{"key": "value"})
			require.NoError(t, err)
			assert.Equal(t, "key: value\n", string(m.Bytes()))
			assert.Equal(t, "application/x-yaml", m.ContentType())
		}},
		{"message: readers ignore the declared type", func(t T, x X, c C) {
			var v map[string]int
			require.NoError(t, pubsub.Text(`{"a": 1}`).JSON(&v))
			require.NoError(t, pubsub.Text(`{"a": 1}`).YAML(&v))
			_, err := pubsub.Text("\xff").Text()
			assert.Error(t, err, "strict")
		}},
		{"channel: name", func(t T, x X, c C) {
			for _, name := range []string{"ab", "A1", "a.b-c_d", strings.Repeat("a", 253)} {
				assert.Equal(t, name, channel(t, c, " "+name+"\t").Name())
			}
			for _, name := range []string{"", "a", ".a", "a.", "-a", "a b", "ä1", strings.Repeat("a", 254)} {
				_, err := c.Channel(name)
				assert.ErrorContains(t, err, "invalid channel name", name)
			}
		}},
		{"channel: description, time, closed", func(t T, x X, c C) {
			ch, err := x.Create("ab", "for tests")
			require.NoError(t, err)
			assert.Equal(t, "for tests", ch.Description())
			assert.True(t, ch.CreatedAt().Equal(time.Now()))
			assert.False(t, ch.Closed())
			assert.Equal(t, "ab", ch.String())
		}},
		{"channel: unique", func(t T, x X, c C) {
			_, err := x.Create("ab", "")
			require.NoError(t, err)
			_, err = x.Create("ab", "")
			assert.ErrorContains(t, err, `a channel named "ab" already exists`)
			_, err = x.Create("a", "")
			assert.Error(t, err)
		}},
		{"channel: publishing when closed", func(t T, x X, c C) {
			ch := channel(t, c, "ab")
			p, err := c.Publisher("ab")
			require.NoError(t, err)
			require.NoError(t, ch.Close())
			assert.True(t, ch.Closed())
			assert.ErrorIs(t, ch.Publish(t.Context(), pubsub.Text("x")), pubsub.ErrClosed)
			assert.ErrorIs(t, p.Publish(t.Context(), pubsub.Text("x")), pubsub.ErrClosed, "no way around")
		}},
		{"channel: closing again", func(t T, x X, c C) {
			ch := channel(t, c, "ab")
			require.NoError(t, ch.Close())
			assert.ErrorIs(t, ch.Close(), pubsub.ErrClosed)
			assert.ErrorContains(t, ch.Close(), "already closed")
		}},
		{"channel: closing ends exclusive subscribers", func(t T, x X, c C) {
			ch := channel(t, c, "ab")
			exclusive, got := subscribe(t, c, "ab")
			glob, _ := subscribe(t, c, "a*")
			regex, _ := subscribe(t, c, "/ab/")
			cancelled, _ := subscribe(t, c, "ab")
			cancelled.Cancel()
			publish(t, c, "ab", "1", "2")
			require.NoError(t, ch.Close())
			<-exclusive.Done()
			assert.Equal(t, []string{"ab=1", "ab=2"}, got.all(), "it still gets what was published")
			assert.Equal(t, []*pubsub.Subscription{glob, regex}, x.Subscriptions())
		}},
		{"channel: closing removes", func(t T, x X, c C) {
			require.NoError(t, channel(t, c, "ab").Close())
			_, ok := x.Lookup("ab")
			assert.False(t, ok)
			_, err := x.Create("ab", "again")
			assert.NoError(t, err)
		}},
		{"channel: iteration ends when it closes", func(t T, x X, c C) {
			ch := channel(t, c, "ab")
			l, err := c.Listen("ab")
			require.NoError(t, err)
			publish(t, c, "ab", "1")
			require.NoError(t, ch.Close())
			assert.Equal(t, []string{"ab=1"}, texts(t, l))
			assert.Empty(t, x.Subscriptions(), "nothing hidden stays")
		}},
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
		{"matching: one channel", func(t T, x X, c C) {
			s, err := pubsub.ParseSelector("metrics.http")
			require.NoError(t, err)
			assert.True(t, s.Match("metrics.http"))
			assert.False(t, s.Match("metrics.https"))
			assert.False(t, s.IsPattern())
		}},
		{"matching: glob", func(t T, x X, c C) {
			s, err := pubsub.ParseSelector("m*[!x].?ttp")
			require.NoError(t, err)
			assert.True(t, s.Match("metrics.a.http"), "* also matches dots")
			assert.False(t, s.Match("metrics.x.http"))
			assert.False(t, s.Match("METRICS.a.http"), "case matters")
			assert.True(t, s.IsPattern())
		}},
		{"matching: regex", func(t T, x X, c C) {
			s, err := pubsub.ParseSelector("/metrics/")
			require.NoError(t, err)
			assert.True(t, s.Match("metrics"))
			assert.False(t, s.Match("metrics.http"), "the whole name")
			assert.True(t, s.IsPattern())
		}},
		{"matching: channels of later", func(t T, x X, c C) {
			_, got := subscribe(t, c, "a*")
			publish(t, c, "ab", "1")
			publish(t, c, "ba", "1")
			publish(t, c, "ac", "2")
			synctest.Wait()
			assert.Equal(t, []string{"ab=1", "ac=2"}, got.all())
		}},
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
		{"helper: subscribe by name", func(t T, x X, c C) {
			s, _ := subscribe(t, c, "ab", pubsub.Named("mine"))
			assert.Equal(t, "mine", s.Name())
			_, err := c.Subscribe("ab", never, pubsub.Named("mine"))
			assert.ErrorContains(t, err, `a subscription named "mine" already exists`)
			subscribe(t, x.Client("other"), "ab", pubsub.Named("mine")) // a name is the client's own
			first, _ := subscribe(t, c, "ab")
			second, _ := subscribe(t, c, "ab")
			assert.NotEqual(t, first.Name(), second.Name(), "names are made up")
			_, err = c.Subscribe("ab", never, pubsub.Named(""))
			assert.ErrorContains(t, err, "name: it is empty")
		}},
		{"helper: producer", func(t T, x X, c C) {
			_, got := subscribe(t, c, "ab")
			produce := func(ctx context.Context, p *pubsub.Publisher) error {
				return p.Publish(ctx, pubsub.Text(time.Now().Format("04:05")))
			}
			require.NoError(t, c.Every(time.Minute, pubsub.Producer{Name: "clock", Channels: []string{"ab"}, Produce: produce}))
			assert.ErrorContains(t, c.Every(time.Minute, pubsub.Producer{Name: "clock", Channels: []string{"ab"}, Produce: produce}), `a producer named "clock" already exists`)
			time.Sleep(2*time.Minute + time.Second)
			assert.Equal(t, []string{"ab=00:00", "ab=01:00", "ab=02:00"}, got.all(), "at once, then again")
			err := c.Every(-1, pubsub.Producer{Name: "bad"})
			assert.ErrorContains(t, err, "negative")
			assert.ErrorContains(t, err, "the function Produce is nil")
			assert.ErrorContains(t, c.Every(0, pubsub.Producer{Produce: produce}), "at least one channel")
		}},
		{"helper: producer without an interval", func(t T, x X, c C) {
			runs := 0
			require.NoError(t, c.Every(0, pubsub.Producer{Channels: []string{"ab"}, Produce: func(ctx context.Context, _ *pubsub.Publisher) error {
				runs++
				select {
				case <-ctx.Done():
				case <-time.After(time.Hour):
				}
				return nil
			}}))
			time.Sleep(150 * time.Minute)
			require.NoError(t, c.CancelProducers())
			synctest.Wait()
			assert.Equal(t, 3, runs)
		}},
		{"helper: a failing producer stops, by default alone", func(t T, _ X, _ C) {
			x, c, log := logged(t)
			require.NoError(t, x.Start(t.Context()))
			runs := 0
			require.NoError(t, c.Every(time.Minute, pubsub.Producer{Name: "bad", Channels: []string{"ab"}, Produce: func(context.Context, *pubsub.Publisher) error {
				if runs++; runs == 2 {
					panic("boom")
				}
				return nil
			}}))
			time.Sleep(time.Hour)
			synctest.Wait()
			assert.Equal(t, 2, runs)
			assert.Contains(t, log.String(), "producer failed, it has been stopped")
			assert.True(t, x.Running())
			assert.ErrorContains(t, c.CancelProducers("bad"), `no producer named "bad"`)
		}},
		{"helper: producer with a policy, timeouts exempt", func(t T, _ X, _ C) {
			x, c, log := logged(t)
			require.NoError(t, x.Start(t.Context()))
			boom, fatal := errors.New("boom"), errors.New("fatal")
			results := []error{boom, context.DeadlineExceeded, nil, fatal, nil}
			runs := 0
			var judged []error
			require.NoError(t, c.Every(time.Minute, pubsub.Producer{Channels: []string{"ab"},
				Produce: func(context.Context, *pubsub.Publisher) error { runs++; return results[runs-1] },
				OnError: func(err error) error {
					judged = append(judged, err)
					if errors.Is(err, fatal) {
						panic("the policy fails")
					}
					return nil
				},
			}))
			time.Sleep(time.Hour)
			synctest.Wait()
			assert.Equal(t, 4, runs)
			assert.Equal(t, []error{boom, fatal}, judged)
			assert.Contains(t, log.String(), "producer timed out")
			assert.Contains(t, log.String(), "producer failed, it goes on")
			assert.Contains(t, log.String(), "the policy fails")
		}},
		{"helper: publish once", func(t T, x X, c C) {
			require.NoError(t, c.Publish(t.Context(), "ab", pubsub.Text("1")))
			_, ok := x.Lookup("ab")
			assert.True(t, ok, "created")
			assert.ErrorContains(t, c.Publish(t.Context(), "-", pubsub.Text("1")), "invalid channel name")
		}},
		{"helper: temporary channel", func(t T, x X, c C) {
			kept := channel(t, c, "ab")
			ch, release, err := c.Temporary("ab", "ignored")
			require.NoError(t, err)
			release()
			assert.Same(t, kept, ch)
			assert.False(t, kept.Closed(), "an existing one is left alone")
			named, releaseNamed, err := c.Temporary("cd", "mine")
			require.NoError(t, err)
			unnamed, releaseUnnamed, err := c.Temporary("", "")
			require.NoError(t, err)
			assert.Equal(t, "mine", named.Description())
			assert.Len(t, x.Channels(), 3)
			releaseNamed()
			releaseUnnamed()
			releaseUnnamed()
			assert.True(t, named.Closed() && unnamed.Closed())
			assert.Len(t, x.Channels(), 1)
			_, _, err = c.Temporary("-", "")
			assert.Error(t, err)
		}},
		{"helper: cancel subscribers", func(t T, x X, c C) {
			for _, name := range []string{"s1", "s2", "s3"} {
				subscribe(t, c, "ab", pubsub.Named(name))
			}
			other, _ := subscribe(t, x.Client("other"), "ab")
			err := c.CancelSubscriptions("s1", "nobody")
			assert.ErrorContains(t, err, `no subscription named "nobody", there are: s1, s2, s3`)
			assert.Len(t, x.Subscriptions(), 3)
			require.NoError(t, c.CancelSubscriptions())
			assert.Equal(t, []*pubsub.Subscription{other}, x.Subscriptions())
		}},
		{"helper: cancel publishers", func(t T, x X, c C) {
			stop := make(chan error, 2)
			for _, name := range []string{"p1", "p2"} {
				require.NoError(t, c.Every(0, pubsub.Producer{Name: name, Channels: []string{"ab"}, Produce: func(ctx context.Context, _ *pubsub.Publisher) error {
					<-ctx.Done()
					stop <- ctx.Err()
					return ctx.Err()
				}}))
			}
			synctest.Wait()
			assert.ErrorContains(t, c.CancelProducers("nobody", "p1"), `no producer named "nobody"`)
			assert.Error(t, <-stop)
			synctest.Wait()
			assert.Contains(t, x.String(), "publisher_count=1")
			c.Close()
			assert.Error(t, <-stop)
		}},
		{"helper: dispatch channel", func(t T, x X, c C) {
			d := pubsub.Observe(c, event.New[int, int]("measure"))
			defer d.Close()
			assert.Regexp(t, `^servo\.events\.measure\.[0-9]+$`, d.Channel().Name())
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, c := started(t)
				row.run(t, x, c)
			})
		})
	}
	t.Logf("%d rows", len(rows))
}
