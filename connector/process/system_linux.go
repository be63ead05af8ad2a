package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// groupAttributes put the command into a process group of its own, so that a
// terminal's Ctrl-C does not reach it, and end it with the servo.
func groupAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// tick is the unit of CPU times in /proc, which is fixed for programs.
const tick = time.Second / 100

// stat is what /proc/<pid>/stat says. It is read here and not with gopsutil,
// which leaves out what a process has inherited from its children: only one read
// that has both gives totals that neither lose nor repeat anything.
type stat struct {
	usage
	group int
	state byte
}

// over tells that the process runs no more and only its entry is left.
func (s stat) over() bool { return s.state == 'Z' || s.state == 'X' || s.state == 'x' }

var errStat = errors.New("unexpected format")

// parseStat reads the content of /proc/<pid>/stat. The name of the program, in
// parentheses, may contain anything.
func parseStat(data []byte) (stat, error) {
	var s stat
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 0 || end < open {
		return s, errStat
	}
	fields := bytes.Fields(data[end+1:])
	if len(fields) < 22 || len(fields[0]) != 1 {
		return s, errStat
	}
	var err error
	integer := func(b []byte) int64 {
		n, bad := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
		err = errors.Join(err, bad)
		return n
	}
	span := func(b []byte) time.Duration {
		n := integer(b)
		if n < 0 || n > int64(1<<62/tick) {
			err = errStat
		}
		return time.Duration(n) * tick
	}
	s.state = fields[0][0]
	s.pid, s.ppid, s.group = int(integer(data[:open])), int(integer(fields[1])), int(integer(fields[2]))
	s.own = span(fields[11]) + span(fields[12])
	s.reaped = span(fields[13]) + span(fields[14])
	s.begun = integer(fields[19])
	s.resident = max(0, integer(fields[21])) * int64(os.Getpagesize())
	return s, err
}

// everything lists the processes of the system. Those that end meanwhile are
// left out.
func everything() ([]stat, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var all []stat
	for _, name := range names {
		if name[0] < '1' || name[0] > '9' {
			continue
		}
		data, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue
		}
		s, err := parseStat(data)
		if err != nil {
			return nil, fmt.Errorf("reading /proc/%s/stat: %w", name, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// survivors lists what is left of a run: members of the process group and
// processes that carry the mark.
func survivors(group int, mark string) []int {
	var pids []int
	all, err := everything()
	if err != nil { // then at least the group is known
		return groupLeft(group)
	}
	for _, s := range all {
		if !s.over() && (s.group == group || marked(s.pid, mark)) {
			pids = append(pids, s.pid)
		}
	}
	return pids
}

// outside lists the processes of a run that have left its group.
func outside(group int, mark string) []int {
	var pids []int
	all, _ := everything()
	for _, s := range all {
		if !s.over() && s.group != group && marked(s.pid, mark) {
			pids = append(pids, s.pid)
		}
	}
	return pids
}

// marked looks into the environment of a process. That of another user cannot
// be read, and is none of ours.
func marked(pid int, mark string) bool {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && bytes.Contains(environ, []byte(markVariable+"="+mark))
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
		members[i] = candidate{s.usage, s.group}
	}
	return related(members, leader, known), nil
}
