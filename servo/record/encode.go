package record

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/servokit/servokit/internal/redact"
)

// headRoom is where the beginning of a line goes, which is known last:
// \n{"v":1,"seq":…,"time":"…"
const headRoom = 96

// builder makes one line. The body comes first and leaves room for the head, so
// that values are encoded outside of the lock that hands out the numbers.
type builder struct {
	secrets *redact.Redactor
	buf     []byte
}

var builders = sync.Pool{New: func() any { return new(builder) }}

func getBuilder(secrets *redact.Redactor) *builder {
	b, ok := builders.Get().(*builder)
	if !ok {
		b = new(builder)
	}
	b.secrets = secrets
	return b
}

func (b *builder) free() {
	const most = 64 << 10 // a giant line shall not stay in memory
	if cap(b.buf) <= most {
		b.secrets = nil
		builders.Put(b)
	}
}

// body writes everything but the head, in at most that many bytes.
func (b *builder) body(e *Entry, most int) {
	in, out := b.value(e.In), b.value(e.Out)
	b.compose(e, in, out, 0)
	// The larger of the two goes first; often that is enough.
	if b.size() > most && len(in) > max(len(out), maxNote) {
		in = truncated(in)
		b.compose(e, in, out, 0)
	}
	if b.size() > most && len(out) > maxNote {
		out = truncated(out)
		b.compose(e, in, out, 0)
	}
	if b.size() > most && len(in) > maxNote {
		in = truncated(in)
		b.compose(e, in, out, 0)
	}
	if b.size() > most { // then it is the texts
		short := *e
		short.Extra = nil
		b.compose(&short, in, out, (most-2*maxNote-fixed)/texts)
	}
}

const (
	texts   = 13  // how many fields of an Entry are texts
	fixed   = 400 // the names of all members, and the numbers
	maxNote = 1024
	excerpt = 128 // bytes of a value within the note that it was too large
)

func (b *builder) size() int { return len(b.buf) - headRoom }

// compose writes the body. Texts whose JSON is longer than limit are cut; 0 means never.
func (b *builder) compose(e *Entry, in, out []byte, limit int) {
	b.buf = append(b.buf[:0], make([]byte, headRoom)...)
	b.text("servo", e.Servo, limit)
	b.text("run", e.Run, limit)
	b.kind(e.Kind, limit)
	b.text("verb", e.Verb, limit)
	b.text("cmd_uid", e.UID, limit)
	b.text("event", e.Event, limit)
	b.text("phase", e.Phase, limit)
	b.text("source", e.Source, limit)
	b.text("subject", e.Subject, limit)
	b.text("from", e.From, limit)
	b.text("to", e.To, limit)
	b.text("why", e.Why, limit)
	b.text("error", e.Error, limit)
	b.seconds("took", e.Took)
	b.seconds("wait", e.Wait)
	b.number("try", e.Try)
	b.number("status", e.Status)
	b.raw("in", in)
	b.raw("out", out)
	if len(e.Extra) > 0 {
		for _, name := range slices.Sorted(maps.Keys(e.Extra)) {
			if !known[name] {
				b.extra(name, e.Extra[name])
			}
		}
	}
	b.buf = append(b.buf, '}', '\n')
}

// line puts the head in front of the body.
func (b *builder) line(seq uint64, at time.Time, torn bool) []byte {
	var room [headRoom]byte
	head := room[:0]
	if torn {
		head = append(head, '\n')
	}
	head = append(head, `{"v":`...)
	head = strconv.AppendInt(head, Version, 10)
	head = append(head, `,"seq":`...)
	head = strconv.AppendUint(head, seq, 10)
	head = append(head, `,"time":"`...)
	head = at.UTC().AppendFormat(head, time.RFC3339Nano)
	head = append(head, '"')
	start := headRoom - len(head)
	copy(b.buf[start:], head)
	return b.buf[start:]
}

// writable tells whether a time has a form in RFC 3339.
func writable(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 0 && year <= 9999
}

func (b *builder) member(name string) {
	b.buf = append(b.buf, ',', '"')
	b.buf = append(b.buf, name...)
	b.buf = append(b.buf, '"', ':')
}

func (b *builder) raw(name string, value []byte) {
	if len(value) > 0 {
		b.member(name)
		b.buf = append(b.buf, value...)
	}
}

// kind writes one of ours as it is, even if a secret is called the same.
func (b *builder) kind(kind Kind, limit int) {
	switch kind {
	case State, Command, Outcome, Dispatch, Hook, Send, Progress, Retry, Journal, Decision:
		b.member("kind")
		b.quote(string(kind), 0)
	default:
		b.text("kind", string(kind), limit)
	}
}

func (b *builder) text(name, text string, limit int) {
	if text != "" {
		b.member(name)
		b.quote(b.secrets.Text(text), limit)
	}
}

func (b *builder) number(name string, n int) {
	if n != 0 {
		b.member(name)
		b.buf = strconv.AppendInt(b.buf, int64(n), 10)
	}
}

func (b *builder) seconds(name string, d time.Duration) {
	if d != 0 {
		b.member(name)
		b.buf = appendSeconds(b.buf, d)
	}
}

// appendSeconds writes a duration in seconds, to the nanosecond, which a float64
// cannot do for long ones.
func appendSeconds(to []byte, d time.Duration) []byte {
	whole, rest := uint64(d/time.Second), uint64(d%time.Second)
	if d < 0 {
		to, whole, rest = append(to, '-'), -whole, -rest
	}
	to = strconv.AppendUint(to, whole, 10)
	if rest == 0 {
		return to
	}
	point := len(to)
	to = strconv.AppendUint(to, rest+uint64(time.Second), 10)
	to[point] = '.' // in place of the 1
	for to[len(to)-1] == '0' {
		to = to[:len(to)-1]
	}
	return to
}

func (b *builder) extra(name string, value json.RawMessage) {
	if !json.Valid(value) {
		return
	}
	if b.secrets.Secret(name) {
		value = json.RawMessage(`"` + redact.Mask + `"`)
	}
	b.buf = append(b.buf, ',')
	b.quote(b.secrets.Text(name), 0)
	b.buf = append(b.buf, ':')
	b.buf = b.secrets.AppendJSON(b.buf, value)
}

// quote writes a text as JSON, in at most limit bytes; 0 means any number.
func (b *builder) quote(text string, limit int) {
	start := len(b.buf)
	b.buf = appendQuoted(b.buf, text)
	if limit == 0 || len(b.buf)-start <= limit {
		return
	}
	note := "… (cut, " + strconv.Itoa(len(text)) + " bytes)"
	most := max(0, (limit-len(note)-2)/6) // no byte takes more than six
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	b.buf = appendQuoted(b.buf[:start], text[:most]+note)
}

func appendQuoted(to []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			data, err := json.Marshal(text)
			if err != nil {
				return append(to, '"', '"')
			}
			return append(to, data...)
		}
	}
	to = append(to, '"')
	to = append(to, text...)
	return append(to, '"')
}

// value encodes In or Out without the secrets in it; nil gives nothing.
func (b *builder) value(value any) []byte {
	switch x := value.(type) {
	case nil:
		return nil
	case json.RawMessage:
		if json.Valid(x) {
			return b.document(x)
		}
	case []byte:
		if json.Valid(x) {
			return b.document(x)
		}
		value = string(x)
	case error:
		value = redact.TextOf(x)
	}
	data, err := redact.Marshal(value)
	if err != nil {
		return note(map[string]any{"$record": "unencodable", "error": b.secrets.Text(err.Error())})
	}
	return b.document(data)
}

func (b *builder) document(data []byte) []byte {
	return b.secrets.AppendJSON(make([]byte, 0, len(data)+16), data)
}

// truncated says that a value was too large, and how it began.
func truncated(value []byte) []byte {
	begins := value[:min(len(value), excerpt)]
	for len(begins) > 0 && !utf8.Valid(begins) {
		begins = begins[:len(begins)-1]
	}
	return note(map[string]any{"$record": "truncated", "bytes": len(value), "begins": string(begins)})
}

// note encodes what takes the place of a value.
func note(members map[string]any) []byte {
	data, err := json.Marshal(members)
	if err != nil {
		return nil
	}
	return data
}
