package checks

import (
	"context"
	"sync"
)

// shown are the results of one pass that a loop has logged as they came, from
// the goroutines of all connectors.
type shown struct {
	loop  *Loop
	state *progress

	mu     sync.Mutex
	over   bool        // no more are shown: the pass has ended, or one failed and the rest is not looked at
	counts map[key]int // results, whose ids are not unique when that is what is wrong
}

func newShown(l *Loop, state *progress) *shown {
	return &shown{loop: l, state: state, counts: map[key]int{}}
}

// observer returns what [Request.Observe] is to call. ctx is that of the loop,
// so that all its lines are attributed alike.
func (s *shown) observer(ctx context.Context) func(context.Context, Result) {
	also := s.loop.Request.Observe
	return func(run context.Context, r Result) {
		if also != nil {
			also(run, r)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.over {
			return
		}
		s.counts[key{r.Connector, r.ID}]++
		s.loop.log(ctx, r, s.state)
		s.over = r.Failed() && s.loop.FirstFailure
	}
}

// end lets nothing more be shown, whatever a pass has left running.
func (s *shown) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// take reports whether r has been logged.
func (s *shown) take(r Result) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{r.Connector, r.ID}
	if s.counts[k] == 0 {
		return false
	}
	s.counts[k]--
	return true
}
