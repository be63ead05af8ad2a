package pubsub_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event/pubsub"
)

// checklistChannels has the rules of what messages and channels are, and which channels a selector matches.
func checklistChannels() []checklistRow {
	type (
		T = *testing.T
		X = *pubsub.Exchange
		C = *pubsub.Client
	)
	return []checklistRow{
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
	}
}
