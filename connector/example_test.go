package connector_test

import (
	"context"
	"fmt"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

// Config is the stanza of the thermostat in servo.yaml.
type Config struct {
	Room   string `yaml:"room"`
	Degree int64  `yaml:"degree"`
}

// SetDefaults fills what the file leaves out.
func (c *Config) SetDefaults() { c.Degree = 19 }

// Validate is called after decoding; every problem is reported at once.
func (c *Config) Validate() error {
	if c.Room == "" {
		return config.Required("room")
	}
	return nil
}

// Definition is what a program lists in main.
var Definition = connector.Define(connector.Info{Name: "thermostat", FullName: "Thermostat Connector"},
	func(c Config, _ connector.Env) (connector.Connector, error) { return &thermostat{c}, nil })

type thermostat struct{ config Config }

func (t *thermostat) Bind(h *connector.Host) error {
	connector.Describe.On(h, t.describe)
	connector.Adjust.On(h, t.adjust)
	return nil
}

func (t *thermostat) describe(context.Context, types.Control) (types.Description, error) {
	degree := types.Range("degree", types.Int(15), types.Int(25), types.Int(1)).With(types.Int(t.config.Degree))
	return types.Description{Components: []types.Component{{Name: t.config.Room, Settings: []types.Setting{degree}}}}, nil
}

func (t *thermostat) adjust(ctx context.Context, r connector.AdjustRequest) (types.Description, error) {
	for _, a := range r.Adjustments {
		degree, ok := a.Value.Int64()
		if !ok || degree > 25 {
			return types.Description{}, connector.Reject("too-warm", fmt.Errorf("the %s cannot be heated to %s", a.Component, a.Value))
		}
		t.config.Degree = degree
	}
	return t.describe(ctx, r.Control)
}

// A connector is built from its stanza, bound to a bus and driven by events.
func ExampleDefine() {
	docs, err := config.Parse("servo.yaml", []byte("thermostat:\n  room: kitchen\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	stanza, _ := docs[0].Stanza("thermostat")
	c, err := Definition.New(stanza, connector.Env{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var bus event.Bus
	if err := c.Bind(connector.NewHost(&bus, "thermostat", nil)); err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	for _, degree := range []int64{21, 40} {
		results, err := connector.Adjust.Dispatch(ctx, &bus, connector.AdjustRequest{
			Adjustments: types.Adjustments{{Component: "kitchen", Setting: "degree", Value: types.Int(degree)}},
		})
		if outcome, ok := types.TopOutcome(err); ok {
			fmt.Println(outcome.Outcome, outcome.Reason+":", outcome)
			continue
		}
		setting, _ := results[0].Value.Setting("kitchen.degree")
		fmt.Println("now", setting.Value)
	}
	// Output:
	// now 21
	// rejected too-warm: the kitchen cannot be heated to 40
}
