package main

import (
	"context"
	"fmt"
	"io"
	"os"

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
		fmt.Fprintln(os.Stderr, "custom-event:", err)
	}
	os.Exit(code)
}

// run runs a servo with both connectors against an optimizer that adjusts twice;
// before the second time the database is emptied.
func run(ctx context.Context, out io.Writer) error {
	ctx, finish := context.WithCancel(context.WithValue(ctx, outputKey{}, out))
	defer finish()
	db := &database{rows: 3}
	opt := &twice{out: out, finish: finish, between: func() { db.rows = 0 }}
	s, err := servo.New(servo.Options{Name: "example", Optimizer: opt})
	if err != nil {
		return err
	}
	version := types.Enum("version", types.Text("v1"), types.Text("v2"), types.Text("v3")).With(types.Text("v1"))
	if err := s.Use("database", db); err != nil {
		return err
	}
	if err := s.Use("deployer", &deployer{bus: s.Bus(), version: version}); err != nil {
		return err
	}
	return s.Run(ctx)
}

// twice is an optimizer that adjusts app.version to v2 and then to v3.
type twice struct {
	out     io.Writer
	finish  func()
	between func()
	n       int
}

func (o *twice) Hello(context.Context, optimizer.Hello) error { return nil }

func (o *twice) Next(ctx context.Context) (optimizer.Command, error) {
	o.n++
	switch o.n {
	case 1:
	case 2:
		o.between()
	default:
		o.finish()
		<-ctx.Done()
		return optimizer.Command{}, ctx.Err()
	}
	version := types.Text(fmt.Sprint("v", o.n+1))
	_, err := fmt.Fprintln(o.out, "adjust to", version)
	return optimizer.Command{Verb: optimizer.Adjust, Adjustments: types.Adjustments{{Component: "app", Setting: "version", Value: version}}}, err
}

func (o *twice) Reply(_ context.Context, r optimizer.Result) error {
	if r.Outcome != "" {
		_, err := fmt.Fprintf(o.out, "%s (%s): %s\n", r.Outcome, r.Reason, r.Message)
		return err
	}
	version, _ := r.Description.Setting("app.version")
	_, err := fmt.Fprintln(o.out, "adjusted to", version.Value)
	return err
}

func (o *twice) Progress(context.Context, optimizer.Progress) error { return nil }

func (o *twice) Goodbye(context.Context, string) error { return nil }
