// Package english words lists in messages for people.
package english

import (
	"strconv"
	"strings"
)

// Series joins items as English text does: nothing for none, the item itself for
// one, "a and b" for two. From three on a comma stands before the conjunction
// too if oxford says so: "a, b, and c" instead of "a, b and c".
func Series(items []string, conjunction string, oxford bool) string {
	n := len(items)
	switch n {
	case 0:
		return ""
	case 1:
		return items[0]
	}
	last := " " + conjunction + " " + items[n-1]
	if oxford && n > 2 {
		last = "," + last
	}
	return strings.Join(items[:n-1], ", ") + last
}

// And lists what there is: "a, b and c".
func And[T ~string](items ...T) string { return Series(texts(items, plain), "and", false) }

// Or lists what would be accepted: "a, b or c".
func Or[T ~string](items ...T) string { return Series(texts(items, plain), "or", false) }

// Quoted lists what would be accepted, each in quotes: "a", "b" or "c".
func Quoted[T ~string](items ...T) string { return Series(texts(items, strconv.Quote), "or", false) }

func plain(text string) string { return text }

func texts[T ~string](items []T, form func(string) string) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = form(string(item))
	}
	return out
}
