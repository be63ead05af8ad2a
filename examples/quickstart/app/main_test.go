package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// asProgram makes the test binary be the program, for the tests that need a
// process of its own.
const asProgram = "RUN_AS_SEARCH_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(program())
	}
	goleak.VerifyTestMain(m)
}

// writeCorpus lays out a directory of source files.
func writeCorpus(tb testing.TB, files map[string]string) string {
	tb.Helper()
	directory := tb.TempDir()
	for name, text := range files {
		target := filepath.Join(directory, filepath.FromSlash(name))
		require.NoError(tb, os.MkdirAll(filepath.Dir(target), 0o755))
		require.NoError(tb, os.WriteFile(target, []byte(text), 0o600))
	}
	return directory
}

// A logBuffer collects a log and tells when a line with some text arrives.
type logBuffer struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newLogBuffer() *logBuffer { return &logBuffer{changed: make(chan struct{}, 1)} }

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.changed <- struct{}{}:
	default:
	}
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// await returns the first line that contains the text.
func (b *logBuffer) await(t *testing.T, text string) string {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		for line := range strings.Lines(b.String()) {
			if strings.Contains(line, text) {
				return line
			}
		}
		select {
		case <-b.changed:
		case <-deadline:
			require.FailNow(t, "never logged", "%q in:\n%s", text, b.String())
		}
	}
}

// address is the address in the line that announces it.
func (b *logBuffer) address(t *testing.T) string {
	t.Helper()
	_, address, found := strings.Cut(b.await(t, "msg=listening"), "address=")
	require.True(t, found)
	return strings.TrimSpace(address)
}

// launch runs the program in the background. Stop asks it to end and returns
// the exit code.
func launch(t *testing.T, args ...string) (log *logBuffer, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log = newLogBuffer()
	code := make(chan int, 1)
	go func() { code <- start(ctx, args, nil, io.Discard, log) }()
	var once sync.Once
	var result int
	stop = func() int {
		once.Do(func() {
			cancel()
			result = <-code
		})
		return result
	}
	t.Cleanup(func() { stop() })
	return log, stop
}

func get(t *testing.T, url string) (status int, header http.Header, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	body, err = io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, response.Header, body
}

var smallCorpus = map[string]string{
	"pets/pets.go": "// Package pets has animals.\npackage pets\n\n// Feed gives the cat some food.\nfunc Feed() {}\n",
}

func TestServesFromStartToStop(t *testing.T) {
	log, stop := launch(t, "-listen", "127.0.0.1:0", "-corpus", writeCorpus(t, smallCorpus), "-gogc", "150")
	base := "http://" + log.address(t)
	log.await(t, "msg=ready")

	status, _, body := get(t, base+"/readyz")
	assert.Equal(t, http.StatusOK, status, "%s", body)
	status, _, body = get(t, base+"/search?q=cat+food")
	assert.Equal(t, http.StatusOK, status, "%s", body)
	var found results
	require.NoError(t, json.Unmarshal(body, &found))
	require.NotEmpty(t, found.Hits)
	assert.Equal(t, "func Feed() {}", found.Hits[0].Title)

	assert.Equal(t, exitOK, stop())
	assert.Equal(t, 1, strings.Count(log.String(), "msg=listening"), "the address is announced once")
	assert.NotContains(t, log.String(), "level=ERROR")
}

func TestStandardLibrary(t *testing.T) {
	log, stop := launch(t, "-listen", "127.0.0.1:0", "-shards", "2", "-compression", "1")
	base := "http://" + log.address(t)
	log.await(t, "msg=ready")
	_, _, body := get(t, base+"/search?q=http+client+timeout")
	var found results
	require.NoError(t, json.Unmarshal(body, &found))
	require.Len(t, found.Hits, hitLimit)
	assert.Equal(t, "net/http", found.Hits[0].Package)
	assert.Greater(t, len(body), 20<<10, "large enough for compression to matter")

	_, _, body = get(t, base+"/stats")
	var s stats
	require.NoError(t, json.Unmarshal(body, &s))
	assert.True(t, s.Ready)
	assert.Greater(t, s.Docs, 5000)
	assert.Positive(t, s.ReadySeconds)
	assert.Equal(t, exitOK, stop())
}

func TestPortTaken(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { assert.NoError(t, taken.Close()) }()
	log := newLogBuffer()
	code := start(t.Context(), []string{"-listen", taken.Addr().String()}, nil, io.Discard, log)
	assert.Equal(t, exitError, code)
	assert.Equal(t, 1, strings.Count(log.String(), "\n"), "one line: %s", log)
	assert.Contains(t, log.String(), taken.Addr().String())
	assert.Contains(t, log.String(), "address already in use")
}

func TestCannotStart(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		env  []string
		code int
		says []string
	}{
		"settings out of range": {nil, []string{"SEARCH_WORKERS=0", "SEARCH_SHARDS=9"}, exitUsage,
			[]string{"SEARCH_WORKERS", "from 1 to 16", "SEARCH_SHARDS", "from 1 to 8"}},
		"unknown flag": {[]string{"-wrokers", "3"}, nil, exitUsage, []string{"-wrokers"}},
		"corpus that does not exist": {[]string{"-corpus", "/does/not/exist", "-listen", "127.0.0.1:0"}, nil, exitError,
			[]string{"reading the corpus /does/not/exist", "no such file or directory"}},
		"corpus without sources": {[]string{"-corpus", t.TempDir(), "-listen", "127.0.0.1:0"}, nil, exitError,
			[]string{"no Go source files"}},
	} {
		t.Run(name, func(t *testing.T) {
			log := newLogBuffer()
			assert.Equal(t, test.code, start(t.Context(), test.args, test.env, io.Discard, log))
			assert.Equal(t, 1, strings.Count(log.String(), "level=ERROR"))
			for _, text := range test.says {
				assert.Contains(t, log.String(), text)
			}
		})
	}
}

func TestGoMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := defaultCorpus(t.Context())
	require.ErrorContains(t, err, "install Go")
	require.ErrorContains(t, err, "SEARCH_CORPUS")
}

func TestStrangeVariablesAreMentioned(t *testing.T) {
	log := newLogBuffer()
	start(t.Context(), []string{"-h"}, []string{"SEARCH_WORKER=3"}, io.Discard, log)
	assert.Empty(t, log.String(), "nothing but the usage when that was asked for")
	start(t.Context(), []string{"-corpus", t.TempDir(), "-listen", "127.0.0.1:0"}, []string{"SEARCH_WORKER=3"}, io.Discard, log)
	assert.Contains(t, log.String(), "variable=SEARCH_WORKER")
}

func TestStopWhileTheIndexIsBuilt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, _, err := parseSettings([]string{"-listen", "127.0.0.1:0", "-corpus", writeCorpus(t, smallCorpus)}, nil, io.Discard)
	require.NoError(t, err)
	require.NoError(t, run(ctx, s, slog.New(slog.DiscardHandler)), "being asked to stop is no failure")
}
