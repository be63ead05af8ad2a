package logging

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/servokit/servokit/internal/redact"
)

// printer builds one line and what follows below it.
type printer struct {
	line, block, prefix []byte
	color               bool
}

var printers sync.Pool

func getPrinter() *printer {
	if p, ok := printers.Get().(*printer); ok {
		return p
	}
	return new(printer)
}

func (p *printer) free() {
	const most = 64 << 10 // a giant record shall not stay in memory
	if cap(p.line) > most || cap(p.block) > most {
		return
	}
	p.line, p.block, p.prefix, p.color = p.line[:0], p.block[:0], p.prefix[:0], false
	printers.Put(p)
}

func (p *printer) on(color string) {
	if p.color {
		p.line = append(p.line, color...)
	}
}

func (p *printer) off() { p.on(colorOff) }

func (p *printer) separator() { p.line = append(p.line, " | "...) }

func (p *printer) component(w who, several bool) {
	several = several && w.servo != ""
	if several {
		p.safe(w.servo)
		p.line = append(p.line, '(')
	}
	switch {
	case w.component != "":
		p.safe(w.component)
	case w.connector != "":
		p.safe(w.connector)
	default:
		p.line = append(p.line, "servo"...)
	}
	if w.event != "" {
		p.line = append(p.line, '[')
		p.safe(w.event)
		p.line = append(p.line, ']')
	}
	if several {
		p.line = append(p.line, ')')
	}
}

// safe writes text with everything escaped that could leave the line.
func (p *printer) safe(text string) { p.line = appendSafe(p.line, text) }

func appendSafe(to []byte, text string) []byte {
	if strings.IndexFunc(text, unsafeRune) < 0 {
		return append(to, text...)
	}
	for i, r := range text {
		if !unsafeRune(r) {
			to = utf8.AppendRune(to, r)
			continue
		}
		if _, size := utf8.DecodeRuneInString(text[i:]); r == utf8.RuneError && size == 1 {
			to = fmt.Appendf(to, `\x%02x`, text[i])
			continue
		}
		quoted := strconv.QuoteRune(r)
		to = append(to, quoted[1:len(quoted)-1]...)
	}
	return to
}

func unsafeRune(r rune) bool {
	return r == utf8.RuneError || r < ' ' || r > '~' && !unicode.IsPrint(r)
}

func (p *printer) attr(a slog.Attr) {
	v := a.Value.Resolve()
	if a.Key == "" && v.Equal(slog.Value{}) {
		return
	}
	if v.Kind() == slog.KindGroup {
		members := v.Group()
		if len(members) == 0 {
			return
		}
		length := len(p.prefix)
		if a.Key != "" {
			p.prefix = append(append(p.prefix, a.Key...), '.')
		}
		for _, member := range members {
			p.attr(member)
		}
		p.prefix = p.prefix[:length]
		return
	}
	if below(a.Key) {
		if text := textOf(v); strings.Contains(text, "\n") {
			p.below(a.Key, text)
			return
		}
	}
	p.line = append(p.line, ' ')
	p.key(string(p.prefix), a.Key)
	p.line = append(p.line, '=')
	p.value(v)
}

func (p *printer) key(prefix, key string) {
	if prefix != "" && !plain(prefix) || !plain(key) {
		p.line = strconv.AppendQuote(p.line, prefix+key)
		return
	}
	p.line = append(append(p.line, prefix...), key...)
}

// below tells which texts may have several lines.
func below(key string) bool {
	return key == "error" || key == "err" || key == "exception" || key == tracebackKey
}

func (p *printer) below(key, text string) {
	p.block = append(p.block, "  "...)
	p.block = appendSafe(appendSafe(p.block, string(p.prefix)), key)
	p.block = append(p.block, ":\n"...)
	for line := range strings.SplitSeq(strings.TrimRight(text, "\r\n"), "\n") {
		p.block = append(p.block, "    "...)
		for strings.HasPrefix(line, "\t") { // of stacks
			p.block, line = append(p.block, "  "...), line[1:]
		}
		p.block = append(appendSafe(p.block, strings.TrimSuffix(line, "\r")), '\n')
	}
}

func (p *printer) value(v slog.Value) {
	switch v.Kind() {
	case slog.KindInt64:
		p.line = strconv.AppendInt(p.line, v.Int64(), 10)
	case slog.KindUint64:
		p.line = strconv.AppendUint(p.line, v.Uint64(), 10)
	case slog.KindFloat64:
		p.line = strconv.AppendFloat(p.line, v.Float64(), 'g', -1, 64)
	case slog.KindBool:
		p.line = strconv.AppendBool(p.line, v.Bool())
	case slog.KindTime:
		p.line = v.Time().AppendFormat(p.line, time.RFC3339Nano)
	default:
		if text := textOf(v); plain(text) {
			p.line = append(p.line, text...)
		} else {
			p.line = strconv.AppendQuote(p.line, text)
		}
	}
}

// plain tells whether text can stand without quotes.
func plain(text string) bool {
	for _, r := range text {
		if r <= ' ' || r == '"' || r == '=' || unsafeRune(r) {
			return false
		}
	}
	return text != ""
}

// textOf never panics, whatever the methods of a value do.
func textOf(v slog.Value) string {
	if v.Kind() != slog.KindAny {
		return v.String()
	}
	return redact.TextOf(v.Any())
}
