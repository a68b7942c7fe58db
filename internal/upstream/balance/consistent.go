package balance

import (
	"cmp"
	"slices"
	"sort"
	"strconv"

	"github.com/zeebo/xxh3"
)

// ringPoints is how many points the heaviest member of a ring has; the others
// have their part of it. The number must not depend on how many members there
// are, or every change would move keys between those that stay. Shares are
// within about two percent of themselves; a member costs 32 KiB.
const ringPoints = 4096

// ring is consistent hashing with virtual nodes: a key belongs to the first
// point at or after its hash. A point's upper 48 bits are its place, the lower
// 16 its member, so that sorting numbers sorts the ring.
type ring struct{ points []uint64 }

const ringMember = 1<<16 - 1

func newRing(members []Member) *ring {
	heaviest := 0
	for _, m := range members {
		heaviest = max(heaviest, m.Weight)
	}
	r := &ring{}
	for i, m := range members {
		if m.Weight <= 0 {
			continue
		}
		for n := range max(1, ringPoints*m.Weight/heaviest) {
			h := xxh3.HashString(m.Name + "#" + strconv.Itoa(n))
			r.points = append(r.points, h&^ringMember|uint64(i))
		}
	}
	slices.Sort(r.points)
	return r
}

func (r *ring) order(t *Table, s *scratch, key []byte, now int64, last bool) {
	h := xxh3.Hash(key)
	from := sort.Search(len(r.points), func(n int) bool { return r.points[n] >= h })
	walk(t, s, h, now, last, func(n int) (int32, bool) {
		if n >= len(r.points) {
			return 0, false
		}
		return int32(r.points[(from+n)%len(r.points)] & ringMember), true
	})
}

// maglevSize is the prime number of entries of a Maglev table.
const maglevSize = 65537

// maglev is the look-up table of Eisenbud et al. (NSDI 2016) with weights: in
// each round a member claims entries of its own permutation in proportion to
// its weight. A server that is down is passed over by going on through the
// table, so that the others' keys stay.
type maglev struct{ table []uint16 }

func newMaglev(members []Member) *maglev {
	type claim struct {
		offset, skip, next uint64
		weight, credit     float64
		member             uint16
	}
	var claims []claim
	heaviest := 0.0
	for i, m := range members {
		if m.Weight <= 0 {
			continue
		}
		h := xxh3.HashString(m.Name)
		claims = append(claims, claim{
			offset: h % maglevSize, skip: mix(h)%(maglevSize-1) + 1, weight: float64(m.Weight), member: uint16(i),
		})
		heaviest = max(heaviest, float64(m.Weight))
	}
	if len(claims) == 0 {
		return &maglev{}
	}
	// The order of the list must not matter, or adding a server at its head
	// would move every key.
	slices.SortFunc(claims, func(a, b claim) int { return cmp.Compare(members[a.member].Name, members[b.member].Name) })
	table, taken := make([]uint16, maglevSize), make([]bool, maglevSize)
	for filled := 0; ; {
		for k := range claims {
			c := &claims[k]
			for c.credit += c.weight / heaviest; c.credit >= 1; c.credit-- {
				at := (c.offset + c.next*c.skip) % maglevSize
				for ; taken[at]; at = (c.offset + c.next*c.skip) % maglevSize {
					c.next++
				}
				table[at], taken[at] = c.member, true
				c.next++
				if filled++; filled == maglevSize {
					return &maglev{table}
				}
			}
		}
	}
}

func (m *maglev) order(t *Table, s *scratch, key []byte, now int64, last bool) {
	h := xxh3.Hash(key)
	walk(t, s, h, now, last, func(n int) (int32, bool) {
		if n >= len(m.table) {
			return 0, false
		}
		return int32(m.table[(h+uint64(n))%maglevSize]), true
	})
}
