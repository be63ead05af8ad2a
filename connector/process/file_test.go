//go:build unix

package process_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector/process"
	"github.com/servokit/servokit/types"
)

const confTemplate = `{{if gt .workers 8}}# many
{{end}}workers = {{.workers}}
mode = {{setting "cache-mode"}}
share = {{.share}}
`

// withFile makes the application read its settings from a file.
func withFile(path, apply string) func(*process.Config) {
	return func(c *process.Config) {
		c.Env["APP_FILE"] = config.NewSecret(path)
		c.File = &process.File{Path: path, Template: confTemplate}
		c.Apply = apply
		c.Ready.MinUptime = types.Duration(100 * time.Millisecond)
		c.Settings = []process.Setting{
			{Name: "workers", Type: types.RangeKind, Min: types.Int(1), Max: types.Int(16), Default: types.Int(4)},
			{Name: "cache-mode", Type: types.EnumKind, Values: []types.Value{types.Text("lru"), types.Text("none")}, Default: types.Text("lru")},
			{Name: "share", Type: types.RangeKind, Min: types.Float(0), Max: types.Float(4e6), Step: types.Float(0.5), Default: types.Float(1)},
		}
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func TestFileIsRenderedAndTheOriginalPutBack(t *testing.T) {
	for _, apply := range []string{"restart", "signal"} {
		t.Run(apply, func(t *testing.T) {
			dir := t.TempDir()
			path, link := filepath.Join(dir, "original.conf"), filepath.Join(dir, "app.conf")
			require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
			require.NoError(t, os.Symlink(path, link))
			r := started(t, withFile(link, apply))
			first := r.info()
			assert.Equal(t, "workers = 4\nmode = lru\nshare = 1.0\n", first.File)

			_, err := r.adjust(t.Context(), 0, to("workers", types.Int(12)), to("cache-mode", types.Text("none")), to("share", types.Float(3e6)))
			require.NoError(t, err)
			second := r.info()
			assert.Equal(t, "# many\nworkers = 12\nmode = none\nshare = 3000000.0\n", second.File)
			assert.Equal(t, apply == "signal", first.PID == second.PID)
			stat, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), stat.Mode().Perm())

			r.stop()
			assert.Equal(t, "precious", content(t, path))
			target, err := os.Readlink(link)
			require.NoError(t, err, "the link is still one")
			assert.Equal(t, path, target)
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Len(t, entries, 2, "nothing else is left")
		})
	}
}

func TestFileThatWasNotThereIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.conf")
	r := started(t, func(c *process.Config) {
		withFile(path, "restart")(c)
		c.File.Mode = "0640"
	})
	stat, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), stat.Mode().Perm())
	r.stop()
	assert.NoFileExists(t, path)
}

func TestFileIsPutBackWhenTheAdjustmentFails(t *testing.T) {
	for _, apply := range []string{"restart", "signal"} {
		t.Run(apply, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.conf")
			r := started(t, withFile(path, apply))
			_, err := r.adjust(t.Context(), 0, to("workers", types.Int(13)))
			o, reason := outcome(t, err)
			assert.Equal(t, types.Rejected, o)
			assert.Equal(t, types.ReasonStartFailed, reason)
			assert.ErrorContains(t, err, "exit status 4")
			assert.ErrorContains(t, err, "bad configuration file")
			assert.Contains(t, content(t, path), "workers = 4\n")
			assert.Contains(t, r.info().File, "workers = 4\n")
		})
	}
}

func TestSignalWaitsForANewLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.conf")
	r := started(t, func(c *process.Config) {
		withFile(path, "signal")(c)
		c.Ready = process.Ready{Log: "^configuration loaded$", Timeout: c.Ready.Timeout, MinUptime: types.Duration(time.Millisecond)}
	})
	var pid int
	require.Eventually(t, func() bool { i, err := r.ask(); pid = i.PID; return err == nil }, patience, glance)
	for _, workers := range []int64{5, 6, 7} {
		_, err := r.adjust(t.Context(), 0, to("workers", types.Int(workers)))
		require.NoError(t, err)
		assert.Contains(t, r.info().File, "workers = "+types.Int(workers).String()+"\n", "loaded when adjust returns")
	}
	assert.Equal(t, pid, r.info().PID)
}

func TestSignalThatIsNotHeardIsRejectedAndRestarted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.conf")
	r := started(t, func(c *process.Config) {
		withFile(path, "signal")(c)
		c.Signal = "SIGWINCH" // ignored, so nothing is printed
		c.Ready = process.Ready{Log: "^configuration loaded$", Timeout: types.Duration(2 * time.Second), MinUptime: types.Duration(time.Millisecond)}
	})
	_, err := r.adjust(t.Context(), 0, to("workers", types.Int(5)))
	o, _ := outcome(t, err)
	assert.Equal(t, types.Rejected, o)
	assert.NotContains(t, err.Error(), "restoring", "a restart has brought it back")
	require.Eventually(t, func() bool { i, err := r.ask(); return err == nil && i.File != "" }, patience, glance)
	assert.Contains(t, r.info().File, "workers = 4\n")
}
