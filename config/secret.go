package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"unique"

	"github.com/servokit/servokit/internal/redact"
)

// mask is what a secret shows instead of its value.
const mask = redact.Mask

// Secret holds a token or password that must not be printed. Use it for every
// credential in a configuration struct: all of fmt's verbs, JSON, YAML and slog
// show "**********" instead, also when the Secret sits in an unexported field
// that formatting reaches by reflection. Only [Secret.Reveal] gives the value.
//
// The zero Secret is "not set" and shows as empty text. Secrets are comparable:
// two are equal when their values are.
//
// Reading the mask itself is an error that says what to give instead, so that a
// configuration which was printed with its secrets masked cannot be used by
// mistake; see [Model.Print].
type Secret struct {
	// A handle is a pointer, so printing that bypasses the methods below shows
	// an address. A plain string field would show itself.
	value unique.Handle[string]
}

// NewSecret wraps a value that comes from code or from somewhere other than a
// configuration file. Empty text gives the zero Secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: unique.Make(value)}
}

// Reveal returns the value, empty when the Secret is not set. Call it only where
// the value is used, such as when a header is built.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.value.Value()
}

// IsZero reports whether the Secret is not set, or set to empty text.
func (s Secret) IsZero() bool { return s == Secret{} }

// String returns the mask, or empty text for a Secret that is not set.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return mask
}

// GoString masks the value for %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Format masks the value for every verb of package fmt.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.String()
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		text = s.GoString()
	}
	_, _ = io.WriteString(f, text)
}

// LogValue masks the value for package log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText masks the value for encoders of text. It never fails.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON masks the value for encoding/json. It never fails.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(s.GoString()), nil }

// MarshalYAML masks the value for YAML. It never fails.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// UnmarshalText reads the value as it is. The mask is an error.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == mask {
		return errors.New("the mask of a secret stands here instead of the secret")
	}
	*s = NewSecret(string(text))
	return nil
}
