package checks_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/checks"
)

func TestIDVectors(t *testing.T) {
	for name, id := range map[string]string{
		"Test": "1bab7e8d", "Ensure adequate resources": "c272d5e0", "two": "0b1c4a4d",
		"four": "31d68b28", "Check five": "b3f49d29", "Opsani API connectivity": "ffd7e219",
	} {
		assert.Equal(t, id, checks.ID(name), name)
	}
}

func TestSeverityText(t *testing.T) {
	for _, s := range []checks.Severity{checks.Warning, checks.Common, checks.Critical} {
		text, err := s.MarshalText()
		require.NoError(t, err)
		var back checks.Severity
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, s, back)
	}
	var s checks.Severity
	assert.EqualError(t, s.UnmarshalText([]byte("fatal")), `unknown severity "fatal": accepted are warning, common and critical`)
}

func TestRun(t *testing.T) {
	boom := errors.New("boom")
	ok := func(context.Context) error { return nil }
	fail := func(context.Context) error { return boom }
	tests := []struct {
		name   string
		checks []checks.Entry
		ran    []string
		failed []string
	}{
		{"all pass", []checks.Entry{checks.Check{Name: "a", Run: ok}, checks.Check{Name: "b", Run: ok}}, []string{"a", "b"}, nil},
		{"common failure goes on", []checks.Entry{checks.Check{Name: "a", Run: fail}, checks.Check{Name: "b", Run: ok}}, []string{"a", "b"}, []string{"a"}},
		{"critical failure halts", []checks.Entry{checks.Check{Name: "a", Severity: checks.Critical, Run: fail}, checks.Check{Name: "b", Run: ok}}, []string{"a"}, []string{"a"}},
		{"warning never fails", []checks.Entry{checks.Check{Name: "a", Severity: checks.Warning, Run: fail}, checks.Check{Name: "b", Run: ok}}, []string{"a", "b"}, nil},
		{"nothing to run", []checks.Entry{checks.Check{Name: "a"}}, []string{"a"}, []string{"a"}},
		{"panic", []checks.Entry{checks.Check{Name: "a", Run: func(context.Context) error { panic("no") }}}, []string{"a"}, []string{"a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			results, err := checks.Run(t.Context(), tt.checks...)
			require.NoError(t, err)
			var ran, failed []string
			for _, r := range results {
				ran = append(ran, r.Name)
				assert.Equal(t, checks.ID(r.Name), r.ID)
				if r.Failed() {
					failed = append(failed, r.Name)
				}
			}
			assert.Equal(t, tt.ran, ran)
			assert.Equal(t, tt.failed, failed)
		})
	}
}

func TestRunTakesTheHintAndTheRuntime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("connection refused")
		results, err := checks.Run(t.Context(), checks.Check{Name: "reach", ID: "reach", Run: func(context.Context) error {
			time.Sleep(3 * time.Second)
			return &checks.Error{Message: "expected an answer", Hint: "start the server", Err: cause}
		}})
		require.NoError(t, err)
		require.Len(t, results, 1)
		assert.Equal(t, "reach", results[0].ID)
		assert.Equal(t, "start the server", results[0].Hint)
		assert.ErrorIs(t, results[0].Err, cause)
		assert.EqualError(t, results[0].Err, "expected an answer: connection refused")
		assert.Equal(t, 3*time.Second, results[0].Runtime)
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	results, err := checks.Run(ctx,
		checks.Check{Name: "a", Run: func(context.Context) error { return nil }},
		checks.Check{Name: "b", Run: func(ctx context.Context) error { cancel(stop); return ctx.Err() }},
		checks.Check{Name: "c", Run: func(context.Context) error { t.Error("must not run"); return nil }},
	)
	assert.ErrorIs(t, err, stop)
	assert.Len(t, results, 1)
}
