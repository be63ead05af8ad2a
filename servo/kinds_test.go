package servo_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/servo"
)

// syncBuffer is written by the servo while a test reads it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// during runs a servo of the text while do does its work.
func during(t *testing.T, text string, do func(ctx context.Context)) string {
	t.Helper()
	var out syncBuffer
	s, err := servo.FromConfig(parse(t, text), servo.Options{Logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	run, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(run) }()
	do(ctx)
	stop()
	require.NoError(t, <-ended)
	return out.String()
}

func TestAppDynamicsByClientCredentials(t *testing.T) {
	tokens := optimizertest.NewTokens("me", "s3cr3t")
	fake := optimizertest.New(optimizertest.Describe(), optimizertest.Sleep(time.Hour)).RequireTokenFrom(tokens)
	var paths sync.Map
	mux := http.NewServeMux()
	mux.Handle("/auth/t1/default/oauth2/token", tokens)
	mux.HandleFunc("/rest/", func(w http.ResponseWriter, r *http.Request) {
		paths.Store(r.URL.EscapedPath(), true)
		fake.ServeHTTP(w, r)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	out := during(t, "optimizer: {optimizer_id: 'b3B0=', tenant_id: t1, client_id: me, client_secret: s3cr3t, base_url: '"+server.URL+"/'}\n", func(ctx context.Context) {
		results, err := fake.WaitDone(ctx)
		require.NoError(t, err)
		assert.Len(t, results, 1)
	})
	_, ok := paths.Load("/rest/optimize/co/v1/optimizers/b3B0=/servo")
	assert.True(t, ok)
	assert.Len(t, tokens.Requests(), 1)
	assert.Contains(t, out, "t1 - b3B0=")
	for _, secret := range []string{"s3cr3t", "token-1"} {
		assert.NotContains(t, out, secret)
	}
}

func TestAppDynamicsByToken(t *testing.T) {
	fake := optimizertest.New().RequireToken("t0k3n")
	url := fake.Start(t)
	during(t, "optimizer: {optimizer_id: o, tenant_id: t, client_id: c, client_secret: s, base_url: 'http://unused.test', token: t0k3n, url: '"+url+"'}\n", func(ctx context.Context) {
		_, err := fake.WaitRequest(ctx, optimizer.EventNext, 1)
		assert.NoError(t, err)
	})
}

// The endpoint and the token of a connection file count from the moment they are
// written, also when the file comes late; one that makes no sense changes
// nothing.
func TestAppDynamicsByConnectionFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "connection.yaml")
	write := func(text string) {
		require.NoError(t, os.WriteFile(path+"~", []byte(text), 0o600))
		require.NoError(t, os.Rename(path+"~", path))
	}
	connection := func(token, endpoint string) string {
		return fmt.Sprintf("Authorization: Bearer %s\nEndpoint: %s/\nTenantId: t1\n", token, endpoint)
	}
	nap := optimizertest.Sleep(10 * time.Millisecond)
	first, second := optimizertest.New().RequireToken("s3cr3t-1"), optimizertest.New().RequireToken("s3cr3t-2")
	for range 1000 {
		first.Then(nap)
		second.Then(nap)
	}
	a, b := first.Start(t), second.Start(t)
	out := during(t, "optimizer: {optimizer_id: o, connection_file: '"+path+"'}\n", func(ctx context.Context) {
		write(connection("s3cr3t-1", a))
		_, err := first.WaitRequest(ctx, optimizer.EventNext, 1)
		require.NoError(t, err)

		write("Authorization: Bearer s3cr3t-0\nEndpoint: nowhere\n")
		n := len(first.Requests())
		_, err = first.WaitRequest(ctx, optimizer.EventNext, n+5)
		require.NoError(t, err, "the old credentials stay")

		write(connection("s3cr3t-2", b))
		_, err = second.WaitRequest(ctx, optimizer.EventNext, 1)
		require.NoError(t, err, "the new endpoint counts, without a refusal")
		for _, r := range first.Requests() {
			assert.Equal(t, "Bearer s3cr3t-1", r.Header.Get("Authorization"))
		}
	})
	assert.Equal(t, optimizer.EventGoodbye, second.Events()[len(second.Events())-1])
	assert.Contains(t, out, "connection file cannot be used, the old credentials stay")
	assert.NotContains(t, out, "s3cr3t")
}

// A token that is refused makes the file be read again, whatever the watching
// has missed.
func TestConnectionFileAfter401(t *testing.T) {
	path := filepath.Join(t.TempDir(), "connection.yaml")
	nap := optimizertest.Sleep(time.Millisecond)
	fake := optimizertest.New(nap).RequireToken("one")
	url := fake.Start(t)
	write := func(token string) {
		require.NoError(t, os.WriteFile(path, []byte("Authorization: "+token+"\nEndpoint: "+url+"\nTenantId: t1\n"), 0o600))
	}
	write("one")
	during(t, "optimizer: {optimizer_id: o, connection_file: '"+path+"'}\n", func(ctx context.Context) {
		_, err := fake.WaitRequest(ctx, optimizer.EventHello, 1)
		require.NoError(t, err)
		fake.RequireToken("two")
		write("two")
		fake.Then(optimizertest.Describe())
		_, err = fake.WaitDone(ctx)
		require.NoError(t, err)
	})
}

func TestConnectionFileThatMakesNoSense(t *testing.T) {
	path := filepath.Join(t.TempDir(), "connection.yaml")
	require.NoError(t, os.WriteFile(path, []byte("Authorization: s3cr3t\n"), 0o600))
	s, err := servo.FromConfig(parse(t, "optimizer: {optimizer_id: o, connection_file: '"+path+"'}\n"), servo.Options{})
	require.NoError(t, err)
	err = s.Run(t.Context())
	assert.ErrorContains(t, err, "Endpoint")
	assert.ErrorContains(t, err, "TenantId")
	assert.NotContains(t, err.Error(), "s3cr3t")
}
