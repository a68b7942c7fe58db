package memory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// loan is what a memory shows of another's pages. At rest it shows those of the
// lender's image, which many lenders share, so that a loan copies only what a
// lender changed.
type loan struct {
	image      *Image // at rest; nil is nothing
	first, end uint32 // pages
	shown      int    // pages of the image that count here, which the limit allows for
	over       []uint32
	extra      int // the same of the present loan
	mark       int // of the dirty list, when it began
	from       *Memory
}

// errLoan reports a Borrow of a fork, of oneself, or of two at a time.
var errLoan = errors.New("not a memory that can borrow")

// LoanRecord is the size of a page in what Return gives: its address, 64 bits in
// little-endian order, and its contents.
const LoanRecord = 8 + PageSize

// Borrow shows in [lo, hi) of m what from has there, until Return: loads see the
// lender's pages with their protection, stores change copies. Pages that m has
// itself hide those of the lender. m must not be a fork. from must not change
// before Return. It returns how many pages were copied; the others are of
// from's image and were here already.
func (m *Memory) Borrow(from *Memory, lo, hi uint64) (copied int, err error) {
	if m.image != nil || m == from || m.loan != nil && m.loan.from != nil {
		return 0, fmt.Errorf("borrow pages: %w", errLoan)
	}
	if err := from.Wake(); err != nil {
		return 0, err
	}
	if err := m.span(GuardSize, 0); err != nil {
		return 0, err
	}
	hi = min(hi, m.size, from.size)
	first, end := uint32(roundUp(max(lo, GuardSize))>>PageShift), uint32(hi>>PageShift)
	if m.loan == nil {
		m.loan = new(loan)
	}
	l := m.loan
	if l.image != from.image || l.first != first || l.end != end {
		m.Withdraw()
		l.image, l.first, l.end = from.image, first, end
		copied += m.showImage()
	}
	l.from, l.mark = from, len(m.list)
	for _, p := range from.list {
		if p >= first && p < end && m.attrs[p]&dirty == 0 {
			l.extra += m.show(p, from.arena[int(p)<<PageShift:][:PageSize], from.attrs[p])
			l.over = append(l.over, p)
			copied++
		}
	}
	m.limit += l.extra
	return copied, nil
}

// showImage shows the lender's image and returns of how many pages.
func (m *Memory) showImage() (n int) {
	l := m.loan
	if l.image == nil {
		return 0
	}
	for _, p := range l.image.list {
		if p >= l.first && p < l.end && m.attrs[p]&dirty == 0 {
			l.shown += m.rest(p)
			n++
		}
	}
	m.limit += l.shown
	return n
}

// show makes page p, which is not m's own, have those contents. What a lender
// does not have does not exist here. It returns how many pages that adds.
func (m *Memory) show(p uint32, data []byte, attrs byte) int {
	page := m.arena[int(p)<<PageShift:][:PageSize]
	was := m.attrs[p]&mapped != 0
	switch now := attrs&mapped != 0; {
	case now:
		copy(page, data)
		m.attrs[p] = mapped | attrs&protection
		if !was {
			m.pages++
			return 1
		}
	case was:
		clear(page)
		m.pages--
		m.attrs[p] = 0
	default:
		m.attrs[p] = 0
	}
	return 0
}

// rest makes page p as it is when nothing is lent, and returns what show does.
func (m *Memory) rest(p uint32) int {
	if m.loan.image == nil {
		return m.show(p, nil, 0)
	}
	data, attrs := m.loan.image.page(p)
	return m.show(p, data[:], attrs)
}

// Return ends a loan and appends to dst a LoanRecord for every page that m
// changed meanwhile. Writing them to the lender is the caller's business. Of
// what was lent, or written there, nothing stays that is not of the lender's
// image.
func (m *Memory) Return(dst []byte) []byte {
	l := m.loan
	if l == nil || l.from == nil {
		return dst
	}
	kept := m.list[:l.mark]
	for _, p := range m.list[l.mark:] {
		if p < l.first || p >= l.end {
			kept = append(kept, p)
			continue
		}
		page := m.arena[int(p)<<PageShift:][:PageSize]
		// A page that a program unmapped here stays the lender's as it was.
		if m.attrs[p]&mapped != 0 && !bytes.Equal(page, l.from.arena[int(p)<<PageShift:][:PageSize]) {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(p)<<PageShift)
			dst = append(dst, page...)
		}
		m.rest(p)
	}
	m.list = kept
	for _, p := range l.over {
		m.rest(p)
	}
	m.limit -= l.extra
	l.over, l.extra, l.from = l.over[:0], 0, nil
	return dst
}

// Withdraw forgets what is shown of a lender's image, for instance because that
// is given up.
func (m *Memory) Withdraw() {
	l := m.loan
	if l == nil || l.image == nil {
		return
	}
	for _, p := range l.image.list {
		if p >= l.first && p < l.end && m.attrs[p]&dirty == 0 {
			m.show(p, nil, 0)
		}
	}
	m.limit -= l.shown
	l.image, l.shown = nil, 0
}
