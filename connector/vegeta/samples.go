package vegeta

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	distinctErrors = 100 // texts that are told apart
	shownErrors    = 5
	longestError   = 200 // bytes
)

// samples counts errors by their text. The zero value is ready to use.
type samples struct {
	counts map[string]uint64
	others uint64
}

func (s *samples) add(text string) {
	text = cleanError(text)
	if _, known := s.counts[text]; !known && len(s.counts) >= distinctErrors {
		s.others++
		return
	}
	if s.counts == nil {
		s.counts = map[string]uint64{}
	}
	s.counts[text]++
}

// String lists the most frequent texts: `12× 503 Service Unavailable; 3× EOF`.
// It is empty when there was no error.
func (s *samples) String() string {
	texts := slices.SortedFunc(maps.Keys(s.counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.counts[b], s.counts[a]), cmp.Compare(a, b))
	})
	others := s.others
	var parts []string
	for i, text := range texts {
		if i < shownErrors {
			parts = append(parts, fmt.Sprintf("%d× %s", s.counts[text], text))
		} else {
			others += s.counts[text]
		}
	}
	if others > 0 {
		parts = append(parts, fmt.Sprintf("%d× other errors", others))
	}
	return strings.Join(parts, "; ")
}

var (
	requestPrefix = regexp.MustCompile(`^[A-Z][a-z]* "(?:[^"\\]|\\.)*": `)
	localAddress  = regexp.MustCompile(` \S+->(\S)`)
)

// cleanError takes out what differs from request to request, or may be secret:
// the URL and the local port.
func cleanError(text string) string {
	text = requestPrefix.ReplaceAllString(text, "")
	text = localAddress.ReplaceAllString(text, " $1")
	if text == "" {
		text = "unknown error"
	}
	if len(text) > longestError {
		cut := longestError
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	return text
}
