package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// queueLimit is how many requests may wait for a worker. More than that could
// not be served while their clients still wait.
const queueLimit = 512

var errQueueFull = errors.New("too many requests are waiting for a worker")

// A worker owns what one request at a time needs and what is too large to make
// for each request: the buffers of the response and the state of the
// compressor.
type worker struct {
	level      int
	plain      bytes.Buffer
	compressed bytes.Buffer
	gzip       *gzip.Writer
}

// respond searches and encodes the results. The body is a copy and stays
// valid when the worker goes on to the next request.
func (w *worker) respond(ctx context.Context, x *index, query string, terms []string, compress bool) ([]byte, error) {
	found, err := x.search(ctx, query, terms)
	if err != nil {
		return nil, err
	}
	w.plain.Reset()
	encoder := json.NewEncoder(&w.plain)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(found); err != nil {
		return nil, fmt.Errorf("encoding the results: %w", err)
	}
	if !compress {
		return bytes.Clone(w.plain.Bytes()), nil
	}
	if w.gzip == nil {
		if w.gzip, err = gzip.NewWriterLevel(nil, w.level); err != nil {
			return nil, fmt.Errorf("compressing the results: %w", err)
		}
	}
	w.compressed.Reset()
	w.gzip.Reset(&w.compressed)
	_, err = w.gzip.Write(w.plain.Bytes())
	if err = errors.Join(err, w.gzip.Close()); err != nil {
		return nil, fmt.Errorf("compressing the results: %w", err)
	}
	return bytes.Clone(w.compressed.Bytes()), nil
}

// A pool is the workers and the queue in front of them.
type pool struct {
	idle chan *worker

	waiting  atomic.Int64
	waited   atomic.Int64 // nanoseconds, all requests together
	longest  atomic.Int64 // nanoseconds
	served   atomic.Int64
	rejected atomic.Int64
}

type queueStats struct {
	Waiting          int64   `json:"waiting"`
	Served           int64   `json:"served"`
	Rejected         int64   `json:"rejected"`
	WaitSeconds      float64 `json:"wait_seconds"` // all requests together
	LongestWaitMilli float64 `json:"longest_wait_ms"`
}

func newPool(workers, level int) *pool {
	p := &pool{idle: make(chan *worker, workers)}
	for range workers {
		p.idle <- &worker{level: level}
	}
	return p
}

// acquire waits for an idle worker, which the caller must release. It fails
// with errQueueFull when too many others wait already, and with the cause of
// ctx when that ends first.
func (p *pool) acquire(ctx context.Context) (*worker, time.Duration, error) {
	select {
	case w := <-p.idle:
		p.served.Add(1)
		return w, 0, nil
	default:
	}
	if p.waiting.Add(1) > queueLimit {
		p.waiting.Add(-1)
		p.rejected.Add(1)
		return nil, 0, errQueueFull
	}
	defer p.waiting.Add(-1)
	start := time.Now()
	select {
	case w := <-p.idle:
		wait := time.Since(start)
		p.served.Add(1)
		p.waited.Add(int64(wait))
		for {
			longest := p.longest.Load()
			if int64(wait) <= longest || p.longest.CompareAndSwap(longest, int64(wait)) {
				return w, wait, nil
			}
		}
	case <-ctx.Done():
		return nil, time.Since(start), fmt.Errorf("waiting for a worker: %w", context.Cause(ctx))
	}
}

func (p *pool) release(w *worker) {
	p.idle <- w
}

func (p *pool) snapshot() queueStats {
	return queueStats{
		Waiting:          p.waiting.Load(),
		Served:           p.served.Load(),
		Rejected:         p.rejected.Load(),
		WaitSeconds:      time.Duration(p.waited.Load()).Seconds(),
		LongestWaitMilli: float64(p.longest.Load()) / float64(time.Millisecond),
	}
}
