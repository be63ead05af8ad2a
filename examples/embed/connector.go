package main

import (
	"context"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

var missRatio = types.Metric{Name: "miss_ratio", Unit: types.Percentage}

// cache is the connector: it has the service at hand and needs no network.
type cache struct {
	shop *shop
	size types.Setting
}

func newCache(s *shop) *cache {
	return &cache{shop: s, size: types.Range("cache_size", types.Int(1), types.Int(10), types.Int(1)).With(types.Int(int64(s.size)))}
}

func (c *cache) Bind(h *connector.Host) error {
	connector.Components.On(h, func(context.Context, connector.None) ([]types.Component, error) {
		return c.describe().Components, nil
	})
	connector.Describe.On(h, func(context.Context, types.Control) (types.Description, error) { return c.describe(), nil })
	connector.Adjust.On(h, c.adjust)
	connector.Measure.On(h, c.measure)
	return nil
}

func (c *cache) describe() types.Description {
	return types.Description{
		Components: []types.Component{{Name: "shop", Settings: []types.Setting{c.size}}},
		Metrics:    []types.Metric{missRatio, {Name: "entries"}},
	}
}

func (c *cache) adjust(_ context.Context, r connector.AdjustRequest) (types.Description, error) {
	for _, a := range r.Adjustments {
		if size, ok := a.Value.Int64(); ok && a.Component == "shop" {
			c.shop.resize(int(size))
			c.size = c.size.With(types.Int(size))
		}
	}
	return c.describe(), nil
}

// measure looks at the requests that come in anyway.
func (c *cache) measure(ctx context.Context, r connector.MeasureRequest) (types.Measurement, error) {
	for _, wait := range []types.Duration{r.Control.Warmup, r.Control.Duration} {
		c.shop.window() // what was before does not count
		select {
		case <-ctx.Done():
			return types.Measurement{}, context.Cause(ctx)
		case <-time.After(wait.Std()):
		}
	}
	var misses types.Sample // stays missing when nobody asked for anything
	if hit, missed := c.shop.window(); hit+missed > 0 {
		misses = types.Observe(100 * float64(missed) / float64(hit+missed))
	}
	entries, _ := c.size.Value.Float64()
	now := time.Now()
	return types.Measurement{Readings: []types.Reading{
		types.DataPoint{Metric: missRatio, Time: now, Sample: misses},
		types.DataPoint{Metric: types.Metric{Name: "entries"}, Time: now, Sample: types.Observe(entries)},
	}}, nil
}
