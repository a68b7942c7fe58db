package memory

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// dropAbove is the number of dirty pages from which on Reset gives all private
// pages back to the host in one call instead of copying each.
const dropAbove = 1024

// Image is a frozen Memory: what its forks start from and return to.
type Image struct {
	snap  *snapshot
	attrs []byte // of the snapshot
	arena []byte
	size  uint64
	list  []uint32 // pages with contents or attributes, sorted
	pages int
	limit int
	users atomic.Int64 // the image itself and its forks
}

// Freeze copies the memory into an Image. The Memory stays as it is.
func (m *Memory) Freeze() (*Image, error) {
	if m.whole == nil {
		return nil, &Error{Closed, 0}
	}
	list := slices.Clone(m.list)
	if m.image != nil {
		list = append(list, m.image.list...)
	}
	slices.Sort(list)
	list = slices.Compact(list)
	size := m.Size()
	attrs := make([]byte, len(m.attrs))
	var chunks []chunk
	for _, p := range list {
		attrs[p] = m.attrs[p] &^ (dirty | Fast)
		if attrs[p]&mapped != 0 {
			off := int(p) << PageShift
			chunks = append(chunks, chunk{AttrsBelow + off, m.arena[off : off+PageSize]})
		}
	}
	for off := 0; off < len(attrs); off += PageSize {
		chunks = append(chunks, chunk{off, attrs[off:min(off+PageSize, len(attrs))]})
	}
	snap, err := newSnapshot(len(m.whole), chunks)
	if err != nil {
		return nil, fmt.Errorf("freeze memory: %w", err)
	}
	im := &Image{snap: snap, size: size, list: list, pages: m.pages, limit: m.limit}
	im.attrs = snap.bytes[:size>>PageShift]
	im.arena = snap.bytes[AttrsBelow:]
	im.users.Store(1)
	return im, nil
}

// chunk is a piece of a snapshot: up to a page of bytes at an offset.
type chunk struct {
	off  int
	data []byte
}

// Fork returns a new Memory that starts as the image is.
func (im *Image) Fork() (*Memory, error) {
	if !im.hold() {
		return nil, &Error{Closed, 0}
	}
	whole, err := im.snap.fork()
	if err != nil {
		im.drop()
		return nil, fmt.Errorf("fork memory: %w", err)
	}
	m := &Memory{image: im, pages: im.pages, limit: im.limit}
	m.adopt(whole, im.size)
	return m, nil
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

func (im *Image) drop() {
	if im.users.Add(-1) == 0 {
		im.snap.close()
	}
}

// Close gives the image up. Its memory is freed when the last fork is closed.
// Call it once.
func (im *Image) Close() { im.drop() }

// Pages returns how many pages the image has.
func (im *Image) Pages() int { return im.pages }

// Reset returns a fork to the state of its image. Only pages on the dirty list
// are touched. A Memory that is not a fork is left alone.
func (m *Memory) Reset() {
	im := m.image
	if im == nil {
		return
	}
	if len(m.list) <= dropAbove || !rewind(m.whole) {
		m.restore(im)
	}
	m.pages = im.pages
	m.list = m.list[:0]
	if cap(m.list) > dropAbove {
		m.list = nil
	}
}

func (m *Memory) restore(im *Image) {
	for _, p := range m.list {
		was := im.attrs[p]
		off := int(p) << PageShift
		switch {
		case was&mapped != 0:
			copy(m.arena[off:off+PageSize], im.arena[off:off+PageSize])
		case m.attrs[p]&mapped != 0:
			clear(m.arena[off : off+PageSize])
		}
		m.attrs[p] = was
	}
}
