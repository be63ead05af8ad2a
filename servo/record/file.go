package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// The defaults of [FileOptions].
const (
	DefaultMaxSize = 10 << 20
	DefaultBackups = 5
)

// FileOptions say where a record goes and how much of it is kept.
type FileOptions struct {
	// Path of the file. Its folder is made, for the owner alone, when there is
	// none. Earlier files are called Path.1, the newest, Path.2 and so on.
	Path string
	// MaxSize is the size in bytes above which a new file is begun. A line is
	// never torn apart. 0 means [DefaultMaxSize].
	MaxSize int64
	// Backups is how many earlier files are kept. 0 means [DefaultBackups],
	// negative none.
	Backups int

	_ struct{}
}

// File is a writer for [New] that begins a new file when one is full. Unlike the
// files of package logfile it has no goroutine, so that servos can come and go in
// a process. It is readable for its owner alone, and safe for concurrent use.
type File struct {
	o FileOptions

	mu     sync.Mutex
	file   *os.File // nil after Close, and after a rotation that failed
	size   int64
	closed bool
}

// Open opens the file for appending. All problems of the options are one error,
// and so is a path that cannot be written.
func Open(o FileOptions) (*File, error) {
	var errs []error
	if o.Path == "" {
		errs = append(errs, errors.New("path: required"))
	}
	if o.MaxSize < 0 {
		errs = append(errs, fmt.Errorf("max size: %d is negative", o.MaxSize))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("record file: %w", err)
	}
	if o.MaxSize == 0 {
		o.MaxSize = DefaultMaxSize
	}
	if o.Backups == 0 {
		o.Backups = DefaultBackups
	}
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o700); err != nil {
		return nil, fmt.Errorf("record file %s: making its folder: %w", o.Path, err)
	}
	f := &File{o: o}
	if err := f.open(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *File) open() error {
	file, err := os.OpenFile(f.o.Path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("record file: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("record file: %w", errors.Join(err, file.Close()))
	}
	f.file, f.size = file, info.Size()
	return nil
}

// Write appends one line. When a full file cannot be put aside, the line still
// goes into it: to keep a record comes before keeping it small. Any error leaves
// the file as usable as the next Write finds it.
func (f *File) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, fmt.Errorf("record file %s: %w", f.o.Path, os.ErrClosed)
	}
	if f.file != nil && f.size > 0 && f.size+int64(len(line)) > f.o.MaxSize {
		f.putAside()
	}
	if f.file == nil {
		if err := f.open(); err != nil {
			return 0, err
		}
	}
	n, err := f.file.Write(line)
	f.size += int64(n)
	if err != nil {
		return n, fmt.Errorf("record file: %w", err)
	}
	return n, nil
}

// putAside makes room for a new file. What cannot be renamed stays in use.
func (f *File) putAside() {
	_ = f.file.Close() // every line has been handed to the system already
	f.file = nil
	if f.o.Backups < 0 {
		_ = os.Remove(f.o.Path)
		return
	}
	for i := f.o.Backups; i > 1; i-- {
		_ = os.Rename(f.backup(i-1), f.backup(i)) // there may be none yet
	}
	_ = os.Rename(f.o.Path, f.backup(1))
}

func (f *File) backup(i int) string { return fmt.Sprintf("%s.%d", f.o.Path, i) }

// Close closes the file. Closing again does nothing; a later Write is an error.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	if err != nil {
		return fmt.Errorf("record file: %w", err)
	}
	return nil
}
