package emulator_test

import (
	"context"
	"fmt"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/emulator"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

// An application in servo.yaml, driven by the events that a servo dispatches.
func Example() {
	docs, err := config.Parse("servo.yaml", []byte(`
emulator:
  seed: 1
  components:
    - name: web
      settings:
        - {name: cpu, min: 0.5, max: 4.0, step: 0.25, value: 2.0}
        - {name: replicas, min: 1, max: 8, value: 2}
  response: {noise: 0}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	stanza, _ := docs[0].Stanza("emulator")
	app, err := emulator.Definition.New(stanza, connector.Env{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var bus event.Bus
	if err := app.Bind(connector.NewHost(&bus, "emulator", nil)); err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for _, replicas := range []int64{2, 3, 8} {
		_, err := connector.Adjust.Dispatch(ctx, &bus, connector.AdjustRequest{
			Adjustments: types.Adjustments{{Component: "web", Setting: "replicas", Value: types.Int(replicas)}},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		results, err := connector.Measure.Dispatch(ctx, &bus, connector.MeasureRequest{
			Control: types.Control{Duration: types.Duration(time.Millisecond)},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		m := results[0].Value
		fmt.Printf("%d replicas: %.0f rpm, 95th %.1f ms, %.1f %% errors, %.3f per hour\n", replicas, m.Summary("throughput").Mean,
			m.Summary("latency_95th").Mean, m.Summary("error_rate").Mean, m.Summary("cost").Mean)
	}
	// Output:
	// 2 replicas: 11247 rpm, 95th 466.7 ms, 6.3 % errors, 0.126 per hour
	// 3 replicas: 11988 rpm, 95th 49.9 ms, 0.1 % errors, 0.190 per hour
	// 8 replicas: 11988 rpm, 95th 31.8 ms, 0.1 % errors, 0.506 per hour
}

// A program that needs operations that take time, and some that fail.
func ExampleNew() {
	var c emulator.Config
	c.SetDefaults()
	c.Seed = 2
	c.AdjustDuration = emulator.Between(time.Millisecond, 5*time.Millisecond)
	c.FailureRate = 0.5
	app, err := emulator.New(c, connector.Env{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var bus event.Bus
	if err := app.Bind(connector.NewHost(&bus, "emulator", nil)); err != nil {
		fmt.Println(err)
		return
	}
	for cpu := 1.0; cpu <= 4; cpu++ {
		results, err := connector.Adjust.Dispatch(context.Background(), &bus, connector.AdjustRequest{
			Adjustments: types.Adjustments{{Component: "fake-app", Setting: "cpu", Value: types.Float(cpu)}},
		})
		if outcome, ok := types.TopOutcome(err); ok {
			fmt.Println(outcome.Outcome, outcome.Reason)
			continue
		}
		s, _ := results[0].Value.Setting("fake-app.cpu")
		fmt.Println("in force:", s, "=", s.Value)
	}
	// Output:
	// in force: cpu (range 1-5, 125m) = 1.0
	// in force: cpu (range 1-5, 125m) = 2.0
	// failed emulated-failure
	// in force: cpu (range 1-5, 125m) = 4.0
}

// What is wrong with a configuration is reported at once.
func ExampleConfig() {
	docs, err := config.Parse("servo.yaml", []byte(`
emulator:
  measure_duration: a while
  adjust_duration: {min: 20s, max: 5s}
  failure_rate: 20
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	stanza, _ := docs[0].Stanza("emulator")
	fmt.Println(emulator.Definition.Check(stanza))
	// Output:
	// 3 problems in servo.yaml:
	//   servo.yaml:3:21: emulator.measure_duration: "a while" is not control, a duration such as 30s, or a mapping with min and max
	//   servo.yaml:4:3: emulator.adjust_duration: min is more than max (20s > 5s)
	//   servo.yaml:5:17: emulator.failure_rate: 20 is not a share from 0 to 1
}

// How long operations take.
func ExampleBetween() {
	fmt.Println(emulator.Span{})
	fmt.Println(emulator.Fixed(30 * time.Second))
	fmt.Println(emulator.Between(30*time.Second, 10*time.Minute))
	// Output:
	// control
	// 30s
	// 30s to 10m
}
