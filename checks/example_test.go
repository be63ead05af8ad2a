package checks_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"time"

	"github.com/servokit/servokit/checks"
)

// A failed check carries advice, and a critical one ends the run.
func ExampleRun() {
	results, err := checks.Run(context.Background(),
		checks.Check{Name: "Configuration", Run: func(context.Context) error { return nil }},
		checks.Require("Application answers", func(context.Context) error {
			return &checks.Error{Message: "expected status 200, found 503", Hint: "wait until the index is built"}
		}),
		checks.Check{Name: "Load", Run: func(context.Context) error { return nil }},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range results {
		fmt.Printf("%s: %t", r.Name, r.Success())
		if r.Err != nil {
			fmt.Printf(" (%v; %s)", r.Err, r.Hint)
		}
		fmt.Println()
	}
	// Output:
	// Configuration: true
	// Application answers: false (expected status 200, found 503; wait until the index is built)
}

type shopConfig struct {
	BaseURL string `yaml:"base_url"`
	Queries []shopQuery
}

type shopQuery struct{ Name, Text string }

// shopSuite has a check that others need, one for each query, and advice.
func shopSuite() *checks.Suite {
	config := shopConfig{BaseURL: "http://shop:9090", Queries: []shopQuery{{"errors", `rate(errors{code="500"})`}, {"latency", "p95("}}}
	return checks.New(config,
		checks.Require("Connect to {self.base_url}", func(context.Context) error { return nil }),
		checks.Each(checks.Check{Name: "Query {item.name}: {item.text}", ID: "query", Tags: []string{"data"}}, config.Queries,
			func(_ context.Context, q shopQuery) error {
				if q.Name == "latency" {
					return &checks.Error{Message: `expected a closing ")", found the end`, Hint: "correct queries in the configuration"}
				}
				return nil
			}),
		checks.Warn("Enough history", func(context.Context) error { return errors.New("expected 7 days, found 2") }),
	)
}

func show(results []checks.Result) {
	for _, r := range results {
		fmt.Printf("%s  %s  %t\n", r.ID, r.Name, r.Success())
	}
}

// Names show what was checked, and each item of a list is a check of its own.
func ExampleSuite() {
	results, err := shopSuite().Run(context.Background(), checks.Request{})
	show(results)
	fmt.Println(err)
	// Output:
	// 656b8a30  Connect to http://shop:9090  true
	// query_item_0  Query errors: rate(errors{code="500"})  true
	// query_item_1  Query latency: p95(  false
	// 531a1c82  Enough history  false
	// <nil>
}

// A filter brings what the selected checks require.
func ExampleFilter() {
	request := checks.Request{Filter: checks.Filter{Name: checks.Pattern(regexp.MustCompile("^Query l"))}}
	results, _ := shopSuite().Run(context.Background(), request)
	show(results)
	fmt.Println("exclusive:")
	request.Filter.Exclusive = true
	results, _ = shopSuite().Run(context.Background(), request)
	show(results)
	// Output:
	// 656b8a30  Connect to http://shop:9090  true
	// query_item_1  Query latency: p95(  false
	// exclusive:
	// query_item_1  Query latency: p95(  false
}

// The lists of a configuration or a command line.
func ExampleParseFilter() {
	f, err := checks.ParseFilter([]string{"/^Query/"}, []string{"query_item_0, query_item_1"}, nil)
	fmt.Println(f.Name, f.ID, err)
	_, err = checks.ParseFilter([]string{"/(/"}, nil, []string{"Data"})
	fmt.Println(err)
	// Output:
	// /^Query/ query_item_0,query_item_1 <nil>
	// name: "/(/": expected a regular expression: error parsing regexp: missing closing ): `(`
	// tag: tag "Data": expected 1 to 32 of the characters 0-9, a-z, dot and hyphen
}

func ExampleParseSelector() {
	for _, text := range []string{"a, b", "/^a/", "/"} {
		s, err := checks.ParseSelector([]string{text})
		fmt.Println(s, err)
	}
	// Output:
	// a,b <nil>
	// /^a/ <nil>
	// / <nil>
}

func ExampleAnyOf() {
	results, _ := shopSuite().Run(context.Background(), checks.Request{Filter: checks.Filter{ID: checks.AnyOf("query_item_0")}})
	show(results)
	// Output:
	// 656b8a30  Connect to http://shop:9090  true
	// query_item_0  Query errors: rate(errors{code="500"})  true
}

// The items come from elsewhere, each time the checks run.
func ExampleEachFunc() {
	replicas := func(context.Context) ([]string, error) { return []string{"blue", "green"}, nil }
	results, _ := checks.Run(context.Background(), checks.EachFunc(checks.Check{Name: "Replica {item}", ID: "replica"}, replicas,
		func(_ context.Context, _ string) error { return nil }))
	show(results)
	_, err := checks.New(nil, checks.EachFunc(checks.Check{Name: "Replica {item}"}, func(context.Context) ([]string, error) {
		return nil, errors.New("the API does not answer")
	}, func(context.Context, string) error { return nil })).RunOne(context.Background(), "Replica blue", checks.Request{})
	fmt.Println(err != nil)
	// Output:
	// replica_item_0  Replica blue  true
	// replica_item_1  Replica green  true
	// true
}

// One check, and why it could not be run.
func ExampleSuite_RunOne() {
	suite := checks.New(nil,
		checks.Require("Log in", func(context.Context) error { return errors.New("expected a token, found none") }),
		checks.Check{Name: "Quota", Run: func(context.Context) error { return nil }},
	)
	_, err := suite.RunOne(context.Background(), "Quota", checks.Request{})
	fmt.Println(err)
	r, _ := suite.RunOne(context.Background(), "Quota", checks.Request{Filter: checks.Filter{Exclusive: true}})
	fmt.Println(r.Success())
	// Output:
	// running the check "Quota": it was not run because its prerequisite "Log in" (4495c288) failed: expected a token, found none
	// true
}

// Results as they come, and an end at the first problem of any kind.
func ExampleSuite_All() {
	for r, err := range shopSuite().All(context.Background(), checks.Request{HaltOn: checks.HaltOnCommon}) {
		if err != nil {
			fmt.Println("interrupted:", err)
			return
		}
		fmt.Println(r.Name, r.Success())
	}
	// Output:
	// Connect to http://shop:9090 true
	// Query errors: rate(errors{code="500"}) true
	// Query latency: p95( false
}

// A remedy repairs what a check found, and the next pass is green.
func ExampleLoop() {
	created := false
	suite := checks.New(nil, checks.Check{
		Name: "Namespace exists",
		Run: func(context.Context) error {
			if !created {
				return &checks.Error{Message: "expected the namespace shop, found none", Hint: "kubectl create namespace shop"}
			}
			return nil
		},
		Remedy: func(context.Context) error { created = true; return nil },
	})
	loop := checks.Loop{
		Wait: time.Minute, Delay: time.Millisecond, Table: os.Stdout,
		Pass: func(ctx context.Context, r checks.Request) (checks.Report, error) {
			results, err := suite.Run(ctx, r)
			for i := range results {
				results[i].Connector = "kubernetes"
			}
			return results, err
		},
	}
	_, err := loop.Run(context.Background())
	fmt.Println(err)
	// Output:
	// CONNECTOR   STATUS    ERRORS
	// kubernetes  X FAILED  (1/1) Namespace exists: expected the namespace shop, found none
	// CONNECTOR   STATUS    ERRORS
	// kubernetes  √ PASSED
	// <nil>
}

// What is logged while checks run.
func ExampleLoop_logger() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	_, err := checks.Loop{Logger: logger, Pass: func(context.Context, checks.Request) (checks.Report, error) {
		return checks.Report{{Connector: "app", Name: "Port is free", ID: "port", Err: errors.New("expected a free port, found 80 in use"), Message: "expected a free port, found 80 in use", Hint: "choose another"}}, nil
	}}.Run(context.Background())
	fmt.Println(errors.Is(err, checks.ErrNotReady), err)
	// Output:
	// level=WARN msg="check failed" connector=app check="Port is free" id=port hint="choose another" error="expected a free port, found 80 in use" passed=0
	// true not ready: 1 of 1 checks failed
}

func ExampleReport_WriteTable() {
	results, _ := shopSuite().Run(context.Background(), checks.Request{})
	for i := range results {
		results[i].Connector = "prometheus"
	}
	_ = checks.Report(results).WriteTable(os.Stdout, true)
	// Output:
	// CONNECTOR   CHECK                                   ID            TAGS  STATUS     MESSAGE
	// prometheus  Connect to http://shop:9090             656b8a30      -     √ PASSED   -
	//             Query errors: rate(errors{code="500"})  query_item_0  data  √ PASSED   -
	//             Query latency: p95(                     query_item_1  data  X FAILED   expected a closing ")", found the end
	//             Enough history                          531a1c82      -     ! WARNING  expected 7 days, found 2
}

func ExampleReport_WriteJUnit() {
	report := checks.Report{{Connector: "app", Name: "Port is free", ID: "port", Err: errors.New("taken"), Message: "expected a free port, found 80 in use", Runtime: 20 * time.Millisecond}}
	_ = report.WriteJUnit(os.Stdout)
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <testsuites name="checks" tests="1" failures="1" time="0.020">
	//   <testsuite name="app" tests="1" failures="1" time="0.020">
	//     <testcase name="Port is free" classname="app.port" time="0.020">
	//       <failure message="expected a free port, found 80 in use" type="common">expected a free port, found 80 in use</failure>
	//     </testcase>
	//   </testsuite>
	// </testsuites>
}

func ExampleReport_WriteJSON() {
	report := checks.Report{{Connector: "app", Name: "Version", ID: "version", Message: "2.1"}}
	_ = report.WriteJSON(os.Stdout)
	// Output:
	// {
	//   "ready": true,
	//   "passed": 1,
	//   "warnings": 0,
	//   "failed": 0,
	//   "checks": [
	//     {
	//       "connector": "app",
	//       "name": "Version",
	//       "id": "version",
	//       "description": null,
	//       "severity": "common",
	//       "tags": null,
	//       "success": true,
	//       "message": "2.1",
	//       "hint": null,
	//       "remedy": false,
	//       "exception": null,
	//       "created_at": "0001-01-01T00:00:00Z",
	//       "run_at": "0001-01-01T00:00:00Z",
	//       "runtime": "0"
	//     }
	//   ]
	// }
}

// A check may have something to say when it passes.
func ExampleCheck() {
	results, _ := checks.Run(context.Background(), checks.Check{
		Name: "Server version",
		Tags: []string{"server"},
		Report: func(context.Context) (string, error) {
			return "2.1.0", nil
		},
	})
	fmt.Println(results[0].ID, results[0].Message)
	// Output: 150c719c 2.1.0
}

// The id of a check without one is derived from its name.
func ExampleID() {
	fmt.Println(checks.ID("Ensure adequate resources"))
	// Output: c272d5e0
}

// Results can be shown while the run goes on.
func ExampleRequest_observe() {
	suite := checks.New(nil,
		checks.Check{Name: "disk", Run: func(context.Context) error { return nil }},
		checks.Check{Name: "memory", Run: func(context.Context) error { return errors.New("expected 2 GiB, found 1 GiB") }},
	)
	_, err := suite.Run(context.Background(), checks.Request{Observe: func(_ context.Context, r checks.Result) {
		fmt.Println(r.Name, r.Success())
	}})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// disk true
	// memory false
}

// A check that ignores its context is left behind when its time is over.
func ExampleAbandonedError() {
	answer := make(chan string) // nobody ever answers
	results, err := checks.Run(context.Background(), checks.Check{
		Name: "license", ID: "license", Timeout: 10 * time.Millisecond,
		Run: func(context.Context) error { <-answer; return nil }, // does not look at its context
	})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(results[0].Message)
	var abandoned *checks.AbandonedError
	if errors.As(results[0].Err, &abandoned) {
		close(answer) // whoever wrote the check ends it
		<-abandoned.Done
	}
	// Output:
	// the check "license" (id license) was abandoned: it had not returned 1s after its context ended: not done within 10ms
}
