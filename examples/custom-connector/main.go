package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

func main() {
	ctx, stop := servo.SignalContext(context.Background())
	err := run(ctx, os.Stdout)
	code := servo.ExitCode(ctx, err)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "custom-connector:", err)
	}
	os.Exit(code)
}

// run serves a queue on loopback, and runs a servo with the connector against
// an optimizer that wants one measurement.
func run(ctx context.Context, out io.Writer) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: status(), ReadHeaderTimeout: time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with Close
	}()
	defer func() {
		_ = server.Close()
		<-served
	}()

	docs, err := config.Parse("servo.yaml", fmt.Appendf(nil, "queue:\n  url: http://%s/status\n", listener.Addr()))
	if err != nil {
		return err
	}
	ctx, finish := context.WithCancel(ctx)
	defer finish()
	s, err := servo.FromConfig(docs[0], servo.Options{Name: "example", Optimizer: &once{out: out, finish: finish}}, Definition)
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// status is the endpoint of a queue that never gets shorter, and that does not
// answer every third time.
func status() http.Handler {
	var requests atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := requests.Add(1)
		if n%3 == 0 {
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintf(w, `{"depth": %d}`, 10)
	})
}

// once is an optimizer that asks for one measurement and shows it.
type once struct {
	out    io.Writer
	finish func()
	asked  bool
}

func (o *once) Hello(context.Context, optimizer.Hello) error { return nil }

func (o *once) Next(ctx context.Context) (optimizer.Command, error) {
	if !o.asked {
		o.asked = true
		return optimizer.Command{Verb: optimizer.Measure, Control: types.Control{Duration: types.Duration(600 * time.Millisecond)}}, nil
	}
	o.finish()
	<-ctx.Done()
	return optimizer.Command{}, ctx.Err()
}

func (o *once) Reply(_ context.Context, r optimizer.Result) error {
	depth := r.Measurement.Summary("queue_depth")
	_, err := fmt.Fprintf(o.out, "queue_depth: mean %g of %d samples, %d missing\n", depth.Mean, depth.Count, depth.Skipped)
	return err
}

func (o *once) Progress(context.Context, optimizer.Progress) error { return nil }

func (o *once) Goodbye(context.Context, string) error { return nil }
