package main

import "strings"

const (
	// contextLines are shown above and below each line with a match.
	contextLines = 25
	// snippetBytes bounds the text shown for one hit.
	snippetBytes = 6 << 10
)

// A fragment is a run of whole lines of a file.
type fragment struct {
	Line int    `json:"line"` // number of the first line, from 1
	Text string `json:"text"`
}

// fragments cuts out of a file the lines of the document that match, with the
// lines around them, also where those belong to the neighbours. Runs that
// touch become one. What exceeds snippetBytes is left out at the end.
func (x *index) fragments(doc *document, terms []string, mem *shardScratch) []fragment {
	file := x.sources[doc.file].text
	found := mem.find(file[doc.start:doc.end], terms)
	var out []fragment
	budget := snippetBytes
	line, at := int(doc.line), int(doc.start) // the line that begins at byte at
	for i := 0; i < len(found) && budget > 0; {
		// Move to the line of the match, and count on the way.
		matchAt := int(doc.start) + found[i].start
		for {
			end := lineEnd(file, at)
			if matchAt < end || end == len(file) {
				break
			}
			at = end
			line++
		}
		from, fromLine := linesUp(file, at, line, contextLines)
		to := linesDown(file, at, contextLines+1)
		// Take in all matches whose context touches this run.
		for i < len(found) {
			start := int(doc.start) + found[i].start
			if start >= to {
				if next, _ := linesUp(file, lineStart(file, start), 0, contextLines); next > to {
					break
				}
			}
			if to-from > budget {
				break
			}
			to = max(to, linesDown(file, lineStart(file, start), contextLines+1))
			i++
		}
		if to-from > budget {
			to = lineStart(file, from+budget)
			if to <= from {
				break
			}
			budget = 0
		}
		budget -= to - from
		out = append(out, fragment{fromLine, file[from:to]})
	}
	return out
}

// lineStart returns where the line around the byte begins.
func lineStart(text string, at int) int {
	return strings.LastIndexByte(text[:at], '\n') + 1
}

// lineEnd returns where the line after the one around the byte begins.
func lineEnd(text string, at int) int {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(text)
}

// linesUp moves from the start of a line to the start of the line n lines
// above, or to the start of the text.
func linesUp(text string, at, line, n int) (int, int) {
	for ; n > 0 && at > 0; n-- {
		at = lineStart(text, at-1)
		line--
	}
	return at, line
}

// linesDown moves from the start of a line to the start of the line n lines
// below, or to the end of the text.
func linesDown(text string, at, n int) int {
	for ; n > 0 && at < len(text); n-- {
		at = lineEnd(text, at)
	}
	return at
}
