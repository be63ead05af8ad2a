package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

func main() {
	ctx, stop := servo.SignalContext(context.Background())
	err := run(ctx, os.Stdout, slog.New(newLines(os.Stderr)))
	code := servo.ExitCode(ctx, err)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "embed:", err)
	}
	os.Exit(code)
}

// run is the main function of the service. The servo is one of the things that
// it starts, waits for and stops.
func run(ctx context.Context, out io.Writer, logger *slog.Logger) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()

	service := newShop(3)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: service.routes(), ReadHeaderTimeout: time.Second}

	engine, err := newEngine(logger)
	if err != nil {
		return err
	}
	s, err := servo.New(servo.Options{Name: "shop", Optimizer: engine, Logger: logger})
	if err != nil {
		return err
	}
	if err := s.Use("cache", newCache(service)); err != nil {
		return err
	}

	var parts sync.WaitGroup
	var served, shopped, ran error
	parts.Go(func() { served = server.Serve(listener) })
	parts.Go(func() { shopped = customers(ctx, "http://"+listener.Addr().String()) })
	parts.Go(func() { ran = s.Run(ctx) })
	select {
	case <-engine.Done():
	case <-ctx.Done():
	}
	stop()
	closed := server.Close()
	parts.Wait()
	if errors.Is(served, http.ErrServerClosed) {
		served = nil
	}
	result := engine.Result()
	if ctx.Err() != nil && result.Kept == "" {
		return errors.Join(served, ran, closed)
	}
	if err := errors.Join(served, shopped, ran, closed, result.Err); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "started with %s, kept the %s: %s\n", result.Baseline.Settings[0], result.Kept, result.Applied[0])
	return err
}

// newEngine wants few misses and a small cache.
func newEngine(logger *slog.Logger) (*local.Engine, error) {
	objective, err := local.ParseObjective("minimize: cost")
	if err != nil {
		return nil, err
	}
	cost, err := local.ParseFormula("cost = miss_ratio + entries")
	if err != nil {
		return nil, err
	}
	return local.New(local.Options{
		Objective: objective, Formulas: []local.Formula{cost}, Trials: 9, Logger: logger,
		Control: types.Control{Warmup: types.Duration(50 * time.Millisecond), Duration: types.Duration(50 * time.Millisecond)},
	})
}

// customers ask for the prices of six items in turn until ctx ends. A cache
// that holds fewer never has the one that is asked for next.
func customers(ctx context.Context, url string) error {
	client := &http.Client{}
	defer client.CloseIdleConnections()
	for i := 0; ctx.Err() == nil; i++ {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/price?item=item-%d", url, i%6), nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		_, err = io.Copy(io.Discard, response.Body)
		if closeErr := response.Body.Close(); ctx.Err() == nil && (err != nil || closeErr != nil) {
			return errors.Join(err, closeErr)
		}
	}
	return nil
}
