package main

import (
	"container/list"
	"fmt"
	"net/http"
	"sync"
)

// shop is the existing service. It answers GET /price?item=… and keeps what it
// has worked out last.
type shop struct {
	mu           sync.Mutex
	size         int
	recent       *list.List // of items, the latest first
	known        map[string]*list.Element
	hits, misses int
}

func newShop(size int) *shop {
	return &shop{size: size, recent: list.New(), known: map[string]*list.Element{}}
}

func (s *shop) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /price", func(w http.ResponseWriter, r *http.Request) {
		item := r.URL.Query().Get("item")
		if item == "" {
			http.Error(w, "which item?", http.StatusBadRequest)
			return
		}
		w.Header().Set("X-Cached", fmt.Sprint(s.lookup(item)))
		_, _ = fmt.Fprintf(w, "%d\n", 100+len(item)) //nolint:gosec // a number
	})
	return mux
}

// lookup tells whether the price was known, and remembers it.
func (s *shop) lookup(item string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.known[item]; ok {
		s.hits++
		s.recent.MoveToFront(e)
		return true
	}
	s.misses++
	s.known[item] = s.recent.PushFront(item)
	s.trim()
	return false
}

// resize changes the size of the cache while the service runs.
func (s *shop) resize(size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size = size
	s.trim()
}

// trim forgets what has not been asked for the longest; s.mu is held.
func (s *shop) trim() {
	for s.recent.Len() > s.size {
		oldest := s.recent.Back()
		if item, ok := s.recent.Remove(oldest).(string); ok {
			delete(s.known, item)
		}
	}
}

// window returns hits and misses since the last call.
func (s *shop) window() (hits, misses int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hits, misses = s.hits, s.misses
	s.hits, s.misses = 0, 0
	return hits, misses
}
