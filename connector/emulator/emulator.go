package emulator

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/types"
)

// Definition is the connector as a program lists it in main. Its stanza in a
// configuration file is a [Config]; it can be empty.
var Definition = connector.Define(connector.Info{
	Name:        defaultName,
	FullName:    "Emulator Connector",
	Version:     "0.5.0",
	Description: "Emulates an application: describes, measures and adjusts one that does not exist",
	License:     types.Apache2,
	Maturity:    types.Experimental,
}, New)

const defaultName = "emulator"

// ReasonFailure is the reason of an operation that failed because of the
// failure rate that is configured.
const ReasonFailure = "emulated-failure"

type emulator struct {
	config  Config
	name    string
	log     *slog.Logger
	effects [][]Effect // of the settings, in the order of the components

	measurements, adjustments atomic.Uint64 // begun so far

	mu         sync.Mutex
	components []types.Component // with the values in force; replaced, never changed
}

// New returns an emulator for a program that configures it itself; call
// [Config.SetDefaults] first. The error lists all problems of c.
func New(c Config, env connector.Env) (connector.Connector, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	e := &emulator{config: c, name: env.Name, log: env.Logger}
	if e.name == "" {
		e.name = defaultName
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	for _, component := range c.Components {
		described := types.Component{Name: component.Name}
		var effects []Effect
		for _, s := range component.Settings {
			described.Settings = append(described.Settings, s.begin(random(c.Seed, beginning, 0, component.Name+"."+s.Name)))
			effects = append(effects, s.Effect)
		}
		e.components = append(e.components, described)
		e.effects = append(e.effects, effects)
	}
	return e, nil
}

// Bind registers the handlers.
func (e *emulator) Bind(h *connector.Host) error {
	connector.Components.On(h, func(context.Context, connector.None) ([]types.Component, error) {
		return clone(e.inForce()), nil
	})
	connector.Metrics.On(h, func(context.Context, connector.None) ([]types.Metric, error) {
		return e.metrics(), nil
	})
	connector.Describe.On(h, func(context.Context, types.Control) (types.Description, error) {
		return e.describe(), nil
	})
	connector.Measure.On(h, e.measure)
	connector.Adjust.On(h, e.adjust)
	connector.Restore.On(h, e.restore)
	h.Check(e.checks()...)
	return nil
}

// inForce returns the components as they are. They must not be changed.
func (e *emulator) inForce() []types.Component {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.components
}

// clone returns components that the receiver may change.
func clone(components []types.Component) []types.Component {
	copies := slices.Clone(components)
	for i, c := range copies {
		copies[i].Settings = slices.Clone(c.Settings)
		for j, s := range c.Settings {
			copies[i].Settings[j].Values = slices.Clone(s.Values)
		}
	}
	return copies
}

func (e *emulator) metrics() []types.Metric {
	metrics := make([]types.Metric, len(e.config.Metrics))
	for i, m := range e.config.Metrics {
		metrics[i] = m.describe()
	}
	return metrics
}

func (e *emulator) describe() types.Description {
	return types.Description{Components: clone(e.inForce()), Metrics: e.metrics()}
}
