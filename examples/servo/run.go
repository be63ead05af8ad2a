package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/servo"
)

// run runs the servos of the configuration until a signal or until all of them
// have ended.
func (p program) run(o options) int {
	ctx, stop := servo.SignalContext(context.Background())
	defer stop()
	docs, err := p.load(o)
	if err != nil {
		return p.fail(err)
	}
	var several atomic.Bool
	several.Store(len(docs) > 1)
	log, closeLog, err := p.logger(o, &several)
	if err != nil {
		return p.fail(err)
	}
	err = p.serve(ctx, o, docs, log, &several)
	err = errors.Join(err, closeLog())
	if code := servo.ExitCode(ctx, err); code != exitError {
		return code
	}
	return p.fail(err)
}

// serve runs the servos of documents, and on SIGHUP makes them agree with the
// configuration as it is then.
func (p program) serve(ctx context.Context, o options, docs []*config.Document, log *slog.Logger, several *atomic.Bool) error {
	ask := newPrompt(p.stdin, p.stderr)
	assembly, err := servo.Assemble(docs, servo.AssemblyOptions{
		Servo:    servo.Options{Logger: log, NoPoll: o.noPoll, Once: o.once},
		StateDir: o.state,
		Configure: func(_ *config.Document, so *servo.Options) error {
			if o.interactive {
				so.Confirm = ask.confirm(so.Name)
			}
			return nil
		},
	}, connectors...)
	if err != nil {
		return err
	}
	stop := servo.NotifyHangup(ctx, func(ctx context.Context) {
		docs, err := p.load(o)
		if err == nil {
			several.Store(len(docs) > 1)
			err = assembly.Reload(ctx, docs)
		}
		if err != nil {
			log.ErrorContext(ctx, "the configuration was not reloaded", "file", o.config, "error", err)
			return
		}
		log.InfoContext(ctx, "the configuration was reloaded", "file", o.config)
	})
	defer stop()
	return assembly.Run(ctx)
}
