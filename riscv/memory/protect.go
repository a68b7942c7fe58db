package memory

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrCode reports an attempt to change executable pages, to make some, or to
// make pages writable and executable.
var ErrCode = errors.New("code cannot be changed")

// pageRange turns [addr, addr+n) into whole pages [first, end).
func (m *Memory) pageRange(addr, n uint64) (first, end uint64, err error) {
	if err := m.span(addr, n); err != nil {
		return 0, 0, err
	}
	if n == 0 {
		return 0, 0, nil
	}
	return addr >> PageShift, roundUp(addr+n) >> PageShift, nil
}

// dataRange is pageRange for a call that may not touch code.
func (m *Memory) dataRange(verb string, addr, n uint64) (first, end uint64, err error) {
	first, end, err = m.pageRange(addr, n)
	if err != nil {
		return 0, 0, err
	}
	if p, found := m.regions.code(uint32(first), uint32(end)); found {
		return 0, 0, fmt.Errorf("%s address %#x: %w", verb, p<<PageShift, ErrCode)
	}
	return first, end, nil
}

// Map makes [addr, addr+n), widened to whole pages, a region that reads as zero
// and has the protection prot (Read, Write; 0 for none), whatever was there.
// Nothing is counted until it is written, and the cost does not depend on n.
// Executable protection and executable pages are refused.
func (m *Memory) Map(addr, n uint64, prot uint8) error {
	if prot&Exec != 0 {
		return fmt.Errorf("map address %#x: %w", addr, ErrCode)
	}
	first, end, err := m.dataRange("map", addr, n)
	if err != nil {
		return err
	}
	err = m.set("map", first, end, region{uint32(first), uint32(end), prot & (Read | Write)})
	if err == nil {
		m.vacate(first, end)
	}
	return err
}

// Unmap makes [addr, addr+n), widened to whole pages, belong to no region. It
// reads as zero, and a later write makes pages anew. Executable pages are
// refused.
func (m *Memory) Unmap(addr, n uint64) error {
	first, end, err := m.dataRange("unmap", addr, n)
	if err != nil {
		return err
	}
	if err = m.set("unmap", first, end); err == nil {
		m.vacate(first, end)
	}
	return err
}

// Discard makes [addr, addr+n), widened to whole pages, read as zero and not be
// counted, and keeps the protection. Executable pages are refused.
func (m *Memory) Discard(addr, n uint64) error {
	first, end, err := m.dataRange("discard", addr, n)
	if err == nil {
		m.vacate(first, end)
	}
	return err
}

// vacate makes the pages of [first, end) not exist. They are cleared here, so
// that no page that comes into being needs to be, and stay on the dirty list.
func (m *Memory) vacate(first, end uint64) {
	for p := m.nextPage(first, end); p < end; p = m.nextPage(p+1, end) {
		m.enlist(p)
		clear(m.arena[p<<PageShift : (p+1)<<PageShift])
		m.attrs[p] &^= mapped | protection | Fast
		m.pages--
	}
}

// nextPage returns the first page from p on that exists, or end. It looks at
// eight attributes at a time, since most spaces are mostly empty.
func (m *Memory) nextPage(p, end uint64) uint64 {
	const all = mapped * 0x0101010101010101
	for ; p < end; p++ {
		for p&7 == 0 && p+8 <= end && binary.LittleEndian.Uint64(m.attrs[p:])&all == 0 {
			p += 8
		}
		if p < end && m.attrs[p]&mapped != 0 {
			return p
		}
	}
	return end
}

// Protect sets the protection of [addr, addr+n), widened to whole pages, and
// keeps the contents. Code may only be "protected" as it is already.
func (m *Memory) Protect(addr, n uint64, prot uint8) error {
	first, end, err := m.pageRange(addr, n)
	if err != nil {
		return err
	}
	if prot&Exec != 0 {
		if prot&Write != 0 || !m.allCode(uint32(first), uint32(end)) {
			return fmt.Errorf("protect address %#x: %w", addr, ErrCode)
		}
		return nil
	}
	if _, _, err = m.dataRange("protect", addr, n); err != nil {
		return err
	}
	prot &= protection
	if err = m.set("protect", first, end, region{uint32(first), uint32(end), prot}); err != nil {
		return err
	}
	for p := m.nextPage(first, end); p < end; p = m.nextPage(p+1, end) {
		if m.attrs[p]&protection != prot {
			m.enlist(p)
			m.attrs[p] = m.attrs[p]&^(protection|Fast) | prot
		}
	}
	return nil
}

// allCode says whether every page of [first, end) is executable. Each region has
// to begin where the last one ended.
func (m *Memory) allCode(first, end uint32) bool {
	m.regions.each(first, end, func(g region) bool {
		if g.first == first && g.prot&Exec != 0 {
			first = g.end
			return true
		}
		return false
	})
	return first == end
}

// Move takes the pages of [from, from+n), with protection and contents, to
// [to, to+n), whatever was there, and unmaps where they were: what mremap needs
// when a region cannot grow where it is. All three must be multiples of
// PageSize. Ranges that overlap and executable pages are refused.
func (m *Memory) Move(from, to, n uint64) error {
	first, end, err := m.dataRange("move", from, n)
	if err != nil {
		return err
	}
	target, limit, err := m.dataRange("move", to, n)
	if err != nil {
		return err
	}
	if (from|to|n)%PageSize != 0 || first < limit && target < end {
		return fmt.Errorf("move address %#x to %#x: ranges overlap or are no whole pages", from, to)
	}
	var pieces []region
	by := uint32(target) - uint32(first) // modulo 2³², as the sums below
	m.regions.each(uint32(first), uint32(end), func(g region) bool {
		pieces = append(pieces, region{g.first + by, g.end + by, g.prot})
		return true
	})
	if err := m.set("move", target, limit, pieces...); err != nil {
		return err
	}
	if err := m.set("move", first, end); err != nil {
		return err
	}
	// Nothing can fail any more. As many pages come into being as vanish, so the
	// limit is not asked.
	m.vacate(target, limit)
	for p := m.nextPage(first, end); p < end; p = m.nextPage(p+1, end) {
		q := p - first + target
		m.enlist(q)
		copy(m.arena[q<<PageShift:(q+1)<<PageShift], m.arena[p<<PageShift:])
		m.attrs[q] |= m.attrs[p] & (protection | mapped)
		m.pages++
	}
	m.vacate(first, end)
	return nil
}

// LoadSegment places file bytes at addr, as a loader does, and gives the pages
// of [addr, addr+size) the union of their protection and prot. It is meant for a
// fresh memory, before anything runs.
func (m *Memory) LoadSegment(addr, size uint64, prot uint8, file []byte) error {
	first, end, err := m.pageRange(addr, size)
	if err != nil {
		return err
	}
	for p := first; p < end; p++ {
		a := m.attrs[p] & (protection | mapped)
		if a&mapped == 0 {
			if m.pages >= m.limit {
				return &Error{Limit, p << PageShift}
			}
			m.pages++
		}
		if a |= prot&protection | mapped; a&(Write|Exec) == Write|Exec {
			return fmt.Errorf("load segment %#x: page is both writable and executable", addr)
		}
		m.enlist(p)
		m.attrs[p] |= a
	}
	copy(m.arena[addr:addr+size], file)
	return m.noteRegions(first, end)
}

// noteRegions makes the regions of [first, end) say what the pages there, which
// all exist, have for protection: should a page vanish and come back, it is the
// region's that counts.
func (m *Memory) noteRegions(first, end uint64) error {
	var runs []region
	for p := first; p < end; p++ {
		prot := m.attrs[p] & protection
		if k := len(runs) - 1; k >= 0 && runs[k].prot == prot {
			runs[k].end++
		} else {
			runs = append(runs, region{uint32(p), uint32(p) + 1, prot})
		}
	}
	return m.set("load segment at", first, end, runs...)
}
