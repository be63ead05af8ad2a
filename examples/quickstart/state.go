package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"

	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/logging/logfile"
	"github.com/servokit/servokit/servo/record"
	"github.com/servokit/servokit/types"
)

// The record is rotated at this many megabytes, and this many old files stay.
const (
	recordSize    = 20
	recordBackups = 2
)

// state is what the quickstart keeps on disk from one run to the next: the
// journal, which brings the application back to where a killed run left it, the
// decision record, and the application itself, which need not be built again
// then. The zero state keeps nothing.
type state struct {
	dir     string
	journal *journal.File
	file    *logfile.File
	record  *record.Log
}

// openState opens what is in the folder of --state, if there is one.
func openState(o options, log *slog.Logger) (*state, error) {
	if o.state == "" {
		return &state{}, nil
	}
	dir, err := filepath.Abs(o.state)
	if err != nil {
		return nil, fmt.Errorf("--state: %w", err)
	}
	j, err := journal.Open(journal.Options{Path: filepath.Join(dir, "journal"), Logger: log})
	if err != nil {
		return nil, fmt.Errorf("--state: %w", err)
	}
	file, err := logfile.Open(logfile.Options{Path: filepath.Join(dir, "record.jsonl"), MaxSize: recordSize, MaxBackups: recordBackups})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--state: %w", err), j.Close())
	}
	return &state{dir: dir, journal: j, file: file, record: record.New(file, record.Options{
		Servo: servoName, Secrets: []string{o.token},
		OnError: func(err error) { log.Warn("the decision record has gaps", "error", err) },
	})}, nil
}

// use makes a servo keep the state.
func (s *state) use(so *servo.Options, recovery servo.Recovery) {
	so.Record = s.record
	if s.journal != nil {
		so.Journal, so.Recovery = s.journal, recovery
	}
}

// withoutJournal is for a servo whose end leaves nothing to remember.
func (s *state) withoutJournal() *state { return &state{record: s.record} }

// left returns the settings that a run begins with whose optimizer remembers
// what it has adjusted: the defaults and what an earlier run has left.
func (s *state) left(ctx context.Context, defaults types.Adjustments) (types.Adjustments, error) {
	if s.journal == nil {
		return defaults, nil
	}
	found, err := s.journal.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("--state: reading the journal: %w", err)
	}
	settings := overlay(defaults, found.Committed)
	if found.Open != nil {
		settings = overlay(settings, found.Open.Previous)
	}
	return settings, nil
}

// folder returns where to build the application, and how to clean up there.
func (s *state) folder() (dir string, clean func(), err error) {
	if s.dir != "" {
		return s.dir, func() {}, nil // the journal is locked, so nobody else builds there
	}
	made, err := os.MkdirTemp("", "servokit-quickstart-")
	return made, func() { _ = os.RemoveAll(made) }, err
}

func (s *state) close() error {
	var errs []error
	if s.journal != nil {
		errs = append(errs, s.journal.Close())
	}
	if s.file != nil {
		errs = append(errs, s.file.Close())
	}
	return errors.Join(errs...)
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// defaultState is the folder for the optimizer at an address: what one of them
// has adjusted is nothing to another.
func defaultState(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return filepath.Join("quickstart-state", unfit.ReplaceAllString(u.Host+u.Path, "_"))
}
