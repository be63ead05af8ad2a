package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
)

// replace puts a new file, which holds nothing but a state, in the place of the
// present one. At any time the file there is the old one or the new one.
func (f *File) replace(state State, number uint64) error {
	const doing = "writing a new file"
	data := []byte(header)
	if number > 0 || !reflect.ValueOf(state).IsZero() {
		snapshot, err := json.Marshal(snapshotWire{&state})
		if err != nil {
			return f.failure(doing, err)
		}
		if len(snapshot) > maxEntry {
			return f.failure(doing, fmt.Errorf("its state has %d bytes: at most %d are possible", len(snapshot), maxEntry))
		}
		number++
		data = appendLine(data, number, snapshot)
	}
	temporary := f.path + ".tmp"
	if err := f.writeNew(temporary, data); err != nil {
		return f.failure(doing, err)
	}
	// Closed before and opened after, because Windows renames nothing that is
	// open. Everything appended is on the disk.
	if f.handle != nil {
		_ = f.handle.Close()
		f.handle = nil
	}
	failed := f.fs.Rename(temporary, f.path)
	if failed != nil && errors.Is(f.fs.Remove(temporary), fs.ErrNotExist) {
		failed = nil // it was renamed all the same
	}
	if failed == nil {
		f.state, f.number, f.size, f.unsettled = state, number, int64(len(data)), true
		f.compactAt = max(f.max, 2*f.size)
	}
	if failed == nil || f.loaded {
		if err := f.reopen(); err != nil {
			return f.failure("opening it again", errors.Join(failed, err))
		}
	}
	if failed != nil {
		return f.failure(doing, failed)
	}
	return nil
}

// reopen opens the file again that replace has closed.
func (f *File) reopen() error {
	if f.handle != nil {
		return nil
	}
	handle, err := f.fs.OpenFile(f.path, os.O_RDWR, 0)
	if err == nil {
		f.handle = handle
	}
	return err
}

// writeNew leaves a file with this content on the disk, or none.
func (f *File) writeNew(name string, data []byte) error {
	handle, err := f.fs.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = handle.WriteAt(data, 0); err == nil {
		err = handle.Sync()
	}
	if err = errors.Join(err, handle.Close()); err != nil {
		_ = f.fs.Remove(name) // what stays is written over the next time
	}
	return err
}

// settle makes sure that the present file is the one that a crash leaves. As
// long as it fails nothing may be appended: an old file could come back.
func (f *File) settle() error {
	if !f.unsettled {
		return nil
	}
	if err := f.fs.SyncDir(filepath.Dir(f.path)); err != nil {
		return fmt.Errorf("making sure of its directory: %w", err)
	}
	f.unsettled = false
	return nil
}

// compact replaces the file by one that holds the state alone.
func (f *File) compact(ctx context.Context) {
	before := f.size
	err := f.replace(f.state, f.number)
	if err == nil {
		err = f.settle()
	}
	if err != nil {
		f.compactAt = f.size + f.max // not again at once
		f.log.WarnContext(ctx, "the journal could not be compacted", "path", f.path, "bytes", before, "error", err)
		return
	}
	f.log.DebugContext(ctx, "compacted the journal", "path", f.path, "before", before, "after", f.size)
}
