package optimizer_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

// Envelopes are written by hand: what they hold has to come out as the standard
// library would write it, whatever it is.
func TestEnvelopesAreWrittenLikeJSON(t *testing.T) {
	for _, text := range []string{"plain", `"quoted"`, `back\slash`, "<html>&", "tab\tand\nline", "\x00\x1f\x7f", "umlaut ü", "emoji 🦫", "\u2028", "invalid \xff"} {
		quoted, err := json.Marshal(text)
		require.NoError(t, err)
		want := string(quoted)
		body := string(posted(t, text, func(b optimizer.Backend) error { return b.Goodbye(t.Context(), text) }))
		assert.Equal(t, `{"event":"GOODBYE","param":{"reason":`+want+`},"servo_uid":`+want+`}`, body)
		body = string(posted(t, "", reply(optimizer.Result{Verb: optimizer.Adjust, UID: text, Outcome: types.Failed, Reason: text, Message: text, Others: []string{text}})))
		assert.Equal(t, `{"event":"ADJUSTMENT","param":{"status":"failed","message":`+want+`,"reason":`+want+`,"other_messages":[`+want+`],"cmd_uid":`+want+`},"servo_uid":null}`, body)
	}
	for _, percent := range []float64{1, 33.3, 1e-7, math.SmallestNonzeroFloat64, 99.999999999, 1.0 / 3} {
		for _, runtime := range []time.Duration{0, 1, time.Microsecond, 90 * time.Second, math.MaxInt64} {
			p := optimizer.Progress{Verb: optimizer.Measure, Runtime: runtime}
			p.Percent = percent
			want, err := json.Marshal(struct {
				Progress float64 `json:"progress"`
				Runtime  float64 `json:"runtime"`
				UID      *string `json:"cmd_uid"`
			}{percent, runtime.Seconds(), nil})
			require.NoError(t, err)
			body := posted(t, "", func(b optimizer.Backend) error { return b.Progress(t.Context(), p) })
			assert.Equal(t, `{"event":"MEASUREMENT","param":`+string(want)+`,"servo_uid":null}`, string(body))
		}
	}
}
