package pubsub

import (
	"context"
	"sync"
	"sync/atomic"
)

// Policy says what happens to a message for a subscriber whose queue is full.
type Policy uint8

const (
	// Block makes the publisher wait until there is room or its context ends,
	// so that no message is lost. It is the default.
	Block Policy = iota
	// DropOldest makes room by dropping the message that has waited longest.
	DropOldest
	// DropNewest drops the message that was to be added.
	DropNewest
	// Fail refuses the message: the publisher gets [ErrFull].
	Fail
)

// defaultBuffer is how many messages wait for a subscriber, and in an exchange
// that is not running, when nothing else is said.
const defaultBuffer = 1024

// handful is how many messages a subscriber takes out of its queue at once when
// they are there. It never waits for more to come.
const handful = 64

type delivery struct {
	message Message
	channel *Channel
}

type state = uint32

const (
	active    state = iota
	finishing       // takes no more, but what waits is delivered
	ended
)

type outcome uint8

const (
	accepted  outcome = iota
	displaced         // accepted, and an older one dropped
	full
	dropped
	over // the subscription is finishing or has ended; queue.reason says why
)

// queue holds the messages that wait for one subscriber. Any number of
// publishers add to it, and one consumer takes from it.
//
// The consumer takes a handful at a time, which spares both sides most of the
// locking. What it has in hand and has not begun still counts, so the bound is
// exact: taken - begun. The consumer alone writes begun, for each message, and
// publishers look at it only when they run into the limit they know of.
type queue struct {
	bound  uint64
	policy Policy
	wake   chan struct{}

	mu       sync.Mutex
	state    atomic.Uint32 // written under mu
	reason   error         // why it takes no more, for publishers; nil means they need not know
	ring     []delivery
	head, n  int
	taken    uint64 // messages accepted, less those dropped later
	limit    uint64 // taken may come up to this without another look at begun
	dropped  uint64
	parked   bool          // the consumer waits for wake
	attached bool          // there is a consumer
	space    chan struct{} // closed when there is room; publishers wait for it

	_       [64]byte // the consumer's own cache line
	begun   atomic.Uint64
	waiting atomic.Bool // publishers wait for space
}

func (q *queue) init(bound int, policy Policy) {
	q.bound, q.limit, q.policy = uint64(bound), uint64(bound), policy
	q.wake = make(chan struct{}, 1)
}

// offer adds a message without waiting.
func (q *queue) offer(d delivery) outcome {
	q.mu.Lock()
	result := q.add(d)
	wake := q.parked && result <= displaced
	if wake {
		q.parked = false
	}
	q.mu.Unlock()
	if wake {
		q.signal()
	}
	return result
}

// add is offer with q.mu held.
func (q *queue) add(d delivery) outcome {
	if q.state.Load() != active {
		return over
	}
	result := accepted
	if q.taken >= q.limit {
		q.limit = q.begun.Load() + q.bound
		if q.taken >= q.limit {
			switch q.policy {
			case DropOldest:
				q.drop()
				result = displaced
			case DropNewest:
				q.dropped++
				return dropped
			default:
				return full
			}
		}
	}
	if q.n == len(q.ring) {
		q.grow()
	}
	at := q.head + q.n
	if at >= len(q.ring) {
		at -= len(q.ring)
	}
	q.ring[at] = d
	q.n++
	q.taken++
	return result
}

// drop makes room by forgetting the oldest message.
func (q *queue) drop() {
	q.ring[q.head] = delivery{}
	q.advance(1)
	q.taken--
	q.dropped++
}

func (q *queue) advance(by int) {
	q.n -= by
	q.head += by
	if q.head >= len(q.ring) {
		q.head -= len(q.ring)
	}
}

func (q *queue) grow() {
	ring := make([]delivery, min(max(16, 2*len(q.ring)), int(q.bound)))
	k := copy(ring, q.ring[q.head:])
	copy(ring[k:], q.ring[:q.head])
	q.ring, q.head = ring, 0
}

// wait adds a message to a queue that was full, as soon as there is room.
func (q *queue) wait(ctx context.Context, d delivery) (outcome, error) {
	for {
		q.mu.Lock()
		result := q.add(d)
		if result != full {
			wake := q.parked
			q.parked = false
			q.mu.Unlock()
			if wake {
				q.signal()
			}
			return result, nil
		}
		if q.space == nil {
			q.space = make(chan struct{})
		}
		space := q.space
		// The consumer says that it has begun a message before it looks whether
		// anybody waits. So look again once that it is said that somebody does.
		q.waiting.Store(true)
		if q.taken < q.begun.Load()+q.bound {
			q.mu.Unlock()
			continue
		}
		q.mu.Unlock()
		select {
		case <-space:
		case <-ctx.Done():
			return full, context.Cause(ctx)
		}
	}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take waits for messages and moves some of them to batch; none means that it
// is over, or that done is closed.
func (q *queue) take(done <-chan struct{}, batch []delivery) int {
	for {
		q.mu.Lock()
		if q.state.Load() == ended {
			q.mu.Unlock()
			return 0
		}
		if q.n > 0 {
			n := min(len(batch), q.n)
			first := q.ring[q.head:min(q.head+n, len(q.ring))]
			k := copy(batch, first)
			second := q.ring[:n-k]
			copy(batch[k:], second)
			clear(first)
			clear(second)
			q.advance(n)
			if q.policy == DropOldest { // batch has room for one, which begins now
				q.begun.Add(1)
			}
			q.mu.Unlock()
			return n
		}
		if q.state.Load() != active {
			q.mu.Unlock()
			return 0
		}
		q.parked = true
		q.mu.Unlock()
		select {
		case <-q.wake:
		case <-done:
			q.mu.Lock()
			q.parked = false
			q.mu.Unlock()
			return 0
		}
	}
}

// begin notes that the consumer turns to the next message in hand. It is false
// when the message is to be discarded instead.
func (q *queue) begin() bool {
	if q.state.Load() == ended {
		return false
	}
	if q.policy != DropOldest {
		q.begun.Add(1)
	}
	if q.waiting.Load() {
		q.mu.Lock()
		q.release()
		q.mu.Unlock()
	}
	return true
}

// release lets waiting publishers try again; q.mu is held.
func (q *queue) release() {
	q.waiting.Store(false)
	if q.space != nil {
		close(q.space)
		q.space = nil
	}
}

// end moves the queue towards its end. It reports whether nobody but the caller
// is left to see it through.
func (q *queue) end(to state, reason error) (orphaned bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.state.Load() < to {
		q.state.Store(to)
		if q.reason == nil {
			q.reason = reason
		}
		q.release()
		q.parked = false
		q.signal()
	}
	if to == ended {
		q.n, q.ring = 0, nil
	}
	return !q.attached && (to == ended || q.n == 0)
}

// attach is called by the one who is going to consume; false means that there
// is already somebody or nothing will come any more.
func (q *queue) attach() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.attached || q.state.Load() == ended {
		return false
	}
	q.attached = true
	return true
}

// batch returns how many messages to take at once. With DropOldest it is one:
// what the consumer has in hand can no longer be dropped.
func (q *queue) batch() int {
	if q.policy == DropOldest {
		return 1
	}
	return handful
}

func (q *queue) stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	begun := q.begun.Load()
	s := Stats{Delivered: begun, Dropped: q.dropped}
	if q.state.Load() != ended && q.taken > begun {
		s.Pending = int(q.taken - begun)
	}
	return s
}
