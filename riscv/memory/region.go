package memory

import (
	"errors"
	"fmt"
	"slices"
	"sort"
)

// plainPage is the protection outside all regions.
const plainPage = Read | Write

// maxRegions bounds how many regions a program can make the host keep.
const maxRegions = 1 << 14

// keptRegions is the room for regions that a fork at rest may keep.
const keptRegions = 64

// errRegions reports a program that maps in too many pieces.
var errRegions = errors.New("too many regions")

// region is a run of pages [first, end) with one protection, which those of its
// pages have that come into being. Pages that exist have their own.
type region struct {
	first, end uint32
	prot       uint8
}

// regions is a list of regions, sorted and apart from each other; neighbours of
// the same protection are one. A list instead of attributes makes the cost of
// mapping gigabytes that of an insertion, and leaves pages that do not exist off
// the dirty list. A fork shares the list of its image until it changes it.
type regions struct {
	list []region
	own  []region // the fork's copy, or the room for one
	mine bool     // list is own
}

// share makes the list that of an image again. The room is kept if it is small.
func (r *regions) share(list []region) {
	r.list, r.mine = list, false
	if cap(r.own) > keptRegions {
		r.own = nil
	}
}

// after returns the index of the first region that ends above page p.
func (r *regions) after(p uint32) int {
	return sort.Search(len(r.list), func(i int) bool { return r.list[i].end > p })
}

// at returns the protection that page p has when it comes into being.
func (r *regions) at(p uint64) uint8 {
	if len(r.list) == 0 {
		return plainPage
	}
	if i := r.after(uint32(p)); i < len(r.list) && r.list[i].first <= uint32(p) {
		return r.list[i].prot
	}
	return plainPage
}

// each calls f for every region that overlaps [first, end), clipped to it, until
// f returns false.
func (r *regions) each(first, end uint32, f func(region) bool) {
	for i := r.after(first); i < len(r.list) && r.list[i].first < end; i++ {
		g := r.list[i]
		g.first, g.end = max(g.first, first), min(g.end, end)
		if !f(g) {
			return
		}
	}
}

// replace puts pieces, which lie in [first, end) in order, in the place of
// whatever was there. Regions that reach out of it keep their parts outside. It
// changes nothing when it fails.
func (r *regions) replace(first, end uint32, pieces ...region) error {
	if first == end {
		return nil
	}
	if !r.mine {
		r.own = append(r.own[:0], r.list...)
		r.list, r.mine = r.own, true
	}
	// What [i, j) covers goes; what stays of it, and the pieces, are the seam.
	i, j := r.after(first), r.after(end)
	var room [6]region
	seam := room[:0]
	if i < len(r.list) && r.list[i].first < first {
		g := r.list[i]
		seam = append(seam, region{g.first, first, g.prot})
	}
	seam = append(seam, pieces...)
	if j < len(r.list) && r.list[j].first < end {
		g := r.list[j]
		seam = append(seam, region{end, g.end, g.prot})
		j++
	}
	// Neighbours join the seam, to be merged with it if they are alike.
	if i > 0 {
		i--
		seam = slices.Insert(seam, 0, r.list[i])
	}
	if j < len(r.list) {
		seam = append(seam, r.list[j])
		j++
	}
	seam = merged(seam)
	if len(r.list)-(j-i)+len(seam) > maxRegions {
		return errRegions
	}
	r.list = slices.Replace(r.list, i, j, seam...)
	r.own = r.list
	return nil
}

// merged joins neighbours of the same protection, in place.
func merged(list []region) []region {
	n := 0
	for _, g := range list {
		switch {
		case g.first == g.end:
		case n > 0 && list[n-1].end == g.first && list[n-1].prot == g.prot:
			list[n-1].end = g.end
		default:
			list[n] = g
			n++
		}
	}
	return list[:n]
}

// code finds executable pages in [first, end). Only LoadSegment makes them, and
// they never vanish, so the list knows all of them.
func (r *regions) code(first, end uint32) (p uint64, found bool) {
	r.each(first, end, func(g region) bool {
		p, found = uint64(g.first), g.prot&Exec != 0
		return !found
	})
	return p, found
}

// set gives [first, end) one protection.
func (m *Memory) set(verb string, first, end uint64, pieces ...region) error {
	if err := m.regions.replace(uint32(first), uint32(end), pieces...); err != nil {
		return fmt.Errorf("%s address %#x: %w", verb, first<<PageShift, err)
	}
	return nil
}
