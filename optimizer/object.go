package optimizer

import (
	"encoding/json"
	"math"
	"strconv"
)

// object writes a JSON object key by key. The envelopes of the protocol are
// written with it, since encoding/json would read everything inside of them
// once more for each level.
type object struct{ b []byte }

func (o *object) key(key string) {
	if len(o.b) == 0 {
		o.b = append(o.b, '{')
	} else {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, key...) // keys are ours and need no escapes
	o.b = append(o.b, '"', ':')
}

// raw writes a value that is JSON already; nil is null.
func (o *object) raw(key string, value []byte) {
	o.key(key)
	if value == nil {
		value = []byte("null")
	}
	o.b = append(o.b, value...)
}

func (o *object) text(key, value string) {
	o.key(key)
	o.b = appendText(o.b, value)
}

// textOrNull writes null for empty text.
func (o *object) textOrNull(key, value string) {
	if value == "" {
		o.raw(key, nil)
		return
	}
	o.text(key, value)
}

// inside writes the keys of another object.
func (o *object) inside(other []byte) {
	if len(other) <= len("{}") {
		return
	}
	o.b = append(append(o.b, ','), other[1:len(other)-1]...)
}

func (o *object) end() []byte { return append(o.b, '}') }

// appendText writes a text as encoding/json does.
func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c >= 0x7f, c == '"', c == '\\', c == '<', c == '>', c == '&':
			quoted, _ := json.Marshal(text) // text can always be written
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}

// appendNumber writes a finite number as encoding/json does.
func appendNumber(b []byte, f float64) []byte {
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		number, _ := json.Marshal(f) // it is finite
		return append(b, number...)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}
