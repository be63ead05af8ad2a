package servo_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/types"
)

// restful is an optimizer that tells every servo to sleep.
type restful struct {
	resting atomic.Int64 // servos that were told to
}

func (r *restful) Hello(context.Context, optimizer.Hello) error { return nil }
func (r *restful) Next(context.Context) (optimizer.Command, error) {
	r.resting.Add(1)
	return optimizer.Command{Verb: optimizer.Sleep, SleepFor: time.Hour}, nil
}
func (r *restful) Reply(context.Context, optimizer.Result) error      { return nil }
func (r *restful) Progress(context.Context, optimizer.Progress) error { return nil }
func (r *restful) Goodbye(context.Context, string) error              { return nil }

// BenchmarkCommands carries out commands of a scripted optimizer: "servo" through
// client, loop and one trivial connector over loopback HTTP, "bare" with the same
// two exchanges per command done by net/http alone.
func BenchmarkCommands(b *testing.B) {
	start := func(b *testing.B) (*optimizertest.Optimizer, *httptest.Server) {
		command := optimizer.Command{Verb: optimizer.Measure, Metrics: []string{"latency"}, Control: types.DefaultControl()}
		opt := optimizertest.New(slices.Repeat([]optimizer.Command{command}, b.N)...).OmitUIDs()
		server := httptest.NewServer(opt)
		b.Cleanup(server.Close)
		b.ReportAllocs()
		b.ResetTimer()
		return opt, server
	}
	b.Run("servo", func(b *testing.B) {
		opt, server := start(b)
		client, err := optimizer.NewClient(optimizer.Options{URL: server.URL})
		require.NoError(b, err)
		s, err := servo.New(servo.Options{Optimizer: client})
		require.NoError(b, err)
		require.NoError(b, s.Use("a", newApp("a", nil)))
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		_, err = opt.WaitDone(ctx)
		require.NoError(b, err)
		b.StopTimer()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
		cancel()
		require.NoError(b, <-done)
		require.Empty(b, opt.Violations())
	})
	b.Run("bare", func(b *testing.B) {
		opt, server := start(b)
		next := []byte(`{"event":"WHATS_NEXT","param":null,"servo_uid":null}`)
		result := []byte(`{"event":"MEASUREMENT","param":{"status":"ok","message":null,"reason":"success","cmd_uid":null,"metrics":{"latency":{"unit":"","value":12.5}},"annotations":{}},"servo_uid":null}`)
		post := func(body []byte) {
			request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL+"/servo", bytes.NewReader(body))
			require.NoError(b, err)
			request.Header.Set("Content-Type", "application/json")
			response, err := server.Client().Do(request)
			require.NoError(b, err)
			_, err = io.Copy(io.Discard, response.Body)
			require.NoError(b, err)
			require.NoError(b, response.Body.Close())
		}
		for range b.N {
			post(next)
			post(result)
		}
		b.StopTimer()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
		require.Len(b, opt.Results(), b.N)
	})
}

// BenchmarkIdleServos is one operation: 10,000 servos are assembled from a file,
// greet an optimizer over loopback HTTP, sleep, and are shut down again. What it
// costs per servo is reported.
func BenchmarkIdleServos(b *testing.B) {
	const servos = 10_000
	var text bytes.Buffer
	opt := &restful{}
	server := httptest.NewServer(optimizer.NewHandler(opt, optimizer.HandlerOptions{}))
	defer server.Close()
	var docs []*config.Document
	for i := range servos {
		fmt.Fprintf(&text, "---\nname: s%d\noptimizer: {id: example.com/s%d, token: t, url: %s}\nlamp: {watts: 40}\n", i, i, server.URL)
		if i%1000 == 999 { // as many as a file may have
			more, err := config.Parse("servo.yaml", text.Bytes())
			require.NoError(b, err)
			docs = append(docs, more...)
			text.Reset()
		}
	}
	lamp := connector.Define(connector.Info{Name: "lamp"}, func(lampConfig, connector.Env) (connector.Connector, error) {
		return newApp("lamp", nil), nil
	})
	var assembling, stopping, memory, goroutines float64
	for range b.N {
		opt.resting.Store(0)
		before, routines := heap(), runtime.NumGoroutine()
		began := time.Now()
		a, err := servo.Assemble(docs, servo.AssemblyOptions{Stagger: -1}, lamp)
		require.NoError(b, err)
		assembling += time.Since(began).Seconds()
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan error, 1)
		go func() { done <- a.Run(ctx) }()
		for opt.resting.Load() < servos {
			time.Sleep(time.Millisecond)
		}
		for n := 0; n != runtime.NumGoroutine(); time.Sleep(100 * time.Millisecond) {
			n = runtime.NumGoroutine() // until the last answers have arrived
		}
		memory += float64(heap() - before)
		goroutines += float64(runtime.NumGoroutine() - routines)
		began = time.Now()
		cancel()
		require.NoError(b, <-done)
		stopping += time.Since(began).Seconds()
	}
	n := float64(b.N)
	b.ReportMetric(assembling/n/servos*1e6, "µs-to-assemble/servo")
	b.ReportMetric(memory/n/servos/1024, "KiB/servo")
	b.ReportMetric(goroutines/n/servos, "goroutines/servo")
	b.ReportMetric(stopping/n, "s-to-stop")
}

// heap is the memory in use, with the stacks of goroutines.
func heap() int64 {
	for range 4 { // as an idle process does in eight minutes; each time stacks shrink by half
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
