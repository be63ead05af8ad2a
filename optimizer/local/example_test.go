package local_test

import (
	"context"
	"fmt"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/types"
)

// queue is a servo for a simulated service: more workers cost more and make it
// faster, and a cache makes up for some of them.
type queue struct{ workers, cache types.Value }

func (q *queue) describe() types.Description {
	return types.Description{
		Components: []types.Component{{Name: "app", Settings: []types.Setting{
			types.Range("workers", types.Int(1), types.Int(16), types.Int(1)).With(q.workers),
			types.Range("cache_mib", types.Int(0), types.Int(512), types.Int(32)).With(q.cache),
		}}},
		Metrics: []types.Metric{{Name: "cpu_cores", Unit: types.Cores}, {Name: "memory_gib", Unit: types.Gibibytes}, {Name: "latency_99th", Unit: types.Milliseconds}},
	}
}

func (q *queue) measure() types.Measurement {
	workers, _ := q.workers.Float64()
	cache, _ := q.cache.Float64()
	read := func(name string, unit types.Unit, v float64) types.Reading {
		return types.DataPoint{Metric: types.Metric{Name: name, Unit: unit}, Sample: types.Observe(v)}
	}
	return types.Measurement{Readings: []types.Reading{
		read("cpu_cores", types.Cores, workers/2),
		read("memory_gib", types.Gibibytes, 0.25+cache/1024),
		read("latency_99th", types.Milliseconds, 20+240/workers*(1-cache/1024)),
	}}
}

// run does what the optimizer says until the study is done.
func (q *queue) run(ctx context.Context, backend optimizer.Backend) error {
	if err := backend.Hello(ctx, optimizer.Hello{}); err != nil {
		return err
	}
	for {
		c, err := backend.Next(ctx)
		if err != nil {
			return err
		}
		result := optimizer.Result{Verb: c.Verb, UID: c.UID}
		switch c.Verb {
		case optimizer.Measure:
			result.Measurement = q.measure()
		case optimizer.Adjust:
			q.workers, q.cache = c.Adjustments[0].Value, c.Adjustments[1].Value
			result.Description = q.describe()
		case optimizer.Describe:
			result.Description = q.describe()
		default:
			fmt.Println(c.SleepReason)
			return backend.Goodbye(ctx, "done")
		}
		if err := backend.Reply(ctx, result); err != nil {
			return err
		}
	}
}

// A complete study of a simulated service.
func Example() {
	objective, err := local.ParseObjective("minimize: cost")
	if err != nil {
		fmt.Println(err)
		return
	}
	limit, err := local.ParseConstraint("latency_99th <= 80ms")
	if err != nil {
		fmt.Println(err)
		return
	}
	cost, err := local.ParseFormula("cost = 0.0316*cpu_cores + 0.0042*memory_gib")
	if err != nil {
		fmt.Println(err)
		return
	}
	engine, err := local.New(local.Options{
		Objective:   objective,
		Constraints: []local.Constraint{limit},
		Formulas:    []local.Formula{cost},
		Seed:        1,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := (&queue{workers: types.Int(12), cache: types.Int(64)}).run(context.Background(), engine); err != nil {
		fmt.Println(err)
		return
	}
	<-engine.Done()
	for _, setting := range engine.Result().Applied {
		fmt.Println(setting)
	}
	// Output:
	// done: better by 81.8 ± 0.0 percent (cost 0.03475 instead of 0.1909, medians of 3)
	// app.workers=2
	// app.cache_mib=512
}

// Known configurations are compared with the baseline when there are as many
// trials as candidates.
func ExampleOptions_candidates() {
	engine, err := local.New(local.Options{
		Objective: local.Objective{Metric: "latency_99th"},
		Trials:    1,
		Candidates: []types.Adjustments{
			{{Component: "app", Setting: "workers", Value: types.Int(16)}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := (&queue{workers: types.Int(12), cache: types.Int(64)}).run(context.Background(), engine); err != nil {
		fmt.Println(err)
	}
	// Output:
	// done: better by 12.1 ± 0.0 percent (latency_99th 34.06 instead of 38.75, medians of 3)
}
