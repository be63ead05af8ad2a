package connectortest

import (
	"context"
	"errors"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// restorable returns a session that is attached and not started, with other
// values to restore for what it has. Without a handler for Restore there is
// nothing to examine.
func (e *exam) restorable() (s *session, before types.Description, other types.Adjustments, ok bool) {
	if s, ok = e.session(); !ok {
		return nil, before, nil, false
	}
	if !handles(s, connector.Restore) {
		e.absent = "it does not restore"
		return nil, before, nil, false
	}
	if _, err := call(s, context.Background(), connector.Attach, connector.Lifecycle{Servo: "connectortest"}); e.blockedBy(err) {
		return nil, before, nil, false
	}
	components, err := s.components()
	if isPanic(err) {
		return nil, before, nil, !e.blockedBy(err)
	}
	if err != nil {
		e.broken("components before startup, from which a servo learns what to restore: %v", err)
		return nil, before, nil, false
	}
	before = types.Description{Components: components}
	seen := map[string]bool{}
	for _, c := range e.changes(before) {
		if !seen[c.to.Selector()] {
			seen[c.to.Selector()] = true
			other = append(other, c.to)
		}
	}
	return s, before, other, true
}

// restored restores other values and follows them through startup.
func (e *exam) restored() {
	s, _, other, ok := e.restorable()
	if !ok {
		return
	}
	foreigner := types.Adjustment{Component: foreign, Setting: "replicas", Value: types.Int(3)}
	answers, err := call(s, context.Background(), connector.Restore, connector.RestoreRequest{Adjustments: append(other, foreigner)})
	switch {
	case isPanic(err):
		e.broken("restore before startup: %v%s", err, trace(err))
		return
	case errors.Is(err, errHangs):
		e.blockedBy(err) // of another promise
		return
	case err != nil:
		e.broken("restore before startup: %v", err)
		return
	}
	e.inForce("the answer to restore", types.MergeDescriptions(answers...), other)
	components, err := s.components()
	if e.blockedBy(err) {
		return
	}
	e.inForce("components after restore", types.Description{Components: components}, other)
	if _, err := call(s, context.Background(), connector.Startup, connector.Lifecycle{Servo: "connectortest"}); e.blockedBy(err) {
		return
	}
	d, err := s.describe()
	if e.blockedBy(err) {
		return
	}
	e.inForce("describe after restore and startup", d, other)
}

func (e *exam) inForce(where string, d types.Description, wanted types.Adjustments) {
	for _, a := range wanted {
		s, ok := d.Setting(a.Selector())
		switch {
		case !ok:
			e.broken("%s does not have %s, which was restored", where, a.Selector())
		case !near(s.Value, a.Value):
			e.broken("%s has %s at %s, and %s was restored", where, a.Selector(), show(s.Value), show(a.Value))
		}
	}
}

// restoreEnds cancels a restore before it begins and early on.
func (e *exam) restoreEnds() {
	s, before, other, ok := e.restorable()
	if !ok {
		return
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(connector.ErrStopRequested)
	request := connector.RestoreRequest{Adjustments: other, Interrupted: other}
	_, err := callLate(s, ctx, connector.Restore, request)
	switch {
	case isPanic(err):
		e.blockedBy(err)
		return
	case errors.Is(err, errHangs):
		e.broken("restore did not return within %s, and its context had ended before", e.config.Prompt)
		return
	}
	components, again := s.components()
	if e.blockedBy(again) {
		return
	}
	for _, difference := range differences(types.Description{Components: components}, before) {
		e.broken("after a restore with a context that had ended: %s", difference)
	}
	if err == nil && len(other) > 0 {
		e.broken("restore returned no error, and its context had ended before")
	}
	for _, after := range []time.Duration{time.Millisecond, glance} {
		ctx := e.interrupted(connector.ErrStopRequested, after)
		if _, err := call(s, ctx, connector.Restore, request); errors.Is(err, errHangs) {
			e.broken("restore did not return within %s after its context had ended", e.config.Prompt)
			return
		}
	}
}
