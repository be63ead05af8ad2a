package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// maxQueryBytes is the longest query that is accepted.
const maxQueryBytes = 256

// A service answers requests. Until it is given an index it is alive but not
// ready.
type service struct {
	settings settings
	logger   *slog.Logger
	started  time.Time
	pool     *pool
	cache    *cache

	index    atomic.Pointer[index]
	readyIn  atomic.Int64 // nanoseconds from the start to readiness
	draining atomic.Bool
	requests atomic.Int64
	sent     atomic.Int64 // bytes of response bodies
}

func newService(s settings, logger *slog.Logger) *service {
	return &service{
		settings: s,
		logger:   logger,
		started:  time.Now(),
		pool:     newPool(s.workers, s.compression),
		cache:    newCache(int64(s.cacheMiB) << 20),
	}
}

// serve makes the service ready.
func (s *service) serve(x *index) {
	s.readyIn.Store(int64(time.Since(s.started)))
	s.index.Store(x)
}

// drain makes the service answer that it is not ready, so that nobody sends
// new work while the last requests are finished.
func (s *service) drain() { s.draining.Store(true) }

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /search", s.handleSearch)
	mux.HandleFunc("GET /readyz", s.handleReady)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		s.writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	mux.HandleFunc("GET /stats", s.handleStats)
	return mux
}

func (s *service) handleSearch(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	query := strings.TrimSpace(r.URL.Query().Get("q"))
	if query == "" {
		s.writeError(w, http.StatusBadRequest, "the query is empty: ask for /search?q=http+client")
		return
	}
	if len(query) > maxQueryBytes {
		s.writeError(w, http.StatusBadRequest, fmt.Sprintf("the query has %d bytes: at most %d are accepted", len(query), maxQueryBytes))
		return
	}
	terms := queryTerms(query)
	if len(terms) == 0 {
		s.writeError(w, http.StatusBadRequest, fmt.Sprintf("the query %q has no word to search for: "+
			"words have at least two letters and are not like \"of\" or \"the\"", query))
		return
	}
	x := s.index.Load()
	if x == nil {
		w.Header().Set("Retry-After", "1")
		s.writeError(w, http.StatusServiceUnavailable, "the index is not built yet")
		return
	}

	header := w.Header()
	header.Set("Vary", "Accept-Encoding")
	compress := s.settings.compression > 0 && acceptsGzip(r.Header.Values("Accept-Encoding"))
	// The query as it was typed is part of the response, so it is the key.
	key := cacheKey{terms: query}
	if compress {
		key.encoding = "gzip"
	}
	header.Set("X-Cache", "hit")
	body, cached := s.cache.get(key)
	if !cached {
		header.Set("X-Cache", "miss")
		var err error
		if body, err = s.compute(r.Context(), header, x, query, terms, compress); err != nil {
			s.writeSearchError(w, r, err)
			return
		}
		s.cache.put(key, body)
	}
	if compress {
		header.Set("Content-Encoding", "gzip")
	}
	s.write(w, http.StatusOK, body)
}

// compute has a worker do the search, and gives the worker back before the
// response is written: a slow client must not keep it.
func (s *service) compute(ctx context.Context, header http.Header, x *index, query string, terms []string, compress bool) ([]byte, error) {
	worker, wait, err := s.pool.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer s.pool.release(worker)
	start := time.Now()
	body, err := worker.respond(ctx, x, query, terms, compress)
	header.Set("Server-Timing", fmt.Sprintf("queue;dur=%.3f, search;dur=%.3f", milliseconds(wait), milliseconds(time.Since(start))))
	return body, err
}

func (s *service) writeSearchError(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case r.Context().Err() != nil:
		// The client is gone; nobody reads a response.
		s.logger.DebugContext(r.Context(), "search abandoned", "error", err)
	case errors.Is(err, errQueueFull):
		w.Header().Set("Retry-After", "1")
		s.writeError(w, http.StatusServiceUnavailable, err.Error())
	default:
		s.logger.ErrorContext(r.Context(), "search failed", "error", err)
		s.writeError(w, http.StatusInternalServerError, "the search failed")
	}
}

func (s *service) handleReady(w http.ResponseWriter, _ *http.Request) {
	switch {
	case s.draining.Load():
		s.writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "draining"})
	case s.index.Load() == nil:
		s.writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "building the index"})
	default:
		s.writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
	}
}

// stats is the body of /stats.
type stats struct {
	Settings      map[string]int `json:"settings"`
	Ready         bool           `json:"ready"`
	ReadySeconds  float64        `json:"ready_seconds"` // from the start to readiness
	UptimeSeconds float64        `json:"uptime_seconds"`
	Files         int            `json:"files"`
	Docs          int            `json:"docs"`
	Terms         int            `json:"terms"` // the sum over the shards
	IndexBytes    int64          `json:"index_bytes"`
	Requests      int64          `json:"requests"`
	SentBytes     int64          `json:"sent_bytes"`
	Cache         cacheStats     `json:"cache"`
	Queue         queueStats     `json:"queue"`
	Goroutines    int            `json:"goroutines"`
	HeapBytes     uint64         `json:"heap_bytes"`
	GCCycles      uint64         `json:"gc_cycles"`
}

func (s *service) handleStats(w http.ResponseWriter, _ *http.Request) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(samples)
	out := stats{
		Settings:      s.settings.report(),
		UptimeSeconds: time.Since(s.started).Seconds(),
		Requests:      s.requests.Load(),
		SentBytes:     s.sent.Load(),
		Cache:         s.cache.snapshot(),
		Queue:         s.pool.snapshot(),
		Goroutines:    runtime.NumGoroutine(),
		HeapBytes:     samples[0].Value.Uint64(),
		GCCycles:      samples[1].Value.Uint64(),
	}
	if x := s.index.Load(); x != nil {
		out.Ready = !s.draining.Load()
		out.ReadySeconds = time.Duration(s.readyIn.Load()).Seconds()
		out.Files, out.Docs, out.Terms, out.IndexBytes = len(x.sources), x.docs, x.terms, x.bytes()
	}
	s.writeJSON(w, http.StatusOK, out)
}

func (s *service) writeError(w http.ResponseWriter, status int, message string) {
	s.writeJSON(w, status, map[string]string{"error": message})
}

func (s *service) writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		s.logger.Error("response cannot be encoded", "error", err)
		http.Error(w, `{"error":"the response cannot be encoded"}`, http.StatusInternalServerError)
		return
	}
	s.write(w, status, append(body, '\n'))
}

func (s *service) write(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	n, err := w.Write(body) //nolint:gosec // JSON, and said to be that
	s.sent.Add(int64(n))
	if err != nil {
		s.logger.Debug("response not delivered", "error", err)
	}
}

// acceptsGzip reports whether a client that sent these Accept-Encoding headers
// can read gzip.
func acceptsGzip(headers []string) bool {
	anything := false
	for _, line := range headers {
		for part := range strings.SplitSeq(line, ",") {
			coding, parameters, _ := strings.Cut(part, ";")
			weight := 1.0
			if name, value, ok := strings.Cut(strings.TrimSpace(parameters), "="); ok && strings.EqualFold(name, "q") {
				weight, _ = strconv.ParseFloat(value, 64) // not a number: not wanted
			}
			switch strings.ToLower(strings.TrimSpace(coding)) {
			case "gzip":
				return weight > 0
			case "*":
				anything = weight > 0
			}
		}
	}
	return anything
}

func milliseconds(d time.Duration) float64 {
	return float64(d) / float64(time.Millisecond)
}
