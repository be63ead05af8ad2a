package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

// drainTimeout is how long requests may take to finish after a signal.
const drainTimeout = 800 * time.Millisecond

// The exit codes of the program.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

func main() {
	os.Exit(program())
}

func program() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	return start(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
}

// start is the program without its process: it returns the exit code.
func start(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	s, unknown, err := parseSettings(args, environ, stdout)
	for _, name := range unknown {
		logger.WarnContext(ctx, "variable is not a setting", "variable", name)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		logger.ErrorContext(ctx, "cannot start", "error", err)
		return exitUsage
	}
	if err := run(ctx, s, logger); err != nil {
		logger.ErrorContext(ctx, "stopped", "error", err)
		return exitError
	}
	return exitOK
}

// run serves until the context ends and then returns nil, after the requests
// at hand are answered or drainTimeout has passed. It returns an error when
// the address cannot be listened on or the index cannot be built.
func run(ctx context.Context, s settings, logger *slog.Logger) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.listen)
	if err != nil {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // ended before it began, as asked
		}
		return fmt.Errorf("opening the port: %w", err)
	}
	logger.InfoContext(ctx, "listening", "address", listener.Addr().String())
	return newService(s, logger).run(ctx, listener)
}

// run answers requests on the listener, and closes it. The index is built
// meanwhile, so that one can ask from the first moment whether it is ready.
func (s *service) run(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	buildCtx, cancelBuild := context.WithCancel(ctx)
	built := make(chan error, 1)
	go func() {
		defer close(built)
		built <- s.build(buildCtx)
	}()
	defer func() {
		cancelBuild()
		for range built { // whether it was ready in time does not matter now
		}
	}()

	select {
	case <-ctx.Done():
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case err := <-built:
		if err == nil {
			select {
			case <-ctx.Done():
			case err := <-served:
				return fmt.Errorf("serving: %w", err)
			}
		} else if ctx.Err() == nil {
			return errors.Join(err, server.Close(), ended(<-served))
		}
	}

	s.drain()
	s.logger.InfoContext(ctx, "draining")
	// The context that ended us cannot bound the end.
	drainCtx, cancelDrain := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancelDrain()
	if err := server.Shutdown(drainCtx); err != nil {
		s.logger.WarnContext(drainCtx, "requests cut off", "error", err)
		if err := server.Close(); err != nil {
			s.logger.DebugContext(drainCtx, "closing connections", "error", err)
		}
	}
	return ended(<-served)
}

// ended drops the error with which a server says that it was closed.
func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// buildGOGC is the pace of the garbage collector until the service is ready.
// Nearly all that is made until then is there to stay, so looking for garbage
// often would only delay readiness.
const buildGOGC = 400

// build reads the corpus, indexes it and makes the service ready.
func (s *service) build(ctx context.Context) error {
	debug.SetGCPercent(buildGOGC)
	directory := s.settings.corpus
	if directory == "" {
		var err error
		if directory, err = defaultCorpus(ctx); err != nil {
			return err
		}
	}
	sources, err := readCorpus(ctx, directory, corpusBytes)
	if err != nil {
		return err
	}
	x, err := buildIndex(ctx, sources, s.settings.shards)
	if err != nil {
		return err
	}
	debug.SetGCPercent(s.settings.gogc)
	// Building needs far more memory than serving; give the rest back now and
	// not during the first minutes of requests.
	debug.FreeOSMemory()
	s.serve(x)
	s.logger.InfoContext(ctx, "ready", "took", time.Duration(s.readyIn.Load()), "corpus", directory,
		"files", len(sources), "docs", x.docs, "index_bytes", x.bytes())
	return nil
}
