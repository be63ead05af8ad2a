package redact

import (
	"regexp"
	"strings"
)

// What is a secret in a text of a configuration, which is no prose. A user of a
// URL may be a token by itself.
var (
	line      = regexp.MustCompile(`(?m)^([ \t]*)([A-Za-z0-9_-]+)([ \t]*:[ \t]*)(\S.*?)[ \t]*\r?$`)
	user      = regexp.MustCompile(`(://)([^/\s@"']+)(@)`)
	parameter = regexp.MustCompile(`([?&])([^=&#\s"']+)(=)([^&#\s"']+)`)
)

// parameters are queries that hold a secret although elsewhere their names say
// nothing about one.
var parameters = map[string]bool{
	"key": true, "sig": true, "signature": true, "auth": true, "pwd": true, "pass": true, "xamzcredential": true, "xamzsignature": true,
}

// Setting returns a text of a configuration without the secrets in it. It is
// stricter than [Redactor.Text]: a line "X-Api-Key: …" is a header to its end,
// user and password of a URL go together, and so do parameters of its query that
// are named key, sig, auth, pwd and the like.
func (r *Redactor) Setting(text string) string {
	text = r.exact.replace(text)
	if hintsIn(text) == 0 && !strings.ContainsAny(text, "?&") {
		return text
	}
	text = line.ReplaceAllStringFunc(text, func(found string) string {
		parts := line.FindStringSubmatch(found)
		if !r.Secret(parts[2]) {
			return found
		}
		return parts[1] + parts[2] + parts[3] + Mask
	})
	text = user.ReplaceAllString(text, "${1}"+Mask+"${3}")
	text = parameter.ReplaceAllStringFunc(text, func(found string) string {
		parts := parameter.FindStringSubmatch(found)
		if !r.Secret(parts[2]) && !parameters[string(normal(nil, parts[2]))] {
			return found
		}
		return parts[1] + parts[2] + parts[3] + Mask
	})
	return r.Text(text)
}

// filler takes the place of a mask to see whether a secret would be found there.
const filler = "fillsthemaskedplace"

// Masked reports whether a text of a configuration holds a mask in the place of a
// secret: as the whole of it, or where [Redactor.Setting] puts one. A row of
// asterisks in other text, such as the frame of a comment, is none.
func (r *Redactor) Masked(text string) bool {
	if text == Mask {
		return true
	}
	n := strings.Count(text, Mask)
	return n > 0 && strings.Count(r.Setting(strings.ReplaceAll(text, Mask, filler)), filler) < n
}
