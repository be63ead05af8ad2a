package checks_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
)

type query struct {
	Name string `yaml:"name"`
	Text string
}

// described gives its own check.
type described string

func (d described) Check() checks.Check {
	if d == "panic" {
		panic("no")
	}
	return checks.Check{Name: "Own " + string(d), ID: "own-" + string(d), Severity: checks.Warning, Tags: []string{"own"}}
}

type spoken int

func (s spoken) String() string { return strings.Repeat("|", int(s)) }

func TestEachNamesItsChecks(t *testing.T) {
	static := func(entry checks.Entry) func() checks.Entry { return func() checks.Entry { return entry } }
	for name, tt := range map[string]struct {
		entry func() checks.Entry
		names []string
		ids   []string
	}{
		"template": {
			static(checks.Each(checks.Check{Name: "Query {item.name} of {self.host}", ID: "query"}, []query{{Name: "a"}, {Name: "b"}}, func(context.Context, query) error { return nil })),
			[]string{"Query a of db", "Query b of db"}, []string{"query_item_0", "query_item_1"},
		},
		"without an id": {
			static(checks.Each(checks.Check{Name: "{item}"}, []string{"a"}, func(context.Context, string) error { return nil })),
			[]string{"a"}, []string{checks.ID("{item}") + "_item_0"},
		},
		"braces of an item mean nothing": {
			static(checks.Each(checks.Check{Name: "{item}", ID: "q"}, []string{`up{job="x"}`, "{self.host}", "}{"}, func(context.Context, string) error { return nil })),
			[]string{`up{job="x"}`, "{self.host}", "}{"}, []string{"q_item_0", "q_item_1", "q_item_2"},
		},
		"without a name, named items": {
			static(checks.Each(checks.Check{ID: "ignored"}, []query{{Name: "five"}}, func(context.Context, query) error { return nil })),
			[]string{"Check five"}, []string{"b3f49d29"},
		},
		"without a name, keyed items": {
			static(checks.Each(checks.Check{}, []map[string]any{{"name": "six"}}, func(context.Context, map[string]any) error { return nil })),
			[]string{"Check six"}, []string{"bdc0e261"},
		},
		"without a name, texts": {
			static(checks.Each(checks.Check{}, []string{"seven"}, func(context.Context, string) error { return nil })),
			[]string{"Check seven"}, []string{"b991c85a"},
		},
		"without a name, what can be printed": {
			static(checks.Each(checks.Check{}, []spoken{3}, func(context.Context, spoken) error { return nil })),
			[]string{"Check |||"}, []string{checks.ID("Check |||")},
		},
		"without a name, nothing": {
			static(checks.Each(checks.Check{}, []*query{nil}, func(context.Context, *query) error { return nil })),
			[]string{"Check nothing"}, []string{checks.ID("Check nothing")},
		},
		"items with a check of their own": {
			static(checks.Each(checks.Check{}, []described{"one"}, func(context.Context, described) error { return nil })),
			[]string{"Own one"}, []string{"own-one"},
		},
		"no items": {
			static(checks.Each(checks.Check{}, nil, func(context.Context, string) error { return nil })),
			nil, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			results, err := checks.New(map[string]string{"host": "db"}, tt.entry()).Run(t.Context(), checks.Request{})
			require.NoError(t, err)
			assert.Equal(t, tt.names, names(results))
			assert.Equal(t, tt.ids, ids(results))
			for _, r := range results {
				assert.True(t, r.Success(), r.Message)
			}
		})
	}
}

func TestEachGivesItsTemplateToAll(t *testing.T) {
	remedy := func(context.Context) error { return nil }
	template := checks.Check{
		Name: "{item}", Description: "about", Severity: checks.Critical, Tags: []string{"x"}, Hint: "do it", Remedy: remedy,
		Run: func(context.Context) error { t.Error("not that of the template"); return nil },
	}
	results, err := checks.New(nil, checks.Each(template, []string{"a", "b"}, func(_ context.Context, item string) error { return errors.New(item) })).
		Run(t.Context(), checks.Request{HaltOn: checks.HaltNever})
	require.NoError(t, err)
	require.Len(t, results, 2)
	for i, r := range results {
		assert.Equal(t, string("ab"[i]), r.Message, "each with its own item")
		assert.Equal(t, []any{"about", checks.Critical, []string{"x"}, "do it"}, []any{r.Description, r.Severity, r.Tags, r.Hint})
		assert.NotNil(t, r.Remedy)
	}
}

func TestEachThatIsWrong(t *testing.T) {
	var nothing func(context.Context, string) error
	ok := func(context.Context, string) error { return nil }
	for name, tt := range map[string]struct {
		entry checks.Entry
		says  string
	}{
		"nothing to run":        {checks.Each(checks.Check{Name: "n"}, []string{"a"}, nothing), "the check has nothing to run"},
		"no such field":         {checks.Each(checks.Check{Name: "{item.x}"}, []string{"a"}, ok), `rendering the name "{item.x}": {item.x}: item is a string, so it has no "x"`},
		"no self":               {checks.Each(checks.Check{Name: "{self.x}"}, []string{"a"}, ok), "expected it to begin with item"},
		"neither self nor item": {checks.New(1, checks.Each(checks.Check{Name: "{x}"}, []string{"a"}, ok)), "expected it to begin with self or item"},
		"a bad tag":             {checks.Each(checks.Check{Name: "n", Tags: []string{"!"}}, []string{"a"}, ok), `tag "!"`},
		"the same twice":        {checks.Each(checks.Check{}, []string{"a", "a"}, ok), `the id "` + checks.ID("Check a") + `" belongs to the check "Check a": expected one of its own`},
		"a panicking item":      {checks.Each(checks.Check{}, []described{"panic"}, func(context.Context, described) error { return nil }), "panicked: no"},
		"unlisted": {checks.EachFunc(checks.Check{Name: "n"}, func(context.Context) ([]string, error) { return nil, errBoom }, ok),
			"listing what to check: boom"},
		"a panicking list": {checks.EachFunc(checks.Check{}, func(context.Context) ([]string, error) { panic("no") }, ok), "listing what to check: panicked: no"},
		"no list":          {checks.EachFunc(checks.Check{}, nil, ok), "listing what to check: there is no function that lists them"},
	} {
		t.Run(name, func(t *testing.T) {
			results, err := checks.Run(t.Context(), tt.entry)
			require.NoError(t, err)
			require.NotEmpty(t, results)
			last := results[len(results)-1]
			assert.False(t, last.Success())
			assert.Contains(t, last.Message, tt.says)
			assert.NotEmpty(t, last.Name)
			assert.NotEmpty(t, last.ID)
		})
	}
}

func TestEachFuncListsWhenItsTurnComes(t *testing.T) {
	listed := 0
	suite := checks.New(nil, checks.Require("connected", fail), checks.EachFunc(checks.Check{Name: "{item}", ID: "q"}, func(context.Context) ([]int, error) {
		listed++
		return []int{listed}, nil
	}, func(context.Context, int) error { return nil }))
	results, err := suite.Run(t.Context(), checks.Request{})
	require.NoError(t, err)
	assert.Len(t, results, 1)
	assert.Zero(t, listed, "nothing is asked behind a critical failure")

	for n := 1; n <= 2; n++ {
		results, err = suite.Run(t.Context(), checks.Request{HaltOn: checks.HaltNever})
		require.NoError(t, err)
		assert.Equal(t, []string{"connected", string(rune('0' + n))}, names(results), "anew in each run")
	}
	results, err = suite.Run(t.Context(), checks.Request{Filter: checks.Filter{ID: checks.AnyOf("q_item_0"), Exclusive: true}})
	require.NoError(t, err)
	assert.Equal(t, []string{"3"}, names(results))
}

func TestSuitesInSuites(t *testing.T) {
	type settings struct{ URL string }
	shared := checks.New(nil, checks.Require("Reach {self.URL}", pass))
	own := checks.New(settings{"own"}, checks.Check{Name: "Own {self.URL}", Run: pass})
	outer := checks.New(&settings{"outer"}, shared, checks.Check{Name: "Use {self.url}", Run: pass}, own)
	results, err := outer.Run(t.Context(), checks.Request{})
	require.NoError(t, err)
	assert.Equal(t, []string{"Reach outer", "Use outer", "Own own"}, names(results))

	alone, err := checks.Run(t.Context(), shared)
	require.NoError(t, err)
	assert.Equal(t, []string{"Reach {self.URL}"}, names(alone), "without a self, names are as they are")
}

func TestIDsMustDiffer(t *testing.T) {
	results, err := checks.Run(t.Context(), checks.Check{Name: "a", ID: "x", Run: pass}, checks.Check{Name: "b", ID: "x", Run: pass})
	require.NoError(t, err)
	assert.True(t, results[0].Success())
	assert.Equal(t, `the id "x" belongs to the check "a": expected one of its own`, results[1].Message)
}

func TestAdviceIsFoundBelowOtherErrors(t *testing.T) {
	advice := &checks.Error{Message: "expected a", Hint: "the error's"}
	remedied := ""
	c := checks.Check{
		Name: "n", Hint: "the check's", Remedy: func(context.Context) error { remedied = "check"; return nil },
		Run: func(context.Context) error { return errors.Join(errBoom, advice) },
	}
	r := one(t, c)
	assert.Equal(t, "the error's", r.Hint)
	require.NoError(t, r.Remedy(t.Context()))
	assert.Equal(t, "check", remedied)
	advice.Hint, advice.Remedy = "", func(context.Context) error { remedied = "error"; return nil }
	r = one(t, c)
	assert.Equal(t, "the check's", r.Hint)
	require.NoError(t, r.Remedy(t.Context()))
	assert.Equal(t, "error", remedied)
	assert.ErrorIs(t, r.Err, errBoom)
}

func TestAllStreams(t *testing.T) {
	ran := 0
	count := func(context.Context) error { ran++; return nil }
	suite := checks.New(nil, checks.Check{Name: "a", Run: count}, checks.Check{Name: "b", Run: count}, checks.Check{Name: "c", Run: count})
	for r, err := range suite.All(t.Context(), checks.Request{}) {
		require.NoError(t, err)
		if r.Name == "b" {
			break
		}
		assert.Equal(t, 1, ran, "each is seen before the next runs")
	}
	assert.Equal(t, 2, ran)
}

func TestRunEndsBeforeTheFirst(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errBoom)
	results, err := checks.Run(ctx, checks.Check{Name: "a", Run: func(context.Context) error { t.Error("must not run"); return nil }})
	assert.ErrorIs(t, err, errBoom)
	assert.Empty(t, results)
	_, err = checks.New(nil, checks.Require("a", pass)).RunOne(ctx, "a", checks.Request{})
	assert.ErrorIs(t, err, errBoom)
}

func TestRunOne(t *testing.T) {
	suite := func(prerequisite func(context.Context) error) *checks.Suite {
		return checks.New(map[string]int{"port": 80},
			checks.Require("Connect to {self.port}", prerequisite),
			checks.Check{Name: "common failure", Run: fail},
			checks.Check{Name: "wanted {self.port}", ID: "w", Run: fail},
			checks.Check{Name: "twin", ID: "t1", Run: pass}, checks.Check{Name: "twin", ID: "t2", Run: pass},
			checks.Require("last", fail),
		)
	}
	for name, tt := range map[string]struct {
		prerequisite func(context.Context) error
		ref          string
		request      checks.Request
		id           string
		success      bool
		says         string
	}{
		"by id":                         {pass, "w", checks.Request{}, "w", false, ""},
		"by name":                       {pass, "wanted 80", checks.Request{}, "w", false, ""},
		"by name as declared":           {pass, "wanted {self.port}", checks.Request{}, "w", false, ""},
		"a prerequisite itself":         {fail, "Connect to 80", checks.Request{}, checks.ID("Connect to {self.port}"), false, ""},
		"without its prerequisites":     {fail, "t2", checks.Request{Filter: checks.Filter{Exclusive: true}}, "t2", true, ""},
		"whatever the prerequisites":    {fail, "t2", checks.Request{HaltOn: checks.HaltNever}, "t2", true, ""},
		"a prerequisite that failed":    {fail, "t2", checks.Request{}, "", false, `running the check "t2": it was not run because its prerequisite "Connect to 80" (` + checks.ID("Connect to {self.port}") + `) failed: boom`},
		"neither id nor name":           {pass, "", checks.Request{}, "", false, "expected an id or a name, found neither"},
		"a selection beside":            {pass, "w", checks.Request{Filter: checks.Filter{Tags: []string{"x"}}}, "", false, "expected a request without a selection, found one"},
		"no such check":                 {pass, "nope", checks.Request{}, "", false, `running the check "nope": no check has that id or name: there are "Connect to 80" (`},
		"several of the name":           {pass, "twin", checks.Request{}, "", false, `running the check "twin": several have that name: expected one of the ids t1, t2`},
		"behind a failure that is none": {pass, "t1", checks.Request{}, "t1", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := suite(tt.prerequisite).RunOne(t.Context(), tt.ref, tt.request)
			assert.Equal(t, tt.id, r.ID)
			if tt.says == "" {
				require.NoError(t, err)
				assert.Equal(t, tt.success, r.Success())
				return
			}
			assert.ErrorContains(t, err, tt.says)
		})
	}
	t.Run("the failed prerequisite can be looked at", func(t *testing.T) {
		_, err := suite(fail).RunOne(t.Context(), "w", checks.Request{})
		var prerequisite *checks.PrerequisiteError
		require.ErrorAs(t, err, &prerequisite)
		assert.Equal(t, "Connect to 80", prerequisite.Failed.Name)
		assert.ErrorIs(t, err, errBoom)
	})
	t.Run("a list that failed is named", func(t *testing.T) {
		s := checks.New(nil, checks.EachFunc(checks.Check{Name: "n", ID: "q"}, func(context.Context) ([]int, error) { return nil, errBoom }, func(context.Context, int) error { return nil }))
		_, err := s.RunOne(t.Context(), "q_item_3", checks.Request{})
		assert.ErrorContains(t, err, "no check has that id or name")
		assert.ErrorIs(t, err, errBoom)
	})
	t.Run("of none and of many", func(t *testing.T) {
		_, err := checks.New(nil).RunOne(t.Context(), "x", checks.Request{})
		assert.EqualError(t, err, `running the check "x": no check has that id or name: there are no checks`)
		var many []checks.Entry
		for range 12 {
			many = append(many, checks.Check{Name: strings.Repeat("n", len(many)+1), Run: pass})
		}
		_, err = checks.New(nil, many...).RunOne(t.Context(), "x", checks.Request{})
		assert.ErrorContains(t, err, "and 2 more")
	})
	t.Run("ends with its context", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		s := checks.New(nil, checks.Require("a", func(ctx context.Context) error { cancel(errBoom); return ctx.Err() }), checks.Check{Name: "b", Run: pass})
		_, err := s.RunOne(ctx, "b", checks.Request{})
		assert.ErrorIs(t, err, errBoom)
	})
}
