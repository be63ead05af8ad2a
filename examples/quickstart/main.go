package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/servo"
)

func main() {
	ctx, stop := servo.SignalContext(context.Background())
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program: 0 when the study came to an end, also when nothing
// beat the baseline, and after SIGTERM; 1 when something failed; 2 for flags that
// make no sense; 130 after Ctrl-C.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "quickstart:", err)
		return 2
	}
	show := stdout
	if o.output == outputJSON {
		show = stderr // standard output is for the one document
	}
	if err := checkReport(o.report); err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
		return 1
	}
	v := newView(show)
	log := slog.New(slog.NewTextHandler(v, &slog.HandlerOptions{Level: o.logLevel()}))

	result, err := optimize(ctx, o, v, log)
	v.clear()
	if ctx.Err() != nil {
		var sig *servo.SignalError
		if err != nil && !errors.As(err, &sig) && !errors.Is(err, context.Canceled) {
			fmt.Fprintln(stderr, "quickstart: interrupted:", err)
		} else {
			fmt.Fprintln(stderr, "quickstart: interrupted: the original settings are back, the application is stopped")
		}
		return servo.ExitCode(ctx, nil)
	}
	if err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
		return 1
	}
	if err := present(o, result, v, stdout); err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
		return 1
	}
	return 0
}

// optimize brings up the application, the servo and the optimizer, and takes
// all of them down again.
func optimize(ctx context.Context, o options, v *view, log *slog.Logger) (result local.Result, err error) {
	st, err := openState(o, log)
	if err != nil {
		return local.Result{}, err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	dir, clean, err := st.folder()
	if err != nil {
		return local.Result{}, err
	}
	defer clean()

	v.note("building the application")
	app, err := buildApp(ctx, filepath.Join(dir, "app"))
	if err != nil {
		return local.Result{}, err
	}
	if app.addr, err = chooseAddress(ctx, o.listen); err != nil {
		return local.Result{}, err
	}
	if o.optimizerURL != "" {
		return followOptimizer(ctx, o, app, st, v, log)
	}
	return runStudy(ctx, o, app, st, v, log, nil)
}

// present shows what came out: the table and the verdict, or the document, and
// the report.
func present(o options, result local.Result, v *view, stdout io.Writer) error {
	if o.output == outputJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(result); err != nil {
			return err
		}
	} else if err := writeSummary(stdout, result, v.paint); err != nil {
		return err
	}
	if o.report == "" {
		return nil
	}
	if err := writeReport(o.report, result, o); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	v.note("report: " + o.report)
	return nil
}
