package servo_test

import (
	"context"
	"fmt"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

type bulb struct {
	Watts int `yaml:"watts"`
}

// Two servos of one file run in one process. Here each ends after one command.
func ExampleAssemble() {
	docs, err := config.Parse("servo.yaml", []byte(`
name: hall
optimizer: {id: example.com/hall, token: "1234"}
bulb: {watts: 40}
---
name: attic
optimizer: {id: example.com/attic, token: "5678"}
bulb: {watts: 60}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	definition := connector.Define(connector.Info{Name: "bulb"}, func(c bulb, env connector.Env) (connector.Connector, error) {
		return bind(func(h *connector.Host) error {
			connector.Describe.On(h, func(context.Context, types.Control) (types.Description, error) {
				watts := types.Range("watts", types.Int(0), types.Int(100), types.Int(1)).With(types.Int(int64(c.Watts)))
				return types.Description{Components: []types.Component{{Name: env.Name, Settings: []types.Setting{watts}}}}, nil
			})
			return nil
		}), nil
	})
	optimizers := map[string]*optimizertest.Optimizer{}
	a, err := servo.Assemble(docs, servo.AssemblyOptions{
		Servo: servo.Options{Once: true},
		Configure: func(doc *config.Document, o *servo.Options) error { // else the ones that the documents name
			optimizers[doc.Name] = optimizertest.New(optimizer.Command{Verb: optimizer.Describe})
			o.Optimizer = optimizers[doc.Name]
			return nil
		},
	}, definition)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := a.Run(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range a.Servos() {
		setting, _ := optimizers[s.Name()].Results()[0].Description.Setting("bulb.watts")
		fmt.Println(s.Name(), setting.Value)
	}
	// Output:
	// hall 40
	// attic 60
}
