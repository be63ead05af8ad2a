package config_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/servokit/servokit/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const firstConnection = `{"Authorization": "hunter2", "Endpoint": "https://one.test/", "TenantId": "t1", "Other": {"x": 1}}`

func TestConnect(t *testing.T) {
	file := write(t, "connection.json", firstConnection)
	for name, test := range map[string]struct {
		in   config.AppDynamics
		want config.AppDynamics
	}{
		"from a file": {
			config.AppDynamics{OptimizerID: "o", ConnectionFile: file},
			config.AppDynamics{
				OptimizerID: "o", ConnectionFile: file, TenantID: "t1", BaseURL: "https://one.test", Token: config.NewSecret("hunter2"),
				URL: "https://one.test/rest/optimize/co/v1/optimizers/o/", TokenURL: "https://one.test/auth/t1/default/oauth2/token",
			},
		},
		"configured addresses stay": {
			config.AppDynamics{OptimizerID: "o", ConnectionFile: file, URL: "https://u.test", TokenURL: "https://v.test"},
			config.AppDynamics{
				OptimizerID: "o", ConnectionFile: file, TenantID: "t1", BaseURL: "https://one.test", Token: config.NewSecret("hunter2"),
				URL: "https://u.test", TokenURL: "https://v.test",
			},
		},
		"without a file": {
			config.AppDynamics{OptimizerID: "o", TenantID: "t", BaseURL: "https://b.test"},
			config.AppDynamics{
				OptimizerID: "o", TenantID: "t", BaseURL: "https://b.test",
				URL: "https://b.test/rest/optimize/co/v1/optimizers/o/", TokenURL: "https://b.test/auth/t/default/oauth2/token",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.in.Connect(t.Context())
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
	assert.Equal(t, "t1 - o", config.Optimizer{AppDynamics: &config.AppDynamics{OptimizerID: "o", TenantID: "t1"}}.DisplayName())
	assert.Equal(t, "o", config.Optimizer{AppDynamics: &config.AppDynamics{OptimizerID: "o"}}.DisplayName())
	assert.Equal(t, "i", config.Optimizer{ID: "i"}.DisplayName())
}

func TestConnectFails(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"empty":      {"", "3 problems"},
		"not yaml":   {"{", "not valid YAML"},
		"a list":     {"[1]", "is not a mapping"},
		"no token":   {`{"Endpoint": "https://x", "TenantId": "t"}`, "Authorization: required"},
		"bad URL":    {`{"Endpoint": "x", "TenantId": "t", "Authorization": "hunter2"}`, `Endpoint: "x" is not a URL`},
		"aliases":    {"a: &a [*a]", "the alias stands inside"},
		"duplicates": {`{"Endpoint": "https://x", "Endpoint": "https://x", "TenantId": "t", "Authorization": "hunter2"}`, "duplicate key"},
	} {
		t.Run(name, func(t *testing.T) {
			a := config.AppDynamics{OptimizerID: "o", ConnectionFile: write(t, "c.yaml", test.text)}
			_, err := a.Connect(t.Context())
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestConnectWaitsForTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "late.json")
		go func() {
			time.Sleep(20 * time.Second) // the clock of the bubble
			assert.NoError(t, os.WriteFile(file, []byte(firstConnection), 0o600))
		}()
		got, err := config.AppDynamics{OptimizerID: "o", ConnectionFile: file}.Connect(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "t1", got.TenantID)

		began := time.Now()
		_, err = config.AppDynamics{OptimizerID: "o", ConnectionFile: file + ".never"}.Connect(t.Context())
		require.ErrorIs(t, err, fs.ErrNotExist)
		assert.Equal(t, time.Minute, time.Since(began))

		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("stop")
		cancel(stop)
		_, err = config.AppDynamics{OptimizerID: "o", ConnectionFile: file + ".never"}.Connect(ctx)
		require.ErrorIs(t, err, stop)
	})
}

// lockedBuffer is written by a watcher and read by a test.
type lockedBuffer struct {
	mu    sync.Mutex
	b     bytes.Buffer
	wrote chan struct{}
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.wrote <- struct{}{}:
	default:
	}
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A mounted secret is a link to a folder that is swapped by renaming another
// link over it.
func TestWatchFollowsMountedSecrets(t *testing.T) {
	mount := t.TempDir()
	swap := func(version, text string) {
		require.NoError(t, os.Mkdir(filepath.Join(mount, version), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(mount, version, "connection"), []byte(text), 0o600))
		require.NoError(t, os.Symlink(version, filepath.Join(mount, "..data_tmp")))
		require.NoError(t, os.Rename(filepath.Join(mount, "..data_tmp"), filepath.Join(mount, "..data")))
	}
	swap("v1", firstConnection)
	require.NoError(t, os.Symlink(filepath.Join("..data", "connection"), filepath.Join(mount, "connection")))

	a := config.AppDynamics{OptimizerID: "o", ConnectionFile: filepath.Join(mount, "connection")}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &lockedBuffer{wrote: make(chan struct{}, 100)}
	logger := slog.New(slog.NewTextHandler(out, nil))
	changes := make(chan config.AppDynamics, 10)
	done := make(chan error, 1)
	go func() { done <- a.Watch(ctx, logger, func(a config.AppDynamics) { changes <- a }) }()

	next := func() config.AppDynamics {
		select {
		case got := <-changes:
			return got
		case <-time.After(20 * time.Second):
			require.FailNow(t, "no change is seen")
			return config.AppDynamics{}
		}
	}
	assert.Equal(t, "t1", next().TenantID, "what is there comes first")
	swap("v2", `{"Authorization": "hunter3", "Endpoint": "https://two.test", "TenantId": "t2"}`)
	got := next()
	assert.Equal(t, "hunter3", got.Token.Reveal())
	assert.Equal(t, "https://two.test/rest/optimize/co/v1/optimizers/o/", got.URL)
	assert.Equal(t, "https://two.test/auth/t2/default/oauth2/token", got.TokenURL)

	swap("bad", `{"Authorization": "hunter4"}`)
	for !bytes.Contains([]byte(out.String()), []byte("the old credentials stay")) {
		select {
		case <-out.wrote:
		case <-time.After(20 * time.Second):
			require.FailNow(t, "no warning", out.String())
		}
	}
	swap("good", `{"Authorization": "hunter5", "Endpoint": "https://three.test", "TenantId": "t3"}`)
	assert.Equal(t, "t3", next().TenantID, "what could not be understood is not passed on")
	cancel()
	require.NoError(t, <-done)
	assert.NotContains(t, out.String(), "hunter")
}

func TestWatchSaysOnceThatTheFileIsMissing(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "connection")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &lockedBuffer{wrote: make(chan struct{}, 100)}
	changes := make(chan config.AppDynamics, 10)
	done := make(chan error, 1)
	go func() {
		a := config.AppDynamics{OptimizerID: "o", ConnectionFile: file}
		done <- a.Watch(ctx, slog.New(slog.NewTextHandler(out, nil)), func(a config.AppDynamics) { changes <- a })
	}()
	<-out.wrote
	warnings := func() int { return strings.Count(out.String(), "level=WARN") }
	require.Equal(t, 1, warnings())
	assert.Contains(t, out.String(), "no such file")
	for i := range 3 { // each is an event in the folder
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprint(i)), nil, 0o600))
	}
	require.NoError(t, os.WriteFile(file+".tmp", []byte(firstConnection), 0o600))
	require.NoError(t, os.Rename(file+".tmp", file))
	assert.Equal(t, "t1", (<-changes).TenantID)
	assert.Equal(t, 1, warnings(), "said once")

	require.NoError(t, os.Remove(file))
	for warnings() < 2 {
		<-out.wrote
	}
	cancel()
	require.NoError(t, <-done)
	assert.Equal(t, 2, warnings())
	assert.NotContains(t, out.String(), "hunter")
}

func TestWatchWithoutWork(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, config.AppDynamics{}.Watch(ctx, nil, nil))
	err := config.AppDynamics{ConnectionFile: "/no/such/folder/file"}.Watch(ctx, nil, nil)
	assert.ErrorContains(t, err, "watching the connection file")
}
