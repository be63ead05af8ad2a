package event_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/servokit/servokit/event"
)

func TestAllocations(t *testing.T) {
	e := event.New[int, int]("measure")
	sequential := event.NewSequential[int, int]("measure")
	current := new(event.Bus)
	e.On(current.Scope("source"), func(ctx context.Context, in int) (int, error) {
		c, ok := event.Current(ctx)
		if !ok || c.Source != "source" {
			t.Error("no current event")
		}
		return in, nil
	})
	cases := map[string]struct {
		e    *event.Event[int, int]
		b    *event.Bus
		opts []event.DispatchOption
		max  float64
	}{
		"nobody":         {e, new(event.Bus), nil, 0},
		"one hook":       {e, busWith(e, 1), nil, 1},
		"one asking":     {e, current, nil, 1},
		"ten sequential": {sequential, busWith(sequential, 10), nil, 2},
		"first of ten":   {e, busWith(e, 10), []event.DispatchOption{event.First()}, 2},
	}
	ctx := context.Background()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			allocations := testing.AllocsPerRun(200, func() {
				results, err := c.e.Dispatch(ctx, c.b, 1, c.opts...)
				if err != nil || len(results) > 0 && results[0].CreatedAt().Unix() <= 0 {
					t.Error("wrong result", results, err)
				}
			})
			assert.LessOrEqual(t, allocations, c.max)
		})
	}
	t.Run("options are values", func(t *testing.T) {
		b := busWith(e, 1)
		allocations := testing.AllocsPerRun(200, func() {
			if _, err := e.Dispatch(ctx, b, 1, event.CollectErrors(), event.Prepositions(event.On)); err != nil {
				t.Error(err)
			}
		})
		assert.LessOrEqual(t, allocations, 2.0)
	})
}
