package main

import (
	"container/list"
	"sync"
)

// entryOverhead is what an entry costs beyond its key and its body: the list
// element, the map slot and the headers.
const entryOverhead = 200

// A cache keeps encoded responses up to a number of bytes and gives up the
// least recently used ones for new ones. A nil cache holds nothing.
type cache struct {
	capacity int64

	mu      sync.Mutex
	used    int64
	entries map[cacheKey]*list.Element
	recent  list.List // of *cacheEntry, the most recently used in front
	stats   cacheStats
}

// A cacheKey is a query as a client may word it again, and the encoding of
// the response.
type cacheKey struct {
	terms    string
	encoding string
}

type cacheEntry struct {
	key  cacheKey
	body []byte
}

func (e *cacheEntry) size() int64 {
	return int64(len(e.key.terms)+len(e.key.encoding)+len(e.body)) + entryOverhead
}

type cacheStats struct {
	Hits          int64 `json:"hits"`
	Misses        int64 `json:"misses"`
	Evictions     int64 `json:"evictions"`
	Entries       int   `json:"entries"`
	Bytes         int64 `json:"bytes"`
	CapacityBytes int64 `json:"capacity_bytes"`
}

// newCache returns nil when the capacity is zero.
func newCache(capacity int64) *cache {
	if capacity <= 0 {
		return nil
	}
	return &cache{capacity: capacity, entries: make(map[cacheKey]*list.Element)}
}

// get returns a body that must not be changed.
func (c *cache) get(key cacheKey) ([]byte, bool) {
	if c == nil {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[key]
	if !ok {
		c.stats.Misses++
		return nil, false
	}
	c.stats.Hits++
	c.recent.MoveToFront(element)
	return entryOf(element).body, true
}

// entryOf returns the entry of an element; the list holds nothing else.
func entryOf(element *list.Element) *cacheEntry {
	entry, _ := element.Value.(*cacheEntry)
	return entry
}

// put stores a body, which the caller must not change afterwards. A body that
// exceeds the whole capacity is not stored.
func (c *cache) put(key cacheKey, body []byte) {
	if c == nil {
		return
	}
	entry := &cacheEntry{key, body}
	if entry.size() > c.capacity {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, ok := c.entries[key]; ok {
		c.used -= entryOf(element).size()
		element.Value = entry
		c.recent.MoveToFront(element)
	} else {
		c.entries[key] = c.recent.PushFront(entry)
	}
	c.used += entry.size()
	for c.used > c.capacity {
		oldest := entryOf(c.recent.Back())
		c.recent.Remove(c.recent.Back())
		delete(c.entries, oldest.key)
		c.used -= oldest.size()
		c.stats.Evictions++
	}
}

func (c *cache) snapshot() cacheStats {
	if c == nil {
		return cacheStats{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := c.stats
	stats.Entries, stats.Bytes, stats.CapacityBytes = len(c.entries), c.used, c.capacity
	return stats
}
