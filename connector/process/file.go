package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// savedFile is a file on loan: what was there before is put back in the end.
type savedFile struct {
	path     string
	taken    bool // original and mode are what was there
	existed  bool
	original []byte
	mode     os.FileMode
}

// take remembers what is there, once.
func (f *savedFile) take() error {
	if f.taken {
		return nil
	}
	data, err := os.ReadFile(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.existed, f.original, f.mode = false, nil, 0o644
	case err != nil:
		return fmt.Errorf("keeping the original of %s: %w", f.path, err)
	default:
		info, err := os.Stat(f.path)
		if err != nil {
			return fmt.Errorf("keeping the original of %s: %w", f.path, err)
		}
		f.existed, f.original, f.mode = true, data, info.Mode().Perm()
	}
	f.taken = true
	return nil
}

// write replaces the content; mode 0 means that of the original.
func (f *savedFile) write(data []byte, mode os.FileMode) error {
	if err := f.take(); err != nil {
		return err
	}
	if mode == 0 {
		mode = f.mode
	}
	return replace(f.path, data, mode)
}

// restore puts the original back. Without take it does nothing.
func (f *savedFile) restore() error {
	if f == nil || !f.taken {
		return nil
	}
	if f.existed {
		if err := replace(f.path, f.original, f.mode); err != nil {
			return fmt.Errorf("restoring the original: %w", err)
		}
	} else if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the file that was not there before: %w", err)
	}
	f.taken, f.original = false, nil
	return nil
}

// replace writes a file in one step, and durably: readers see the old content
// or the new one. A symbolic link is kept and its target replaced.
func replace(path string, data []byte, mode os.FileMode) (err error) {
	if target, linkErr := filepath.EvalSymlinks(path); linkErr == nil {
		path = target
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s: %w", path, errors.Join(err, os.Remove(temp.Name())))
		}
	}()
	_, err = temp.Write(data)
	if err == nil {
		err = temp.Chmod(mode)
	}
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil // the content is there; how durable it is, is left to the system
	}
	_ = dir.Sync() // not every file system can
	_ = dir.Close()
	return nil
}
