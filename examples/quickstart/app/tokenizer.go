package main

import (
	"unicode"
	"unicode/utf8"
)

const (
	minTermBytes = 2
	maxTermBytes = 40
)

// A tokenizer cuts text into search terms. Identifiers are split where a
// reader would split them (ReadAll and read_all are both "read", "all";
// HTTPServer is "http", "server"), letters are lowered, a plural s is dropped,
// and numbers, stop words and words of one letter are left out. It allocates
// nothing: the term it returns is only valid until the next call.
type tokenizer struct {
	text string
	pos  int
	term []byte
}

func (t *tokenizer) reset(text string) {
	t.text, t.pos = text, 0
}

// next returns the following term and where it is in the text, as byte
// offsets. It returns a nil term at the end of the text.
func (t *tokenizer) next() (term []byte, start, end int) {
	for t.pos < len(t.text) {
		start, end = t.word()
		if start == end {
			continue
		}
		if term := t.accept(); term != nil {
			return term, start, end
		}
	}
	return nil, 0, 0
}

// word moves over one word, or over one character that belongs to none, and
// leaves the lowered word in t.term.
func (t *tokenizer) word() (start, end int) {
	t.term = t.term[:0]
	start = t.pos
	var previous kind
	for t.pos < len(t.text) {
		r, size := rune(t.text[t.pos]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(t.text[t.pos:])
		}
		current := kindOf(r)
		switch {
		case current == separator:
			end = t.pos
			t.pos += size
			return start, end
		case current == upper && previous == lower:
			return start, t.pos
		case current == lower && previous == upper && t.pos-start > 1 && t.lastIsASCII():
			// HTTPServer: the S opens the next word.
			t.pos--
			t.term = t.term[:len(t.term)-1]
			return start, t.pos
		}
		if r < utf8.RuneSelf {
			if current == upper {
				r += 'a' - 'A'
			}
			t.term = append(t.term, byte(r))
		} else {
			t.term = utf8.AppendRune(t.term, unicode.ToLower(r))
		}
		t.pos += size
		if current != digit {
			previous = current
		}
	}
	return start, t.pos
}

func (t *tokenizer) lastIsASCII() bool {
	return t.text[t.pos-1] < utf8.RuneSelf && kindOf(rune(t.text[t.pos-1])) == upper
}

// accept returns the word in its indexed form, or nil when it is not indexed.
func (t *tokenizer) accept() []byte {
	term := t.term
	if len(term) < minTermBytes || len(term) > maxTermBytes || term[0] >= '0' && term[0] <= '9' {
		return nil
	}
	if len(term) > 3 && term[len(term)-1] == 's' {
		switch term[len(term)-2] {
		case 's', 'u', 'i':
		default:
			term = term[:len(term)-1]
		}
	}
	switch string(term) {
	case "an", "and", "are", "as", "at", "be", "by", "in", "is", "it", "of", "or", "that", "the", "this", "to", "with":
		return nil
	}
	return term
}

type kind uint8

const (
	separator kind = iota
	lower
	upper
	digit
)

var asciiKinds = func() (kinds [utf8.RuneSelf]kind) {
	for r := range kinds {
		switch {
		case r >= 'a' && r <= 'z':
			kinds[r] = lower
		case r >= 'A' && r <= 'Z':
			kinds[r] = upper
		case r >= '0' && r <= '9':
			kinds[r] = digit
		}
	}
	return kinds
}()

func kindOf(r rune) kind {
	if r < utf8.RuneSelf {
		return asciiKinds[r]
	}
	switch {
	case unicode.IsUpper(r):
		return upper
	case unicode.IsLetter(r):
		return lower
	case unicode.IsDigit(r):
		return digit
	}
	return separator
}

// maxQueryTerms bounds the work that one request can ask for.
const maxQueryTerms = 16

// queryTerms returns the distinct terms of a query in the order given, at
// most maxQueryTerms of them.
func queryTerms(query string) []string {
	var terms []string
	t := tokenizer{text: query}
next:
	for len(terms) < maxQueryTerms {
		term, _, _ := t.next()
		if term == nil {
			break
		}
		for _, seen := range terms {
			if seen == string(term) {
				continue next
			}
		}
		terms = append(terms, string(term))
	}
	return terms
}
