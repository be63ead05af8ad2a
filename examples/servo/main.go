package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// The exit codes, beside those of [servo.ExitCode].
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

// program is what the process has been given.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
}

func main() {
	p := program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ()}
	os.Exit(p.main(os.Args[1:]))
}

// usageError is about the command line and not about what it asks for.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func (p program) main(args []string) int {
	o, err := parse(args, p.getenv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(p.stdout, help)
		return exitOK
	case err != nil:
		return p.fail(err)
	}
	if o.command == "validate" {
		return p.validate(o)
	}
	return p.run(o)
}

// fail reports an error and returns the exit code for it.
func (p program) fail(err error) int {
	fmt.Fprintf(p.stderr, "servo: %v\n", err)
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintln(p.stderr, "Try 'servo --help'.")
		return exitUsage
	}
	return exitError
}
