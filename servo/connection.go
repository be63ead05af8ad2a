package servo

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/optimizer"
)

// connection gives a client what its connection file says, as of now.
type connection struct {
	config config.AppDynamics
	log    *slog.Logger

	mu      sync.Mutex
	current *config.AppDynamics // nil until the file has been read
	stop    context.CancelFunc  // of the one who follows the file
	stopped chan struct{}
}

// Access reads the file at the first request, for which it waits, and again
// when the token it gave is refused: the news of a change can be late.
func (c *connection) Access(ctx context.Context, refused string) (optimizer.Access, error) {
	current := c.known()
	if current == nil || refused != "" && refused == current.Token.Reveal() {
		if current != nil {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Second)
			defer cancel()
		}
		connected, err := c.config.Connect(ctx)
		switch {
		case err == nil:
			c.set(connected)
			current = &connected
		case current == nil:
			return optimizer.Access{}, err
		default:
			c.log.WarnContext(ctx, "connection file cannot be used, the old credentials stay", "file", c.config.ConnectionFile, "error", err)
		}
	}
	return optimizer.Access{URL: current.URL, Token: current.Token.Reveal()}, nil
}

func (c *connection) known() *config.AppDynamics {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

func (c *connection) set(a config.AppDynamics) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = &a
}

// follow reads the file whenever it changes, until unfollow.
func (c *connection) follow(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop != nil {
		return
	}
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan struct{})
	c.stopped = stopped
	go func() {
		defer close(stopped)
		if err := c.config.Watch(ctx, c.log, c.set); err != nil {
			c.log.WarnContext(ctx, "connection file is read again only when its token is refused", "error", err)
		}
	}()
}

// unfollow waits until nobody follows the file any more.
func (c *connection) unfollow() {
	c.mu.Lock()
	stop, stopped := c.stop, c.stopped
	c.stop = nil
	c.mu.Unlock()
	if stop != nil {
		stop()
		<-stopped
	}
}

// followed is a client whose connection file is followed from HELLO to GOODBYE.
type followed struct {
	*optimizer.Client
	connection *connection
}

func (f *followed) Hello(ctx context.Context, hello optimizer.Hello) error {
	if _, err := f.connection.Access(ctx, ""); err != nil { // the folder is there when the file is
		return fmt.Errorf("connecting: %w", err)
	}
	f.connection.follow(ctx)
	err := f.Client.Hello(ctx, hello)
	if err != nil {
		f.connection.unfollow()
	}
	return err
}

func (f *followed) Goodbye(ctx context.Context, reason string) error {
	defer f.connection.unfollow()
	return f.Client.Goodbye(ctx, reason)
}
