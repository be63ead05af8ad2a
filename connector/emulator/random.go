package emulator

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
)

// The purposes of randomness.
const (
	beginning uint64 = iota
	measuring
	adjusting
)

// random returns the randomness for the n-th operation of its kind. It depends
// on the arguments and on nothing else, so that operations side by side do not
// take numbers from one another.
func random(seed, purpose, n uint64, detail string) *rand.Rand {
	var key [32]byte
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(detail)) // never fails
	for i, part := range []uint64{seed, purpose, n, hash.Sum64()} {
		binary.LittleEndian.PutUint64(key[8*i:], part)
	}
	return rand.New(rand.NewChaCha8(key))
}
