package types_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/types"
)

// row is one row of a table of what the package promises: a name, what it does
// and what it should do, both as text.
type row struct{ name, got, want string }

// or returns the value, or the error when there is one.
func or(value any, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(value)
}

// read returns what T makes of JSON, as JSON, or the error.
func read[T any](text string) string {
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return err.Error()
	}
	return wire(v)
}

func wire(v any) string {
	data, err := json.Marshal(v)
	return or(string(data), err)
}

func walkRows(t *testing.T, rows []row) {
	t.Helper()
	seen := make(map[string]bool)
	for _, r := range rows {
		require.False(t, seen[r.name], "two rows are named %s", r.name)
		seen[r.name] = true
		t.Run(r.name, func(t *testing.T) { assert.Equal(t, r.want, r.got) })
	}
	t.Logf("%d rows", len(rows))
}

func parsed(text string) string { return or(types.ParseDuration(text)) }

func TestChecklistDurations(t *testing.T) {
	nano := func(text string) string {
		d, err := types.ParseDuration(text)
		return or(int64(d), err)
	}
	written := func(d time.Duration) string { return types.Duration(d).String() }
	rows := []row{
		{"unit ns rounds to µs", nano("1499ns"), "1000"},
		{"unit us", nano("1us"), "1000"},
		{"unit µs U+00B5", nano("1\u00b5s"), "1000"},
		{"unit μs U+03BC", nano("1\u03bcs"), "1000"},
		{"unit ms", nano("1ms"), "1000000"},
		{"unit s", nano("1s"), "1000000000"},
		{"unit m", nano("1m"), fmt.Sprint(60 * int64(time.Second))},
		{"unit h", nano("1h"), fmt.Sprint(3600 * int64(time.Second))},
		{"unit d", nano("1d"), fmt.Sprint(86400 * int64(time.Second))},
		{"unit w", nano("1w"), fmt.Sprint(604800 * int64(time.Second))},
		{"unit mm is a month", nano("1mm"), fmt.Sprint(30 * 86400 * int64(time.Second))},
		{"unit y", nano("1y"), fmt.Sprint(365 * 86400 * int64(time.Second))},
		{"input integer", read[types.Duration](`180`), `"3m"`},
		{"input float", read[types.Duration](`0.5`), `"500ms"`},
		{"input string", read[types.Duration](`"1m"`), `"1m"`},
		{"vector 5.6s", nano("5.6s"), "5600000000"},
		{"vector -2m3.4s", nano("-2m3.4s"), "-123400000000"},
		{"vector 10.5s4m", nano("10.5s4m"), "250500000000"},
		{"vector +5s", nano("+5s"), "5000000000"},
		{"vector 10w5d39h9m14.425s", nano("10w5d39h9m14.425s"), "6620954425000000"},
		{"vector 5y2mm", nano("5y2mm"), "162864000000000000"},
		{"vector 1y4w1h", nano("1y4w1h"), "33958800000000000"},
		{"vector 2y4mm3d8h24m", nano("2y4mm3d8h24m"), "73729440000000000"},
		{"unitless 0", parsed("0"), "0"},
		{"unitless +0", parsed("+0"), "0"},
		{"unitless -0", parsed("-0"), "0"},
		{"point at the end", parsed("5.s"), "5s"},
		{"point at the start", parsed(".5s"), "500ms"},
		{"blank between groups", parsed("1h 30m"), "1h30m"},
		{"error number", parsed("3"), `invalid duration "3"`},
		{"error empty", parsed(""), `invalid duration ""`},
		{"error sign", parsed("-"), `invalid duration "-"`},
		{"error unit alone", parsed("s"), `invalid duration "s"`},
		{"error point", parsed("."), `invalid duration "."`},
		{"error point and unit", parsed(".s"), `invalid value "." in duration ".s"`},
		{"error upper case", parsed("5M"), `invalid duration "5M"`},
		{"error blank before the unit", parsed("5 m"), `invalid duration "5 m"`},
		{"error unknown unit", parsed("5q"), `unknown unit "q" in duration "5q"`},
		{"error two points", parsed("1.2.3s"), `invalid value "1.2.3" in duration "1.2.3s"`},
		{"error residue before", parsed("abc5s"), `invalid duration "abc5s"`},
		{"error residue after", parsed("5m foo"), `invalid duration "5m foo"`},
		{"error sign inside", parsed("1h-30m"), `invalid duration "1h-30m"`},
		{"output zero", written(0), "0"},
		{"output ms", written(500 * time.Millisecond), "500ms"},
		{"output ms and us", written(1500 * time.Microsecond), "1ms500us"},
		{"output 123ms456us", written(123456 * time.Microsecond), "123ms456us"},
		{"output minutes", written(90500 * time.Millisecond), "1m30.5s"},
		{"output days, never weeks", written(7 * 24 * time.Hour), "7d"},
		{"output 1d3h46m40.5s", written(100000500 * time.Millisecond), "1d3h46m40.5s"},
		{"output to the microsecond", written(59123456 * time.Microsecond), "59.123456s"},
		{"output negative", written(-5 * time.Second), "-5s"},
		{"output very negative", written(-2000 * time.Second), "-33m20s"},
		{"comparison by value", fmt.Sprint(types.Duration(time.Minute) == types.Duration(60*time.Second)), "true"},
	}
	walkRows(t, rows)
}

func TestChecklistMetrics(t *testing.T) {
	s := types.NewTimeSeries(latency, at(10, 2), at(0, 1))
	s.ID, s.Annotation, s.Metadata = "pod", "note", map[string]string{"k": "v"}
	m := types.Measurement{Readings: []types.Reading{types.NewTimeSeries(latency)}, Annotations: map[string]string{"k": "v"}}
	point := types.DataPoint{Metric: throughput, Time: time.Date(2020, 1, 21, 12, 0, 1, 0, time.UTC), Sample: types.Observe(31337)}
	walkRows(t, []row{
		{"unit float, int, count, rate", string(types.Unitless), ""},
		{"unit percentage", string(types.Percentage), "%"},
		{"unit milliseconds", string(types.Milliseconds), "ms"},
		{"unit bytes", string(types.Bytes), "bytes"},
		{"unit gibibytes", string(types.Gibibytes), "GiB"},
		{"unit cores", string(types.Cores), "cores"},
		{"unit requests_per_minute", string(types.RequestsPerMinute), "rpm"},
		{"unit requests_per_second", string(types.RequestsPerSecond), "rps"},
		{"unit of another kind", or(nil, types.Unit("x").Validate()), `unknown unit "x": use "", "%", "ms", "bytes", "GiB", "cores", "rpm" or "rps"`},
		{"metric in a description", wire(types.Description{Metrics: []types.Metric{throughput}}), `{"application":{"components":{}},"measurement":{"metrics":{"throughput":{"unit":"rpm"}}}}`},
		{"data point text", point.String(), "throughput: 31337.00rpm @ 2020-01-21 12:00:01"},
		{"series metric", s.Metric.Name, latency.Name},
		{"series data_points sorted", fmt.Sprint(s.Samples()), "[1 2]"},
		{"series id", s.ID, "pod"},
		{"series annotation", s.Annotation, "note"},
		{"series metadata", fmt.Sprint(s.Metadata), "map[k:v]"},
		{"series min", or(func() (any, error) { p, _ := s.Min(); return p.Sample, nil }()), "1"},
		{"series max", or(func() (any, error) { p, _ := s.Max(); return p.Sample, nil }()), "2"},
		{"series timespan", or(func() (any, error) { _, last, ok := s.Timespan(); return fmt.Sprint(last.Unix()-noon.Unix(), ok), nil }()), "10 true"},
		{"series duration", s.Duration().String(), "10s"},
		{"measurement readings", fmt.Sprint(len(m.Readings)), "1"},
		{"measurement annotations", m.Annotations["k"], "v"},
		{"measurement of one kind", or(nil, types.Measurement{Readings: []types.Reading{s, point}}.Validate()), "all readings must be of the same type: expected TimeSeries but found DataPoint (throughput)"},
		{"normalization passthrough", or(types.ParseNormalizationPolicy("passthrough")), "passthrough"},
		{"normalization intersect", or(types.ParseNormalizationPolicy("intersect")), "intersect"},
		{"normalization fill", or(types.ParseNormalizationPolicy("fill")), "fill"},
	})
}

func TestChecklistSettings(t *testing.T) {
	i, f := types.Int, types.Float
	warn := func(lo, hi, step types.Value) string {
		return strings.Join(types.Range("x", lo, hi, step).Warnings(), "; ")
	}
	aligned := func(v, step types.Value) string {
		zero := i(0)
		if v.Kind() == types.FloatKind {
			zero = f(0)
		}
		return fmt.Sprint(!strings.Contains(warn(zero, v, step), "aligned"))
	}
	pinned := types.Range("x", i(0), i(9), i(1)).With(i(5))
	pinned.Pinned = true
	assign := func(v types.Value) string { s, err := pinned.Assign(v); return or(s.Value, err) }
	env := func(t types.NumericType) string {
		s := types.EnvironmentSetting{Setting: types.Range("x", i(0), i(9), i(1)), ValueType: t}
		return or(s.Accept(types.Text("3")))
	}
	withLiteral := types.EnvironmentSetting{Setting: pinned, Literal: "X"}
	enum := types.Enum("e", types.Text("one"), types.Text("two"))
	cpu, memory := types.CPURange(types.Core, 2*types.Core, types.DefaultCPUStep), types.MemoryRange(types.GiB, 2*types.GiB, types.GiB)
	walkRows(t, []row{
		{"numeric integer stays one", read[types.Value](`2`), `2`},
		{"numeric float stays one", read[types.Value](`2.0`), `2.0`},
		{"numeric equal", fmt.Sprint(i(2).Equal(f(2))), "true"},
		{"numeric boolean", read[types.Value](`true`), "a setting value must be a number or a string, not true"},
		{"numeric string in a range", or(nil, types.Range("x", i(1), i(2), types.Text("1")).Validate()), `step: a number is required, not "1"`},
		{"field name required", or(nil, types.Enum("", i(1)).Validate()), "name: required"},
		{"field type required", or(nil, types.Setting{Name: "x"}.Validate()), `type: "" is not accepted: use range or enum`},
		{"field pinned false by default, always sent", wire(types.Range("x", i(1), i(2), i(1))), `{"type":"range","pinned":false,"min":1,"max":2,"step":1}`},
		{"field unit", wire(func() types.Setting { s := pinned; s.Unit = "u"; return s }()), `{"type":"range","pinned":true,"unit":"u","value":5,"min":0,"max":9,"step":1}`},
		{"field value", pinned.Value.String(), "5"},
		{"wire enum", wire(enum), `{"type":"enum","pinned":false,"values":["one","two"]}`},
		{"pinned another value", assign(i(6)), "x: value of pinned settings cannot be changed: assigned value 6 is not equal to existing value 5"},
		{"pinned the same as a float", assign(f(5)), "5"},
		{"pinned and null", assign(types.Value{}), "x: a number is required, not nothing"},
		{"safe copy", or(func() (any, error) { s, _ := pinned.Observed(i(6)); return s.Value, nil }()), "6"},
		{"enum of nothing", or(nil, types.Enum("e").Validate()), "values: at least one is required"},
		{"enum and no member", or(nil, enum.With(types.Text("three")).Validate()), `invalid value: "three" is not in the values list ["one", "two"]`},
		{"enum number is no string", or(types.Enum("e", types.Text("5")).Accept(i(5))), `e: 5 is not accepted: use one of ["5"]`},
		{"range max < min", warn(i(5), i(1), i(1)), "min cannot be greater than max (5 > 1)"},
		{"range mixed types", warn(f(0), i(4), i(1)), "min, max and step must be of one numeric type: they are float, integer and integer"},
		{"range value outside", strings.Join(types.Range("x", i(1), i(3), i(1)).With(i(9)).Warnings(), ""), "invalid value: 9 is outside of the range 1-3"},
		{"range min equals max", warn(i(3), i(3), i(1)), "step must be zero when min equals max: step 1 cannot step from 3 to 3 (pin the setting to keep its value)"},
		{"range zero step", warn(i(1), i(3), i(0)), "step cannot be zero"},
		{"range 3-11 step 3", warn(i(3), i(11), i(3)), "min/max difference is not step aligned: 8 is not a multiple of 3 (consider min 5 or 2, max 9 or 12)"},
		{"range 3-13 step 3", warn(i(3), i(13), i(3)), "min/max difference is not step aligned: 10 is not a multiple of 3 (consider min 4 or 1, max 12 or 15)"},
		{"range 1-2 step 3", warn(i(1), i(2), i(3)), "min/max difference is not step aligned: 1 is not a multiple of 3 (consider min -1 or -4, max 4 or 7)"},
		{"aligned 1.0 0.1", aligned(f(1), f(0.1)), "true"},
		{"aligned 1.0 0.125", aligned(f(1), f(0.125)), "true"},
		{"aligned 12 3", aligned(i(12), i(3)), "true"},
		{"aligned 0 0", aligned(i(0), i(0)), "true"},
		{"aligned 0.1 0.1", aligned(f(0.1), f(0.1)), "true"},
		{"not aligned 1.0 0.3", aligned(f(1), f(0.3)), "false"},
		{"not aligned 0.6 0.5", aligned(f(0.6), f(0.5)), "false"},
		{"not aligned 3 12", aligned(i(3), i(12)), "false"},
		{"not aligned 6 5", aligned(i(6), i(5)), "false"},
		{"not aligned 5 6", aligned(i(5), i(6)), "false"},
		{"range text", pinned.String(), "x (range 0-9, 1)"},
		{"CPU", fmt.Sprint(cpu.Name, " ", cpu.Kind, " ", cpu.Unit, " ", cpu.Step), "cpu range cores 0.125"},
		{"CPU min above zero", or(nil, types.CPURange(0, types.Core, types.Core).Validate()), "min: 0.0 is not accepted: use a number greater than 0"},
		{"CPU floats", or(cpu.Accept(i(1))), "1.0"},
		{"CPU unit left out is respected", wire(func() types.Setting { s := cpu; s.Unit = ""; return s }()), `{"type":"range","pinned":false,"min":1.0,"max":2.0,"step":0.125}`},
		{"Memory", fmt.Sprint(memory.Name, " ", memory.Kind, " ", memory.Unit), "mem range GiB"},
		{"Memory min zero warns", strings.Join(types.MemoryRange(0, types.GiB, types.GiB).Warnings(), ""), "min must be greater than zero"},
		{"Replicas", wire(types.ReplicaRange(0, 4)), `{"type":"range","pinned":false,"min":0,"max":4,"step":1}`},
		{"Replicas strict", or(nil, func() error { s := types.ReplicaRange(1, 4); s.Max = f(4); return s.Validate() }()), "max: an integer is required, not 4.0"},
		{"Replicas from floats of commands", or(types.ReplicaRange(1, 4).Accept(f(2))), "2"},
		{"InstanceType", wire(types.InstanceTypes("m5.large")), `{"type":"enum","pinned":false,"unit":"ec2","values":["m5.large"]}`},
		{"another name", or(nil, func() error { s := cpu; s.Name = "x"; return s.Validate() }()), `name: "x" is not accepted: use cpu`},
		{"environment literal", withLiteral.Variable(), "X"},
		{"environment name", types.EnvironmentSetting{Setting: pinned}.Variable(), "x"},
		{"environment 3 null", env(""), "3.0"},
		{"environment 3 int", env(types.IntType), "3"},
		{"environment 3 float", env(types.FloatType), "3.0"},
		{"environment unknown type", env("long"), `x: unrecognized numeric type "long": use int or float`},
		{"environment range by type", read[types.EnvironmentSetting](`{"name":"a","type":"range","min":1,"max":2,"step":1}`), `{"type":"range","pinned":false,"min":1,"max":2,"step":1}`},
		{"environment enum by type", read[types.EnvironmentSetting](`{"name":"a","type":"enum","values":["x"]}`), `{"type":"enum","pinned":false,"values":["x"]}`},
		{"component", wire(types.Component{Name: "c", Settings: []types.Setting{enum}}), `{"settings":{"e":{"type":"enum","pinned":false,"values":["one","two"]}}}`},
		{"description has both parts", wire(types.Description{}), `{"application":{"components":{}},"measurement":{"metrics":{}}}`},
		{"adjustment text", types.Adjustment{Component: "web", Setting: "cpu", Value: f(1.25)}.String(), "web.cpu=1.25"},
		{"adjustment of null", read[types.Adjustments](`{"application":{"components":{"c":{"settings":{"s":{"value":null}}}}}}`), "state.application.components.c.settings.s.value: required: a number or a string"},
	})
}

func TestChecklistControl(t *testing.T) {
	control := read[types.Control]
	condition := func(fields string) string {
		return strings.TrimPrefix(read[types.SLOCondition](`{"metric":"m",`+fields+`}`), `{"metric":"m",`)
	}
	filled := types.SLOCondition{Metric: "m", Threshold: dec("1")}.WithDefaults()
	judge := func(c types.SLOCondition, measured map[string]float64) string {
		results, _ := types.NewSLOMonitor(types.SLO{Conditions: []types.SLOCondition{c}}, false).Judge(look(measured))
		return string(results[0])
	}
	relative := types.SLOCondition{Metric: "m", ThresholdMetric: "n"}
	walkRows(t, []row{
		{"duration default", control(`{}`), `{"duration":"1s"}`},
		{"duration null", control(`{"duration":null}`), `{"duration":"0"}`},
		{"delay", control(`{"delay":5}`), `{"duration":"1s","delay":"5s"}`},
		{"warmup", control(`{"warmup":"1m"}`), `{"duration":"1s","warmup":"1m"}`},
		{"settlement null", control(`{"settlement":null}`), `{"duration":"1s"}`},
		{"settlement", control(`{"settlement":0}`), `{"duration":"1s","settlement":"0"}`},
		{"load", control(`{"load":{"a":1}}`), `{"duration":"1s","load":{"a":1}}`},
		{"userdata", control(`{"userdata":{"a":1}}`), `{"duration":"1s","userdata":{"a":1}}`},
		{"environment", control(`{"environment":{"mode":"x"}}`), `{"duration":"1s","environment":{"mode":"x"}}`},
		{"past", control(`{"past":5}`), `{"duration":"1s","delay":"5s"}`},
		{"past and delay", control(`{"past":5,"delay":6}`), "control: past and delay attributes must be equal"},
		{"numeric string", control(`{"duration":"180"}`), `control.duration: invalid duration "180"`},
		{"unknown fields", control(`{"x":1}`), `{"duration":"1s"}`},
		{"negative", control(`{"warmup":-1}`), "control.warmup: -1s is negative"},
		{"user data keeps other keys", read[types.Userdata](`{"x":1,"slo":null}`), `{"x":1}`},
		{"slo conditions required", read[types.SLO](`{}`), "conditions: required"},
		{"slo forbids other keys", read[types.SLO](`{"conditions":[],"x":1}`), "x: unknown: use conditions"},
		{"slo unique", read[types.SLO](`{"conditions":[{"metric":"m","threshold":1},{"metric":"m","threshold":1}]}`), "conditions[1]: SLO conditions must be unique: (m below 1) is the same as conditions[0]"},
		{"condition description", condition(`"threshold":1,"description":"d"`), `{"description":"d","metric":"m","threshold":1}`},
		{"condition metric required", read[types.SLOCondition](`{"threshold":1}`), "metric: required"},
		{"condition threshold", condition(`"threshold":"0.10"`), `"threshold":0.1}`},
		{"condition threshold_metric", condition(`"threshold_metric":"n"`), `"threshold_metric":"n"}`},
		{"condition threshold_multiplier default", filled.ThresholdMultiplier.String(), "1"},
		{"condition keep default", string(filled.Keep), "below"},
		{"condition keep above", condition(`"threshold":1,"keep":"above"`), `"threshold":1,"keep":"above"}`},
		{"condition trigger_count default", fmt.Sprint(filled.TriggerCount), "1"},
		{"condition trigger_window default", fmt.Sprint(types.SLOCondition{TriggerCount: 3}.WithDefaults().TriggerWindow), "3"},
		{"condition slo_metric_minimum default", filled.MetricMinimum.String(), "0.25"},
		{"condition slo_threshold_minimum default", filled.ThresholdMinimum.String(), "0.25"},
		{"condition forbids other keys", condition(`"threshold":1,"x":1`), "x: unknown: a condition has no such key"},
		{"condition both thresholds", condition(`"threshold":1,"threshold_metric":"n"`), "threshold: SLO condition cannot specify both threshold and threshold_metric"},
		{"condition no threshold", condition(`"keep":"below"`), "threshold: SLO condition must specify either threshold or threshold_metric"},
		{"condition count and window", condition(`"threshold":1,"trigger_count":3,"trigger_window":2`), "trigger_count: cannot be greater than trigger_window (3 > 2)"},
		{"condition warning", strings.Join(types.SLOCondition{Metric: "m", Threshold: dec("1"), ThresholdMinimum: dec("1")}.Warnings(), ""), "(m below 1): slo_threshold_minimum has no effect with a fixed threshold"},
		{"fast fail missing_metric", judge(filled, nil), "missing_metric"},
		{"fast fail missing_threshold", judge(relative, map[string]float64{"m": 1}), "missing_threshold"},
		{"fast fail zero_metric", judge(relative, map[string]float64{"m": 0.2, "n": 1}), "zero_metric"},
		{"fast fail zero_threshold", judge(relative, map[string]float64{"m": 1, "n": 0.2}), "zero_threshold"},
		{"fast fail passed", judge(filled, map[string]float64{"m": 1}), "passed"},
		{"fast fail failed", judge(filled, map[string]float64{"m": 2}), "failed"},
		{"condition text", filled.String(), "(m below 1)"},
		{"condition text with a description", types.SLOCondition{Metric: "m", ThresholdMetric: "n", Description: "d"}.String(), "(m below n -> d)"},
		{"condition text of zero", types.SLOCondition{Metric: "m", Threshold: dec("0")}.String(), "(m below 0)"},
	})
}

func TestChecklistProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := types.NewDurationProgress(seconds(100))
		before := d.Percent()
		_ = d.Start()
		e := types.NewEventProgress(pointer(seconds(100)), pointer(seconds(10)))
		_ = e.Start()
		time.Sleep(25 * time.Second)
		timed := e.Percent()
		e.Trigger()
		settling, completed := e.Settling(), e.Completed()
		time.Sleep(5 * time.Second)
		settled := e.Percent()
		left, _ := e.SettlementRemaining()
		e.Reset()
		reset := fmt.Sprint(e.Settling(), e.Completed(), e.Percent())
		e.Complete()
		complete := fmt.Sprint(e.Completed(), e.Finished(), e.TimedOut())
		zero := types.NewEventProgress(pointer(0), nil)
		_ = zero.Start()
		at, started := d.StartedAt()
		elapsed, _ := d.Elapsed()
		plain := types.NewEventProgress(nil, nil)
		plain.Trigger()
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("stop"))
		rows := []row{
			{"started_at", fmt.Sprint(time.Since(at), started), "30s true"},
			{"elapsed", elapsed.String(), "30s"},
			{"progress before", fmt.Sprint(before), "0"},
			{"progress", fmt.Sprint(d.Percent()), "30"},
			{"finished", fmt.Sprint(d.Finished()), "false"},
			{"second start", d.Start().Error(), types.ErrStarted.Error()},
			{"annotate", d.Annotate("text", true), "30.00% complete, 30s elapsed - text"},
			{"annotate without prefix", d.Annotate("text", false), "text (30.00% complete, 30s elapsed)"},
			{"trigger without settlement", fmt.Sprint(plain.Completed()), "true"},
			{"trigger with settlement", fmt.Sprint(completed), "false"},
			{"settling", fmt.Sprint(settling), "true"},
			{"settlement_remaining", left.String(), "5s"},
			{"progress of the timeout", fmt.Sprint(timed), "25"},
			{"progress of the settlement", fmt.Sprint(settled), "50"},
			{"reset keeps the timeout running", reset, "false false 30"},
			{"complete", complete, "true true false"},
			{"timed_out at 0", fmt.Sprint(zero.TimedOut(), zero.Finished()), "true true"},
			{"wait with a timeout", or(nil, types.NewEventProgress(pointer(seconds(1)), nil).Wait(t.Context())), "waiting for the event: timed out after 1s"},
			{"wait is cancellable", or(nil, types.NewEventProgress(nil, nil).Wait(ctx)), "stop"},
			{"watch is cancellable", or(nil, types.NewDurationProgress(seconds(1)).Watch(ctx, 0, nil)), "stop"},
		}
		seen := 0
		for _, r := range rows { // a bubble cannot run sub-tests
			assert.Equal(t, r.want, r.got, r.name)
			seen++
		}
		t.Logf("%d rows", seen)
	})
}

func TestChecklistEnumerationsAndErrors(t *testing.T) {
	status := func(err error) string {
		top, ok := types.TopOutcome(err)
		if !ok {
			return "none"
		}
		return string(top.Outcome)
	}
	version := func(text string) string { return or(types.ParseVersion(text)) }
	walkRows(t, []row{
		{"license MIT", or(types.ParseLicense("MIT")), "MIT"},
		{"license Apache 2.0", or(types.ParseLicense("Apache 2.0")), "Apache 2.0"},
		{"license Proprietary", or(types.ParseLicense("Proprietary")), "Proprietary"},
		{"license of another case", or(types.ParseLicense("mit")), `no license identified by "mit": use "MIT", "Apache 2.0" or "Proprietary"`},
		{"maturity Experimental", or(types.ParseMaturity("Experimental")), "Experimental"},
		{"maturity Stable", or(types.ParseMaturity("Stable")), "Stable"},
		{"maturity Robust", or(types.ParseMaturity("Robust")), "Robust"},
		{"maturity of another case", or(types.ParseMaturity("x")), `no maturity level identified by "x": use "Experimental", "Stable" or "Robust"`},
		{"version", version("1.2.3-rc.1+b"), "1.2.3-rc.1+b"},
		{"version that is none", version("1.2"), `invalid version "1.2": use major.minor.patch`},
		{"numeric type int", or(types.IntType.Cast(types.Float(3.7))), "3"},
		{"numeric type float", or(types.FloatType.Cast(types.Int(3))), "3.0"},
		{"cancelled", status(outcome(types.Cancelled, "")), "cancelled"},
		{"aborted", status(outcome(types.Aborted, "")), "aborted"},
		{"measurement failed", status(&types.OutcomeError{Outcome: types.Failed, Operation: types.Measuring}), "failed"},
		{"adjustment failed", status(&types.OutcomeError{Outcome: types.Failed, Operation: types.Adjusting}), "failed"},
		{"adjustment rejected", status(outcome(types.Rejected, "")), "rejected"},
		{"any other error", status(errors.New("x")), "none"},
		{"priority aborted above rejected", status(errors.Join(outcome(types.Rejected, ""), outcome(types.Aborted, ""))), "aborted"},
		{"priority rejected above failed", status(errors.Join(outcome(types.Failed, ""), outcome(types.Rejected, ""))), "rejected"},
		{"priority failed above cancelled", status(errors.Join(outcome(types.Cancelled, ""), outcome(types.Failed, ""))), "failed"},
	})
}
