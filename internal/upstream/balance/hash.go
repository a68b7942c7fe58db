package balance

import (
	"fmt"
	"math"
	"slices"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"

	"github.com/zeebo/xxh3"
)

// hashStep orders the candidates by a hash of a key.
type hashStep struct {
	key  Key
	algo algorithm
}

// algorithm orders s.list for a key; with last, only the first place counts.
type algorithm interface {
	order(t *Table, s *scratch, key []byte, now int64, last bool)
}

// shortHash returns the hash step that a plain name stands for.
func shortHash(name string) (key Key, algo string, ok bool) {
	switch name {
	case "source":
		return clientKey{}, "rendezvous", true
	case "path":
		return pathKey{}, "rendezvous", true
	case "ring", "maglev", "rendezvous":
		return pathKey{}, name, true
	case "carp", "carp-squid":
		return urlKey{}, name, true
	}
	return nil, "", false
}

func (t *Table) compileHash(b model.BalanceStep, o Options) (step, error) {
	key, name, ok := shortHash(b.Name)
	if !ok {
		if b.Name != "hash" {
			return nil, fmt.Errorf("no such transform")
		}
		if o.Compile == nil {
			return nil, errNoCompiler
		}
		var err error
		if key, err = o.Compile(b.Key); err != nil {
			return nil, err
		}
		name = "rendezvous"
		if n := len(b.Args); n > 0 {
			name = b.Args[n-1]
		}
	}
	algo, err := t.algorithm(name)
	return hashStep{key, algo}, err
}

func (t *Table) algorithm(name string) (algorithm, error) {
	switch name {
	case "rendezvous":
		return newRendezvous(t.members), nil
	case "maglev":
		return newMaglev(t.members), nil
	case "ring":
		return newRing(t.members), nil
	case "carp":
		return newCARP(t.members, false), nil
	case "carp-squid":
		return newCARP(t.members, true), nil
	case "sum":
		return sum{}, nil
	}
	return nil, fmt.Errorf("no hash %q; it is rendezvous, maglev, ring, carp, carp-squid or sum", name)
}

func (h hashStep) run(t *Table, s *scratch, q *Query, last bool) {
	key, ok := h.key.Append(s.key[:0], q.Env)
	s.key = key[:0]
	if !ok {
		// A request without the key has no home: it goes by turns.
		t.rr.run(t, s, q, last)
		return
	}
	h.algo.order(t, s, key, q.Now, last)
	if s.explain {
		s.say(s.list[0], fmt.Sprintf("hash of %q", key))
	}
}

type clientKey struct{}

func (clientKey) Append(dst []byte, e *predicate.Env) ([]byte, bool) {
	a := e.Req.ClientIP.Unmap().As16()
	return append(dst, a[:]...), true
}

type pathKey struct{}

func (pathKey) Append(dst []byte, e *predicate.Env) ([]byte, bool) {
	return append(dst, e.Req.Path...), true
}

// urlKey is the URL with scheme and host in lower case, as CARP hashes it.
type urlKey struct{}

func (urlKey) Append(dst []byte, e *predicate.Env) ([]byte, bool) {
	r := e.Req
	dst = append(append(append(dst, r.Scheme...), "://"...), r.Host...)
	if r.Port != 0 && !(r.Scheme == "http" && r.Port == 80) && !(r.Scheme == "https" && r.Port == 443) {
		dst = fmt.Appendf(dst, ":%d", r.Port)
	}
	return appendTarget(dst, r), true
}

func appendTarget(dst []byte, r *message.Request) []byte {
	dst = append(dst, r.Path...)
	if r.HasQuery {
		dst = append(append(dst, '?'), r.Query...)
	}
	return dst
}

// mix spreads a 64-bit value (the finaliser of splitmix64).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// unitOf maps a hash to (0, 1).
func unitOf(h uint64) float64 { return (float64(h>>11) + 0.5) / (1 << 53) }

// rendezvous is highest random weight hashing: every member gets the score
// −w/ln(u) of a uniform u from key and name, and the highest wins. Shares are
// exactly proportional to weights, and a member that leaves moves its own keys
// only.
type rendezvous struct{ seeds []uint64 }

func newRendezvous(members []Member) *rendezvous {
	r := &rendezvous{}
	for _, m := range members {
		r.seeds = append(r.seeds, xxh3.HashString(m.Name))
	}
	return r
}

func (r *rendezvous) order(t *Table, s *scratch, key []byte, now int64, last bool) {
	h := xxh3.Hash(key)
	s.rank(func(i int32) float64 {
		// The lowest ln(u)/−w is the highest −w/ln(u).
		return -math.Log(unitOf(mix(h+r.seeds[i]))) / t.members[i].weight(now)
	})
	if last {
		s.front(lowest(s.score))
		return
	}
	s.sort()
}

func lowest(score []float64) (at int) {
	for p, v := range score {
		if v < score[at] {
			at = p
		}
	}
	return at
}

// sum is the plain hash modulo the candidates' weights: cheap, and most keys
// move when a server leaves.
type sum struct{}

func (sum) order(t *Table, s *scratch, key []byte, _ int64, _ bool) {
	total := uint64(0)
	for _, i := range s.list {
		total += uint64(t.members[i].Weight)
	}
	r := xxh3.Hash(key) % total
	for p, i := range s.list {
		w := uint64(t.members[i].Weight)
		if r < w {
			// Rotated, so that a later bounded() spills to the next in order.
			rotate(s.list, p)
			return
		}
		r -= w
	}
}

func rotate(list []int32, n int) {
	slices.Reverse(list[:n])
	slices.Reverse(list[n:])
	slices.Reverse(list)
}

// walk orders the candidates as next yields members: those that are candidates
// and not yet taken, until all (or, with last, one) are placed. A candidate in
// slow start takes only the part of its keys that its share of the weight is.
func walk(t *Table, s *scratch, h uint64, now int64, last bool, next func(n int) (i int32, more bool)) {
	for _, i := range s.list {
		s.in[i] = true
	}
	want := len(s.list)
	s.score = s.score[:0] // its capacity holds the order found, as exact integers
	for n := 0; len(s.score) < want; n++ {
		i, more := next(n)
		if !more {
			break
		}
		if !s.in[i] {
			continue
		}
		if len(s.score) == 0 && want > 1 && unitOf(mix(h^uint64(i))) > t.members[i].Node.Share(now) {
			continue
		}
		s.in[i] = false
		s.score = append(s.score, float64(i))
		if last {
			break
		}
	}
	// Members that next never yielded, or that slow start passed over, come last.
	for _, i := range s.list {
		if s.in[i] {
			s.in[i] = false
			s.score = append(s.score, float64(i))
		}
	}
	s.list = s.list[:0]
	for _, v := range s.score {
		s.list = append(s.list, int32(v))
	}
}
