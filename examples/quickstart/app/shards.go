package main

import (
	"context"
	"encoding/binary"
	"strings"
	"sync"
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

// buildShard indexes the documents, in so many segments at the same time, and
// joins the segments. It stops early, and returns a shard that must not be
// used, when the context ends.
func buildShard(ctx context.Context, sources []source, docs []document, segments int) *shard {
	built := make([]segment, segments)
	var group sync.WaitGroup
	for i := range built {
		first, last := len(docs)*i/segments, len(docs)*(i+1)/segments
		group.Go(func() { built[i] = buildSegment(ctx, sources, docs[first:last], int32(first)) })
	}
	group.Wait()
	return joinSegments(docs, built)
}

// A segment is the index of a run of the documents of a shard while it is
// built.
type segment struct {
	ids   map[string]int32 // into lists
	lists []growingList
}

// A growingList gathers the postings of one term in one segment.
type growingList struct {
	postings []byte
	docs     uint32
	lastDoc  int32 // -1 before the first
	count    int32 // occurrences in the document at hand
}

func buildSegment(ctx context.Context, sources []source, docs []document, first int32) segment {
	seg := segment{ids: make(map[string]int32, 1<<14)}
	var touched []int32
	var t tokenizer
	for i := range docs {
		if ctx.Err() != nil {
			break
		}
		doc := &docs[i]
		text := sources[doc.file].text[doc.start:doc.end]
		titleStart := int(doc.title - doc.start)
		titleEnd := lineEnd(text, titleStart)
		touched = touched[:0]
		t.reset(text)
		for {
			term, start, _ := t.next()
			if term == nil {
				break
			}
			id, known := seg.ids[string(term)]
			if !known {
				id = int32(len(seg.lists))
				seg.ids[string(term)] = id
				seg.lists = append(seg.lists, growingList{lastDoc: -1})
			}
			list := &seg.lists[id]
			if list.count == 0 {
				touched = append(touched, id)
			}
			list.count++
			if start >= titleStart && start < titleEnd {
				list.count += titleWeight - 1
			}
			doc.length++
		}
		number := first + int32(i)
		for _, id := range touched {
			list := &seg.lists[id]
			list.postings = binary.AppendUvarint(list.postings, uint64(number-list.lastDoc))
			list.postings = append(list.postings, byte(min(list.count, maxFrequency)))
			list.docs++
			list.lastDoc, list.count = number, 0
		}
	}
	return seg
}

// joinSegments moves the postings into one piece of memory and the terms into
// one string: less to hold and less for the garbage collector to visit. The
// segments must be in the order of their documents.
func joinSegments(docs []document, segments []segment) *shard {
	postingBytes, nameBytes, terms := 0, 0, 0
	for i := range segments {
		for term, id := range segments[i].ids {
			postingBytes += len(segments[i].lists[id].postings)
			if !knownBefore(segments[:i], term) {
				nameBytes += len(term)
				terms++
			}
		}
	}
	var names strings.Builder
	names.Grow(nameBytes)
	s := &shard{
		docs:     docs,
		terms:    make(map[string]postingList, terms),
		postings: make([]byte, 0, postingBytes),
	}
	for i := range segments {
		for term := range segments[i].ids {
			if knownBefore(segments[:i], term) {
				continue
			}
			start := names.Len()
			names.WriteString(term)
			s.terms[names.String()[start:]] = s.join(segments[i:], term)
		}
	}
	s.names = names.String()
	return s
}

func knownBefore(segments []segment, term string) bool {
	for i := range segments {
		if _, known := segments[i].ids[term]; known {
			return true
		}
	}
	return false
}

// join appends the postings that a term has in the segments. The first
// distance in each counts from before the first document and is shortened by
// what has come before.
func (s *shard) join(segments []segment, term string) postingList {
	list := postingList{offset: uint32(len(s.postings))}
	lastDoc := int32(-1)
	for i := range segments {
		id, known := segments[i].ids[term]
		if !known {
			continue
		}
		part := &segments[i].lists[id]
		distance, n := binary.Uvarint(part.postings)
		s.postings = binary.AppendUvarint(s.postings, distance-uint64(lastDoc+1))
		s.postings = append(s.postings, part.postings[n:]...)
		list.docs += part.docs
		lastDoc = part.lastDoc
	}
	list.size = uint32(len(s.postings)) - list.offset
	return list
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
