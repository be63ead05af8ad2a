package servo_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
)

func TestOnceEndsAfterOneCommand(t *testing.T) {
	sleeping := optimizer.Command{Verb: optimizer.Sleep, SleepFor: time.Minute}
	for _, tt := range []struct {
		name     string
		commands []any
		trace    []string
	}{
		{"one that is answered", []any{describeCommand, measureCommand}, []string{"hello", "next", "reply", "goodbye"}},
		{"nothing to do", []any{sleeping, measureCommand}, []string{"hello", "next", "goodbye"}},
		{"an odd answer before it", []any{errors.New("odd"), describeCommand, measureCommand}, []string{"hello", "next", "next", "reply", "goodbye"}},
		{"one that cannot be understood", []any{&optimizer.CommandError{Command: measureCommand, Err: errors.New("odd")}, measureCommand}, []string{"hello", "next", "reply", "goodbye"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opt := newBackend(tt.commands...)
				s := newServo(t, opt, nil, func(o *servo.Options) { o.Once = true })
				use(t, s, newApp("a", nil))
				require.NoError(t, s.Run(t.Context()))
				assert.Equal(t, tt.trace, opt.trace())
			})
		})
	}
}

func TestNoPollStaysUntilItIsAskedToStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := newBackend(describeCommand)
		s := newServo(t, opt, nil, func(o *servo.Options) { o.NoPoll = true })
		use(t, s, newApp("a", nil))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		require.NoError(t, s.Run(ctx))
		assert.Equal(t, time.Hour, time.Since(began))
		assert.Equal(t, []string{"hello", "goodbye"}, opt.trace())
	})
}

func TestConfirm(t *testing.T) {
	odd := errors.New("no terminal")
	for _, tt := range []struct {
		name  string
		asked map[string][]any // the answers: bool or error
		err   error
		trace []string
		took  time.Duration
	}{
		{"yes to all", map[string][]any{servo.AskConnect: {true}, servo.AskPoll: {true}}, nil, []string{"hello", "next", "reply", "goodbye"}, 0},
		{"no connection", map[string][]any{servo.AskConnect: {false}}, servo.ErrDeclined, nil, 0},
		{"not now", map[string][]any{servo.AskConnect: {true}, servo.AskPoll: {false, false, true}}, nil, []string{"hello", "next", "reply", "goodbye"}, 2 * time.Minute},
		{"nobody can answer", map[string][]any{servo.AskConnect: {true}, servo.AskPoll: {odd}}, odd, []string{"hello", "goodbye"}, 0},
		{"nobody can answer at first", map[string][]any{servo.AskConnect: {odd}}, odd, nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opt := newBackend(describeCommand)
				s := newServo(t, opt, nil, func(o *servo.Options) {
					o.Once = true
					o.Confirm = func(_ context.Context, question string) (bool, error) {
						answers := tt.asked[question]
						require.NotEmpty(t, answers, question)
						tt.asked[question] = answers[1:]
						if err, ok := answers[0].(error); ok {
							return false, err
						}
						return answers[0].(bool), nil
					}
				})
				use(t, s, newApp("a", nil))
				began := time.Now()
				err := s.Run(t.Context())
				assert.ErrorIs(t, err, tt.err)
				assert.Equal(t, tt.trace, opt.trace())
				assert.Equal(t, tt.took, time.Since(began))
			})
		})
	}
}
