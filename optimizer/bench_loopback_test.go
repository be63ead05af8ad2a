package optimizer_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

// endless is an optimizer that always wants the same description.
type endless struct{}

func (endless) Hello(context.Context, optimizer.Hello) error { return nil }

func (endless) Next(context.Context) (optimizer.Command, error) {
	return optimizer.Command{Verb: optimizer.Describe, UID: "u1", Control: types.DefaultControl()}, nil
}

func (endless) Reply(context.Context, optimizer.Result) error      { return nil }
func (endless) Progress(context.Context, optimizer.Progress) error { return nil }
func (endless) Goodbye(context.Context, string) error              { return nil }

// plainly posts a body with nothing but net/http and reads the whole answer.
func plainly(ctx context.Context, c *http.Client, url string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer secret")
	response, err := c.Do(r)
	if err != nil {
		return err
	}
	_, err = io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	return err
}

// BenchmarkLoopback carries one command over a real connection: WHATS_NEXT and
// its DESCRIPTION. What net/http needs for two such requests, without a word of
// the protocol at either end, is the measure of the others: "client" speaks to
// the same server of fixed answers, "both" to a handler.
func BenchmarkLoopback(b *testing.B) {
	next, done := []byte(`{"cmd":"DESCRIBE","cmd_uid":"u1","param":{"control":{"duration":0,"delay":0,"warmup":0}}}`), []byte(`{"status":"ok"}`)
	fixed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if bytes.Contains(body, []byte("WHATS_NEXT")) {
			_, _ = w.Write(next)
		} else {
			_, _ = w.Write(done)
		}
	})
	result := optimizer.Result{Verb: optimizer.Describe, UID: "u1", Description: exampleDescription}
	var sent [][]byte
	recorder := connect(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = append(sent, body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		fixed(w, r)
	}))
	command := func(b *testing.B, c *optimizer.Client) {
		b.Helper()
		if _, err := c.Next(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := c.Reply(b.Context(), result); err != nil {
			b.Fatal(err)
		}
	}
	command(b, recorder)

	b.Run("net-http", func(b *testing.B) {
		server := httptest.NewServer(fixed)
		defer server.Close()
		c := server.Client()
		defer c.CloseIdleConnections()
		b.ReportAllocs()
		for b.Loop() {
			for _, body := range sent {
				if err := plainly(b.Context(), c, server.URL+"/servo", body); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
	})
	for name, handler := range map[string]http.Handler{
		"client": fixed,
		"both":   optimizer.NewHandler(endless{}, optimizer.HandlerOptions{Token: "secret"}),
	} {
		b.Run(name, func(b *testing.B) {
			server := httptest.NewServer(handler)
			defer server.Close()
			c, err := optimizer.NewClient(optimizer.Options{URL: server.URL, Token: "secret"})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = c.Goodbye(b.Context(), "done") }() // closes its connections
			b.ReportAllocs()
			for b.Loop() {
				command(b, c)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
		})
	}
}
