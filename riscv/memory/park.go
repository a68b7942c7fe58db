package memory

import (
	"bytes"
	"math/bits"
)

// lineSize is the unit in which a parked page is compared with the image; a page
// has as many lines as a mask has bits.
const lineSize = PageSize / 64

// parked is what a fork without an arena keeps of the pages on its list.
type parked struct {
	attrs []byte   // of each page
	masks []uint64 // the lines of each page that differ from the image
	lines []byte   // those lines
}

// Park lends the arena of a fork to other forks and keeps what differs from the
// image: 64-byte lines of the pages on the list. The next use of the memory
// takes an arena again. It costs about as much as Reset, and waking the same
// again. Memory that is not a fork, is closed or parked already stays as it is.
func (m *Memory) Park() {
	if m.image == nil || m.host == nil {
		return
	}
	// The room is counted before it is made: thousands may be parked, and what a
	// growing slice wastes would add up.
	im := m.image
	s := &parked{}
	if n := len(m.list); n > 0 {
		s.attrs, s.masks = make([]byte, n), make([]uint64, n)
		count := 0
		for i, p := range m.list {
			s.attrs[i] = m.attrs[p]
			s.masks[i] = m.changed(p)
			count += bits.OnesCount64(s.masks[i])
		}
		s.lines = make([]byte, 0, count*lineSize)
	}
	for i, p := range m.list {
		page := m.arena[int(p)<<PageShift:]
		for mask := s.masks[i]; mask != 0; mask &= mask - 1 {
			at := bits.TrailingZeros64(mask) * lineSize
			s.lines = append(s.lines, page[at:at+lineSize]...)
		}
	}
	m.clean(im)
	m.parked = s
	im.users.Add(1) // not the first: the arena counts
	im.parked.Add(1)
	im.give(m.disown())
}

// changed returns the lines in which page p, if it exists, differs from what an
// arena shows that is as the image is.
func (m *Memory) changed(p uint32) (mask uint64) {
	if m.attrs[p]&mapped == 0 {
		return 0
	}
	data, _ := m.image.page(p)
	page := m.arena[int(p)<<PageShift:][:PageSize]
	for i := range 64 {
		if !bytes.Equal(page[i*lineSize:][:lineSize], data[i*lineSize:][:lineSize]) {
			mask |= 1 << i
		}
	}
	return mask
}

// Parked says whether the memory is parked.
func (m *Memory) Parked() bool { return m.parked != nil }

// Wake gives a parked memory an arena. Every use does so too; Wake is for who
// wants to know beforehand whether the host can.
func (m *Memory) Wake() error {
	if m.host != nil {
		return nil
	}
	if e := m.wake(); e != nil {
		return e
	}
	return nil
}

func (m *Memory) wake() *Error {
	if m.parked == nil {
		return &Error{Closed, 0}
	}
	a, err := m.image.take()
	if err != nil {
		return &Error{Host, 0}
	}
	// The arena is as the image is; the list is still that of the fork.
	m.adopt(a)
	lines := m.parked.lines
	for i, p := range m.list {
		page := m.arena[int(p)<<PageShift:][:PageSize]
		if m.parked.attrs[i]&mapped == 0 && m.attrs[p]&mapped != 0 {
			clear(page)
		}
		for mask := m.parked.masks[i]; mask != 0; mask &= mask - 1 {
			at := bits.TrailingZeros64(mask) * lineSize
			copy(page[at:at+lineSize], lines)
			lines = lines[lineSize:]
		}
		if m.attrs[p]&owned == 0 {
			m.host.own(uint64(p))
		}
		m.attrs[p] = m.parked.attrs[i] | owned
	}
	m.unpark()
	return nil
}

// unpark forgets what was kept.
func (m *Memory) unpark() {
	m.parked = nil
	m.image.parked.Add(-1)
	m.image.drop()
}
