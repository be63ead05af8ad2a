package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// osFS is the file system of the operating system.
type osFS struct{}

// followLinks returns the file that a path of symbolic links leads to, which may
// not be there yet. A file is replaced when it is compacted, and that must not put
// it in the place of the link.
func followLinks(path string) string {
	const most = 40
	followed := path
	for range most {
		target, err := os.Readlink(followed)
		if err != nil {
			return followed
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(followed), target)
		}
		followed = target
	}
	return path // in a circle, as opening it will say
}

func (osFS) MkdirAll(dir string, perm fs.FileMode) error {
	var missing []string
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return fmt.Errorf("%s is not a directory", dir)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		missing = append(missing, dir)
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if err := os.Mkdir(missing[i], perm); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := (osFS{}).SyncDir(filepath.Dir(missing[i])); err != nil {
			return err
		}
	}
	return nil
}

func (osFS) OpenFile(name string, flag int, perm fs.FileMode) (Handle, error) {
	// Looked at before it is opened, because opening a pipe may wait.
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osFS) Rename(from, to string) error { return os.Rename(from, to) }

func (osFS) Remove(name string) error { return os.Remove(name) }

func (osFS) SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be opened for it, and need not be
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// The lock is held on a file of its own, because the journal is replaced when it
// is compacted. The file stays: whoever removed it could remove that of another.
func (osFS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	taken, err := tryLock(f)
	if err == nil && taken {
		// For the message of the next one; a full disk does not matter.
		if f.Truncate(0) == nil {
			_, _ = f.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
		}
		return f, nil
	}
	if err == nil {
		err = ErrLocked
		holder, _ := io.ReadAll(io.LimitReader(f, 20))
		if pid, no := strconv.Atoi(strings.TrimSpace(string(holder))); no == nil {
			err = fmt.Errorf("%w (process %d)", ErrLocked, pid)
		}
	}
	return nil, errors.Join(err, f.Close())
}
