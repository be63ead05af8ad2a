package types_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/types"
)

// A gap in the data is bridged, a division by zero is left out, and a zero is a
// fault of the source.
func ExampleSamplePolicy() {
	var policy types.SamplePolicy
	if err := yaml.Unmarshal([]byte("{missing: carry, nan: skip, zero: fail}"), &policy); err != nil {
		fmt.Println(err)
		return
	}
	start := time.Date(2024, 2, 28, 2, 39, 0, 0, time.UTC)
	point := func(second int, s types.Sample) types.DataPoint {
		return types.DataPoint{Time: start.Add(time.Duration(second) * time.Second), Sample: s}
	}
	series := types.NewTimeSeries(types.Metric{Name: "latency"},
		point(0, types.Observe(12)), point(10, types.Sample{}), point(20, types.Observe(math.NaN())), point(30, types.Observe(16)))
	cleaned, counts, err := policy.Apply(series)
	fmt.Println(cleaned.Samples(), counts.Known(), err)
	fmt.Printf("%+v\n", counts)

	_, _, err = policy.Summarize(types.Observe(12), types.Observe(0))
	var refused *types.SampleError
	fmt.Println(err, errors.As(err, &refused))
	// Output:
	// [12 12 16] 0.5 <nil>
	// {Kept:2 Skipped:1 Carried:1 Replaced:0}
	// sample 1 is zero, which the policy refuses (1 in all) true
}

func ExampleControl_ParseUserdata() {
	var control types.Control
	err := json.Unmarshal([]byte(`{"duration":180,"userdata":{"experiment":"a","slo":{"conditions":[
		{"metric":"error_rate","threshold":0},
		{"metric":"throughput","keep":"above","threshold_metric":"main_throughput","threshold_multiplier":"0.9"}]}}}`), &control)
	if err != nil {
		fmt.Println(err)
		return
	}
	userdata, err := control.ParseUserdata()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, condition := range userdata.SLO.Conditions {
		c := condition.WithDefaults()
		fmt.Println(c, "times", c.ThresholdMultiplier, "trips after", c.TriggerCount, "of", c.TriggerWindow)
	}
	fmt.Println("experiment", string(userdata.Extra["experiment"]))
	// Output:
	// (error_rate below 0) times 1 trips after 1 of 1
	// (throughput above main_throughput) times 0.9 trips after 1 of 1
	// experiment "a"
}

func ExampleSLO() {
	var slo types.SLO
	err := json.Unmarshal([]byte(`{"conditions":[
		{"metric":"latency"},
		{"metric":"errors","threshold":"few","keep":"under","trigger_count":0}]}`), &slo)
	fmt.Println(err)
	// Output:
	// conditions[0].threshold: SLO condition must specify either threshold or threshold_metric
	// conditions[1].threshold: invalid decimal "few"
	// conditions[1].trigger_count: a whole number of at least 1 is required, not 0
	// conditions[1].keep: "under" is not accepted: use above or below
}

func ExampleParseDecimal() {
	a, _ := types.ParseDecimal("1.0")
	b, _ := types.ParseDecimal("10e-1")
	fmt.Println(a, a == b)
	// Output: 1 true
}

func ExampleVersion_Compare() {
	rc, _ := types.ParseVersion("1.0.0-rc.1+build.7")
	final, _ := types.ParseVersion("1.0.0")
	fmt.Println(rc, "comes before", final, rc.Compare(final) < 0)
	_, err := types.ParseVersion("1.0")
	fmt.Println(err)
	// Output:
	// 1.0.0-rc.1+build.7 comes before 1.0.0 true
	// invalid version "1.0": use major.minor.patch
}

func ExampleParseLicense() {
	fmt.Println(types.ParseLicense("Apache 2.0"))
	_, err := types.ParseMaturity("stable")
	fmt.Println(err)
	// Output:
	// Apache 2.0 <nil>
	// no maturity level identified by "stable": use "Experimental", "Stable" or "Robust"
}

// Two violations among three looks end a measurement early.
func ExampleSLOMonitor() {
	limit, _ := types.ParseDecimal("250")
	monitor := types.NewSLOMonitor(types.SLO{Conditions: []types.SLOCondition{
		{Metric: "latency", Threshold: limit, TriggerCount: 2, TriggerWindow: 3},
	}}, false)
	for _, latency := range []float64{300, math.NaN(), 260} {
		results, err := monitor.Judge(types.Measurement{Readings: []types.Reading{
			types.DataPoint{Metric: types.Metric{Name: "latency"}, Sample: types.Observe(latency)},
		}})
		fmt.Println(results, err)
	}
	// Output:
	// [failed] <nil>
	// [missing_metric] <nil>
	// [failed] SLO violation(s) observed: (latency below 250)[failed missing_metric failed]
}
