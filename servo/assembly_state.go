package servo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/record"
)

// StateFiles returns where [Assemble] keeps the journal and the decision record
// of a servo in a state folder: <name>.journal and <name>.record.jsonl, with what
// cannot stand in a file name escaped as in a URL.
func StateFiles(dir, servo string) (journalFile, recordFile string) {
	base := filepath.Join(dir, url.PathEscape(servo))
	return base + ".journal", base + ".record.jsonl"
}

// keep gives a servo its journal and its record, unless its options have them.
func (a *Assembly) keep(doc *config.Document, o *Options) (release func() error, err error) {
	var closers []func() error
	release = func() error {
		var errs []error
		for _, f := range closers {
			errs = append(errs, f())
		}
		closers = nil
		return errors.Join(errs...)
	}
	if a.o.StateDir == "" {
		return release, nil
	}
	if err := os.MkdirAll(a.o.StateDir, 0o700); err != nil {
		return release, fmt.Errorf("making the state folder: %w", err)
	}
	logger := o.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	logger = logger.With("servo", o.Name)
	journalFile, recordFile := StateFiles(a.o.StateDir, o.Name)
	if o.Journal == nil {
		file, err := journal.Open(journal.Options{Path: journalFile, Logger: logger})
		if err != nil {
			return release, err
		}
		o.Journal = file
		closers = append(closers, file.Close)
	}
	if o.Record == nil {
		onError := func(err error) {
			logger.WarnContext(context.Background(), "the decision record has gaps from now on", "file", recordFile, "error", err)
		}
		file, err := record.Open(record.FileOptions{Path: recordFile})
		if err != nil {
			return release, errors.Join(err, release())
		}
		o.Record = record.New(file, record.Options{Servo: o.Name, Secrets: secretsOf(doc), OnError: onError})
		closers = append(closers, file.Close)
	}
	return release, nil
}

// secretsOf lists what must never stand in a record, whatever name is beside it.
func secretsOf(doc *config.Document) []string {
	secrets := []string{doc.Optimizer.Token.Reveal()}
	if a := doc.Optimizer.AppDynamics; a != nil {
		secrets = append(secrets, a.ClientSecret.Reveal(), a.Token.Reveal())
	}
	return secrets
}
