package pubsub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/servokit/servokit/event"
)

func encodeJSON(v any) ([]byte, error) {
	if own, ok := v.(json.Marshaler); ok {
		var content []byte
		err := guarded(func() (err error) {
			content, err = own.MarshalJSON()
			return err
		})
		if err == nil && !json.Valid(content) {
			err = errors.New("its own JSON is not valid")
		}
		return content, err
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return spaced(bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))), nil
}

// spaced rewrites valid compact JSON into the form that others on the wire
// produce: a blank after commas and colons, and nothing but ASCII.
func spaced(compact []byte) []byte {
	out := make([]byte, 0, len(compact)+len(compact)/8)
	quoted, escaped := false, false
	for i := 0; i < len(compact); {
		c := compact[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(compact[i:])
			if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
				out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
			} else {
				out = fmt.Appendf(out, `\u%04x`, r)
			}
			i += size
			escaped = false
			continue
		}
		out = append(out, c)
		i++
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == ':'):
			out = append(out, ' ')
		}
	}
	return out
}

// guarded turns a panic of code that is not ours into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanic(v)
		}
	}()
	return f()
}

func newPanic(v any) error { return &event.PanicError{Value: v, Stack: stack()} }
