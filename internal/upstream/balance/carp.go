package balance

import (
	"math"
	"math/bits"
	"slices"
	"strings"
)

// carp is the Cache Array Routing Protocol, draft-vinod-carp-v1-03: every
// member's score is a hash of URL and name times a multiplier computed from the
// load factors; the highest score wins. All hash arithmetic wraps at 32 bits.
//
// In squid mode the URL is hashed once more for every member, on top of the
// value before it, as Squid has done since 2011: the two modes disagree on more
// than half of all URLs, and each agrees with the proxies that compute it.
// A slow start does not change the multipliers.
type carp struct {
	squid  bool
	ranked []carpMember // ascending by weight, equals in the order of the configuration
}

type carpMember struct {
	member     int32
	hash       uint32
	multiplier float64
}

const carpFactor = 0x62531965

// urlHash continues the hash h over the URL; it starts from zero.
func urlHash(h uint32, url []byte) uint32 {
	for _, c := range url {
		h += bits.RotateLeft32(h, 19) + uint32(c)
	}
	return h
}

// urlHashSigned is urlHash with characters as signed bytes, which they are in
// Squid on amd64.
func urlHashSigned(h uint32, url []byte) uint32 {
	for _, c := range url {
		h += bits.RotateLeft32(h, 19) + uint32(int32(int8(c)))
	}
	return h
}

func memberHash(name string) uint32 {
	h := urlHash(0, []byte(strings.ToLower(name)))
	h += h * carpFactor
	return bits.RotateLeft32(h, 21)
}

func carpCombine(url, member uint32) uint32 {
	c := url ^ member
	c += c * carpFactor
	return bits.RotateLeft32(c, 21)
}

func newCARP(members []Member, squid bool) *carp {
	c := &carp{squid: squid}
	for i, m := range members {
		if m.Weight > 0 {
			c.ranked = append(c.ranked, carpMember{member: int32(i), hash: memberHash(m.Name)})
		}
	}
	slices.SortStableFunc(c.ranked, func(a, b carpMember) int { return members[a.member].Weight - members[b.member].Weight })
	weights := make([]int, len(c.ranked))
	for k := range c.ranked {
		weights[k] = members[c.ranked[k].member].Weight
	}
	for k, x := range multipliers(weights) {
		c.ranked[k].multiplier = x
	}
	return c
}

// multipliers computes X₁…X_K of the draft, §3.4, from weights in ascending
// order: X_k = ((K−k+1)(P_k−P_{k−1})/∏_{i<k}X_i + X_{k−1}^{K−k+1})^{1/(K−k+1)}.
func multipliers(weights []int) []float64 {
	total := 0.0
	for _, w := range weights {
		total += float64(w)
	}
	product, lastX, lastP := 1.0, 0.0, 0.0
	var list []float64
	for k, w := range weights {
		p := float64(w) / total
		left := float64(len(weights) - k)
		x := math.Pow(left*(p-lastP)/product+math.Pow(lastX, left), 1/left)
		list = append(list, x)
		product, lastX, lastP = product*x, x, p
	}
	return list
}

func (c *carp) order(_ *Table, s *scratch, key []byte, _ int64, last bool) {
	// Scores by member first: squid's hash runs over every member, also those
	// that are not candidates.
	for _, i := range s.list {
		s.in[i] = true
	}
	s.list, s.score = s.list[:0], s.score[:0]
	h := uint32(0)
	if !c.squid {
		h = urlHash(0, key)
	}
	for _, m := range c.ranked {
		if c.squid {
			h = urlHashSigned(h, key)
		}
		if s.in[m.member] {
			s.in[m.member] = false
			s.list = append(s.list, m.member)
			s.score = append(s.score, -float64(carpCombine(h, m.hash))*m.multiplier)
		}
	}
	if last {
		s.front(lowest(s.score))
		return
	}
	s.sort()
}
