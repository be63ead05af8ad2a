package servokit_test

import (
	"context"
	"fmt"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

// oven is a connector with one setting, which is best at 6, and a metric that
// says how bad it is.
type oven struct{ heat types.Setting }

func (o *oven) Bind(h *connector.Host) error {
	connector.Components.On(h, func(context.Context, connector.None) ([]types.Component, error) {
		return o.describe().Components, nil
	})
	connector.Describe.On(h, func(context.Context, types.Control) (types.Description, error) {
		return o.describe(), nil
	})
	connector.Adjust.On(h, func(_ context.Context, r connector.AdjustRequest) (types.Description, error) {
		for _, a := range r.Adjustments {
			o.heat = o.heat.With(a.Value)
		}
		return o.describe(), nil
	})
	connector.Measure.On(h, func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
		heat, _ := o.heat.Value.Float64()
		return types.Measurement{Readings: []types.Reading{
			types.DataPoint{Metric: types.Metric{Name: "crumbs"}, Sample: types.Observe(2 + (heat-6)*(heat-6))},
		}}, nil
	})
	return nil
}

func (o *oven) describe() types.Description {
	return types.Description{
		Components: []types.Component{{Name: "oven", Settings: []types.Setting{o.heat}}},
		Metrics:    []types.Metric{{Name: "crumbs"}},
	}
}

// A servo with one connector, optimized by the embedded optimizer.
func Example() {
	objective, err := local.ParseObjective("minimize: crumbs")
	if err != nil {
		fmt.Println(err)
		return
	}
	engine, err := local.New(local.Options{Objective: objective, Trials: 9, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := servo.New(servo.Options{Name: "bakery", Optimizer: engine})
	if err != nil {
		fmt.Println(err)
		return
	}
	heat := types.Range("heat", types.Int(1), types.Int(10), types.Int(1)).With(types.Int(2))
	if err := s.Use("oven", &oven{heat: heat}); err != nil {
		fmt.Println(err)
		return
	}

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		<-engine.Done()
		stop()
	}()
	if err := s.Run(ctx); err != nil {
		fmt.Println(err)
		return
	}
	result := engine.Result()
	fmt.Println("baseline:", result.Baseline.Settings[0], "crumbs", result.Baseline.Objective)
	fmt.Println("kept the", result.Kept+":", result.Applied[0], "crumbs", result.Best.Objective)
	// Output:
	// baseline: oven.heat=2 crumbs 18
	// kept the best: oven.heat=6 crumbs 2
}
