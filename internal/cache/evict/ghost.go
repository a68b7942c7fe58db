package evict

import "sync/atomic"

// ways is how many ghosts share a set: a cache line of them.
const ways = 8

// A Ghost remembers by hash what was evicted lately. It forgets by itself: a
// hash counts while fewer than Span others were added after it, and in a full
// set the oldest makes room. Slots are the caller's memory, zero at first, a
// power of two and at least 8. It is a filter, not a list: a wrong answer costs
// one object a place in the wrong queue.
type Ghost struct {
	clock atomic.Uint32
	span  atomic.Uint32
}

// SetSpan sets how many additions a ghost outlives.
func (g *Ghost) SetSpan(n uint32) { g.span.Store(n) }

// Add remembers a hash.
func (g *Ghost) Add(slots []atomic.Uint64, hash uint64) {
	now := g.clock.Add(1)
	set, mark := place(slots, hash)
	oldest, age := 0, uint32(0)
	for i := range set {
		v := set[i].Load()
		if v == 0 || uint32(v>>32) == mark {
			oldest = i
			break
		}
		if a := now - uint32(v); a >= age {
			oldest, age = i, a
		}
	}
	set[oldest].Store(uint64(mark)<<32 | uint64(now))
}

// Take reports whether the hash is remembered, and forgets it.
func (g *Ghost) Take(slots []atomic.Uint64, hash uint64) bool {
	set, mark := place(slots, hash)
	for i := range set {
		v := set[i].Load()
		if v != 0 && uint32(v>>32) == mark {
			return set[i].CompareAndSwap(v, 0) && g.clock.Load()-uint32(v) < g.span.Load()
		}
	}
	return false
}

// place returns the set of a hash, and what stands for the hash in it.
func place(slots []atomic.Uint64, hash uint64) ([]atomic.Uint64, uint32) {
	at := int(uint32(hash)) & (len(slots) - 1) &^ (ways - 1)
	return slots[at : at+ways], uint32(hash>>32) | 1
}
