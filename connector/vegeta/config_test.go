package vegeta_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/vegeta"
	"github.com/servokit/servokit/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func decode(t testing.TB, stanza string) (vegeta.Config, error) {
	t.Helper()
	text := "vegeta:\n  " + strings.ReplaceAll(strings.TrimSpace(stanza), "\n", "\n  ") + "\n"
	docs, err := config.Parse("servo.yaml", []byte(text))
	require.NoError(t, err)
	s, ok := docs[0].Stanza("vegeta")
	require.True(t, ok)
	return config.Decode[vegeta.Config](s)
}

func TestDefaults(t *testing.T) {
	c, err := decode(t, "rate: 50\ntarget: GET https://example.com/\ndescription: the load")
	require.NoError(t, err)
	assert.Equal(t, vegeta.Config{
		Description: "the load", Rate: "50", Format: "http", Target: "GET https://example.com/",
		Connections: 10000, Workers: 10, MaxBody: -1, HTTP2: true, KeepAlive: true,
		ReportingInterval: types.Duration(15 * time.Second), Timeout: types.Duration(30 * time.Second),
		MaxLag: types.Duration(100 * time.Millisecond),
	}, c)
}

func TestEveryKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "targets")
	require.NoError(t, os.WriteFile(file, []byte(`{"method":"GET","url":"http://a/"}`), 0o600))
	c, err := decode(t, `
rate: 300/1m
format: json
targets: `+file+`
connections: 5
workers: 2
max_workers: 20
max_body: 0
http2: false
keepalive: false
insecure: true
reporting_interval: 1m
timeout: 5
max_lag: 1s
samples: {"*": {missing: carry}, error_rate: {missing: 0, zero: keep}}
`)
	require.NoError(t, err)
	assert.Equal(t, vegeta.Config{
		Rate: "300/1m", Format: "json", Targets: file, Connections: 5, Workers: 2, MaxWorkers: 20, Insecure: true,
		ReportingInterval: types.Duration(time.Minute), Timeout: types.Duration(5 * time.Second), MaxLag: types.Duration(time.Second),
		Samples: config.SamplePolicies{"*": {Missing: types.CarryLast()}, "error_rate": {Missing: types.TreatAs(0), Zero: action(t, "keep")}},
	}, c)
}

func action(t *testing.T, text string) types.SampleAction {
	a, err := types.ParseSampleAction(text)
	require.NoError(t, err)
	return a
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	_, err := decode(t, `
rate: fast
format: xml
connections: 0
workers: 0
max_body: -2
reporting_interval: 1ms
timeout: 0
max_lag: -1s
samples: {latency_99: {missing: carry}, throughput: {missing: keep}}
`)
	var problems config.FieldErrors
	require.ErrorAs(t, err, &problems)
	assert.Len(t, problems, 11)
	for _, want := range []string{
		`vegeta.rate: "fast" is not a number of requests per second such as 50, a number per interval such as "50/s" or "300/1m", or "infinity"`,
		`vegeta.format: "xml" is not "http" or "json"`,
		`vegeta: target or targets must be configured`,
		`vegeta.connections: 0 is not a number of at least 1`,
		`vegeta.workers: 0 is not a number of at least 1`,
		`vegeta.max_body: -2 is not a number of bytes, or -1 for all`,
		`vegeta.reporting_interval: "1ms" is not a duration of at least 100ms`,
		`vegeta.timeout: "0" is not a positive duration`,
		`vegeta.samples.latency_99: no metric is called "latency_99"; did you mean "latency_99th"? (known: throughput, `,
		`vegeta.samples.throughput: missing: keep is not accepted for a sample without a number`,
		`vegeta.max_lag: "-1s" is not a positive duration of at most 1h`,
	} {
		assert.ErrorContains(t, err, want)
	}
}

func TestProblemsOfTheSource(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, c := range []struct{ name, stanza, want string }{
		{"both", "target: GET http://a/\ntargets: b", "target and targets cannot both be configured"},
		{"bad target", "target: GET ftp://a/", `vegeta.target: target 1: URL "ftp://a/" is not an http or https URL`},
		{"no file", "targets: " + missing, "vegeta.targets: open " + missing + ": no such file or directory"},
		{"unknown key", "target: GET http://a/\nworker: 3", `did you mean`},
		{"no limit", "rate: infinity\ntarget: GET http://a/", `vegeta.rate: "infinity" is not possible without max_workers`},
		{"zero is no limit", "rate: 0\ntarget: GET http://a/", `vegeta.rate: "0" is not possible without max_workers`},
	} {
		t.Run(c.name, func(t *testing.T) {
			stanza := c.stanza
			if !strings.Contains(stanza, "rate:") {
				stanza = "rate: 50\n" + stanza
			}
			_, err := decode(t, stanza)
			assert.ErrorContains(t, err, c.want)
		})
	}
	_, err := decode(t, "rate: infinity\nmax_workers: 4\ntarget: GET http://a/")
	assert.NoError(t, err)
}

func TestNewReportsProblems(t *testing.T) {
	_, err := vegeta.New(vegeta.Config{Rate: "1", Requests: []vegeta.Target{{Method: "get", URL: "/"}}}, connector.Env{})
	require.Error(t, err)
	for _, want := range []string{"SetDefaults", `method "get" is not one of GET`, `URL "/" is not an http or https URL`} {
		assert.ErrorContains(t, err, want)
	}
	c := settings("1", "http://a/")
	c.Target = "GET http://b/"
	_, err = vegeta.New(c, connector.Env{})
	assert.ErrorContains(t, err, "beside the requests of the program")
}

func TestAFileThatVanishesFailsTheMeasurement(t *testing.T) {
	c := settings("1", "")
	c.Requests, c.Targets = nil, filepath.Join(t.TempDir(), "targets")
	_, err := measure(t, c, control(0, time.Second))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestRates(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"50", "50/1s"},
		{"50/s", "50/1s"},
		{"50/1s", "50/1s"},
		{" 50 / 500ms ", "50/500ms"},
		{"300/1m", "300/1m"},
		{"1/h", "1/1h"},
		{"infinity", "infinity"},
		{"0", "infinity"},
		{"0/s", "infinity"},
		{"", "the rate is empty"},
		{"-5", `"-5" is not a whole number of requests`},
		{"1.5/s", `"1.5" is not a whole number of requests`},
		{"5/", `the interval of the rate: invalid duration ""`},
		{"5/fortnight", `the interval of the rate: unknown unit "fortnight" in duration "1fortnight"`},
		{"5/-1s", "the interval of the rate, -1s, is not positive"},
		{"5/1s/2", `the interval of the rate: invalid duration "1s/2"`},
		{"2000000000/s", "more than one request per nanosecond"},
	} {
		t.Run(c.text, func(t *testing.T) {
			r, err := vegeta.ParseRate(c.text)
			if err != nil {
				assert.Equal(t, c.want, err.Error())
				return
			}
			assert.Equal(t, c.want, r.String())
		})
	}
}

func TestTheScheduleDoesNotDrift(t *testing.T) {
	r, err := vegeta.ParseRate("300000/s") // 3333.3 ns apart
	require.NoError(t, err)
	assert.Equal(t, time.Hour, r.At(300000*3600))
	assert.Equal(t, uint64(300000*3600), r.Before(time.Hour))
	assert.Equal(t, uint64(1), r.Before(1))
	assert.Equal(t, uint64(0), r.Before(0))
}

func TestTargets(t *testing.T) {
	body := filepath.Join(t.TempDir(), "body")
	require.NoError(t, os.WriteFile(body, []byte("hello"), 0o600))
	encoded := base64.StdEncoding.EncodeToString([]byte("hello"))
	for _, c := range []struct{ name, format, text, want string }{
		{"one", "http", "GET http://a/", "GET http://a/"},
		{"several with headers and body", "http",
			"# first\nPOST http://a/\nHost: b:8080\nX-Case: 1\n@" + body + "\n\nGET https://c/\nDELETE http://d/",
			"POST http://a/ Host=b:8080 X-Case=1 hello|GET https://c/|DELETE http://d/"},
		{"json lines, the last one without an end", "json",
			`{"method":"POST","url":"http://a/","body":"` + encoded + `","header":{"X":["1"]}}` + "\n\n" + `{"method":"GET","url":"http://b/"}`,
			"POST http://a/ X=1 hello|GET http://b/"},

		{"empty", "http", "", "no targets found"},
		{"comments only", "http", "# GET http://a/", "no targets found"},
		{"a file with another scheme", "http", "GET ftp://a/", `URL "ftp://a/" is not an http or https URL`},
		{"no host", "http", "GET http:///path", `URL "http:///path" has no host`},
		{"lower case", "http", "get http://a/", "bad method: get"},
		{"an unknown method", "http", "BREW http://a/", `method "BREW" is not one of GET, POST`},
		{"a missing body", "http", "GET http://a/\n@/nowhere", "bad body: open /nowhere"},
		{"a broken header is not shown", "http", "GET http://a/\nAuthorization Bearer 12345", `bad header: a line below a target is neither "name: value" nor "@file"`},
		{"a target taken for a header", "http", "GET http://a/\n# next\nGET http://b/", `"GET http" is not the name of a header`},
		{"a password is not shown", "http", "GET ftp://u:hunter2@a/", `URL "ftp://u:xxxxx@a/"`},
		{"a long line", "http", "GET http://a/" + strings.Repeat("x", 70000), "line 1 is longer than 65535 bytes"},
		{"json that is none", "json", "GET http://a/", "line 1 is not a target, a JSON object on a line of its own"},
		{"json over lines", "json", "{\n\"method\":\"GET\",\"url\":\"http://a/\"}", "line 1 is not a target"},
		{"two objects on a line", "json", `{"method":"GET","url":"http://a/"} {}`, "line 1 holds more than one JSON object"},
		{"an unknown field", "json", `{"method":"GET","url":"http://a/","verb":"x"}`, `unknown field "verb"`},
		{"json without a URL", "json", `{"method":"GET"}`, "required url is missing"},
		{"many mistakes", "http", strings.Repeat("GET ftp://a/\n\n", 20), `target 10: URL "ftp://a/" is not an http or https URL; and more`},
	} {
		t.Run(c.name, func(t *testing.T) {
			targets, err := vegeta.ParseTargets(c.format, c.text)
			if err != nil {
				assert.ErrorContains(t, err, c.want)
				assert.NotContains(t, err.Error(), "hunter2")
				assert.NotContains(t, err.Error(), "12345")
				return
			}
			var got []string
			for _, target := range targets {
				text := target.Method + " " + target.URL
				for _, name := range []string{"Host", "X", "X-Case"} {
					if v := target.Header[name]; len(v) > 0 {
						text += " " + name + "=" + strings.Join(v, ",")
					}
				}
				if len(target.Body) > 0 {
					text += " " + string(target.Body)
				}
				got = append(got, text)
			}
			assert.Equal(t, c.want, strings.Join(got, "|"))
		})
	}
}

func FuzzRate(f *testing.F) {
	for _, seed := range []string{"50", "50/s", "300/1m", "infinity", "0", "1/1y", "1000000000/s", "7/333us", "5//", "-1/s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := vegeta.ParseRate(text)
		if err != nil {
			return
		}
		again, err := vegeta.ParseRate(r.String())
		require.NoError(t, err)
		assert.Equal(t, r, again)
		if r.Infinite() {
			return
		}
		assert.Zero(t, r.At(0))
		for _, d := range []time.Duration{1, time.Second, 77 * time.Hour} {
			n := r.Before(d)
			assert.Less(t, r.At(n-1), d)
			assert.GreaterOrEqual(t, r.At(n), d)
		}
	})
}

func FuzzTargets(f *testing.F) {
	f.Add(false, "GET http://a/\nX: y\n\nPOST https://b/\n")
	f.Add(false, "GET http://a/\n# c\nGET http://b/")
	f.Add(true, `{"method":"GET","url":"http://a/","header":{"X":["y"]},"body":"aGk="}`)
	f.Add(true, "null\n[]\n{}")
	f.Fuzz(func(t *testing.T, json bool, text string) {
		format := "http"
		if json {
			format = "json"
		} else if strings.Contains(text, "@") {
			return // would read files of this machine
		}
		targets, err := vegeta.ParseTargets(format, text)
		if err != nil {
			return
		}
		require.NotEmpty(t, targets)
		c := settings("1", "")
		c.Requests = targets
		_, err = vegeta.New(c, connector.Env{})
		assert.NoError(t, err)
		for _, target := range targets {
			assert.Regexp(t, "^(?i)https?://", target.URL)
			assert.NotContains(t, target.URL, "\n")
		}
	})
}
