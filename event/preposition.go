package event

import (
	"fmt"
	"strings"
)

// Preposition names a phase of a dispatch, or, as a mask given to
// [Prepositions], several of them.
type Preposition uint8

// The phases, in the order in which they run.
const (
	Before Preposition = 1 << iota // Before hooks may cancel the event.
	On                             // On hooks do the work and return results.
	After                          // After hooks see the results.

	// All selects every phase; it is what a dispatch does by default.
	All = Before | On | After
)

var prepositionWords = [...]string{"before", "on", "after"}

// ParsePreposition reads the word of a single phase: "before", "on" or "after".
// Anything else, other spellings and masks included, is an error.
func ParsePreposition(text string) (Preposition, error) {
	for i, word := range prepositionWords {
		if text == word {
			return 1 << i, nil
		}
	}
	return 0, fmt.Errorf("unsupported preposition %q: want one of %s", text, strings.Join(prepositionWords[:], ", "))
}

// String returns the word of a single phase, and the words joined by "|" for a
// mask. A value without any meaning is shown as a number.
func (p Preposition) String() string {
	if !p.valid() {
		return fmt.Sprintf("Preposition(%d)", uint8(p))
	}
	words := make([]string, 0, len(prepositionWords))
	for i, word := range prepositionWords {
		if p&(1<<i) != 0 {
			words = append(words, word)
		}
	}
	return strings.Join(words, "|")
}

// MarshalText writes the word of a single phase, so that a Preposition can be a
// field of a configuration or of a record. A mask has no such word: it is an error.
func (p Preposition) MarshalText() ([]byte, error) {
	if !p.valid() || p&(p-1) != 0 {
		return nil, fmt.Errorf("writing preposition %s: want exactly one of %s", p, strings.Join(prepositionWords[:], ", "))
	}
	return []byte(p.String()), nil
}

// UnmarshalText reads what [ParsePreposition] accepts; on an error p is unchanged.
func (p *Preposition) UnmarshalText(text []byte) error {
	parsed, err := ParsePreposition(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

func (p Preposition) valid() bool { return p != 0 && p&^All == 0 }
