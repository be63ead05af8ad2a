package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDeclarations(t *testing.T) {
	type piece struct {
		line  int32
		title string
		text  string
	}
	for name, test := range map[string]struct {
		text string
		want []piece
	}{
		"empty":         {"", nil},
		"no newline":    {"package p", []piece{{1, "package p", "package p"}}},
		"only a clause": {"package p\n", []piece{{1, "package p", "package p\n"}}},
		"comments stay with what they describe": {
			"// Package p.\npackage p\n\nimport \"x\"\n\n// F is.\n// More.\nfunc F() {\n}\n\ntype T int\n",
			[]piece{
				{1, "package p", "// Package p.\npackage p\n\nimport \"x\"\n\n"},
				{6, "func F() {", "// F is.\n// More.\nfunc F() {\n}\n\n"},
				{11, "type T int", "type T int\n"},
			}},
		"detached comment": {
			"package p\n\n// Alone.\n\nvar x = 1\n",
			[]piece{{1, "package p", "package p\n\n// Alone.\n\n"}, {5, "var x = 1", "var x = 1\n"}}},
		"nested declarations are inside": {
			"func F() {\n\tvar x int\n\tconst y = 1\n}\n",
			[]piece{{1, "func F() {", "func F() {\n\tvar x int\n\tconst y = 1\n}\n"}}},
		"directly below one another": {
			"const a = 1\nconst b = 2",
			[]piece{{1, "const a = 1", "const a = 1\n"}, {2, "const b = 2", "const b = 2"}}},
		"no code": {"# text\n", []piece{{1, "# text", "# text\n"}}},
	} {
		t.Run(name, func(t *testing.T) {
			x := &index{sources: []source{{"p.go", test.text}}}
			var got []piece
			for _, doc := range declarations(test.text) {
				got = append(got, piece{doc.line, x.titleOf(&doc), test.text[doc.start:doc.end]})
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func FuzzDeclarations(f *testing.F) {
	for _, seed := range []string{"", "\n", "//", "package p\nfunc", "// c\nfunc F() {}\n//\n", "func \nfunc \n", "\xff\nvar \x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at := int32(0)
		for _, doc := range declarations(text) {
			require.Equal(t, at, doc.start, "the pieces are the whole text, in order")
			require.Less(t, doc.start, doc.end)
			require.GreaterOrEqual(t, doc.title, doc.start)
			require.LessOrEqual(t, doc.title, doc.end)
			require.Equal(t, int32(strings.Count(text[:doc.start], "\n"))+1, doc.line)
			at = doc.end
		}
		require.Equal(t, len(text), int(at))
		if text != "" {
			x, err := buildIndex(t.Context(), []source{{"p.go", text}}, 2)
			require.NoError(t, err)
			if terms := queryTerms(text); len(terms) > 0 {
				found, err := x.search(t.Context(), "", terms)
				require.NoError(t, err)
				require.NotEmpty(t, found.Hits, "a text is found by its own words")
			}
		}
	})
}

func TestBuildIndexFails(t *testing.T) {
	_, err := buildIndex(t.Context(), nil, 1)
	require.ErrorContains(t, err, "no text")
	_, err = buildIndex(t.Context(), []source{{"p.go", "package p\n"}}, 0)
	require.ErrorContains(t, err, "0 shards")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = buildIndex(ctx, []source{{"p.go", "package p\n"}}, 2)
	require.ErrorIs(t, err, context.Canceled)
}

func TestIndexCounts(t *testing.T) {
	text := "package p\n\n// Feed the cat.\nfunc Feed() {}\n\nfunc Walk() {}\n"
	x, err := buildIndex(t.Context(), []source{{"p.go", text}}, 1)
	require.NoError(t, err)
	assert.Equal(t, 3, x.docs)
	assert.Equal(t, 5, x.terms, "package, feed, cat, func, walk")
	assert.Greater(t, x.bytes(), int64(len(text)))

	list := x.shards[0].terms["feed"]
	assert.Equal(t, uint32(1), list.docs)
	x.shards[0].forEach(list, func(doc int32, occurrences byte) {
		assert.Equal(t, int32(1), doc)
		assert.Equal(t, byte(1+titleWeight), occurrences, "once in the comment, once in the title")
	})

	more, err := buildIndex(t.Context(), []source{{"p.go", text}}, 8)
	require.NoError(t, err, "more shards than documents")
	assert.Equal(t, 3, more.docs)
}

func TestSegmentsDoNotChangeTheShard(t *testing.T) {
	var text strings.Builder
	for i := range 300 {
		fmt.Fprintf(&text, "// all say cat, some say word%c\nfunc f%d() {}\n", 'a'+i%7, i)
	}
	sources := []source{{"p.go", text.String()}}
	postings := func(segments int) map[string][][2]int {
		docs := declarations(sources[0].text)
		s := buildShard(t.Context(), sources, docs, segments)
		all := map[string][][2]int{}
		for term, list := range s.terms {
			s.forEach(list, func(doc int32, occurrences byte) {
				all[term] = append(all[term], [2]int{int(doc), int(occurrences)})
			})
			require.Len(t, all[term], int(list.docs))
		}
		return all
	}
	one := postings(1)
	require.Len(t, one["cat"], 300)
	for _, segments := range []int{2, 3, 16, 1000} {
		assert.Equal(t, one, postings(segments), "%d segments", segments)
	}
}
