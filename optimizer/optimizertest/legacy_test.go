package optimizertest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/types"
)

func contextThatEnds(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), time.Millisecond)
}

func TestLegacyServos(t *testing.T) {
	for _, tt := range []struct {
		name    string
		command optimizer.Command
		body    string
		check   func(*testing.T, optimizer.Result)
	}{
		{"measurement", optimizertest.Measure(time.Second, "perf"), `{"event":"MEASUREMENT","param":{"metrics":{"perf":{"value":12,"unit":"rps","annotation":"x"}},"annotations":{"a":"b"}}}`, func(t *testing.T, r optimizer.Result) {
			assert.Len(t, r.Measurement.Readings, 1)
			assert.Equal(t, map[string]string{"a": "b"}, r.Measurement.Annotations)
		}},
		{"adjustment", optimizertest.Adjust(), `{"event":"ADJUSTMENT","param":{"state":{"application":{"components":{"web":{"settings":{"cpu":{"value":2}}}}}}}}`, func(t *testing.T, r optimizer.Result) {
			assert.Len(t, r.Description.Components, 1)
		}},
		{"description", optimizertest.Describe(), `{"event":"DESCRIPTION","param":{"status":"ok","descriptor":{"application":{"components":{}},"measurement":{"metrics":{}},"optimization":{"perf":"a/b"}}}}`, func(t *testing.T, r optimizer.Result) {
			assert.Empty(t, r.Outcome)
		}},
		{"failure", optimizertest.Describe(), `{"event":"DESCRIPTION","param":{"status":"failed","message":"m","reason":"r"}}`, func(t *testing.T, r optimizer.Result) {
			assert.Equal(t, optimizer.Result{Verb: optimizer.Describe, Outcome: types.Failed, Message: "m", Reason: "r"}, r)
		}},
		{"words of their own", optimizertest.Measure(time.Second), `{"event":"MEASUREMENT","param":{"status":"nodata","message":"m"}}`, func(t *testing.T, r optimizer.Result) {
			assert.Equal(t, optimizer.Result{Verb: optimizer.Measure, Outcome: types.Failed, Message: "m", Reason: "nodata"}, r)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fake := optimizertest.New(tt.command).Legacy()
			send(t, fake, `{"event":"HELLO","param":{"agent":"github.com/opsani/servo"}}`)
			send(t, fake, `{"event":"WHATS_NEXT","param":null}`)
			send(t, fake, `{"event":"`+string(tt.command.Verb.Answer())+`","param":{"progress":5,"runtime":3,"time_remain":57,"message":"m","log":["l"]}}`)
			send(t, fake, tt.body)
			require.Len(t, fake.Results(), 1)
			tt.check(t, fake.Results()[0])
			assert.Empty(t, fake.Violations())
		})
	}
	t.Run("nonsense stays nonsense", func(t *testing.T) {
		fake := optimizertest.New(optimizertest.Describe()).Legacy()
		for _, body := range []string{`nonsense`, `[]`, `{"event":"DESCRIPTION","param":7}`, `{"event":"DESCRIPTION","param":{}}`} {
			send(t, fake, body)
		}
		assert.Empty(t, fake.Results())
	})
}
