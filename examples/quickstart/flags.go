package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	outputText = "text"
	outputJSON = "json"
)

// options are the flags.
type options struct {
	trials       int
	duration     time.Duration
	rate         int
	seed         uint64
	output       string
	report       string
	optimizerURL string
	token        string
	listen       string
	study        string
	state        string
	verbose      bool
}

// parseFlags reads the flags and reports every problem at once.
func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.IntVar(&o.trials, "trials", 12, "how many `configurations` to try besides the baseline, 1 to 1000")
	flags.DurationVar(&o.duration, "duration", 3*time.Second, "how `long` to measure each, 1s to 1h")
	flags.IntVar(&o.rate, "rate", 60, "`requests` per second, 1 to 10000")
	flags.Uint64Var(&o.seed, "seed", 1, "`seed` of the search and of the queries")
	flags.StringVar(&o.output, "output", outputText, "`text` or json: one JSON document on standard output")
	flags.StringVar(&o.report, "report", "quickstart-report.html", "`file` for the HTML report, empty for none")
	flags.StringVar(&o.optimizerURL, "optimizer-url", "", "`URL` of an optimizer to use instead of the embedded one")
	flags.StringVar(&o.token, "optimizer-token", "", "`token` for that optimizer (default $OPSANI_TOKEN)")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` of the application, port 0 for a free one")
	flags.StringVar(&o.study, "study", "", "`file` that keeps the trials, to go on after an interruption")
	flags.StringVar(&o.state, "state", "", "`folder` for the journal and the decision record, empty for none\n(default with --optimizer-url: one in quickstart-state)")
	flags.BoolVar(&o.verbose, "verbose", false, "log what the servo does")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stderr, "Quickstart optimizes a search service on this machine.\n\n")
			flags.SetOutput(stderr)
			flags.PrintDefaults()
			return o, err
		}
		return o, fmt.Errorf("%w (--help lists the flags)", err)
	}
	if err := o.validate(flags.Args()); err != nil {
		return o, err
	}
	if o.optimizerURL != "" && o.token == "" {
		o.token = os.Getenv("OPSANI_TOKEN")
	}
	given := false
	flags.Visit(func(f *flag.Flag) { given = given || f.Name == "state" })
	if o.optimizerURL != "" && !given {
		o.state = defaultState(o.optimizerURL)
	}
	return o, nil
}

func (o options) validate(rest []string) error {
	var errs []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Sprintf(format, args...))
		}
	}
	check(len(rest) == 0, "unexpected arguments: %s", strings.Join(rest, " "))
	check(o.trials >= 1 && o.trials <= 1000, "--trials: %d is not between 1 and 1000", o.trials)
	check(o.duration >= time.Second && o.duration <= time.Hour, "--duration: %s is not between 1s and 1h", o.duration)
	check(o.rate >= 1 && o.rate <= 10000, "--rate: %d is not between 1 and 10000 requests per second", o.rate)
	check(o.output == outputText || o.output == outputJSON, "--output: %q is not text or json", o.output)
	if o.optimizerURL != "" {
		u, err := url.Parse(o.optimizerURL)
		check(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "", "--optimizer-url: %q is not an http or https URL", redactURL(o.optimizerURL))
		check(o.study == "", "--study: belongs to the embedded optimizer, not to the one of --optimizer-url")
	} else {
		check(o.token == "", "--optimizer-token: needs --optimizer-url")
	}
	_, port, err := net.SplitHostPort(o.listen)
	number, portErr := strconv.ParseUint(port, 10, 16)
	check(err == nil && portErr == nil && number <= 65535, "--listen: %q is not host:port", o.listen)
	if len(errs) == 0 {
		return nil
	}
	return errors.New(strings.Join(errs, "; "))
}

// redactURL keeps a password in a mistyped URL out of the message.
func redactURL(text string) string {
	if u, err := url.Parse(text); err == nil {
		return u.Redacted()
	}
	return "…"
}

func (o options) logLevel() slog.Level {
	if o.verbose {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}
