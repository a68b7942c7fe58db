package memory

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// dropAbove is the number of private pages from which on Reset gives all of
	// them back to the host in one call. Below it copying is cheaper than the
	// faults that follow, and what idle arenas hold stays bounded.
	dropAbove = 1024

	// keepDefault is how many arenas an image has before a fork that is closed
	// gives its own back to the host.
	keepDefault = 64

	// fewDirty is the room of a new dirty list: a cache line of its own.
	fewDirty = 16
)

// Image is a frozen Memory: what its forks start from and return to. Nothing in
// it that all forks look at is written to by a fork that finds an idle arena,
// so that processors do not wait for each other.
type Image struct {
	snap    *snapshot
	runs    []run  // where the snapshot has which page
	attrs   []byte // of the snapshot's pages, in its order
	size    uint64
	list    []uint32 // pages that exist, sorted
	limit   int
	regions []region
	backing *Backing
	closed  atomic.Bool
	keep    atomic.Int64 // arenas

	// users counts the image itself, its arenas, and its parked forks. Both
	// counters change only when an arena is mapped or unmapped, or a fork parked.
	users  atomic.Int64
	mapped atomic.Int64

	idle sync.Pool // of *arena

	mu       sync.Mutex
	mappings map[*mapping]struct{}
	parked   atomic.Int64
}

// Freeze copies the memory into an Image. The Memory stays as it is.
func (m *Memory) Freeze() (*Image, error) {
	if err := m.Wake(); err != nil {
		return nil, err
	}
	list := slices.Clone(m.list)
	if m.image != nil {
		list = append(list, m.image.list...)
	}
	slices.Sort(list)
	list = slices.Compact(list)
	list = slices.DeleteFunc(list, func(p uint32) bool { return m.attrs[p]&mapped == 0 })
	im := &Image{
		size: m.size, list: list, limit: m.limit, backing: m.backing,
		regions: slices.Clone(m.regions.list), mappings: make(map[*mapping]struct{}),
	}
	l := layOut(list)
	im.runs = l.pages
	im.attrs = make([]byte, l.count)
	for _, p := range list {
		a := m.attrs[p] &^ (dirty | owned | Fast)
		if isBlank(m.arena[int(p)<<PageShift:][:PageSize]) {
			a |= blank
		}
		im.attrs[im.index(p)] = a
	}
	var err error
	if im.snap, err = newSnapshot(m.backing, l.extents(), im.chunks(m, l)); err != nil {
		return nil, fmt.Errorf("freeze memory: %w", err)
	}
	im.users.Store(1)
	im.keep.Store(keepDefault)
	return im, nil
}

// chunks returns the pages that a snapshot is made of.
func (im *Image) chunks(m *Memory, l layout) []chunk {
	var list []chunk
	for _, p := range im.list {
		off := int(p) << PageShift
		list = append(list, chunk{im.index(p) << PageShift, m.arena[off : off+PageSize]})
	}
	// A page of attributes is described by those of the pages that exist.
	var page []byte
	for i, p := range im.list {
		k := p >> PageShift
		if i == 0 || im.list[i-1]>>PageShift != k {
			page = make([]byte, PageSize)
			list = append(list, chunk{find(l.attrs, k) << PageShift, page})
		}
		page[p&(PageSize-1)] = im.attrs[im.index(p)] &^ blank
	}
	return list
}

// index returns where in the snapshot page p is, or -1.
func (im *Image) index(p uint32) int { return find(im.runs, p) }

// page returns the contents and attributes of page p; attributes 0 when it does
// not exist.
func (im *Image) page(p uint32) (*[PageSize]byte, byte) {
	k := find(im.runs, p)
	if k < 0 {
		return &blankPage, 0
	}
	if a := im.attrs[k]; a&blank == 0 {
		return (*[PageSize]byte)(im.snap.view[k<<PageShift:]), a
	}
	return &blankPage, im.attrs[k] &^ blank
}

// blankPage is the contents of pages that have none, and is never written. It
// stays in the caches, where the snapshot's pages compete with those of forks,
// and reading a hole of the snapshot would make the host fill it.
var blankPage [PageSize]byte

// isBlank says whether a page is all zero.
func isBlank(page []byte) bool { return bytes.Equal(page, blankPage[:]) }

// Fork returns a new Memory that starts as the image is.
func (im *Image) Fork() (*Memory, error) {
	m := new(Memory)
	if err := im.Attach(m); err != nil {
		return nil, err
	}
	return m, nil
}

// Attach makes m, which must be closed, a fork that starts as the image is. It
// fails when the image is closed or the host cannot map more.
func (im *Image) Attach(m *Memory) error {
	if im.closed.Load() {
		return &Error{Closed, 0}
	}
	a, err := im.take()
	if err != nil {
		return fmt.Errorf("fork memory: %w", err)
	}
	m.image, m.size, m.limit, m.backing = im, im.size, im.limit, im.backing
	m.pages, m.allowed = len(im.list), 0
	m.list = m.list[:0]
	if cap(m.list) == 0 {
		m.list = make([]uint32, 0, fewDirty)
	}
	m.regions.share(im.regions)
	m.adopt(a)
	return nil
}

// hold counts one more user unless there are none left.
func (im *Image) hold() bool {
	for {
		n := im.users.Load()
		if n <= 0 {
			return false
		}
		if im.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// drop counts one user less; the last one frees the snapshot.
func (im *Image) drop() {
	if im.users.Add(-1) == 0 {
		im.snap.close()
	}
}

// Close gives the image up: Fork fails from now on, and idle arenas are
// unmapped. Forks go on; the image's memory is freed when the last of them is
// closed. Closing it again does nothing.
func (im *Image) Close() {
	if im.closed.Swap(true) {
		return
	}
	im.trim(0)
	im.drop()
}

// Keep sets how many arenas the image may have before a fork that is closed
// gives its own back to the host instead of leaving it to the next fork, and
// gives back idle ones beyond that. It is 64 at first; 0 keeps none.
func (im *Image) Keep(arenas int) {
	im.keep.Store(int64(arenas))
	im.trim(int64(arenas))
}

// trim unmaps idle arenas while there are more than keep.
func (im *Image) trim(keep int64) {
	im.mu.Lock()
	all := slices.Collect(maps.Keys(im.mappings))
	im.mu.Unlock()
	for _, g := range all {
		if im.mapped.Load() > keep {
			im.reclaim(g)
		}
	}
}

// Pages returns how many pages the image has.
func (im *Image) Pages() int { return len(im.list) }

// Reset returns a fork to the state of its image. Only pages on the dirty list
// are touched. A Memory that is not a fork is left alone.
func (m *Memory) Reset() {
	im := m.image
	if im == nil {
		return
	}
	if m.host != nil {
		m.clean(im)
	} else if m.parked != nil {
		m.parked = &parked{}
	}
	m.pages = len(im.list)
	m.list = m.list[:0]
	if cap(m.list) > dropAbove {
		m.list = nil
	}
	m.regions.share(im.regions)
}

// clean makes the arena as the image is. Pages stay private, so that the next
// fork need not fault them in, unless they are many. The order alternates: what
// was restored last is in the caches still when the next fork wrote the same.
func (m *Memory) clean(im *Image) {
	if m.host.private > dropAbove && rewind(m.host.whole) {
		m.host.forget()
		return
	}
	refill := refiller(len(m.list))
	m.host.back = !m.host.back
	for i := range m.list {
		if m.host.back {
			i = len(m.list) - 1 - i
		}
		p := m.list[i]
		data, was := im.page(p)
		if (was|m.attrs[p])&mapped != 0 {
			refill((*[PageSize]byte)(m.arena[int(p)<<PageShift:]), data)
		}
		m.attrs[p] = was | m.attrs[p]&owned
	}
}
