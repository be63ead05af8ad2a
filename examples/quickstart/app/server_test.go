package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var petTexts = []string{
	"// Package pets has animals.\npackage pets\n",
	"// Feed gives the <cat> some \"food\".\nfunc Feed() {}\n" + strings.Repeat("// More words that compress well.\n", 100),
	"// Walk goes out with the dog.\nfunc Walk() {}\n",
}

func serviceWith(tb testing.TB, s settings) *service {
	tb.Helper()
	s.workers, s.shards = max(s.workers, 1), max(s.shards, 1)
	return newService(s, slog.New(slog.DiscardHandler))
}

// readyService has the pets to search.
func readyService(tb testing.TB, s settings) *service {
	tb.Helper()
	service := serviceWith(tb, s)
	service.serve(indexOf(tb, service.settings.shards, petTexts...))
	return service
}

func ask(t *testing.T, s *service, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	s.handler().ServeHTTP(recorder, request)
	return recorder
}

func TestReadiness(t *testing.T) {
	s := serviceWith(t, settings{})
	assert.Equal(t, http.StatusServiceUnavailable, ask(t, s, "GET", "/readyz").Code)
	assert.Equal(t, http.StatusOK, ask(t, s, "GET", "/healthz").Code, "alive before it is ready")
	early := ask(t, s, "GET", "/search?q=cat")
	assert.Equal(t, http.StatusServiceUnavailable, early.Code)
	assert.Equal(t, "1", early.Header().Get("Retry-After"))
	assert.Equal(t, http.StatusOK, ask(t, s, "GET", "/stats").Code)

	s.serve(indexOf(t, 1, petTexts...))
	assert.Equal(t, http.StatusOK, ask(t, s, "GET", "/readyz").Code)
	s.drain()
	drained := ask(t, s, "GET", "/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, drained.Code)
	assert.JSONEq(t, `{"status":"draining"}`, drained.Body.String())
	assert.Equal(t, http.StatusOK, ask(t, s, "GET", "/search?q=cat").Code, "whoever comes anyway is served")
}

func TestBadRequests(t *testing.T) {
	s := readyService(t, settings{})
	for name, test := range map[string]struct {
		method, target string
		status         int
		says           string
	}{
		"no query":         {"GET", "/search", 400, "the query is empty"},
		"empty query":      {"GET", "/search?q=", 400, "the query is empty"},
		"blank query":      {"GET", "/search?q=+%09+", 400, "the query is empty"},
		"nothing to find":  {"GET", "/search?q=of+the+7", 400, `the query "of the 7" has no word to search for`},
		"too long":         {"GET", "/search?q=" + strings.Repeat("x", maxQueryBytes+1), 400, "at most 256 are accepted"},
		"wrong method":     {"POST", "/search?q=cat", 405, ""},
		"unknown resource": {"GET", "/find", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, s, test.method, test.target)
			assert.Equal(t, test.status, got.Code)
			if test.says == "" {
				return
			}
			assert.Equal(t, "application/json", got.Header().Get("Content-Type"))
			var body struct{ Error string }
			require.NoError(t, json.Unmarshal(got.Body.Bytes(), &body))
			assert.Contains(t, body.Error, test.says)
		})
	}
}

func TestSearchResponse(t *testing.T) {
	got := ask(t, readyService(t, settings{}), "GET", "/search?q=+Cat%20food+")
	require.Equal(t, http.StatusOK, got.Code)
	assert.Equal(t, "application/json", got.Header().Get("Content-Type"))
	assert.Equal(t, "Accept-Encoding", got.Header().Get("Vary"))
	assert.Empty(t, got.Header().Get("Content-Encoding"))
	assert.Regexp(t, `^queue;dur=\d+\.\d{3}, search;dur=\d+\.\d{3}$`, got.Header().Get("Server-Timing"))

	var found results
	require.NoError(t, json.Unmarshal(got.Body.Bytes(), &found))
	assert.Equal(t, "Cat food", found.Query)
	assert.Equal(t, []string{"cat", "food"}, found.Terms)
	assert.Equal(t, 1, found.Matches)
	require.Len(t, found.Hits, 1)
	hit := found.Hits[0]
	assert.Positive(t, hit.Score)
	assert.Equal(t, "func Feed() {}", hit.Title)
	assert.Equal(t, "p", hit.Package)
	assert.Equal(t, 1, hit.Line)
	require.Len(t, hit.Fragments, 1)
	assert.Contains(t, hit.Fragments[0].Text, `gives the <cat> some "food"`)

	none := ask(t, readyService(t, settings{}), "GET", "/search?q=unicorn")
	assert.JSONEq(t, `{"query":"unicorn","terms":["unicorn"],"matches":0,"hits":[]}`, none.Body.String())
}

func TestCompressionLevels(t *testing.T) {
	plain := ask(t, readyService(t, settings{}), "GET", "/search?q=cat").Body.String()
	sizes := map[int]int{}
	for level := range 10 {
		s := readyService(t, settings{compression: level})
		for range 2 { // the second time with a used compressor
			got := ask(t, s, "GET", "/search?q=cat", "Accept-Encoding", "gzip")
			require.Equal(t, http.StatusOK, got.Code)
			sizes[level] = got.Body.Len()
			if level == 0 {
				assert.Empty(t, got.Header().Get("Content-Encoding"))
				assert.Equal(t, plain, got.Body.String())
				continue
			}
			assert.Equal(t, "gzip", got.Header().Get("Content-Encoding"))
			reader, err := gzip.NewReader(got.Body)
			require.NoError(t, err)
			unpacked, err := io.ReadAll(reader)
			require.NoError(t, err)
			assert.Equal(t, plain, string(unpacked), "level %d", level)
		}
		assert.Equal(t, plain, ask(t, s, "GET", "/search?q=cat").Body.String(), "not for clients that cannot read it")
	}
	assert.Less(t, sizes[9], sizes[0]/2)
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"":                      false,
		"gzip":                  true,
		"GZIP":                  true,
		"deflate, gzip;q=0.5":   true,
		"gzip;q=0":              false,
		"gzip; q=0.000":         false,
		"gzip; Q=0":             false,
		"gzip;q=x":              false,
		"*":                     true,
		"*;q=0":                 false,
		"identity":              false,
		"*, gzip;q=0":           false,
		"gzip;q=1, *;q=0":       true,
		"x-gzip":                false,
		"br;q=1.0, gzip ; q=.2": true,
	} {
		assert.Equal(t, want, acceptsGzip([]string{header}), "%q", header)
	}
	assert.True(t, acceptsGzip([]string{"br", "gzip"}), "several headers")
	assert.False(t, acceptsGzip(nil))
}

func FuzzSearchRequest(f *testing.F) {
	s := readyService(f, settings{compression: 1, cacheMiB: 1})
	f.Add("cat", "gzip")
	f.Add("", "gzip;q=")
	f.Add("\xff the", ";;,,=*")
	f.Fuzz(func(t *testing.T, query, accept string) {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/search?q="+url.QueryEscape(query), nil)
		request.Header.Set("Accept-Encoding", accept)
		got := httptest.NewRecorder()
		s.handler().ServeHTTP(got, request)
		body := io.Reader(got.Body)
		if got.Header().Get("Content-Encoding") == "gzip" {
			var err error
			body, err = gzip.NewReader(body)
			require.NoError(t, err)
		}
		require.Contains(t, []int{http.StatusOK, http.StatusBadRequest}, got.Code)
		require.NoError(t, json.NewDecoder(body).Decode(&map[string]any{}))
	})
}

func TestCachedResponses(t *testing.T) {
	s := readyService(t, settings{compression: 6, cacheMiB: 1})
	first := ask(t, s, "GET", "/search?q=cat", "Accept-Encoding", "gzip")
	second := ask(t, s, "GET", "/search?q=cat", "Accept-Encoding", "gzip")
	assert.Equal(t, "miss", first.Header().Get("X-Cache"))
	assert.Equal(t, "hit", second.Header().Get("X-Cache"))
	assert.Equal(t, "gzip", second.Header().Get("Content-Encoding"))
	assert.Equal(t, first.Body.Bytes(), second.Body.Bytes())

	plain := ask(t, s, "GET", "/search?q=cat")
	assert.Equal(t, "miss", plain.Header().Get("X-Cache"), "another encoding")
	assert.True(t, json.Valid(plain.Body.Bytes()))
	assert.Equal(t, int64(2), s.pool.snapshot().Served, "a hit needs no worker")
}

func TestStats(t *testing.T) {
	s := readyService(t, settings{workers: 3, compression: 2, cacheMiB: 4, gogc: 150, shards: 2})
	ask(t, s, "GET", "/search?q=cat")
	ask(t, s, "GET", "/search?q=cat")
	ask(t, s, "GET", "/search?q=")
	var got stats
	require.NoError(t, json.Unmarshal(ask(t, s, "GET", "/stats").Body.Bytes(), &got))
	assert.Equal(t, map[string]int{"workers": 3, "cache_mib": 4, "gogc": 150, "compression": 2, "shards": 2}, got.Settings)
	assert.True(t, got.Ready)
	assert.Equal(t, 3, got.Files)
	assert.Equal(t, 3, got.Docs)
	assert.Positive(t, got.Terms)
	assert.Positive(t, got.IndexBytes)
	assert.Equal(t, int64(3), got.Requests)
	assert.Positive(t, got.SentBytes)
	assert.Equal(t, int64(1), got.Cache.Hits)
	assert.Equal(t, int64(1), got.Cache.Misses)
	assert.Equal(t, int64(4<<20), got.Cache.CapacityBytes)
	assert.Equal(t, int64(1), got.Queue.Served)
	assert.Positive(t, got.Goroutines)
	assert.Positive(t, got.HeapBytes)
}

func TestRequestsWaitForAWorker(t *testing.T) {
	s := readyService(t, settings{workers: 1})
	held, wait, err := s.pool.acquire(t.Context())
	require.NoError(t, err)
	assert.Zero(t, wait)

	answered := make(chan *httptest.ResponseRecorder)
	go func() { answered <- ask(t, s, "GET", "/search?q=cat") }()
	awaitWaiting(t, s.pool, 1)
	s.pool.release(held)
	assert.Equal(t, http.StatusOK, (<-answered).Code)
	assert.Positive(t, s.pool.snapshot().WaitSeconds)
	assert.Positive(t, s.pool.snapshot().LongestWaitMilli)
}

func TestAbandonedRequestsLeaveTheQueue(t *testing.T) {
	p := newPool(1, 0)
	_, _, err := p.acquire(t.Context())
	require.NoError(t, err)
	gone := errors.New("the client hung up")
	ctx, cancel := context.WithCancelCause(t.Context())
	failed := make(chan error)
	go func() {
		_, _, err := p.acquire(ctx)
		failed <- err
	}()
	awaitWaiting(t, p, 1)
	cancel(gone)
	require.ErrorIs(t, <-failed, gone)
	assert.Zero(t, p.snapshot().Waiting)
}

func TestFullQueue(t *testing.T) {
	s := readyService(t, settings{workers: 1})
	held, _, err := s.pool.acquire(t.Context())
	require.NoError(t, err)
	codes := make(chan int, queueLimit)
	for range queueLimit {
		go func() { codes <- ask(t, s, "GET", "/search?q=cat").Code }()
	}
	awaitWaiting(t, s.pool, queueLimit)
	refused := ask(t, s, "GET", "/search?q=cat")
	assert.Equal(t, http.StatusServiceUnavailable, refused.Code)
	assert.Equal(t, "1", refused.Header().Get("Retry-After"))
	assert.Contains(t, refused.Body.String(), errQueueFull.Error())
	s.pool.release(held)
	for range queueLimit {
		assert.Equal(t, http.StatusOK, <-codes, "whoever was in the queue is served")
	}
	assert.Equal(t, int64(1), s.pool.snapshot().Rejected)
}

// awaitWaiting returns when exactly n requests wait for a worker.
func awaitWaiting(t *testing.T, p *pool, n int64) {
	t.Helper()
	require.Eventually(t, func() bool { return p.snapshot().Waiting == n }, 30*time.Second, time.Millisecond)
}
