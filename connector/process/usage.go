package process

import (
	"context"
	"fmt"
	"time"
)

// identity tells a process from a later one with the same number.
type identity struct {
	pid   int
	begun int64
}

// usage is what one process has used at one moment.
type usage struct {
	pid, ppid int
	begun     int64
	own       time.Duration // used by the process itself
	reaped    time.Duration // used by children it has waited for, and theirs
	resident  int64         // bytes
}

func (u usage) identity() identity { return identity{u.pid, u.begun} }

// candidate is a process that may belong to a run.
type candidate struct {
	usage
	group int
}

// related picks the group of the leader, its descendants, and known processes
// with their descendants.
func related(all []candidate, leader int, known map[identity]usage) []usage {
	byPID := make(map[int]candidate, len(all))
	for _, c := range all {
		byPID[c.pid] = c
	}
	verdict := make(map[int]bool, len(all))
	var belongs func(pid, depth int) bool
	belongs = func(pid, depth int) bool {
		c, ok := byPID[pid]
		if !ok || depth > len(all) {
			return false
		}
		v, done := verdict[pid]
		if !done {
			_, seen := known[c.identity()]
			v = pid == leader || c.group == leader || seen || belongs(c.ppid, depth+1)
			verdict[pid] = v
		}
		return v
	}
	var members []usage
	for _, c := range all {
		if belongs(c.pid, 0) {
			members = append(members, c.usage)
		}
	}
	return members
}

// ledger adds up the CPU time of a changing set of processes. The total never
// goes down. A process that ends is accounted for by its parent, when that
// waits for it and belongs to the set; otherwise the ledger keeps what was last
// seen of it, which is less by what it used since then. Lost are only processes
// that start and end between two looks and are waited for by nobody of the set.
type ledger struct {
	seen    map[identity]usage
	retired time.Duration
}

// add takes a look and returns the total since the processes began.
func (l *ledger) add(now []usage) time.Duration {
	present := make(map[identity]usage, len(now))
	var total time.Duration
	for _, u := range now {
		present[u.identity()] = u
		total += u.own + u.reaped
	}
	byPID := make(map[int]usage, len(l.seen))
	for _, u := range l.seen {
		byPID[u.pid] = u
	}
	// What each survivor must have taken over from those that ended.
	expected := map[identity]time.Duration{}
	for id, u := range l.seen {
		if _, ok := present[id]; ok {
			continue
		}
		if heir, ok := survivor(u, byPID, present); ok {
			expected[heir] += u.own + u.reaped
		} else {
			l.retired += u.own + u.reaped
		}
	}
	for id, due := range expected {
		if growth := present[id].reaped - l.seen[id].reaped; growth < due {
			l.retired += due - growth
		}
	}
	l.seen = present
	return total + l.retired
}

// survivor finds the closest ancestor that was there before and still is.
func survivor(u usage, before map[int]usage, present map[identity]usage) (identity, bool) {
	for range len(before) {
		parent, ok := before[u.ppid]
		if !ok {
			break
		}
		if _, ok := present[parent.identity()]; ok {
			return parent.identity(), true
		}
		u = parent
	}
	return identity{}, false
}

// look is the state of a run at one moment.
type look struct {
	at     time.Time
	cpu    time.Duration // since the processes began
	memory int64         // resident bytes
}

// look measures the process with the number leader and all that belongs to it.
func (l *ledger) look(ctx context.Context, leader int) (look, error) {
	members, err := family(ctx, leader, l.seen)
	if err != nil {
		return look{}, fmt.Errorf("reading the process table: %w", err)
	}
	r := look{at: time.Now()}
	found := false
	for _, u := range members {
		r.memory += u.resident
		found = found || u.pid == leader
	}
	if !found {
		return look{}, fmt.Errorf("process %d is not there", leader)
	}
	r.cpu = l.add(members)
	return r, nil
}
