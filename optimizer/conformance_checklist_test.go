package optimizer_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/types"
)

var discarded = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)

// What decides about when things are sent is for the servo; these are the parts
// of the checklist that a client has to keep.
func TestConformanceChecklist(t *testing.T) {
	conform(t, "16", []row{
		{"1 keys that are always there", func(t *testing.T, w *wire) {
			c := w.client(t)
			_, err := c.Next(t.Context())
			require.Error(t, err)
			require.NoError(t, c.Reply(t.Context(), optimizer.Result{Verb: optimizer.Measure}))
			require.NoError(t, c.Reply(t.Context(), optimizer.Result{Verb: optimizer.Measure, Outcome: types.Failed}))
			p := halfway()
			p.UID = ""
			require.NoError(t, c.Progress(t.Context(), p))
			for i, r := range w.requests() {
				assert.ElementsMatch(t, []string{"event", "param", "servo_uid"}, keys(r.fields(t)))
				if i > 0 {
					assert.Contains(t, r.param(t), "cmd_uid")
				}
			}
		}},
		{"2 ok results", func(t *testing.T, w *wire) {
			p := replies(t, w, optimizer.Result{Verb: optimizer.Adjust, Message: "more", Reason: "other"})
			assert.Nil(t, p["message"])
			assert.Equal(t, "success", p["reason"])
		}},
		{"3 progress", func(t *testing.T, w *wire) {
			c := w.client(t)
			for _, percent := range []float64{0, 50, 100} {
				p := halfway()
				p.Percent = percent
				require.NoError(t, c.Progress(t.Context(), p))
			}
			assert.Equal(t, "MEASUREMENT", w.only(t).fields(t)["event"])
		}},
		{"4 cancel in, cancelled out", func(t *testing.T, w *wire) {
			w.answer(say(200, `{"status":"cancel"}`), say(200, `{"status":"ok"}`))
			c := w.client(t)
			require.ErrorIs(t, c.Progress(t.Context(), halfway()), optimizer.ErrCancelRequested)
			require.NoError(t, c.Reply(t.Context(), optimizer.Result{Verb: optimizer.Measure, Outcome: types.Cancelled}))
			assert.Equal(t, "cancelled", w.requests()[1].param(t)["status"])
		}},
		{"5 statuses", func(t *testing.T, w *wire) {
			w.answer(say(404, ""), say(500, ""), say(410, `{"detail":"unexpected servo_uid"}`))
			_, err := w.client(t).Next(t.Context())
			assert.ErrorIs(t, err, optimizer.ErrSuperseded)
			assert.Len(t, w.requests(), 3)
		}},
		{"6 forms of MEASURE", func(t *testing.T, w *wire) {
			one, err := nextOf(t, w, `{"cmd":"MEASURE","param":{"metrics":["a","b"],"control":{"past":5,"duration":7}}}`)
			require.NoError(t, err)
			other, err := nextOf(t, w, `{"cmd":"MEASURE","param":{"metrics":{"a":{},"b":{}},"control":{"delay":"5s","duration":"7s"}}}`)
			require.NoError(t, err)
			assert.Equal(t, one, other)
			assert.Equal(t, 7*time.Second, one.Control.Duration.Std())
		}},
		{"7 X-SF-Token, and no secret in a log", func(t *testing.T, w *wire) {
			var out bytes.Buffer
			w.answer(say(503, "abcdef"), say(401, "abcdef"))
			_, err := w.client(t, func(o *optimizer.Options) {
				o.Token, o.Logger = "X-SF-Token abcdef", slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug - 8}))
			}).Next(t.Context())
			require.Error(t, err)
			fmt.Fprint(&out, err)
			assert.NotContains(t, out.String(), "abcdef")
			assert.Equal(t, "abcdef", w.requests()[0].Header.Get("X-SF-Token"))
			assert.Empty(t, w.requests()[0].Header.Get("Authorization"))
		}},
		{"8 GOODBYE is bounded", func(t *testing.T, w *wire) {
			w.answer(optimizertest.Hang(nil))
			start := time.Now()
			assert.ErrorContains(t, w.client(t, func(o *optimizer.Options) { o.Retry = optimizer.Retry{} }).Goodbye(t.Context(), ""), "no answer within 5s")
			assert.GreaterOrEqual(t, time.Since(start), 5*time.Second)
		}},
	})
}
