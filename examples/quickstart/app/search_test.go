package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/examples/quickstart/queries"
)

func indexOf(tb testing.TB, shards int, texts ...string) *index {
	tb.Helper()
	var sources []source
	for i, text := range texts {
		sources = append(sources, source{fmt.Sprintf("p/%d.go", i), text})
	}
	x, err := buildIndex(tb.Context(), sources, shards)
	require.NoError(tb, err)
	return x
}

func find(tb testing.TB, x *index, query string) *results {
	tb.Helper()
	found, err := x.search(tb.Context(), query, queryTerms(query))
	require.NoError(tb, err)
	return found
}

func filesOf(found *results) []string {
	files := []string{}
	for _, h := range found.Hits {
		files = append(files, h.File)
	}
	return files
}

func TestRanking(t *testing.T) {
	filler := "func filler() { value := other + something }\n"
	for name, test := range map[string]struct {
		query string
		texts []string
		want  []string
	}{
		"nothing matches": {"unicorn", []string{filler}, []string{}},
		"more occurrences win": {"cat",
			[]string{"// one cat here\nfunc a() {}\n", "// cat and cat here\nfunc b() {}\n", filler}, []string{"p/1.go", "p/0.go"}},
		"shorter documents win": {"cat",
			[]string{"// cat " + strings.Repeat("word ", 50) + "\nfunc a() {}\n", "// cat word\nfunc b() {}\n", filler}, []string{"p/1.go", "p/0.go"}},
		"rare words count for more": {"common rare",
			[]string{"// common one\nfunc a() {}\n", "// common two\nfunc b() {}\n", "// rare thing\nfunc c() {}\n", filler},
			[]string{"p/2.go", "p/0.go", "p/1.go"}},
		"the title counts for more": {"cat",
			[]string{"// cat food\nfunc dog() {}\n", "// dog food\nfunc cat() {}\n", filler}, []string{"p/1.go", "p/0.go"}},
		"closer together wins": {"cat food",
			[]string{"// cat one two three four food\nfunc a() {}\n", "// one two cat food three four\nfunc b() {}\n", filler}, []string{"p/1.go", "p/0.go"}},
		"equal scores are in the order of the corpus": {"cat",
			[]string{"// cat\nfunc a() {}\n", "// cat\nfunc a() {}\n", "// cat\nfunc a() {}\n"}, []string{"p/0.go", "p/1.go", "p/2.go"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, shards := range []int{1, 2, 3} {
				assert.Equal(t, test.want, filesOf(find(t, indexOf(t, shards, test.texts...), test.query)), "%d shards", shards)
			}
		})
	}
}

// TestShardsDoNotChangeResults searches a part of the real corpus.
func TestShardsDoNotChangeResults(t *testing.T) {
	directory, err := defaultCorpus(t.Context())
	require.NoError(t, err)
	sources, err := readCorpus(t.Context(), directory, 1<<20)
	require.NoError(t, err)
	one, err := buildIndex(t.Context(), sources, 1)
	require.NoError(t, err)
	require.Greater(t, one.docs, 500)
	for _, shards := range []int{2, 3, 8} {
		many, err := buildIndex(t.Context(), sources, shards)
		require.NoError(t, err)
		require.Equal(t, one.docs, many.docs)
		for _, query := range queries.Mix(3, 40) {
			require.Equal(t, find(t, one, query), find(t, many, query), "%q in %d shards", query, shards)
		}
	}
}

func TestSearchStopsForNobody(t *testing.T) {
	x := indexOf(t, 2, "func cat() {}\n")
	gone := errors.New("the client hung up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	_, err := x.search(ctx, "cat", []string{"cat"})
	require.ErrorIs(t, err, gone)
}

func TestBestAreKept(t *testing.T) {
	for _, limit := range []int{0, 1, 3, 10} {
		var a accumulator
		for doc := range 100 {
			a.keep(candidate{doc: int32(doc), score: float64(doc * 37 % 101)}, limit)
		}
		require.Len(t, a.best, limit)
		for _, c := range a.best {
			assert.GreaterOrEqual(t, c.score, float64(101-limit-1))
		}
	}
}

func TestNarrowest(t *testing.T) {
	at := func(pairs ...int) (found []occurrence) {
		for i := 0; i < len(pairs); i += 2 {
			found = append(found, occurrence{term: pairs[i], position: pairs[i+1]})
		}
		return found
	}
	for name, test := range map[string]struct {
		found           []occurrence
		distinct, width int
	}{
		"nothing":              {nil, 0, 0},
		"one":                  {at(0, 7), 1, 1},
		"one term, often":      {at(0, 1, 0, 5), 1, 1},
		"neighbours":           {at(0, 3, 1, 4), 2, 2},
		"the later pair":       {at(0, 0, 1, 9, 0, 10), 2, 2},
		"three, some repeated": {at(0, 0, 1, 2, 0, 4, 2, 6, 1, 20), 3, 5},
	} {
		t.Run(name, func(t *testing.T) {
			distinct, width := narrowest(test.found)
			assert.Equal(t, test.distinct, distinct)
			assert.Equal(t, test.width, width)
		})
	}
}
