package main

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func plainKey(terms string) cacheKey { return cacheKey{terms: terms} }

// bodyFor returns a body that makes the entry of a one-letter key exactly
// size bytes large.
func bodyFor(size int) []byte { return make([]byte, size-entryOverhead-1) }

func TestCacheEvictsByBytes(t *testing.T) {
	c := newCache(3000)
	c.put(plainKey("a"), bodyFor(1000))
	c.put(plainKey("b"), bodyFor(1000))
	c.put(plainKey("c"), bodyFor(1000))
	assert.Equal(t, cacheStats{Entries: 3, Bytes: 3000, CapacityBytes: 3000}, c.snapshot(), "exactly full")

	_, ok := c.get(plainKey("a")) // now b is the least recently used one
	require.True(t, ok)
	c.put(plainKey("d"), bodyFor(300))
	for key, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		_, ok := c.get(plainKey(key))
		assert.Equal(t, want, ok, key)
	}
	assert.Equal(t, cacheStats{Hits: 4, Misses: 1, Evictions: 1, Entries: 3, Bytes: 2300, CapacityBytes: 3000}, c.snapshot())

	c.put(plainKey("e"), bodyFor(3000))
	assert.Equal(t, 1, c.snapshot().Entries, "a large entry drives out several")
}

func TestCacheReplaces(t *testing.T) {
	c := newCache(3000)
	c.put(plainKey("a"), bodyFor(1000))
	c.put(plainKey("a"), bodyFor(2000))
	assert.Equal(t, cacheStats{Entries: 1, Bytes: 2000, CapacityBytes: 3000}, c.snapshot())
	c.put(plainKey("b"), bodyFor(1000))
	c.put(plainKey("b"), bodyFor(2000))
	stats := c.snapshot()
	assert.Equal(t, int64(2000), stats.Bytes)
	assert.Equal(t, int64(1), stats.Evictions, "growth counts too")
}

func TestCacheIgnoresWhatCannotFit(t *testing.T) {
	c := newCache(1000)
	c.put(plainKey("a"), bodyFor(1000))
	c.put(plainKey("b"), bodyFor(1001))
	_, ok := c.get(plainKey("a"))
	assert.True(t, ok, "nothing was given up for it")
	assert.Equal(t, 1, c.snapshot().Entries)
}

func TestCacheKeepsEncodingsApart(t *testing.T) {
	c := newCache(1 << 20)
	c.put(cacheKey{"a", "gzip"}, []byte("compressed"))
	_, ok := c.get(cacheKey{"a", ""})
	assert.False(t, ok)
}

func TestNoCache(t *testing.T) {
	c := newCache(0)
	c.put(plainKey("a"), []byte("x"))
	_, ok := c.get(plainKey("a"))
	assert.False(t, ok)
	assert.Zero(t, c.snapshot())
}

func TestCacheFromManyGoroutines(t *testing.T) {
	c := newCache(20_000)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 2_000 {
				n := (i*7 + worker*13) % 100
				key := plainKey(fmt.Sprintf("%02d", n))
				if body, ok := c.get(key); ok {
					assert.Equal(t, bytes.Repeat([]byte{byte(n)}, 100+n*5), body)
				} else {
					c.put(key, bytes.Repeat([]byte{byte(n)}, 100+n*5))
				}
			}
		})
	}
	group.Wait()
	stats := c.snapshot()
	assert.LessOrEqual(t, stats.Bytes, stats.CapacityBytes)
	assert.Positive(t, stats.Evictions)
	assert.Equal(t, int64(16_000), stats.Hits+stats.Misses)
	var total int64
	for element := c.recent.Front(); element != nil; element = element.Next() {
		total += element.Value.(*cacheEntry).size()
	}
	assert.Equal(t, total, stats.Bytes, "the sum of what is in it")
}
