package optimizer_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/types"
)

// connect returns a client whose requests go to the handler in memory.
func connect(tb testing.TB, h http.Handler, refine ...func(*optimizer.Options)) *optimizer.Client {
	tb.Helper()
	o := optimizer.Options{
		URL:   "http://optimizer.test/accounts/newco.com/applications/web/",
		HTTP:  &http.Client{Transport: optimizertest.Transport(h)},
		Agent: "example.com/servo v1.2.3",
	}
	for _, f := range refine {
		f(&o)
	}
	c, err := optimizer.NewClient(o)
	require.NoError(tb, err)
	return c
}

func TestConversation(t *testing.T) {
	settlement := types.Duration(time.Minute)
	measure := optimizertest.Measure(3*time.Minute, "throughput", "error_rate")
	measure.Control.Warmup = types.Duration(30 * time.Second)
	measure.Control.Load = []byte(`{"concurrency":10}`)
	adjust := optimizertest.Adjust(
		types.Adjustment{Component: "main", Setting: "mem", Value: types.Float(2)},
		types.Adjustment{Component: "main", Setting: "cpu", Value: types.Float(1.5)},
		types.Adjustment{Component: "db", Setting: "inst_type", Value: types.Text("m5.large")},
	)
	adjust.Control.Settlement = &settlement
	sleep := optimizertest.Sleep(90 * time.Second)
	fake := optimizertest.New(optimizertest.Describe(), measure, adjust, sleep)
	c := connect(t, fake, func(o *optimizer.Options) { o.ServoUID = "2f1c" })
	ctx := t.Context()

	require.NoError(t, c.Hello(ctx, optimizer.Hello{Telemetry: map[string]string{"servo.version": "1"}}))

	command, err := c.Next(ctx)
	require.NoError(t, err)
	describe := optimizertest.Describe()
	describe.UID = "u1"
	assert.Equal(t, describe, command)
	again, err := c.Next(ctx)
	require.NoError(t, err)
	assert.Equal(t, command, again, "a command repeats until it is answered")
	description := types.Description{
		Components: []types.Component{{Name: "main", Settings: []types.Setting{
			types.Range("cpu", types.Float(0.125), types.Float(4), types.Float(0.125)).With(types.Float(1)),
			types.Enum("inst_type", types.Text("m5.large"), types.Text("m5.xlarge")),
		}}},
		Metrics: []types.Metric{{Name: "throughput", Unit: types.RequestsPerMinute}},
	}
	described := optimizer.Result{Verb: optimizer.Describe, UID: "u1", Description: description}
	require.NoError(t, c.Reply(ctx, described))

	command, err = c.Next(ctx)
	require.NoError(t, err)
	measure.UID = "u2"
	assert.Equal(t, measure, command)
	report := optimizer.Progress{Verb: optimizer.Measure, UID: "u2", Runtime: 1500 * time.Millisecond}
	report.Percent, report.Message = 33.3, "measuring"
	require.NoError(t, c.Progress(ctx, report))
	throughput := types.Metric{Name: "throughput", Unit: types.RequestsPerMinute}
	at := time.Unix(1709078340, 0).UTC()
	series := types.NewTimeSeries(throughput, types.DataPoint{Time: at, Sample: types.Observe(31337)})
	series.ID = "pod-1"
	measured := optimizer.Result{Verb: optimizer.Measure, UID: "u2", Measurement: types.Measurement{
		Readings:    []types.Reading{series},
		Annotations: map[string]string{"load_profile": "peak"},
	}}
	require.NoError(t, c.Reply(ctx, measured))

	command, err = c.Next(ctx)
	require.NoError(t, err)
	adjust.UID = "u3"
	assert.Equal(t, adjust, command, "adjustments keep the order of the document")
	rejected := optimizer.Result{
		Verb: optimizer.Adjust, UID: "u3", Outcome: types.Rejected,
		Reason: types.ReasonUnstable, Message: "not ready", Others: []string{"db: gone"},
	}
	require.NoError(t, c.Reply(ctx, rejected))

	command, err = c.Next(ctx)
	require.NoError(t, err)
	assert.Equal(t, sleep, command)
	command, err = c.Next(ctx)
	require.NoError(t, err)
	assert.Equal(t, optimizer.Sleep, command.Verb)
	assert.Equal(t, time.Minute, command.SleepFor)
	require.NoError(t, c.Goodbye(ctx, "SIGTERM"))

	results, err := fake.WaitDone(ctx)
	require.NoError(t, err)
	assert.Equal(t, []optimizer.Result{described, measured, rejected}, results)
	assert.Empty(t, fake.Violations())
	requests := fake.Requests()
	assert.Equal(t, "example.com/servo v1.2.3", requests[0].Hello.Agent)
	assert.Equal(t, map[string]string{"servo.version": "1"}, requests[0].Hello.Telemetry)
	assert.Equal(t, "SIGTERM", requests[len(requests)-1].Reason)
	for _, r := range requests {
		assert.Equal(t, "2f1c", r.ServoUID, r.Event)
		if r.Progress != nil {
			assert.Equal(t, report, *r.Progress)
		}
	}
}
