package process

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// tick is the unit of CPU times in /proc, which is fixed for programs.
const tick = time.Second / 100

// stat is what the system says about one process. It is read with procfs and
// not with gopsutil, which leaves out what a process has inherited from its
// children: only one read that has both gives totals that neither lose nor
// repeat anything.
type stat struct {
	usage
	group int
}

// everything lists the processes of the system. Those that end meanwhile are
// left out.
func everything() ([]stat, error) {
	procs, err := procfs.AllProcs()
	if err != nil {
		return nil, err
	}
	all := make([]stat, 0, len(procs))
	for _, proc := range procs {
		s, err := proc.Stat()
		switch {
		case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ESRCH):
			continue
		case err != nil:
			return nil, err
		}
		all = append(all, stat{
			usage: usage{
				pid: s.PID, ppid: s.PPID, begun: int64(s.Starttime),
				own:      tick * time.Duration(s.UTime+s.STime),
				reaped:   tick * time.Duration(s.CUTime+s.CSTime),
				resident: int64(s.ResidentMemory()),
			},
			group: s.PGRP,
		})
	}
	return all, nil
}

// refine replaces the CPU time of a process, which /proc rounds to ticks, by
// that of its clock, which counts nanoseconds; a short measurement would
// otherwise consist of a handful of ticks. A clock that cannot be read, or that
// already belongs to another process of that number, changes nothing.
func refine(u usage) usage {
	const sched = 2 // CPUCLOCK_SCHED of the kernel, see clock_getcpuclockid(3)
	clock := int32(^u.pid<<3 | sched)
	var spent unix.Timespec
	if unix.ClockGettime(clock, &spent) != nil {
		return u
	}
	if precise := time.Duration(spent.Nano()); precise >= u.own-tick {
		u.own = precise
	}
	return u
}

// family lists the processes of a run: the group, the descendants of its leader
// and those that were seen before.
func family(_ context.Context, leader int, known map[identity]usage) ([]usage, error) {
	all, err := everything()
	if err != nil {
		return nil, err
	}
	members := make([]candidate, len(all))
	for i, s := range all {
		members[i] = candidate(s)
	}
	relatives := related(members, leader, known)
	for i, u := range relatives {
		relatives[i] = refine(u)
	}
	return relatives, nil
}
