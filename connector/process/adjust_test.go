//go:build unix

package process_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/process"
	"github.com/servokit/servokit/types"
)

func TestAdjustRestartsWithTheNewValues(t *testing.T) {
	r := started(t, func(c *process.Config) {
		c.Settings[0].Flag = "--workers={{value}}"
		c.Settings[1].Flag = "-b"
		c.Env["APP_EXTRA"] = config.NewSecret("more")
	})
	before := r.info()
	assert.Equal(t, "4", before.Workers)
	assert.Equal(t, "more", before.Extra)
	assert.Equal(t, []string{"--workers=4", "-b", "ok"}, before.Args)

	var last types.Progress
	ctx := connector.WithProgress(t.Context(), func(_ context.Context, p types.Progress) {
		assert.GreaterOrEqual(t, p.Percent, last.Percent)
		last = p
	})
	d, err := r.adjust(ctx, 50*time.Millisecond, to("workers", types.Float(7)), to("behaviour", types.Text("slow")),
		types.Adjustment{Component: "another", Setting: "workers", Value: types.Int(1)})
	require.NoError(t, err)
	s, _ := d.Setting("app.workers")
	assert.Equal(t, types.Int(7), s.Value)
	assert.Positive(t, last.Percent)
	after := r.info()
	assert.Equal(t, "7", after.Workers)
	assert.NotEqual(t, before.PID, after.PID)
	assert.False(t, runs(before.PID))
}

func TestAdjustLeavesARunningCommandAloneWhenNothingChanges(t *testing.T) {
	r := started(t, nil)
	before := r.info()
	for _, as := range [][]types.Adjustment{
		nil,
		{to("workers", types.Float(4)), to("behaviour", types.Text("ok"))},
		{{Component: "another", Setting: "workers", Value: types.Int(9)}},
	} {
		_, err := r.adjust(t.Context(), 0, as...)
		require.NoError(t, err)
		assert.Equal(t, before.PID, r.info().PID)
	}
}

func TestAdjustRefusesWhatItCannotApply(t *testing.T) {
	r := started(t, func(c *process.Config) { c.Settings[1].Pinned = true })
	before := r.info()
	_, err := r.adjust(t.Context(), 0, to("worker", types.Int(1)), to("workers", types.Float(2.5)), to("behaviour", types.Text("slow")))
	require.Error(t, err)
	assert.ErrorContains(t, err, `adjusting app: there is no setting "worker" (known: workers, behaviour)`)
	assert.ErrorContains(t, err, "workers: a whole number is required, not 2.5")
	assert.ErrorContains(t, err, "behaviour: it is pinned at ok and cannot become slow")
	assert.Equal(t, before, withCPU(r.info(), before.CPU))
}

func withCPU(i info, cpu float64) info {
	i.CPU = cpu
	return i
}

func TestAdjustTakesValuesOutsideTheRange(t *testing.T) {
	r := started(t, nil)
	_, err := r.adjust(t.Context(), 0, to("workers", types.Int(100)))
	require.NoError(t, err, "an optimizer may restore a baseline that lies outside")
	assert.Equal(t, "100", r.info().Workers)
}

func TestAdjustRejectsAndGoesBack(t *testing.T) {
	tests := []struct {
		behaviour  string
		settlement time.Duration
		reason     string
		says       []string
		not        []string
	}{
		{"dies", 0, types.ReasonStartFailed, []string{"exit status 3", "line 99", "panic: not enough memory for the cache"}, []string{"line 20\n"}},
		{"never", 0, types.ReasonStartFailed, []string{"was not ready within", "503 Service Unavailable"}, nil},
		{"dies-later", patience, types.ReasonUnstable, []string{"during settlement", "exit status 5", "giving up"}, nil},
		{"fades", patience, types.ReasonUnstable, []string{"during settlement", "3 probes in a row failed", "503"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.behaviour, func(t *testing.T) {
			r := started(t, func(c *process.Config) {
				// The time to become ready counts for the way back as well,
				// so only what never gets ready is given less.
				if tt.behaviour == "never" {
					c.Ready.Timeout = types.Duration(5 * time.Second)
				}
			})
			before := r.info()
			_, err := r.adjust(t.Context(), tt.settlement, to("workers", types.Int(8)), to("behaviour", types.Text(tt.behaviour)))
			o, reason := outcome(t, err)
			assert.Equal(t, types.Rejected, o)
			assert.Equal(t, tt.reason, reason)
			for _, text := range tt.says {
				assert.ErrorContains(t, err, text)
			}
			for _, text := range tt.not {
				assert.NotContains(t, err.Error(), text)
			}
			after := r.info()
			assert.Equal(t, "4", after.Workers, "the previous configuration runs when adjust returns")
			assert.NotEqual(t, before.PID, after.PID)
			assert.Equal(t, "4", r.described("workers"))
			assert.Equal(t, []int{after.PID}, r.alive())
		})
	}
}

func TestAdjustUnwindsWhenItIsCancelled(t *testing.T) {
	for _, cause := range []error{connector.ErrStopRequested, connector.ErrCancelledByOptimizer, connector.ErrCommandSuperseded, context.Canceled} {
		for _, phase := range []string{"starting", "settling"} {
			t.Run(phase+" "+cause.Error(), func(t *testing.T) {
				r := started(t, nil)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				behaviour := "never"
				if phase == "settling" {
					behaviour = "ok"
					ctx = connector.WithProgress(ctx, func(_ context.Context, p types.Progress) {
						if p.Message == "settling" {
							cancel(cause)
						}
					})
				} else {
					go func() {
						assert.Eventually(t, func() bool { return len(r.ran()) == 2 }, patience, glance)
						cancel(cause)
					}()
				}
				began := time.Now()
				_, err := r.adjust(ctx, patience, to("workers", types.Int(8)), to("behaviour", types.Text(behaviour)))
				require.ErrorIs(t, err, cause)
				assert.Less(t, time.Since(began), patience/2)
				if errors.Is(cause, connector.ErrStopRequested) {
					assert.Empty(t, r.alive(), "nothing is brought up again: Shutdown follows")
					return
				}
				assert.Equal(t, "4", r.info().Workers)
				assert.Len(t, r.alive(), 1)
			})
		}
	}
}

func TestAdjustSaysWhenThereIsNoWayBack(t *testing.T) {
	thief := make(chan *httptest.Server, 1)
	r := started(t, func(c *process.Config) { c.Ready.Timeout = types.Duration(2 * time.Second) })
	// As soon as the command is stopped, another program takes its address.
	go func() {
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.SetKeepAlivesEnabled(false)
		assert.Eventually(t, func() bool {
			l, err := net.Listen("tcp", r.address) //nolint:noctx // a test
			if err == nil {
				_ = server.Listener.Close()
				server.Listener = l
			}
			return err == nil
		}, patience, time.Millisecond)
		server.Start()
		thief <- server
	}()
	_, err := r.adjust(t.Context(), 0, to("workers", types.Int(8)), to("behaviour", types.Text("dies")))
	o, reason := outcome(t, err)
	assert.Equal(t, types.Rejected, o)
	assert.Equal(t, types.ReasonStartFailed, reason)
	assert.ErrorContains(t, err, "not enough memory")
	assert.ErrorContains(t, err, "restoring the previous configuration: ")
	assert.ErrorContains(t, err, "address already in use")
	assert.Equal(t, 1, strings.Count(err.Error(), "tried again in the background"))

	(<-thief).Close()
	require.Eventually(t, func() bool { i, err := r.ask(); return err == nil && i.Workers == "4" }, patience, glance, "the background brings it back")
}
