package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func tokensOf(text string) []string {
	terms := []string{}
	t := tokenizer{text: text}
	for {
		term, _, _ := t.next()
		if term == nil {
			return terms
		}
		terms = append(terms, string(term))
	}
}

func TestTokenizer(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"empty":                     {"", []string{}},
		"only separators":           {" \n\t(){}—", []string{}},
		"words":                     {"read all bytes", []string{"read", "all", "byte"}},
		"camel case":                {"ReadAll readAll", []string{"read", "all", "read", "all"}},
		"snake case":                {"read_all", []string{"read", "all"}},
		"initialism at the front":   {"HTTPServer", []string{"http", "server"}},
		"initialism at the end":     {"serveHTTP", []string{"serve", "http"}},
		"initialism alone":          {"HTTP", []string{"http"}},
		"one capital":               {"AReader XErr", []string{"reader", "err"}},
		"digits inside":             {"utf8 sha256.New base64", []string{"utf8", "sha256", "new", "base64"}},
		"digit before a capital":    {"sha256Sum", []string{"sha256", "sum"}},
		"numbers":                   {"0x1F 42 1e9 3", []string{}},
		"one letter":                {"a b i x", []string{}},
		"stop words":                {"the end of this", []string{"end"}},
		"plural":                    {"headers bytes", []string{"header", "byte"}},
		"no plural":                 {"process status analysis gas", []string{"process", "status", "analysis", "gas"}},
		"beyond ascii":              {"Über ΩmegaΣigma naïve", []string{"über", "ωmega", "σigma", "naïve"}},
		"invalid utf-8":             {"good\xff\xfebad", []string{"good", "bad"}},
		"longest accepted":          {strings.Repeat("q", maxTermBytes), []string{strings.Repeat("q", maxTermBytes)}},
		"too long":                  {strings.Repeat("q", maxTermBytes+1) + " ok", []string{"ok"}},
		"code":                      {"if err != nil { return fmt.Errorf(\"x: %w\", err) }", []string{"if", "err", "nil", "return", "fmt", "errorf", "err"}},
		"quotes end a word":         {"don't", []string{"don"}},
		"digits of other scripts":   {"x٣y", []string{"x٣y"}},
		"capital after a stop word": {"toString", []string{"string"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, tokensOf(test.text))
		})
	}
}

func TestTokenizerReportsPlaces(t *testing.T) {
	text := "func (c *Client) DoHTTP2Request()"
	var places []string
	tok := tokenizer{text: text}
	for {
		term, start, end := tok.next()
		if term == nil {
			break
		}
		places = append(places, text[start:end])
	}
	assert.Equal(t, []string{"func", "Client", "Do", "HTTP2", "Request"}, places)
}

func TestTokenizerDoesNotAllocate(t *testing.T) {
	tok := tokenizer{term: make([]byte, 0, 256)}
	terms := 0
	allocations := testing.AllocsPerRun(10, func() {
		tok.reset("// ReadAll reads from r until an error or EOF and returns the data it read.")
		for term, _, _ := tok.next(); term != nil; term, _, _ = tok.next() {
			terms++
		}
	})
	assert.Zero(t, allocations)
	assert.Positive(t, terms)
}

func TestQueryTerms(t *testing.T) {
	assert.Equal(t, []string{"http", "client"}, queryTerms("HTTP clients http Client"))
	assert.Empty(t, queryTerms("of the 42"))
	long := strings.Fields("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma")
	assert.Len(t, queryTerms(strings.Join(long, " ")), maxQueryTerms)
}

func FuzzTokenizer(f *testing.F) {
	for _, seed := range []string{"", "ReadAll", "HTTPServer", "a\xffB", "ÜBERzug", "x1Y2", "AΩb", "ǅungla", "İi", "s", "SS"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tok := tokenizer{text: text}
		last := 0
		for {
			term, start, end := tok.next()
			if term == nil {
				break
			}
			require.LessOrEqual(t, last, start, "words do not overlap")
			require.Less(t, start, end)
			require.LessOrEqual(t, end, len(text))
			require.LessOrEqual(t, len(term), maxTermBytes)
			require.GreaterOrEqual(t, len(term), minTermBytes)
			require.True(t, utf8.Valid(term), "%q", term)
			last = end
		}
		require.LessOrEqual(t, len(queryTerms(text)), maxQueryTerms)
	})
}
