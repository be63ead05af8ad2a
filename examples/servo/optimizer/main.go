// Optimizer is an optimizer to try a servo with: the embedded one behind HTTP.
// It looks for the cheapest configuration that answers in time, prints what it
// has found, and ends.
//
//	go run ./examples/servo/optimizer
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "`address` to listen on")
	trials := flag.Int("trials", 10, "how many `configurations` to try")
	duration := flag.Duration("duration", time.Second, "how `long` to measure each")
	flag.Parse()
	ctx, stop := servo.SignalContext(context.Background())
	err := run(ctx, *listen, *trials, *duration)
	code := servo.ExitCode(ctx, err)
	stop()
	if code == 1 {
		fmt.Fprintln(os.Stderr, "optimizer:", err)
	}
	os.Exit(code)
}

func run(ctx context.Context, listen string, trials int, duration time.Duration) error {
	objective, err := local.ParseObjective("minimize: cost")
	if err != nil {
		return err
	}
	constraint, err := local.ParseConstraint("latency_99th <= 400ms")
	if err != nil {
		return err
	}
	engine, err := local.New(local.Options{
		Objective: objective, Constraints: []local.Constraint{constraint}, Trials: trials, Seed: 1,
		Control:  types.Control{Duration: types.Duration(duration)},
		Observer: show,
	})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	fmt.Printf("waiting for a servo at http://%s\n", listener.Addr())
	server := &http.Server{Handler: optimizer.NewHandler(engine, optimizer.HandlerOptions{Token: "not-a-secret"}), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case <-engine.Done():
	case <-ctx.Done():
	case err := <-served:
		return err
	}
	// The answer to the last result is still on its way.
	down, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := server.Shutdown(down); err != nil {
		_ = server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	result := engine.Result()
	if v := result.Validation; v != nil {
		fmt.Println(v.Verdict)
	}
	return result.Err
}

// show prints each measurement.
func show(u local.Update) {
	if t := u.Finished; t != nil {
		fmt.Printf("%-8s %d/%d", u.Phase, u.Trial, u.Trials)
		for _, a := range t.Settings {
			fmt.Printf(" %s=%s", a.Setting, a.Value)
		}
		if cost, ok := t.Objective.Float64(); ok {
			fmt.Printf("  cost %.3f", cost)
		}
		if p99, ok := t.Metrics["latency_99th"]; ok {
			fmt.Printf(", p99 %.0f ms", p99)
		}
		fmt.Println()
	}
}
