package main

// proximityWeight is how much a document gains at most when all terms of the
// query stand next to each other in it.
const proximityWeight = 1.0

// An occurrence is one place where a term of the query is in a text.
type occurrence struct {
	term       int // index into the terms of the query
	position   int // how many terms precede it
	start, end int // bytes of the text
}

// find lists the occurrences of the terms in the text. The list is valid
// until the next call.
func (m *shardScratch) find(text string, terms []string) []occurrence {
	m.occurrences = m.occurrences[:0]
	m.tokenizer.reset(text)
	for position := 0; ; position++ {
		word, start, end := m.tokenizer.next()
		if word == nil {
			return m.occurrences
		}
		for i, term := range terms {
			if term == string(word) {
				m.occurrences = append(m.occurrences, occurrence{i, position, start, end})
				break
			}
		}
	}
}

// proximity is the factor, from 1 to 1 + proximityWeight, by which the score
// of a document rises for having many of the terms close together.
func (x *index) proximity(c *candidate, terms []string, mem *shardScratch) float64 {
	doc := &x.shards[c.shard].docs[c.doc]
	found := mem.find(x.sources[doc.file].text[doc.start:doc.end], terms)
	distinct, width := narrowest(found)
	if distinct < 2 {
		return 1
	}
	cover := float64(distinct) / float64(len(terms))
	return 1 + proximityWeight*cover*float64(distinct)/float64(width)
}

// narrowest returns how many different terms the occurrences have, and over
// how many positions the narrowest stretch with all of them extends.
func narrowest(found []occurrence) (distinct, width int) {
	var seen [maxQueryTerms]int
	for _, o := range found {
		if seen[o.term] == 0 {
			distinct++
		}
		seen[o.term]++
	}
	if distinct == 0 {
		return 0, 0
	}
	seen = [maxQueryTerms]int{}
	width = found[len(found)-1].position - found[0].position + 1
	inside, first := 0, 0
	for _, o := range found {
		if seen[o.term] == 0 {
			inside++
		}
		seen[o.term]++
		for inside == distinct {
			width = min(width, o.position-found[first].position+1)
			left := found[first].term
			seen[left]--
			if seen[left] == 0 {
				inside--
			}
			first++
		}
	}
	return distinct, width
}
