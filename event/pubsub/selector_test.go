package pubsub_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event/pubsub"
)

func TestSelector(t *testing.T) {
	const name = "metrics.prometheus.http"
	tests := []struct {
		selector, name string
		want           bool
	}{
		{"metrics", name, false},
		{"metrics.*", name, true},
		{"metrics.*.http", name, true},
		{"metrics.*.https", name, false},
		{"metrics.*.[hef]ttp", name, true},
		{"metrics.*.[abc]ttp", name, false},
		{"/metrics/", name, false},
		{"/metrics.(prometheus|datadog|newrelic).https?/", name, true},
		{name, name, true},
		{"  " + name + " ", name, true},
		{"Metrics.*", name, false},
		{"*", name, true},
		{"**", name, true},
		{"metrics*http", name, true},
		{"metrics.prometheus", name, false},
		{"m?trics.*", name, true},
		{"?metrics.*", name, false},
		{"[!a-l]etrics.*", name, true},
		{"[!a-m]etrics.*", name, false},
		{"[a-z]*", name, true},
		{"*[.]http", name, true},
		{"a.b*", "axb", false},
		{"[]a]a", "aa", true},
		{"[!]a]a", "ba", true},
		{"[-a]-", "a-", true},
		{"[a-]a-b", "aa-b", true},
		{"[[:alpha:]]a", "aa", false},
		{`[\w]a`, "xa", false},
		{"[^a]a", "aa", true},
		{"/a|b/", "ab", false},
		{"/ab|cd/", "cd", true},
		{"/(?i)METRICS.*/", name, true},
	}
	for _, tt := range tests {
		t.Run(tt.selector+" "+tt.name, func(t *testing.T) {
			s, err := pubsub.ParseSelector(tt.selector)
			require.NoError(t, err)
			assert.Equal(t, tt.want, s.Match(tt.name))
			assert.Equal(t, strings.TrimSpace(tt.selector), s.String())
			assert.Equal(t, strings.ContainsAny(tt.selector, "*?[/"), s.IsPattern())
		})
	}
	assert.False(t, pubsub.Selector{}.Match(""), "the zero value matches nothing")
}

func TestSelectorProblems(t *testing.T) {
	for text, problem := range map[string]string{
		"":                         "it is empty",
		"  ":                       "it is empty",
		"a":                        "no valid channel name",
		"-ab":                      "no valid channel name",
		"a b":                      "no valid channel name",
		"//":                       "between two slashes",
		"/":                        "between two slashes",
		"/abc":                     "between two slashes",
		"/(/":                      "missing closing",
		"/a)|(b/":                  "unexpected )",
		"a[bc":                     "must be closed",
		"a[!":                      "must be closed",
		"a[]":                      "must be closed",
		"a[z-a]":                   "invalid character class range",
		"\xff*":                    "invalid UTF-8",
		strings.Repeat("a*", 1000): "longer than",
		"/(((a{99}){99}){99}){9}/": "invalid repeat count",
	} {
		_, err := pubsub.ParseSelector(text)
		assert.ErrorContains(t, err, problem, text)
		assert.ErrorContains(t, err, `"metrics.*"`, "says what would be accepted")
	}
}

var nameRule = regexp.MustCompile(`^[0-9a-zA-Z]([0-9a-zA-Z\.\-_])*[0-9A-Za-z]$`)

func FuzzSelector(f *testing.F) {
	for _, seed := range []string{"metrics.*", "m[!a-c]?*", "/a|b/", "[]", "[!]]", "[a-]", "a", "[\\]x", "/(?-s:)/", "[[:x:]]", "ü*", "[ü-z]a"} {
		f.Add(seed, "metrics.http")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		s, err := pubsub.ParseSelector(text)
		if err != nil {
			return
		}
		got := s.Match(name)
		if !s.IsPattern() {
			assert.True(t, nameRule.MatchString(s.String()))
			assert.Equal(t, s.String() == name, got)
			return
		}
		again, err := pubsub.ParseSelector(s.String())
		require.NoError(t, err)
		assert.Equal(t, got, again.Match(name))
		if !strings.ContainsAny(text, "/[") && nameRule.MatchString(name) {
			assert.Equal(t, glob(strings.TrimSpace(text), name), got)
		}
	})
}

// glob is a slow but obvious matcher of * and ?.
func glob(pattern, name string) bool {
	switch {
	case pattern == "":
		return name == ""
	case pattern[0] == '*':
		return glob(pattern[1:], name) || name != "" && glob(pattern, name[1:])
	case name == "" || pattern[0] != '?' && pattern[0] != name[0]:
		return false
	}
	return glob(pattern[1:], name[1:])
}

func FuzzChannelName(f *testing.F) {
	for _, seed := range []string{"ab", " ab ", "a", "a.", ".a", "a_b-c.d", "A1", "ä", strings.Repeat("a", 253), strings.Repeat("a", 254), "a\nb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		x := pubsub.New(pubsub.Options{})
		c, err := x.Create(name, "")
		trimmed := strings.TrimSpace(name)
		if valid := len(trimmed) <= 253 && nameRule.MatchString(trimmed); !valid {
			require.ErrorContains(t, err, "invalid channel name")
			return
		}
		require.NoError(t, err)
		assert.Equal(t, trimmed, c.Name())
	})
}
