package servo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo/record"
	"github.com/servokit/servokit/types"
)

// declinedPause is how long a servo waits that was not allowed to poll.
const declinedPause = time.Minute

// loop asks for commands and carries them out until ctx ends. Nothing that the
// optimizer does ends it. The error is that of [Options.Confirm].
func (s *Servo) loop(ctx context.Context) error {
	if s.o.NoPoll {
		return nil
	}
	pause := backoff{jitter: s.rand.Float64}
	for ctx.Err() == nil {
		if err := s.confirm(ctx, AskPoll); errors.Is(err, ErrDeclined) {
			s.log.InfoContext(ctx, "sleeping", "duration", declinedPause, "reason", "polling was declined")
			sleep(ctx, declinedPause)
			continue
		} else if err != nil {
			return err
		}
		if s.turn(ctx, &pause) && s.o.Once {
			return nil
		}
	}
	return nil
}

// turn asks for one command, carries it out and reports whether there was one
// that is over now.
func (s *Servo) turn(ctx context.Context, pause *backoff) bool {
	cmd, err := s.o.Optimizer.Next(ctx)
	if ctx.Err() != nil {
		return false
	}
	var malformed *optimizer.CommandError
	answered := false
	switch {
	case err == nil:
		answered = true
		err = s.carryOut(ctx, cmd)
	case errors.As(err, &malformed) && malformed.Command.Verb.Answer() != "":
		s.log.WarnContext(ctx, "command cannot be understood", "error", err)
		answered = true
		err = s.deliver(ctx, failure(malformed.Command, malformed))
	}
	switch {
	case err == nil:
		pause.reset()
		return answered
	case ctx.Err() == nil:
		s.recover(ctx, pause, err)
	}
	return false
}

// confirm asks whether to go on, if anybody is there to be asked. The error is
// nil for yes and [ErrDeclined] for no.
func (s *Servo) confirm(ctx context.Context, question string) error {
	if s.o.Confirm == nil {
		return nil
	}
	yes, err := s.o.Confirm(ctx, question)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the run ends anyway, for its own reason
	}
	switch {
	case err != nil:
		return fmt.Errorf("asking %q: %w", question, err)
	case !yes:
		s.decided(ctx, "servo", "declined: "+question, nil)
		return ErrDeclined
	}
	return nil
}

// recover does what makes sense after an error of the conversation with the
// optimizer, and never returns at once, so that the loop is never busy.
func (s *Servo) recover(ctx context.Context, pause *backoff, err error) {
	switch {
	case errors.Is(err, optimizer.ErrSuperseded):
		s.log.WarnContext(ctx, "another deployment of this servo has taken over", "pause", supersededPause, "error", err)
		s.record.Add(ctx, record.Entry{Kind: record.Decision, Subject: "servo", Why: "superseded: quiet for a while", Wait: supersededPause, Error: err.Error()})
		if sleep(ctx, supersededPause) {
			s.resync(ctx)
		}
	case errors.Is(err, errResync), errors.Is(err, optimizer.ErrUnexpectedEvent):
		wait := pause.next()
		s.log.WarnContext(ctx, "out of step with the optimizer, greeting it again", "pause", wait, "error", err)
		s.record.Add(ctx, record.Entry{Kind: record.Decision, Subject: "servo", Why: "out of step: the optimizer is greeted again", Wait: wait, Error: err.Error()})
		if sleep(ctx, wait) {
			s.resync(ctx)
		}
	default:
		wait := pause.next()
		s.log.WarnContext(ctx, "the optimizer gave no command that can be used", "pause", wait, "error", err)
		s.record.Add(ctx, record.Entry{Kind: record.Retry, Subject: "servo", Why: "no command that can be used", Wait: wait, Error: err.Error()})
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
	if answer, ok := s.pending(ctx, cmd); ok {
		return s.deliver(ctx, answer)
	}
	if err := s.takeSlot(ctx); err != nil {
		return err
	}
	defer s.leaveSlot()
	s.log.InfoContext(ctx, "command begins", "verb", cmd.Verb)
	s.changed(ctx, "command", "received", "running", "it is the turn of this command")
	began := time.Now()
	result, err := s.execute(ctx, cmd)
	took := time.Since(began)
	if err != nil {
		if abandoned(err) {
			s.log.WarnContext(ctx, "command abandoned", "verb", cmd.Verb, "took", took, "error", err)
			s.concluded(ctx, cmd, "abandoned", took, err)
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
		s.concluded(ctx, cmd, string(result.Outcome), took, err)
	} else {
		s.log.InfoContext(ctx, "command done", "verb", cmd.Verb, "took", took)
		s.concluded(ctx, cmd, "ok", took, nil)
	}
	s.remember(ctx, result)
	return s.deliver(ctx, result)
}

// takeSlot waits until no connector is being exchanged and the assembly that the
// servo belongs to lets one more command run.
func (s *Servo) takeSlot(ctx context.Context) error {
	for _, slots := range []chan struct{}{s.busy, s.slots} {
		if slots == nil {
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			if slots == s.slots {
				<-s.busy
			}
			return context.Cause(ctx)
		}
	}
	return nil
}

func (s *Servo) leaveSlot() {
	if s.slots != nil {
		<-s.slots
	}
	<-s.busy
}

// concluded notes how a command has ended.
func (s *Servo) concluded(ctx context.Context, cmd optimizer.Command, how string, took time.Duration, err error) {
	e := record.Entry{Kind: record.Outcome, Verb: string(cmd.Verb), UID: cmd.UID, Why: how, Took: took}
	if err != nil {
		e.Error = err.Error()
	}
	s.record.Add(ctx, e)
	s.changed(ctx, "command", "running", how, "its handlers have returned")
}

// reply answers a command. When the servo is stopping the answer still goes
// out, within the bound of a farewell.
func (s *Servo) reply(ctx context.Context, result optimizer.Result) error {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), s.farewell())
		defer cancel()
	}
	return s.o.Optimizer.Reply(ctx, result)
}
