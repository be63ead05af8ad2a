package checks_test

import (
	"context"
	"fmt"

	"github.com/servokit/servokit/checks"
)

// A failed check carries advice, and a critical one ends the run.
func ExampleRun() {
	results, err := checks.Run(context.Background(),
		checks.Check{Name: "Configuration", Run: func(context.Context) error { return nil }},
		checks.Check{Name: "Application answers", Severity: checks.Critical, Run: func(context.Context) error {
			return &checks.Error{Message: "expected status 200, found 503", Hint: "wait until the index is built"}
		}},
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
