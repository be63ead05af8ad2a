package vegeta_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/vegeta"
	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/event/pubsub"
	"github.com/servokit/servokit/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hosted puts a connector on a bus and an exchange that runs.
func hosted(t *testing.T, c connector.Connector) (*event.Bus, *pubsub.Exchange) {
	t.Helper()
	var bus event.Bus
	h := connector.NewHost(&bus, "load", nil)
	x := pubsub.New(pubsub.Options{})
	h.Join(x)
	require.NoError(t, x.Start(t.Context()))
	require.NoError(t, c.Bind(h))
	t.Cleanup(func() {
		h.Close()
		_ = x.Shutdown(context.WithoutCancel(t.Context()))
	})
	return &bus, x
}

// paced lets the time of the schedule pass, so that reports come one by one.
func paced(n int, f func(i int, s *vegeta.Shot)) func(func(vegeta.Shot) bool) {
	return func(yield func(vegeta.Shot) bool) {
		began := time.Now()
		each(n, f)(func(s vegeta.Shot) bool {
			time.Sleep(time.Until(began.Add(s.Done)))
			return yield(s)
		})
	}
}

func TestEachIntervalIsPublishedWhileTheLoadGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := settings("10/s", "http://localhost/")
		c.ReportingInterval = types.Duration(time.Second)
		v, err := vegeta.NewScripted(c, connector.Env{}, vegeta.Script{Start: begin, Shots: paced(40, func(i int, s *vegeta.Shot) {
			switch i {
			case 15:
				s.Failed = "EOF"
			case 21: // is answered in the next interval
				s.Done = 3050 * ms
			}
		})})
		require.NoError(t, err)
		bus, x := hosted(t, v)
		var got []vegeta.Report
		var at []time.Duration
		began := time.Now()
		_, err = vegeta.Reports.Subscribe(x.Client("test"), func(_ context.Context, r vegeta.Report) error {
			got, at = append(got, r), append(at, time.Since(began))
			return nil
		})
		require.NoError(t, err)
		m, err := dispatch(t.Context(), bus, control(time.Second, 3*time.Second))
		require.NoError(t, err)
		synctest.Wait()

		require.Len(t, got, 3)
		assert.Less(t, at[0], 3*time.Second, "long before the end")
		assert.Greater(t, at[1], 3*time.Second)
		assert.Equal(t, vegeta.Report{
			Source: "load", From: begin.Add(time.Second), To: begin.Add(2 * time.Second),
			Requests: 10, Failures: 1, Rate: 10, Throughput: 9, Success: 0.9,
			Latencies: vegeta.Latencies{Total: 100 * ms, Mean: 10 * ms, P50: 10 * ms, P90: 10 * ms, P95: 10 * ms, P99: 10 * ms, Max: 10 * ms, Min: 10 * ms},
		}, got[0])
		assert.Equal(t, 950*ms, got[1].Latencies.Max)
		for i, r := range got {
			assert.Equal(t, values(t, m, "throughput")[i], 60*r.Throughput, "as in the measurement")
			assert.Equal(t, values(t, m, "latency_max")[i], float64(r.Latencies.Max)/float64(ms))
		}
		data, err := json.Marshal(got[0])
		require.NoError(t, err)
		assert.JSONEq(t, `{"source":"load","from":"2024-05-01T12:00:01Z","to":"2024-05-01T12:00:02Z","requests":10,"failures":1,"rate":10,
			"throughput":9,"success":0.9,"latencies":{"total":100000000,"mean":10000000,"50th":10000000,"90th":10000000,"95th":10000000,
			"99th":10000000,"max":10000000,"min":10000000}}`, string(data))
	})
}

func TestSubscribersDoNotHoldUpTheMeasurement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := settings("10/s", "http://localhost/")
		c.ReportingInterval = types.Duration(100 * ms)
		env := connector.Env{Logger: slog.New(slog.NewTextHandler(&log, nil))}
		v, err := vegeta.NewScripted(c, env, vegeta.Script{Start: begin, Shots: paced(50, nil)})
		require.NoError(t, err)
		bus, x := hosted(t, v)
		release := make(chan struct{})
		defer close(release)
		_, err = vegeta.Reports.Subscribe(x.Client("slow"), func(context.Context, vegeta.Report) error {
			<-release
			return nil
		}, pubsub.Buffer(1, pubsub.Block))
		require.NoError(t, err)
		began := time.Now()
		m, err := dispatch(t.Context(), bus, control(0, 5*time.Second))
		require.NoError(t, err)
		assert.Len(t, values(t, m, "throughput"), 50, "the measurement is complete")
		assert.Less(t, time.Since(began), 6*time.Second)
		assert.Equal(t, 1, bytes.Count(log.Bytes(), []byte("interim reports are lost")), log.String())
	})
}

func TestWithoutARateIntervalsArePublishedAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := settings("infinity", "http://localhost/")
		c.MaxWorkers = 5
		c.ReportingInterval = types.Duration(time.Second)
		v, err := vegeta.NewScripted(c, connector.Env{}, vegeta.Script{Start: begin, Shots: paced(20, nil)})
		require.NoError(t, err)
		bus, x := hosted(t, v)
		var got []vegeta.Report
		_, err = vegeta.Reports.Subscribe(x.Client("test"), func(_ context.Context, r vegeta.Report) error {
			got = append(got, r)
			return nil
		})
		require.NoError(t, err)
		_, err = dispatch(t.Context(), bus, control(0, 2*time.Second))
		require.NoError(t, err)
		synctest.Wait()
		require.Len(t, got, 2)
		assert.Equal(t, begin.Add(2*time.Second), got[1].To)
	})
}

// The real generator publishes with the same times as the points of the series.
func TestReportsOfTheRealGenerator(t *testing.T) {
	c := settings("100/s", serve(t, func(http.ResponseWriter, *http.Request) {}))
	c.ReportingInterval = types.Duration(200 * ms)
	v, err := vegeta.New(c, connector.Env{})
	require.NoError(t, err)
	bus, x := hosted(t, v)
	l, err := x.Client("test").Listen(vegeta.Reports.Name)
	require.NoError(t, err)
	m, err := dispatch(t.Context(), bus, control(0, 600*ms), "throughput")
	require.NoError(t, err)
	points := m.Readings[0].(types.TimeSeries).Points
	require.Len(t, points, 3)
	i := 0
	for r, err := range vegeta.Reports.Values(t.Context(), l) {
		require.NoError(t, err)
		assert.Equal(t, points[i].Time, r.To)
		if i++; i == 3 {
			break
		}
	}
}
