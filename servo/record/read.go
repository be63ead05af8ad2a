package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Read returns the entries of a record in the order of its lines. It stops at
// the end of r, or with the error of r.
//
// A line that is none of a record gives an error that names its number; what
// comes after it is read if the caller goes on. A last line without an end is one
// that is being written, or was when its writer died: it is passed over when it
// is not whole. When the next run has written on behind such a torn line, there
// is an error for the torn one and the entry of the whole one. Empty lines are
// passed over. Members and kinds of newer versions with the same "v" are kept, in
// Extra and Kind; a line of another "v" is an error.
func Read(r io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		lines := bufio.NewReaderSize(r, 64<<10)
		for number := 1; ; number++ {
			line, ended, err := readLine(lines)
			if err != nil && !errors.Is(err, errTooLong) {
				if !errors.Is(err, io.EOF) {
					yield(Entry{}, fmt.Errorf("reading the record: line %d: %w", number, err))
				}
				return
			}
			if err == nil {
				if line = bytes.TrimSpace(line); len(line) == 0 {
					continue
				}
				var e Entry
				if e, err = decode(line); err == nil {
					if !yield(e, nil) {
						return
					}
					continue
				}
				if !ended && torn(line) && wholeWithin(line) < 0 {
					return
				}
			}
			if !yield(Entry{}, fmt.Errorf("reading the record: line %d: %w", number, err)) {
				return
			}
			if at := wholeWithin(line); at > 0 {
				if e, err := decode(line[at:]); err == nil && !yield(e, nil) {
					return
				}
			}
		}
	}
}

// maxRead bounds the memory for a line; a writer's bound is not larger.
const maxRead = maxMaxLine + 1024

var errTooLong = fmt.Errorf("longer than %d bytes, which no record is", maxRead)

// readLine returns the next line, and whether a newline ended it.
func readLine(r *bufio.Reader) (line []byte, ended bool, err error) {
	tooLong := false
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxRead {
			line, tooLong = nil, true
		}
		if !tooLong {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && (!errors.Is(err, io.EOF) || len(line) == 0 && !tooLong):
			return nil, false, err
		case tooLong:
			return nil, err == nil, errTooLong
		}
		return line, err == nil, nil
	}
}

// beginning of every line that a Log writes.
var beginning = []byte(`{"v":1,"seq":`)

// torn tells whether a line without an end is the beginning of one, rather than
// something else.
func torn(line []byte) bool {
	n := min(len(line), len(beginning))
	return bytes.Equal(line[:n], beginning[:n]) && !json.Valid(line)
}

// wholeWithin returns where in a line, not at its beginning, a whole line begins
// that reaches to the end; -1 if nowhere. Nothing within the values of a line can
// look like that, because there the braces around it follow.
func wholeWithin(line []byte) int {
	const tries = 16 // of which a torn line with records in its values needs some
	at := 0
	for range tries {
		if at+1 >= len(line) {
			break
		}
		next := bytes.Index(line[at+1:], beginning)
		if next < 0 {
			break
		}
		if at += 1 + next; json.Valid(line[at:]) {
			return at
		}
	}
	return -1
}

// member reads one member of a line into an entry.
type member func(*Entry, json.RawMessage) error

var (
	members = map[string]member{
		"seq": func(e *Entry, v json.RawMessage) (err error) {
			if e.Seq, err = strconv.ParseUint(string(v), 10, 64); err != nil {
				return errors.New("want a whole number, 0 or more")
			}
			return nil
		},
		"time": func(e *Entry, v json.RawMessage) error {
			text, err := textOf(v)
			if err != nil {
				return errors.New("want a time in RFC 3339")
			}
			if e.Time, err = time.Parse(time.RFC3339Nano, text); err != nil {
				return errors.New("want a time in RFC 3339")
			}
			e.Time = e.Time.UTC()
			return nil
		},
		"servo":   text(func(e *Entry) *string { return &e.Servo }),
		"run":     text(func(e *Entry) *string { return &e.Run }),
		"kind":    text(func(e *Entry) *string { return (*string)(&e.Kind) }),
		"verb":    text(func(e *Entry) *string { return &e.Verb }),
		"cmd_uid": text(func(e *Entry) *string { return &e.UID }),
		"event":   text(func(e *Entry) *string { return &e.Event }),
		"phase":   text(func(e *Entry) *string { return &e.Phase }),
		"source":  text(func(e *Entry) *string { return &e.Source }),
		"subject": text(func(e *Entry) *string { return &e.Subject }),
		"from":    text(func(e *Entry) *string { return &e.From }),
		"to":      text(func(e *Entry) *string { return &e.To }),
		"why":     text(func(e *Entry) *string { return &e.Why }),
		"error":   text(func(e *Entry) *string { return &e.Error }),
		"took":    seconds(func(e *Entry) *time.Duration { return &e.Took }),
		"wait":    seconds(func(e *Entry) *time.Duration { return &e.Wait }),
		"try":     number(func(e *Entry) *int { return &e.Try }),
		"status":  number(func(e *Entry) *int { return &e.Status }),
		"in":      func(e *Entry, v json.RawMessage) error { e.In = v; return nil },
		"out":     func(e *Entry, v json.RawMessage) error { e.Out = v; return nil },
	}
	known = func() map[string]bool {
		names := map[string]bool{"v": true}
		for name := range members {
			names[name] = true
		}
		return names
	}()
)

// decode reads one line, and says everything that is wrong with it.
func decode(line []byte) (Entry, error) {
	var found map[string]json.RawMessage
	if err := json.Unmarshal(line, &found); err != nil {
		return Entry{}, fmt.Errorf("not a JSON object: %w", err)
	}
	switch v, ok := found["v"]; {
	case !ok:
		return Entry{}, errors.New(`no "v", so it is no line of a record`)
	case string(v) != strconv.Itoa(Version):
		return Entry{}, fmt.Errorf(`"v" is %s: want %d, the version that this reader knows`, short(v), Version)
	}
	var e Entry
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(found)) {
		value := found[name]
		if read := members[name]; read != nil {
			if err := read(&e, value); err != nil {
				problems = append(problems, fmt.Errorf("%q is %s: %w", name, short(value), err))
			}
		} else if name != "v" {
			if e.Extra == nil {
				e.Extra = map[string]json.RawMessage{}
			}
			e.Extra[name] = value
		}
	}
	for _, name := range []string{"seq", "time", "kind"} {
		if _, ok := found[name]; !ok {
			problems = append(problems, fmt.Errorf("no %q", name))
		}
	}
	if len(problems) > 0 {
		var all []string
		for _, problem := range problems {
			all = append(all, problem.Error())
		}
		return Entry{}, errors.New(strings.Join(all, "; "))
	}
	return e, nil
}

func text(field func(*Entry) *string) member {
	return func(e *Entry, v json.RawMessage) (err error) {
		*field(e), err = textOf(v)
		return err
	}
}

func textOf(v json.RawMessage) (string, error) {
	var text string
	if len(v) == 0 || v[0] != '"' || json.Unmarshal(v, &text) != nil {
		return "", errors.New("want a text")
	}
	return text, nil
}

func number(field func(*Entry) *int) member {
	return func(e *Entry, v json.RawMessage) (err error) {
		if *field(e), err = strconv.Atoi(string(v)); err != nil {
			return errors.New("want a whole number")
		}
		return nil
	}
}

func seconds(field func(*Entry) *time.Duration) member {
	return func(e *Entry, v json.RawMessage) error {
		if d, err := time.ParseDuration(string(v) + "s"); err == nil {
			*field(e) = d
			return nil
		}
		s, err := strconv.ParseFloat(string(v), 64) // with an exponent
		nanos := math.Round(s * float64(time.Second))
		if err != nil || math.Abs(nanos) >= math.MaxInt64 {
			return errors.New("want a number of seconds, at most 292 years")
		}
		*field(e) = time.Duration(nanos)
		return nil
	}
}

// short returns the beginning of a value, for errors.
func short(v json.RawMessage) string {
	const most = 40
	if len(v) <= most {
		return string(v)
	}
	return strings.ToValidUTF8(string(v[:most]), "") + "…"
}
