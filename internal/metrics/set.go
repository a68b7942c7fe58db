package metrics

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
)

const line = 8 // counters in a cache line of 64 bytes

// Shard picks the cache line that a writer adds to. A session takes one when it
// begins, so that sessions of different processors rarely share a line.
type Shard uint32

// NewShard returns a shard at random.
func NewShard() Shard { return Shard(rand.Uint32()) }

// Set is a row of counters that are added to together: one per listener,
// route, server or tenant. Each shard of a Set is a cache line of its own.
type Set struct {
	n, stride int
	mask      uint32
	cells     []atomic.Int64
}

// NewSet returns n counters at zero.
func NewSet(n int) *Set {
	shards := 1
	for shards < min(runtime.GOMAXPROCS(0), 16) {
		shards *= 2
	}
	stride := (n + line - 1) / line * line
	return &Set{n: n, stride: stride, mask: uint32(shards - 1), cells: make([]atomic.Int64, stride*shards)}
}

// Add adds delta, which may be negative for a gauge, to counter i.
func (s *Set) Add(shard Shard, i int, delta int64) {
	s.cells[int(uint32(shard)&s.mask)*s.stride+i].Add(delta)
}

// Value returns the sum of counter i over the shards.
func (s *Set) Value(i int) (sum int64) {
	for at := i; at < len(s.cells); at += s.stride {
		sum += s.cells[at].Load()
	}
	return sum
}

// Len returns how many counters the set has.
func (s *Set) Len() int { return s.n }
