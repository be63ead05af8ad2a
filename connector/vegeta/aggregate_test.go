package vegeta_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/connector/vegeta"
	"github.com/servokit/servokit/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const ms = time.Millisecond

var begin = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// play measures a script with a rate of 10/s, and series of a point per second.
func play(t *testing.T, s vegeta.Script, control types.Control, change ...func(*vegeta.Config)) (types.Measurement, error) {
	t.Helper()
	c := settings("10/s", "http://localhost/")
	c.ReportingInterval = types.Duration(time.Second)
	c.MaxLag = types.Duration(100 * ms)
	for _, f := range change {
		f(&c)
	}
	s.Start = begin
	v, err := vegeta.NewScripted(c, connector.Env{}, s)
	require.NoError(t, err)
	return dispatch(t.Context(), bound(t, v), control)
}

// each gives n shots at 10/s, changed by f.
func each(n int, f func(i int, s *vegeta.Shot)) func(func(vegeta.Shot) bool) {
	return func(yield func(vegeta.Shot) bool) {
		for i := range n {
			due := time.Duration(i) * 100 * ms
			s := vegeta.Shot{Seq: uint64(i), Sent: due, Done: due + 10*ms}
			if f != nil {
				f(i, &s)
			}
			if !yield(s) {
				return
			}
		}
	}
}

func TestFiguresOfAnInterval(t *testing.T) {
	m, err := play(t, vegeta.Script{Shots: each(10, func(i int, s *vegeta.Shot) {
		s.Done = s.Sent + time.Duration(i+1)*ms
		if i == 3 {
			s.Failed = "503 Service Unavailable"
		}
	})}, control(0, time.Second))
	require.NoError(t, err)
	got := map[string]string{}
	for _, r := range m.Readings {
		series, ok := r.(types.TimeSeries)
		require.True(t, ok)
		require.Len(t, series.Points, 1)
		assert.Equal(t, begin.Add(time.Second), series.Points[0].Time)
		got[r.Of().String()] = r.Samples()[0].String()
	}
	assert.Equal(t, map[string]string{
		"throughput (rpm)": "540", "error_rate (%)": "10",
		"latency_total (ms)": "55", "latency_mean (ms)": "5.5", "latency_min (ms)": "1", "latency_max (ms)": "10",
		"latency_50th (ms)": "5", "latency_90th (ms)": "9", "latency_95th (ms)": "10", "latency_99th (ms)": "10",
	}, got)
}

func TestEachIntervalStartsAfresh(t *testing.T) {
	m, err := play(t, vegeta.Script{Shots: each(30, func(i int, s *vegeta.Shot) {
		if i/10 == 1 {
			s.Done, s.Failed = s.Sent+50*ms, "EOF"
		}
	})}, control(0, 3*time.Second))
	require.NoError(t, err)
	assert.Equal(t, []float64{0, 100, 0}, values(t, m, "error_rate"))
	assert.Equal(t, []float64{10, 50, 10}, values(t, m, "latency_99th"))
	assert.Equal(t, []float64{600, 0, 600}, values(t, m, "throughput"))
}

func TestTheWarmUpIsAddedAndLeftOut(t *testing.T) {
	m, err := play(t, vegeta.Script{Shots: each(30, func(i int, s *vegeta.Shot) {
		if i < 20 {
			s.Done, s.Failed = s.Sent+5*time.Second, "warming up" // ends in the part that counts, or later
		}
	})}, control(2*time.Second, time.Second))
	require.NoError(t, err)
	assert.Equal(t, []float64{0}, values(t, m, "error_rate"))
	assert.Equal(t, []float64{10}, values(t, m, "latency_max"))
	assert.Empty(t, m.Annotations["load_errors"])
	assert.Equal(t, begin.Add(3*time.Second), m.Readings[0].(types.TimeSeries).Points[0].Time)
}

func TestAnswersCountWhereTheRequestWasDueAndThroughputWhereTheyArrive(t *testing.T) {
	m, err := play(t, vegeta.Script{Shots: each(20, func(i int, s *vegeta.Shot) {
		if i == 9 {
			s.Done = 1500 * ms
		}
		if i == 19 {
			s.Done = 2500 * ms // after the end
		}
	})}, control(0, 2*time.Second))
	require.NoError(t, err)
	assert.Equal(t, []float64{600, 600}, values(t, m, "latency_max"))
	assert.Equal(t, []float64{540, 600}, values(t, m, "throughput"))
}

func TestLatencyCountsFromTheIntendedStart(t *testing.T) {
	m, err := play(t, vegeta.Script{Shots: each(10, func(_ int, s *vegeta.Shot) {
		s.Sent += 90 * ms
		s.Done += 90 * ms
	})}, control(0, time.Second))
	require.NoError(t, err)
	assert.Equal(t, []float64{100}, values(t, m, "latency_50th"))
	assert.Equal(t, "in 1 of 1 intervals the lateness of the generator itself makes up more than a quarter of latency_99th",
		m.Annotations["load_generator_warning"])
	assert.Contains(t, m.Annotations["load_generator"], "10 of 10 scheduled requests sent, late by 90ms on average and 90ms at worst, 0 more than 100ms late")
}

func TestAnIntervalWithoutRequestsHasNoSample(t *testing.T) {
	m, err := play(t, vegeta.Script{Shots: each(2, func(i int, s *vegeta.Shot) {
		s.Sent = time.Duration(i) * 3 * time.Second
		s.Done = s.Sent + 10*ms
	})}, control(0, 4*time.Second), func(c *vegeta.Config) { c.Rate = "1/3s" })
	require.NoError(t, err)
	assert.Equal(t, []float64{60, 60}, values(t, m, "throughput"))
	points := m.Readings[0].(types.TimeSeries).Points
	assert.Equal(t, []time.Time{begin.Add(time.Second), begin.Add(4 * time.Second)}, []time.Time{points[0].Time, points[1].Time})
}

func TestThePolicyOfAMetricDecidesAboutIntervalsWithoutRequests(t *testing.T) {
	script := vegeta.Script{Shots: each(2, func(i int, s *vegeta.Shot) {
		s.Sent = time.Duration(i) * 3 * time.Second
		s.Done = s.Sent + time.Duration(10*(i+1))*ms
	})}
	sparse := func(p config.SamplePolicies) func(c *vegeta.Config) {
		return func(c *vegeta.Config) { c.Rate, c.Samples = "1/3s", p }
	}
	m, err := play(t, script, control(0, 4*time.Second), sparse(config.SamplePolicies{
		"*": {Missing: types.CarryLast()}, "throughput": {Missing: types.TreatAs(0)}, "error_rate": {},
	}))
	require.NoError(t, err)
	assert.Equal(t, []float64{60, 0, 0, 60}, values(t, m, "throughput"))
	assert.Equal(t, []float64{10, 10, 10, 20}, values(t, m, "latency_99th"))
	assert.Equal(t, []float64{0, 0}, values(t, m, "error_rate"))
	assert.Contains(t, m.Annotations["samples"], "throughput: 2 replaced of 4 samples; error_rate: 2 skipped of 4 samples; latency_total: 2 carried of 4 samples")

	_, err = play(t, script, control(0, 4*time.Second), sparse(config.SamplePolicies{"throughput": {Missing: types.FailOnSample()}, "error_rate": {Zero: types.FailOnSample()}}))
	var outcome *types.OutcomeError
	require.ErrorAs(t, err, &outcome)
	assert.Equal(t, types.Failed, outcome.Outcome)
	assert.Equal(t, config.ReasonSampleRefused, outcome.Reason)
	assert.ErrorContains(t, err, "throughput: sample 1 is missing, which the policy refuses (2 in all)\nerror_rate: sample 0 is zero, which the policy refuses (2 in all)")
}

func TestARateWithoutRequestsInTimeIsNoData(t *testing.T) {
	_, err := play(t, vegeta.Script{}, control(time.Second, time.Second), func(c *vegeta.Config) { c.Rate = "1/h" })
	var outcome *types.OutcomeError
	require.ErrorAs(t, err, &outcome)
	assert.Equal(t, "no-data", outcome.Reason)
	assert.ErrorContains(t, err, "at a rate of 1/1h no request is due in that time")
}

func TestAControlThatCannotBeMeasured(t *testing.T) {
	for name, c := range map[string]types.Control{
		"no duration":       control(time.Second, 0),
		"negative warm-up":  control(-time.Second, time.Second),
		"longer than times": control(time.Second, 1<<63-1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := play(t, vegeta.Script{}, c)
			assert.ErrorContains(t, err, "measuring for ")
		})
	}
}

func TestTheRestOfAnInterval(t *testing.T) {
	for _, c := range []struct {
		duration, interval time.Duration
		want               int
	}{
		{3 * time.Second, 15 * time.Second, 1},
		{15 * time.Second, 15 * time.Second, 1},
		{16 * time.Second, 15 * time.Second, 1},
		{22 * time.Second, 15 * time.Second, 1},
		{23 * time.Second, 15 * time.Second, 2},
		{60 * time.Second, 15 * time.Second, 4},
	} {
		assert.Equal(t, c.want, vegeta.Intervals(c.duration, c.interval), "%s by %s", c.duration, c.interval)
	}
	m, err := play(t, vegeta.Script{Shots: each(13, nil)}, control(0, 1300*ms))
	require.NoError(t, err)
	assert.Equal(t, []float64{130}, values(t, m, "latency_total"), "a short rest is not lost")
	assert.Equal(t, []float64{600}, values(t, m, "throughput"))
}

func TestSaturation(t *testing.T) {
	late := func(from int) func(int, *vegeta.Shot) {
		return func(i int, s *vegeta.Shot) {
			if i >= from {
				s.Sent, s.Done = s.Sent+150*ms, s.Done+150*ms
			}
		}
	}
	for _, c := range []struct {
		name    string
		script  vegeta.Script
		workers uint64
		want    string // empty: a measurement
	}{
		{"one late request in a hundred is a pity", vegeta.Script{Shots: each(100, late(99))}, 0, ""},
		{"two are too many", vegeta.Script{Shots: each(100, late(98))}, 0,
			"asked for a rate of 10/1s, achieved 9.95/s; when it gave up after 10.05s, 2 of 100 requests had been sent more than 100ms late (150ms at worst) and 0 not at all: this machine is too slow or too busy"},
		{"requests that were not sent count", vegeta.Script{Shots: each(98, nil)}, 0, "0 of 100 requests had been sent more than 100ms late (0s at worst) and 2 not at all"},
		{"workers that all wait are named", vegeta.Script{Shots: each(50, nil), Outstanding: 7}, 7, "all 7 max_workers were waiting for answers"},
		{"a slow target alone is none", vegeta.Script{Shots: each(100, func(_ int, s *vegeta.Shot) { s.Done += 20 * time.Second }), Outstanding: 99}, 0, ""},
		{"no sockets left", vegeta.Script{Shots: each(100, nil), LocalFaults: 2, LocalFault: "dial tcp: too many open files"}, 0,
			"ran out of local resources: asked for a rate of 10/1s, 2 connections could not be opened: dial tcp: too many open files"},
		{"nothing sent at all", vegeta.Script{}, 0, "achieved 0.00/s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := play(t, c.script, control(0, 10*time.Second), func(config *vegeta.Config) { config.MaxWorkers = c.workers })
			if c.want == "" {
				require.NoError(t, err)
				assert.Len(t, m.Readings, 10)
				return
			}
			var outcome *types.OutcomeError
			require.ErrorAs(t, err, &outcome)
			assert.Equal(t, vegeta.ReasonSaturated, outcome.Reason)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestASettledOutcomeEndsTheLoadAtOnce(t *testing.T) {
	played := 0
	_, err := play(t, vegeta.Script{Shots: each(1000, func(i int, s *vegeta.Shot) {
		played = i + 1
		s.Sent += time.Second
	})}, control(0, 100*time.Second))
	require.Error(t, err)
	assert.Equal(t, 11, played)
}

func TestErrorSamplesAreBounded(t *testing.T) {
	m, err := play(t, vegeta.Script{Shots: each(1000, func(i int, s *vegeta.Shot) {
		s.Failed = fmt.Sprintf("fault %03d", i)
		if i%2 == 0 {
			s.Failed = "503 Service Unavailable"
		}
	})}, control(0, 100*time.Second))
	require.NoError(t, err)
	assert.Equal(t, "500× 503 Service Unavailable; 1× fault 001; 1× fault 003; 1× fault 005; 1× fault 007; 496× other errors",
		m.Annotations["load_errors"])
}

func TestErrorsAreCleaned(t *testing.T) {
	for text, want := range map[string]string{
		`Get "http://u:p@h/?q=1": dial tcp 127.0.0.1:80: connect: connection refused`:            "dial tcp 127.0.0.1:80: connect: connection refused",
		`Post "http://h/": read tcp 10.0.0.1:50312->10.0.0.2:80: read: connection reset by peer`: "read tcp 10.0.0.2:80: read: connection reset by peer",
		"404 Not Found": "404 Not Found",
		"":              "unknown error",
	} {
		assert.Equal(t, want, vegeta.CleanError(text))
	}
}

func TestFaultsOfThisMachineAreToldFromThoseOfTheTarget(t *testing.T) {
	dial := func(ip string, cause error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.ParseIP(ip), Port: 80}, Err: os.NewSyscallError("connect", cause)}
	}
	assert.True(t, vegeta.IsLocal(dial("10.0.0.1", syscall.EMFILE)))
	assert.True(t, vegeta.IsLocal(dial("10.0.0.1", syscall.EADDRNOTAVAIL)))
	assert.False(t, vegeta.IsLocal(dial("::1", syscall.EADDRNOTAVAIL)), "this machine just has no IPv6")
	assert.False(t, vegeta.IsLocal(dial("10.0.0.1", syscall.ECONNREFUSED)))
	assert.False(t, vegeta.IsLocal(context.DeadlineExceeded))
}

func TestOnlyMetricsThatWereAskedFor(t *testing.T) {
	v, err := vegeta.NewScripted(settings("10/s", "http://localhost/"), connector.Env{}, vegeta.Script{Shots: each(10, nil)})
	require.NoError(t, err)
	m, err := dispatch(t.Context(), bound(t, v), control(0, time.Second), "error_rate", "cpu_usage")
	require.NoError(t, err)
	assert.Equal(t, []types.Metric{{Name: "error_rate", Unit: types.Percentage}}, m.Metrics())
}

func TestAPanicOfTheGeneratorIsAnError(t *testing.T) {
	_, err := play(t, vegeta.Script{Panic: "out of ammunition"}, control(0, time.Second))
	assert.ErrorContains(t, err, "out of ammunition")
}

func TestProgressAndDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, err := vegeta.NewScripted(settings("10/s", "http://localhost/"), connector.Env{}, vegeta.Script{
			Start: time.Now(),
			Shots: func(yield func(vegeta.Shot) bool) {
				each(20, func(_ int, s *vegeta.Shot) { time.Sleep(100 * ms) })(yield)
			},
		})
		require.NoError(t, err)
		var mu sync.Mutex
		var seen []string
		ctx := connector.WithProgress(t.Context(), func(_ context.Context, p types.Progress) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf("%.0f%% %s", p.Percent, p.Message))
		})
		started := time.Now()
		c := control(time.Second, time.Second)
		c.Delay = types.Duration(1900 * ms)
		_, err = dispatch(ctx, bound(t, v), c)
		require.NoError(t, err)
		assert.Equal(t, 3900*ms, time.Since(started))
		require.NotEmpty(t, seen)
		assert.Equal(t, "13% warming up at a rate of 10/1s", seen[0])
		assert.Contains(t, seen[2], "38% measuring: ")
		assert.Equal(t, "90% waiting the delay after the load", seen[len(seen)-1])
	})
}

func TestTheDelayEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("enough")
		for _, script := range []vegeta.Script{{Shots: each(10, nil)}, {Block: true}} {
			v, err := vegeta.NewScripted(settings("10/s", "http://localhost/"), connector.Env{}, script)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, cause)
			started := time.Now()
			c := control(0, time.Second)
			c.Delay = types.Duration(time.Hour)
			_, err = dispatch(ctx, bound(t, v), c)
			cancel()
			assert.ErrorIs(t, err, cause)
			assert.Equal(t, 10*time.Second, time.Since(started))
		}
	})
}

func BenchmarkAggregate(b *testing.B) {
	const n = 100_000
	shots := make([]vegeta.Shot, n)
	for i := range shots {
		due := time.Duration(i) * 100 * time.Microsecond
		shots[i] = vegeta.Shot{Seq: uint64(i), Sent: due, Done: due + time.Duration(i*7919%n)*time.Microsecond}
	}
	b.ReportAllocs()
	for b.Loop() {
		if vegeta.Aggregate(10_000, 10*time.Second, time.Second, shots) != 10 {
			b.Fatal("an interval is missing")
		}
	}
}
