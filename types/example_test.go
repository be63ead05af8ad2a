package types_test

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/servokit/servokit/types"
)

// A connector describes what can be adjusted, is told what to change, and
// reports what it measured.
func Example() {
	workers := types.Range("workers", types.Int(1), types.Int(16), types.Int(1)).With(types.Int(4))
	described := types.Description{
		Components: []types.Component{{Name: "web", Settings: []types.Setting{workers}}},
		Metrics:    []types.Metric{{Name: "latency", Unit: types.Milliseconds}},
	}

	var wanted types.Adjustments
	command := `{"application":{"components":{"web":{"settings":{"workers":{"value":8.0}}}}}}`
	if err := json.Unmarshal([]byte(command), &wanted); err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range wanted {
		setting, _ := described.Setting(a.Selector())
		value, err := setting.Accept(a.Value)
		fmt.Println(a.Selector(), "becomes", value, err)
	}

	measured := types.Measurement{Readings: []types.Reading{
		types.DataPoint{Metric: described.Metrics[0], Sample: types.Observe(12.5)},
	}}
	data, err := json.Marshal(measured)
	fmt.Println(string(data), err)
	// Output:
	// web.workers becomes 8 <nil>
	// {"metrics":{"latency":{"unit":"ms","value":12.5}},"annotations":{}} <nil>
}

func ExampleParseDuration() {
	for _, text := range []string{"90s", "1h 30m", "2w", "-1.5s", "1h 30"} {
		d, err := types.ParseDuration(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(d, d.Std())
	}
	// Output:
	// 1m30s 1m30s
	// 1h30m 1h30m0s
	// 14d 336h0m0s
	// -1.5s -1.5s
	// invalid duration "1h 30"
}

func ExampleObserve() {
	for _, s := range []types.Sample{types.Observe(12.5), types.Observe(0), types.Observe(math.NaN()), types.Stale(), {}} {
		value, ok := s.Float64()
		fmt.Println(s.State(), value, ok)
	}
	// Output:
	// present 12.5 true
	// zero 0 true
	// NaN 0 false
	// stale 0 false
	// missing 0 false
}

func ExampleSummarize() {
	s := types.Summarize(types.Observe(10), types.Observe(math.NaN()), types.Observe(0), types.Sample{})
	fmt.Println(s.Mean, "over", s.Count, "samples,", s.Skipped, "skipped")
	none := types.Summarize(types.Observe(math.NaN()))
	fmt.Println("nothing but NaN is", none.Sample())
	// Output:
	// 5 over 2 samples, 2 skipped
	// nothing but NaN is missing
}

func ExampleRange() {
	cpu := types.Range("cpu", types.Float(0.5), types.Float(4), types.Float(0.5)).With(types.Float(8))
	fmt.Println(cpu, cpu.Validate())
	for _, warning := range cpu.Warnings() {
		fmt.Println(warning)
	}
	// Output:
	// cpu (range 0.5-4.0, 0.5) <nil>
	// invalid value: 8.0 is outside of the range 0.5-4.0
}

func ExampleSetting_Accept() {
	replicas := types.Range("replicas", types.Int(1), types.Int(8), types.Int(1))
	fmt.Println(replicas.Accept(types.Float(2)))
	_, err := replicas.Accept(types.Float(2.5))
	fmt.Println(err)
	_, err = types.Enum("tier", types.Text("small"), types.Int(2)).Accept(types.Text("2"))
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// replicas: a whole number is required, not 2.5
	// tier: "2" is not accepted: use one of ["small", 2]
}

func ExampleAdjustments() {
	data, _ := json.Marshal(types.Adjustments{
		{Component: "web", Setting: "cpu", Value: types.Float(2)},
		{Component: "web", Setting: "tier", Value: types.Text("large")},
	})
	fmt.Println(string(data))

	var read types.Adjustments
	err := json.Unmarshal([]byte(`{"application":{"components":{"web":{"settings":{"cpu":{},"mem":{"value":true}}},"db":{}}}}`), &read)
	fmt.Println(err)
	// Output:
	// {"application":{"components":{"web":{"settings":{"cpu":{"value":2.0},"tier":{"value":"large"}}}}}}
	// state.application.components.web.settings.cpu.value: required: a number or a string
	// state.application.components.web.settings.mem.value: a setting value must be a number or a string, not true
	// state.application.components.db.settings: required
}

func ExampleMeasurement() {
	start := time.Date(2024, 2, 28, 2, 39, 0, 0, time.UTC)
	latency := types.Metric{Name: "latency", Unit: types.Milliseconds}
	series := types.NewTimeSeries(latency,
		types.DataPoint{Time: start.Add(time.Minute), Sample: types.Observe(14)},
		types.DataPoint{Time: start, Sample: types.Observe(12.5)},
		types.DataPoint{Time: start.Add(30 * time.Second), Sample: types.Observe(math.NaN())},
	)
	series.ID = "pod-a"
	m := types.Measurement{Readings: []types.Reading{series}}
	data, _ := json.Marshal(m)
	fmt.Println(string(data))
	fmt.Printf("%+v\n", m.Summary("latency"))
	// Output:
	// {"metrics":{"latency":{"unit":"ms","values":[{"id":"pod-a","data":[[1709087940,12.5],[1709088000,14.0]]}]}},"annotations":{}}
	// {Count:2 Skipped:1 Mean:13.25 Min:12.5 Max:14}
}

func ExampleTopOutcome() {
	err := fmt.Errorf("adjusting: %w", &types.OutcomeError{Outcome: types.Rejected, Reason: types.ReasonUnstable})
	if top, ok := types.TopOutcome(err); ok {
		fmt.Println(top.Outcome, top.Reason)
	}
	// Output: rejected unstable
}
