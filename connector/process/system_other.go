//go:build unix && !linux

package process

import (
	"context"
	"syscall"
	"time"

	gopsutil "github.com/shirou/gopsutil/v4/process"
)

// family lists the processes of a run. What a process has used by children that
// it waited for is not known here.
func family(ctx context.Context, leader int, known map[identity]usage) ([]usage, error) {
	pids, err := gopsutil.PidsWithContext(ctx)
	if err != nil {
		return nil, err
	}
	var members []candidate
	for _, pid := range pids {
		group, err := syscall.Getpgid(int(pid))
		if err != nil {
			continue
		}
		p := &gopsutil.Process{Pid: pid}
		parent, err := p.PpidWithContext(ctx)
		if err != nil {
			continue
		}
		members = append(members, candidate{usage{pid: int(pid), ppid: int(parent)}, group})
	}
	var found []usage
	for _, u := range related(members, leader, nil) {
		p := &gopsutil.Process{Pid: int32(u.pid)}
		times, err := p.TimesWithContext(ctx)
		if err != nil {
			continue
		}
		u.begun, _ = p.CreateTimeWithContext(ctx)
		u.own = time.Duration((times.User + times.System) * float64(time.Second))
		if memory, err := p.MemoryInfoWithContext(ctx); err == nil {
			u.resident = int64(memory.RSS)
		}
		found = append(found, u)
	}
	return found, nil
}
