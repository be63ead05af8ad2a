package journaltest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"

	"github.com/servokit/servokit/servo/journal"
)

// ErrCrashed is the error of everything that is attempted between a crash and
// [Disk.Restart], and of files that were open when it happened, for ever. Match
// it with [errors.Is].
var ErrCrashed = errors.New("the machine is down")

// Disk is a file system in memory. It keeps what was synced, and of the rest
// whatever chance decides, as the file system of a machine does:
//
//   - Bytes that were not synced survive a crash in part, up to any byte of any
//     write; a file may have its new length and zeros or rubbish in it.
//   - Files made, renamed and removed since the last SyncDir may be back to what
//     they were. What survives of that survives in order.
//   - What was written before a Sync that failed may be lost although a later
//     Sync succeeds.
//
// The zero Disk is not usable; make one with [NewDisk]. All methods may be called
// from any goroutine.
type Disk struct {
	mu      sync.Mutex
	rand    *rand.Rand
	hook    func(Op) error
	ops     int
	kinds   map[OpKind]int
	limit   int64
	down    bool
	boot    int // counts restarts: handles of an earlier one are void
	locks   map[string]bool
	now     names
	durable names
	changed []rename // since the directory was synced
}

type names map[string]*node

var _ journal.FS = (*Disk)(nil)

// NewDisk returns an empty disk without faults. The seed decides what survives a
// crash.
func NewDisk(seed uint64) *Disk {
	return &Disk{
		rand: rand.New(rand.NewPCG(seed, 0)), limit: -1, kinds: make(map[OpKind]int),
		locks: make(map[string]bool), now: make(names), durable: make(names),
	}
}

// OpKind says what an [Op] does.
type OpKind string

// The kinds of an [Op]: the methods of journal.FS and journal.Handle.
const (
	OpMkdir    OpKind = "mkdir"
	OpOpen     OpKind = "open"
	OpRead     OpKind = "read"
	OpWrite    OpKind = "write"
	OpTruncate OpKind = "truncate"
	OpSync     OpKind = "sync"
	OpClose    OpKind = "close"
	OpRename   OpKind = "rename"
	OpRemove   OpKind = "remove"
	OpSyncDir  OpKind = "syncdir"
	OpLock     OpKind = "lock"
)

// Op is one operation that is about to be done.
type Op struct {
	Kind OpKind
	// Name is the path of the file or directory, for a rename the new one.
	Name string
	// N counts operations from 1, Nth those of the kind, both since
	// [Disk.Before] was called last.
	N, Nth int
}

// Before has hook called before each operation, in place of an earlier one; nil
// ends that. An error of the hook is the error of the operation, which is not
// done: except that a write that fails has written some of its bytes, and a sync
// that fails loses for good what it should have kept. The hook may call any
// method of the disk, such as [Disk.Crash].
func (d *Disk) Before(hook func(Op) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hook, d.ops = hook, 0
	clear(d.kinds)
}

// Limit has writes fail with syscall.ENOSPC once all files together would have
// more than so many bytes; what fits is written. A negative number means no
// limit, as it is at first.
func (d *Disk) Limit(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limit = bytes
}

// Crash takes the machine down: whatever was not synced survives or not, and all
// locks are gone. Everything fails until [Disk.Restart].
func (d *Disk) Crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = true
	for _, c := range d.changed[:d.rand.IntN(len(d.changed)+1)] {
		c.apply(d.durable)
	}
	d.changed = nil
	// In order of the names: chance must be the same every time.
	settled := make(map[*node]bool)
	for _, name := range d.durable.sorted() {
		if n := d.durable[name]; !settled[n] {
			n.crash(d.rand)
			settled[n] = true
		}
	}
	d.now = make(names)
	for name, n := range d.durable {
		d.now[name] = n
	}
}

// Kill ends the process but not the machine: everything written is still there,
// synced or not, and all locks are gone. Everything fails until [Disk.Restart].
func (d *Disk) Kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = true
}

// Restart ends the downtime after [Disk.Crash] or [Disk.Kill]. Files and locks
// that were open before stay unusable.
func (d *Disk) Restart() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = false
	d.boot++
	clear(d.locks)
}

// ReadFile returns what is in a file.
func (d *Disk) ReadFile(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.now[clean(name)]
	if n == nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	return slices.Clone(n.now), nil
}

// WriteFile puts a file on the disk, synced.
func (d *Disk) WriteFile(name string, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := &node{now: slices.Clone(data), durable: slices.Clone(data)}
	d.now[clean(name)], d.durable[clean(name)] = n, n
}

// Flip turns one bit of a file around, as decay does. Bit 0 is the lowest of the
// first byte. A file or a bit that is not there is an error.
func (d *Disk) Flip(name string, bit int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.now[clean(name)]
	if n == nil || bit < 0 || bit/8 >= len(n.now) {
		return fmt.Errorf("%s has no bit %d", name, bit)
	}
	n.now[bit/8] ^= 1 << (bit % 8)
	if bit/8 < len(n.durable) {
		n.durable[bit/8] ^= 1 << (bit % 8)
	}
	return nil
}

// Names lists the files on the disk in order.
func (d *Disk) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now.sorted()
}

// begin locks the disk and announces an operation. The caller unlocks, also
// after an error.
func (d *Disk) begin(kind OpKind, name string, boot int) error {
	d.mu.Lock()
	if err := d.usable(boot); err != nil {
		return err
	}
	d.ops++
	d.kinds[kind]++
	op, hook := Op{Kind: kind, Name: name, N: d.ops, Nth: d.kinds[kind]}, d.hook
	if hook == nil {
		return nil
	}
	d.mu.Unlock()
	err := hook(op)
	d.mu.Lock()
	if down := d.usable(boot); down != nil {
		return down
	}
	return err
}

func (d *Disk) usable(boot int) error {
	if d.down || boot != anyBoot && boot != d.boot {
		return ErrCrashed
	}
	return nil
}

const anyBoot = -1

// MkdirAll does nothing: directories are always there.
func (d *Disk) MkdirAll(dir string, _ fs.FileMode) error {
	defer d.mu.Unlock()
	return d.begin(OpMkdir, clean(dir), anyBoot)
}

// OpenFile opens a file for reading and writing, and heeds os.O_CREATE, O_EXCL
// and O_TRUNC.
func (d *Disk) OpenFile(name string, flag int, _ fs.FileMode) (journal.Handle, error) {
	name = clean(name)
	defer d.mu.Unlock()
	err := d.begin(OpOpen, name, anyBoot)
	n := d.now[name]
	switch {
	case err != nil:
	case n == nil && flag&os.O_CREATE == 0:
		err = fs.ErrNotExist
	case n != nil && flag&os.O_CREATE != 0 && flag&os.O_EXCL != 0:
		err = fs.ErrExist
	case n == nil:
		n = new(node)
		d.change(rename{dir: path.Dir(name), to: name, node: n})
	case flag&os.O_TRUNC != 0:
		n.truncate(0)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &handle{disk: d, node: n, name: name, boot: d.boot}, nil
}

// Rename puts one file in the place of another.
func (d *Disk) Rename(from, to string) error {
	from, to = clean(from), clean(to)
	defer d.mu.Unlock()
	err := d.begin(OpRename, to, anyBoot)
	if err == nil && d.now[from] == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	d.change(rename{dir: path.Dir(to), from: from, to: to, node: d.now[from]})
	return nil
}

// Remove removes a file.
func (d *Disk) Remove(name string) error {
	name = clean(name)
	defer d.mu.Unlock()
	err := d.begin(OpRemove, name, anyBoot)
	if err == nil && d.now[name] == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	d.change(rename{dir: path.Dir(name), from: name})
	return nil
}

// SyncDir keeps what was made, renamed and removed in a directory.
func (d *Disk) SyncDir(dir string) error {
	dir = clean(dir)
	defer d.mu.Unlock()
	if err := d.begin(OpSyncDir, dir, anyBoot); err != nil {
		return &fs.PathError{Op: "sync", Path: dir, Err: err}
	}
	d.changed = slices.DeleteFunc(d.changed, func(c rename) bool {
		if c.dir != dir {
			return false
		}
		c.apply(d.durable)
		return true
	})
	return nil
}

// Lock takes a lock until it is closed or the machine or process goes down.
func (d *Disk) Lock(name string) (io.Closer, error) {
	name = clean(name)
	defer d.mu.Unlock()
	if err := d.begin(OpLock, name, anyBoot); err != nil {
		return nil, &fs.PathError{Op: "lock", Path: name, Err: err}
	}
	if d.locks[name] {
		return nil, journal.ErrLocked
	}
	d.locks[name] = true
	return &lock{disk: d, name: name, boot: d.boot}, nil
}

type lock struct {
	disk *Disk
	name string
	boot int
}

func (l *lock) Close() error {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	if err := l.disk.usable(l.boot); err != nil {
		return err
	}
	delete(l.disk.locks, l.name)
	return nil
}

// rename is a change of a directory: without from the file is new, without to
// it is removed.
type rename struct {
	dir, from, to string
	node          *node
}

func (c rename) apply(to names) {
	delete(to, c.from)
	if c.to != "" {
		to[c.to] = c.node
	}
}

func (d *Disk) change(c rename) {
	c.apply(d.now)
	d.changed = append(d.changed, c)
}

func (n names) sorted() []string {
	list := make([]string, 0, len(n))
	for name := range n {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func clean(name string) string { return path.Clean(filepath.ToSlash(name)) }

// room is how many more bytes fit on the disk.
func (d *Disk) room() int64 {
	if d.limit < 0 {
		return 1 << 62
	}
	used := int64(0)
	for _, n := range d.now {
		used += int64(len(n.now))
	}
	return max(0, d.limit-used)
}
