package vegeta

import "regexp"

// What may be a credential in the text of a target: the user of a URL, its
// query, and the values of headers and parameters that are named like one.
var (
	urlUser    = regexp.MustCompile(`://[^/\s@]*@`)
	urlQuery   = regexp.MustCompile(`\?[^\s"']+`)
	credential = regexp.MustCompile(`(?i)((?:authorization|cookie|token|secret|password|api[-_]?key)[a-z-]*["']?\s*[:=]\s*)[^\n]*`)
)

// concealedError is an error whose text quotes targets without what may be a
// credential in them.
type concealedError struct{ err error }

func (e concealedError) Error() string {
	text := urlUser.ReplaceAllString(e.err.Error(), "://xxxxx@")
	text = urlQuery.ReplaceAllString(text, "?xxxxx")
	return credential.ReplaceAllString(text, "${1}xxxxx")
}

func (e concealedError) Unwrap() error { return e.err }
