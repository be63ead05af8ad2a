package vegeta_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/vegeta"
	"github.com/servokit/servokit/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestLatencyIsThatOfTheServer(t *testing.T) {
	url := serve(t, func(http.ResponseWriter, *http.Request) { time.Sleep(20 * time.Millisecond) })
	c := settings("100/s", url)
	c.ReportingInterval = types.Duration(500 * time.Millisecond)
	m, err := measure(t, c, control(200*time.Millisecond, time.Second))
	require.NoError(t, err)
	require.Len(t, m.Readings, 10)
	for _, v := range values(t, m, "latency_min") {
		assert.GreaterOrEqual(t, v, 20.0)
		assert.Less(t, v, 1000.0)
	}
	for _, v := range values(t, m, "error_rate") {
		assert.Zero(t, v)
	}
	assert.Len(t, values(t, m, "throughput"), 2)
	assert.InDelta(t, 6000, m.Summary("throughput").Mean, 3000)
}

// stalling answers in 5 ms, but for half a second after the first second.
func stalling(t *testing.T) string {
	var began atomic.Pointer[time.Time]
	return serve(t, func(http.ResponseWriter, *http.Request) {
		now := time.Now()
		began.CompareAndSwap(nil, &now)
		stall := began.Load().Add(time.Second)
		if !now.Before(stall) && now.Before(stall.Add(500*time.Millisecond)) {
			time.Sleep(time.Until(stall.Add(500 * time.Millisecond)))
		}
		time.Sleep(5 * time.Millisecond)
	})
}

func TestAStallCountsForEveryRequestDueMeanwhile(t *testing.T) {
	t.Parallel()
	for name, maxWorkers := range map[string]uint64{
		"with as many workers as it takes": 0,
		"with workers that all wait":       10,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := settings("200/s", stalling(t))
			c.MaxWorkers = maxWorkers
			m, err := measure(t, c, control(0, 3*time.Second))
			require.NoError(t, err)
			// 100 of 600 requests are due in the stall, one every 5 ms, and
			// wait for what is left of it: 60 of them more than 200 ms. A
			// generator that waits with its target would see 10 waiting.
			p99, p90 := values(t, m, "latency_99th"), values(t, m, "latency_90th")
			require.Len(t, p99, 1)
			assert.Greater(t, p99[0], 400.0)
			assert.Greater(t, p90[0], 150.0)
			assert.Less(t, values(t, m, "latency_50th")[0], p90[0])
		})
	}
}

func TestErrorRateIsExact(t *testing.T) {
	var n atomic.Uint64
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1)%4 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	m, err := measure(t, settings("200/s", url), control(0, 500*time.Millisecond))
	require.NoError(t, err)
	assert.Equal(t, []float64{25}, values(t, m, "error_rate"))
	assert.Equal(t, "25× 500 Internal Server Error", m.Annotations["load_errors"])
	assert.Equal(t, "Loading 1 URL(s) for 500ms (delay of 0, warmup of 0) at a rate of 200/s (reporting every 15s)",
		m.Annotations["load_profile"])
}

func TestTargetsAreSentInOrder(t *testing.T) {
	var mu sync.Mutex
	var paths []string
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		paths = append(paths, r.URL.Path)
	})
	c := settings("20/s", url)
	c.Workers, c.MaxWorkers = 1, 1 // so that they also arrive in order
	c.Requests = []vegeta.Target{
		{Method: "GET", URL: url + "/a"}, {Method: "GET", URL: url + "/b"}, {Method: "GET", URL: url + "/c"},
	}
	v, err := vegeta.New(c, connector.Env{})
	require.NoError(t, err)
	bus := bound(t, v)
	for range 2 {
		_, err := dispatch(t.Context(), bus, control(0, 200*time.Millisecond))
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"/a", "/b", "/c", "/a", "/a", "/b", "/c", "/a"}, paths)
}

func TestAGeneratorThatCannotKeepTheRateSaysSo(t *testing.T) {
	url := serve(t, func(http.ResponseWriter, *http.Request) {})
	c := settings("200000/s", url)
	c.MaxWorkers = 1
	c.MaxLag = types.Duration(100 * time.Millisecond)
	m, err := measure(t, c, control(0, time.Second))
	var outcome *types.OutcomeError
	require.ErrorAs(t, err, &outcome)
	assert.Equal(t, types.Failed, outcome.Outcome)
	assert.Equal(t, vegeta.ReasonSaturated, outcome.Reason)
	assert.ErrorContains(t, err, "asked for a rate of 200000/1s, achieved ")
	assert.ErrorContains(t, err, "more than 100ms late")
	assert.ErrorContains(t, err, "all 1 max_workers were waiting for answers")
	assert.Empty(t, m.Readings)
}

func TestWorkersThatHangDoNotHoldTheMeasurementUp(t *testing.T) {
	url := serve(t, func(http.ResponseWriter, *http.Request) { time.Sleep(500 * time.Millisecond) })
	c := settings("100/s", url)
	c.MaxWorkers = 2
	c.MaxLag = types.Duration(100 * time.Millisecond)
	started := time.Now()
	_, err := measure(t, c, control(0, 300*time.Millisecond))
	assert.Less(t, time.Since(started), 5*time.Second) // 30 requests by two workers would take 7.5 s
	var outcome *types.OutcomeError
	require.ErrorAs(t, err, &outcome)
	assert.Equal(t, vegeta.ReasonSaturated, outcome.Reason)
	assert.ErrorContains(t, err, "all 2 max_workers were waiting for answers")
}

func TestWithoutARateTheWorkersAreTheLimit(t *testing.T) {
	var now, most atomic.Int64
	url := serve(t, func(http.ResponseWriter, *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(time.Millisecond)
		now.Add(-1)
	})
	c := settings("infinity", url)
	c.MaxWorkers = 3
	c.ReportingInterval = types.Duration(100 * time.Millisecond)
	m, err := measure(t, c, control(0, 200*time.Millisecond))
	require.NoError(t, err)
	assert.LessOrEqual(t, most.Load(), int64(3))
	assert.NotEmpty(t, values(t, m, "throughput"))
	assert.Positive(t, m.Summary("throughput").Mean)
	assert.Contains(t, m.Annotations["load_generator"], "waiting for answers at a time")
}

func TestATargetThatIsDown(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	m, err := measure(t, settings("50/s", "http://user:hunter2@"+l.Addr().String()+"/?token=s3cret"), control(0, 300*time.Millisecond))
	require.NoError(t, err)
	assert.Equal(t, []float64{100}, values(t, m, "error_rate"))
	assert.Equal(t, []float64{0}, values(t, m, "throughput"))
	assert.Contains(t, m.Annotations["load_errors"], "connection refused")
	for key, text := range m.Annotations {
		assert.NotContains(t, text, "hunter2", key)
		assert.NotContains(t, text, "s3cret", key)
	}
}

func TestATimeoutIsAnErrorWithItsLatency(t *testing.T) {
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := settings("20/s", url)
	c.Timeout = types.Duration(200 * time.Millisecond)
	m, err := measure(t, c, control(0, 200*time.Millisecond))
	require.NoError(t, err)
	assert.Equal(t, []float64{100}, values(t, m, "error_rate"))
	assert.GreaterOrEqual(t, values(t, m, "latency_min")[0], 199.0)
	assert.Contains(t, m.Annotations["load_errors"], "exceeded")
}

func TestAMeasurementEndsWithItsContext(t *testing.T) {
	cause := errors.New("enough")
	for _, phase := range []struct {
		name    string
		control types.Control
		rate    string
		workers uint64
		after   int64 // requests that have arrived
	}{
		{"while requests hang", control(0, time.Minute), "100/s", 0, 20},
		{"while all workers hang", control(0, time.Minute), "100/s", 1, 1},
		{"between requests that are far apart", control(0, time.Hour), "1/h", 0, 1},
		{"while the last requests hang", control(0, 20*time.Millisecond), "1000/s", 0, 20},
		{"in the warm-up", control(time.Hour, time.Minute), "50/s", 0, 1},
		{"without a rate", control(0, time.Minute), "infinity", 3, 3},
	} {
		t.Run(phase.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			var arrived atomic.Int64
			var cancelled time.Time
			url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
				if arrived.Add(1) == phase.after {
					cancelled = time.Now()
					cancel(cause)
				}
				<-r.Context().Done()
			})
			c := settings(phase.rate, url)
			c.MaxWorkers = phase.workers
			v, err := vegeta.New(c, connector.Env{})
			require.NoError(t, err)
			_, err = dispatch(ctx, bound(t, v), phase.control)
			assert.ErrorIs(t, err, cause)
			assert.Less(t, time.Since(cancelled), 3*time.Second)
		})
	}
}

func TestHTTP2IsUsedWhenWanted(t *testing.T) {
	for name, want := range map[string]struct {
		http2 bool
		proto string
	}{"on": {true, "HTTP/2.0"}, "off": {false, "HTTP/1.1"}} {
		t.Run(name, func(t *testing.T) {
			var proto atomic.Value
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { proto.Store(r.Proto) }))
			s.EnableHTTP2 = true
			s.StartTLS()
			t.Cleanup(s.Close)
			c := settings("20/s", s.URL)
			c.Insecure, c.HTTP2 = true, want.http2
			m, err := measure(t, c, control(0, 100*time.Millisecond))
			require.NoError(t, err)
			assert.Equal(t, []float64{0}, values(t, m, "error_rate"), m.Annotations["load_errors"])
			assert.Equal(t, want.proto, proto.Load())
		})
	}
}

func TestConnectionsAreReusedUnlessKeepAliveIsOff(t *testing.T) {
	for name, keepAlive := range map[string]bool{"on": true, "off": false} {
		t.Run(name, func(t *testing.T) {
			var opened atomic.Int64
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					opened.Add(1)
				}
			}
			s.Start()
			t.Cleanup(s.Close)
			c := settings("50/s", s.URL)
			c.KeepAlive, c.MaxWorkers = keepAlive, 1
			_, err := measure(t, c, control(0, 200*time.Millisecond))
			require.NoError(t, err)
			assert.Equal(t, keepAlive, opened.Load() == 1, "%d connections for 10 requests", opened.Load())
		})
	}
}
