package servotest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/servo/journal/journaltest"
)

// world is everything outside of the servo: what survives its lives.
type world struct {
	o       Options
	began   time.Time
	token   string
	weather weather
	disk    *journaltest.Disk
	failed  chan struct{} // closed at the first violation
	done    chan struct{} // closed when the script of the optimizer is through

	recovery servo.Recovery
	interval time.Duration
	grace    time.Duration

	mu    sync.Mutex // over all that follows, and the state of lives
	model *model
	apps  []*application
	truth truth

	crashes, excused int

	tracing    sync.Mutex
	trace      []line
	counts     map[string]int
	violations []Violation
}

// line is an event of the trace. Lines of one actor are in order; of two actors
// that did something at the same instant nobody can say who was first.
type line struct {
	at    time.Duration
	actor string
	n     int
	text  string
}

func (l line) String() string { return fmt.Sprintf("%14s  %-12s %s", l.at, l.actor, l.text) }

// rand returns a source of chance of its own for a purpose, so that what runs at
// the same time does not depend on who comes first.
func (w *world) rand(purpose string, n ...int) *rand.Rand {
	return rand.New(w.source(purpose, n...))
}

func (w *world) source(purpose string, n ...int) rand.Source {
	h := fnv.New64a()
	_, _ = h.Write([]byte(purpose)) // never fails
	for _, i := range n {
		_, _ = h.Write([]byte("/" + strconv.Itoa(i)))
	}
	return rand.NewPCG(w.o.Seed, h.Sum64())
}

func (w *world) elapsed() time.Duration { return time.Since(w.began) }

func (w *world) note(actor, format string, args ...any) {
	w.tracing.Lock()
	defer w.tracing.Unlock()
	w.counts[actor]++
	w.trace = append(w.trace, line{w.elapsed(), actor, w.counts[actor], fmt.Sprintf(format, args...)})
}

// violate notes a broken invariant. The first one ends the simulation: what
// follows from it would only distract.
func (w *world) violate(l *Life, broken Invariant, format string, args ...any) {
	v := Violation{Invariant: broken, Message: fmt.Sprintf(format, args...), At: w.elapsed()}
	if l != nil {
		v.Life = l.n
	}
	w.note("invariant", "BROKEN %s: %s", v.Invariant, v.Message)
	w.tracing.Lock()
	defer w.tracing.Unlock()
	if w.violations = append(w.violations, v); len(w.violations) == 1 {
		close(w.failed)
	}
}

func (w *world) broken() bool {
	select {
	case <-w.failed:
		return true
	default:
		return false
	}
}

// ordered returns the trace in an order that does not depend on the scheduler.
func (w *world) ordered() []line {
	w.tracing.Lock()
	defer w.tracing.Unlock()
	lines := slices.Clone(w.trace)
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.actor, b.actor), cmp.Compare(a.n, b.n))
	})
	return lines
}

func hash(lines []line) string {
	h := sha256.New()
	for _, l := range lines {
		_, _ = fmt.Fprintln(h, int64(l.at), l.actor, l.text) // never fails
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// between draws a duration to the nanosecond, so that two things hardly ever
// happen at the same instant by chance.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)+1))
}

func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }
