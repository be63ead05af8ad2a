package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
)

const (
	// magic begins the first line of a file, whatever its version.
	magic = "servokit-journal "
	// header is the first line of a file of this version.
	header = magic + "1\n"
	// maxEntry bounds the JSON of one line, maxFile a file: more is a mistake
	// that must not fill memory.
	maxEntry = 16 << 20
	maxFile  = 256 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendLine writes "checksum number length JSON\n".
func appendLine(to []byte, number uint64, data []byte) []byte {
	body := strconv.AppendUint(nil, number, 10)
	body = append(body, ' ')
	body = strconv.AppendInt(body, int64(len(data)), 10)
	body = append(body, ' ')
	body = append(body, data...)
	to = fmt.Appendf(to, "%08x ", crc32.Checksum(body, castagnoli))
	return append(append(to, body...), '\n')
}

// line is what appendLine wrote, as far as its shape tells.
type line struct {
	number  uint64
	content []byte
	sum     string // as it stands there
	body    []byte // what the checksum is of
	size    int
}

// whole tells whether the checksum is right.
func (l line) whole() bool {
	return l.sum == fmt.Sprintf("%08x", crc32.Checksum(l.body, castagnoli))
}

// readLine reads the line at the start of data. It is false when there is none of
// that shape; the checksum is left to the caller.
func readLine(data []byte) (line, bool) {
	const digits = 8
	if len(data) < digits+1 || data[digits] != ' ' {
		return line{}, false
	}
	body := data[digits+1:]
	number, rest, ok := readNumber(body)
	if !ok {
		return line{}, false
	}
	length, rest, ok := readNumber(rest)
	if !ok || length > maxEntry || uint64(len(rest)) <= length || rest[length] != '\n' {
		return line{}, false
	}
	body = body[:len(body)-len(rest)+int(length)]
	return line{number: number, content: rest[:length], sum: string(data[:digits]), body: body, size: digits + 1 + len(body) + 1}, true
}

// readNumber reads decimal digits up to a space.
func readNumber(data []byte) (uint64, []byte, bool) {
	end := bytes.IndexByte(data[:min(len(data), 21)], ' ')
	if end < 0 {
		return 0, nil, false
	}
	n, err := strconv.ParseUint(string(data[:end]), 10, 64)
	return n, data[end+1:], err == nil
}

// anyLine tells whether a whole line begins anywhere in data. Of data made to
// look like the beginnings of long lines everywhere it says yes without reading
// on, which is the careful answer.
func anyLine(data []byte) bool {
	for i, budget := 0, 8*len(data); i < len(data) && budget >= 0; i++ {
		l, ok := readLine(data[i:])
		if !ok {
			continue
		}
		if budget -= l.size; budget < 0 || l.whole() {
			return true
		}
	}
	return false
}

type snapshotWire struct {
	Snapshot *State `json:"snapshot"`
}

// content is what a file was found to hold.
type content struct {
	state  State
	number uint64 // of the last line
	good   int64  // bytes of the header and the lines before the first bad one
	lines  int
	damage Damage
}

// readContent reads a file as far as it can be trusted.
func readContent(data []byte) content {
	if !bytes.HasPrefix(data, []byte(header)) {
		damage := Foreign
		if bytes.HasPrefix(data, []byte(magic)) {
			damage = Version
		}
		return content{damage: damage}
	}
	c := content{good: int64(len(header))}
	for rest := data[c.good:]; len(rest) > 0; rest = data[c.good:] {
		l, ok := readLine(rest)
		if !ok || !l.whole() {
			c.damage = Torn
			if anyLine(rest[1:]) {
				c.damage = Corrupt
			}
			return c
		}
		state, ok := c.next(l.number, l.content)
		if !ok {
			c.damage = Corrupt
			return c
		}
		c.state, c.number = state, l.number
		c.good += int64(l.size)
		c.lines++
	}
	return c
}

// next returns the state after one more line, and false when the line does not
// belong there although it is whole.
func (c *content) next(number uint64, body []byte) (State, bool) {
	if c.lines == 0 {
		var s snapshotWire
		if err := json.Unmarshal(body, &s); err != nil {
			return State{}, false
		}
		if s.Snapshot != nil {
			return *s.Snapshot, true
		}
	}
	if number != c.number+1 {
		return State{}, false
	}
	var e Entry
	if err := json.Unmarshal(body, &e); err != nil {
		return State{}, false
	}
	s, err := c.state.after(e)
	return s, err == nil
}
