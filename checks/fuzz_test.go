package checks_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
)

func FuzzParseSelector(f *testing.F) {
	for _, seed := range []string{"", "a", "/", "//", "///", "/a/", "/(/", "a,b", " a , b ", "a,", ",", "/a,b/", "/a{1001}/", "/\xff/", "\x00", strings.Repeat("a,", 50) + "b"} {
		f.Add(seed, "b")
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		for _, elements := range [][]string{{first}, {first, second}} {
			s, err := checks.ParseSelector(elements)
			if err != nil {
				assert.Contains(t, err.Error(), "expected")
				continue
			}
			// What a list names, it selects, whatever it looks like.
			if len(elements) == 2 {
				assert.Equal(t, first+","+second, s.String())
				for _, id := range elements {
					results, err := checks.New(nil, checks.Check{Name: "n", ID: id, Run: pass}).Run(t.Context(), checks.Request{Filter: checks.Filter{ID: s}})
					require.NoError(t, err)
					assert.Len(t, results, 1)
				}
			}
		}
	})
}

func FuzzFilterExpression(f *testing.F) {
	for _, seed := range []string{"a", "^a$", "(?i)A", "[", "a{2}", "(a|b)*c", "\\p{L}", "(?s).", "\\", "$^", "x*"} {
		f.Add(seed, "some name")
	}
	f.Fuzz(func(t *testing.T, expression, name string) {
		filter, err := checks.ParseFilter([]string{"/" + expression + "/"}, nil, nil)
		if err != nil {
			return
		}
		want := regexp.MustCompile(expression).MatchString(name)
		results, err := checks.New(nil, checks.Check{Name: name, ID: "x", Run: pass}).Run(t.Context(), checks.Request{Filter: filter})
		require.NoError(t, err)
		assert.Equal(t, want, len(results) == 1)
	})
}

func FuzzNameTemplate(f *testing.F) {
	for _, seed := range []string{"", "a", "{", "}", "{{", "}}", "{{}}", "{self}", "{self.}", "{self[}", "{self[]}", "{self.Hosts[0].Name}", "{self.Labels[{]}", "{self.Labels.tier}", "{item}", "{self.Any[k][1]}", "{self..}", "{{{self.BaseURL}}}"} {
		f.Add(seed)
	}
	self := target{BaseURL: "{self.x}", Hosts: []host{{"a"}}, Labels: map[string]string{"tier": "}{"}, Any: map[any]any{"k": []any{1, 2}}}
	f.Fuzz(func(t *testing.T, name string) {
		results, err := checks.New(self, checks.Check{Name: name, Run: pass}).Run(t.Context(), checks.Request{})
		require.NoError(t, err)
		r := results[0]
		if r.Err != nil {
			assert.Equal(t, name, r.Name)
			return
		}
		if !strings.ContainsAny(name, "{}") {
			assert.Equal(t, name, r.Name, "what is no placeholder stays")
		}
		// With doubled braces every text is its own template, and an item puts
		// it in as it is.
		escaped := strings.NewReplacer("{", "{{", "}", "}}").Replace(name)
		results, err = checks.New(self,
			checks.Check{Name: escaped, ID: "x", Run: pass},
			checks.Each(checks.Check{Name: "-{item}-"}, []string{name}, func(context.Context, string) error { return nil }),
		).Run(t.Context(), checks.Request{})
		require.NoError(t, err)
		assert.Equal(t, name, results[0].Name)
		assert.Equal(t, "-"+name+"-", results[1].Name)
	})
}

func FuzzTables(f *testing.F) {
	f.Add("app", "a\nb", "expected √", true)
	f.Add("", "", "\x1b[2J\xff", false)
	f.Fuzz(func(t *testing.T, connector, name, message string, verbose bool) {
		r := checks.Report{{Connector: connector, Name: name, ID: "i", Message: message, Err: errBoom}}
		var out strings.Builder
		require.NoError(t, r.WriteTable(&out, verbose))
		assert.Equal(t, 2, strings.Count(out.String(), "\n"), "one row in one line")
		for _, c := range strings.ReplaceAll(out.String(), "\n", "") {
			assert.False(t, c < ' ' || c == 0x7f, "control characters do not reach the terminal")
		}
		out.Reset()
		require.NoError(t, r.WriteJUnit(&out))
		assert.True(t, utf8.ValidString(out.String()))
		out.Reset()
		require.NoError(t, r.WriteJSON(&out))
		assert.True(t, utf8.ValidString(out.String()))
	})
}
