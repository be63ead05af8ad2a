package logfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"gopkg.in/natefinch/lumberjack.v2"
)

// DefaultMaxSize is the size in megabytes at which a file is rotated unless
// [Options] say otherwise.
const DefaultMaxSize = 10

// Options say where the log goes and how much of it is kept.
type Options struct {
	// Path of the file. Its directory is made if there is none. Rotated files
	// stand beside it, with the time in their names.
	Path string
	// MaxSize is the size in megabytes above which the file is rotated; 0 means
	// DefaultMaxSize.
	MaxSize int
	// MaxBackups is how many rotated files are kept; 0 means all.
	MaxBackups int
	// MaxAgeDays is after how many days rotated files are removed; 0 means never.
	MaxAgeDays int
	// Compress stores rotated files with gzip.
	Compress bool
	// OnError is told when writing begins to fail, such as on a full disk, once
	// until it works again. It is called by the goroutine that logs, and must
	// not log into this file. Nil means that nobody is told.
	OnError func(error)

	_ struct{}
}

// File is an open log file. Give it to a handler as the writer; its methods may
// be called from any goroutine.
type File struct {
	mu      sync.Mutex
	out     *lumberjack.Logger
	onError func(error)
	failing bool
	closed  bool
}

// Open opens the file for appending. All problems of the options are one error;
// a path that cannot be written is an error that names it. What goes wrong later
// never stops the program or other sinks: each record that cannot be written is
// an error of its Write, and the next one is tried again.
//
// The rotation keeps one idle goroutine for each file that was written to until
// the program ends.
func Open(o Options) (*File, error) {
	var errs []error
	if o.Path == "" {
		errs = append(errs, errors.New("path: required"))
	}
	for _, bound := range []struct {
		name  string
		value int
	}{{"max size", o.MaxSize}, {"max backups", o.MaxBackups}, {"max age", o.MaxAgeDays}} {
		if bound.value < 0 {
			errs = append(errs, fmt.Errorf("%s: %d is negative", bound.name, bound.value))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("log file: %w", err)
	}
	if o.MaxSize == 0 {
		o.MaxSize = DefaultMaxSize
	}
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o750); err != nil {
		return nil, fmt.Errorf("log file %s: making its directory: %w", o.Path, err)
	}
	probe, err := os.OpenFile(o.Path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log file: %w", err)
	}
	if err := probe.Close(); err != nil {
		return nil, fmt.Errorf("log file: %w", err)
	}
	return &File{
		onError: o.OnError,
		out: &lumberjack.Logger{
			Filename: o.Path, MaxSize: o.MaxSize, MaxBackups: o.MaxBackups, MaxAge: o.MaxAgeDays, Compress: o.Compress,
		},
	}, nil
}

// Write appends one record. It fails when the disk does, when the record alone
// is larger than a file may be, and with os.ErrClosed after Close.
func (f *File) Write(record []byte) (int, error) {
	n, tell, err := f.write(record)
	if tell {
		f.onError(err)
	}
	return n, err
}

func (f *File) write(record []byte) (n int, tell bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, false, fmt.Errorf("log file %s: %w", f.out.Filename, os.ErrClosed)
	}
	n, err = f.out.Write(record)
	if err == nil {
		f.failing = false
		return n, false, nil
	}
	tell = !f.failing && f.onError != nil
	f.failing = true
	return n, tell, fmt.Errorf("log file %s: %w", f.out.Filename, err)
}

// Rotate begins a new file now, as a signal of an external log rotation asks
// for.
func (f *File) Rotate() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return fmt.Errorf("log file %s: %w", f.out.Filename, os.ErrClosed)
	}
	if err := f.out.Rotate(); err != nil {
		return fmt.Errorf("log file %s: rotating: %w", f.out.Filename, err)
	}
	return nil
}

// Close closes the file. Closing again does nothing.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	return f.out.Close()
}
