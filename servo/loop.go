package servo

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

// loop asks for commands and carries them out until ctx ends. Nothing that the
// optimizer does ends it.
func (s *Servo) loop(ctx context.Context) {
	pause := backoff{jitter: s.rand.Float64}
	for ctx.Err() == nil {
		cmd, err := s.o.Optimizer.Next(ctx)
		var malformed *optimizer.CommandError
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			err = s.carryOut(ctx, cmd)
		case errors.As(err, &malformed) && malformed.Command.Verb.Answer() != "":
			s.log.WarnContext(ctx, "command cannot be understood", "error", err)
			err = s.reply(ctx, failure(malformed.Command, malformed))
		}
		if err == nil {
			pause.reset()
			continue
		}
		if ctx.Err() != nil {
			return
		}
		s.recover(ctx, &pause, err)
	}
}

// recover does what makes sense after an error of the conversation with the
// optimizer, and never returns at once, so that the loop is never busy.
func (s *Servo) recover(ctx context.Context, pause *backoff, err error) {
	switch {
	case errors.Is(err, optimizer.ErrSuperseded):
		s.log.WarnContext(ctx, "another deployment of this servo has taken over", "pause", supersededPause, "error", err)
		if sleep(ctx, supersededPause) {
			s.resync(ctx)
		}
	case errors.Is(err, errResync), errors.Is(err, optimizer.ErrUnexpectedEvent):
		s.log.WarnContext(ctx, "out of step with the optimizer, greeting it again", "error", err)
		if sleep(ctx, pause.next()) {
			s.resync(ctx)
		}
	default:
		wait := pause.next()
		s.log.WarnContext(ctx, "the optimizer gave no command that can be used", "pause", wait, "error", err)
		sleep(ctx, wait)
	}
}

// resync greets the optimizer again, which is where both sides come back into
// step. A greeting that fails is made up for by the next one.
func (s *Servo) resync(ctx context.Context) {
	if err := s.hello(ctx); err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "the optimizer did not take the greeting", "error", err)
	}
}

// carryOut runs one command and answers it. The error is about the conversation
// with the optimizer; what goes wrong with the command itself is the answer.
func (s *Servo) carryOut(ctx context.Context, cmd optimizer.Command) error {
	ctx = event.WithCommand(ctx, cmd.UID)
	if cmd.Verb == optimizer.Sleep {
		s.log.InfoContext(ctx, "sleeping", "duration", cmd.SleepFor, "reason", cmd.SleepReason)
		sleep(ctx, cmd.SleepFor)
		return nil
	}
	s.log.InfoContext(ctx, "command begins", "verb", cmd.Verb)
	began := time.Now()
	result, err := s.execute(ctx, cmd)
	took := time.Since(began)
	if err != nil {
		if abandoned(err) {
			s.log.WarnContext(ctx, "command abandoned", "verb", cmd.Verb, "took", took, "error", err)
			if errors.Is(err, errResync) || errors.Is(err, optimizer.ErrSuperseded) {
				return err
			}
			return nil
		}
		result = failure(cmd, err)
		level := slog.LevelWarn
		if result.Outcome == types.Cancelled {
			level = slog.LevelInfo // somebody wanted that
		}
		s.log.Log(ctx, level, "command did not succeed", "verb", cmd.Verb, "took", took,
			"status", result.Outcome, "reason", result.Reason, "error", err)
	} else {
		s.log.InfoContext(ctx, "command done", "verb", cmd.Verb, "took", took)
	}
	return s.reply(ctx, result)
}

// reply answers a command. When the servo is stopping the answer still goes
// out, within the bound of a farewell. A refusal is reported here: the answer
// has been given, so the command is over either way.
func (s *Servo) reply(ctx context.Context, result optimizer.Result) error {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), s.farewell())
		defer cancel()
	}
	err := s.o.Optimizer.Reply(ctx, result)
	if errors.Is(err, optimizer.ErrInvalid) || errors.Is(err, optimizer.ErrUnexpectedCommand) {
		s.log.WarnContext(ctx, "the optimizer refused the result", "verb", result.Verb, "error", err)
		return nil
	}
	return err
}
