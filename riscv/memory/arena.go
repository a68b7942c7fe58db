package memory

import (
	"runtime"
	"sync/atomic"
)

// mapping is host memory that a fork can run in: attributes, a gap, and the
// pages. Its image knows all of its mappings; who holds one is in its state.
type mapping struct {
	whole   []byte
	private int                                      // pages of which this is not the image's copy
	attrs   int                                      // the same of pages of attributes
	touched [MaxSpace >> (2 * PageShift) / 64]uint64 // which these are, a bit each

	// state changes hands with the mapping: what its holder wrote, the next
	// holder sees.
	state atomic.Uint64

	back bool      // the dirty list was last gone through backwards
	_    [1]uint64 // whole cache lines, so that forks on two processors share none
}

// The states of a mapping, in the low bits of its state; above them, while it
// is idle, are the numbers of private pages and of private pages of attributes.
const (
	inUse = iota
	idle
	gone // its host memory was given back

	stateBits   = 2
	privateBits = 24
)

// own notes that page p and its attribute become private.
func (g *mapping) own(p uint64) {
	g.private++
	k := p >> PageShift // a page holds the attributes of as many pages as it has bytes
	if bit := uint64(1) << (k % 64); g.touched[k/64]&bit == 0 {
		g.touched[k/64] |= bit
		g.attrs++
	}
}

// forget notes that nothing is private any more.
func (g *mapping) forget() {
	g.private, g.attrs = 0, 0
	clear(g.touched[:])
}

// arena holds a mapping. When the collector finds an idle one that nobody can
// reach, the mapping is unmapped. One in use is never taken away.
type arena struct{ *mapping }

// take returns an arena for a fork: an idle one or a new one.
func (im *Image) take() (*arena, error) {
	for {
		a, _ := im.idle.Get().(*arena)
		if a == nil {
			return im.mapArena()
		}
		if s := a.state.Load(); s&(1<<stateBits-1) == idle && a.state.CompareAndSwap(s, inUse) {
			return a, nil
		}
	}
}

// mapArena maps an arena and registers it, which keeps the image.
func (im *Image) mapArena() (*arena, error) {
	if !im.hold() {
		return nil, &Error{Closed, 0}
	}
	im.backing.count(im.parts())
	whole, err := im.snap.fork(int(AttrsBelow + im.size))
	if err != nil {
		im.backing.count(-im.parts())
		im.drop()
		return nil, err
	}
	g := &mapping{whole: whole}
	im.mu.Lock()
	im.mappings[g] = struct{}{}
	im.mu.Unlock()
	im.mapped.Add(1)
	a := &arena{g}
	runtime.AddCleanup(a, func(g *mapping) { im.reclaim(g) }, g)
	return a, nil
}

// give takes back an arena that is as the image is. It is kept for the next
// fork unless the image is closed or has enough, or all images together have.
func (im *Image) give(a *arena) {
	if im.closed.Load() || im.mapped.Load() > im.keep.Load() || im.backing.crowded() {
		a.state.Store(gone)
		im.unmap(a.mapping)
		return
	}
	a.state.Store(idle | uint64(a.private)<<stateBits | uint64(a.attrs)<<(stateBits+privateBits))
	if im.closed.Load() {
		// Close may have missed it while it was in use.
		im.reclaim(a.mapping)
		return
	}
	im.idle.Put(a)
}

// reclaim unmaps a mapping if it is idle, once.
func (im *Image) reclaim(g *mapping) {
	if s := g.state.Load(); s&(1<<stateBits-1) == idle && g.state.CompareAndSwap(s, gone) {
		im.unmap(g)
	}
}

func (im *Image) unmap(g *mapping) {
	im.mu.Lock()
	delete(im.mappings, g)
	im.mu.Unlock()
	im.mapped.Add(-1)
	release(g.whole)
	im.backing.count(-im.parts())
	im.drop()
}

// parts returns how many of the host's mappings an arena consists of, at most:
// the extents, what lies between them, and the guard bands.
func (im *Image) parts() int64 { return int64(2*len(im.snap.extents) + 3) }
