package local_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer/local"
)

func ExampleParseConstraint() {
	c, err := local.ParseConstraint("latency_99th <= 80ms")
	fmt.Println(c.Metric, c.Op, c.Limit, c.Unit, err)
	_, err = local.ParseConstraint("latency_99th = 80ms")
	fmt.Println(err)
	// Output:
	// latency_99th <= 80 ms <nil>
	// constraint "latency_99th = 80ms": want "<metric> <= <limit>", or with <, >= or >
}

func ExampleParseFormula() {
	cost, err := local.ParseFormula("cost = 0.0316*cpu_cores + 0.0042*memory_gib")
	if err != nil {
		panic(err)
	}
	fmt.Println(cost.Metrics())
	fmt.Println(cost.Eval(map[string]float64{"cpu_cores": 2, "memory_gib": 10}))
	fmt.Println(cost.Eval(map[string]float64{"cpu_cores": 2}))
	// Output:
	// [cpu_cores memory_gib]
	// 0.1052 true
	// 0 false
}

func TestParseObjective(t *testing.T) {
	for _, c := range []struct {
		text, want, err string
	}{
		{text: "minimize: cost", want: "minimize: cost"},
		{text: "minimise cost", want: "minimize: cost"},
		{text: " Maximize :  throughput ", want: "maximize: throughput"},
		{text: "maximise: a.b:c_1", want: "maximize: a.b:c_1"},
		{text: "", err: `objective "": want "minimize: <metric>"`},
		{text: "cost", err: `objective "cost": want`},
		{text: "minimize:", err: "the name of a metric is required"},
		{text: "minimize: a b", err: `"a b" is not the name of a metric`},
		{text: "minimize: 1st", err: `"1st" is not the name of a metric`},
	} {
		t.Run(c.text, func(t *testing.T) {
			o, err := local.ParseObjective(c.text)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, o.String())
		})
	}
}

func TestParseConstraint(t *testing.T) {
	for _, c := range []struct {
		text, err string
		want      local.Constraint
	}{
		{text: "latency <= 80ms", want: local.Constraint{Metric: "latency", Op: "<=", Limit: 80, Unit: "ms"}},
		{text: "latency<0.5 s", want: local.Constraint{Metric: "latency", Op: "<", Limit: 0.5, Unit: "s"}},
		{text: "errors <= 1%", want: local.Constraint{Metric: "errors", Op: "<=", Limit: 1, Unit: "%"}},
		{text: "throughput >= 1.5e3rpm", want: local.Constraint{Metric: "throughput", Op: ">=", Limit: 1500, Unit: "rpm"}},
		{text: "gain > -2", want: local.Constraint{Metric: "gain", Op: ">", Limit: -2}},
		{text: "memory <= 512MiB", want: local.Constraint{Metric: "memory", Op: "<=", Limit: 512, Unit: "MiB"}},
		{text: "cpu <= 2 cores", want: local.Constraint{Metric: "cpu", Op: "<=", Limit: 2, Unit: "cores"}},
		{text: "latency = 80ms", err: "want \"<metric> <= <limit>\""},
		{text: "latency <= fast", err: `"fast" is not a number`},
		{text: "latency <= 80 parsecs", err: `unknown unit "parsecs"`},
		{text: "latency <= 1e999", err: "is not a number"},
		{text: "latency <= NaN", err: "is not a number"},
		{text: "<= 5", err: "the name of a metric is required"},
		{text: "latency <=", err: `"" is not a number`},
	} {
		t.Run(c.text, func(t *testing.T) {
			got, err := local.ParseConstraint(c.text)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
			again, err := local.ParseConstraint(got.String())
			require.NoError(t, err)
			assert.Equal(t, got, again)
		})
	}
}

func TestParseFormula(t *testing.T) {
	metrics := map[string]float64{"a": 2, "b": 3, "huge": math.MaxFloat64}
	for _, c := range []struct {
		text, want, err string
		value           float64
		missing         bool
	}{
		{text: "cost = 2*a + 3*b", want: "cost = 2*a + 3*b", value: 13},
		{text: "cost=a*2-b", want: "cost = 2*a - 1*b", value: 1},
		{text: "cost = -a + 1.5e1", want: "cost = -1*a + 15", value: 13},
		{text: "cost = 2*3*a", want: "cost = 6*a", value: 12},
		{text: "cost = 7", want: "cost = 7", value: 7},
		{text: "cost = a + gone", want: "cost = 1*a + 1*gone", missing: true},
		{text: "cost = 10*huge", want: "cost = 10*huge", missing: true},
		{text: "cost = 0*gone + 1", want: "cost = 0*gone + 1", missing: true},
		{text: "2*a", err: `want "<name> = <number>*<metric> + …"`},
		{text: "cost =", err: "ends where a number or a metric should follow"},
		{text: "cost = 2*", err: "ends where a number or a metric should follow"},
		{text: "cost = a b", err: `"b": want + or - between terms`},
		{text: "cost = a*b", err: "a term may have one metric only"},
		{text: "cost = (a)", err: `"(a)": want a number or the name of a metric`},
		{text: "cost = a - - b", err: `"- b": want a number`},
		{text: "cost = 1.2.3*a", err: `"1.2.3" is not a number`},
		{text: "cost = 1e200*1e200*a", err: "is not a number that can be used"},
		{text: "cost = cost + 1", err: "refers to itself"},
		{text: "1 = a", err: `"1" is not the name of a metric`},
	} {
		t.Run(c.text, func(t *testing.T) {
			f, err := local.ParseFormula(c.text)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, f.String())
			assert.Equal(t, "cost", f.Name())
			v, ok := f.Eval(metrics)
			assert.Equal(t, !c.missing, ok)
			if !c.missing {
				assert.InDelta(t, c.value, v, 1e-12)
			}
		})
	}
}

func FuzzParseFormula(f *testing.F) {
	f.Add("cost = 0.0316*cpu_cores + 0.0042*memory_gib")
	f.Add("x=-1e3*a.b:c-2")
	f.Fuzz(func(t *testing.T, text string) {
		formula, err := local.ParseFormula(text)
		if err != nil {
			return
		}
		again, err := local.ParseFormula(formula.String())
		require.NoError(t, err, "%q became %q", text, formula)
		assert.Equal(t, formula.String(), again.String())
		metrics := make(map[string]float64)
		for i, name := range formula.Metrics() {
			metrics[name] = float64(i)
		}
		if v, ok := formula.Eval(metrics); ok {
			assert.False(t, math.IsNaN(v) || math.IsInf(v, 0))
		}
	})
}

func FuzzParseConstraint(f *testing.F) {
	f.Add("latency_99th <= 80ms")
	f.Add("a>-1e-3 GiB")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := local.ParseConstraint(text)
		if err != nil {
			return
		}
		again, err := local.ParseConstraint(c.String())
		require.NoError(t, err, "%q became %q", text, c)
		assert.Equal(t, c, again)
	})
}

func FuzzParseObjective(f *testing.F) {
	f.Add("minimize: cost")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := local.ParseObjective(text)
		if err != nil {
			return
		}
		again, err := local.ParseObjective(o.String())
		require.NoError(t, err)
		assert.Equal(t, o, again)
	})
}
