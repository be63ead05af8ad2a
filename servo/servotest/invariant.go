package servotest

// Invariant names something that must hold whatever happens.
type Invariant string

// The invariants.
const (
	// GreetsFirst: nothing is said before HELLO was answered, and GOODBYE only
	// after it.
	GreetsFirst Invariant = "greets-first"
	// SaysGoodbye: a servo that has greeted and ends in order says GOODBYE.
	SaysGoodbye Invariant = "says-goodbye"
	// KeepsToProtocol: requests have the form of the protocol.
	KeepsToProtocol Invariant = "keeps-to-protocol"
	// AnswersWhatWasAsked: progress and results are about the command that the
	// optimizer has given to this life of the servo last.
	AnswersWhatWasAsked Invariant = "answers-what-was-asked"
	// AnswersOnce: all tries of an answer are the same answer, so the
	// optimizer accepts at most one for a command.
	AnswersOnce Invariant = "answers-once"
	// SilentAfterwards: nothing follows about a command after its result was
	// taken or refused, or after the optimizer has given it up; only the
	// result after it was cancelled; and no progress behind a result.
	SilentAfterwards Invariant = "silent-afterwards"
	// KeepsAnswers: a command whose answer is in the journal is not carried out
	// again, and gets that answer.
	KeepsAnswers Invariant = "keeps-answers"
	// ReportsProgress: progress of a command is above 0 and below 100 percent
	// and never goes back.
	ReportsProgress Invariant = "reports-progress"
	// IntentFirst: a setting changes only under an intent in the journal.
	IntentFirst Invariant = "intent-first"
	// SettledAtTheGreeting: when a servo greets its optimizer every setting of
	// every connector is as it was last committed, or as it was at first if the
	// baseline is to be restored.
	SettledAtTheGreeting Invariant = "settled-at-the-greeting"
	// MeasuredSettled: all settings are as committed when a measurement begins,
	// and none changes while it runs.
	MeasuredSettled Invariant = "measured-settled"
	// SettledAtTheEnd: all settings are as committed when a servo ends in
	// order, unless a fault has kept it from that and the journal says so.
	SettledAtTheEnd Invariant = "settled-at-the-end"
	// AdjustmentsAgree: when an ADJUST is answered with ok, the application is
	// as it was told to be and as the answer says; with anything else, it is
	// as it was before, unless a fault has kept the servo from that.
	AdjustmentsAgree Invariant = "adjustments-agree"
	// EndsInTime: a servo that is asked to stop returns within its grace and
	// three seconds.
	EndsInTime Invariant = "ends-in-time"
	// EndsWhole: no goroutine is left and nothing is done after a servo has
	// returned.
	EndsWhole Invariant = "ends-whole"
	// WorksInCalm: without faults every command that makes sense succeeds, and
	// no other.
	WorksInCalm Invariant = "works-in-calm"
	// Explains: in the decision record every change of state continues the one
	// before and says why; when a life ended in order, every command has an
	// outcome and every entry of the journal its line.
	Explains Invariant = "explains"
	// KeepsSecrets: the token of the optimizer is in no byte of the log, the
	// record, the disk and the error of Run.
	KeepsSecrets Invariant = "keeps-secrets"
	// Progresses: the script of the optimizer comes to its end in time.
	Progresses Invariant = "progresses"
)
