package balance

import (
	"math"
	"sync"
	"sync/atomic"
)

// smooth is weighted round robin without bursts: every choice adds to each
// candidate its weight, takes the highest, and subtracts the sum from it. Over
// any run of requests each gets its share to within one.
type smooth struct {
	mu      sync.Mutex // a leaf, held for one pass over the candidates
	current []int64    // by member
}

// grain is how many units of the running sums one unit of weight is, so that a
// share in slow start is not rounded to zero.
const grain = 1024

func (r *smooth) run(t *Table, s *scratch, q *Query, _ bool) { r.choose(t, s, q, len(s.list), nil) }

// choose moves the round's winner among the first n candidates to the front.
// factors, if given, multiply the members' weights.
func (r *smooth) choose(t *Table, s *scratch, q *Query, n int, factors []atomic.Uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var total, best int64
	at := -1
	for p, i := range s.list[:n] {
		weight := t.members[i].weight(q.Now)
		if factors != nil {
			weight *= math.Float64frombits(factors[i].Load())
		}
		w := max(1, int64(weight*grain))
		total += w
		sum := r.current[i] + w
		if at < 0 || sum > best {
			at, best = p, sum
		}
		if !s.explain {
			r.current[i] = sum
		}
	}
	if !s.explain {
		r.current[s.list[at]] -= total
	} else {
		s.say(s.list[at], "its turn")
	}
	s.front(at)
}
