package logging

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"
)

// mask stands for a secret, as it does in package config.
const mask = "**********"

// secretNames knows secrets by the names beside them.
type secretNames struct{ extra map[string]bool }

// endings of names of secrets, without punctuation and in lower case.
var endings = []string{
	"authorization", "cookie", "token", "password", "passwd", "passphrase", "secret", "secretkey",
	"apikey", "accesskey", "privatekey", "credential", "credentials",
}

// normal appends the letters and digits of a name in lower case.
func normal(to []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'A' && c <= 'Z':
			to = append(to, c|0x20)
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c >= 0x80:
			to = append(to, c)
		}
	}
	return to
}

func (s secretNames) secret(name string) bool {
	var room [64]byte
	key := normal(room[:0], name)
	for _, ending := range endings {
		if len(key) >= len(ending) && string(key[len(key)-len(ending):]) == ending {
			return true
		}
	}
	return s.extra[string(key)]
}

const telling = `(?i)((?:token|passw(?:or)?d|passphrase|secret|credentials?|(?:api|access|private|secret)[_-]?key)\\?"?)`

// What secrets look like within a text. Quotes may be escaped, in a text within
// a text.
var (
	bearer   = regexp.MustCompile(`(?i)\b(bearer)([ \t]+|%20|\+)([A-Za-z0-9\-._~+/]+=*)`)
	header   = regexp.MustCompile(`(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]*(?:token|key|secret))(\\?"?\s*[:=]\s*)(\[[^\]]*\]|\\?"(?:[^"\\]|\\[^"])*\\?"|[^\r\n\]}"]+)`)
	quoted   = regexp.MustCompile(telling + `(\s*[:=]\s*)(\\?"(?:[^"\\]|\\[^"])*\\?"|'[^']*'|\[[^\]]*\])`)
	pair     = regexp.MustCompile(telling + `(\s*=\s*|:)([^\s,;&"'\\})\]\[]+)`)
	userinfo = regexp.MustCompile(`(://[^/\s:@"]*:)([^/\s@"]+)(@)`)
)

// text returns a text without the secrets in it.
func (s secretNames) text(text string) string {
	if !suspicious(text) {
		return text
	}
	text = header.ReplaceAllString(text, "${1}${2}"+mask)
	text = bearer.ReplaceAllStringFunc(text, func(found string) string {
		parts := bearer.FindStringSubmatch(found)
		switch strings.ToLower(strings.TrimRight(parts[3], ".")) {
		case "token", "tokens", "auth", "authentication", "authorization": // prose
			return found
		}
		return parts[1] + parts[2] + mask
	})
	text = quoted.ReplaceAllString(text, "${1}${2}"+mask)
	text = pair.ReplaceAllString(text, "${1}${2}"+mask)
	return userinfo.ReplaceAllString(text, "${1}"+mask+"${3}")
}

// suspicious tells, without an allocation, whether a text may hold a secret. It
// knows a part of every word in the expressions above.
func suspicious(text string) bool {
	for i := range len(text) {
		var words []string
		switch text[i] | 0x20 {
		case 'b':
			words = wordsB
		case 'a':
			words = wordsA
		case 'c':
			words = wordsC
		case 'p':
			words = wordsP
		case 's':
			words = wordsS
		case 't':
			words = wordsT
		case 'k':
			words = wordsK
		case ':':
			words = wordsURL
		default:
			continue
		}
		for _, word := range words {
			if len(text)-i >= len(word) && strings.EqualFold(text[i:i+len(word)], word) {
				return true
			}
		}
	}
	return false
}

var (
	wordsA   = []string{"authorization"}
	wordsB   = []string{"bearer"}
	wordsC   = []string{"cookie", "credential"}
	wordsK   = []string{"key"}
	wordsP   = []string{"passw", "passphrase"}
	wordsS   = []string{"secret"}
	wordsT   = []string{"token"}
	wordsURL = []string{"://"}
)

// any returns a value without the secrets in it, and whether it is another one.
// The original is never changed.
func (s secretNames) any(value any) (any, bool) {
	switch x := value.(type) {
	case nil, *slog.Source, slog.Level:
		return value, false
	case http.Header:
		masked, changed := s.lists(x)
		return http.Header(masked), changed
	case url.Values:
		masked, changed := s.lists(x)
		return url.Values(masked), changed
	case map[string][]string:
		return s.lists(x)
	case []byte:
		text := s.text(string(x))
		return text, text != string(x)
	case error:
		text := textOf(slog.AnyValue(x))
		masked := s.text(text)
		return masked, masked != text
	case *url.URL:
		if x == nil {
			return value, false
		}
		text := x.String()
		masked := s.text(text)
		return masked, masked != text
	}
	switch reflect.TypeOf(value).Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice, reflect.Array, reflect.Pointer, reflect.Interface, reflect.String:
		return s.composite(value)
	default: // numbers and what prints as an address
		return value, false
	}
}

// lists redacts what maps names to texts.
func (s secretNames) lists(values map[string][]string) (map[string][]string, bool) {
	masked := make(map[string][]string, len(values))
	changed := false
	for name, list := range values {
		secret := s.secret(name)
		copied := make([]string, len(list))
		for i, text := range list {
			if copied[i] = s.text(text); secret && text != "" {
				copied[i] = mask
			}
			changed = changed || copied[i] != text
		}
		masked[name] = copied
	}
	return masked, changed
}

// composite looks at what handlers would make of a value: its text and its JSON.
// If there is a secret in either, the redacted form takes its place.
func (s secretNames) composite(value any) (any, bool) {
	text := textOf(slog.AnyValue(value))
	masked := s.text(text)
	changed := masked != text
	if data, err := marshal(value); err == nil {
		var tree any
		if json.Unmarshal(data, &tree) == nil {
			if clean, other := s.tree(tree); other || changed {
				return clean, true
			}
			return value, false
		}
	}
	return masked, changed
}

// tree redacts decoded JSON, which is ours and can be changed.
func (s secretNames) tree(node any) (any, bool) {
	changed := false
	switch x := node.(type) {
	case string:
		text := s.text(x)
		return text, text != x
	case []any:
		for i, member := range x {
			var other bool
			x[i], other = s.tree(member)
			changed = changed || other
		}
	case map[string]any:
		for name, member := range x {
			_, truth := member.(bool)
			if s.secret(name) && member != nil && !truth && member != "" && member != mask {
				x[name], changed = mask, true
				continue
			}
			clean, other := s.tree(member)
			x[name], changed = clean, changed || other
		}
	}
	return node, changed
}

// marshal is json.Marshal without the panics of methods.
func marshal(value any) (data []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return json.Marshal(value)
}
