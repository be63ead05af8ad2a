package config

import (
	"slices"
	"strings"
)

// unknownKey words the problem of a key that is not among the known ones.
func unknownKey(key string, known []string) (message, suggestion string) {
	known = slices.Compact(slices.Sorted(slices.Values(known)))
	suggestion = closest(key, known)
	message = "unknown key"
	if suggestion != "" {
		message += "; did you mean " + showText(suggestion) + "?"
	}
	if len(known) > 0 {
		message += " (known: " + strings.Join(known, ", ") + ")"
	}
	return message, suggestion
}

// closest returns the candidate a typing slip away from word, or nothing.
func closest(word string, candidates []string) string {
	normal := func(s string) string {
		return strings.ToLower(strings.NewReplacer("-", "_", " ", "_").Replace(s))
	}
	if len(word) > longText {
		return ""
	}
	best, bestDistance := "", 1+(len(word)+2)/3
	for _, candidate := range candidates {
		if d := distance(normal(word), normal(candidate)); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	var before []int
	last := make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row := make([]int, len(y)+1)
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(y)]
}
