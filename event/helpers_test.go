package event_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
)

var errBoom = errors.New("boom")

// journal collects what happened, from any goroutine.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string{}, j.lines...)
}

// answer is an on hook that returns value and writes it down.
func (j *journal) answer(value string) func(context.Context, string) (string, error) {
	return func(context.Context, string) (string, error) {
		j.add(value)
		return value, nil
	}
}

func answer(value string) func(context.Context, string) (string, error) {
	return func(context.Context, string) (string, error) { return value, nil }
}

func fail(err error) func(context.Context, string) (string, error) {
	return func(context.Context, string) (string, error) { return "", err }
}

// untilEnd waits for the end of the context and returns how it ended.
func untilEnd(ctx context.Context, _ string) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func values(results []event.Result[string]) []string {
	var out []string
	for _, r := range results {
		out = append(out, r.Value)
	}
	return out
}

func hookError(t *testing.T, err error) *event.HookError {
	t.Helper()
	var h *event.HookError
	require.ErrorAs(t, err, &h)
	return h
}

// goroutine identifies the running goroutine.
func goroutine() string {
	var buf [64]byte
	return strings.Fields(string(buf[:runtime.Stack(buf[:], false)]))[1]
}

func exit() { runtime.Goexit() }
