package subprocess

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// DefaultMaxLine is how many bytes a line may have unless a [LineFormat] says
// otherwise.
const DefaultMaxLine = 1 << 20

// LongLines says what happens to a line that is longer than allowed.
type LongLines int

// What happens to long lines.
const (
	FailLong  LongLines = iota // reading ends with a *LineTooLongError
	SplitLong                  // it becomes several lines
	CutLong                    // its end is dropped
)

// LineFormat says how lines are read. The zero value fails at lines of more than
// DefaultMaxLine bytes and at text that is not UTF-8.
type LineFormat struct {
	// Max is the number of bytes in a line, at least 4 so that every character
	// has room; 0 means DefaultMaxLine.
	Max int
	// Long says what happens to longer lines.
	Long LongLines
	// Replace puts U+FFFD where text is not UTF-8, instead of failing with
	// [ErrNotUTF8].
	Replace bool
}

// ErrNotUTF8 is found by errors.Is in the error of a line that is not UTF-8.
var ErrNotUTF8 = errors.New("the line is not UTF-8")

// LineTooLongError is a line of more bytes than are allowed.
type LineTooLongError struct{ Max int }

// Error names the limit.
func (e *LineTooLongError) Error() string {
	return fmt.Sprintf("the line is longer than %d bytes", e.Max)
}

// Read hands each line to each, without the white space at its end, until r
// ends; blank lines are empty texts. It stops at the first error of each, of a
// line and of r, and returns it; what precedes an error of r is handed over
// first.
func (f LineFormat) Read(r io.Reader, each func(string) error) error {
	most := f.Max
	if most == 0 {
		most = DefaultMaxLine
	}
	most = max(most, utf8.UTFMax)
	in := bufio.NewReaderSize(r, min(most+1, 64<<10))
	var line []byte
	cutting := false
	for {
		chunk, err := in.ReadSlice('\n')
		ended := len(chunk) > 0 && chunk[len(chunk)-1] == '\n'
		if ended {
			chunk = chunk[:len(chunk)-1]
		}
		for !cutting && len(line)+len(chunk) > most {
			if f.Long == FailLong {
				return &LineTooLongError{Max: most}
			}
			taken := most - len(line)
			line = append(line, chunk[:taken]...)
			rest := incomplete(line)
			chunk, line = chunk[taken:], line[:len(line)-rest]
			if f.Long != SplitLong {
				cutting = true
				break
			}
			next := append(append([]byte(nil), line[len(line):len(line)+rest]...), chunk...)
			if err := f.emit(line, each); err != nil {
				return err
			}
			line, chunk = line[:0], next
		}
		if !cutting {
			line = append(line, chunk...)
		}
		if ended || err != nil && !errors.Is(err, bufio.ErrBufferFull) && (len(line) > 0 || cutting) {
			if err := f.emit(line, each); err != nil {
				return err
			}
			line, cutting = line[:0], false
		}
		switch {
		case err == nil, errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil
		default:
			return err
		}
	}
}

func (f LineFormat) emit(line []byte, each func(string) error) error {
	text := string(line)
	if !utf8.ValidString(text) {
		if !f.Replace {
			return ErrNotUTF8
		}
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	return each(strings.TrimRightFunc(text, unicode.IsSpace))
}

// incomplete counts the bytes at the end that begin a character.
func incomplete(line []byte) int {
	for n := 1; n < utf8.UTFMax && n < len(line); n++ {
		if tail := line[len(line)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return n
			}
			break
		}
	}
	return 0
}
