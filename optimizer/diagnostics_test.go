package optimizer_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
)

func TestDiagnostics(t *testing.T) {
	for _, token := range []string{"s3cr3t", "X-SF-Token s3cr3t"} {
		ctx, fake := t.Context(), optimizertest.New().RequireToken(token)
		c := connect(t, fake, func(o *optimizer.Options) { o.Token = token })
		directive, err := c.PollDiagnostics(ctx)
		require.NoError(t, err)
		assert.Equal(t, optimizer.Withhold, directive)

		fake.AnswerDiagnostics(optimizer.Send)
		directive, err = c.PollDiagnostics(ctx)
		require.NoError(t, err)
		assert.Equal(t, optimizer.Send, directive)
		require.NoError(t, c.UploadDiagnostics(ctx, optimizer.Diagnostics{
			Config: map[string]any{"optimizer": map[string]any{"id": "a/b", "token": "s3cr3t"}, "list": []any{"x s3cr3t", 1.5, nil}},
			Logs:   []optimizer.LogEntry{{"t1", "first"}, {"t2", "old"}, {"t2", "new, s3cr3t"}},
		}))
		require.NoError(t, c.ResetDiagnostics(ctx))
		directive, err = c.PollDiagnostics(ctx)
		require.NoError(t, err)
		assert.Equal(t, optimizer.Withhold, directive)

		fake.AnswerDiagnostics(optimizer.Stop)
		directive, err = c.PollDiagnostics(ctx)
		require.NoError(t, err)
		assert.Equal(t, optimizer.Stop, directive)

		assert.Empty(t, fake.Violations())
		require.Len(t, fake.Uploads(), 1)
		upload := fake.Uploads()[0]
		assert.JSONEq(t, `{"optimizer":{"id":"a/b","token":"[REDACTED]"},"list":["x [REDACTED]",1.5,null]}`, string(upload.ConfigMap))
		assert.Equal(t, map[string]string{"t1": "first", "t2": "new, [REDACTED]"}, upload.Logs)
		assert.Equal(t, `{"data":null}`, string(fake.Requests()[0].Body))
		assert.Empty(t, fake.Events(), "diagnostics are no part of the conversation")
	}
}

func TestDirectives(t *testing.T) {
	for body, want := range map[string]optimizer.Directive{
		`{"data":"SEND"}`: optimizer.Send, `{"data":"STOP"}`: optimizer.Stop, `{"data":"WITHHOLD"}`: optimizer.Withhold,
		`"SEND"`: optimizer.Send, `"STOP"`: optimizer.Stop, "SEND\n": optimizer.Send,
		`{"data":null}`: optimizer.Withhold, `{"data":"send"}`: optimizer.Withhold, `{"data":1}`: optimizer.Withhold,
		`{"data":{"data":"SEND"}}`: optimizer.Withhold, `{}`: optimizer.Withhold, `[]`: optimizer.Withhold, ``: optimizer.Withhold, `<html>`: optimizer.Withhold,
	} {
		directive, err := connect(t, optimizertest.Status(200, body)).PollDiagnostics(t.Context())
		assert.NoError(t, err, body)
		assert.Equal(t, want, directive, body)
	}
}

func TestDiagnosticsRetries(t *testing.T) {
	for _, tt := range []struct {
		name     string
		fault    http.Handler
		faults   int
		limit    time.Duration
		requests int
		poll     string // what a poll fails with, empty for Withhold
		put      string // what the others fail with, empty for nothing
	}{
		{"503 passes", optimizertest.Status(503, ""), 3, 0, 4, "", ""},
		{"broken connections pass", optimizertest.Disconnect(), 3, 0, 4, "", ""},
		{"503 stays", optimizertest.Status(503, ""), 99, -1, 20, "giving up after 20 tries: HTTP status 503", "giving up after 20 tries: HTTP status 503"},
		{"connections stay broken", optimizertest.Disconnect(), 99, -1, 20, "giving up after 20 tries", "giving up after 20 tries"},
		{"401", optimizertest.Status(401, ""), 99, 0, 1, "", "HTTP status 401"},
		{"404", optimizertest.Status(404, ""), 99, 0, 1, "", "HTTP status 404"},
		{"429", optimizertest.Status(429, ""), 99, 0, 1, "", "HTTP status 429"},
		{"redirect", optimizertest.Redirect("http://elsewhere.test"), 99, 0, 1, "", "HTTP status 307"},
		{"garbage", optimizertest.Garbage(), 99, 0, 1, "", ""},
	} {
		calls := map[string]func(context.Context, *optimizer.Client) error{
			"poll": func(ctx context.Context, c *optimizer.Client) error {
				directive, err := c.PollDiagnostics(ctx)
				assert.Equal(t, optimizer.Withhold, directive)
				return err
			},
			"upload": func(ctx context.Context, c *optimizer.Client) error {
				return c.UploadDiagnostics(ctx, optimizer.Diagnostics{})
			},
			"reset": func(ctx context.Context, c *optimizer.Client) error { return c.ResetDiagnostics(ctx) },
		}
		for name, call := range calls {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					fake := optimizertest.New()
					fake.Inject(tt.faults, tt.fault)
					want := tt.put
					if name == "poll" {
						want = tt.poll
					}
					err := call(t.Context(), connect(t, fake, func(o *optimizer.Options) { o.Retry.MaxTime = tt.limit }))
					if want == "" {
						assert.NoError(t, err)
					} else {
						assert.ErrorContains(t, err, want)
					}
					assert.Len(t, fake.Requests(), tt.requests)
				})
			})
		}
	}
}

// An upload stays below 1 MiB: the oldest entries go first.
func TestUploadsAreBounded(t *testing.T) {
	entry := func(i int) optimizer.LogEntry {
		return optimizer.LogEntry{Time: fmt.Sprintf("%06d", i), Text: strings.Repeat("\"\n", 50)}
	}
	var logs []optimizer.LogEntry
	for i := range 10_000 {
		logs = append(logs, entry(i))
	}
	fake := optimizertest.New()
	c := connect(t, fake)
	require.NoError(t, c.UploadDiagnostics(t.Context(), optimizer.Diagnostics{Config: strings.Repeat("c", 100_000), Logs: logs}))
	require.Len(t, fake.Uploads(), 1)
	upload := fake.Uploads()[0]
	assert.Less(t, upload.Size, 1<<20)
	assert.Greater(t, upload.Size, 1<<20-300, "and not much less")
	kept := len(upload.Logs)
	for i := range logs {
		_, ok := upload.Logs[logs[i].Time]
		require.Equal(t, i >= len(logs)-kept, ok, i)
	}

	fits := strings.Repeat("c", 1<<20-1-len(`{"data":{"configmap":"","logs":{}}}`))
	require.NoError(t, c.UploadDiagnostics(t.Context(), optimizer.Diagnostics{Config: fits, Logs: logs[:1]}))
	assert.Equal(t, 1<<20-1, fake.Uploads()[1].Size)
	assert.Empty(t, fake.Uploads()[1].Logs)
	assert.ErrorContains(t, c.UploadDiagnostics(t.Context(), optimizer.Diagnostics{Config: fits + "c"}), "too many for an upload of at most 1048575")
	assert.ErrorContains(t, c.UploadDiagnostics(t.Context(), optimizer.Diagnostics{Config: math.NaN()}), "configuration: json")
	assert.Len(t, fake.Uploads(), 2)
	assert.Empty(t, fake.Violations())
}
