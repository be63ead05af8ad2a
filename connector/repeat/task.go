package repeat

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrOverrun is what an overrun is reported as with [Fail].
var ErrOverrun = errors.New("the call took longer than the time between two beats")

// ErrStopped is the cause with which the context of a task ends when
// [Group.Stop] was called.
var ErrStopped = errors.New("the task was stopped")

// Task is what is done again and again. Every and Run are required.
type Task struct {
	// Name tells the tasks of a group apart. Empty means one made up, such as
	// "task-1".
	Name string
	// Every is the time between two calls. It is positive.
	Every time.Duration
	// Run is called, never twice at a time. Its context ends when the task is
	// stopped or the group ends, and it must return soon after that.
	Run func(ctx context.Context) error
	// Timeout bounds each call: its context ends then. Zero sets no bound.
	Timeout time.Duration
	// Beat counts Every from the beginning of a call instead of its end.
	Beat bool
	// Overrun says what becomes of a call that is due while the one before
	// still goes on, which only happens with Beat. The zero value is [Late].
	Overrun Overrun
	// OnError says what an error or a panic of Run leads to. The zero value
	// is [Continue].
	OnError OnError
	// MaxPause bounds the pauses of [BackOff]. Zero means 64 times Every.
	MaxPause time.Duration
	_        struct{}
}

// Overrun says what becomes of calls that are due while one still goes on.
type Overrun uint8

const (
	// Late makes one call as soon as the running one has returned, and counts
	// on from there. It is the default.
	Late Overrun = iota
	// Skip leaves out the beats that were missed: the next call comes with the
	// next beat, so that a task keeps to the clock.
	Skip
	// Fail makes it an error, [ErrOverrun], for OnError to decide on; if the
	// task goes on, it goes on as with Late.
	Fail
)

var overruns = []string{"late", "skip", "fail"}

// String returns the name of o in lower case.
func (o Overrun) String() string { return name(overruns, uint8(o)) }

// OnError says what an error of a call leads to.
type OnError uint8

const (
	// Continue goes on as if nothing had happened. It is the default.
	Continue OnError = iota
	// BackOff goes on after a pause that doubles with each failure in a row,
	// beginning with twice Every. A success ends that.
	BackOff
	// End ends the task and leaves the others alone.
	End
	// EndAll ends all tasks of the group, and [Group.Run] returns the error. A
	// servo whose connector has such a task ends.
	EndAll
)

var reactions = []string{"continue", "back-off", "end", "end-all"}

// String returns the name of e in lower case.
func (e OnError) String() string { return name(reactions, uint8(e)) }

func name(names []string, i uint8) string {
	if int(i) < len(names) {
		return names[i]
	}
	return fmt.Sprintf("unknown (%d)", i)
}

func (t Task) validate() error {
	var errs []error
	if t.Every <= 0 {
		errs = append(errs, fmt.Errorf("cannot repeat every %s: the interval must be positive", t.Every))
	}
	if t.Run == nil {
		errs = append(errs, errors.New("the function Run is missing"))
	}
	if t.Timeout < 0 {
		errs = append(errs, fmt.Errorf("the timeout %s is negative", t.Timeout))
	}
	if t.MaxPause < 0 {
		errs = append(errs, fmt.Errorf("the longest pause %s is negative", t.MaxPause))
	}
	if t.Overrun > Fail {
		errs = append(errs, fmt.Errorf("overrun: expected late, skip or fail, found %s", t.Overrun))
	}
	if t.OnError > EndAll {
		errs = append(errs, fmt.Errorf("on error: expected continue, back-off, end or end-all, found %s", t.OnError))
	}
	return errors.Join(errs...)
}

// backOff is the pause after so many failures in a row.
func (t Task) backOff(failures int) time.Duration {
	limit := t.MaxPause
	if limit == 0 {
		limit = 64 * t.Every
		if limit/64 != t.Every {
			limit = 1<<63 - 1 // more than 64 bits hold
		}
	}
	pause := t.Every
	for range failures {
		if pause >= limit/2 {
			return limit
		}
		pause *= 2
	}
	return min(pause, limit)
}

// State says how far the life of a task has come.
type State uint8

const (
	// Waiting is before the group runs.
	Waiting State = iota
	// Running is while it is being called.
	Running
	// Pausing is between two calls.
	Pausing
	// Stopping is after it was stopped, until its call has returned.
	Stopping
	// Ended is afterwards.
	Ended
)

var states = []string{"waiting", "running", "pausing", "stopping", "ended"}

// String returns the name of s in lower case.
func (s State) String() string { return name(states, uint8(s)) }

// Status is how a task stands at the moment.
type Status struct {
	Name  string
	Label string // for people: "<owner>:<name> (repeating every <interval>)"
	Every time.Duration
	State State
	// Calls counts those that were begun, Failures those that failed, and
	// Missed the beats that were left out or came late.
	Calls, Failures, Missed int
	// Began is when the last call began. It is zero before the first.
	Began time.Time
	// Err is what the last call that has ended failed with, nil if it did not.
	Err error
}
