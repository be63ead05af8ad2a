package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbered is a function of n lines with a match on the given ones.
func numbered(n int, matches ...int) string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = "\tfiller"
	}
	lines[0] = "func body() {"
	for _, line := range matches {
		lines[line-1] = "\tcat"
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestFragments(t *testing.T) {
	const around = 2*contextLines + 1
	for name, test := range map[string]struct {
		text  string
		lines [][2]int // first line and number of lines of each fragment
	}{
		"in the middle":            {numbered(200, 100), [][2]int{{100 - contextLines, around}}},
		"near the top":             {numbered(200, 3), [][2]int{{1, 3 + contextLines}}},
		"near the end":             {numbered(200, 199), [][2]int{{199 - contextLines, contextLines + 2}}},
		"far apart":                {numbered(300, 50, 200), [][2]int{{50 - contextLines, around}, {200 - contextLines, around}}},
		"overlapping":              {numbered(300, 50, 60), [][2]int{{50 - contextLines, around + 10}}},
		"touching":                 {numbered(300, 50, 50+around), [][2]int{{50 - contextLines, 2 * around}}},
		"one line between":         {numbered(300, 50, 50+around+1), [][2]int{{50 - contextLines, around}, {50 + contextLines + 2, around}}},
		"a neighbour's lines, too": {"package p\n\n" + numbered(5, 3) + "\nvar next = 1\n", [][2]int{{1, 9}}},
		"without a final newline":  {"func f() {\n\tcat", [][2]int{{1, 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			x := indexOf(t, 1, test.text)
			found := find(t, x, "cat")
			require.NotEmpty(t, found.Hits)
			var got [][2]int
			lines := strings.SplitAfter(test.text, "\n")
			for _, f := range found.Hits[0].Fragments {
				n := len(strings.SplitAfter(strings.TrimSuffix(f.Text, "\n"), "\n"))
				got = append(got, [2]int{f.Line, n})
				assert.Equal(t, strings.Join(lines[f.Line-1:f.Line-1+n], ""), f.Text, "whole lines with the right number")
			}
			assert.Equal(t, test.lines, got)
		})
	}
}

func TestFragmentsAreBounded(t *testing.T) {
	var everywhere strings.Builder
	everywhere.WriteString("func f() {\n")
	for i := range 2000 {
		fmt.Fprintf(&everywhere, "\tcat line %d\n", i)
	}
	for name, text := range map[string]string{
		"matches everywhere":  everywhere.String(),
		"one very long line":  "func f() { cat " + strings.Repeat("x ", snippetBytes) + "}\n",
		"long lines around":   "// " + strings.Repeat("y ", snippetBytes) + "\nfunc f() { cat }\n",
		"many distant places": numbered(5000, 100, 300, 500, 700, 900, 1100, 1300, 1500, 1700, 1900, 2100, 2300, 2500, 2700, 2900, 3100, 3300, 3500),
	} {
		t.Run(name, func(t *testing.T) {
			x := indexOf(t, 1, text)
			total := 0
			for _, f := range find(t, x, "cat").Hits[0].Fragments {
				assert.NotEmpty(t, f.Text)
				total += len(f.Text)
			}
			assert.LessOrEqual(t, total, snippetBytes)
		})
	}
}

func FuzzFragments(f *testing.F) {
	f.Add("func f() {\n\tcat\n}\n", "cat")
	f.Add("cat\n\n\n\ncat", "cat")
	f.Add(numbered(100, 3, 90)+numbered(100, 50), "cat filler")
	f.Fuzz(func(t *testing.T, text, query string) {
		terms := queryTerms(query)
		if text == "" || len(terms) == 0 {
			return
		}
		x := indexOf(t, 1, text)
		found, err := x.search(t.Context(), query, terms)
		require.NoError(t, err)
		for _, h := range found.Hits {
			total, after := 0, 0
			for _, fragment := range h.Fragments {
				require.NotEmpty(t, fragment.Text)
				total += len(fragment.Text)
				require.GreaterOrEqual(t, fragment.Line, after, "fragments do not overlap")
				after = fragment.Line + strings.Count(fragment.Text, "\n")
			}
			require.LessOrEqual(t, total, snippetBytes)
		}
	})
}
