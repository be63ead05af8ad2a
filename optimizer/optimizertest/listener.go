package optimizertest

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Listener stands before a server and breaks connections before a byte of HTTP
// has come through. It is a [net.Listener] for any server; [Optimizer.Listen]
// and [Optimizer.ListenTLS] come with one. Faults are for new connections, so a
// client that keeps its connections alive meets them late:
// [Listener.Disconnect] makes it connect anew.
type Listener struct {
	net.Listener

	mu     sync.Mutex
	faults []func(net.Conn)
	open   map[net.Conn]bool
	closed bool
	wg     sync.WaitGroup
}

// NewListener returns a listener around another, which it owns from now on.
func NewListener(l net.Listener) *Listener {
	return &Listener{Listener: l, open: make(map[net.Conn]bool)}
}

// Reset resets the next n connections as soon as they are made.
func (l *Listener) Reset(n int) {
	l.next(n, func(c net.Conn) {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // it is closed either way
		}
	})
}

// Stall accepts the next n connections and says nothing, until the client goes
// away or the listener is closed.
func (l *Listener) Stall(n int) {
	l.next(n, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
}

// FailTLS lets the next n handshakes fail: the client is told that something
// went wrong, as by a server that has no certificate for it.
func (l *Listener) FailTLS(n int) {
	l.next(n, func(c net.Conn) {
		_ = c.SetDeadline(time.Now().Add(time.Second))
		_, _ = c.Read(make([]byte, 1)) // the client begins
		// Record of type alert, TLS 1.2, 2 bytes: fatal, handshake failure.
		_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40})
	})
}

// Garble answers the next n connections with bytes that mean nothing.
func (l *Listener) Garble(n int) {
	l.next(n, func(c net.Conn) { _, _ = io.WriteString(c, "\x00\x00\x00\x00 what?\n") })
}

func (l *Listener) next(n int, fault func(net.Conn)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		l.faults = append(l.faults, fault)
	}
}

// Disconnect closes all connections that are open.
func (l *Listener) Disconnect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		_ = c.Close()
	}
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		if l.closed {
			l.mu.Unlock()
			_ = c.Close()
			return nil, net.ErrClosed
		}
		var fault func(net.Conn)
		if len(l.faults) > 0 {
			fault, l.faults = l.faults[0], l.faults[1:]
		}
		l.open[c] = true
		if fault != nil {
			l.wg.Go(func() {
				defer l.done(c)
				fault(c)
			})
		}
		l.mu.Unlock()
		if fault == nil {
			return &tracked{Conn: c, listener: l}, nil
		}
	}
}

// Close stops listening, ends the connections that are open and waits for the
// faults that are under way.
func (l *Listener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	l.closed = true
	for c := range l.open {
		_ = c.Close()
	}
	l.mu.Unlock()
	l.wg.Wait()
	return err
}

func (l *Listener) done(c net.Conn) {
	_ = c.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

// tracked is a connection that its listener knows of.
type tracked struct {
	net.Conn
	listener *Listener
}

func (t *tracked) Close() error {
	err := t.Conn.Close()
	t.listener.done(t.Conn)
	return err
}

// SetLinger and CloseWrite are there for the faults of a handler.

func (t *tracked) SetLinger(seconds int) error {
	if tcp, ok := t.Conn.(*net.TCPConn); ok {
		return tcp.SetLinger(seconds)
	}
	return nil
}

func (t *tracked) CloseWrite() error {
	if tcp, ok := t.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return t.Conn.Close()
}

// Listen serves the optimizer on a loopback port until the test ends. It returns
// the URL, and the listener to break connections with.
func (o *Optimizer) Listen(tb testing.TB) (url string, l *Listener) {
	tb.Helper()
	url, l, _ = o.listen(tb, false)
	return url, l
}

// ListenTLS is Listen with a certificate of its own, and the settings that make
// a client trust it.
func (o *Optimizer) ListenTLS(tb testing.TB) (url string, l *Listener, trust *tls.Config) {
	tb.Helper()
	return o.listen(tb, true)
}

func (o *Optimizer) listen(tb testing.TB, secure bool) (string, *Listener, *tls.Config) {
	tb.Helper()
	inner, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("listening: %v", err)
	}
	l := NewListener(inner)
	server := &httptest.Server{Listener: l, Config: &http.Server{
		Handler: o, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}}
	var trust *tls.Config
	if secure {
		server.StartTLS()
		transport, ok := server.Client().Transport.(*http.Transport)
		if !ok {
			tb.Fatal("the test server has no transport of its own")
		}
		trust = transport.TLSClientConfig.Clone()
	} else {
		server.Start()
	}
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL, l, trust
}
