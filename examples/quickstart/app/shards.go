package main

import (
	"context"
	"encoding/binary"
	"strings"
)

// titleWeight is how many occurrences a term counts for on the line that opens
// a declaration.
const titleWeight = 4

// maxFrequency is where counting the occurrences of a term in one document
// stops; BM25 is flat long before.
const maxFrequency = 255

// A shard is an inverted index over a part of the documents, complete in
// itself so that shards can be searched at the same time.
type shard struct {
	docs     []document
	norms    []float32 // the length normalization of BM25, by document
	terms    map[string]postingList
	names    string // the text of all terms, which the keys of terms share
	postings []byte
}

// A postingList is where the documents of a term are in shard.postings: pairs
// of a varint (distance to the previous document) and a byte (occurrences).
type postingList struct {
	offset, size uint32
	docs         uint32
}

// termBuilder gathers the postings of one term.
type termBuilder struct {
	postings []byte
	docs     uint32
	lastDoc  int32
	count    int32 // occurrences in the document at hand
}

// buildShard stops early, and returns a shard that must not be used, when the
// context ends.
func buildShard(ctx context.Context, sources []source, docs []document) *shard {
	ids := make(map[string]int32, 1<<14)
	var builders []termBuilder
	var touched []int32
	var t tokenizer
	for number := range docs {
		if ctx.Err() != nil {
			break
		}
		doc := &docs[number]
		text := sources[doc.file].text[doc.start:doc.end]
		titleStart := int(doc.title - doc.start)
		titleEnd := titleStart + strings.IndexByte(text[titleStart:]+"\n", '\n')
		touched = touched[:0]
		t.reset(text)
		for {
			term, start, _ := t.next()
			if term == nil {
				break
			}
			id, known := ids[string(term)]
			if !known {
				id = int32(len(builders))
				ids[string(term)] = id
				builders = append(builders, termBuilder{lastDoc: -1})
			}
			b := &builders[id]
			if b.count == 0 {
				touched = append(touched, id)
			}
			b.count++
			if start >= titleStart && start < titleEnd {
				b.count += titleWeight - 1
			}
			doc.length++
		}
		for _, id := range touched {
			b := &builders[id]
			b.postings = binary.AppendUvarint(b.postings, uint64(int32(number)-b.lastDoc))
			b.postings = append(b.postings, byte(min(b.count, maxFrequency)))
			b.docs++
			b.lastDoc, b.count = int32(number), 0
		}
	}
	return packShard(docs, ids, builders)
}

// packShard moves the postings into one piece of memory and the terms into
// one string: less to hold and less for the garbage collector to visit.
func packShard(docs []document, ids map[string]int32, builders []termBuilder) *shard {
	size := 0
	for i := range builders {
		size += len(builders[i].postings)
	}
	var names strings.Builder
	nameBytes := 0
	for term := range ids {
		nameBytes += len(term)
	}
	names.Grow(nameBytes)
	s := &shard{
		docs:     docs,
		terms:    make(map[string]postingList, len(ids)),
		postings: make([]byte, 0, size),
	}
	for term, id := range ids {
		b := &builders[id]
		list := postingList{offset: uint32(len(s.postings)), size: uint32(len(b.postings)), docs: b.docs}
		s.postings = append(s.postings, b.postings...)
		start := names.Len()
		names.WriteString(term)
		s.terms[names.String()[start:]] = list
	}
	s.names = names.String()
	return s
}

// normalize prepares the part of BM25 that depends on a document alone.
func (s *shard) normalize(averageLength float64) {
	s.norms = make([]float32, len(s.docs))
	for i := range s.docs {
		s.norms[i] = float32(bm25K1 * (1 - bm25B + bm25B*float64(s.docs[i].length)/averageLength))
	}
}

// forEach calls visit with every document that has the term.
func (s *shard) forEach(list postingList, visit func(doc int32, occurrences byte)) {
	postings := s.postings[list.offset : list.offset+list.size]
	doc := int32(-1)
	for len(postings) > 0 {
		distance, n := binary.Uvarint(postings)
		doc += int32(distance)
		visit(doc, postings[n])
		postings = postings[n+1:]
	}
}
