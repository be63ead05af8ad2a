package pubsub_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/servokit/servokit/event/pubsub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// started returns a running exchange with a client, shut down with the test.
func started(t *testing.T) (*pubsub.Exchange, *pubsub.Client) {
	t.Helper()
	x, c, _ := logged(t)
	require.NoError(t, x.Start(t.Context()))
	return x, c
}

// logged returns an exchange that is not running, with a client and its log.
func logged(t *testing.T) (*pubsub.Exchange, *pubsub.Client, *log) {
	t.Helper()
	l := new(log)
	x := pubsub.New(pubsub.Options{Logger: slog.New(slog.NewTextHandler(l, nil))})
	t.Cleanup(func() {
		if x.Running() {
			require.NoError(t, x.Shutdown(context.Background()))
		}
	})
	return x, x.Client("test"), l
}

type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// inbox is a handler that notes what it gets.
type inbox struct {
	mu   sync.Mutex
	list []string
	came chan string
}

func newInbox() *inbox { return &inbox{came: make(chan string, 1000)} }

func (i *inbox) handle(_ context.Context, m pubsub.Message, c *pubsub.Channel) error {
	text, err := m.Text()
	if err != nil {
		return err
	}
	i.mu.Lock()
	i.list = append(i.list, c.Name()+"="+text)
	i.mu.Unlock()
	i.came <- text
	return nil
}

func (i *inbox) all() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string(nil), i.list...)
}

func subscribe(t *testing.T, c *pubsub.Client, selector string, options ...pubsub.Option) (*pubsub.Subscription, *inbox) {
	t.Helper()
	i := newInbox()
	s, err := c.Subscribe(selector, i.handle, options...)
	require.NoError(t, err)
	return s, i
}

func channel(t *testing.T, c *pubsub.Client, name string) *pubsub.Channel {
	t.Helper()
	ch, err := c.Channel(name)
	require.NoError(t, err)
	return ch
}

func publish(t *testing.T, c *pubsub.Client, name string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		require.NoError(t, c.Publish(t.Context(), name, pubsub.Text(text)))
	}
}

func texts(t *testing.T, l *pubsub.Listener) []string {
	t.Helper()
	var list []string
	for m, c := range l.All(t.Context()) {
		text, err := m.Text()
		require.NoError(t, err)
		list = append(list, c.Name()+"="+text)
	}
	return list
}
