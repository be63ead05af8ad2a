package optimizertest_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
)

const hello = `{"event":"HELLO","param":null,"servo_uid":null}`

// raw posts a HELLO and returns the status and what came of the body.
func raw(ctx context.Context, t *testing.T, tr *http.Transport, url string) (int, string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/servo", strings.NewReader(hello))
	require.NoError(t, err)
	response, err := tr.RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

func TestSocketFaults(t *testing.T) {
	ok := optimizertest.Status(200, `{"status":"ok"}`)
	for _, tt := range []struct {
		name  string
		fault http.Handler
		check func(*testing.T, int, string, error)
	}{
		{"reset", optimizertest.Reset(), func(t *testing.T, _ int, _ string, err error) {
			assert.ErrorIs(t, err, syscall.ECONNRESET)
		}},
		{"noise", optimizertest.Noise(), func(t *testing.T, _ int, _ string, err error) {
			assert.ErrorContains(t, err, "malformed HTTP")
		}},
		{"half closed", optimizertest.HalfClose(), func(t *testing.T, _ int, _ string, err error) {
			assert.ErrorIs(t, err, io.EOF)
		}},
		{"truncated", optimizertest.Truncate(ok), func(t *testing.T, code int, body string, err error) {
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
			assert.Equal(t, 200, code)
			assert.Equal(t, `{"statu`, body)
		}},
		{"wrong length", optimizertest.WrongLength(`{"status":"ok"}`), func(t *testing.T, code int, body string, err error) {
			assert.NoError(t, err)
			assert.Equal(t, 200, code)
			assert.Equal(t, `{"statu`, body)
		}},
		{"slow", optimizertest.Slow(time.Millisecond, ok), func(t *testing.T, code int, body string, err error) {
			assert.NoError(t, err)
			assert.Equal(t, 200, code)
			assert.Equal(t, `{"status":"ok"}`, body)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fake := optimizertest.New()
			url, _ := fake.Listen(t)
			fake.Inject(1, tt.fault)
			tr := &http.Transport{DisableKeepAlives: true}
			code, body, err := raw(t.Context(), t, tr, url)
			tt.check(t, code, body, err)
			code, _, err = raw(t.Context(), t, tr, url)
			assert.NoError(t, err)
			assert.Equal(t, 200, code)
		})
		t.Run(tt.name+" with a plain server", func(t *testing.T) {
			server := httptest.NewServer(tt.fault)
			defer server.Close()
			code, body, err := raw(t.Context(), t, &http.Transport{DisableKeepAlives: true}, server.URL)
			tt.check(t, code, body, err)
		})
	}
	for _, fault := range []http.Handler{optimizertest.Reset(), optimizertest.Noise(), optimizertest.HalfClose()} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://h.test", nil)
		require.NoError(t, err)
		_, err = optimizertest.Transport(fault).RoundTrip(request) //nolint:bodyclose // there is none
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "in memory there is no socket to break")
	}
}

// A fault ends with the client that waits for it.
func TestSlowStopsWithItsClient(t *testing.T) {
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		_, _ = io.Copy(io.Discard, r.Body)
		optimizertest.Slow(time.Hour, optimizertest.Status(200, "12345")).ServeHTTP(w, r)
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := raw(ctx, t, &http.Transport{DisableKeepAlives: true}, server.URL)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	<-ended
}

func TestListenerFaults(t *testing.T) {
	fake := optimizertest.New()
	url, l, trust := fake.ListenTLS(t)
	tr := &http.Transport{TLSClientConfig: trust}
	defer tr.CloseIdleConnections()
	try := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, _, err := raw(ctx, t, tr, url)
		return err
	}
	require.NoError(t, try())
	l.FailTLS(1)
	assert.NoError(t, try(), "a connection that is kept is not broken")
	l.Disconnect()
	tr.CloseIdleConnections()
	assert.ErrorContains(t, try(), "handshake failure")
	l.Reset(1)
	assert.ErrorIs(t, try(), syscall.ECONNRESET)
	l.Garble(1)
	var record tls.RecordHeaderError
	assert.ErrorAs(t, try(), &record)
	l.Stall(1)
	tr.TLSHandshakeTimeout = 50 * time.Millisecond
	var timeout net.Error
	err := try()
	require.ErrorAs(t, err, &timeout)
	assert.True(t, timeout.Timeout())
	tr.TLSHandshakeTimeout = 0
	assert.NoError(t, try())
	assert.Len(t, fake.Requests(), 3)
}

// A listener is closed at once, whatever its connections are up to.
func TestListenerCloses(t *testing.T) {
	inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := optimizertest.NewListener(inner)
	l.Stall(1)
	accepted := make(chan error)
	go func() {
		_, err := l.Accept()
		accepted <- err
	}()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	_, err = io.WriteString(c, "anybody there?")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	assert.ErrorIs(t, <-accepted, net.ErrClosed)
	_, err = c.Read(make([]byte, 1))
	assert.Error(t, err)
	require.NoError(t, c.Close())
}

// A client gets through all of it.
func TestClientGetsThrough(t *testing.T) {
	fake := optimizertest.New()
	url, l := fake.Listen(t)
	l.Reset(1)
	for _, fault := range []http.Handler{optimizertest.Reset(), optimizertest.Noise(), optimizertest.HalfClose(), optimizertest.Truncate(optimizertest.Status(200, "{}"))} {
		fake.Inject(1, fault)
	}
	c, err := optimizer.NewClient(optimizer.Options{URL: url, Retry: optimizer.Retry{MaxWait: time.Millisecond}})
	require.NoError(t, err)
	require.NoError(t, c.Hello(t.Context(), optimizer.Hello{}))
	assert.GreaterOrEqual(t, len(fake.Requests()), 5)
	require.NoError(t, c.Goodbye(t.Context(), "done"))
}
