package queries_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/examples/quickstart/queries"
)

func TestMixIsDeterministic(t *testing.T) {
	assert.Equal(t, queries.Mix(7, 500), queries.Mix(7, 500))
	assert.Equal(t, queries.Mix(7, 100), queries.Mix(7, 500)[:100], "a longer mix starts with the shorter one")
	assert.NotEqual(t, queries.Mix(7, 100), queries.Mix(8, 100))
	assert.NotEqual(t, queries.Mix(-1, 100), queries.Mix(1, 100))
}

func TestMixLength(t *testing.T) {
	for _, n := range []int{-1, 0, 1, 1000} {
		assert.Len(t, queries.Mix(1, n), max(n, 0))
	}
}

func TestMixIsSkewedButWide(t *testing.T) {
	const n = 20_000
	for _, seed := range []int64{1, 2, 3} {
		counts := map[string]int{}
		for _, query := range queries.Mix(seed, n) {
			counts[query]++
		}
		require.Greater(t, len(counts), 300, "distinct queries")
		require.Less(t, len(counts), 1000, "distinct queries")

		top := mostFrequent(counts)
		share := float64(counts[top]) / n
		assert.Greater(t, share, 0.01, "the favourite %q stands out", top)
		assert.Less(t, share, 0.10, "the favourite %q does not drown the rest", top)
	}
}

func TestFavouritesDoNotDependOnTheSeed(t *testing.T) {
	const n = 5_000
	first, second := map[string]int{}, map[string]int{}
	for _, query := range queries.Mix(11, n) {
		first[query]++
	}
	for _, query := range queries.Mix(12, n) {
		second[query]++
	}
	shared := 0
	for query, count := range first {
		shared += min(count, second[query])
	}
	assert.Greater(t, shared, n*6/10, "two seeds send mostly the same queries")
}

func TestQueriesAreSearchable(t *testing.T) {
	for _, query := range queries.Mix(5, 5_000) {
		words := strings.Fields(query)
		require.GreaterOrEqual(t, len(words), 2, query)
		require.Equal(t, strings.Join(words, " "), query, "single blanks only")
		require.Equal(t, strings.ToLower(query), query)
	}
}

func mostFrequent(counts map[string]int) string {
	best := ""
	for query, count := range counts {
		if count > counts[best] || count == counts[best] && query < best {
			best = query
		}
	}
	return best
}
