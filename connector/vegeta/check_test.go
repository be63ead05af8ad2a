package vegeta_test

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/vegeta"
	"github.com/servokit/servokit/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func check(ctx context.Context, t *testing.T, c vegeta.Config) ([]checks.Result, error) {
	t.Helper()
	v, err := vegeta.New(c, connector.Env{})
	require.NoError(t, err)
	results, err := connector.Check.Dispatch(ctx, bound(t, v), connector.CheckRequest{})
	if err != nil {
		return nil, err
	}
	return results[0].Value, nil
}

func TestChecksOfAHealthyTarget(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	url := serve(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	results, err := check(t.Context(), t, settings("100000/s", url))
	require.NoError(t, err)
	require.Len(t, results, 2)
	for _, r := range results {
		assert.True(t, r.Success(), "%s: %v", r.Name, r.Err)
	}
	assert.LessOrEqual(t, requests.Load(), int64(11), "the rate of a check is capped")
}

func TestChecksOfATargetThatFails(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	results, err := check(t.Context(), t, settings("20/s", url))
	require.NoError(t, err)
	require.Len(t, results, 2)
	assert.True(t, results[0].Success())
	assert.EqualError(t, results[1].Err, "expected an error rate below 5.0%, found 100.00%: 10 of 10 requests failed: 10× 404 Not Found")
	assert.NotEmpty(t, results[1].Hint)
}

func TestChecksOfATargetThatIsDown(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	results, err := check(t.Context(), t, settings("20/s", "http://"+l.Addr().String()))
	require.NoError(t, err)
	require.Len(t, results, 1, "a critical check ends the run")
	assert.ErrorContains(t, results[0].Err, "expected an answer of the first target, found: dial tcp ")
	assert.ErrorContains(t, results[0].Err, "connection refused")
	assert.Contains(t, results[0].Hint, "Start the application")
}

func TestChecksEndWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := check(ctx, t, settings("20/s", url))
	assert.ErrorIs(t, err, context.Canceled)
}

func TestDescribe(t *testing.T) {
	v, err := vegeta.New(settings("1", "http://a/"), connector.Env{})
	require.NoError(t, err)
	bus := bound(t, v)
	described, err := connector.Describe.Dispatch(t.Context(), bus, types.Control{})
	require.NoError(t, err)
	listed, err := connector.Metrics.Dispatch(t.Context(), bus, connector.None{})
	require.NoError(t, err)
	ms := func(name string) types.Metric { return types.Metric{Name: name, Unit: types.Milliseconds} }
	assert.Equal(t, []types.Metric{
		{Name: "throughput", Unit: types.RequestsPerMinute}, {Name: "error_rate", Unit: types.Percentage},
		ms("latency_total"), ms("latency_mean"), ms("latency_50th"), ms("latency_90th"), ms("latency_95th"),
		ms("latency_99th"), ms("latency_max"), ms("latency_min"),
	}, listed[0].Value)
	assert.Equal(t, types.Description{Metrics: listed[0].Value}, described[0].Value)
	assert.Equal(t, "vegeta", vegeta.Definition.Info().Name)
}
