package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

// errFinished ends the run of the servo when the study is over.
var errFinished = errors.New("the study is over")

// The price of a configuration per month of 730 hours, in US dollars: the
// on-demand list prices of a general-purpose virtual machine (Google Compute
// Engine N1, us-central1: $0.031611 per core and hour, $0.004237 per GiB and
// hour). What counts is their ratio.
const costFormula = "cost = 23.08*cpu_cores + 3.09*resident_memory"

// shown are the metrics of the tables and the report, in their order.
var shown = []struct {
	name, label, unit string
	digits            int
}{
	{"cost", "cost", "$/month", 2},
	{"latency_50th", "latency p50", "ms", 1},
	{"latency_90th", "latency p90", "ms", 1},
	{"latency_95th", "latency p95", "ms", 1},
	{"latency_99th", "latency p99", "ms", 1},
	{"error_rate", "errors", "%", 2},
	{"throughput", "throughput", "rpm", 0},
	{"cpu_cores", "processor", "cores", 3},
	{"resident_memory", "memory", "GiB", 3},
}

// studyOptions say what to search for: the cheapest configuration that answers
// in time.
func studyOptions(o options) (local.Options, error) {
	so := local.Options{
		Trials: o.trials, Seed: o.seed, Study: o.study,
		Control: types.Control{
			Duration: types.Duration(o.duration), Warmup: types.Duration(warmup),
			// Trials under another load are no part of the same study.
			Load: fmt.Appendf(nil, `{"requests_per_second": %d}`, o.rate),
		},
	}
	var errs [4]error
	so.Objective, errs[0] = local.ParseObjective("minimize: cost")
	var cost local.Formula
	cost, errs[1] = local.ParseFormula(costFormula)
	so.Formulas = []local.Formula{cost}
	so.Constraints = make([]local.Constraint, 2)
	so.Constraints[0], errs[2] = local.ParseConstraint("latency_99th <= 150ms")
	so.Constraints[1], errs[3] = local.ParseConstraint("error_rate <= 1%")
	for _, m := range shown {
		if m.name != cost.Name() {
			so.Metrics = append(so.Metrics, m.name)
		}
	}
	return so, errors.Join(errs[:]...)
}

// runStudy runs the embedded optimizer behind HTTP on loopback and a servo
// against it, until the study ends. With candidates it does not search, but
// only validates them. The optimizer begins anew with the servo, and so does the
// application: a trial of an earlier run must not pass for the original. That
// holds for a study that goes on as well, since it adjusts all settings before
// it measures anything.
func runStudy(ctx context.Context, o options, app application, st *state, v *view, log *slog.Logger, candidates []types.Adjustments) (local.Result, error) {
	so, err := studyOptions(o)
	if err != nil {
		return local.Result{}, err
	}
	so.Logger, so.Observer = log, v.update
	if candidates != nil {
		so.Candidates, so.Trials = candidates, len(candidates)
	}
	engine, err := local.New(so)
	if err != nil {
		return local.Result{}, err
	}
	token := rand.Text()
	url, stop, err := serve(ctx, optimizer.NewHandler(engine, optimizer.HandlerOptions{Token: token, Logger: log}))
	if err != nil {
		return local.Result{}, fmt.Errorf("starting the embedded optimizer: %w", err)
	}
	defer stop()
	client, err := optimizer.NewClient(optimizer.Options{URL: url, Token: token, Logger: log})
	if err != nil {
		return local.Result{}, err
	}
	options := servo.Options{Optimizer: client, Logger: log}
	st.use(&options, servo.RecoverBaseline)
	err = runServo(ctx, o, app, options, engine.Done())
	result := engine.Result()
	return result, errors.Join(err, result.Err)
}

// runServo runs a servo until done is closed.
func runServo(ctx context.Context, o options, app application, so servo.Options, done <-chan struct{}) error {
	s, err := newServo(o, app, so)
	if err != nil {
		return err
	}
	ctx, finish := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-done:
			finish(errFinished)
		case <-ctx.Done():
		}
	}()
	err = s.Run(ctx)
	finish(nil)
	<-watched
	return err
}

// serve serves a handler on a free port of the loopback interface. Stop ends
// it and waits.
func serve(ctx context.Context, h http.Handler) (url string, stop func(), err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends with Close
	}()
	return "http://" + listener.Addr().String(), func() {
		_ = server.Close()
		<-done
	}, nil
}
