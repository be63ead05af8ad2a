package servotest_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/emulator"
	"github.com/servokit/servokit/servo/servotest"
)

// The emulator goes through one seed of trouble. In a test of yours, what is
// simulation here is the test itself; see also Test, which runs many seeds.
func ExampleRun() {
	simulation := func(t *testing.T) {
		report := servotest.Run(t, servotest.Options{
			Seed: 1, Commands: 12,
			Connectors: []servotest.Connector{{
				Name: "emulator",
				New: func(*servotest.Life) (connector.Connector, error) {
					var c emulator.Config
					c.SetDefaults()
					return emulator.New(c, connector.Env{Name: "emulator"})
				},
			}},
		})
		fmt.Println("violations:", len(report.Violations))
		fmt.Println("answers:", report.Answers > 0, "lives:", report.Lives > 0)
	}
	run("TestSimulation", simulation)
	// Output:
	// violations: 0
	// answers: true lives: true
}

// run runs a test within an example.
func run(name string, test func(*testing.T)) {
	verbose := flag.Lookup("test.v").Value
	before := verbose.String()
	_ = verbose.Set("false")
	defer func() { _ = verbose.Set(before) }()
	testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: name, F: test}})
}
