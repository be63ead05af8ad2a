package connectortest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/connectortest"
	"github.com/servokit/servokit/types"
)

// clock is a small connector: it measures the second of the minute.
type clock struct{ config clockConfig }

type clockConfig struct {
	Zone string `yaml:"zone"`
}

var seconds = types.Metric{Name: "clock_seconds"}

func (c *clock) Bind(h *connector.Host) error {
	connector.Describe.On(h, func(context.Context, types.Control) (types.Description, error) {
		return types.Description{Metrics: []types.Metric{seconds}}, nil
	})
	connector.Measure.On(h, c.measure)
	return nil
}

func (c *clock) measure(ctx context.Context, _ connector.MeasureRequest) (types.Measurement, error) {
	if ctx.Err() != nil {
		return types.Measurement{}, context.Cause(ctx)
	}
	now := time.Now()
	return types.Measurement{Readings: []types.Reading{
		types.DataPoint{Metric: seconds, Time: now, Sample: types.Observe(float64(now.Second()))},
	}}, nil
}

// Verify examines a connector outside of a test. In a test, Run does the same
// with a subtest for each promise.
func ExampleVerify() {
	info := connector.Info{Name: "clock", FullName: "Clock Connector", Description: "Measures the second of the minute"}
	definition := connector.Define(info, func(c clockConfig, _ connector.Env) (connector.Connector, error) { return &clock{c}, nil })

	results, err := connectortest.Verify(definition, connectortest.Config{YAML: "zone: UTC"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range results {
		if r.State != connectortest.Kept {
			fmt.Println(r)
		}
	}
	fmt.Println(results[9])
	// Output:
	// absent: errors of the configuration keep secrets: the configuration has no secret
	// absent: what is restored is in force: it does not restore
	// absent: a restore that is cancelled changes nothing: it does not restore
	// absent: an adjustment shows in the description: there is no setting to adjust
	// absent: unknown components and settings change nothing: it does not adjust
	// absent: an adjustment takes effect or changes nothing: there is no setting to adjust
	// absent: secrets never show: the configuration has no secret
	// kept: a life runs from attach to detach
}
