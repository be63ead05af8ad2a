package servo

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo/logging"
)

// diagnosticsInterval is the time between two polls.
const diagnosticsInterval = time.Minute

// Diagnostics are what a servo uploads when its optimizer asks for it. It asks
// every minute whether it should, while it runs. An upload stays below 1 MiB.
type Diagnostics struct {
	// Config returns the configuration in force, as JSON and without secrets.
	// Nil means that none is sent. It is called for each upload.
	Config func() (json.RawMessage, error)
	// Log holds the latest lines of the log, which go along. It may be nil. Put
	// a redacting handler in front of it; see [logging.Ring].
	Log *logging.Ring
}

// diagnosable is an optimizer that can be given diagnostics, as an
// [optimizer.Client] can.
type diagnosable interface {
	PollDiagnostics(ctx context.Context) (optimizer.Directive, error)
	UploadDiagnostics(ctx context.Context, d optimizer.Diagnostics) error
	ResetDiagnostics(ctx context.Context) error
}

// diagnose asks for the wish of the optimizer until ctx ends, the optimizer says
// that it never wants any, or it cannot be reached in spite of many tries. None
// of that is any business of the commands.
func (s *Servo) diagnose(ctx context.Context, to diagnosable) {
	for {
		wish, err := to.PollDiagnostics(ctx)
		if err == nil && wish == optimizer.Send {
			s.decided(ctx, "diagnostics", "the optimizer asks for them", nil)
			err = s.upload(ctx, to)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.log.WarnContext(ctx, "diagnostics are given up", "error", err)
			s.decided(ctx, "diagnostics", "given up", err)
			return
		case wish == optimizer.Stop:
			s.log.InfoContext(ctx, "the optimizer wants no diagnostics any more")
			s.decided(ctx, "diagnostics", "the optimizer wants none any more", nil)
			return
		}
		if !sleep(ctx, diagnosticsInterval) {
			return
		}
	}
}

func (s *Servo) upload(ctx context.Context, to diagnosable) error {
	var d optimizer.Diagnostics
	if s.o.Diagnostics.Config != nil {
		text, err := s.o.Diagnostics.Config()
		if err != nil {
			s.log.WarnContext(ctx, "diagnostics go without the configuration", "error", err)
		} else {
			d.Config = text
		}
	}
	if ring := s.o.Diagnostics.Log; ring != nil {
		for _, e := range ring.Entries(time.Time{}) {
			d.Logs = append(d.Logs, optimizer.LogEntry{Time: e.Time.UTC().Format(time.RFC3339Nano), Text: e.Text})
		}
	}
	if err := to.UploadDiagnostics(ctx, d); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "diagnostics were sent", "log_entries", len(d.Logs))
	return to.ResetDiagnostics(ctx)
}

// diagnosticsOf gives a servo the diagnostics that its document wants: the
// configuration as it is printed, with secrets masked, and the log from info on.
func diagnosticsOf(doc *config.Document, o *Options, k kinds) {
	if doc.NoDiagnostics || o.Diagnostics != nil {
		return
	}
	var model config.Model
	for _, name := range k.names {
		model.Kinds = append(model.Kinds, k.byName[name].Kind())
	}
	ring := logging.NewRing(0, 0)
	o.Diagnostics = &Diagnostics{Log: ring, Config: func() (json.RawMessage, error) {
		return model.Print([]*config.Document{doc}, config.PrintOptions{Format: "json"})
	}}
	handler := logging.NewRedactHandler(ring.Handler(&logging.Options{Level: slog.LevelInfo}))
	if o.Logger != nil {
		handler = slog.NewMultiHandler(o.Logger.Handler(), handler)
	}
	o.Logger = slog.New(handler)
}
