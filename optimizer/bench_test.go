package optimizer_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/optimizer/optimizertest"
	"github.com/servokit/servokit/types"
)

// answer is a transport that costs next to nothing, so that encoding and
// decoding are what a benchmark measures.
type answer string

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) {
	_, err := io.Copy(io.Discard, r.Body)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(a))), Request: r}, err
}

func benchmarkClient(b *testing.B, body string) *optimizer.Client {
	b.Helper()
	c, err := optimizer.NewClient(optimizer.Options{URL: "http://optimizer.test", HTTP: &http.Client{Transport: answer(body)}})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func BenchmarkReplyMeasurement(b *testing.B) {
	var m types.Measurement
	for s := range 10 {
		points := make([]types.DataPoint, 100)
		for p := range points {
			points[p] = types.DataPoint{Time: at(int64(1709078400 + p)), Sample: types.Observe(float64(s*100+p) + 0.5)}
		}
		m.Readings = append(m.Readings, types.NewTimeSeries(types.Metric{Name: fmt.Sprint("metric", s), Unit: types.Milliseconds}, points...))
	}
	c := benchmarkClient(b, `{"status":"ok"}`)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Reply(b.Context(), optimizer.Result{Verb: optimizer.Measure, UID: "u1", Measurement: m}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNextAdjust(b *testing.B) {
	var settings strings.Builder
	for s := range 50 {
		fmt.Fprintf(&settings, `"setting%d":{"value":%d.5},`, s, s)
	}
	body := `{"cmd":"ADJUST","cmd_uid":"u1","param":{"control":{"settlement":60},"state":{"application":{"components":{"main":{"settings":{` +
		strings.TrimSuffix(settings.String(), ",") + `}}}}}}}`
	c := benchmarkClient(b, body)
	b.ReportAllocs()
	for b.Loop() {
		command, err := c.Next(b.Context())
		if err != nil || len(command.Adjustments) != 50 {
			b.Fatal(err)
		}
	}
}

func BenchmarkRoundTripProgress(b *testing.B) {
	fake := optimizertest.Transport(optimizer.NewHandler(new(discard), optimizer.HandlerOptions{}))
	c, err := optimizer.NewClient(optimizer.Options{URL: "http://optimizer.test", HTTP: &http.Client{Transport: fake}})
	if err != nil {
		b.Fatal(err)
	}
	p := halfway()
	p.Runtime = time.Minute
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Progress(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
}

// discard keeps nothing, however long a benchmark runs.
type discard struct{ backend }

func (*discard) Progress(context.Context, optimizer.Progress) error { return nil }

// What observing costs: compare the allocations of the two.
func BenchmarkObserve(b *testing.B) {
	for name, observe := range map[string]func(context.Context, optimizer.Try){
		"nil":     nil,
		"counted": func(context.Context, optimizer.Try) {},
	} {
		b.Run(name, func(b *testing.B) {
			c, err := optimizer.NewClient(optimizer.Options{
				URL: "http://optimizer.test", HTTP: &http.Client{Transport: answer(`{"status":"ok"}`)}, Token: "secret", Observe: observe,
			})
			if err != nil {
				b.Fatal(err)
			}
			p := halfway()
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Progress(b.Context(), p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
