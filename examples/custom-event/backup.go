package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/types"
)

// Snapshot is what a connector has saved in answer to [Backup].
type Snapshot struct{ Rows int }

// Backup asks the connectors to save their state. Its input is the name to save
// it under. The around function surrounds each of their hooks.
var Backup = event.New[string, Snapshot]("backup", func(ctx context.Context, name string, next func(context.Context) error) error {
	current, _ := event.Current(ctx)
	fmt.Fprintln(output(ctx), "  lock", current.Source)
	defer fmt.Fprintln(output(ctx), "  unlock", current.Source)
	return next(ctx)
})

// database answers the event.
type database struct{ rows int }

func (d *database) Bind(h *connector.Host) error {
	Backup.Before(h, func(ctx context.Context, name string) error {
		if d.rows == 0 {
			return event.Cancel("there is nothing to save")
		}
		return nil
	})
	Backup.On(h, func(ctx context.Context, name string) (Snapshot, error) {
		fmt.Fprintln(output(ctx), "  save", name)
		return Snapshot{Rows: d.rows}, nil
	})
	return nil
}

// deployer dispatches it before each adjustment.
type deployer struct {
	bus     *event.Bus
	version types.Setting
}

func (d *deployer) Bind(h *connector.Host) error {
	connector.Components.On(h, func(context.Context, connector.None) ([]types.Component, error) {
		return d.describe().Components, nil
	})
	connector.Adjust.On(h, d.adjust)
	Backup.After(h, func(ctx context.Context, name string, saved []event.Result[Snapshot]) error {
		for _, s := range saved {
			fmt.Fprintf(output(ctx), "  saved %s: %d rows by %s\n", name, s.Value.Rows, s.Source)
		}
		return nil
	})
	return nil
}

func (d *deployer) adjust(ctx context.Context, r connector.AdjustRequest) (types.Description, error) {
	_, err := Backup.Dispatch(ctx, d.bus, "before "+r.Adjustments[0].String())
	if errors.Is(err, event.ErrCancelled) {
		return types.Description{}, connector.Reject("no-backup", err)
	}
	if err != nil {
		return types.Description{}, err
	}
	d.version = d.version.With(r.Adjustments[0].Value)
	return d.describe(), nil
}

func (d *deployer) describe() types.Description {
	return types.Description{Components: []types.Component{{Name: "app", Settings: []types.Setting{d.version}}}}
}

type outputKey struct{}

// output is where the example prints to.
func output(ctx context.Context) io.Writer {
	w, _ := ctx.Value(outputKey{}).(io.Writer)
	return w
}
