package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/servokit/servokit/servo/logging"
)

const help = `Servo connects applications to optimizers.

Usage:
  servo [options] run [--no-poll] [--once] [--interactive] [--state DIR]
  servo [options] validate [--output text|json] [--quiet]

Options, before or after the command:
  -c, --config-file FILE  configuration file (servo.yaml; $SERVO_CONFIG_FILE)
  -n, --name NAME         only the servo of this name
      --log-level LEVEL   trace, debug, info, success, warning, error or critical
                          (info; $SERVO_LOG_LEVEL)
      --verbose           the same as --log-level trace
      --log-file FILE     a second log, which rotates
      --no-color          no colours in the log ($NO_COLOR)

run:
      --no-poll           connect and start, but ask for no commands
      --once              end after one command, or when there is none
  -i, --interactive       ask before connecting and before each command
      --state DIR         keep journals and decision records in this folder

validate:
      --output FORMAT     text or json (text)
      --quiet             say nothing, only exit

Exit codes: 0 success and SIGTERM, 1 error, 2 usage, 130 SIGINT. A second signal
ends the program at once.
`

// options are what the command line asks for.
type options struct {
	command     string
	config      string
	name        string
	level       slog.Level
	logFile     string
	noColor     bool
	noPoll      bool
	once        bool
	interactive bool
	state       string
	output      string
	quiet       bool
}

func (p program) getenv(name string) string {
	value := ""
	for _, entry := range p.environ { // the last one counts, as everywhere
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v
		}
	}
	return value
}

// parse reads the command line. It looks at no file.
func parse(args []string, getenv func(string) string) (options, error) {
	o := options{config: "servo.yaml", output: "text"}
	if file := getenv("SERVO_CONFIG_FILE"); file != "" {
		o.config = file
	}
	level := getenv("SERVO_LOG_LEVEL")
	if level == "" {
		level = "info"
	}
	verbose := false
	common := func(f *flag.FlagSet) {
		f.SetOutput(io.Discard)
		for _, name := range []string{"config-file", "c"} {
			f.StringVar(&o.config, name, o.config, "")
		}
		for _, name := range []string{"name", "n"} {
			f.StringVar(&o.name, name, o.name, "")
		}
		f.StringVar(&level, "log-level", level, "")
		f.BoolVar(&verbose, "verbose", verbose, "")
		f.StringVar(&o.logFile, "log-file", o.logFile, "")
		f.BoolVar(&o.noColor, "no-color", getenv("NO_COLOR") != "", "")
	}
	root := flag.NewFlagSet("servo", flag.ContinueOnError)
	common(root)
	if err := root.Parse(args); err != nil {
		return o, flagError(err)
	}
	if root.NArg() == 0 {
		return o, flag.ErrHelp
	}
	o.command = root.Arg(0)
	command := flag.NewFlagSet(o.command, flag.ContinueOnError)
	common(command)
	switch o.command {
	case "run":
		command.BoolVar(&o.noPoll, "no-poll", false, "")
		command.BoolVar(&o.once, "once", false, "")
		command.BoolVar(&o.interactive, "interactive", false, "")
		command.BoolVar(&o.interactive, "i", false, "")
		command.StringVar(&o.state, "state", "", "")
	case "validate":
		command.StringVar(&o.output, "output", "text", "")
		command.BoolVar(&o.quiet, "quiet", false, "")
	case "help":
		return o, flag.ErrHelp
	default:
		return o, usagef("there is no command %q: use run or validate", o.command)
	}
	if err := command.Parse(root.Args()[1:]); err != nil {
		return o, flagError(err)
	}
	return o, o.complete(level, verbose, command.Args())
}

// complete checks what the flags say together, and reports all problems.
func (o *options) complete(level string, verbose bool, rest []string) error {
	var errs []error
	if len(rest) > 0 {
		errs = append(errs, fmt.Errorf("unexpected arguments: %s", strings.Join(rest, " ")))
	}
	var err error
	if o.level, err = logging.ParseLevel(level); err != nil {
		errs = append(errs, fmt.Errorf("--log-level: %w", err))
	}
	if verbose {
		o.level = logging.LevelTrace
	}
	if o.config == "" {
		errs = append(errs, errors.New("--config-file: a file is required"))
	}
	if o.noPoll && o.once {
		errs = append(errs, errors.New("--no-poll and --once: without polling there is no command to end after"))
	}
	if o.output != "text" && o.output != "json" {
		errs = append(errs, fmt.Errorf("--output: %q is not text or json", o.output))
	}
	if err := errors.Join(errs...); err != nil {
		return usageError{err}
	}
	return nil
}

func flagError(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	return usageError{err}
}
