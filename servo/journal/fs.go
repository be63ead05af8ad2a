package journal

import (
	"errors"
	"io"
	"io/fs"
)

// FS is what a [File] needs of a file system. The one of the operating system is
// the default; package journaltest has one in memory that crashes. A File calls
// one method at a time. Errors should be those of package os: fs.ErrNotExist,
// fs.ErrExist and syscall.ENOSPC are told apart.
type FS interface {
	// MkdirAll makes a directory and those above it, as far as they are
	// missing, and returns when they survive a crash.
	MkdirAll(dir string, perm fs.FileMode) error
	// OpenFile opens a file; flag is that of os.OpenFile.
	OpenFile(name string, flag int, perm fs.FileMode) (Handle, error)
	// Rename puts one file in the place of another, at once.
	Rename(from, to string) error
	// Remove removes a file.
	Remove(name string) error
	// SyncDir returns when what was made, renamed and removed in a directory
	// survives a crash.
	SyncDir(dir string) error
	// Lock takes the lock of that name until it is closed or the process ends.
	// It does not wait: a lock that another has is an error that wraps
	// [ErrLocked].
	Lock(name string) (io.Closer, error)
}

// Handle is an open file of an [FS].
type Handle interface {
	io.Reader
	io.WriterAt
	io.Closer
	// Truncate cuts the file.
	Truncate(size int64) error
	// Sync returns when what was written survives a crash.
	Sync() error
}

// ErrLocked is the error of [Open] when another process, or another [File] of
// this one, has the journal open. Match it with [errors.Is].
var ErrLocked = errors.New("in use by another process: only one at a time may have a journal open")
