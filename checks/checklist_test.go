package checks_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
)

// The tables that say how checks behave, row by row.

func TestChecklistRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		remedied := false
		full := one(t, checks.Check{
			Name: "Test", Description: "says more {self}", Severity: checks.Critical, Tags: []string{" b ", "a.1-2", "b"},
			Run: func(context.Context) error {
				time.Sleep(2 * time.Second)
				return &checks.Error{
					Message: "expected a, found b", Hint: "try c", Err: errBoom,
					Remedy: func(context.Context) error { remedied = true; return nil },
				}
			},
		})
		plain := one(t, checks.Check{Name: "two", Run: pass})
		for field, holds := range map[string]bool{
			"name":        full.Name == "Test",
			"id":          full.ID == "1bab7e8d" && one(t, checks.Check{Name: "Test", ID: "own", Run: pass}).ID == "own",
			"description": full.Description == "says more {self}" && plain.Description == "",
			"severity":    full.Severity == checks.Critical && plain.Severity == checks.Common,
			"tags":        strings.Join(full.Tags, " ") == "a.1-2 b" && len(plain.Tags) == 0,
			"success":     !full.Success() && plain.Success(),
			"message":     full.Message == "expected a, found b: boom" && plain.Message == "",
			"hint":        full.Hint == "try c" && plain.Hint == "",
			"remedy":      full.Remedy != nil && full.Remedy(t.Context()) == nil && remedied && plain.Remedy == nil,
			"exception":   errors.Is(full.Err, errBoom) && plain.Err == nil,
			"created_at":  full.CreatedAt.Equal(began),
			"run_at":      full.RunAt.Equal(began) && plain.RunAt.Equal(began.Add(2*time.Second)),
			"runtime":     full.Runtime == 2*time.Second && plain.Runtime == 0,
		} {
			assert.True(t, holds, field)
		}
		// The order of the fields is that of the table.
		text, err := json.Marshal(full)
		require.NoError(t, err)
		keys := regexp.MustCompile(`"([a-z_]+)":`).FindAllStringSubmatch(string(text), -1)
		var order []string
		for _, k := range keys {
			order = append(order, k[1])
		}
		assert.Equal(t, []string{"name", "id", "description", "severity", "tags", "success", "message", "hint", "remedy", "exception", "created_at", "run_at", "runtime"}, order)
	})
}

func TestChecklistIDs(t *testing.T) {
	for name, id := range map[string]string{
		"Test": "1bab7e8d", "Ensure adequate resources": "c272d5e0", "two": "0b1c4a4d", "four": "31d68b28",
		"Check five": "b3f49d29", "Check six": "bdc0e261", "Check seven": "b991c85a", "Opsani API connectivity": "ffd7e219",
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, id, checks.ID(name)) })
	}
}

func TestChecklistTags(t *testing.T) {
	for tag, ok := range map[string]bool{
		"a": true, strings.Repeat("x", 32): true, "0-9.a": true, "  trimmed\t": true,
		"": false, " ": false, strings.Repeat("x", 33): false, strings.Repeat("x", 99): false, "UP": false, "a_b": false, "a b": false, "é": false, "a\n-": false,
	} {
		t.Run(tag, func(t *testing.T) {
			r := one(t, checks.Check{Name: "n", Tags: []string{tag}, Run: pass})
			assert.Equal(t, ok, r.Success(), r.Message)
			if !ok {
				assert.Contains(t, r.Message, "expected 1 to 32 of the characters")
			}
		})
	}
}

func TestChecklistDeclaring(t *testing.T) {
	for form, tt := range map[string]struct {
		entry    checks.Entry
		severity checks.Severity
		id       string
	}{
		"check":      {checks.Check{Name: "n", Run: pass}, checks.Common, checks.ID("n")},
		"require":    {checks.Require("n", pass), checks.Critical, checks.ID("n")},
		"warn":       {checks.Warn("n", pass), checks.Warning, checks.ID("n")},
		"multicheck": {checks.Each(checks.Check{Name: "n", ID: "each"}, []int{1}, func(context.Context, int) error { return nil }), checks.Common, "each_item_0"},
	} {
		t.Run(form, func(t *testing.T) {
			r := one(t, tt.entry)
			assert.Equal(t, tt.severity, r.Severity)
			assert.Equal(t, tt.id, r.ID)
			assert.True(t, r.Success())
		})
	}
}

// typedError has an empty text.
type typedError struct{}

func (typedError) Error() string { return "" }

func TestChecklistOutcomes(t *testing.T) {
	report := func(message string, err error) checks.Check {
		return checks.Check{Name: "n", Report: func(context.Context) (string, error) { return message, err }}
	}
	for returned, tt := range map[string]struct {
		check   checks.Check
		success bool
		message string
	}{
		"nothing":                {checks.Check{Name: "n", Run: pass}, true, ""},
		"true":                   {report("", nil), true, ""},
		"false":                  {checks.Check{Name: "n", Run: func(context.Context) error { return &checks.Error{} }}, false, "an error of type *checks.Error without a text"},
		"string":                 {report("version 2", nil), true, "version 2"},
		"true and a string":      {report("fine", nil), true, "fine"},
		"false and a string":     {report("dropped", errBoom), false, "boom"},
		"check error":            {checks.Check{Name: "n", Run: func(context.Context) error { return &checks.Error{Message: "verbatim"} }}, false, "verbatim"},
		"check error of a cause": {checks.Check{Name: "n", Run: func(context.Context) error { return &checks.Error{Err: errBoom} }}, false, "boom"},
		"other error":            {checks.Check{Name: "n", Run: fail}, false, "boom"},
		"error without a text":   {checks.Check{Name: "n", Run: func(context.Context) error { return typedError{} }}, false, "an error of type checks_test.typedError without a text"},
		"panic":                  {checks.Check{Name: "n", Run: func(context.Context) error { panic(errBoom) }}, false, "panicked: boom"},
		"panic of no error":      {checks.Check{Name: "n", Run: func(context.Context) error { panic("no") }}, false, "panicked: no"},
		"no name":                {checks.Check{Run: pass}, false, "the check has no name"},
		"nothing to run":         {checks.Check{Name: "n"}, false, "the check has nothing to run"},
		"two to run":             {checks.Check{Name: "n", Run: pass, Report: report("", nil).Report}, false, "the check has both Run and Report: give it one of them"},
	} {
		t.Run(returned, func(t *testing.T) {
			r := one(t, tt.check)
			assert.Equal(t, tt.success, r.Success())
			assert.Equal(t, tt.message, r.Message)
			assert.Equal(t, !tt.success, r.Err != nil)
		})
	}
}

func TestChecklistFilters(t *testing.T) {
	suite := checks.New(map[string]string{"host": "db"},
		checks.Check{Name: "Reach {self.host}", ID: "reach", Tags: []string{"net"}, Run: pass},
		checks.Check{Name: "Size", ID: "size", Tags: []string{"disk", "slow"}, Run: pass},
		checks.Check{Name: "size", ID: "other", Run: pass},
	)
	for constraint, tt := range map[string]struct {
		filter checks.Filter
		ran    []string
	}{
		"null":                {checks.Filter{}, []string{"reach", "size", "other"}},
		"null, exclusive":     {checks.Filter{Exclusive: true}, []string{"reach", "size", "other"}},
		"string":              {checks.Filter{Name: checks.AnyOf("Size")}, []string{"size"}},
		"list":                {checks.Filter{ID: checks.AnyOf("other", "reach", "x")}, []string{"reach", "other"}},
		"empty list":          {checks.Filter{ID: checks.AnyOf()}, nil},
		"regex":               {checks.Filter{Name: checks.Pattern(regexp.MustCompile("iz"))}, []string{"size", "other"}},
		"regex, exclusive":    {checks.Filter{Name: checks.Pattern(regexp.MustCompile("S")), Exclusive: true}, []string{"size"}},
		"nil regex":           {checks.Filter{Name: checks.Pattern(nil)}, []string{"reach", "size", "other"}},
		"tags":                {checks.Filter{Tags: []string{"slow", "net"}}, []string{"reach", "size"}},
		"tags, empty":         {checks.Filter{Tags: []string{}}, nil},
		"rendered name":       {checks.Filter{Name: checks.AnyOf("Reach db")}, []string{"reach"}},
		"unrendered name":     {checks.Filter{Name: checks.AnyOf("Reach {self.host}")}, []string{"reach"}},
		"all of them at once": {checks.Filter{Name: checks.AnyOf("Size", "size"), ID: checks.AnyOf("size", "reach"), Tags: []string{"disk"}}, []string{"size"}},
	} {
		t.Run(constraint, func(t *testing.T) {
			results, err := suite.Run(t.Context(), checks.Request{Filter: tt.filter})
			require.NoError(t, err)
			assert.Equal(t, tt.ran, ids(results))
		})
	}
}

func TestChecklistRunAll(t *testing.T) {
	suite := checks.New(nil,
		checks.Require("R1", pass), checks.Check{Name: "N1", Run: pass}, checks.Check{Name: "N2", Run: fail},
		checks.Require("R2", fail), checks.Require("R3", pass), checks.Check{Name: "N3", Run: pass},
	)
	for _, tt := range []struct {
		filter string
		halt   checks.HaltOn
		ran    string
	}{
		{"", checks.HaltOnCritical, "R1 N1 N2 R2"},
		{"", checks.HaltNever, "R1 N1 N2 R2 R3 N3"},
		{"N1", checks.HaltOnCritical, "R1 N1"},
		{"N3", checks.HaltOnCritical, "R1 R2"},
		{"N3", checks.HaltNever, "R1 R2 R3 N3"},
		{"N1 N3", checks.HaltOnCritical, "R1 N1 R2"},
		// beyond the table
		{"", checks.HaltOnCommon, "R1 N1 N2"},
		{"none", checks.HaltNever, ""},
		{"R2", checks.HaltNever, "R1 R2"},
	} {
		t.Run(tt.filter+" until "+tt.halt.String(), func(t *testing.T) {
			r := checks.Request{HaltOn: tt.halt}
			if tt.filter != "" {
				r.Filter.Name = checks.AnyOf(strings.Fields(tt.filter)...)
			}
			results, err := suite.Run(t.Context(), r)
			require.NoError(t, err)
			assert.Equal(t, tt.ran, strings.Join(names(results), " "))
		})
	}
}

func TestChecklistHalting(t *testing.T) {
	for _, tt := range []struct {
		halt checks.HaltOn
		ran  string
	}{
		{checks.HaltOnWarning, "a w"}, {checks.HaltOnCommon, "a w c"}, {checks.HaltOnCritical, "a w c r"}, {checks.HaltNever, "a w c r z"},
	} {
		t.Run(tt.halt.String(), func(t *testing.T) {
			suite := checks.New(nil, checks.Require("a", pass), checks.Warn("w", fail), checks.Check{Name: "c", Run: fail}, checks.Require("r", fail), checks.Check{Name: "z", Run: pass})
			results, err := suite.Run(t.Context(), checks.Request{HaltOn: tt.halt})
			require.NoError(t, err)
			assert.Equal(t, tt.ran, strings.Join(names(results), " "), "the result that ends the run is in it")

			text, err := tt.halt.MarshalText()
			require.NoError(t, err)
			var back checks.HaltOn
			require.NoError(t, back.UnmarshalText(text))
			assert.Equal(t, tt.halt, back)
		})
	}
	var h checks.HaltOn
	assert.EqualError(t, h.UnmarshalText([]byte("fatal")), `cannot halt on "fatal": accepted are warning, common, critical and none`)
	assert.Equal(t, "critical", checks.HaltOn(99).String())
}

// What a failure means for the run, for the start of the servo, and in a table.
func TestChecklistSeverityPolicy(t *testing.T) {
	for _, tt := range []struct {
		severity      checks.Severity
		failed, halts bool
		status        string
		ready         bool
	}{
		{checks.Warning, false, false, "! WARNING", true},
		{checks.Common, true, false, "X FAILED", false},
		{checks.Critical, true, true, "X FAILED", false},
	} {
		t.Run(tt.severity.String(), func(t *testing.T) {
			results, err := checks.Run(t.Context(), checks.Check{Name: "it", Severity: tt.severity, Run: fail}, checks.Check{Name: "later", Run: pass})
			require.NoError(t, err)
			assert.Equal(t, tt.failed, results[0].Failed())
			assert.Equal(t, tt.halts, len(results) == 1)
			assert.Equal(t, tt.ready, checks.Report(results).Ready())
			var table strings.Builder
			require.NoError(t, checks.Report(results[:1]).WriteTable(&table, true))
			assert.Contains(t, table.String(), tt.status)
		})
	}
}

// When passes begin, and when the loop gives up.
func TestChecklistDelays(t *testing.T) {
	seconds := func(list ...int) []time.Duration {
		var at []time.Duration
		for _, s := range list {
			at = append(at, time.Duration(s)*time.Second)
		}
		return at
	}
	for name, tt := range map[string]struct {
		wait, delay time.Duration
		passes      []time.Duration
	}{
		"by default":            {30 * time.Minute, 0, seconds(0, 8, 24, 56, 120, 248, 504, 1016, 1800)},
		"fixed":                 {time.Minute, 25 * time.Second, seconds(0, 25, 50, 60)},
		"longer than the wait":  {5 * time.Second, time.Hour, seconds(0, 5)},
		"expo beyond the wait":  {5 * time.Second, 0, seconds(0, 5)},
		"a single pass":         {0, 0, seconds(0)},
		"a single pass, fixed":  {0, time.Second, seconds(0)},
		"as long as the delays": {24 * time.Second, 0, seconds(0, 8, 24)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var passes []time.Duration
				began := time.Now()
				report, err := checks.Loop{
					Wait: tt.wait, Delay: tt.delay,
					Pass: func(context.Context, checks.Request) (checks.Report, error) {
						passes = append(passes, time.Since(began))
						return checks.Report{{Name: "n", Err: errBoom}}, nil
					},
				}.Run(t.Context())
				assert.ErrorIs(t, err, checks.ErrNotReady)
				assert.Len(t, report, 1)
				assert.Equal(t, tt.passes, passes)
				assert.Equal(t, tt.wait, time.Since(began), "the limit is kept")
			})
		})
	}
}
