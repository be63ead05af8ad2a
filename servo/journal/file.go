package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// DefaultMaxSize is the size in bytes above which a file is compacted unless
// [Options] say otherwise.
const DefaultMaxSize = 256 << 10

// Options say where a [File] is. Only Path is required.
type Options struct {
	// Path of the file. Its directory is made if there is none. Beside it stand
	// a .lock, at times a .tmp, and .corrupt-1, -2, … for files that were given
	// up. A symbolic link is followed.
	Path string
	// FS is the file system. Nil means that of the operating system.
	FS FS
	// MaxSize is the size in bytes above which the file is compacted; 0 means
	// DefaultMaxSize.
	MaxSize int64
	// Logger receives damage and failed compactions. Nil is silent.
	Logger *slog.Logger

	_ struct{}
}

// File is a [Store] in one file. Its methods may be called from any goroutine.
type File struct {
	path string
	fs   FS
	max  int64
	log  *slog.Logger

	mu     sync.Mutex
	lock   io.Closer // nil when closed
	loaded bool
	handle Handle // nil before Load, and when it could not be opened again
	state  State
	number uint64
	size   int64
	report Report
	// compactAt is the size at which the file is compacted next.
	compactAt int64
	// unsettled: the file was renamed into place, which a crash may yet undo.
	unsettled bool
	// broken is why nothing can be appended any more.
	broken error
}

var _ Store = (*File)(nil)

// Open locks the journal at a path and makes its directory; the file itself is
// read or made by [File.Load]. All problems of the options are one error. A
// journal that is open already is an error that wraps [ErrLocked] and names the
// path and, where it can be known, the process.
//
// Where the operating system has no such locks (neither Unix nor Windows) nothing
// keeps two processes apart.
func Open(o Options) (*File, error) {
	var errs []error
	if o.Path == "" {
		errs = append(errs, errors.New("path: required"))
	}
	if o.MaxSize < 0 {
		errs = append(errs, fmt.Errorf("max size: %d is negative", o.MaxSize))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	f := &File{path: o.Path, fs: o.FS, max: o.MaxSize, log: o.Logger}
	if f.fs == nil {
		f.fs = osFS{}
		f.path = followLinks(o.Path)
	}
	if f.max == 0 {
		f.max = DefaultMaxSize
	}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	if err := f.fs.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return nil, f.failure("making its directory", err)
	}
	lock, err := f.fs.Lock(f.path + ".lock")
	if err != nil {
		return nil, f.failure("locking it", err)
	}
	f.lock = lock
	return f, nil
}

// failure says what was attempted with which file. The path that errors of the
// operating system bring along is that of the file or one beside it.
func (f *File) failure(doing string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) && path.Path == f.path && err.Error() == path.Error() {
		err = path.Err
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("the disk is full: %w", err)
	}
	return fmt.Errorf("journal %s: %s: %w", f.path, doing, err)
}

// ready is the error of using a file that is closed or was not loaded.
func (f *File) ready() error {
	switch {
	case f.lock == nil:
		return fmt.Errorf("journal %s: %w", f.path, fs.ErrClosed)
	case !f.loaded:
		return fmt.Errorf("journal %s: not loaded yet", f.path)
	default:
		return nil
	}
}

// Append writes one line and returns when it is on the disk. An entry that
// [State.After] refuses is an error before anything is written. A write that
// fails is undone: the file is cut back to where it was. If that fails too, what
// is in the file is not known any more: the error wraps [ErrInDoubt], and every
// later Append fails. On a full
// disk the error wraps syscall.ENOSPC and the next Append tries again.
//
// Every entry waits for the disk. On ext4 in a busy virtual machine that took 1.5
// to 2.4 ms, 0.3 to 0.4 ms of them for the processor (BenchmarkAppendDisk and
// BenchmarkAppendMemory); an adjustment has three entries and a result two.
//
// Once the file is larger than [Options.MaxSize] it is compacted. A compaction
// that fails is logged and tried again later; it does not concern the entry.
func (f *File) Append(ctx context.Context, e Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(); err != nil {
		return err
	}
	doing := "appending " + e.Kind.String()
	if f.broken != nil {
		return f.failure(doing, fmt.Errorf("it is broken since an earlier error: %w", f.broken))
	}
	if err := ctx.Err(); err != nil {
		return f.failure(doing, context.Cause(ctx))
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	data, err := e.MarshalJSON()
	if err != nil {
		return f.failure(doing, err)
	}
	// Read back, so that the state is what the next Load will find.
	var read Entry
	if err := read.UnmarshalJSON(data); err != nil {
		return f.failure(doing, err)
	}
	state, err := f.state.after(read)
	if err != nil {
		return f.failure(doing, err)
	}
	line := appendLine(nil, f.number+1, data)
	if len(data) > maxEntry || f.size+int64(len(line)) > maxFile {
		return f.failure(doing, fmt.Errorf("%d bytes are too much: an entry may have %d, the file %d", len(data), maxEntry, maxFile))
	}
	if err := f.reopen(); err != nil {
		return f.failure(doing, err)
	}
	if err := f.settle(); err != nil {
		return f.failure(doing, err)
	}
	if err := f.write(line); err != nil {
		return f.failure(doing, err)
	}
	f.state, f.number, f.size = state, f.number+1, f.size+int64(len(line))
	if f.size > f.compactAt {
		f.compact(ctx)
	}
	return nil
}

// write appends a line, or leaves the file as it was.
func (f *File) write(line []byte) error {
	_, err := f.handle.WriteAt(line, f.size)
	if err == nil {
		err = f.handle.Sync()
	}
	if err == nil {
		return nil
	}
	undo := f.handle.Truncate(f.size)
	if undo == nil {
		undo = f.handle.Sync()
	}
	if undo != nil {
		f.broken = fmt.Errorf("%w; undoing it: %w", err, undo)
		return fmt.Errorf("%w: %w", ErrInDoubt, f.broken)
	}
	return err
}

// Report says what [File.Load] found wrong. It is the zero Report before.
func (f *File) Report() Report {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.report
	if r.Untrusted != nil {
		s := r.Untrusted.clone()
		r.Untrusted = &s
	}
	return r
}

// Close closes the file and gives up the lock. Everything appended is on the disk
// already. Closing twice is fine.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock == nil {
		return nil
	}
	var err error
	if f.handle != nil {
		err = f.handle.Close()
	}
	err = errors.Join(err, f.lock.Close())
	f.lock, f.handle = nil, nil
	if err != nil {
		return f.failure("closing it", err)
	}
	return nil
}
