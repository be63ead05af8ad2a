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

// checklistHelpers has the rules of what a client does for a connector.
func checklistHelpers() []checklistRow {
	type (
		T = *testing.T
		X = *pubsub.Exchange
		C = *pubsub.Client
	)
	return []checklistRow{
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
}
