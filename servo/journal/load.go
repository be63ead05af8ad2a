package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// Load reads the file, repairs what needs it and returns the state. A file that
// does not exist is made. Errors are those of the disk; the file is then as it
// was, and Load may be tried again. Damage is no error, since a servo that can
// never start again helps nobody. It is in [File.Report] and in the log:
//
// A torn last line (warn) is dropped. It was being written when the servo or the
// machine went down, and nothing that it announced was done.
//
// Any other damage (error) means that entries which were promised to be there may
// be gone, [Report.Lost]. The file is copied to path.corrupt-1, or the next number
// that is free, and a new journal takes its place. Of the old one Load returns
// only the Baseline, which never changes once it was written. Everything else
// may be out of date: restoring an adjustment whose commit was lost would undo a
// good one, and posting an answer whose ack was lost would report it twice. So
// Open and Pending are nil and Committed is empty. A servo should say that the
// journal was lost where people see it, and may use [Report.Untrusted] as a hint:
// if it has an open intent, and the values in force are neither all those wanted
// nor all the previous ones, then an adjustment was cut short, and the previous
// values are the last known good.
//
// A journal that somebody has removed, or cut off exactly behind a line, cannot be
// told from a new or a younger one.
//
// What Load returns is on the disk, even if the process that wrote it was killed
// before it could see to that. Calling it again returns the state as it is now.
func (f *File) Load(ctx context.Context) (State, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(); errors.Is(err, fs.ErrClosed) {
		return State{}, err
	}
	if ctx.Err() != nil {
		return State{}, f.failure("loading it", context.Cause(ctx))
	}
	if !f.loaded {
		if err := f.load(ctx); err != nil {
			return State{}, err
		}
		f.loaded = true
	}
	if err := f.settle(); err != nil {
		return State{}, f.failure("loading it", err)
	}
	return f.state.clone(), nil
}

func (f *File) load(ctx context.Context) error {
	handle, err := f.fs.OpenFile(f.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return f.replace(State{}, 0)
	}
	if err != nil {
		return f.failure("opening it", err)
	}
	data, err := readFile(handle)
	if err != nil {
		return errors.Join(f.failure("reading it", err), handle.Close())
	}
	c := readContent(data)
	if len(data) > maxFile {
		c = content{damage: Foreign}
	}
	report := Report{Damage: c.damage, Offset: c.good, Dropped: int64(len(data)) - c.good}
	if c.lines > 0 && c.damage != "" {
		untrusted := c.state.clone()
		report.Untrusted = &untrusted
	}
	if c.damage != "" && c.damage != Torn {
		_ = handle.Close() // it was only read
		return f.giveUp(ctx, report)
	}
	if c.damage == Torn {
		err = handle.Truncate(c.good)
	}
	if err == nil {
		// The last lines may never have left the cache of the system.
		err = handle.Sync()
	}
	if err != nil {
		return errors.Join(f.failure("repairing it", err), handle.Close())
	}
	_ = f.fs.Remove(f.path + ".tmp") // of a compaction that a crash cut short
	f.handle, f.state, f.number, f.size = handle, c.state, c.number, c.good
	f.unsettled, f.compactAt = true, max(f.max, f.size)
	if c.damage == Torn {
		f.report = report
		f.log.WarnContext(ctx, "dropped the torn end of the journal", "path", f.path, "offset", report.Offset, "bytes", report.Dropped)
	}
	return nil
}

// readFile reads a file, and of one that does not begin like a journal no more
// than that, since it may be of any size.
func readFile(from io.Reader) ([]byte, error) {
	data := make([]byte, len(header))
	n, err := io.ReadFull(from, data)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return data[:n], nil
	}
	if err != nil || string(data) != header {
		return data, err
	}
	return io.ReadAll(io.MultiReader(bytes.NewReader(data), io.LimitReader(from, maxFile+1)))
}

// giveUp copies a damaged file aside and begins a new one in its place. A crash
// in between leaves the damaged one to be found again.
func (f *File) giveUp(ctx context.Context, report Report) error {
	var state State
	if report.Untrusted != nil {
		state.Baseline = report.Untrusted.Baseline
	}
	var err error
	if report.Aside, report.Dropped, err = f.copyAside(); err != nil {
		return f.failure("keeping the damaged file", err)
	}
	f.report = report
	if err := f.replace(state, 0); err != nil {
		return err
	}
	f.log.ErrorContext(ctx, "the journal is damaged and was given up: adjustments and answers may be lost",
		"path", f.path, "damage", string(report.Damage), "offset", report.Offset, "bytes", report.Dropped, "kept", report.Aside)
	return nil
}

func (f *File) copyAside() (path string, size int64, err error) {
	from, err := f.fs.OpenFile(f.path, os.O_RDONLY, 0)
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	for n := 1; n < math.MaxInt32; n++ {
		path = fmt.Sprintf("%s.corrupt-%d", f.path, n)
		to, err := f.fs.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", 0, err
		}
		size, err = io.Copy(io.NewOffsetWriter(to, 0), from)
		if err == nil {
			err = to.Sync()
		}
		if err = errors.Join(err, to.Close()); err == nil {
			err = f.fs.SyncDir(filepath.Dir(path))
		}
		if err != nil {
			return "", 0, errors.Join(err, f.fs.Remove(path))
		}
		return path, size, nil
	}
	return "", 0, errors.New("no name is free")
}
