package checks_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
)

func TestParseSelector(t *testing.T) {
	for name, tt := range map[string]struct {
		elements []string
		matches  string // of the texts below
		text     string
	}{
		"nothing":                   {nil, "a b ab / a,b /a/", ""},
		"no elements":               {[]string{}, "a b ab / a,b /a/", ""},
		"one":                       {[]string{"a"}, "a", "a"},
		"several":                   {[]string{"a", "/"}, "a /", "a,/"},
		"with commas":               {[]string{" a , b"}, "a b", "a,b"},
		"several, one with a comma": {[]string{"a,b", "b"}, "b a,b", "a,b,b"},
		"an expression":             {[]string{"/^a/"}, "a ab a,b", "/^a/"},
		"an expression with commas": {[]string{"/a,b/"}, "a,b", "/a,b/"},
		"several, one in slashes":   {[]string{"/a/", "b"}, "b /a/", "/a/,b"},
		"a slash alone":             {[]string{"/"}, "/", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := checks.ParseSelector(tt.elements)
			require.NoError(t, err)
			assert.Equal(t, tt.text, s.String())
			var matched string
			for _, text := range []string{"a", "b", "ab", "/", "a,b", "/a/"} {
				results, err := checks.New(nil, checks.Check{Name: "n", ID: text, Run: pass}).Run(t.Context(), checks.Request{Filter: checks.Filter{ID: s}})
				require.NoError(t, err)
				if len(results) > 0 {
					matched += " " + text
				}
			}
			assert.Equal(t, " "+tt.matches, matched)
		})
	}
	for text, says := range map[string]string{
		"//":   `"//": expected an expression between the slashes`,
		"/(/":  `"/(/": expected a regular expression: error parsing regexp`,
		"":     `"": expected no empty element`,
		"a,,b": `"a,,b": expected no empty element`,
		"a,":   `"a,": expected no empty element`,
	} {
		t.Run(text, func(t *testing.T) {
			_, err := checks.ParseSelector([]string{text})
			assert.ErrorContains(t, err, says)
		})
	}
}

func TestParseFilter(t *testing.T) {
	f, err := checks.ParseFilter([]string{"a,b"}, []string{"c,d"}, []string{"e, f"})
	require.NoError(t, err)
	assert.Equal(t, checks.Filter{Name: checks.AnyOf("a,b"), ID: checks.AnyOf("c", "d"), Tags: []string{"e", "f"}}, f, "a name may have a comma")
	f, err = checks.ParseFilter(nil, []string{}, []string{})
	require.NoError(t, err)
	assert.Equal(t, checks.Filter{}, f)
	f, err = checks.ParseFilter([]string{"/a,b/"}, nil, []string{"e", "f"})
	require.NoError(t, err)
	assert.Equal(t, "/a,b/", f.Name.String())
	assert.Equal(t, []string{"e", "f"}, f.Tags)

	_, err = checks.ParseFilter([]string{"/(/"}, []string{""}, []string{"UP", "a,b"})
	for _, says := range []string{`name: "/(/"`, `id: ""`, `tag: tag "UP"`, `tag "a,b"`} {
		assert.ErrorContains(t, err, says)
	}
}
