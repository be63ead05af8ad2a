package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// exact finds given texts, as they are and in the forms in which they travel.
type exact struct {
	forms    [][]byte // longest first
	replacer *strings.Replacer
}

func newExact(texts []string) exact {
	var forms []string
	for _, text := range texts {
		forms = append(forms, formsOf(text)...)
		forms = append(forms, formsOf(strings.TrimSpace(text))...)
	}
	slices.SortFunc(forms, func(x, y string) int {
		if len(x) != len(y) {
			return len(y) - len(x)
		}
		return strings.Compare(x, y)
	})
	var e exact
	var pairs []string
	for _, form := range slices.Compact(forms) {
		e.forms = append(e.forms, []byte(form))
		pairs = append(pairs, form, Mask)
	}
	if len(pairs) > 0 {
		e.replacer = strings.NewReplacer(pairs...)
	}
	return e
}

func formsOf(text string) []string {
	if text == "" {
		return nil
	}
	inner := func(quoted string) string { return quoted[1 : len(quoted)-1] }
	forms := []string{text, url.QueryEscape(text), url.PathEscape(text), inner(strconv.Quote(text))}
	if data, err := json.Marshal(text); err == nil { // of JSON within a text
		forms = append(forms, inner(string(data)))
	}
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(text) == nil {
		forms = append(forms, inner(strings.TrimSuffix(plain.String(), "\n")))
	}
	if len(text) >= minEncoded {
		forms = append(forms, encoded(text, base64.RawStdEncoding)...)
		forms = append(forms, encoded(text, base64.RawURLEncoding)...)
	}
	return forms
}

// minEncoded is the length of the shortest text that is looked for in Base64.
// Pieces of less would be found in innocent texts.
const minEncoded = 6

// encoded returns what a text looks like in the midst of something in Base64,
// which depends on how many bytes stand before it: the characters that depend
// on the text alone.
func encoded(text string, encoding *base64.Encoding) []string {
	forms := make([]string, 0, 3)
	for before := range 3 {
		form := encoding.EncodeToString(append(make([]byte, before), text...))
		if (before+len(text))%3 != 0 {
			form = form[:len(form)-1] // it has bits of what follows
		}
		forms = append(forms, form[(before*8+5)/6:])
	}
	return forms
}

func (e *exact) replace(text string) string {
	if e.replacer == nil {
		return text
	}
	return e.replacer.Replace(text)
}

func (e *exact) in(text []byte) bool {
	for _, form := range e.forms {
		if bytes.Contains(text, form) {
			return true
		}
	}
	return false
}
