//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/types"
)

// Each lane kills this often, at moments that its seed decides.
const kills = 10

// TestKilledAtAnyMoment kills the quickstart twenty times while an optimizer
// has it adjust, describe and measure, and starts it again in the same state.
// Each time the application must have the settings of the last adjustment that
// was committed, all of them, before anything is said about it.
func TestKilledAtAnyMoment(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			newLane(t, seed).run()
		})
	}
}

// lane is one optimizer and one state, with the runs of the quickstart that
// follow each other.
type lane struct {
	t     *testing.T
	rng   *rand.Rand
	opt   *optimizertest.Optimizer
	url   string
	state string

	mu   sync.Mutex
	gate chan struct{} // WHATS_NEXT is answered once it is closed
}

func newLane(t *testing.T, seed uint64) *lane {
	l := &lane{t: t, rng: rand.New(rand.NewPCG(seed, seed)), opt: optimizertest.New(), state: filepath.Join(t.TempDir(), "state")}
	for n := range 20 * kills {
		adjust := optimizertest.Adjust(configuration(n + 1)...)
		adjust.UID = uidOf(n + 1)
		l.opt.Then(adjust, optimizertest.Describe(), optimizertest.Measure(300*time.Millisecond, "latency_99th"))
	}
	server := httptest.NewServer(l)
	l.url = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return l
}

func uidOf(n int) string { return fmt.Sprintf("adjust-%d", n) }

// configuration is what the n-th adjustment asks for, and 0 the baseline. Any
// two that follow each other differ in each setting but the compression.
func configuration(n int) types.Adjustments {
	if n == 0 {
		return defaults(application{})
	}
	i := int64(n)
	var as types.Adjustments
	for name, value := range map[string]int64{"workers": 1 + i%8, "cache_mib": 4 * (i%15 + 1), "gogc": 50 * (1 + i%8), "shards": 1 + i%4} {
		as = append(as, types.Adjustment{Component: component, Setting: name, Value: types.Int(value)})
	}
	return overlay(defaults(application{}), as)
}

// ServeHTTP holds the question for the next command while the gate is closed.
func (l *lane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the quickstart was killed while it sent
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if bytes.Contains(body, []byte(optimizer.EventNext)) {
		l.mu.Lock()
		gate := l.gate
		l.mu.Unlock()
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
	}
	l.opt.ServeHTTP(w, r)
}

func (l *lane) closeGate() (open func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gate := make(chan struct{})
	l.gate = gate
	return func() { close(gate) }
}

func (l *lane) run() {
	moments := []string{"intent", "applied", "commit", "result", "ack"}
	var before *program
	for n := range kills + 1 {
		open := l.closeGate()
		p := start(l.t, "--optimizer-url", l.url, "--trials", "1000", "--state", l.state, "--verbose")
		p.waitFor("servo running")
		if before != nil {
			before.requireNoOrphans()
		}
		l.requireCommitted(p)
		if n == kills {
			open()
			p.waitFor(`msg="command done" servo=quickstart verb=ADJUST`)
			p.signal(syscall.SIGINT)
			require.Equal(l.t, 130, p.wait(10*time.Second), p.errors())
			p.requireNoOrphans()
			break
		}
		if n%2 == 0 {
			killed := l.killAfter(p, moments[l.rng.IntN(len(moments))])
			open()
			killed()
		} else {
			timer := time.NewTimer(time.Duration(l.rng.Int64N(int64(1200 * time.Millisecond))))
			open()
			<-timer.C
			p.signal(syscall.SIGKILL)
		}
		require.Equal(l.t, -1, p.wait(10*time.Second), "killed: %s", p.errors())
		before = p
	}
	l.requireOneAnswerEach()
}

// killAfter returns a function that kills p as soon as the journal has an entry
// more of a kind.
func (l *lane) killAfter(p *program, kind string) func() {
	watcher, err := fsnotify.NewWatcher()
	require.NoError(l.t, err)
	require.NoError(l.t, watcher.Add(l.state))
	had := l.count(kind)
	return func() {
		defer func() { assert.NoError(l.t, watcher.Close()) }()
		ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
		defer cancel()
		for l.count(kind) <= had {
			select {
			case <-watcher.Events:
			case err := <-watcher.Errors:
				require.NoError(l.t, err)
			case <-p.exited:
				require.FailNow(l.t, "ended on its own", p.errors())
			case <-ctx.Done():
				require.FailNow(l.t, "nothing in the journal", "no %s: %s", kind, p.errors())
			}
		}
		p.signal(syscall.SIGKILL)
	}
}

type entry struct {
	Kind string `json:"kind"`
	UID  string `json:"cmd_uid"`
}

// entries reads the journal by its documented format, without a line that is
// still being written.
func (l *lane) entries() []entry {
	data, err := os.ReadFile(filepath.Join(l.state, "journal"))
	require.NoError(l.t, err)
	lines := strings.Split(string(data), "\n")
	var all []entry
	for _, line := range lines[1 : len(lines)-1] {
		fields := strings.SplitN(line, " ", 4)
		require.Len(l.t, fields, 4, line)
		var e entry
		require.NoError(l.t, json.Unmarshal([]byte(fields[3]), &e), line)
		all = append(all, e)
	}
	return all
}

func (l *lane) count(kind string) int {
	n := 0
	for _, e := range l.entries() {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// requireCommitted checks that the application runs with what was committed
// last, and that this is what the optimizer has heard of, or is about to.
func (l *lane) requireCommitted(p *program) {
	l.t.Helper()
	committed := 0
	for _, e := range l.entries() {
		if e.Kind == "commit" {
			_, err := fmt.Sscanf(e.UID, "adjust-%d", &committed)
			require.NoError(l.t, err)
		}
	}
	heard := l.heard()
	require.Contains(l.t, []int{heard, heard + 1}, committed, "what is committed is what the optimizer has asked for")

	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.application()))
	require.NoError(l.t, err)
	variables := strings.Split(string(environ), "\x00")
	for _, a := range configuration(committed) {
		want := "SEARCH_" + strings.ToUpper(a.Setting) + "=" + a.Value.String()
		require.Contains(l.t, variables, want, "configuration %d", committed)
	}
}

// heard is the number of the last adjustment that the optimizer was told of.
func (l *lane) heard() int {
	n := 0
	for _, r := range l.opt.Results() {
		if r.Verb == optimizer.Adjust {
			require.Empty(l.t, r.Outcome, r.Message)
			n++
		}
	}
	return n
}

// requireOneAnswerEach checks the whole conversation.
func (l *lane) requireOneAnswerEach() {
	var answered []string
	committed := 0
	results := l.opt.Results()
	for n, r := range results {
		assert.NotContains(l.t, answered, r.UID, "answered twice")
		answered = append(answered, r.UID)
		if r.Outcome == types.Cancelled && n == len(results)-1 {
			break // by the SIGINT at the end
		}
		switch r.Verb {
		case optimizer.Adjust:
			committed++
			assert.Equal(l.t, uidOf(committed), r.UID)
			assert.Equal(l.t, settingsText(configuration(committed)), settingsText(settingsOf(r.Description)))
		case optimizer.Describe:
			assert.Equal(l.t, settingsText(configuration(committed)), settingsText(settingsOf(r.Description)))
		case optimizer.Measure:
			assert.Empty(l.t, r.Outcome, r.Message)
		}
	}
	assert.Positive(l.t, committed, "the optimizer must get on in spite of everything")
	// A command that begins again reports from the beginning, which the
	// optimizer of the test does not expect.
	violations := slices.DeleteFunc(l.opt.Violations(), func(v string) bool {
		return strings.HasPrefix(v, "progress of") && strings.Contains(v, "went back")
	})
	assert.Empty(l.t, violations)
}
