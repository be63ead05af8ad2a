package record

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/internal/redact"
)

// DefaultMaxLine is the size in bytes of the longest line unless [Options] say
// otherwise; minMaxLine leaves room for everything but In and Out.
const (
	DefaultMaxLine = 256 << 10
	minMaxLine     = 4 << 10
	maxMaxLine     = 4 << 20 // what Read accepts
)

// Options of a [Log]. The zero value is fine.
type Options struct {
	// Servo is the name on lines whose entry and context have none.
	Servo string
	// Run identifies this run of the servo. Empty means a random text of 12
	// letters and digits.
	Run string
	// Secrets are texts that are replaced by "**********" wherever they stand, in
	// names, values, errors and numbers, also when they are escaped as in an
	// address or in JSON, or encoded in Base64 (from 6 bytes on). Empty ones count
	// for nothing. Give it every secret of the configuration.
	Secrets []string
	// Names are further names of secrets: the values of members, headers and
	// parameters called so are replaced, as are those whose name ends in token,
	// password, secret, authorization and the like anyway.
	Names []string
	// OnError is told when writing begins to fail, once until it works again. It
	// is called by the goroutine that adds, under the lock of the log, and must
	// not add to it. Nil means that nobody is told; see [Log.Dropped].
	OnError func(error)
	// MaxLine is the size in bytes of the longest line: 0 means DefaultMaxLine,
	// less than 4 KiB counts as 4 KiB, more than 4 MiB as 4 MiB. In and Out of a
	// longer one are replaced by a note that says so, and texts are cut.
	MaxLine int

	_ struct{}
}

// Log writes a record. Make one with [New]. A nil Log is ready to use: its
// methods do nothing and allocate nothing. All methods may be called from any
// goroutine.
type Log struct {
	out     io.Writer
	o       Options
	secrets *redact.Redactor

	mu      sync.Mutex
	seq     uint64
	dropped uint64
	failing bool
	torn    bool // the writer took a part of the last line
}

// New returns a log that writes to w, one call of Write for each line and never
// two at a time. For a file that rotates, give it one of [Open]. A nil w gives a nil Log.
func New(w io.Writer, o Options) *Log {
	if w == nil {
		return nil
	}
	if o.Run == "" {
		o.Run = strings.ToLower(rand.Text()[:12])
	}
	if o.MaxLine == 0 {
		o.MaxLine = DefaultMaxLine
	}
	o.MaxLine = min(max(o.MaxLine, minMaxLine), maxMaxLine)
	return &Log{out: w, o: o, secrets: redact.New(redact.Options{Names: o.Names, Texts: o.Secrets})}
}

// Enabled tells whether anything is written. Ask it before preparing an entry
// whose fields are expensive.
func (l *Log) Enabled() bool { return l != nil }

// Dropped tells how many lines the writer did not take. Their numbers are
// missing in the record.
func (l *Log) Dropped() uint64 {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

// Add writes an entry. It fills in what is missing: Servo and UID from the
// context (see [event.Servo], [event.Command]), Event, Phase and Source, when
// all three are empty, from the hook that is running (see [event.Current]); then
// Servo and Run from the options, Seq and Time when the line is written. In and
// Out are encoded before it returns and may be changed afterwards.
//
// It never fails or panics, whatever In and Out are and the writer does: see
// [Options].OnError. It does not look at the end of ctx, which may be nil.
func (l *Log) Add(ctx context.Context, e Entry) {
	if l == nil {
		return
	}
	l.add(ctx, &e)
}

// add is apart from Add so that a nil log does not pay for an entry on the heap.
func (l *Log) add(ctx context.Context, given *Entry) {
	e := *given
	l.complete(ctx, &e)
	b := getBuilder(l.secrets)
	defer b.free()
	b.body(&e, l.o.MaxLine-headRoom)

	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Seq == 0 {
		e.Seq = l.seq + 1
	}
	l.seq = max(l.seq, e.Seq)
	if e.Time.IsZero() || !writable(e.Time) {
		e.Time = time.Now()
	}
	l.write(b.line(e.Seq, e.Time, l.torn))
}

func (l *Log) complete(ctx context.Context, e *Entry) {
	if ctx != nil {
		if e.Servo == "" {
			e.Servo, _ = event.Servo(ctx)
		}
		if e.UID == "" {
			e.UID, _ = event.Command(ctx)
		}
		if e.Event == "" && e.Phase == "" && e.Source == "" {
			if c, ok := event.Current(ctx); ok {
				e.Event, e.Phase, e.Source = c.Event, c.Preposition.String(), c.Source
			}
		}
	}
	if e.Servo == "" {
		e.Servo = l.o.Servo
	}
	if e.Run == "" {
		e.Run = l.o.Run
	}
	if e.Kind == "" {
		e.Kind = Decision
	}
}

// write is called with the lock held.
func (l *Log) write(line []byte) {
	n, err := l.call(line)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	if err == nil {
		l.failing, l.torn = false, false
		return
	}
	l.dropped++
	l.torn = n > 0 || l.torn
	if !l.failing && l.o.OnError != nil {
		l.o.OnError(fmt.Errorf("writing the record: %w", err))
	}
	l.failing = true
}

// call turns a panic of the writer into an error.
func (l *Log) call(line []byte) (n int, err error) {
	defer func() {
		if v := recover(); v != nil {
			n, err = 0, fmt.Errorf("panic: %v", v)
		}
	}()
	return l.out.Write(line)
}
