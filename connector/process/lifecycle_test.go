//go:build unix

package process_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/process"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

func TestStartupFailsWithTheReasonAndLeavesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.conf")
	tests := []struct {
		name   string
		change func(*process.Config)
		says   []string
	}{
		{"command not found", func(c *process.Config) { c.Command = []string{"no-such-program"} }, []string{"starting app: ", "no-such-program", "not found"}},
		{"not executable", func(c *process.Config) { c.Command = []string{"./adjust_test.go"} }, []string{"permission denied"}},
		{"directory missing", func(c *process.Config) { c.Dir = "/no/such/dir" }, []string{"/no/such/dir"}},
		{"dies", func(c *process.Config) { c.Settings[1].Default = types.Text("dies") }, []string{"exit status 3", "not enough memory"}},
		{"never ready", func(c *process.Config) {
			c.Settings[1].Default = types.Text("never")
			c.Ready.Timeout = types.Duration(200 * time.Millisecond)
		}, []string{"not ready within"}},
		{"killed", func(c *process.Config) { c.Command = []string{"/bin/sh", "-c", "kill -9 $$"} }, []string{"signal: killed", "it printed nothing"}},
		{"file cannot be written", func(c *process.Config) { c.File.Path = "/no/such/dir/app.conf" }, []string{"/no/such/dir"}},
		{"probe command fails", func(c *process.Config) {
			c.Ready = process.Ready{Command: []string{"sh", "-c", "echo still loading; exit 7"}, Timeout: types.Duration(time.Second)}
		}, []string{"not ready within", "exit status 7", "still loading"}},
		{"nothing listens", func(c *process.Config) {
			c.Ready = process.Ready{TCP: freeAddress(t), Timeout: types.Duration(time.Second)}
		}, []string{"not ready within", "connection refused"}},
		{"line never printed", func(c *process.Config) {
			c.Ready = process.Ready{Log: "^serving", Timeout: types.Duration(200 * time.Millisecond)}
		}, []string{"not ready within", `no line of output matched "^serving"`}},
		{"dies young", func(c *process.Config) {
			c.Ready = process.Ready{MinUptime: types.Duration(patience)}
			c.Command = []string{"sh", "-c", "echo short life; exit 9"}
		}, []string{"exit status 9", "short life"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, func(c *process.Config) {
				c.File = &process.File{Path: file, Template: "workers = {{.workers}}\n"}
				tt.change(c)
			})
			err := r.start()
			require.Error(t, err)
			for _, text := range tt.says {
				assert.ErrorContains(t, err, text)
			}
			assert.Empty(t, r.alive())
			assert.NoFileExists(t, file)
			_, err = r.measure(t.Context(), types.DefaultControl())
			assert.ErrorContains(t, err, "has not been started")
			_, err = r.adjust(t.Context(), 0, to("workers", types.Int(9)))
			assert.ErrorContains(t, err, "has not been started")
		})
	}
}

func TestStartupNoticesAnotherProgramAtItsAddress(t *testing.T) {
	r := newRig(t, nil)
	l, err := net.Listen("tcp", r.address) //nolint:noctx // a test
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	_ = server.Listener.Close()
	server.Listener = l
	server.Start()
	defer server.Close()
	assert.ErrorContains(t, r.start(), "another process already answers at http://"+r.address+"/health")
}

func TestStartupEndsWithItsContext(t *testing.T) {
	r := newRig(t, func(c *process.Config) { c.Settings[1].Default = types.Text("never") })
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	go func() {
		assert.Eventually(t, func() bool { return len(r.ran()) > 0 }, patience, glance)
		cancel(connector.ErrStopRequested)
	}()
	_, err := connector.Startup.Dispatch(ctx, &r.bus, connector.Lifecycle{})
	require.ErrorIs(t, err, connector.ErrStopRequested)
	assert.Empty(t, r.alive())
}

func TestReadinessProbes(t *testing.T) {
	tests := []struct {
		name  string
		ready func(address string) process.Ready
	}{
		{"tcp", func(address string) process.Ready { return process.Ready{TCP: address} }},
		{"command", func(string) process.Ready {
			return process.Ready{Command: []string{"sh", "-c", `test -n "$(ls "$APP_PIDS")"`}}
		}},
		{"log", func(string) process.Ready { return process.Ready{Log: "configuration loa.ed"} }},
		{"uptime", func(string) process.Ready {
			return process.Ready{MinUptime: types.Duration(50 * time.Millisecond)}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "app.conf")
			r := newRig(t, func(c *process.Config) {
				timeout := c.Ready.Timeout
				c.Ready = tt.ready(strings.TrimSuffix(strings.TrimPrefix(c.Ready.HTTP, "http://"), "/health"))
				c.Ready.Timeout = timeout
				c.File = &process.File{Path: file, Template: "workers = {{.workers}}\n"}
				c.Env["APP_FILE"] = config.NewSecret(file)
			})
			require.NoError(t, r.start())
			_, err := r.adjust(t.Context(), 50*time.Millisecond, to("workers", types.Int(5)))
			require.NoError(t, err)
			require.Eventually(t, func() bool { i, err := r.ask(); return err == nil && i.Workers == "5" }, patience, glance)
		})
	}
}

func TestShutdown(t *testing.T) {
	shutdown := func(r *rig, ctx context.Context) error {
		_, err := connector.Shutdown.Dispatch(ctx, &r.bus, connector.Lifecycle{})
		return err
	}
	t.Run("without startup and twice", func(t *testing.T) {
		r := newRig(t, nil)
		require.NoError(t, shutdown(r, t.Context()))
		require.NoError(t, shutdown(r, t.Context()))
	})
	t.Run("twice, and started again", func(t *testing.T) {
		r := started(t, nil)
		_, err := r.adjust(t.Context(), 0, to("workers", types.Int(9)))
		require.NoError(t, err)
		require.NoError(t, shutdown(r, t.Context()))
		assert.Empty(t, r.alive())
		require.NoError(t, shutdown(r, t.Context()))
		_, err = connector.Startup.Dispatch(t.Context(), &r.bus, connector.Lifecycle{})
		require.NoError(t, err)
		assert.Equal(t, "4", r.info().Workers, "begins with the defaults")
	})
	t.Run("started twice", func(t *testing.T) {
		r := started(t, nil)
		_, err := connector.Startup.Dispatch(t.Context(), &r.bus, connector.Lifecycle{})
		assert.ErrorContains(t, err, "started already")
		assert.Len(t, r.alive(), 1)
	})
	t.Run("a command that ignores the signal", func(t *testing.T) {
		r := started(t, func(c *process.Config) {
			c.Settings[1].Default = types.Text("stubborn")
			c.Stop.Grace = types.Duration(patience)
		})
		// The grace would take longer than there is time.
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		require.NoError(t, shutdown(r, ctx))
		assert.NoError(t, ctx.Err(), "it is over in time")
		assert.Empty(t, r.alive())
	})
	t.Run("no time at all", func(t *testing.T) {
		r := started(t, func(c *process.Config) { c.Settings[1].Default = types.Text("stubborn") })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, shutdown(r, ctx), context.Canceled, "the event is not even dispatched")
		ctx, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		require.NoError(t, shutdown(r, ctx))
		assert.Empty(t, r.alive())
	})
	t.Run("during an adjustment", func(t *testing.T) {
		r := started(t, nil)
		adjusted := make(chan error, 1)
		go func() {
			_, err := r.adjust(t.Context(), 0, to("behaviour", types.Text("never")))
			adjusted <- err
		}()
		require.Eventually(t, func() bool { return len(r.ran()) == 2 }, patience, glance)
		require.NoError(t, shutdown(r, t.Context()))
		require.ErrorIs(t, <-adjusted, connector.ErrStopRequested)
		assert.Empty(t, r.alive())
	})
}

func TestACommandThatDiesIsStartedAgain(t *testing.T) {
	r := started(t, nil)
	_, err := r.adjust(t.Context(), 0, to("workers", types.Int(6)))
	require.NoError(t, err)
	for range 2 {
		before := r.info().PID
		require.NoError(t, syscall.Kill(before, syscall.SIGKILL))
		require.Eventually(t, func() bool { i, err := r.ask(); return err == nil && i.PID != before }, patience, glance)
		assert.Equal(t, "6", r.info().Workers, "with the values in force")
	}
	m, err := r.measure(t.Context(), types.Control{}, "restarts")
	require.NoError(t, err)
	assert.InDelta(t, 2, m.Summary("restarts").Mean, 0)
}

func TestAnAdjustmentRevivesADeadCommand(t *testing.T) {
	r := started(t, func(c *process.Config) {
		c.Restart = process.Restart{Backoff: types.Duration(time.Hour), MaxBackoff: types.Duration(time.Hour)}
	})
	pid := r.info().PID
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	require.Eventually(t, func() bool { // the death may not have been noticed at first
		_, err := r.adjust(t.Context(), 0)
		i, down := r.ask()
		return assert.NoError(t, err) && down == nil && i.PID != pid && i.Workers == "4"
	}, patience, glance)
}

// logBook is a log that can be read while it is written.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestOutputIsLoggedAndBounded(t *testing.T) {
	var log logBook
	c := process.Config{
		Command: []string{"sh", "-c", `printf 'token is %s\n' "${SECRET#????}"; head -c 100000 /dev/zero | tr '\0' x; printf '\nlast \377 words'; exit 1`},
		Env:     map[string]config.Secret{"SECRET": config.NewSecret("hush-hush")},
		Output:  process.Output{Tail: 2},
	}
	p, err := process.New(c, connector.Env{Name: "noisy", Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	require.NoError(t, err)
	var bus event.Bus
	require.NoError(t, p.Bind(connector.NewHost(&bus, "noisy", nil)))
	_, err = connector.Startup.Dispatch(t.Context(), &bus, connector.Lifecycle{})
	require.ErrorContains(t, err, "starting noisy: the process ended (exit status 1)")
	assert.Less(t, len(err.Error()), 3000)
	assert.NotContains(t, err.Error(), "token")
	assert.Contains(t, err.Error(), "\n  last \uFFFD words")
	assert.Contains(t, log.String(), "level=DEBUG msg=output line=\"token is -hush\"")
	assert.NotContains(t, log.String(), "hush-hush", "no secret of ours in the log")
}

// What a command prints of its own environment stands in no error and no log.
func TestSecretsInTheOutputAreMasked(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*process.Config)
		says   string
	}{
		{"command", func(c *process.Config) {
			c.Command = []string{"sh", "-c", "echo \"with $SECRET at level $LEVEL\"; exit 3"}
		}, "with ********** at level 42"},
		{"several lines", func(c *process.Config) { c.Command = []string{"sh", "-c", "echo \"$KEY\"; exit 3"} }, "\n  **********\n  **********"},
		{"probe", func(c *process.Config) {
			c.Command = []string{"sleep", "600"}
			c.Ready = process.Ready{Command: []string{"sh", "-c", "echo \"probing with $SECRET\"; exit 7"}, Timeout: types.Duration(time.Second)}
		}, "probing with **********"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log logBook
			c := process.Config{Env: map[string]config.Secret{
				"SECRET": config.NewSecret("hush-hush"), "LEVEL": config.NewSecret("42"), "KEY": config.NewSecret("first half\r\nother half\n"),
			}}
			tt.change(&c)
			p, err := process.New(c, connector.Env{Name: "app", Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
			require.NoError(t, err)
			var bus event.Bus
			require.NoError(t, p.Bind(connector.NewHost(&bus, "app", nil)))
			_, err = connector.Startup.Dispatch(t.Context(), &bus, connector.Lifecycle{})
			require.ErrorContains(t, err, tt.says)
			for _, text := range []string{"hush-hush", "half"} {
				assert.NotContains(t, err.Error(), text)
				assert.NotContains(t, log.String(), text)
			}
		})
	}
}

func TestInheritedEnvironment(t *testing.T) {
	t.Setenv("INHERITED", "yes")
	no := false
	for _, tt := range []struct {
		name    string
		inherit *bool
		want    string
	}{{"by default", nil, "[yes]"}, {"not", &no, "[]"}} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			p, err := process.New(process.Config{
				Command: []string{"/bin/sh", "-c", `printf '[%s]' "$INHERITED" > out; while :; do read x || exec sleep 600; done`}, Dir: dir, InheritEnv: tt.inherit,
				Env:   map[string]config.Secret{"PATH": config.NewSecret(os.Getenv("PATH"))},
				Ready: process.Ready{Command: []string{"test", "-s", "out"}},
			}, connector.Env{})
			require.NoError(t, err)
			var bus event.Bus
			require.NoError(t, p.Bind(connector.NewHost(&bus, "process", nil)))
			_, err = connector.Startup.Dispatch(t.Context(), &bus, connector.Lifecycle{})
			require.NoError(t, err)
			data, err := os.ReadFile(filepath.Join(dir, "out"))
			require.NoError(t, err)
			assert.Equal(t, tt.want, string(data))
			_, err = connector.Shutdown.Dispatch(t.Context(), &bus, connector.Lifecycle{})
			require.NoError(t, err)
		})
	}
}
