package record_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/servo/record"
)

var (
	small = record.Entry{
		Kind: record.Hook, Verb: "MEASURE", Event: "measure", Phase: "on", Source: "prometheus", Took: 31500 * time.Microsecond,
	}
	answer = json.RawMessage(`{"cmd":"MEASURE","param":{"metrics":["throughput","latency_p95"],"control":{"duration":60}},"cmd_uid":"m-1"}`)
)

func benchmarkAdd(b *testing.B, l *record.Log, e record.Entry) {
	b.Helper()
	ctx := event.WithCommand(event.WithServo(context.Background(), "web"), "m-1")
	b.ReportAllocs()
	for b.Loop() {
		l.Add(ctx, e)
	}
}

func BenchmarkAddNil(b *testing.B) { benchmarkAdd(b, nil, small) }
func BenchmarkAddSmall(b *testing.B) {
	benchmarkAdd(b, record.New(io.Discard, record.Options{}), small)
}

func BenchmarkAddSmallSecrets(b *testing.B) {
	benchmarkAdd(b, record.New(io.Discard, record.Options{Secrets: []string{"hunter2-and-more", "another-secret", "a-third-one"}}), small)
}

func BenchmarkAddError(b *testing.B) {
	e := small
	e.Error = `measure hook of prometheus: query "p95": Get "http://prometheus:9090/api/v1/query": connection refused`
	benchmarkAdd(b, record.New(io.Discard, record.Options{}), e)
}

func BenchmarkAddIn(b *testing.B) {
	e := small
	e.In = answer
	benchmarkAdd(b, record.New(io.Discard, record.Options{}), e)
}

func BenchmarkAddMap(b *testing.B) {
	e := small
	e.In = map[string]any{"progress": 50, "message": "measuring", "runtime": 12.5}
	benchmarkAdd(b, record.New(io.Discard, record.Options{}), e)
}

func BenchmarkAddParallel(b *testing.B) {
	l := record.New(io.Discard, record.Options{})
	ctx := context.Background()
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			l.Add(ctx, small)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	e := small
	e.In = answer
	data := strings.Repeat(string(written(record.Options{}, e)), 1000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range record.Read(strings.NewReader(data)) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
