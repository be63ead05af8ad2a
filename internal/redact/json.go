package redact

import (
	"bytes"
	"encoding/json"
)

// AppendJSON appends a JSON document without the secrets in it and without blanks
// between its tokens, and returns the extended buffer. Nothing else changes: members keep their
// order and numbers their digits. The value of a member whose name is that of a
// secret becomes [Mask], unless it is null, a truth value or empty text; so does
// the "value" of an object whose "name" or "key" is such a name. The document
// must be valid; of one that is not, only the beginning is appended.
func (r *Redactor) AppendJSON(to, document []byte) []byte {
	s := scanner{r: r, from: document, to: to}
	s.value()
	return s.to
}

type scanner struct {
	r    *Redactor
	from []byte
	at   int
	to   []byte
}

// next returns the next byte that is no blank, without consuming it; 0 at the end.
func (s *scanner) next() byte {
	for s.at < len(s.from) {
		switch c := s.from[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) take() {
	s.to = append(s.to, s.from[s.at])
	s.at++
}

func (s *scanner) value() {
	switch s.next() {
	case 0:
	case '{':
		s.object()
	case '[':
		s.array()
	case '"':
		s.text(s.string())
	default:
		start := s.at
		for s.at < len(s.from) && !ends(s.from[s.at]) {
			s.at++
		}
		if s.at == start { // not JSON
			s.at = len(s.from)
			return
		}
		literal := s.from[start:s.at]
		if s.r.exact.in(literal) && literal[0] != 't' && literal[0] != 'f' && literal[0] != 'n' {
			s.to = append(s.to, quotedMask...)
			return
		}
		s.to = append(s.to, literal...)
	}
}

const quotedMask = `"` + Mask + `"`

func ends(c byte) bool {
	switch c {
	case ',', ']', '}', ':', '[', '{', '"', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

func (s *scanner) array() {
	s.take()
	for {
		switch s.next() {
		case 0:
			return
		case ']':
			s.take()
			return
		case ',':
			s.take()
		default:
			s.value()
		}
	}
}

func (s *scanner) object() {
	s.take()
	named := false      // a member says that this is about a secret
	var values [][2]int // where the values of such an object stand in to
	for {
		switch s.next() {
		case 0:
			return
		case '}':
			s.take()
			for i := len(values) - 1; i >= 0 && named; i-- {
				s.conceal(values[i][0], values[i][1])
			}
			return
		case '"':
			raw := s.string()
			name := decode(raw)
			s.text(raw)
			if s.next() != ':' {
				s.at = len(s.from)
				return
			}
			s.take()
			s.next()
			from, start := s.at, len(s.to)
			s.value()
			switch {
			case secretName(s.r, name):
				s.conceal(start, len(s.to))
			case isName(name) && from < len(s.from) && s.from[from] == '"':
				named = named || secretName(s.r, decode(s.from[from:s.at]))
			case isValue(name):
				values = append(values, [2]int{start, len(s.to)})
			}
		default: // a comma
			s.take()
		}
	}
}

func isName(member []byte) bool {
	switch string(member) {
	case "name", "Name", "key", "Key":
		return true
	}
	return false
}

func isValue(member []byte) bool {
	switch string(member) {
	case "value", "Value", "values", "Values":
		return true
	}
	return false
}

// conceal replaces what was written between two places, unless it says nothing.
func (s *scanner) conceal(start, end int) {
	switch string(s.to[start:end]) {
	case "", "null", "true", "false", `""`, "[]", "{}":
		return
	}
	rest := append([]byte(quotedMask), s.to[end:]...)
	s.to = append(s.to[:start], rest...)
}

// string consumes a text and returns it with its quotes.
func (s *scanner) string() []byte {
	start := s.at
	for s.at++; s.at < len(s.from); s.at++ {
		switch s.from[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return s.from[start:s.at]
		}
	}
	s.at = len(s.from)
	return s.from[start:]
}

// text writes a text, given with its quotes.
func (s *scanner) text(raw []byte) {
	if !s.clean(raw) {
		text := string(decode(raw))
		if masked := s.r.Text(text); masked != text {
			data, err := json.Marshal(masked)
			if err != nil {
				data = []byte(quotedMask)
			}
			s.to = append(s.to, data...)
			return
		}
	}
	s.to = append(s.to, raw...)
}

// clean tells whether a text needs no closer look.
func (s *scanner) clean(raw []byte) bool {
	return bytes.IndexByte(raw, '\\') < 0 && hintsIn(raw) == 0 && !s.r.exact.in(raw)
}

// decode returns the text that raw spells, often as a part of raw.
func decode(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') >= 0 {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			return []byte(text)
		}
	}
	if len(raw) < 2 {
		return raw
	}
	return raw[1 : len(raw)-1]
}
