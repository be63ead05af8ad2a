package servo_test

import (
	"context"
	"fmt"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

// dimmer is a connector with one setting.
type dimmer struct{ level types.Setting }

func (d *dimmer) Bind(h *connector.Host) error {
	components := func() []types.Component {
		return []types.Component{{Name: "lamp", Settings: []types.Setting{d.level}}}
	}
	connector.Components.On(h, func(context.Context, connector.None) ([]types.Component, error) {
		return components(), nil
	})
	connector.Adjust.On(h, func(_ context.Context, r connector.AdjustRequest) (types.Description, error) {
		for _, a := range r.Adjustments {
			d.level = d.level.With(a.Value)
		}
		return types.Description{Components: components()}, nil
	})
	return nil
}

// script is an optimizer that adjusts twice and then ends the program.
type script struct {
	commands []optimizer.Command
	stop     func()
}

func (s *script) Hello(context.Context, optimizer.Hello) error { return nil }

func (s *script) Next(ctx context.Context) (optimizer.Command, error) {
	if len(s.commands) == 0 {
		s.stop()
		<-ctx.Done()
		return optimizer.Command{}, ctx.Err()
	}
	next := s.commands[0]
	s.commands = s.commands[1:]
	return next, nil
}

func (s *script) Reply(_ context.Context, r optimizer.Result) error {
	if r.Outcome != "" {
		fmt.Println(r.UID, r.Outcome+":", r.Message)
		return nil
	}
	level, _ := r.Description.Setting("lamp.level")
	fmt.Println(r.UID, "ok:", level.Value)
	return nil
}

func (s *script) Progress(context.Context, optimizer.Progress) error { return nil }

func (s *script) Goodbye(_ context.Context, reason string) error {
	fmt.Println("goodbye:", reason)
	return nil
}

// A servo carries out what its optimizer asks for until its context ends. Any
// type with the five methods can be the optimizer.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	set := func(uid, setting string, level int64) optimizer.Command {
		return optimizer.Command{Verb: optimizer.Adjust, UID: uid, Adjustments: types.Adjustments{{Component: "lamp", Setting: setting, Value: types.Int(level)}}}
	}
	s, err := servo.New(servo.Options{
		Name:      "house",
		Optimizer: &script{commands: []optimizer.Command{set("u1", "level", 7), set("u2", "colour", 3)}, stop: stop},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Use("dimmer", &dimmer{level: types.Range("level", types.Int(0), types.Int(10), types.Int(1))}); err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// u1 ok: 7
	// u2 failed: nothing was adjusted: lamp.colour: unknown setting "colour" (known: level)
	// goodbye: shutdown
}
