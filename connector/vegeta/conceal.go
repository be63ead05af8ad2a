package vegeta

import (
	"regexp"

	"github.com/servokit/servokit/internal/redact"
)

// secrets knows what looks like a secret.
var secrets = redact.New(redact.Options{})

// urlQuery is hidden as a whole: which of its parameters authenticate is known to
// the target alone.
var urlQuery = regexp.MustCompile(`\?[^\s"']+`)

// concealedError is an error whose text quotes targets without what may be a
// credential in them.
type concealedError struct{ err error }

func (e concealedError) Error() string {
	return urlQuery.ReplaceAllString(secrets.Setting(e.err.Error()), "?"+redact.Mask)
}

func (e concealedError) Unwrap() error { return e.err }
