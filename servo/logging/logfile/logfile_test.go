package logfile_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/servokit/servokit/servo/logging"
	"github.com/servokit/servokit/servo/logging/logfile"
)

// The rotation's own goroutine has no end: see the comment of Open.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun"))
}

func TestAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "servo.log")
	for _, message := range []string{"first", "second"} {
		file, err := logfile.Open(logfile.Options{Path: path})
		require.NoError(t, err)
		slog.New(logging.NewTextHandler(file, nil)).Info("hi", "nth", message)
		require.NoError(t, file.Close())
		require.NoError(t, file.Close(), "again")
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, 2, bytes.Count(data, []byte("\n")))
	assert.Contains(t, string(data), "servo - hi nth=second\n")
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode().Perm())
}

func TestRotates(t *testing.T) {
	dir := t.TempDir()
	file, err := logfile.Open(logfile.Options{Path: filepath.Join(dir, "servo.log"), MaxSize: 1, MaxBackups: 5})
	require.NoError(t, err)
	line := []byte(strings.Repeat("x", 600<<10) + "\n")
	for range 3 {
		_, err := file.Write(line)
		require.NoError(t, err)
	}
	require.NoError(t, file.Rotate())
	names, err := filepath.Glob(filepath.Join(dir, "servo*.log"))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, len(names), 3)
	_, err = file.Write(bytes.Repeat([]byte("y"), 2<<20))
	require.ErrorContains(t, err, "servo.log: write length")
	_, err = file.Write(line)
	require.NoError(t, err, "the next record is fine")
	require.NoError(t, file.Close())
	_, err = file.Write(line)
	require.ErrorIs(t, err, os.ErrClosed)
	require.ErrorIs(t, file.Rotate(), os.ErrClosed)
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	blocker := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(blocker, nil, 0o600))
	tests := []struct {
		name string
		o    logfile.Options
		want string
	}{
		{"all problems", logfile.Options{MaxSize: -1, MaxBackups: -2, MaxAgeDays: -3}, "log file: path: required\nmax size: -1 is negative\nmax backups: -2 is negative\nmax age: -3 is negative"},
		{"the directory cannot be made", logfile.Options{Path: filepath.Join(blocker, "servo.log")}, "making its directory: mkdir " + blocker},
		{"a directory", logfile.Options{Path: dir}, "log file: open " + dir + ": is a directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := logfile.Open(tt.o)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// The path becomes unusable while the program runs, and usable again.
func TestTroubleLaterDoesNotStopOtherSinks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	var told []error
	file, err := logfile.Open(logfile.Options{Path: filepath.Join(dir, "servo.log"), OnError: func(err error) { told = append(told, err) }})
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.WriteFile(dir, nil, 0o600))
	var out bytes.Buffer
	l := slog.New(slog.NewMultiHandler(logging.NewTextHandler(file, nil), logging.NewTextHandler(&out, nil)))
	l.Info("one")
	l.Info("two")
	assert.Equal(t, 2, strings.Count(out.String(), "\n"))
	require.Len(t, told, 1, "told once")
	require.ErrorContains(t, told[0], "servo.log")
	require.Error(t, file.Rotate())

	require.NoError(t, os.Remove(dir))
	l.Info("three")
	data, err := os.ReadFile(filepath.Join(dir, "servo.log"))
	require.NoError(t, err)
	assert.Contains(t, string(data), "three")
	require.NoError(t, file.Close())
}

func TestConcurrentUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "servo.log")
	file, err := logfile.Open(logfile.Options{Path: path})
	require.NoError(t, err)
	l := slog.New(logging.NewTextHandler(file, nil))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				l.Info("hi")
			}
		})
	}
	wg.Wait()
	require.NoError(t, file.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, 400, bytes.Count(data, []byte("servo - hi\n")))
}
