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
	forms := []string{text, url.QueryEscape(text), url.PathEscape(text), inner(strconv.Quote(text))}
	for _, html := range []bool{true, false} { // of JSON within a text, and of that within a text
		once := escaped(text, html)
		forms = append(forms, once, escaped(once, html))
	}
	if len(text) >= minEncoded {
		forms = append(forms, encoded(text, base64.RawStdEncoding)...)
		forms = append(forms, encoded(text, base64.RawURLEncoding)...)
	}
	return forms
}

func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// escaped returns a text as it stands between the quotes of JSON.
func escaped(text string, html bool) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(html)
	if encoder.Encode(text) != nil { // a text can always be encoded
		return text
	}
	return inner(strings.TrimSuffix(out.String(), "\n"))
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
	if len(e.forms) > 0 && e.in([]byte(text)) {
		return e.replacer.Replace(text)
	}
	return text
}

func (e *exact) in(text []byte) bool {
	for i := len(e.forms) - 1; i >= 0 && len(e.forms[i]) <= len(text); i-- {
		if bytes.Contains(text, e.forms[i]) {
			return true
		}
	}
	return false
}
