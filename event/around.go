package event

import (
	"context"
	"fmt"
	"sync"
)

// Around surrounds every single run of an on hook with setup and teardown: it
// sees the input, calls next with the context the hook is to have, and its
// own return value is the outcome. It is given to [New]; before and after hooks
// are not surrounded.
//
// The hook runs when next is called, once for each call; the value of its last
// run becomes the result. An around function that returns nil although next
// failed turns the failure into a success. One that returns nil without having
// called next fails the hook with an error that says so: a hook never seems to
// have run when it did not. To leave a hook out on purpose, return an error.
// next must not be used after the around function has returned; it then returns
// an error and the hook does not run. A panic of the hook passes through, so
// teardown belongs into a defer.
type Around[In any] func(ctx context.Context, in In, next func(context.Context) error) error

// surrounded is one run of an on hook within the around functions of its event.
type surrounded[In, Out any] struct {
	around []Around[In]
	hook   onHook[In, Out]
	in     In

	mu    sync.Mutex // next may be called from another goroutine, rightly or not
	depth int        // how many next functions were called
	over  bool
	out   Out
}

func (s *surrounded[In, Out]) run(ctx context.Context) (Out, error) {
	err := s.enter(ctx, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if err == nil && s.depth < len(s.around) {
		err = fmt.Errorf("the hook did not run: around function %d of %d returned without calling next", s.depth+1, len(s.around))
	}
	return s.out, err
}

func (s *surrounded[In, Out]) enter(ctx context.Context, level int) error {
	s.mu.Lock()
	over := s.over
	s.depth = max(s.depth, level)
	s.mu.Unlock()
	if over {
		return errNextLate
	}
	if level < len(s.around) {
		return s.around[level](ctx, s.in, func(ctx context.Context) error { return s.enter(ctx, level+1) })
	}
	out, err := s.hook(ctx, s.in)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.out = out
	}
	return err
}
