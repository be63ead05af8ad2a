package local

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

// Engine is an embedded optimizer that runs one study with one servo. Give it
// to a servo directly, or put it behind HTTP with [optimizer.NewHandler].
//
// It has no goroutine and no open file: everything happens in the calls that it
// receives, and dropping it is enough to end it. Its methods may be called from
// several goroutines.
type Engine struct {
	options Options
	log     *slog.Logger
	file    studyFile
	done    chan struct{}
	// uids begins the identifiers of commands, and differs between engines so
	// that a result meant for an earlier one is recognised.
	uids string

	mu sync.Mutex
	// All of the following belongs to mu.

	study
	phase   Phase
	job     *job
	command *optimizer.Command
	issued  int
	// answered is the command whose result was taken last. The same result
	// again is a repeat by a servo that did not get our reply.
	answered string
	percent  float64
	message  string
	// current is the configuration in force, nil when it is not known, and
	// adjusted says that it may differ from the baseline.
	current  types.Adjustments
	adjusted bool
	cancel   string

	queue      []Update
	delivering bool
}

var _ optimizer.Backend = (*Engine)(nil)

// doneSleep is how long a servo is told to sleep once the study has ended.
const doneSleep = time.Minute

// New returns an engine for a study. If the file of the study exists, the study
// goes on where it was left: finished trials are not run again. All problems
// with the options are reported at once; a file of another study is an error
// that wraps [ErrOtherStudy].
func New(o Options) (*Engine, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("local optimizer: %w", err)
	}
	e := &Engine{
		options: o, log: o.Logger, file: studyFile{path: o.Study}, done: make(chan struct{}),
		uids:  strconv.FormatInt(time.Now().UnixMicro(), 36),
		phase: PhaseDescribe,
	}
	e.study.options = o
	h, records, found, torn, err := e.file.load()
	if err != nil {
		return nil, fmt.Errorf("local optimizer: %w", err)
	}
	if torn {
		e.log.Warn("removed a torn line from the study file", "file", o.Study)
	}
	if found {
		if err := e.resume(h, records); err != nil {
			return nil, fmt.Errorf("local optimizer: study file %s: %w", o.Study, err)
		}
		e.log.Info("study resumed", "file", o.Study, "trials", len(e.trials))
	}
	return e, nil
}

// Hello accepts a servo, in any state. The settings in force are then no longer
// taken for granted: a servo that was restarted may have restored the original
// ones, and so a measurement that was under way is preceded by an adjustment.
func (e *Engine) Hello(ctx context.Context, hello optimizer.Hello) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.log.DebugContext(ctx, "servo connected", "agent", hello.Agent)
	e.resync()
	return nil
}

// Goodbye takes leave of a servo, in any state. The study stays as it is.
func (e *Engine) Goodbye(ctx context.Context, reason string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.log.DebugContext(ctx, "servo disconnected", "reason", reason)
	e.resync()
	return nil
}

func (e *Engine) resync() {
	e.percent = 0
	if e.job != nil {
		e.job.cancels = 0
	}
	if !e.adjusted {
		return
	}
	e.current = nil
	if e.job != nil && !e.job.adjusting && e.job.config != nil {
		e.job.adjusting, e.job.note = true, ""
		e.command = nil
	}
}

// Next returns the command that the study has come to. It is the same one, with
// the same UID, until its result arrives. After the study it is a SLEEP whose
// reason begins with "done", "failed" or "cancelled".
func (e *Engine) Next(ctx context.Context) (optimizer.Command, error) {
	if err := ctx.Err(); err != nil {
		return optimizer.Command{}, err
	}
	defer e.deliver()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cancel != "" && e.job != nil && e.cancellable() {
		e.drop()
	}
	if e.job == nil {
		e.plan()
	}
	if e.job == nil {
		return optimizer.Command{Verb: optimizer.Sleep, SleepFor: doneSleep, SleepReason: e.farewell()}, nil
	}
	if e.command == nil {
		e.issue()
	}
	c := *e.command
	c.Metrics = slices.Clone(c.Metrics)
	c.Adjustments = slices.Clone(c.Adjustments)
	return c, nil
}

// Reply takes the result of the current command. A result of another verb is
// [optimizer.ErrUnexpectedEvent], one of another command
// [optimizer.ErrUnexpectedCommand]; a repeat of the last result is ignored.
func (e *Engine) Reply(_ context.Context, result optimizer.Result) error {
	defer e.deliver()
	e.mu.Lock()
	defer e.mu.Unlock()
	if result.UID != "" && result.UID == e.answered {
		return nil
	}
	if err := e.expected(result.Verb, result.UID); err != nil {
		return err
	}
	e.answered, e.command = result.UID, nil
	switch {
	case e.cancel != "" && e.cancellable():
		e.drop()
	case result.Outcome == "":
		e.succeeded(result)
	case result.Outcome == types.Cancelled:
		e.interrupted(result)
	case result.Outcome == types.Rejected || result.Outcome == types.Aborted:
		e.conclude(result.Outcome, explain(result))
	default:
		e.failed(explain(result))
	}
	return nil
}

// Progress takes a report about the current command. The answer is
// [optimizer.ErrCancelRequested] when the study was cancelled, and
// [optimizer.ErrInvalid] when the report goes backwards by a percent or more.
func (e *Engine) Progress(_ context.Context, p optimizer.Progress) error {
	defer e.deliver()
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.expected(p.Verb, p.UID); err != nil {
		return err
	}
	if e.cancel != "" && e.cancellable() {
		return fmt.Errorf("%w: %s", optimizer.ErrCancelRequested, e.cancel)
	}
	if !(p.Percent >= 0 && p.Percent <= 100) {
		return fmt.Errorf("%w: progress %v is not between 0 and 100", optimizer.ErrInvalid, p.Percent)
	}
	if int(p.Percent) < int(e.percent) {
		return fmt.Errorf("%w: progress %v after %v", optimizer.ErrInvalid, p.Percent, e.percent)
	}
	e.percent, e.message = p.Percent, p.Message
	e.notify(nil)
	return nil
}

// expected checks that a report or a result is about the current command.
func (e *Engine) expected(verb optimizer.Verb, uid string) error {
	switch {
	case e.command == nil:
		return fmt.Errorf("%w: %q was not asked for", optimizer.ErrUnexpectedEvent, string(verb.Answer()))
	case e.command.Verb != verb:
		return fmt.Errorf("%w: out of order event %q, expected %q", optimizer.ErrUnexpectedEvent, string(verb.Answer()), string(e.command.Verb.Answer()))
	case e.command.UID != uid:
		return fmt.Errorf("%w: %q, expected %q", optimizer.ErrUnexpectedCommand, uid, e.command.UID)
	}
	return nil
}

// Cancel ends the study early, for example because a person wants to stop. The
// running command is cancelled with the answer to its next progress report, and
// the baseline is restored if anything was changed, which takes a servo that
// comes for the commands; then Done is closed. A
// study that has ended, or is restoring the baseline already, is left alone.
// The file of the study stays, so that it can be resumed.
func (e *Engine) Cancel(reason string) {
	defer e.deliver()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended() || e.cancel != "" || !e.cancellable() {
		return
	}
	if reason == "" {
		reason = "the study was cancelled"
	}
	e.cancel = reason
	e.log.Info("study cancelled", "reason", reason)
	if e.command == nil {
		e.drop()
	}
}

// cancellable is false for the job that restores the baseline.
func (e *Engine) cancellable() bool {
	return e.job == nil || e.job.phase != PhaseApply || !e.job.ofBaseline
}

// Done is closed when the study has ended and its last adjustment was answered.
// Ask Result then.
func (e *Engine) Done() <-chan struct{} { return e.done }

func (e *Engine) ended() bool {
	return e.phase == PhaseDone || e.phase == PhaseFailed || e.phase == PhaseCancelled
}

// Result returns what has been found, so far or at the end.
func (e *Engine) Result() Result {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.result()
	r.Trials = slices.Clone(r.Trials)
	r.Warnings = slices.Clone(r.Warnings)
	return r
}

// Status returns what the study is doing now.
func (e *Engine) Status() Update {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.update(nil)
}

func (e *Engine) update(finished *Trial) Update {
	u := Update{
		Phase: e.phase, Trials: e.options.Trials, Percent: e.percent, Message: e.message,
		Finished: finished, Baseline: e.baselineTrial(), Best: e.best(),
	}
	if j := e.job; j != nil {
		u.Trial, u.Trials, u.Settings, u.Adjusting = j.number, j.of, j.config, j.adjusting
	}
	return u
}

func (e *Engine) notify(finished *Trial) { e.queue = append(e.queue, e.update(finished)) }

// deliver hands the queued updates to the observer, outside of the lock so that
// the observer may ask the engine, and from one goroutine at a time.
func (e *Engine) deliver() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.delivering {
		return
	}
	e.delivering = true
	defer func() { e.delivering = false }()
	for len(e.queue) > 0 {
		u := e.queue[0]
		e.queue = e.queue[1:]
		func() {
			e.mu.Unlock()
			defer e.mu.Lock()
			e.options.Observer(u)
		}()
	}
}
