package main

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// Config is the stanza of the connector in servo.yaml.
type Config struct {
	URL string `yaml:"url"` // answers {"depth": 12}
}

// Validate names what is missing.
func (c *Config) Validate() error {
	if c.URL == "" {
		return config.Required("url")
	}
	return nil
}

// Definition is what a program lists in main.
var Definition = connector.Define(connector.Info{Name: "queue", FullName: "Queue Connector"},
	func(c Config, env connector.Env) (connector.Connector, error) { return &queue{c.URL, env.HTTP}, nil })

type queue struct {
	url    string
	client *http.Client
}

func (q *queue) Bind(h *connector.Host) error { connector.Measure.On(h, q.measure); return nil }

func (q *queue) measure(ctx context.Context, r connector.MeasureRequest) (types.Measurement, error) {
	var points []types.DataPoint
	for left, every := r.Control.Duration.Std(), 100*time.Millisecond; left > 0; left -= every {
		points = append(points, types.DataPoint{Time: time.Now(), Sample: q.poll(ctx)})
		select {
		case <-ctx.Done():
			return types.Measurement{}, context.Cause(ctx)
		case <-time.After(min(every, left)):
		}
	}
	return types.Measurement{Readings: []types.Reading{types.NewTimeSeries(types.Metric{Name: "queue_depth"}, points...)}}, nil
}

// poll returns a missing sample where there is no answer: that is not a zero.
func (q *queue) poll(ctx context.Context) (missing types.Sample) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, q.url, nil)
	if err != nil {
		return missing
	}
	response, err := q.client.Do(request)
	if err != nil {
		return missing
	}
	defer func() { _ = response.Body.Close() }()
	var status struct{ Depth *float64 }
	if json.NewDecoder(response.Body).Decode(&status) == nil && status.Depth != nil {
		return types.Observe(*status.Depth)
	}
	return missing
}
