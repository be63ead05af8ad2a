package optimizer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/types"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	var pretty bytes.Buffer
	require.NoError(t, json.Indent(&pretty, got, "", "  "), "%s", got)
	pretty.WriteByte('\n')
	file := filepath.Join("testdata", name+".json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, pretty.Bytes(), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), pretty.String())
}

// posted returns the body of the one request that the call makes.
func posted(t *testing.T, servoUID string, call func(optimizer.Backend) error) []byte {
	t.Helper()
	var bodies [][]byte
	c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		bodies = append(bodies, body)
		_, _ = io.WriteString(w, `{"status":"ok"}`)
	}), func(o *optimizer.Options) { o.ServoUID = servoUID })
	require.NoError(t, call(c))
	require.Len(t, bodies, 1)
	return bodies[0]
}

func reply(r optimizer.Result) func(optimizer.Backend) error {
	return func(b optimizer.Backend) error { return b.Reply(context.Background(), r) }
}

func at(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

var exampleDescription = types.Description{
	Components: []types.Component{{Name: "main", Settings: []types.Setting{
		{Name: "cpu", Kind: types.RangeKind, Unit: "cores", Value: types.Float(1), Min: types.Float(0.125), Max: types.Float(4), Step: types.Float(0.125)},
		{Name: "inst_type", Kind: types.EnumKind, Unit: "ec2", Pinned: true, Value: types.Text("m5.large"), Values: []types.Value{types.Text("m5.large"), types.Text("m5.xlarge")}},
	}}},
	Metrics: []types.Metric{{Name: "throughput", Unit: types.RequestsPerMinute}, {Name: "error_rate", Unit: types.Percentage}},
}

func TestRequestsOnTheWire(t *testing.T) {
	ctx := context.Background()
	throughput := types.Metric{Name: "throughput", Unit: types.RequestsPerMinute}
	series := func(id string) types.TimeSeries {
		s := types.NewTimeSeries(throughput,
			types.DataPoint{Time: at(1709078340), Sample: types.Observe(31337)},
			types.DataPoint{Time: at(1709078370), Sample: types.Observe(math.NaN())},
			types.DataPoint{Time: at(1709078400), Sample: types.Observe(0)})
		s.ID = id
		return s
	}
	for _, tt := range []struct {
		name, uid string
		call      func(optimizer.Backend) error
	}{
		{"hello", "2f1c", func(b optimizer.Backend) error {
			return b.Hello(ctx, optimizer.Hello{Agent: "example.com/servo v1", Telemetry: map[string]string{"servo.version": "1", "kubernetes.namespace": "prod"}})
		}},
		{"hello_default", "", func(b optimizer.Backend) error { return b.Hello(ctx, optimizer.Hello{}) }},
		{"goodbye", "", func(b optimizer.Backend) error { return b.Goodbye(ctx, "SIGTERM") }},
		{"goodbye_unknown", "", func(b optimizer.Backend) error { return b.Goodbye(ctx, "") }},
		{"description", "", reply(optimizer.Result{Verb: optimizer.Describe, UID: "u1", Description: exampleDescription})},
		{"description_empty", "2f1c", reply(optimizer.Result{Verb: optimizer.Describe})},
		{"measurement_series", "", reply(optimizer.Result{Verb: optimizer.Measure, UID: "u2", Measurement: types.Measurement{
			Readings:    []types.Reading{series("pod-1"), series("")},
			Annotations: map[string]string{"load_profile": "peak"},
		}})},
		{"measurement_scalar", "", reply(optimizer.Result{Verb: optimizer.Measure, UID: "u2", Measurement: types.Measurement{
			Readings: []types.Reading{
				types.DataPoint{Metric: types.Metric{Name: "error_rate", Unit: types.Percentage}, Sample: types.Observe(0.25)},
				types.DataPoint{Metric: types.Metric{Name: "missing"}},
			},
		}})},
		{"measurement_empty", "", reply(optimizer.Result{Verb: optimizer.Measure})},
		{"adjustment", "", reply(optimizer.Result{Verb: optimizer.Adjust, UID: "u3", Description: types.Description{Components: exampleDescription.Components}})},
		{"success_says_nothing_else", "", reply(optimizer.Result{Verb: optimizer.Adjust, UID: "u3", Reason: "why", Message: "what", Others: []string{"more"}})},
		{"rejected", "", reply(optimizer.Result{
			Verb: optimizer.Adjust, UID: "u3", Outcome: types.Rejected, Reason: types.ReasonUnstable,
			Message: "timed out waiting for pods to become ready", Others: []string{"db: connection refused"},
			Description: exampleDescription,
		})},
		{"failed_without_reason", "", reply(optimizer.Result{Verb: optimizer.Describe, Outcome: types.Failed, Message: "no cluster"})},
		{"aborted", "", reply(optimizer.Result{Verb: optimizer.Measure, UID: "u2", Outcome: types.Aborted, Reason: "slo-violation", Message: "p99 > 80ms"})},
		{"cancelled", "", reply(optimizer.Result{Verb: optimizer.Measure, UID: "u2", Outcome: types.Cancelled, Message: "Command cancelled"})},
		{"progress", "", func(b optimizer.Backend) error {
			p := optimizer.Progress{Verb: optimizer.Measure, UID: "u2", Runtime: 60010 * time.Millisecond}
			p.Percent, p.Message = 33.3, "measuring metrics for 3m"
			return b.Progress(ctx, p)
		}},
		{"progress_bare", "", func(b optimizer.Backend) error {
			p := optimizer.Progress{Verb: optimizer.Adjust}
			p.Percent = 50
			return b.Progress(ctx, p)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			golden(t, tt.name, posted(t, tt.uid, tt.call))
		})
	}
	t.Run("whats_next", func(t *testing.T) {
		golden(t, "whats_next", posted(t, "", func(b optimizer.Backend) error {
			_, err := b.Next(ctx)
			assert.ErrorContains(t, err, "expected a command")
			return nil
		}))
	})
}

func TestCommandsOnTheWire(t *testing.T) {
	settlement := types.Duration(time.Minute)
	for name, command := range map[string]optimizer.Command{
		"command_describe": {Verb: optimizer.Describe, UID: "u1", Control: types.DefaultControl()},
		"command_measure": {
			Verb: optimizer.Measure, UID: "u2", Metrics: []string{"throughput", "error_rate"},
			Control: types.Control{Duration: types.Duration(3 * time.Minute), Delay: types.Duration(10 * time.Second), Warmup: types.Duration(30 * time.Second), Userdata: []byte(`{"slo":{"conditions":[]}}`)},
		},
		"command_measure_nothing": {Verb: optimizer.Measure},
		"command_adjust": {
			Verb: optimizer.Adjust, UID: "u3", Control: types.Control{Duration: types.Duration(time.Second), Settlement: &settlement},
			Adjustments: types.Adjustments{
				{Component: "main", Setting: "mem", Value: types.Float(2)},
				{Component: "main", Setting: "cpu", Value: types.Float(1.5)},
				{Component: "db", Setting: "replicas", Value: types.Int(3)},
			},
		},
		"command_sleep":        {Verb: optimizer.Sleep, SleepFor: time.Minute, SleepReason: "waiting: no active optimization pipeline"},
		"command_sleep_silent": {Verb: optimizer.Sleep, SleepFor: 1500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			w := post(t, optimizer.NewHandler(giving(command, nil), optimizer.HandlerOptions{}), `{"event":"WHATS_NEXT","param":null,"servo_uid":null}`)
			assert.Equal(t, http.StatusOK, w.Code)
			golden(t, name, w.Body.Bytes())

			got, err := connect(t, optimizer.NewHandler(giving(command, nil), optimizer.HandlerOptions{})).Next(t.Context())
			require.NoError(t, err)
			want := command
			if want.Verb == optimizer.Measure && want.Metrics == nil {
				want.Metrics = []string{}
			}
			if want.Verb == optimizer.Sleep && want.SleepReason == "" {
				want.SleepReason = "unknown reason"
			}
			assert.Equal(t, want, got)
		})
	}
}

func post(t *testing.T, h http.Handler, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/any/servo", strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	h.ServeHTTP(w, r)
	return w
}

// backend is one whose every answer is known.
type backend struct {
	command optimizer.Command
	err     error
	results []optimizer.Result
	reports []optimizer.Progress
	hellos  []optimizer.Hello
	reasons []string
}

func giving(command optimizer.Command, err error) *backend {
	return &backend{command: command, err: err}
}

func (b *backend) Hello(_ context.Context, h optimizer.Hello) error {
	b.hellos = append(b.hellos, h)
	return b.err
}

func (b *backend) Next(context.Context) (optimizer.Command, error) { return b.command, b.err }

func (b *backend) Reply(_ context.Context, r optimizer.Result) error {
	b.results = append(b.results, r)
	return b.err
}

func (b *backend) Progress(_ context.Context, p optimizer.Progress) error {
	b.reports = append(b.reports, p)
	return b.err
}

func (b *backend) Goodbye(_ context.Context, reason string) error {
	b.reasons = append(b.reasons, reason)
	return b.err
}
