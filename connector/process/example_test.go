//go:build unix

package process_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/process"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

const servoYAML = `
process:
  component: web
  command:
    - sh
    - -c
    - |
      if [ "$WORKERS" -gt 6 ]; then echo "no room for $WORKERS workers"; exit 1; fi
      echo "serving with $WORKERS workers"
      exec sleep 600
  settings:
    - {name: workers, type: range, min: 1, max: 8, default: 2, env: WORKERS}
  ready: {log: ^serving}
`

// A command in servo.yaml, driven by the events that a servo dispatches.
func Example() {
	docs, err := config.Parse("servo.yaml", []byte(servoYAML))
	if err != nil {
		fmt.Println(err)
		return
	}
	stanza, _ := docs[0].Stanza("process")
	web, err := process.Definition.New(stanza, connector.Env{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var bus event.Bus
	if err := web.Bind(connector.NewHost(&bus, "process", nil)); err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if _, err := connector.Startup.Dispatch(ctx, &bus, connector.Lifecycle{}); err != nil {
		fmt.Println(err)
		return
	}
	for _, workers := range []int64{4, 7} {
		results, err := connector.Adjust.Dispatch(ctx, &bus, connector.AdjustRequest{
			Adjustments: types.Adjustments{{Component: "web", Setting: "workers", Value: types.Int(workers)}},
		})
		if outcome, ok := types.TopOutcome(err); ok {
			fmt.Println(outcome.Outcome, outcome.Reason)
			fmt.Println(outcome)
			continue
		}
		s, _ := results[0].Value.Setting("web.workers")
		fmt.Println("in force:", s, "=", s.Value)
	}
	if _, err := connector.Shutdown.Dispatch(ctx, &bus, connector.Lifecycle{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// in force: workers (range 1-8, 1) = 4
	// rejected start-failed
	// the process ended (exit status 1); its output ended with:
	//   no room for 7 workers
}

// In Go, the zero values of a Config stand for the defaults. What is wrong is
// reported at once.
func ExampleNew() {
	_, err := process.New(process.Config{
		Command: []string{"my-server"},
		Settings: []process.Setting{
			{Name: "cache", Type: types.RangeKind, Min: types.Int(0), Max: types.Int(512), Step: types.Int(64), Default: types.Int(1024), Flag: "--cache={{value}}MB"},
			{Name: "mode", Type: types.EnumKind, Values: []types.Value{types.Text("fast"), types.Text("safe")}, Default: types.Text("safe")},
		},
		Ready: process.Ready{TCP: "127.0.0.1"},
	}, connector.Env{})
	fmt.Println(err)
	// Output:
	// settings[0].default: "1024" is not between 0 and 512
	// settings[1]: the value goes nowhere: give env or flag, or mention the setting in file.template
	// ready.tcp: "127.0.0.1" is not an address such as 127.0.0.1:8080
}

// A file that is written from the settings, and a signal to read it again.
func ExampleFile() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	server, err := process.New(process.Config{
		Command: []string{"sh", "-c", "trap 'echo reloaded' HUP; echo serving; while :; do sleep 0.1; done"},
		Dir:     dir,
		Apply:   "signal",
		Signal:  "HUP",
		File: &process.File{
			Path:     "server.conf",
			Template: "threads {{.threads}}\n{{if gt .threads 4}}steal on\n{{end}}level {{setting \"zip-level\"}}\n",
		},
		Settings: []process.Setting{
			{Name: "threads", Type: types.RangeKind, Min: types.Int(1), Max: types.Int(16), Default: types.Int(2)},
			{Name: "zip-level", Type: types.RangeKind, Min: types.Int(1), Max: types.Int(9), Default: types.Int(6)},
		},
		Ready: process.Ready{Log: "serving|reloaded"},
	}, connector.Env{Name: "server"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var bus event.Bus
	if err := server.Bind(connector.NewHost(&bus, "server", nil)); err != nil {
		fmt.Println(err)
		return
	}
	show := func(when string) {
		data, err := os.ReadFile(filepath.Join(dir, "server.conf"))
		fmt.Printf("%s: %q %t\n", when, data, err == nil)
	}
	ctx := context.Background()
	if _, err := connector.Startup.Dispatch(ctx, &bus, connector.Lifecycle{}); err != nil {
		fmt.Println(err)
		return
	}
	show("started")
	_, err = connector.Adjust.Dispatch(ctx, &bus, connector.AdjustRequest{
		Adjustments: types.Adjustments{{Component: "server", Setting: "threads", Value: types.Int(8)}},
	})
	if err != nil {
		fmt.Println(err)
	}
	show("adjusted")
	if _, err := connector.Shutdown.Dispatch(ctx, &bus, connector.Lifecycle{}); err != nil {
		fmt.Println(err)
	}
	show("stopped")
	// Output:
	// started: "threads 2\nlevel 6\n" true
	// adjusted: "threads 8\nsteal on\nlevel 6\n" true
	// stopped: "" false
}
