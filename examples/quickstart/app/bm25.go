package main

import "math"

// The usual constants of BM25: how soon more occurrences stop to matter, and
// how much a long document is discounted.
const (
	bm25K1 = 1.2
	bm25B  = 0.75
)

// idf is the weight of a term that is in matching of all documents.
func idf(matching, all int) float64 {
	return math.Log(1 + (float64(all-matching)+0.5)/(float64(matching)+0.5))
}

// weights are the weights of the terms over the whole index. They do not
// depend on how the documents are spread over shards, and so neither does a
// score.
func (x *index) weights(terms []string) []float64 {
	weights := make([]float64, len(terms))
	for i, term := range terms {
		matching := 0
		for _, s := range x.shards {
			matching += int(s.terms[term].docs)
		}
		if matching > 0 {
			weights[i] = idf(matching, x.docs)
		}
	}
	return weights
}

// A candidate is a document with its score.
type candidate struct {
	shard, doc int32
	score      float64
}

// number is the document's position in the corpus, whatever the shard count.
func (c candidate) number(shards int) int {
	return int(c.doc)*shards + int(c.shard)
}

// An accumulator adds up the scores of the documents of one shard.
type accumulator struct {
	scores  []float64 // by document
	touched []int32
	best    []candidate // a heap with the worst of the best on top
}

// score finds the documents of the shard that match best, at most limit, in
// no particular order, and reports how many match at all.
func (a *accumulator) score(s *shard, shardNumber int, terms []string, weights []float64, limit int) (best []candidate, matching int) {
	a.scores = make([]float64, len(s.docs))
	for i, term := range terms {
		weight := weights[i]
		s.forEach(s.terms[term], func(doc int32, occurrences byte) {
			if a.scores[doc] == 0 {
				a.touched = append(a.touched, doc)
			}
			frequency := float64(occurrences)
			a.scores[doc] += weight * frequency * (bm25K1 + 1) / (frequency + float64(s.norms[doc]))
		})
	}
	for _, doc := range a.touched {
		a.keep(candidate{int32(shardNumber), doc, a.scores[doc]}, limit)
	}
	return a.best, len(a.touched)
}

// keep adds a candidate to the best ones unless limit others are better.
// Within a shard a higher document number is also a higher one in the corpus.
func (a *accumulator) keep(c candidate, limit int) {
	worse := func(a, b candidate) bool {
		return a.score < b.score || a.score == b.score && a.doc > b.doc
	}
	if len(a.best) < limit {
		a.best = append(a.best, c)
		for i := len(a.best) - 1; i > 0; {
			parent := (i - 1) / 2
			if !worse(a.best[i], a.best[parent]) {
				break
			}
			a.best[i], a.best[parent] = a.best[parent], a.best[i]
			i = parent
		}
		return
	}
	if limit == 0 || !worse(a.best[0], c) {
		return
	}
	a.best[0] = c
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(a.best) {
			return
		}
		if child+1 < len(a.best) && worse(a.best[child+1], a.best[child]) {
			child++
		}
		if !worse(a.best[child], a.best[i]) {
			return
		}
		a.best[i], a.best[child] = a.best[child], a.best[i]
		i = child
	}
}
