package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/servo"
)

// report is what validate --output json prints.
type report struct {
	File     string    `json:"file"`
	Valid    bool      `json:"valid"`
	Problems []problem `json:"problems"`
}

// problem is one thing that is wrong. What is not known is left out.
type problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
}

// validate says everything that is wrong with the configuration. It contacts
// nobody and writes no file.
func (p program) validate(o options) int {
	if err := findable(o.config); err != nil {
		return p.fail(err)
	}
	err := p.check(o)
	var usage usageError
	if errors.As(err, &usage) {
		return p.fail(err)
	}
	code := exitOK
	if err != nil {
		code = exitError
	}
	switch {
	case o.quiet:
	case o.output == "json":
		encoder := json.NewEncoder(p.stdout)
		encoder.SetIndent("", "  ")
		if e := encoder.Encode(report{File: o.config, Valid: err == nil, Problems: problems(err)}); e != nil {
			return p.fail(e)
		}
	case err != nil:
		fmt.Fprintf(p.stderr, "X Invalid configuration in %s\n%v\n", o.config, err)
	default:
		fmt.Fprintf(p.stdout, "√ Valid configuration in %s\n", o.config)
	}
	return code
}

func (p program) check(o options) error {
	if err := model().Validate(p.sources(o)); err != nil {
		return err
	}
	docs, err := p.load(o)
	if err != nil {
		return err
	}
	// Building finds the rest, such as two servos of one name.
	_, err = servo.Assemble(docs, servo.AssemblyOptions{}, connectors...)
	return err
}

func problems(err error) []problem {
	all := []problem{}
	var fields config.FieldErrors
	var one *config.FieldError
	switch {
	case err == nil:
	case errors.As(err, &fields):
		for _, f := range fields {
			all = append(all, problem{File: f.File, Line: f.Line, Column: f.Column, Path: f.Path, Message: f.Message})
		}
	case errors.As(err, &one):
		all = append(all, problem{File: one.File, Line: one.Line, Column: one.Column, Path: one.Path, Message: one.Message})
	default:
		all = append(all, problem{Message: err.Error()})
	}
	return all
}
