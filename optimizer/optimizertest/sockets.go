package optimizertest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

// The faults of this file break a connection in ways that show on the wire, so
// they need a real one: see [Optimizer.Start] and [Optimizer.Listen]. Through
// [Transport] those that take the connection over are the same as [Disconnect].

// Reset is a fault that resets the connection: the peer gets an error instead of
// an end.
func Reset() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := hijack(w)
		if tcp, ok := c.(interface{ SetLinger(int) error }); ok {
			_ = tcp.SetLinger(0) // what follows ends it either way
		}
		_ = c.Close()
	})
}

// Raw is a fault that sends these bytes as they are, whatever HTTP would have to
// say, and closes the connection.
func Raw(bytes string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := hijack(w)
		_, _ = io.WriteString(c, bytes) // a client that is gone needs no answer
		_ = c.Close()
	})
}

// Noise is a fault that answers with bytes that are no HTTP.
func Noise() http.Handler { return Raw("\x16\x03\x01\x00\xff not HTTP\r\n\r\n") }

// WrongLength is a fault that answers with status 200 and a body that is longer
// than its Content-Length says: the client gets a part of it. For one that is
// shorter see [Truncate].
func WrongLength(body string) http.Handler {
	return Raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)/2) + "\r\n\r\n" + body)
}

// HalfClose is a fault that closes the sending half of the connection without an
// answer and goes on listening, until the client closes its half or a second has
// passed.
func HalfClose() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := hijack(w)
		defer func() { _ = c.Close() }()
		if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			_, _ = io.Copy(io.Discard, c)
		}
	})
}

// hijack takes the connection over, or breaks it when that is not possible.
func hijack(w http.ResponseWriter) net.Conn {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return c
}

// Truncate is a fault that gives half of the body that answer would give, under
// the length of all of it, and closes the connection.
func Truncate(answer http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := begin(w, r, answer)
		_, _ = w.Write(given[:len(given)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
}

// Slow is a fault that gives what answer would give, one byte per interval. It
// stops when the client goes away.
func Slow(interval time.Duration, answer http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, c := begin(w, r, answer), http.NewResponseController(w)
		for i := range given {
			timer := time.NewTimer(interval)
			select {
			case <-timer.C:
			case <-r.Context().Done():
				timer.Stop()
				panic(http.ErrAbortHandler)
			}
			if _, err := w.Write(given[i : i+1]); err != nil {
				return
			}
			_ = c.Flush()
		}
	})
}

// begin writes the header of what answer would give, and returns its body.
func begin(w http.ResponseWriter, r *http.Request, answer http.Handler) []byte {
	recorder := httptest.NewRecorder()
	answer.ServeHTTP(recorder, r)
	given := recorder.Body.Bytes()
	for key, values := range recorder.Header() {
		w.Header()[key] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(given)))
	w.WriteHeader(recorder.Code)
	_ = http.NewResponseController(w).Flush()
	return given
}
