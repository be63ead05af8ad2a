package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/examples/quickstart/queries"
)

func corpusForBenchmarks(b *testing.B) []source {
	b.Helper()
	directory, err := defaultCorpus(b.Context())
	require.NoError(b, err)
	sources, err := readCorpus(b.Context(), directory, corpusBytes)
	require.NoError(b, err)
	return sources
}

func BenchmarkBuildIndex(b *testing.B) {
	sources := corpusForBenchmarks(b)
	for _, shards := range []int{1, 2} {
		b.Run(fmt.Sprintf("shards=%d", shards), func(b *testing.B) {
			for b.Loop() {
				_, err := buildIndex(b.Context(), sources, shards)
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkSearch is one query after the other, without encoding.
func BenchmarkSearch(b *testing.B) {
	sources := corpusForBenchmarks(b)
	mix := queries.Mix(1, 1000)
	for _, shards := range []int{1, 2, 4, 8} {
		x, err := buildIndex(b.Context(), sources, shards)
		require.NoError(b, err)
		b.Run(fmt.Sprintf("shards=%d", shards), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				query := mix[i%len(mix)]
				_, err := x.search(b.Context(), query, queryTerms(query))
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkRespond is what a worker does for one request.
func BenchmarkRespond(b *testing.B) {
	x, err := buildIndex(b.Context(), corpusForBenchmarks(b), 1)
	require.NoError(b, err)
	mix := queries.Mix(1, 1000)
	for _, level := range []int{0, 1, 3, 6, 9} {
		b.Run(fmt.Sprintf("compression=%d", level), func(b *testing.B) {
			b.ReportAllocs()
			w := &worker{level: level}
			sent := 0
			n := 0
			for ; b.Loop(); n++ {
				query := mix[n%len(mix)]
				body, err := w.respond(b.Context(), x, query, queryTerms(query), level > 0)
				require.NoError(b, err)
				sent += len(body)
			}
			b.ReportMetric(float64(sent)/float64(n), "bytes/response")
		})
	}
}
