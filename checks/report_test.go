package checks_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
)

func sample() checks.Report {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.FixedZone("CET", 3600))
	result := func(connector, name string, severity checks.Severity, message string, err error) checks.Result {
		return checks.Result{
			Connector: connector, Name: name, ID: checks.ID(name), Severity: severity, Message: message, Err: err,
			CreatedAt: at, RunAt: at.Add(time.Second), Runtime: 1234 * time.Millisecond,
		}
	}
	long := "expected an error rate below 5 %, found 100 % in  a\nsecond of load at 10 requests per second against http://localhost:8080/"
	first := result("shop.example.com/cart", "Opsani API connectivity", checks.Common, "HTTP status 404 Not Found", fmt.Errorf("status: %w", errBoom))
	first.Hint, first.Description = "Correct the id <of> the optimizer.", "The optimizer answers."
	first.Remedy = func(context.Context) error { return nil }
	slow := result("vegeta", "Fäst √ enough", checks.Warning, long, errBoom)
	slow.Hint, slow.Tags = "Look at it.", []string{"load", "vegeta"}
	return checks.Report{
		first,
		result("vegeta", "Target is reachable", checks.Critical, "", nil),
		slow,
		result("vegeta", "Version\nof it", checks.Common, "1.2", nil),
		result("kubernetes", "one", checks.Critical, strings.Repeat("x", 100), errBoom),
		result("kubernetes", "two", checks.Common, "\x1b[31mred \x00 & <angry>", errBoom),
	}
}

func TestTables(t *testing.T) {
	for name, tt := range map[string]struct {
		report  checks.Report
		verbose bool
	}{
		"normal.txt": {sample(), false}, "verbose.txt": {sample(), true},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			require.NoError(t, tt.report.WriteTable(&out, tt.verbose))
			golden(t, name, out.String())
			for line := range strings.Lines(out.String()) {
				assert.Equal(t, strings.TrimRight(line, " \n")+"\n", line, "nothing trails")
			}
		})
	}
	t.Run("of nothing", func(t *testing.T) {
		require.NoError(t, checks.Report(nil).WriteTable(brokenWriter{}, false))
	})
}

func TestVerboseMessagesFit(t *testing.T) {
	word := strings.Repeat("é", 9) + " "
	for name, tt := range map[string]struct{ message, want string }{
		"none":             {"", "-"},
		"as wide as it is": {strings.Repeat("é", 70), strings.Repeat("é", 70)},
		"a word too long":  {strings.Repeat("é", 71), strings.Repeat("é", 64) + " [...]"},
		"at a word":        {strings.Repeat(word, 8), strings.TrimSpace(strings.Repeat(word, 6)) + " [...]"},
		"collapsed":        {" a \t\n b ", "a b"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			r := checks.Report{{Connector: "c", Name: "n", ID: "i", Message: tt.message}}
			require.NoError(t, r.WriteTable(&out, true))
			_, row, _ := strings.Cut(out.String(), "\n")
			_, message, _ := strings.Cut(row, "PASSED  ")
			assert.Equal(t, tt.want, strings.TrimSuffix(message, "\n"))
		})
	}
}

func TestJSON(t *testing.T) {
	var out strings.Builder
	require.NoError(t, sample().WriteJSON(&out))
	golden(t, "report.json", out.String())
	assert.True(t, json.Valid([]byte(out.String())))

	out.Reset()
	require.NoError(t, checks.Report(nil).WriteJSON(&out))
	assert.JSONEq(t, `{"ready": false, "passed": 0, "warnings": 0, "failed": 0, "checks": []}`, out.String())
	assert.EqualError(t, sample().WriteJSON(brokenWriter{}), "writing the checks as JSON: boom")
}

func TestJUnit(t *testing.T) {
	var out strings.Builder
	require.NoError(t, sample().WriteJUnit(&out))
	golden(t, "report.xml", out.String())
	var back struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
	}
	require.NoError(t, xml.Unmarshal([]byte(out.String()), &back))
	assert.Equal(t, 6, back.Tests)
	assert.Equal(t, 3, back.Failures, "a warning is none")

	out.Reset()
	require.NoError(t, checks.Report{{Name: "n", ID: "i"}}.WriteJUnit(&out))
	assert.NotContains(t, out.String(), "timestamp")
	assert.EqualError(t, sample().WriteJUnit(brokenWriter{}), "writing the checks as JUnit XML: boom")
}

func TestReady(t *testing.T) {
	advice := checks.Result{Severity: checks.Warning, Err: errBoom}
	for name, tt := range map[string]struct {
		report checks.Report
		ready  bool
	}{
		"nothing":        {nil, false},
		"passed":         {checks.Report{{}}, true},
		"warned":         {checks.Report{{}, advice}, true},
		"only warned":    {checks.Report{advice}, true},
		"failed":         {checks.Report{{}, {Err: errBoom}}, false},
		"critical, last": {checks.Report{{}, {Err: errBoom, Severity: checks.Critical}}, false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tt.ready, tt.report.Ready()) })
	}
}
