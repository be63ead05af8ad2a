package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"unsafe"
)

// A document is what a hit points at: one top-level declaration with its
// comment, or what precedes the first declaration of a file.
type document struct {
	file       int32 // in index.sources
	start, end int32 // bytes of the file's text
	line       int32 // number of the first line, from 1
	title      int32 // where the declaration itself starts, after its comment
	length     int32 // in terms
}

// An index holds the corpus and its shards. It is immutable once built.
type index struct {
	sources []source
	shards  []*shard
	docs    int
	terms   int
}

// buildIndex indexes the sources in the given number of shards. Whatever that
// is, it uses all processors. The document numbered i is in shard i mod shards.
func buildIndex(ctx context.Context, sources []source, shards int) (*index, error) {
	if shards < 1 {
		return nil, fmt.Errorf("building the index: %d shards", shards)
	}
	parts := make([][]document, shards)
	docs := 0
	for i := range sources {
		if len(sources[i].text) > math.MaxInt32 {
			return nil, fmt.Errorf("building the index: %s: more than 2 GiB of text", sources[i].path)
		}
		for _, doc := range declarations(sources[i].text) {
			doc.file = int32(i)
			parts[docs%shards] = append(parts[docs%shards], doc)
			docs++
		}
	}
	if docs == 0 {
		return nil, errors.New("building the index: the corpus has no text")
	}

	x := &index{sources: sources, shards: make([]*shard, shards), docs: docs}
	var group sync.WaitGroup
	segments := (runtime.GOMAXPROCS(0) + shards - 1) / shards
	for i := range parts {
		group.Go(func() { x.shards[i] = buildShard(ctx, sources, parts[i], segments) })
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("building the index: %w", err)
	}

	var length float64
	for _, s := range x.shards {
		for i := range s.docs {
			length += float64(s.docs[i].length)
		}
		x.terms += len(s.terms)
	}
	for _, s := range x.shards {
		s.normalize(length / float64(docs))
	}
	return x, nil
}

// bytes estimates the memory that the index holds, the text included.
func (x *index) bytes() int64 {
	var total int64
	for i := range x.sources {
		total += int64(len(x.sources[i].text) + len(x.sources[i].path))
	}
	for _, s := range x.shards {
		total += int64(len(s.postings)) + int64(len(s.names))
		total += int64(len(s.docs)) * int64(unsafe.Sizeof(document{})+unsafe.Sizeof(float32(0)))
		total += int64(len(s.terms)) * int64(unsafe.Sizeof("")+unsafe.Sizeof(postingList{}))
	}
	return total
}

// declarations cuts a file at its top-level declarations. Cutting at lines is
// a tenth of the work of parsing, and a raw string that looks like a
// declaration only makes one more document.
func declarations(text string) []document {
	var docs []document
	current := document{line: 1, title: -1}
	comment, commentLine := -1, int32(0) // where the comment lines just above begin
	line, pos := int32(1), 0
	for pos < len(text) {
		end := pos + len(text[pos:])
		if i := strings.IndexByte(text[pos:], '\n'); i >= 0 {
			end = pos + i + 1
		}
		switch content := text[pos:end]; {
		case strings.HasPrefix(content, "//"):
			if comment < 0 {
				comment, commentLine = pos, line
			}
		case opensDeclaration(content):
			start, startLine := pos, line
			if comment >= 0 {
				start, startLine = comment, commentLine
			}
			if start > int(current.start) {
				current.end = int32(start)
				docs = append(docs, current)
			}
			current = document{start: int32(start), line: startLine, title: int32(pos)}
			comment = -1
		default:
			if current.title < 0 && strings.HasPrefix(content, "package ") {
				current.title = int32(pos)
			}
			comment = -1
		}
		pos = end
		line++
	}
	if len(text) > int(current.start) {
		current.end = int32(len(text))
		docs = append(docs, current)
	}
	for i := range docs {
		docs[i].title = max(docs[i].title, docs[i].start)
	}
	return docs
}

func opensDeclaration(line string) bool {
	for _, keyword := range []string{"func ", "type ", "var ", "const "} {
		if strings.HasPrefix(line, keyword) {
			return true
		}
	}
	return false
}

// titleOf returns the line that opens the declaration.
func (x *index) titleOf(doc *document) string {
	text := x.sources[doc.file].text[doc.title:doc.end]
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		text = text[:i]
	}
	return strings.TrimSpace(text)
}
