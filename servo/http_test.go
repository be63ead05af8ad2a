package servo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/servo"
)

// clientOf returns the client that connectors get with the settings.
func clientOf(t *testing.T, settings string) *http.Client {
	t.Helper()
	var client *http.Client
	probe := connector.Define(connector.Info{Name: "probe"}, func(_ struct{}, env connector.Env) (connector.Connector, error) {
		client = env.HTTP
		return bind(func(*connector.Host) error { return nil }), nil
	})
	_, err := servo.FromConfig(parse(t, "connectors: [probe]\nprobe: {}\nsettings: "+settings+"\n"), servo.Options{Optimizer: newBackend()}, probe)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func do(ctx context.Context, t *testing.T, c *http.Client, url string, body io.Reader) error {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	require.NoError(t, err)
	response, err := c.Do(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return errors.Join(err, response.Body.Close())
}

// silent accepts connections and neither reads nor says anything.
func silent(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var connections []net.Conn
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections = append(connections, c)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-accepted
		for _, c := range connections {
			_ = c.Close()
		}
	})
	return l.Addr().String()
}

func TestTimeoutsOfEachPart(t *testing.T) {
	address := silent(t)
	large := func() io.Reader { return bytes.NewReader(make([]byte, 64<<20)) }
	for _, tt := range []struct {
		name, settings, url string
		body                io.Reader
		want                string
	}{
		{"connect: the handshake", "{timeouts: {connect: 50ms}}", "https://" + address, nil, "TLS handshake timeout"},
		{"read", "{timeouts: {read: 50ms}}", "http://" + address, nil, address},
		{"write", "{timeouts: {write: 50ms}}", "http://" + address, large(), "sending the request took longer than 50ms"},
		{"all four", "{timeouts: 50ms}", "http://" + address, nil, ""}, // whichever is over first
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := do(t.Context(), t, clientOf(t, tt.settings), tt.url, tt.body)
			assert.ErrorContains(t, err, tt.want)
			var timeout net.Error
			require.ErrorAs(t, err, &timeout)
			assert.True(t, timeout.Timeout())
		})
	}
	t.Run("a write limit does not bound the answer", func(t *testing.T) {
		released := make(chan struct{})
		time.AfterFunc(300*time.Millisecond, func() { close(released) })
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-released
			_, _ = io.WriteString(w, "late")
		}))
		defer server.Close()
		c := clientOf(t, "{timeouts: {write: 200ms, pool: 200ms}}")
		assert.NoError(t, do(t.Context(), t, c, server.URL, strings.NewReader("x")))
	})
}

// More requests than connections wait, for as long as the settings allow.
func TestTimeoutOfThePool(t *testing.T) {
	var open atomic.Int64
	full := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server notices when the client goes away
		if open.Add(1) == 100 {
			close(full)
		}
		<-r.Context().Done()
	}))
	defer server.Close()
	c := clientOf(t, "{timeouts: {pool: 2s, read: none}}")
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { assert.ErrorIs(t, do(ctx, t, c, server.URL, strings.NewReader("x")), context.Canceled) })
	}
	select {
	case <-full:
	case <-time.After(30 * time.Second):
		t.Error("the connections were not all made")
	}
	assert.ErrorContains(t, do(t.Context(), t, c, server.URL, strings.NewReader("x")), "waiting for a free connection took longer than 2s")
	cancel()
	wg.Wait()
}

// The variables of the environment count where no pattern does.
func TestProxiesOfTheEnvironment(t *testing.T) {
	var proxied atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "KUBERNETES_SERVICE_HOST"} {
		t.Setenv(name, "") // restores it
		require.NoError(t, os.Unsetenv(name))
	}
	for _, tt := range []struct {
		name     string
		env      map[string]string
		settings string
		proxied  bool
	}{
		{"HTTP_PROXY", map[string]string{"HTTP_PROXY": proxy.URL}, "{}", true},
		{"ALL_PROXY", map[string]string{"ALL_PROXY": proxy.URL}, "{}", true},
		{"HTTP_PROXY before ALL_PROXY", map[string]string{"HTTP_PROXY": proxy.URL, "ALL_PROXY": "http://127.0.0.1:1"}, "{}", true},
		{"HTTPS_PROXY is for https", map[string]string{"HTTPS_PROXY": proxy.URL}, "{}", false},
		{"NO_PROXY", map[string]string{"ALL_PROXY": proxy.URL, "NO_PROXY": ".invalid"}, "{}", false},
		{"the cluster", map[string]string{"ALL_PROXY": proxy.URL, "KUBERNETES_SERVICE_HOST": "servo.invalid"}, "{}", false},
		{"null in the settings", map[string]string{"ALL_PROXY": proxy.URL}, "{proxies: {'all://': null}}", false},
		{"the settings first", map[string]string{"ALL_PROXY": "http://127.0.0.1:1"}, "{proxies: '" + proxy.URL + "'}", true},
		{"nothing", nil, "{}", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			before := proxied.Load()
			err := do(t.Context(), t, clientOf(t, tt.settings), "http://servo.invalid", nil)
			assert.Equal(t, tt.proxied, err == nil, "%v", err)
			assert.Equal(t, tt.proxied, proxied.Load() > before)
		})
	}
}
