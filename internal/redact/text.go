package redact

import (
	"regexp"
	"strings"
)

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

// Secret tells whether name is that of a secret: it is, or ends in, one of the
// usual words, in any case and with any punctuation ("X-SF-Token",
// "client_secret"), or it is one of the names that were added.
func (r *Redactor) Secret(name string) bool {
	var room [64]byte
	key := normal(room[:0], name)
	for _, ending := range endings {
		if len(key) >= len(ending) && string(key[len(key)-len(ending):]) == ending {
			return true
		}
	}
	return r.names[string(key)]
}

const telling = `(?i)((?:token|passw(?:or)?d|passphrase|secret|credentials?|(?:api|access|private|secret)[_-]?key)\\?"?)`

// What secrets look like within a text. Quotes may be escaped, in a text within
// a text.
var (
	bearer   = regexp.MustCompile(`(?i)\b(bearer)([ \t]+|%20|\+)([A-Za-z0-9\-._~+/]+=*)`)
	header   = regexp.MustCompile(`(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]*(?:token|key|secret))(\\?"?\s*[:=]\s*)(\*{10}|\[[^\]]*\]|\\?"(?:[^"\\]|\\[^"])*\\?"|[^\r\n\]}"]+)`)
	quoted   = regexp.MustCompile(telling + `(\s*[:=]\s*)(\\?"(?:[^"\\]|\\[^"])*\\?"|'[^']*'|\[[^\]]*\])`)
	pair     = regexp.MustCompile(telling + `(\s*=\s*|:)([^\s,;&"'\\})\]\[]+)`)
	userinfo = regexp.MustCompile(`(://[^/\s:@"]*:)([^/\s@"]+)(@)`)
)

// Text returns a text without the secrets in it. A text without any costs no
// allocation.
func (r *Redactor) Text(text string) string {
	text = r.exact.replace(text)
	if !suspicious(text) {
		return text
	}
	text = header.ReplaceAllString(text, "${1}${2}"+Mask)
	text = bearer.ReplaceAllStringFunc(text, func(found string) string {
		parts := bearer.FindStringSubmatch(found)
		switch strings.ToLower(strings.TrimRight(parts[3], ".")) {
		case "token", "tokens", "auth", "authentication", "authorization": // prose
			return found
		}
		return parts[1] + parts[2] + Mask
	})
	text = quoted.ReplaceAllString(text, "${1}${2}"+Mask)
	text = pair.ReplaceAllString(text, "${1}${2}"+Mask)
	return userinfo.ReplaceAllString(text, "${1}"+Mask+"${3}")
}

// suspicious tells, without an allocation, whether a text may hold a secret. It
// knows a part of every word in the expressions above.
func suspicious[T string | []byte](text T) bool {
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
			if len(text)-i >= len(word) && strings.EqualFold(string(text[i:i+len(word)]), word) {
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
