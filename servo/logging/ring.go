package logging

import (
	"log/slog"
	"sync"
	"time"
)

// Defaults of [NewRing].
const (
	defaultRingRecords = 8192
	defaultRingBytes   = 1 << 20
)

// Ring keeps the latest lines of the log in memory, for diagnostics. It never
// holds more than its bounds say: the oldest lines make room. All its memory is
// taken when it is made, so that writing allocates nothing; its methods may be
// called at any time from any goroutine. It keeps what its handlers are given,
// so put a [NewRedactHandler] in front of them.
type Ring struct {
	mu      sync.Mutex
	data    []byte
	next    int // where the next line goes in data
	used    int
	entries []ringEntry
	first   int // the oldest entry
	count   int
	dropped uint64
}

type ringEntry struct {
	at           time.Time
	level        slog.Level
	start, bytes int
}

// Entry is one record in a [Ring].
type Entry struct {
	Time  time.Time
	Level slog.Level
	Text  string // as a text handler writes it, without the last newline
}

// NewRing returns an empty ring of at most that many records and bytes of text;
// zero or less means 8192 records and 1 MiB.
func NewRing(records, bytes int) *Ring {
	if records <= 0 {
		records = defaultRingRecords
	}
	if bytes <= 0 {
		bytes = defaultRingBytes
	}
	return &Ring{data: make([]byte, bytes), entries: make([]ringEntry, records)}
}

// Handler returns a handler that writes lines into the ring, in the form of
// [NewTextHandler] and without colours. It never fails. A line that is larger
// than the whole ring is cut.
func (r *Ring) Handler(o *Options) slog.Handler {
	options := o.orDefault()
	options.Color = false
	return newTextHandler(r, options)
}

func (r *Ring) put(at time.Time, level slog.Level, line []byte) error {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	line = line[:min(len(line), len(r.data))]
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.count == len(r.entries) || r.used+len(line) > len(r.data) {
		r.used -= r.entries[r.first].bytes
		r.first = (r.first + 1) % len(r.entries)
		r.count--
		r.dropped++
	}
	r.entries[(r.first+r.count)%len(r.entries)] = ringEntry{at, level, r.next, len(line)}
	r.count++
	r.used += len(line)
	copied := copy(r.data[r.next:], line)
	copy(r.data, line[copied:])
	r.next = (r.next + len(line)) % len(r.data)
	return nil
}

// Entries returns the records since a time, oldest first; the zero time stands
// for all. Records are in the order in which they were written.
func (r *Ring) Entries(since time.Time) []Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []Entry
	for i := range r.count {
		e := r.entries[(r.first+i)%len(r.entries)]
		if e.at.Before(since) {
			continue
		}
		text := make([]byte, e.bytes)
		copied := copy(text, r.data[e.start:])
		copy(text[copied:], r.data)
		found = append(found, Entry{Time: e.at, Level: e.level, Text: string(text)})
	}
	return found
}

// Dropped tells how many records have made room for later ones.
func (r *Ring) Dropped() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}
