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
func normal[T string | []byte](to []byte, name T) []byte {
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
func (r *Redactor) Secret(name string) bool { return secretName(r, name) }

func secretName[T string | []byte](r *Redactor, name T) bool {
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
	userinfo = regexp.MustCompile(`(://[^/\s:@"]*:)([^/\s"]+)(@)`)
)

// Text returns a text without the secrets in it. A text without any costs no
// allocation.
func (r *Redactor) Text(text string) string {
	text = r.exact.replace(text)
	found := hintsIn(text)
	if found == 0 {
		return text
	}
	if found&(hintHeader|hintName) != 0 {
		text = header.ReplaceAllString(text, "${1}${2}"+Mask)
	}
	if found&hintBearer != 0 {
		text = bearer.ReplaceAllStringFunc(text, func(found string) string {
			parts := bearer.FindStringSubmatch(found)
			switch strings.ToLower(strings.TrimRight(parts[3], ".")) {
			case "token", "tokens", "auth", "authentication", "authorization": // prose
				return found
			}
			return parts[1] + parts[2] + Mask
		})
	}
	if found&hintName != 0 {
		text = quoted.ReplaceAllString(text, "${1}${2}"+Mask)
		text = pair.ReplaceAllString(text, "${1}${2}"+Mask)
	}
	if found&hintAddress != 0 {
		text = userinfo.ReplaceAllString(text, "${1}"+Mask+"${3}")
	}
	return text
}

// hints say which of the expressions above may match a text.
type hints uint8

const (
	hintBearer  hints = 1 << iota
	hintHeader        // of which it is the name
	hintName          // other names; those of headers may end in them
	hintAddress       // with something in front of the host
)

type hint struct {
	word string
	hint hints
}

// words that every match has, by their first letter.
var words = [...][]hint{
	0:         {{"authorization", hintHeader}},
	'b' - 'a': {{"bearer", hintBearer}},
	'c' - 'a': {{"cookie", hintHeader}, {"credential", hintName}},
	'k' - 'a': {{"key", hintName}},
	'p' - 'a': {{"passw", hintName}, {"passphrase", hintName}},
	's' - 'a': {{"secret", hintName}},
	't' - 'a': {{"token", hintName}},
}

// hintsIn tells, without an allocation, what a text may hold.
func hintsIn[T string | []byte](text T) hints {
	var found hints
	address := false
	for i := range len(text) {
		switch c := text[i] | 0x20; c {
		case 'a', 'b', 'c', 'k', 'p', 's', 't':
			for _, h := range words[c-'a'] {
				if len(text)-i >= len(h.word) && strings.EqualFold(string(text[i:i+len(h.word)]), h.word) {
					found |= h.hint
				}
			}
		case ':':
			address = address || len(text)-i > 2 && text[i+1] == '/' && text[i+2] == '/'
		case '@' | 0x20:
			if address && text[i] == '@' {
				found |= hintAddress
			}
		}
	}
	return found
}
