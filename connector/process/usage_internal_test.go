//go:build linux

package process

import (
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These tests are inside the package because what they feed in, process tables
// at chosen moments, cannot be arranged from outside.

func at(pid, parent int, own, reaped time.Duration) usage {
	return usage{pid: pid, ppid: parent, begun: int64(pid), own: own, reaped: reaped}
}

func TestLedger(t *testing.T) {
	tests := []struct {
		name   string
		tables [][]usage
		want   []time.Duration
	}{
		{"one process", [][]usage{{at(1, 0, 5, 0)}, {at(1, 0, 9, 0)}}, []time.Duration{5, 9}},
		{"a child that is waited for", [][]usage{
			{at(1, 0, 5, 0), at(2, 1, 4, 0)},
			{at(1, 0, 6, 7)}, // it used 3 more before it ended
		}, []time.Duration{9, 13}},
		{"a child that nobody waits for", [][]usage{
			{at(1, 0, 5, 0), at(2, 1, 4, 0)},
			{at(1, 0, 6, 0)},
			{at(1, 0, 7, 0)},
		}, []time.Duration{9, 10, 11}},
		{"an orphan that init waits for", [][]usage{
			{at(1, 0, 5, 0), at(2, 99, 4, 1)},
			{at(1, 0, 5, 0)},
		}, []time.Duration{10, 10}},
		{"a child and a grandchild end together", [][]usage{
			{at(1, 0, 5, 0), at(2, 1, 4, 0), at(3, 2, 2, 0)},
			{at(1, 0, 5, 6)},
		}, []time.Duration{11, 11}},
		{"a grandchild that is lost with its parent", [][]usage{
			{at(1, 0, 5, 0), at(2, 1, 4, 0), at(3, 2, 2, 0)},
			{at(1, 0, 5, 4)},
		}, []time.Duration{11, 11}},
		{"a number that is used again", [][]usage{
			{at(1, 0, 5, 0), at(2, 1, 4, 0)},
			{at(1, 0, 5, 4), {pid: 2, ppid: 1, begun: 77, own: 1}},
		}, []time.Duration{9, 10}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l ledger
			for i, table := range tt.tables {
				assert.Equal(t, tt.want[i], l.add(table), "table %d", i)
			}
		})
	}
}

// Whatever comes and goes, the total is never less than before.
func TestLedgerNeverGoesDown(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var l ledger
		table := map[int]usage{1: at(1, 0, 0, 0)}
		last, next := time.Duration(0), 2
		for range 50 {
			for pid, u := range table {
				u.own += time.Duration(r.IntN(5))
				table[pid] = u
				switch {
				case r.IntN(4) == 0:
					table[next] = at(next, pid, time.Duration(r.IntN(3)), 0)
					next++
				case r.IntN(4) == 0 && pid != 1:
					delete(table, pid)
					if parent, ok := table[u.ppid]; ok && r.IntN(2) == 0 {
						parent.reaped += u.own + u.reaped
						table[u.ppid] = parent
					}
				}
			}
			var now []usage
			for _, u := range table {
				now = append(now, u)
			}
			total := l.add(now)
			require.GreaterOrEqual(t, total, last, "seed %d", seed)
			last = total
		}
	}
}

func TestRelated(t *testing.T) {
	all := []candidate{
		{at(10, 1, 0, 0), 10},  // the leader
		{at(11, 10, 0, 0), 10}, // a child
		{at(12, 11, 0, 0), 12}, // a grandchild with a group of its own
		{at(13, 1, 0, 0), 10},  // an orphan in the group
		{at(14, 1, 0, 0), 14},  // a daemon that was seen before
		{at(15, 14, 0, 0), 14}, // its child
		{at(16, 1, 0, 0), 16},  // a stranger
		{at(17, 17, 0, 0), 17}, // a table that contradicts itself
	}
	var pids []int
	for _, u := range related(all, 10, map[identity]usage{{14, 14}: {}}) {
		pids = append(pids, u.pid)
	}
	assert.Equal(t, []int{10, 11, 12, 13, 14, 15}, pids)
}

func TestEverythingHasThisProcess(t *testing.T) {
	all, err := everything()
	require.NoError(t, err)
	own := slices.IndexFunc(all, func(s stat) bool { return s.pid == os.Getpid() })
	require.GreaterOrEqual(t, own, 0)
	s := all[own]
	assert.Equal(t, os.Getppid(), s.ppid)
	assert.Equal(t, syscall.Getpgrp(), s.group)
	assert.Positive(t, s.begun)
	assert.Greater(t, s.resident, int64(1<<20))
}

// The clock of a process counts what ticks of 10 ms are too coarse for.
func TestRefine(t *testing.T) {
	before := refine(usage{pid: os.Getpid()})
	require.Positive(t, before.own)
	var sum uint64
	for i := range uint64(200_000) {
		sum += i * i
	}
	after := refine(usage{pid: os.Getpid()})
	assert.Greater(t, after.own, before.own, "%d", sum)

	coarse := usage{pid: os.Getpid(), own: after.own + time.Hour}
	assert.Equal(t, coarse, refine(coarse), "a clock of somebody else")
	gone := usage{pid: 1<<22 - 1, own: 5}
	assert.Equal(t, gone, refine(gone), "no such process")
}
