package main

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"sync"
)

const (
	// candidateLimit is how many documents the second look at the text ranks.
	candidateLimit = 120
	// hitLimit is how many hits a response has at most.
	hitLimit = 24
)

// results is the body of a response.
type results struct {
	Query   string   `json:"query"`
	Terms   []string `json:"terms"`
	Matches int      `json:"matches"` // documents with at least one of the terms
	Hits    []hit    `json:"hits"`
}

type hit struct {
	Package   string     `json:"package"`
	File      string     `json:"file"`
	Line      int        `json:"line"`
	Title     string     `json:"title"`
	Score     float64    `json:"score"`
	Fragments []fragment `json:"fragments"`
}

// shardScratch is the memory of one search in one shard.
type shardScratch struct {
	accumulator accumulator
	tokenizer   tokenizer
	occurrences []occurrence
	matching    int
}

// search ranks the documents for the terms and cuts a snippet from each of
// the best ones. Each of its three steps runs on all shards at the same time;
// between two steps it looks whether somebody still waits for the result.
func (x *index) search(ctx context.Context, query string, terms []string) (*results, error) {
	mem := make([]shardScratch, len(x.shards))
	weights := x.weights(terms)
	found := make([][]candidate, len(x.shards))
	x.onShards(func(i int) {
		part := &mem[i]
		found[i], part.matching = part.accumulator.score(x.shards[i], i, terms, weights, candidateLimit)
	})
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("searching: %w", context.Cause(ctx))
	}

	out := &results{Query: query, Terms: terms}
	var best []candidate
	for i := range found {
		best = append(best, found[i]...)
		out.Matches += mem[i].matching
	}
	best = x.top(best, candidateLimit)

	x.onShards(func(i int) {
		part := &mem[i]
		for c := range best {
			if int(best[c].shard) == i {
				best[c].score *= x.proximity(&best[c], terms, part)
			}
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("searching: %w", context.Cause(ctx))
	}
	best = x.top(best, hitLimit)

	out.Hits = make([]hit, len(best))
	x.onShards(func(i int) {
		for c := range best {
			if int(best[c].shard) == i {
				out.Hits[c] = x.hit(&best[c], terms, &mem[i])
			}
		}
	})
	return out, nil
}

// onShards calls do for each shard and waits: side by side when there are
// several, on the caller's goroutine when there is one.
func (x *index) onShards(do func(shard int)) {
	if len(x.shards) == 1 {
		do(0)
		return
	}
	var group sync.WaitGroup
	for i := 1; i < len(x.shards); i++ {
		group.Go(func() { do(i) })
	}
	do(0)
	group.Wait()
}

// top sorts the candidates, best first, and returns the first ones. Equal
// scores are in the order of the corpus.
func (x *index) top(all []candidate, limit int) []candidate {
	shards := len(x.shards)
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.number(shards), b.number(shards)))
	})
	return all[:min(limit, len(all))]
}

func (x *index) hit(c *candidate, terms []string, mem *shardScratch) hit {
	doc := &x.shards[c.shard].docs[c.doc]
	name := x.sources[doc.file].path
	return hit{
		Package:   path.Dir(name),
		File:      name,
		Line:      int(doc.line),
		Title:     x.titleOf(doc),
		Score:     c.score,
		Fragments: x.fragments(doc, terms, mem),
	}
}
